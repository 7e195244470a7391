"""Forecasters: estimators that go on with one series or many. Their rows have the index (series, time), and covariates.

`fit` takes the rows of all series, `predict` the rows of time stamps that follow, in any number and with gaps between.
What a fitted one keeps are plain numbers, texts and arrays, so that it can be stored with no foreign class in it; a
model of another package is put together again from these when it is first asked.

Parameters that all have, and that a project fills in from its task where they are None:

frequency : the step between stamps, as pandas writes it; else as in the rows.
season_length : how many steps a season has; else by the frequency.
"""

import importlib
import json
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import Ridge

from ..errors import UserError
from .series import (
    LEVELS,
    calendar,
    covariates,
    following,
    frequency_of,
    learn_covariates,
    named,
    offset,
    parts_of,
    season_of,
    series_of,
    steps_ahead,
)

LONGEST_SEASON = 24  # steps, for a method that has a state for each
MOST_SERIES = 50  # that get a column each
YEAR = pd.Timedelta(days=365)
Exog = list[np.ndarray]


class _Forecaster(ABC, RegressorMixin, BaseEstimator):
    """What all share: each series on the grid of its frequency, its end, and the covariates as numbers."""

    forecasts = True

    frequency: str | None
    season_length: int | None

    def fit(self, X: pd.DataFrame, y: Any) -> Any:
        """Learn from the rows of all series; steps that are not there are drawn as a line between their neighbours.

        Raises
        ------
        ValueError
            If the index is not (series, time), or a stamp is there twice or between two steps.
        """
        if not isinstance(X.index, pd.MultiIndex) or X.index.nlevels != 2:
            raise ValueError("a forecaster needs rows with the index (series, time)")
        if X.index.duplicated().any():
            twice = X.index[X.index.duplicated()][0]
            raise ValueError(f"{twice[1]}{named(twice[0])} is there twice")
        told = self.frequency or frequency_of(X.index.get_level_values(1))
        if told is None:
            raise ValueError("the time stamps have no regular step: frequency is needed")
        self.frequency_: str = told
        self.season_length_ = self.season_length or season_of(self.frequency_)
        self.covariates_ = learn_covariates(X)
        values, known = np.asarray(y, dtype=float), covariates(X, self.covariates_)
        self.history_: dict[str, np.ndarray] = {}
        self.past_: dict[str, np.ndarray] = {}
        self.starts_: dict[str, str] = {}
        self.ends_: dict[str, str] = {}
        places = pd.Series(np.arange(len(X)), X.index)
        for name, stamps in series_of(X.index).items():
            stamps = stamps.sort_values()
            grid = pd.date_range(stamps[0], stamps[-1], freq=offset(self.frequency_))
            if not stamps.isin(grid).all():
                raise ValueError(f"a stamp{named(name)} is between two steps of the frequency {self.frequency_}")
            own = places.loc[name].reindex(grid)
            there = own.notna().to_numpy()
            rows = own[there].to_numpy(dtype=int)
            line = pd.Series(np.nan, range(len(grid)))
            line[there] = values[rows]
            past = np.zeros((len(grid), known.shape[1]))
            past[there] = known[rows]
            self.history_[name] = line.interpolate(limit_direction="both").to_numpy(dtype=float)
            self.past_[name] = past
            self.starts_[name], self.ends_[name] = str(grid[0]), str(grid[-1])
        self._learn()
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Forecasts of shape (rows,). Covariates of steps on the way that are not among the rows count as average.

        Raises
        ------
        UserError
            If a row is not after the end of its series, or of a series that was not there.
        """
        steps = steps_ahead(X.index, self.ends_, self.frequency_)
        names = np.asarray(X.index.get_level_values(0), dtype=object)
        asked = [name for name in self.ends_ if name in set(names)]
        place = {name: number for number, name in enumerate(asked)}
        rows, ahead = np.array([place[name] for name in names], dtype=int), int(steps.max(initial=0))
        known = covariates(X, self.covariates_)
        future = np.zeros((len(asked), ahead, known.shape[1]))
        future[rows, steps - 1] = known
        return np.asarray(self._ahead(asked, ahead, future)[rows, steps - 1])

    def _waves(self, yearly: int, names: Iterable[str]) -> int:
        """How many waves of the year there are to be: none where no history is as long as a year."""
        spans = [pd.Timestamp(self.ends_[name]) - pd.Timestamp(self.starts_[name]) for name in names]
        return yearly if max(spans) >= YEAR else 0

    def _learn(self) -> None:
        """Learn from `history_` and `past_`."""

    @abstractmethod
    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        """Forecasts of shape (series, steps); `future` are covariates of shape (series, steps, columns)."""


class SeasonalNaive(_Forecaster):
    """Each value is that of a season before: what any other method has to beat.

    A history of less than a season goes on with its last value.
    """

    def __init__(self, season_length: int | None = None, frequency: str | None = None) -> None:
        self.season_length, self.frequency = season_length, frequency

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        return np.array([_naive(self.history_[name], self.season_length_, steps) for name in names])


class LagRegressor(_Forecaster):
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
            said = np.ravel(self.estimator_.predict(np.hstack([past, known[:, step], future[:, step]])))
            lines[:, position[0]] = said + self._base(lines, position)[:, 0]
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


class _Each(_Forecaster):
    """A method that is fitted to each series alone.

    A series that is constant, or too short for the method, goes on with its seasonal naive. `needs` are the modules of
    another package; they are imported before warnings are silenced, because some set filters of their own.
    """

    needs: tuple[str, ...] = ()

    def _learn(self) -> None:
        self._import()
        self.fitted_: dict[str, Any] = {}
        for name, values in self.history_.items():
            if len(values) >= self._fewest() and np.ptp(values) > 0:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.fitted_[name] = self._fit_one(name, values)

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        self._import()
        said = []
        for number, name in enumerate(names):
            values = self.history_[name]
            one = _naive(values, self.season_length_, steps)
            if name in self.fitted_:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    one = np.asarray(self._forecast_one(name, values, steps, future[number]), dtype=float)
            said.append(one)
        return np.array(said)

    def _import(self) -> None:
        for name in type(self).needs:
            _package(name)

    def _fewest(self) -> int:
        return 10

    @abstractmethod
    def _fit_one(self, name: str, values: np.ndarray) -> Any:
        """What is kept of the fitted model, as plain values."""

    @abstractmethod
    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        """Forecasts of shape (steps,), from what was kept."""

    def _fits_season(self, values: np.ndarray) -> bool:
        return 1 < self.season_length_ <= len(values) // 2


class ExponentialSmoothing(_Each):
    """Exponential smoothing (ETS) with the package statsmodels: a level, perhaps a trend and a season, that adapt.

    A season longer than 24 steps is left out; covariates are not used.

    Parameters
    ----------
    error : `add`, or `mul` where errors grow with the level.
    trend : None, `add` or `mul`.
    damped : whether the trend fades.
    seasonal : None, `add` or `mul`.
    history : the last so many steps are fitted; None for all.
    """

    needs = ("statsmodels.tsa.exponential_smoothing.ets",)

    def __init__(
        self,
        error: str = "add",
        trend: str | None = None,
        damped: bool = False,
        seasonal: str | None = "add",
        history: int | None = None,
        season_length: int | None = None,
        frequency: str | None = None,
    ) -> None:
        for name, value in {"error": error, "trend": trend, "seasonal": seasonal}.items():
            if value not in ("add", "mul", *((None,) if name != "error" else ())):
                raise ValueError(f"{name} is add or mul, not {value!r}")
        self.error, self.trend, self.damped, self.seasonal, self.history = error, trend, damped, seasonal, history
        self.season_length, self.frequency = season_length, frequency

    def _model(self, values: np.ndarray) -> Any:
        ets = _package(type(self).needs[0])
        last = values[-(self.history or len(values)) :]
        season = self.seasonal if self._fits_season(last) and self.season_length_ <= LONGEST_SEASON else None
        if (last <= 0).any() and "mul" in (self.error, self.trend, season):
            raise ValueError("mul needs values above 0: take add")
        return ets.ETSModel(
            last,
            error=self.error,
            trend=self.trend,
            damped_trend=self.damped and self.trend is not None,
            seasonal=season,
            seasonal_periods=self.season_length_ if season else None,
            initialization_method="heuristic",
        )

    def _fewest(self) -> int:
        return 12

    def _fit_one(self, name: str, values: np.ndarray) -> Any:
        return np.asarray(self._model(values).fit(disp=False, maxiter=100).params, dtype=float)

    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        return np.asarray(self._model(values).smooth(self.fitted_[name]).forecast(steps))


class Arima(_Each):
    """ARIMA with the package statsmodels: a value follows from earlier values and earlier errors, after differencing.

    Covariates go in as a regression, and where there is no seasonal part so do waves of the year. A seasonal part of
    more than 24 steps is left out: the waves stand for a year in days or weeks.

    Parameters
    ----------
    order : p, d, q: how many earlier values, how often differenced, how many earlier errors.
    seasonal_order : the same for values, differences and errors of seasons before; [0, 0, 0] for none.
    constant : whether there is a constant; with a difference it is a trend.
    yearly : pairs of sine and cosine of the time of the year, where there is no seasonal part and a year of history.
    history : the last so many steps are fitted; None for all.
    """

    needs = ("statsmodels.tsa.statespace.sarimax",)

    def __init__(
        self,
        order: Sequence[int] = (1, 0, 1),
        seasonal_order: Sequence[int] = (0, 0, 0),
        constant: bool = True,
        yearly: int = 0,
        history: int | None = None,
        season_length: int | None = None,
        frequency: str | None = None,
    ) -> None:
        for name, numbers in {"order": order, "seasonal_order": seasonal_order}.items():
            if len(numbers) != 3 or any(
                isinstance(one, bool) or not isinstance(one, int) or one < 0 for one in numbers
            ):
                raise ValueError(f"{name} is three whole numbers, not {list(numbers)}")
        self.order, self.seasonal_order, self.constant, self.yearly = order, seasonal_order, constant, yearly
        self.history, self.season_length, self.frequency = history, season_length, frequency

    def _model(self, name: str, values: np.ndarray) -> Any:
        sarimax = _package(type(self).needs[0])
        last = self._last(values)
        seasonal = (*self.seasonal_order, self.season_length_) if self._has_season(last) else (0, 0, 0, 0)
        beside = self._beside(name, last)
        kept = _independent(beside)
        return sarimax.SARIMAX(
            last,
            beside[:, kept] if kept else None,
            order=tuple(self.order),
            seasonal_order=seasonal,
            trend="c" if self.constant else None,
            concentrate_scale=True,
        )

    def _last(self, values: np.ndarray) -> np.ndarray:
        return values[-(self.history or len(values)) :]

    def _has_season(self, last: np.ndarray) -> bool:
        return any(self.seasonal_order) and self.season_length_ <= LONGEST_SEASON and self._fits_season(last)

    def _waves_of(self, name: str, last: np.ndarray) -> int:
        return 0 if self._has_season(last) else self._waves(self.yearly, [name])

    def _beside(self, name: str, last: np.ndarray) -> np.ndarray:
        """What the regression is on: waves and covariates of the fitted steps."""
        stamps = pd.date_range(self.starts_[name], self.ends_[name], freq=offset(self.frequency_))[-len(last) :]
        return np.hstack([calendar(stamps, (), self._waves_of(name, last)), self.past_[name][-len(last) :]])

    def _fewest(self) -> int:
        return 10 + 2 * (sum(self.order) + 2 * self.yearly)

    def _fit_one(self, name: str, values: np.ndarray) -> Any:
        return np.asarray(self._model(name, values).fit(disp=False, maxiter=50, low_memory=True).params, dtype=float)

    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        fitted, last = self._model(name, values).filter(self.fitted_[name]), self._last(values)
        kept, stamps = _independent(self._beside(name, last)), following(self.ends_[name], steps, self.frequency_)
        beside = np.hstack([calendar(stamps, (), self._waves_of(name, last)), future])
        return np.asarray(fitted.forecast(steps, exog=beside[:, kept] if kept else None))


class Theta(_Each):
    """The theta method with the package statsmodels: a line and an exponential smoothing, without the season.

    Covariates are not used.

    Source: Assimakopoulos and Nikolopoulos, The theta model: a decomposition approach to forecasting, International
    Journal of Forecasting 16, 2000.

    Parameters
    ----------
    theta : how strongly the curves count against the line, from 1 on; 2 is the classical one.
    deseasonalize : take the season out before, where there are two of them, and put it back afterwards.
    method : how the season is put together: `additive` or `multiplicative`.
    """

    needs = ("statsmodels.tsa.forecasting.theta",)

    def __init__(
        self,
        theta: float = 2.0,
        deseasonalize: bool = True,
        method: str = "additive",
        season_length: int | None = None,
        frequency: str | None = None,
    ) -> None:
        if theta < 1:
            raise ValueError(f"theta is 1 or more, not {theta}")
        if method not in ("additive", "multiplicative"):
            raise ValueError(f"method is additive or multiplicative, not {method!r}")
        self.theta, self.deseasonalize, self.method = theta, deseasonalize, method
        self.season_length, self.frequency = season_length, frequency

    def _fit_one(self, name: str, values: np.ndarray) -> Any:
        return True  # it is fitted in no time, so nothing is kept

    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        theta = _package(type(self).needs[0])
        seasonal = self.deseasonalize and self._fits_season(values)
        model = theta.ThetaModel(
            pd.Series(values),
            period=self.season_length_ if seasonal else 1,
            deseasonalize=seasonal,
            use_test=False,
            method=self.method,
        )
        return np.asarray(model.fit().forecast(steps, theta=self.theta))


class ProphetForecaster(_Each):
    """Prophet (the package prophet): a trend that bends, seasons as waves, and covariates, added up.

    Parameters
    ----------
    changepoint_prior_scale : how readily the trend bends.
    seasonality_prior_scale : how strong seasons may be.
    seasonality_mode : `additive`, or `multiplicative` where seasons grow with the level.
    yearly, weekly, daily : seasons: true, false, or `auto` by the length of the history.
    random_state : the seed.
    time_zone : of the seasons, where stamps are in UTC.
    """

    needs = ("prophet", "prophet.serialize")

    def __init__(
        self,
        changepoint_prior_scale: float = 0.05,
        seasonality_prior_scale: float = 10.0,
        seasonality_mode: str = "additive",
        yearly: bool | str = "auto",
        weekly: bool | str = "auto",
        daily: bool | str = "auto",
        random_state: int = 0,
        season_length: int | None = None,
        frequency: str | None = None,
        time_zone: str | None = None,
    ) -> None:
        if seasonality_mode not in ("additive", "multiplicative"):
            raise ValueError(f"seasonality_mode is additive or multiplicative, not {seasonality_mode!r}")
        self.changepoint_prior_scale, self.seasonality_prior_scale = changepoint_prior_scale, seasonality_prior_scale
        self.seasonality_mode, self.yearly, self.weekly, self.daily = seasonality_mode, yearly, weekly, daily
        self.random_state, self.season_length, self.frequency, self.time_zone = (
            random_state,
            season_length,
            frequency,
            time_zone,
        )

    def _table(self, stamps: pd.DatetimeIndex, known: np.ndarray) -> pd.DataFrame:
        local = stamps
        if self.time_zone is not None:
            local = stamps.tz_localize("UTC").tz_convert(self.time_zone).tz_localize(None)
        return pd.DataFrame({f"x{number}": column for number, column in enumerate(known.T)}).assign(ds=local)

    def _fit_one(self, name: str, values: np.ndarray) -> Any:
        prophet = _package(type(self).needs[0])
        _quiet("prophet", "cmdstanpy")
        model = prophet.Prophet(
            changepoint_prior_scale=self.changepoint_prior_scale,
            seasonality_prior_scale=self.seasonality_prior_scale,
            seasonality_mode=self.seasonality_mode,
            yearly_seasonality=self.yearly,
            weekly_seasonality=self.weekly,
            daily_seasonality=self.daily,
            uncertainty_samples=0,
        )
        stamps = pd.date_range(self.starts_[name], self.ends_[name], freq=offset(self.frequency_))
        table = self._table(stamps, self.past_[name]).assign(y=values)
        for column in table.columns.drop(["ds", "y"]):
            model.add_regressor(column)
        model.fit(table, seed=self.random_state)
        return str(_package(type(self).needs[1]).model_to_json(model))

    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        model = _package(type(self).needs[1]).model_from_json(self.fitted_[name])
        table = self._table(following(self.ends_[name], steps, self.frequency_), future)
        return np.asarray(model.predict(table)["yhat"])


class DartsForecaster(_Forecaster):
    """A model of the package darts, by its name: ExponentialSmoothing, FourTheta, FFT, LinearRegressionModel, ...

    It is fitted to the history alone: covariates are not used. Models that learn from several series learn from all of
    them. Its forecasts for `horizon` steps are kept with it; for more steps it is fitted again.

    Parameters
    ----------
    model : the class in `darts.models`.
    arguments : its arguments, a mapping.
    horizon : how many steps are forecast when it is fitted; None for a season.
    random_state : the seed, for the models that take one.
    """

    def __init__(
        self,
        model: str = "FourTheta",
        arguments: dict[str, Any] | None = None,
        horizon: int | None = None,
        random_state: int = 0,
        season_length: int | None = None,
        frequency: str | None = None,
    ) -> None:
        self.model, self.arguments, self.horizon, self.random_state = model, arguments, horizon, random_state
        self.season_length, self.frequency = season_length, frequency

    def _learn(self) -> None:
        self.said_ = self._asked(self.horizon or self.season_length_)

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        said = self.said_
        if any(len(said[name]) < steps for name in names):
            said = self._asked(steps)
        return np.array([said[name][:steps] for name in names])

    def _asked(self, steps: int) -> dict[str, np.ndarray]:
        """Forecasts of all series; of one that is constant, its value."""
        darts, models = _package("darts"), _package("darts.models")
        _quiet("darts")
        varied = [name for name, values in self.history_.items() if np.ptp(values) > 0]
        said = {name: np.full(steps, values[-1]) for name, values in self.history_.items() if name not in varied}
        lines = [
            darts.TimeSeries.from_times_and_values(
                pd.date_range(self.starts_[name], self.ends_[name], freq=offset(self.frequency_)), self.history_[name]
            )
            for name in varied
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = self._made(models)
            if _takes_many(first):
                found = first.fit(lines).predict(steps, series=lines) if lines else []
            else:
                found = [self._made(models).fit(line).predict(steps) for line in lines]
        return said | {name: one.values().ravel() for name, one in zip(varied, found, strict=True)}

    def _made(self, models: Any) -> Any:
        kind: Any = getattr(models, self.model, None)
        # The name may come from a file: nothing but a forecasting model is called.
        if not any(one.__name__ == "ForecastingModel" for one in getattr(kind, "__mro__", ())):
            known = [name for name in dir(models) if name[0].isupper()]
            raise ValueError(f"darts has no model {self.model!r}; it has {', '.join(known)}")
        arguments = json.loads(json.dumps(self.arguments or {}))  # darts changes some of them
        try:
            return kind(**arguments, random_state=self.random_state)
        except TypeError:
            return kind(**arguments)


def _takes_many(model: Any) -> bool:
    """Whether a model of darts learns from several series at once."""
    return any(one.__name__ == "GlobalForecastingModel" for one in type(model).__mro__)


def _independent(table: np.ndarray) -> list[int]:
    """The columns that are no constant and no combination of those before them: others leave a regression undecided."""
    basis, kept = np.full((len(table), 1), len(table) ** -0.5), []
    for number, column in enumerate(table.T):
        rest = column - basis @ (basis.T @ column)
        size = np.linalg.norm(rest)
        if size > 1e-6 * max(1e-6, float(np.linalg.norm(column))):
            basis = np.hstack([basis, rest[:, None] / size])
            kept.append(number)
    return kept


def _naive(values: np.ndarray, season: int, steps: int) -> np.ndarray:
    """The last season again and again; of a shorter history, its last value."""
    last = values[-season:] if len(values) >= season else values[-1:]
    return np.resize(last, steps)


def _package(name: str) -> Any:
    """A module of a package that the project has only where a model needs it.

    Raises
    ------
    UserError
        If it is not installed, with the extra that brings it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.split(".")[0]
        if error.name is None or error.name.split(".")[0] != package:
            raise
        raise UserError(
            f"the package {package} is not installed: add {package} to the dependencies in pyproject.toml (or take the "
            "extra `forecast`) and run `make setup`"
        ) from None


def _quiet(*loggers: str) -> None:
    """Let packages that report each fit report none; what fails is raised."""
    for name in loggers:
        logging.getLogger(name).disabled = True
