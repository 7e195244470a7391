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
from scipy.stats import entropy
from sklearn.base import clone
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    pairwise_distances_argmin,
    silhouette_samples,
)

from .clusters import NOISE

MOST_DIRECTIONS = 20  # in which a covariance can be told from some hundred rows
SMALLEST = 1e-3  # variance; that of a column is 1


def likelihood_gain_score(X: np.ndarray, labels: np.ndarray) -> float:
    """How much likelier the clusters make the rows than one cluster would, in nats a row; more is better.

    Below 0, one cluster describes the rows as well. Each cluster is a normal distribution of its own mean; their
    covariance is shared, so clusters may be stretched. The sizes of the clusters count, and each parameter costs as in
    the Bayesian information criterion. Rows of noise count as rows of the nearest cluster, and what is gained is
    multiplied by the share of the rows that are none. Categories, each a multinomial in each cluster, count only where
    there are fewer than two columns of numbers: clusters by a category alone are always found, and are no news.

    This is the integrated completed likelihood: Biernacki, Celeux and Govaert, Assessing a mixture model for clustering
    with the integrated completed likelihood, IEEE Transactions on Pattern Analysis and Machine Intelligence 22, 2000.

    Parameters
    ----------
    X : points, shape (rows, columns).
    labels : the numbers of their clusters, shape (rows,).
    """
    if not _is_clustering(labels):
        return -np.inf
    points, codes = _apart(X)
    rows, parameters = len(X), min(points.shape[1], MOST_DIRECTIONS) + 1 + sum(len(np.unique(one)) - 1 for one in codes)
    inside = labels != NOISE
    known = np.unique(labels[inside])
    centres = np.array([X[labels == one].mean(axis=0) for one in known])
    nearest = known[pairwise_distances_argmin(X, centres)]
    clusters = [np.where(inside, labels, nearest) == one for one in known]
    shares = np.array([part.mean() for part in clusters])
    around = np.concatenate([points[part] - points[part].mean(axis=0) for part in clusters])
    gain = _narrower(points - points.mean(axis=0), around) - float(entropy(shares))
    for one in codes:
        counts = np.array([np.bincount(one[part], minlength=one.max() + 1) for part in clusters])
        gain += float(shares @ (entropy(np.bincount(one)) - entropy(counts, axis=1)))
    gain -= 0.5 * (len(clusters) - 1) * parameters * np.log(rows) / rows
    return gain * inside.mean() if gain > 0 else gain


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


def _apart(X: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the columns of numbers and, if there are fewer than two, the codes of each category.

    A category has a column of ones and zeros for each of its values.
    """
    codes, numbers, block = [], [], np.zeros((len(X), 0))
    for column in X.T:
        if not np.isin(column, (0, 1)).all():
            numbers.append(column)
            continue
        block = np.column_stack([block, column])
        if (block.sum(axis=1) == 1).all():
            codes.append(np.argmax(block, axis=1))
            block = block[:, :0]
    return np.column_stack([np.zeros((len(X), 0)), *numbers]), codes if len(numbers) < 2 else []


def _grain(points: np.ndarray) -> np.ndarray:
    """Return the variance of rounding in each column: without it, clusters by a column of few values have none."""
    gaps = [np.median(np.diff(np.unique(column))) if len(np.unique(column)) > 1 else 0.0 for column in points.T]
    return np.maximum(np.square(gaps) / 12, SMALLEST)


def _narrower(points: np.ndarray, around: np.ndarray) -> float:
    """Return by how much the covariance around the clusters is smaller than that of all rows, in nats a row."""
    grain = np.diag(_grain(points))
    whole, within = (part.T @ part / len(part) + grain for part in (points, around))
    directions = np.linalg.eigh(whole)[1][:, -MOST_DIRECTIONS:]
    spreads = [np.linalg.slogdet(directions.T @ one @ directions)[1] for one in (whole, within)]
    return 0.5 * float(spreads[0] - spreads[1])


def _is_clustering(labels: np.ndarray) -> bool:
    """Whether there are at least two clusters, and fewer than rows in them."""
    inside = labels[labels != NOISE]
    return 1 < len(np.unique(inside)) < len(inside)


def _without_noise(metric: Callable[..., float], X: np.ndarray, labels: np.ndarray, power: int) -> float:
    inside = labels != NOISE
    return float(metric(X[inside], labels[inside]) * inside.mean() ** power)
