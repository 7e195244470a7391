"""Splitters that scikit-learn does not have. Each takes and gives what scikit-learn's splitters do."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedShuffleSplit


class StratifiedHoldout:
    """One stratified random split; classes too rare to be split stay in training.

    Parameters
    ----------
    test_size : the share of the rows to hold out, between 0 and 1.
    random_state : the seed.
    """

    def __init__(self, test_size: float = 0.2, random_state: int = 0) -> None:
        self.test_size, self.random_state = _share(test_size), random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the training rows and of the held-out rows."""
        codes = pd.factorize(np.asarray(y))[0]
        common = np.flatnonzero(np.bincount(codes)[codes] > 1)
        if len(common) * self.test_size < len(np.unique(codes[common])):
            raise ValueError(f"test_size={self.test_size} holds out fewer rows than there are classes")
        splitter = StratifiedShuffleSplit(1, test_size=self.test_size, random_state=self.random_state)
        _, held_out = next(splitter.split(common, codes[common]))
        held_out = np.sort(common[held_out])
        yield np.setdiff1d(np.arange(len(codes)), held_out), held_out


class TimeHoldout:
    """The last rows: the table is in the order of its `time` column.

    Parameters
    ----------
    test_size : the share of the rows to hold out, between 0 and 1.
    """

    def __init__(self, test_size: float = 0.2) -> None:
        self.test_size = _share(test_size)

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the training rows and of the held-out rows."""
        rows = np.arange(len(X))
        cut = len(rows) - max(1, round(len(rows) * self.test_size))
        if cut < 1:
            raise ValueError(f"test_size={self.test_size} leaves no row for training")
        yield rows[:cut], rows[cut:]


class NoHoldout:
    """Nothing is held out: the final model learns from all rows, for production.

    Its scores are those of the cross-validation then, on which it was chosen as well: they are a little too good.
    """

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of all rows, and of none."""
        yield np.arange(len(X)), np.arange(0)


class PredefinedColumn:
    """A split that stands in a column: each of its values is a fold, or only those listed.

    As a hold-out, name the value that marks the rows to hold out: `{column: part, folds: [test]}`. Give the column the
    role `ignore` in `params/data.yaml`, so that it is no feature.

    Parameters
    ----------
    column : the column that says which fold a row is in; a row with nothing in it is always in training.
    folds : the values that are folds, in order; None for all, sorted.
    """

    def __init__(self, column: str, folds: list[Any] | None = None) -> None:
        if folds is not None and not isinstance(folds, list):
            raise ValueError(f"folds is a list of values of the column, not {folds!r}")
        self.column, self.folds = column, folds

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return len(self._folds(X))

    def split(self, X: pd.DataFrame, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, for each fold, the positions of all other rows and of its own."""
        values = self._values(X)
        for fold in self._folds(X):
            own = (values == fold).to_numpy()
            yield np.flatnonzero(~own), np.flatnonzero(own)

    def _values(self, X: pd.DataFrame) -> pd.Series:
        if self.column not in X:
            raise ValueError(f"the table has no column {self.column!r}")
        values = X[self.column]
        if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
            values = values.astype("Int64")
        return values.map(str, na_action="ignore").astype(object)

    def _folds(self, X: pd.DataFrame) -> list[str]:
        present = sorted(self._values(X).dropna().unique())
        folds = present if self.folds is None else [str(fold) for fold in self.folds]
        absent = [fold for fold in folds if fold not in present]
        if absent or not folds:
            raise ValueError(
                f"{self.column!r} holds no {(absent or ['fold'])[0]!r}; it holds {', '.join(present[:10])}"
            )
        return folds


def _share(size: float) -> float:
    if isinstance(size, bool) or not isinstance(size, int | float) or not 0 < size < 1:
        raise ValueError(f"test_size is the share of the rows to hold out, between 0 and 1, not {size!r}")
    return size
