"""Quick: some of scikit-learn's metrics without its checks, for the thousands of scores that a selection asks for.

A test compares each with scikit-learn's own.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

Score = Callable[[np.ndarray], float]


def quick(label: str, y_true: np.ndarray, k: int, weights: np.ndarray | None = None) -> Score | None:
    """A function that gives the score of outputs of shape (rows, k), or None for other metrics and several targets.

    Parameters
    ----------
    label : a scorer's name, such as `neg_log_loss`.
    y_true : array of shape (rows,), codes or numbers.
    k : the number of classes, or 1 where numbers are predicted.
    weights : array of shape (rows,); all rows count the same if None.
    """
    if y_true.ndim > 1:
        return None
    if label == "roc_auc":
        return _roc_auc(y_true) if k == 2 and weights is None else None
    rows = np.arange(len(y_true))
    each: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "neg_log_loss": lambda y_score: np.log(_inside(y_score[rows, y_true])),
        "neg_mean_squared_error": lambda y_score: -np.square(y_true - y_score.ravel()),
        "neg_root_mean_squared_error": lambda y_score: -np.square(y_true - y_score.ravel()),
        "neg_mean_absolute_error": lambda y_score: -np.abs(y_true - y_score.ravel()),
        "accuracy": lambda y_score: np.argmax(y_score, axis=1) == y_true,
    }
    if label not in each:
        return None
    losses = each[label]

    def score(y_score: np.ndarray) -> float:
        mean = float(np.average(losses(y_score), weights=weights))
        return -((-mean) ** 0.5) if label == "neg_root_mean_squared_error" else mean

    return score


def _inside(shares: np.ndarray) -> np.ndarray:
    """Shares that have a logarithm, as scikit-learn's log loss cuts them."""
    smallest = np.finfo(shares.dtype).eps
    return np.clip(shares, smallest, 1 - smallest)


def _roc_auc(y_true: np.ndarray) -> Score:
    """The share of pairs of a positive and a negative that stand in the right order."""
    positive = y_true == 1
    count = int(positive.sum())
    pairs = count * (len(y_true) - count)

    def score(y_score: np.ndarray) -> float:
        return float((rankdata(y_score[:, 1])[positive].sum() - count * (count + 1) / 2) / pairs)

    return score
