"""The forecaster of the package prophet."""

from typing import Any

import numpy as np
import pandas as pd

from .forecaster import EachSeries, import_package, silence
from .series import (
    following,
    offset,
)


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
