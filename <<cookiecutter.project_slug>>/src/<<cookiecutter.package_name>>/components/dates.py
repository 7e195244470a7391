"""Dates as numbers that an estimator can use."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

PARTS = ("year", "month", "day", "weekday", "dayofyear", "hour")


class DateFeatures(TransformerMixin, BaseEstimator):
    """The parts of each date that differ between training rows, and the days since the first of them.

    A missing date gives missing numbers, so an imputer may follow.

    Parameters
    ----------
    elapsed : whether to add the days since the first training date. Trees cannot extrapolate on it; a trend needs it.
    parts : which parts, of year, month, day, weekday, dayofyear and hour; none where a date is to be one number.
    """

    def __init__(self, elapsed: bool = True, parts: Sequence[str] = PARTS) -> None:
        self.elapsed, self.parts = elapsed, parts

    def fit(self, X: pd.DataFrame, y: Any = None) -> "DateFeatures":
        """Note the first date of each column, and which parts differ."""
        frame = pd.DataFrame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        self.start_ = [_days(frame[name]).min() for name in frame]
        self.parts_ = [[part for part in self.parts if _part(frame[name], part).nunique() > 1] for name in frame]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Floats of shape (n_samples, n_parts)."""
        frame = pd.DataFrame(X)
        columns = []
        for name, start, parts in zip(frame.columns, self.start_, self.parts_, strict=True):
            columns += [_part(frame[name], part) for part in parts]
            columns += [_days(frame[name]) - start] if self.elapsed else []
        return np.column_stack(columns) if columns else np.empty((len(frame), 0))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names such as `Date_month`."""
        names = []
        for name, parts in zip(self.feature_names_in_, self.parts_, strict=True):
            names += [f"{name}_{part}" for part in (*parts, *(["elapsed"] if self.elapsed else []))]
        return np.asarray(names, dtype=object)


class MissingAsText(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Categories as plain text, a missing one as the text `missing`: some encoders know no other missing value."""

    def fit(self, X: pd.DataFrame, y: Any = None) -> "MissingAsText":
        """Note the names of the columns."""
        frame = pd.DataFrame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Text of the same shape."""
        return pd.DataFrame(X).astype(object).fillna("missing").astype(object)


def _part(values: pd.Series, part: str) -> pd.Series:
    return getattr(values.dt, part).astype("float64")


def _days(values: pd.Series) -> pd.Series:
    return (values - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
