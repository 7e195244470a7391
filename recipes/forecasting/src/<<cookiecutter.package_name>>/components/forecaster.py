"""Forecaster: the base of estimators that continue one series or many.

Their rows have the index (series, time), and covariates as columns.

`fit` takes the rows of all series, `predict` the rows of time stamps that follow, in any number and with gaps between.
What a fitted one keeps are plain numbers, texts and arrays, so that it can be stored with no foreign class in it; a
model of another package is put together again from these when it is first asked.

Parameters that all have, and that a project fills in from its task where they are None:

frequency : the step between stamps, as pandas writes it; else as in the rows.
season_length : how many steps a season has; else by the frequency.
"""

import importlib
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin

from ..errors import UserError
from .series import covariates, frequency_of, learn_covariates, named, offset, season_of, series_of, steps_ahead

YEAR = pd.Timedelta(days=365)


class Forecaster(ABC, RegressorMixin, BaseEstimator):
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
        frequency = self.frequency or frequency_of(X.index.get_level_values(1))
        if frequency is None:
            raise ValueError("the time stamps have no regular step: frequency is needed")
        self.frequency_: str = frequency
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


class EachSeries(Forecaster):
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
        predicted = []
        for number, name in enumerate(names):
            values = self.history_[name]
            one = repeat_season(values, self.season_length_, steps)
            if name in self.fitted_:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    one = np.asarray(self._forecast_one(name, values, steps, future[number]), dtype=float)
            predicted.append(one)
        return np.array(predicted)

    def _import(self) -> None:
        for name in type(self).needs:
            import_package(name)

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


def repeat_season(values: np.ndarray, season: int, steps: int) -> np.ndarray:
    """The last season again and again; of a shorter history, its last value."""
    last = values[-season:] if len(values) >= season else values[-1:]
    return np.resize(last, steps)


def import_package(name: str) -> Any:
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


def silence(*loggers: str) -> None:
    """Let packages that report each fit report none; what fails is raised."""
    for name in loggers:
        logging.getLogger(name).disabled = True
