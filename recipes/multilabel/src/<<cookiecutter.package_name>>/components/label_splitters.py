"""Splitters that keep the share of each label, and of no label, in every part."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


class IterativeKFold:
    """Folds in which each label is as frequent as in all rows, as far as that can be had.

    The rarest label that is still to be dealt out comes first; each of its rows goes to the fold that wants most of it.
    Source: Sechidis, Tsoumakas and Vlahavas, On the stratification of multi-label data, ECML PKDD 2011.

    Parameters
    ----------
    n_splits : how many folds.
    random_state : the seed.
    """

    def __init__(self, n_splits: int = 5, random_state: int = 0) -> None:
        if n_splits < 2:
            raise ValueError(f"n_splits needs a whole number above 1, not {n_splits}")
        self.n_splits, self.random_state = n_splits, random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the rows to learn from and of the others; `y` is 0 and 1 of shape (rows, labels)."""
        fold = dealt(np.asarray(y), [1 / self.n_splits] * self.n_splits, self.random_state)
        for number in range(self.n_splits):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


class IterativeHoldout:
    """One split of the same kind.

    Parameters
    ----------
    test_size : the share of the rows to hold out, between 0 and 1.
    random_state : the seed.
    """

    def __init__(self, test_size: float = 0.2, random_state: int = 0) -> None:
        if isinstance(test_size, bool) or not isinstance(test_size, int | float) or not 0 < test_size < 1:
            raise ValueError(f"test_size is the share of the rows to hold out, between 0 and 1, not {test_size!r}")
        self.test_size, self.random_state = test_size, random_state

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """One."""
        return 1

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the training rows and of the held-out rows."""
        part = dealt(np.asarray(y), [1 - self.test_size, self.test_size], self.random_state)
        if not (part == 1).any():
            raise ValueError(f"test_size={self.test_size} holds out no row")
        yield np.flatnonzero(part == 0), np.flatnonzero(part == 1)


def dealt(labels: np.ndarray, shares: list[float], random_state: int) -> np.ndarray:
    """The part that each row goes to, shape (rows,).

    Parameters
    ----------
    labels : 0 and 1 of shape (rows, labels).
    shares : of the rows, one for each part, of sum 1.

    Raises
    ------
    ValueError
        If there are fewer rows than parts.
    """
    rows = len(labels)
    if labels.ndim != 2:
        raise ValueError("these splitters are for several labels a row")
    if rows < len(shares):
        raise ValueError(f"{rows} rows cannot be dealt out to {len(shares)} parts")
    random = check_random_state(random_state)
    # A row without any label is one of a label of its own.
    marks = np.column_stack([labels, labels.sum(axis=1) == 0]).astype(bool)
    room = np.asarray(shares) * rows
    wanted = np.outer(shares, marks.sum(axis=0)).astype(float)
    part = np.full(rows, -1)
    left = marks.sum(axis=0)
    while left.max() > 0:
        rarest = int(np.argmin(np.where(left > 0, left, rows + 1)))
        for row in random.permutation(np.flatnonzero(marks[:, rarest] & (part < 0))):
            wishes = np.stack([wanted[:, rarest], room], axis=1).round(9)
            best = np.flatnonzero((wishes == max(map(tuple, wishes))).all(axis=1))
            # A seeded sample, no secret, so that bandit's B311 does not apply.
            chosen = int(random.choice(best))
            part[row] = chosen
            wanted[chosen, marks[row]] -= 1
            room[chosen] -= 1
        left = marks[part < 0].sum(axis=0)
    return part
