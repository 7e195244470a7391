"""Around a forecaster: rows as they stand in the table become rows with the index (series, time)."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from .series import indexed


class OfSeries(RegressorMixin, MetaEstimatorMixin, BaseEstimator):
    """A forecaster of rows as they stand in the table: the time and the group become their index (series, time).

    What is left are covariates, which have to be known of the rows to predict, too. A preprocessing sees these alone.

    Parameters
    ----------
    estimator : a forecaster of `forecasters.py`, or a pipeline that ends in one.
    time, group : the columns; no group for one series.
    """

    def __init__(self, estimator: Any, time: str, group: str | None = None) -> None:
        self.estimator, self.time, self.group = estimator, time, group

    def fit(self, X: pd.DataFrame, y: Any) -> "OfSeries":
        """Fit the preprocessing to the covariates, then the forecaster."""
        rows = indexed(X, self.time, self.group)
        order = np.lexsort([rows.index.get_level_values(1), rows.index.get_level_values(0).astype(str)])
        rows, values = rows.iloc[order], np.asarray(y, dtype=float)[order]
        whole = clone(self.estimator)
        steps = whole.steps if isinstance(whole, Pipeline) else [("model", whole)]
        self.front_ = [step for _, step in steps[:-1]] if rows.shape[1] else []
        for step in self.front_:
            rows = _framed(_without(step, (self.time, self.group)).fit_transform(rows, values), step, rows.index)
        self.model_ = steps[-1][1].fit(rows, values)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Forecasts of shape (rows,), in the order of the rows, which have to follow the training rows.

        A row without a time has no forecast.

        Raises
        ------
        UserError
            If a row is not after the end of training, or of a series that was not there.
        """
        rows = indexed(X, self.time, self.group)
        timed = rows.index.get_level_values(1).notna()
        known = rows[timed & ~rows.index.duplicated()].sort_index()
        if not len(known):
            return np.full(len(rows), np.nan)
        asked = known
        for step in self.front_:
            asked = _framed(step.transform(asked), step, asked.index)
        predicted = np.asarray(self.model_.predict(asked), dtype=float).ravel()
        return np.where(timed, predicted[known.index.get_indexer(rows.index)], np.nan)


def _without(transformer: Any, names: tuple[str | None, ...]) -> Any:
    """A transformer of columns that leaves the time and the group alone."""
    if isinstance(transformer, ColumnTransformer):
        kept = [
            (label, one, [name for name in own if name not in names]) for label, one, own in transformer.transformers
        ]
        transformer.transformers = [one for one in kept if one[2]]
    return transformer


def _framed(values: Any, step: Any, index: pd.Index) -> pd.DataFrame:
    """Transformed rows as a table with the rows' index."""
    if isinstance(values, pd.DataFrame):
        return values.set_axis(index)
    dense = values.toarray() if hasattr(values, "toarray") else np.asarray(values)
    names = step.get_feature_names_out() if hasattr(step, "get_feature_names_out") else range(dense.shape[1])
    return pd.DataFrame(dense, index, [str(name) for name in names])
