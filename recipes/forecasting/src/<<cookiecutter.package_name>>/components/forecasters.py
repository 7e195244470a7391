"""Forecasters of scikit-learn: the seasonal naive, and regressors that learn from lags and the calendar."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import Ridge

from .forecaster import Forecaster, repeat_season
from .series import (
    LEVELS,
    calendar,
    following,
    offset,
    parts_of,
)

MOST_SERIES = 50  # that get a column each


class SeasonalNaive(Forecaster):
    """Each value is that of a season before: what any other method has to beat.

    A history of less than a season goes on with its last value.
    """

    def __init__(self, season_length: int | None = None, frequency: str | None = None) -> None:
        self.season_length, self.frequency = season_length, frequency

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        return np.array([repeat_season(self.history_[name], self.season_length_, steps) for name in names])


class LagRegressor(Forecaster):
    """A regressor of any kind that learns from what came before: one model for all series.

    Its columns are earlier values (lags), their means over windows, the calendar, the series and the covariates. Steps
    ahead are made one after another, each from those before it.

    Parameters
    ----------
    estimator : a regressor of scikit-learn's kind; None for a Ridge.
    lags : how many steps back, or a list of such; the last `season_lags` seasons are added.
    season_lags : how many seasons back: 1 adds the value of a season before.
    windows : the means of the last so many steps, a list.
    difference : what is learned: None for the value, `last` for its change from the last one, `season` for that from a
        season before. A trend, or a level that wanders, needs one of these with trees.
    calendar : parts of the stamp, a list of `month`, `quarter`, `day`, `weekday`, `hour`; None for what the frequency
        lets differ, such as weekday and month for days.
    yearly : pairs of sine and cosine of the time of the year, for a season of the year in days or hours; none where no
        history is as long as a year.
    scale : bring each series to mean 0 and spread 1 before, so that large and small ones teach one another.
    time_zone : of the calendar, where stamps are in UTC.
    """

    def __init__(
        self,
        estimator: Any = None,
        lags: int | Sequence[int] = 6,
        season_lags: int = 1,
        windows: Sequence[int] = (),
        difference: str | None = None,
        calendar: Sequence[str] | None = None,
        yearly: int = 0,
        scale: bool = True,
        season_length: int | None = None,
        frequency: str | None = None,
        time_zone: str | None = None,
    ) -> None:
        steps = range(1, lags + 1) if isinstance(lags, int) else lags
        if any(isinstance(one, bool) or not isinstance(one, int) or one < 1 for one in (*steps, *windows)):
            raise ValueError("lags and windows are whole numbers of steps above 0")
        if season_lags < 0 or yearly < 0:
            raise ValueError("season_lags and yearly cannot be below 0")
        if difference not in (None, "last", "season"):
            raise ValueError(f"difference is last, season or null, not {difference!r}")
        unknown = [part for part in calendar or () if part not in LEVELS]
        if unknown:
            raise ValueError(f"calendar: {unknown[0]!r} is none of {', '.join(LEVELS)}")
        self.estimator, self.lags, self.season_lags, self.windows = estimator, lags, season_lags, windows
        self.difference, self.calendar, self.yearly, self.scale = difference, calendar, yearly, scale
        self.season_length, self.frequency, self.time_zone = season_length, frequency, time_zone

    def _learn(self) -> None:
        steps = range(1, self.lags + 1) if isinstance(self.lags, int) else self.lags
        seasons = [self.season_length_ * number for number in range(1, self.season_lags + 1)]
        self.calendar_ = list(parts_of(self.frequency_) if self.calendar is None else self.calendar)
        self.lags_ = sorted({*map(int, steps), *seasons})
        self.scales_ = {name: self._scale(values) for name, values in self.history_.items()}
        self.back_ = max([*self.lags_, *self.windows, self.season_length_ if self.difference == "season" else 1])
        tables, truths, whole = [], [], []
        for name, values in self.history_.items():
            line = self._padded(name)
            positions = np.arange(self.back_, len(line))
            known = self._known([name], [pd.date_range(self.starts_[name], self.ends_[name], freq=self._step)])
            tables.append(np.hstack([self._past(line[None, :], positions)[0], known[0], self.past_[name]]))
            truths.append(line[positions] - self._base(line[None, :], positions)[0])
            whole.append(np.arange(len(values)) >= min(self.back_, len(values) // 2))
        rows = np.concatenate(whole)
        self.estimator_ = clone(Ridge() if self.estimator is None else self.estimator)
        self.estimator_.fit(np.concatenate(tables)[rows], np.concatenate(truths)[rows])

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        lines = np.hstack(
            [np.array([self._padded(name)[-self.back_ :] for name in names]), np.zeros((len(names), steps))]
        )
        stamps = [following(self.ends_[name], steps, self.frequency_) for name in names]
        known = self._known(names, stamps)
        for step in range(steps):
            position = np.array([self.back_ + step])
            past = self._past(lines, position)[:, 0]
            predicted = np.ravel(self.estimator_.predict(np.hstack([past, known[:, step], future[:, step]])))
            lines[:, position[0]] = predicted + self._base(lines, position)[:, 0]
        scales = np.array([self.scales_[name] for name in names])
        return np.asarray(lines[:, self.back_ :] * scales[:, 1:] + scales[:, :1])

    @property
    def _step(self) -> Any:
        return offset(self.frequency_)

    def _scale(self, values: np.ndarray) -> list[float]:
        spread = float(values.std())
        return [float(values.mean()), spread if spread > 0 else 1.0] if self.scale else [0.0, 1.0]

    def _padded(self, name: str) -> np.ndarray:
        """A series in its scale, with its mean where something before its start is asked for."""
        mean, spread = self.scales_[name]
        values = (self.history_[name] - mean) / spread
        return np.concatenate([np.full(self.back_, values.mean()), values])

    def _past(self, lines: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Lags and means of windows before some positions, shape (series, positions, columns)."""
        columns = [lines[:, positions - lag] for lag in self.lags_]
        sums = np.hstack([np.zeros((len(lines), 1)), np.cumsum(lines, axis=1)]) if len(self.windows) else lines
        columns += [(sums[:, positions] - sums[:, positions - width]) / width for width in self.windows]
        return np.stack(columns, axis=2)

    def _base(self, lines: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """What a difference is taken from, shape (series, positions)."""
        if self.difference is None:
            return np.zeros((len(lines), len(positions)))
        return np.asarray(lines[:, positions - (1 if self.difference == "last" else self.season_length_)])

    def _known(self, names: list[str], stamps: list[pd.DatetimeIndex]) -> np.ndarray:
        """What is known of steps beforehand: the calendar and the series, shape (series, steps, columns)."""
        waves = self._waves(self.yearly, self.history_)
        dated = np.stack([calendar(one, self.calendar_, waves, self.time_zone) for one in stamps])
        all_names = list(self.history_)
        if not 1 < len(all_names) <= MOST_SERIES:
            return dated
        own = (np.array(names, dtype=object)[:, None] == np.array(all_names, dtype=object)[None, :]).astype(float)
        return np.concatenate([dated, np.repeat(own[:, None, :], dated.shape[1], axis=1)], axis=2)
