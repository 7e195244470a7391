"""Prediction intervals: between which numbers the truth will lie in so many cases of a hundred."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone

FEWEST = 30  # residuals of which a quantile is taken: strata with fewer are joined with those next to them


class ResidualIntervals(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Intervals from the residuals on rows that the members had not seen, around what another regressor predicts.

    A bound lies as far from the prediction as that quantile of the absolute residuals which a new one of the same kind
    exceeds with the wanted probability at most, whatever the model: split conformal prediction. Source: Lei, G'Sell,
    Rinaldo, Tibshirani and Wasserman, Distribution-free predictive inference for regression, JASA 113, 2018.

    Parameters
    ----------
    estimator : the regressor, of outputs side by side; the stage `train` gives it.
    coverage : the shares of the truth that the intervals are to hold, between 0 and 1.
    """

    def __init__(self, estimator: Any, coverage: Sequence[float] = (0.8, 0.95)) -> None:
        self.estimator, self.coverage = estimator, coverage

    def fit(self, X: np.ndarray, y: np.ndarray, strata: np.ndarray | None = None) -> "ResidualIntervals":
        """Learn how far the truth lies from the predictions.

        Parameters
        ----------
        X : array of shape (rows, members): outputs on rows that the members had not seen.
        y : array of shape (rows,).
        strata : whole numbers of rows whose residuals differ in size; None if all are alike.

        Raises
        ------
        ValueError
            If there are several targets, a coverage is no share, or there are too few rows for it.
        """
        if np.ndim(y) > 1:
            raise ValueError("there are intervals for one target, and this model has several")
        for one in self.coverage:
            if not 0 < one < 1:
                raise ValueError(f"a coverage is a share between 0 and 1, not {one}")
        self.estimator_ = clone(self.estimator).fit(X, y)
        residuals = np.abs(np.asarray(y, dtype=float) - np.asarray(self.estimator_.predict(X)).ravel())
        most = len(residuals) / (len(residuals) + 1)
        if max(self.coverage) > most:
            raise ValueError(f"{len(residuals)} rows are too few for a coverage of {max(self.coverage):g}")
        self.widths_ = self._quantiles(residuals)
        self.strata_, self.widths_of_ = np.empty(0, dtype=int), np.empty((0, len(self.coverage)))
        if strata is not None:
            self.strata_ = np.unique(strata)
            self.widths_of_ = np.asarray([self._quantiles(residuals[_near(strata, one)]) for one in self.strata_])
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """What the regressor predicts, shape (rows,)."""
        return np.asarray(self.estimator_.predict(X)).ravel()

    def predict_interval(self, X: np.ndarray, strata: np.ndarray | None = None) -> np.ndarray:
        """The lower and the upper bound of each interval, shape (rows, 2 * intervals).

        A stratum that training did not see has the width of the one below it, beyond the last that of the last.
        """
        widths = np.tile(self.widths_, (len(X), 1))
        if strata is not None and len(self.strata_):
            places = np.searchsorted(self.strata_, strata, side="right") - 1
            widths = self.widths_of_[np.clip(places, 0, len(self.strata_) - 1)]
        middle = self.predict(X)[:, None]
        return np.stack([middle - widths, middle + widths], axis=2).reshape(len(X), -1)

    def _quantiles(self, residuals: np.ndarray) -> np.ndarray:
        """The widths for the coverages, of residuals in so many rows."""
        count = len(residuals)
        shares = [min(np.ceil((count + 1) * one) / count, 1.0) for one in self.coverage]
        return np.asarray(np.quantile(residuals, shares, method="inverted_cdf"))


def _near(strata: np.ndarray, one: int) -> np.ndarray:
    """The rows of a stratum, with those of as many next to it, on both sides, as it takes to have enough."""
    distance = np.abs(strata - one)
    enough = np.sort(distance)[min(FEWEST, len(distance)) - 1]
    return np.asarray(distance <= enough)
