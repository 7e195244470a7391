"""Quick: some of scikit-learn's metrics without its checks, for the thousands of scores that a selection asks for.

A test compares each with scikit-learn's own.
"""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

Score = Callable[[np.ndarray], float]


def quick(label: str, truth: np.ndarray, k: int) -> Score | None:
    """A function that gives the score of outputs of shape (rows, k), or None for other metrics and several targets.

    Parameters
    ----------
    label : a scorer's name, such as `neg_log_loss`.
    truth : array of shape (rows,), codes or numbers.
    k : the number of classes, or 1 where numbers are predicted.
    """
    if truth.ndim > 1:
        return None
    makers: dict[str, Callable[[np.ndarray], Score]] = {
        "neg_log_loss": _log_loss,
        "roc_auc": _roc_auc,
        "neg_mean_squared_error": lambda truth: lambda said: -_squared(truth, said),
        "neg_root_mean_squared_error": lambda truth: lambda said: -float(np.sqrt(_squared(truth, said))),
        "neg_mean_absolute_error": lambda truth: lambda said: -float(np.abs(truth - said.ravel()).mean()),
        "accuracy": lambda truth: lambda said: float((np.argmax(said, axis=1) == truth).mean()),
    }
    if label == "roc_auc" and k != 2:
        return None
    return makers[label](truth) if label in makers else None


def _squared(truth: np.ndarray, said: np.ndarray) -> float:
    return float(np.square(truth - said.ravel()).mean())


def _log_loss(truth: np.ndarray) -> Score:
    rows = np.arange(len(truth))

    def score(said: np.ndarray) -> float:
        smallest = np.finfo(said.dtype).eps
        return float(np.log(np.clip(said[rows, truth], smallest, 1 - smallest)).mean())

    return score


def _roc_auc(truth: np.ndarray) -> Score:
    """The share of pairs of a positive and a negative that stand in the right order."""
    positive = truth == 1
    count = int(positive.sum())
    pairs = count * (len(truth) - count)

    def score(said: np.ndarray) -> float:
        return float((rankdata(said[:, 1])[positive].sum() - count * (count + 1) / 2) / pairs)

    return score
