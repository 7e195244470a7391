"""Forecasters of the package darts, by the names of its models."""

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd

from .forecaster import Forecaster, import_package, silence
from .series import (
    offset,
)


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
        self.said_ = self._asked(self.horizon or self.season_length_)

    def _ahead(self, names: list[str], steps: int, future: np.ndarray) -> np.ndarray:
        said = self.said_
        if any(len(said[name]) < steps for name in names):
            said = self._asked(steps)
        return np.array([said[name][:steps] for name in names])

    def _asked(self, steps: int) -> dict[str, np.ndarray]:
        """Forecasts of all series; of one that is constant, its value."""
        darts, models = import_package("darts"), import_package("darts.models")
        silence("darts")
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
