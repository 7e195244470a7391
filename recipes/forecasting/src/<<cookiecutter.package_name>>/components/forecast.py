"""Forecast: the task of predicting a number's next values, for one series or for many in one table."""

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import Schema, in_format, to_datetime, to_text
from .forecasters import LagRegressor, SeasonalNaive
from .of_series import OfSeries
from .series import (
    counted,
    following,
    frequency_of,
    indexed,
    offset,
    season_of,
    series_of,
    within_days,
)
from .series_repair import SeriesRepair, shortened
from .tasks import Regression

GAPS = ("refuse", "interpolate", "forward_fill")
DUPLICATES = ("refuse", "mean", "last")
SHORT_SERIES = ("refuse", "leave_out")


class Forecast(Regression):
    """A number for each of the next steps in time, from what came before; with a group column, of each of its series.

    Parameters
    ----------
    horizon : how many steps ahead is forecast and judged.
    frequency : the step between rows as pandas writes it: D, h, W-SUN, MS, QS, B, 15min, ...; None: as in the table.
    season_length : how many steps a season has; None: by the frequency, a day for hours, a week for days, a year else.
    gaps : what is done where a series lacks steps: `refuse`, or fill them by `interpolate` or `forward_fill`.
    duplicates : what is done where a series has a time stamp twice: `refuse`, or take the `mean` or the `last`.
    short_series : what is done with a series that is too short for the horizon: `refuse` or `leave_out`.
    time_zone : the zone of local times without an offset, such as Europe/Berlin: they are turned into UTC, in which no
        hour is missing or twice. None for stamps in UTC, and for days and longer steps.
    """

    keys = ("group", "time")
    tells = ("X", "X_train", "y_train", "season_length")
    inferred = ("frequency",)
    independent = False
    baseline = "The seasonal naive repeats the last season."
    rival = "seasonal naive"

    def __init__(
        self,
        horizon: int,
        frequency: str | None = None,
        season_length: int | None = None,
        gaps: str = "refuse",
        duplicates: str = "refuse",
        time_zone: str | None = None,
        short_series: str = "refuse",
    ) -> None:
        for name, value in {"horizon": horizon, "season_length": season_length}.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} needs a whole number above 0, not {value!r}")
        choices = {
            "gaps": (gaps, GAPS),
            "duplicates": (duplicates, DUPLICATES),
            "short_series": (short_series, SHORT_SERIES),
        }
        for name, (written, known) in choices.items():
            if written not in known:
                raise ValueError(f"{name} is one of {', '.join(known)}, not {written!r}")
        if frequency is not None:
            offset(frequency)
        if time_zone is not None:
            _zone(time_zone)
        self.horizon, self.frequency, self.season_length = horizon, frequency, season_length
        self.gaps, self.duplicates, self.time_zone, self.short_series = gaps, duplicates, time_zone, short_series

    def bind(self, schema: Schema) -> "Forecast":
        """Take over the time column and the group column; the frequency stands in the schema once rows were read."""
        super().bind(schema)
        self.time_ = next(iter(schema.role("time")), "")
        self.format_ = next((column.format for column in schema.columns if column.name == self.time_), None)
        self.group_ = next(iter(schema.role("group")), None)
        self.covariates_ = schema.role("feature")
        self.ends_: dict[str, str] = {}
        self.scales_: dict[str, float] = {}
        return self

    @property
    def season_length_(self) -> int:
        """How many steps a season has."""
        return self.season_length or season_of(self.frequency or "D")

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Local times turned into UTC, in training and in prediction alike; what cannot be told is missing."""
        if self.time_zone is None or self.time_ not in frame:
            return frame
        if not pd.api.types.is_datetime64_any_dtype(frame[self.time_]):
            return frame
        stamps = frame[self.time_]
        if not (within_days(self.frequency) if self.frequency else (stamps != stamps.dt.normalize()).any()):
            return frame  # dates have no hours that could be lost
        names = to_text(frame[self.group_]).fillna("") if self.group_ in frame else pd.Series("", index=frame.index)
        moved = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us]")
        for _, own in stamps.groupby(names.to_numpy()):
            moved.loc[own.index] = self._universal(own).to_numpy()
        return frame.assign(**{self.time_: moved})

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """The rows with a number to learn from, each series whole: without duplicates and gaps, at one frequency.

        Raises
        ------
        UserError
            If there is no time, or a series has duplicates, gaps or irregular steps that no repair is chosen for.
        """
        frame = super().rows(frame, schema, positive)
        repair = SeriesRepair(
            self.time_, self.group_, self.horizon, self.frequency, self.gaps, self.duplicates, self.short_series
        )
        made, frequency = repair.apply(frame, schema, self.time_zone)
        self.frequency = frequency
        schema.task = schema.task | {"params": schema.task.get("params", {}) | {"frequency": frequency}}
        return made

    def hints(self, frame: pd.DataFrame, schema: Schema) -> list[str]:
        """What the table was taken for, and whether there is enough of it."""
        lengths = frame.groupby(self.group_).size() if self.group_ else pd.Series([len(frame)])
        count = f"{len(lengths)} series of {lengths.min()} to {lengths.max()} steps" if self.group_ else "one series"
        lines = [f"{count}, frequency {self.frequency}, {self.season_length_} steps a season"]
        few = 2 * self.season_length_ + self.horizon
        if lengths.min() < few:
            lines.append(
                f"the shortest series has {lengths.min()} steps: fewer than two seasons and a horizon ({few}), so that "
                "a season can hardly be told from chance"
            )
        ended = self._ended_early(frame)
        if ended:
            lines.append(
                f"{shortened(ended)} of {len(lengths)} series end before {frame[self.time_].max()}, where the table "
                "ends: their forecasts follow their own ends"
            )
        left = schema.role("feature")
        if left:
            lines.append(
                f"{', '.join(left[:5])}{', …' if len(left) > 5 else ''}: covariates. `make forecast FROM=future.csv` "
                "needs their values of the steps to forecast; give a column that is not known then (weather, sales) "
                "`role: ignore`"
            )
        return lines

    def example(self, rows: list[dict[str, Any]], raw: pd.DataFrame) -> list[dict[str, Any]]:
        """The rows moved on to the stamps that follow a series in the table, because the past cannot be forecast."""
        if not self.time_ or not rows:
            return rows
        stamps, named = to_datetime(raw[self.time_], self.format_), {}
        if self.group_:
            names, series = to_text(raw[self.group_]), rows[0][self.group_]
            if str(series) not in names.array:  # a series that was made up has no future
                series = next(iter(names.dropna()), series)
            named = {self.group_: series}
            stamps = stamps[names == str(series)]
        if stamps.isna().all():
            return rows
        frequency = self.frequency or frequency_of(stamps.dropna()) or "D"
        ahead = following(str(stamps.max()), len(rows), frequency)
        form = self.format_ if self.format_ not in (None, "ISO8601") else None
        form = form or ("%Y-%m-%d %H:%M:%S" if within_days(frequency) else "%Y-%m-%d")
        return [row | named | {self.time_: in_format(one, form)} for row, one in zip(rows, ahead, strict=True)]

    def splitter(self, splitter: Any) -> Any:
        """Return the splitter with the task's horizon, where it has none of its own."""
        if getattr(splitter, "horizon", self.horizon) is not None:
            return splitter
        made = copy(splitter)
        made.horizon = self.horizon
        return made

    def check_split(self, target: Any, train: np.ndarray, held_out: np.ndarray, folds: Sequence[Any], by: Any) -> None:
        """See that the splits look ahead in time, and as far as the task does."""
        for key, splitter in zip(("holdout", "cv"), by, strict=True):
            name, own = type(splitter).__name__, getattr(splitter, "horizon", self.horizon)
            if own != self.horizon:
                raise UserError(
                    f"{name} has the horizon {own}, and the task in params/data.yaml has {self.horizon}: leave it "
                    "out here",
                    "split.yaml",
                    key,
                )
            pairs = folds if key == "cv" else [(train, held_out)]
            if any(len(later) and earlier.max() > later.min() for earlier, later in pairs):
                raise UserError(
                    f"{name} learns from rows that come after those that it scores, so the scores say nothing of "
                    "forecasts: use RollingOrigin",
                    "split.yaml",
                    key,
                )

    def adapt(self, estimator: Any) -> Any:
        """A regressor that is no forecaster learns from lags and the calendar, as in a LagRegressor."""
        nested = estimator.get_params().values() if hasattr(estimator, "get_params") else ()
        if any(getattr(type(one), "forecasts", False) for one in (estimator, *nested)):
            return estimator
        return LagRegressor(estimator)

    def wrap(self, pipeline: Any) -> Any:
        """The pipeline for rows with time and group as columns.

        What its forecaster leaves open (frequency, season_length, horizon, time_zone) is as in the task.
        """
        known = {
            "frequency": self.frequency,
            "season_length": self.season_length_,
            "horizon": self.horizon,
            "time_zone": self.time_zone if self.frequency and within_days(self.frequency) else None,
        }
        params = pipeline.get_params()
        names = {name: name.rpartition("__")[2] for name, value in params.items() if value is None}
        open_params = {name: known[last] for name, last in names.items() if last in known and known[last] is not None}
        return OfSeries(pipeline.set_params(**open_params), self.time_, self.group_)

    def dummy(self) -> Any:
        """The seasonal naive: each value is that of a season before."""
        return SeasonalNaive()

    def see(self, features: pd.DataFrame, target: Any) -> None:
        """Note where the training rows end, and how far the values of each series lie apart over a season."""
        self.ends_, self.scales_ = self._ends(features), self._scales(features, target)

    def difficulty(
        self, features: pd.DataFrame, learned: pd.DataFrame | None = None, target: Any = None
    ) -> dict[str, np.ndarray]:
        """Return the step ahead of each row, and the size of its series' changes over a season.

        Beyond the horizon, for which there are no errors to learn from, the size grows with the square root of the
        step, as the errors of a random walk do.
        """
        ends = self.ends_ if learned is None else self._ends(learned)
        scales = self.scales_ if learned is None else self._scales(learned, target)
        index = indexed(features, self.time_, self.group_).index
        steps = counted(index, ends, self.frequency or "D")[0]
        scale = np.array([scales.get(str(name), 1.0) for name in index.get_level_values(0)])
        beyond = np.sqrt(np.maximum(steps / self.horizon, 1.0))
        return {"strata": np.minimum(steps, self.horizon), "scale": scale * beyond}

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """Return the time and the series of each row, then its forecast and the bounds of its intervals."""
        table = super().predict(model, features)
        for name, values in reversed(self._identified(features).items()):
            table.insert(0, name, values)
        return table

    def answers(self, model: Any) -> dict[str, Any]:
        """Return the JSON Schema of the time, the series and the numbers."""
        within = bool(self.frequency) and within_days(str(self.frequency))
        times = {self.time_: {"type": "string"} if within else {"type": "string", "format": "date"}}
        series = {self.group_: {"type": "string"}} if self.group_ else {}
        return times | series | super().answers(model)

    def upcoming(self, frame: pd.DataFrame, steps: int | None = None) -> pd.DataFrame:
        """Return the stamps that follow each series: as many as the horizon where no number of steps is given.

        Raises
        ------
        UserError
            If there are covariates, which only the user can know of the steps to come.
        """
        steps = steps or self.horizon
        needed = [name for name in self.covariates_ if name in frame]
        if needed:
            columns = ", ".join([self.time_, *([self.group_] if self.group_ else []), *needed])
            raise UserError(
                f"the model uses {', '.join(needed[:5])}{', …' if len(needed) > 5 else ''}, whose values in the steps "
                f"after {frame[self.time_].max()} are not in the table: write them into a table with the columns "
                f"{columns} and run `make forecast FROM=future.csv`, or give them `role: ignore` in params/data.yaml "
                "and run `make run` again"
            )
        parts = []
        for name, end in self._ends(frame).items():
            ahead = following(end, steps, self.frequency or "D").as_unit("us")
            parts.append(pd.DataFrame({self.time_: ahead} | ({self.group_: name} if self.group_ else {})))
        made = pd.concat(parts, ignore_index=True)
        return made.astype({self.group_: "str"}) if self.group_ else made

    def doubtful(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Return the rows further ahead than the horizon, on which the model was not judged."""
        ends = self._ends_of(model)
        if ends is None:
            return []
        steps = counted(indexed(features, self.time_, self.group_).index, ends, self.frequency or "D")[0]
        far = np.flatnonzero(steps > self.horizon)
        reason = (
            f"is more than {self.horizon} steps (the horizon) after {max(ends.values())}, where the rows that the "
            "model learned from end: `make forecast` lets it learn from all rows first"
        )
        return [(self.time_, reason, far)] if len(far) else []

    def askable(self, features: pd.DataFrame) -> pd.DataFrame:
        """The last rows of each series moved on by a horizon, because a model is not asked about its training rows."""
        series = features[self.group_] if self.group_ else pd.Series("", index=features.index)
        parts = []
        for _, own in features.groupby(to_text(series).fillna("").to_numpy()):
            last = own.sort_values(self.time_).tail(self.horizon)
            ahead = following(str(last[self.time_].iloc[-1]), len(last), self.frequency or "D")
            parts.append(last.assign(**{self.time_: ahead.as_unit("us")}))
        return pd.concat(parts, ignore_index=True)

    def unanswerable(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """The rows that are not ahead of what the model has seen: the column at fault, why, and their positions."""
        ends = self._ends_of(model)
        if ends is None:
            return []
        index = indexed(features, self.time_, self.group_).index
        columns = {"time": self.time_, "series": self.group_ or self.time_}
        zone = " (times are in UTC here)" if self.time_zone else ""
        problems = counted(index, ends, self.frequency or "D")[1]
        return [(columns[one.of], one.reason + zone * (one.of == "time"), one.rows) for one in problems]

    def known(self, features: Any, learned: Any, target: Any) -> dict[str, Any]:
        """The rows indexed by (series, time), so that a metric can tell the series apart, and the season."""
        return {
            "X": indexed(features, self.time_, self.group_),
            "X_train": indexed(learned, self.time_, self.group_),
            "y_train": np.asarray(target, dtype=float),
            "season_length": self.season_length_,
        }

    def _ends(self, features: pd.DataFrame) -> dict[str, str]:
        return {
            name: str(stamps.max())
            for name, stamps in series_of(indexed(features, self.time_, self.group_).index).items()
        }

    def _scales(self, features: pd.DataFrame, target: Any) -> dict[str, float]:
        """Return the mean absolute change over a season of each series; over a step where it is shorter than that."""
        index = indexed(features, self.time_, self.group_).index
        values = pd.Series(np.asarray(target, dtype=float), index).sort_index()
        return {str(name): _scale(own.to_numpy(), self.season_length_) for name, own in values.groupby(level=0)}

    def _ends_of(self, model: Any) -> dict[str, str] | None:
        """Return where the rows that a model learned from end; None for a model that is no forecaster."""
        ends: dict[str, str] | None = getattr(
            getattr(model, "task", None) or getattr(model, "model_", None), "ends_", None
        )
        return ends

    def _identified(self, features: pd.DataFrame) -> dict[str, pd.Series]:
        """Return the time of each row as text, local where the table's times are, and its series."""
        stamps = pd.Series(pd.DatetimeIndex(features[self.time_]), features.index)
        within = bool(self.frequency) and within_days(str(self.frequency))
        if within and self.time_zone:
            stamps = stamps.dt.tz_localize("UTC").dt.tz_convert(self.time_zone)
        dated = not within and bool((stamps.dropna() == stamps.dropna().dt.normalize()).all())
        texts = stamps.map(lambda one: one.date().isoformat() if dated else one.isoformat(), na_action="ignore")
        return {self.time_: texts} | ({self.group_: to_text(features[self.group_])} if self.group_ else {})

    def _ended_early(self, frame: pd.DataFrame) -> list[str]:
        """Return the series whose last row is not that of the table."""
        if not self.group_:
            return []
        ends = frame.groupby(to_text(frame[self.group_]).to_numpy())[self.time_].max()
        return [str(name) for name in ends.index[ends < ends.max()]]

    def _universal(self, stamps: pd.Series) -> pd.Series:
        """Local times of one series in UTC; one that the clock skips, or repeats and is there once, is missing."""
        zoned = partial(stamps.dt.tz_localize, self.time_zone, nonexistent="NaT")
        try:
            local = zoned(ambiguous="infer")  # of an hour that happens twice the first row is the earlier one
        except ValueError:
            local = zoned(ambiguous="NaT")
        return local.dt.tz_convert("UTC").dt.tz_localize(None)


def _scale(values: np.ndarray, season: int) -> float:
    """Return the mean absolute change of values over a season, or over a step; 1 for values that never change."""
    for lag in (season, 1):
        changes = np.abs(values[lag:] - values[:-lag])
        if len(changes) and changes.mean() > 0:
            return float(changes.mean())
    return 1.0


def _zone(name: str) -> None:
    try:
        pd.Timestamp("2000-01-01").tz_localize(name)
    except Exception:
        raise ValueError(f"time_zone: {name!r} is no time zone; write one such as Europe/Berlin") from None
