"""Samples of rows, in imbalanced-learn's terms: what `fit_resample` gives is learned from."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class RandomSample(BaseEstimator):
    """At most so many rows, drawn without replacement, in the order of the table.

    Parameters
    ----------
    rows : the most rows; a smaller table stays whole.
    random_state : the seed.
    """

    def __init__(self, rows: int = 10000, random_state: int = 0) -> None:
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise ValueError(f"rows is the most rows to learn from, a whole number above 0, not {rows!r}")
        self.rows, self.random_state = rows, random_state

    def fit_resample(self, X: pd.DataFrame, y: pd.Series) -> tuple[pd.DataFrame, pd.Series]:
        """The sampled rows and their targets."""
        if len(X) <= self.rows:
            return X, y
        chosen = np.sort(np.random.default_rng(self.random_state).choice(len(X), self.rows, replace=False))
        return X.iloc[chosen], y.iloc[chosen]
