"""Forecasters of other packages: statsmodels, prophet and darts; each is imported when a model needs it."""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from .forecaster import EachSeries, Forecaster, import_package, silence
from .series import calendar, following, offset

LONGEST_SEASON = 24  # steps, for a method that has a state for each


class ExponentialSmoothing(EachSeries):
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
        ets = import_package(type(self).needs[0])
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


class Arima(EachSeries):
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
        sarimax = import_package(type(self).needs[0])
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


class Theta(EachSeries):
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
        theta = import_package(type(self).needs[0])
        seasonal = self.deseasonalize and self._fits_season(values)
        model = theta.ThetaModel(
            pd.Series(values),
            period=self.season_length_ if seasonal else 1,
            deseasonalize=seasonal,
            use_test=False,
            method=self.method,
        )
        return np.asarray(model.fit().forecast(steps, theta=self.theta))


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


class ProphetForecaster(EachSeries):
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
        prophet = import_package(type(self).needs[0])
        silence("prophet", "cmdstanpy")
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
        return str(import_package(type(self).needs[1]).model_to_json(model))

    def _forecast_one(self, name: str, values: np.ndarray, steps: int, future: np.ndarray) -> np.ndarray:
        model = import_package(type(self).needs[1]).model_from_json(self.fitted_[name])
        table = self._table(following(self.ends_[name], steps, self.frequency_), future)
        return np.asarray(model.predict(table)["yhat"])


class DartsForecaster(Forecaster):
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
        self.forecasts_ = self._asked(self.horizon or self.season_length_)

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        forecasts = self.forecasts_
        if any(len(forecasts[name]) < steps for name in names):
            forecasts = self._asked(steps)
        return np.array([forecasts[name][:steps] for name in names])

    def _asked(self, steps: int) -> dict[str, np.ndarray]:
        """Forecasts of all series; of one that is constant, its value."""
        darts, models = import_package("darts"), import_package("darts.models")
        silence("darts")
        varied = [name for name, values in self.history_.items() if np.ptp(values) > 0]
        forecasts = {name: np.full(steps, values[-1]) for name, values in self.history_.items() if name not in varied}
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
        return forecasts | {name: one.values().ravel() for name, one in zip(varied, found, strict=True)}

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
