"""Prediction intervals: bounds that hold the truth with a given probability."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.isotonic import isotonic_regression

TINY = 1e-12  # of the mean residual: keeps a stratum without errors from dividing by zero


class ResidualIntervals(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """Intervals around a regressor's predictions, from its residuals on rows that its members had not seen.

    This is split conformal prediction with locally weighted residuals: each residual is divided by the error that is
    expected of its row, and the bounds are quantiles of these ratios times the expected error of the new row. The
    expected error is the row's `scale`, if the task knows one, times the mean residual of the row's stratum, which
    never falls from one stratum to the next. Where there are too few rows for a coverage (0.95 takes 19), a Student t
    distribution gives the quantile.

    Source: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, Distribution-free predictive inference for regression,
    JASA 113, 2018, section 5.2.

    Parameters
    ----------
    estimator : regressor
        Predicts from the members' outputs side by side; the stage `train` sets it.
    coverage : sequence of float, default=(0.8, 0.95)
        The probabilities with which the intervals are to hold the truth, between 0 and 1.
    """

    def __init__(self, estimator: Any, coverage: Sequence[float] = (0.8, 0.95)) -> None:
        self.estimator, self.coverage = estimator, coverage

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        strata: np.ndarray | None = None,
        scale: np.ndarray | None = None,
        rows: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
    ) -> "ResidualIntervals":
        """Learn how far the truth lies from the predictions.

        Parameters
        ----------
        X : array of shape (rows, members)
            Outputs on rows that the members had not seen.
        y : array of shape (rows,)
        strata : array of int of shape (rows,), optional
            Strata of rows in the order of their errors, such as how many steps ahead a forecast is.
        scale : array of float of shape (rows,), optional
            How large the error of each row is expected to be, up to a common factor.
        rows : array of int of shape (rows,), optional
            Which row of the table each is: a row that several folds scored tells little more than one that was scored
            once.
        sample_weight : array of float of shape (rows,), optional
            How much each row counts.

        Raises
        ------
        ValueError
            If there are several targets, fewer than two rows, or a coverage that is no share.
        """
        self._check(y)
        self.estimator_ = clone(self.estimator).fit(X, y)
        residuals = np.abs(np.asarray(y, dtype=float) - np.asarray(self.estimator_.predict(X)).ravel())
        ratios = residuals / (np.ones(len(y)) if scale is None else scale)
        self.strata_, place, counts = np.unique(
            np.zeros(len(y), dtype=int) if strata is None else strata, return_inverse=True, return_counts=True
        )
        weights = np.ones(len(y)) if sample_weight is None else np.asarray(sample_weight)
        means = np.bincount(place, ratios * weights) / np.maximum(np.bincount(place, weights), TINY)
        typical = isotonic_regression(means, sample_weight=counts) + TINY * (means.mean() or 1.0)
        distinct = len(y) if rows is None else len(np.unique(rows))
        quantiles = np.array([_quantile(ratios / typical[place], share, distinct, weights) for share in self.coverage])
        # The mean of a stratum of n rows is itself uncertain.
        self.widths_ = np.outer(typical * np.sqrt(1 + len(y) / distinct / counts), quantiles)
        return self

    def _check(self, y: np.ndarray) -> None:
        if np.ndim(y) > 1:
            raise ValueError("there are intervals for one target, and this model has several")
        for share in self.coverage:
            if not 0 < share < 1:
                raise ValueError(f"a coverage is a share between 0 and 1, not {share}")
        if len(y) < 2:
            raise ValueError(f"intervals need at least 2 rows that the model had not seen, and there is {len(y)}")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the regressor's predictions, shape (rows,)."""
        return np.asarray(self.estimator_.predict(X)).ravel()

    def predict_interval(
        self, X: np.ndarray, strata: np.ndarray | None = None, scale: np.ndarray | None = None
    ) -> np.ndarray:
        """Return the lower and the upper bound of each interval, shape (rows, 2 * intervals).

        A stratum that training did not see is treated as the one below it.
        """
        places = np.zeros(len(X), dtype=int)
        if strata is not None:
            places = np.clip(np.searchsorted(self.strata_, strata, side="right") - 1, 0, len(self.strata_) - 1)
        widths = self.widths_[places] * (1.0 if scale is None else np.asarray(scale)[:, None])
        middle = self.predict(X)[:, None]
        return np.stack([middle - widths, middle + widths], axis=2).reshape(len(X), -1)


def _quantile(ratios: np.ndarray, share: float, distinct: int, weights: np.ndarray) -> float:
    """Return the quantile that a new ratio exceeds with a probability of at most 1 - share.

    Parameters
    ----------
    distinct : int
        How many rows of the table the ratios are of.
    weights : array of shape (rows,)
        How much each ratio counts.
    """
    if share <= distinct / (distinct + 1):
        level = np.ceil((distinct + 1) * share) / distinct
        return float(np.quantile(ratios, level, weights=weights, method="inverted_cdf"))
    spread = float(np.sqrt(np.average(ratios**2, weights=weights))) * np.sqrt(1 + 1 / distinct)
    return max(float(ratios.max()), float(student.ppf((1 + share) / 2, max(distinct - 1, 1))) * spread)
