"""Metrics of a clustering: functions of points and of the numbers of their clusters, for nothing is known to be true.

`X` are points of the reference space of `clusters.py`, the same for all models. Noise (-1) is in no cluster: a metric
is that of the other rows, made worse by the share of the rows that are left out, as the density-based validity index
does (Moulavi, Jaskowiak, Campello, Zimek and Sander, Density-based clustering validation, SDM 2014). What is no
clustering, one cluster or as many as there are rows, has the worst value that there is, so that no search takes it for
good.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_samples,
)

from .clusters import NOISE


def mean_silhouette_score(
    X: np.ndarray, labels: np.ndarray, *, sample_size: int = 2000, random_state: int = 0
) -> float:
    """How much nearer a row is to its own cluster than to the next, on average: from -1 to 1, more is better.

    Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis, Journal of
    Computational and Applied Mathematics 20, 1987. A row of noise counts as 0, as he has it for a row that is alone.

    Parameters
    ----------
    X : points, shape (rows, columns).
    labels : the numbers of their clusters, shape (rows,).
    sample_size : how many rows are compared with one another at most; the time grows with its square.
    random_state : the seed of that sample.
    """
    if len(X) > sample_size:
        chosen = np.random.default_rng(random_state).choice(len(X), sample_size, replace=False)
        X, labels = X[chosen], labels[chosen]
    return float(widths(X, labels).mean()) if _is_clustering(labels) else -1.0


def davies_bouldin_error(X: np.ndarray, labels: np.ndarray) -> float:
    """How wide clusters are beside the distance to the one most like them, on average; from 0, less is better.

    Davies and Bouldin, A cluster separation measure, IEEE Transactions on Pattern Analysis and Machine Intelligence 1,
    1979. It is divided by the share of the rows that are no noise.

    Parameters
    ----------
    X : points, shape (rows, columns).
    labels : the numbers of their clusters, shape (rows,).
    """
    return _without_noise(davies_bouldin_score, X, labels, -1) if _is_clustering(labels) else np.inf


def calinski_harabasz_ratio_score(X: np.ndarray, labels: np.ndarray) -> float:
    """The variance between clusters over that within them, each by its degrees of freedom; from 0, more is better.

    Caliński and Harabasz, A dendrite method for cluster analysis, Communications in Statistics 3, 1974. It is
    multiplied by the share of the rows that are no noise.

    Parameters
    ----------
    X : points, shape (rows, columns).
    labels : the numbers of their clusters, shape (rows,).
    """
    return _without_noise(calinski_harabasz_score, X, labels, 1) if _is_clustering(labels) else 0.0


def stability_score(
    X: np.ndarray,
    labels: np.ndarray,
    *,
    estimator: Any,
    rows: pd.DataFrame,
    rows_train: pd.DataFrame,
    resamples: int = 10,
    share: float = 0.5,
    random_state: int = 0,
) -> float:
    """How alike the clusters are that the model finds when it learns from other rows: 0 by chance, 1 where all agree.

    The mean adjusted Rand index (Hubert and Arabie 1985) between the clusters of these rows and those that they are put
    into by copies of the model, each fitted to a random half of the training rows: Ben-Hur, Elisseeff and Guyon, A
    stability based method for discovering structure in clustered data, Pacific Symposium on Biocomputing 7, 2002.

    Parameters
    ----------
    X, labels : points, and the numbers of their clusters.
    estimator : the fitted model.
    rows, rows_train : the same rows as they are in the table, and those that the model learned from.
    resamples : how many copies.
    share : of the training rows, what each learns from.
    random_state : the seed of the halves.
    """
    found = refitted(estimator, rows, rows_train, resamples, share, random_state)
    return float(np.mean([adjusted_rand_score(labels, one) for one in found]))


def widths(X: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The silhouette of each row, 0 for noise; `labels` have at least two clusters."""
    inside = labels != NOISE
    found = np.zeros(len(labels))
    found[inside] = silhouette_samples(X[inside], labels[inside])
    return found


def refitted(
    estimator: Any, rows: pd.DataFrame, learned: pd.DataFrame, resamples: int, share: float, random_state: int
) -> list[np.ndarray]:
    """The clusters of `rows` by copies of a model, each fitted to a random part of the rows that it learned from."""
    random, found = np.random.default_rng(random_state), []
    for _ in range(resamples):
        # A seeded sample, no secret, so that bandit's B311 does not apply.
        part = np.sort(random.choice(len(learned), max(2, round(share * len(learned))), replace=False))
        found.append(np.asarray(clone(estimator).fit(learned.iloc[part]).predict(rows)))
    return found


def _is_clustering(labels: np.ndarray) -> bool:
    """Whether there are at least two clusters, and fewer than rows in them."""
    inside = labels[labels != NOISE]
    return 1 < len(np.unique(inside)) < len(inside)


def _without_noise(metric: Callable[..., float], X: np.ndarray, labels: np.ndarray, power: int) -> float:
    inside = labels != NOISE
    return float(metric(X[inside], labels[inside]) * inside.mean() ** power)
