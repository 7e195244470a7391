"""Metrics of several labels a row, which scikit-learn does not have as scorers."""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score


def label_log_loss(y_true: np.ndarray, y_proba: np.ndarray) -> float:
    """The mean over the labels of the log loss of each; defined also where no row has a label.

    Parameters
    ----------
    y_true : 0 and 1 of shape (rows, labels).
    y_proba : probabilities of the same shape.
    """
    y_true, share = np.asarray(y_true, dtype=float), np.asarray(y_proba, dtype=float)
    smallest = np.finfo(share.dtype).eps
    share = np.clip(share, smallest, 1 - smallest)
    return float(-(y_true * np.log(share) + (1 - y_true) * np.log1p(-share)).mean())


def label_roc_auc_score(y_true: np.ndarray, y_proba: np.ndarray) -> float:
    """The mean area under the ROC curve over the labels that some rows have, and not all.

    Parameters
    ----------
    y_true, y_proba : as in `label_log_loss`.
    """
    return _mean(roc_auc_score, y_true, y_proba)


def label_average_precision_score(y_true: np.ndarray, y_proba: np.ndarray) -> float:
    """The mean average precision over the labels that some rows have, and not all.

    Parameters
    ----------
    y_true, y_proba : as in `label_log_loss`.
    """
    return _mean(average_precision_score, y_true, y_proba)


def _mean(score: Callable[..., float], y_true: np.ndarray, y_proba: np.ndarray) -> float:
    y_true, share = np.asarray(y_true), np.asarray(y_proba)
    usable = [label for label in range(y_true.shape[1]) if 0 < y_true[:, label].sum() < len(y_true)]
    if not usable:
        return float("nan")
    return float(np.mean([score(y_true[:, label], share[:, label]) for label in usable]))
