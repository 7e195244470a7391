"""Metrics of forecasts that scikit-learn does not have; less is better."""

from typing import Any

import numpy as np
import pandas as pd


def symmetric_mean_absolute_percentage_error(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """sMAPE, the error as a share of the mean size of truth and forecast: from 0 to 2; both 0 is no error.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,).
    """
    y_true, y_pred = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
    size = (np.abs(y_true) + np.abs(y_pred)) / 2
    return float(np.mean(np.where(size > 0, np.abs(y_true - y_pred) / np.where(size > 0, size, 1), 0)))


def mean_absolute_scaled_error(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    X: pd.DataFrame,
    X_train: pd.DataFrame,
    y_train: np.ndarray,
    season_length: int,
) -> float:
    """MASE, the error in units of the seasonal naive's within the training rows: below 1 is better than that.

    Each series is scaled by its own; one that never changed over a season has no scale and is left out. The mean is
    over all rows.

    Source: Hyndman and Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting 22,
    2006.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,).
    X, X_train : the rows that are scored and those that were learned from; their index is (series, time).
    y_train : array of shape (rows of X_train,).
    season_length : the task's, where it does not stand under `params`.
    """
    learned: Any = pd.Series(np.asarray(y_train, dtype=float), X_train.index).sort_index()
    series = learned.groupby(level=0)
    # A history of less than a season and one more step is scaled by its steps.
    longer = np.abs(learned - series.shift(season_length)).groupby(level=0).mean()
    scale = longer.fillna(np.abs(learned - series.shift(1)).groupby(level=0).mean())
    errors = np.abs(np.asarray(y_true, dtype=float) - np.asarray(y_pred, dtype=float))
    own = scale.reindex(X.index.get_level_values(0)).to_numpy(dtype=float)
    usable = np.isfinite(own) & (own > 0)
    if not usable.any():
        raise ValueError("no series has a scale: none changes over a season")
    return float(np.mean(errors[usable] / own[usable]))
