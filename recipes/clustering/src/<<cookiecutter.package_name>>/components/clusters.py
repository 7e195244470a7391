"""Clustering: rows that are alike become groups, with no target, and new rows are told which group they belong to.

Clusters are numbered 0, 1, 2, … by falling number of training rows; -1 is noise, a row of no cluster.
"""

from collections.abc import Sequence
from typing import Any

import joblib
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, MetaEstimatorMixin, TransformerMixin, clone
from sklearn.neighbors import NearestNeighbors

from ..errors import UserError
from ..objects.metrics import Outputs
from ..schema import Schema, dtype_of
from ..steps.ensemble import WeightedMean
from ..steps.task import Task
from .text import LatentSemanticAnalysis

NOISE = -1
FAR = 3.0  # standard deviations, which nothing exceeds in the reference space
RARE = 0.01  # the share of rows below which categories are taken together


class Clustering(Task):
    """Groups of rows that are alike; there is no target.

    Parameters
    ----------
    most_rows : what cannot predict (AgglomerativeClustering, HDBSCAN, …) compares its rows with one another, and learns
        from at most so many, drawn at random; the nearest of them speaks for any other row.
    """

    models = ("clusterer",)
    takes = ()
    targets = (0, 0)
    tells = ("X", "X_train", "y_train", "rows", "rows_train")
    baseline = "The dummy model puts each row into one of two clusters, drawn at random."

    def __init__(self, most_rows: int = 10000) -> None:
        if isinstance(most_rows, bool) or not isinstance(most_rows, int) or most_rows < 2:
            raise ValueError(f"most_rows needs a whole number above 1, not {most_rows!r}")
        self.most_rows = most_rows

    def bind(self, schema: Schema) -> "Clustering":
        """Take over the dtypes of the features as well."""
        super().bind(schema)
        self.dtypes_ = dict(schema.features)
        return self

    def adapt(self, estimator: Any) -> Any:
        """One that numbers its clusters by their size and predicts."""
        return Clusters(estimator, self.most_rows)

    def dummy(self) -> Any:
        """Two clusters, drawn at random."""
        return RandomClusters()

    def encode(self, target: Any) -> np.ndarray:
        """Nothing is known to be true: zeros, shape (rows,)."""
        return np.zeros(len(target))

    def outputs(self, model: Any, features: Any) -> Outputs:
        """The numbers of the rows' clusters."""
        return Outputs(np.asarray(model.predict(features)).astype(int))

    def to_scores(self, outputs: Outputs) -> np.ndarray:
        """The same numbers, shape (rows, 1)."""
        return outputs.predicted.reshape(-1, 1).astype(float)

    def from_scores(self, values: np.ndarray) -> Outputs:
        """Outputs of these numbers."""
        return Outputs(np.asarray(values).ravel().astype(int))

    def mean(self, weights: Sequence[float], k: int) -> Any:
        """What one member says.

        Raises
        ------
        UserError
            If there are more: the cluster 1 of one model is not that of another.
        """
        if len(weights) > 1:
            raise _no_ensemble()
        return WeightedMean([1.0])

    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """There is none.

        Raises
        ------
        UserError
            Always.
        """
        raise _no_ensemble()

    def answers(self, model: Any) -> dict[str, Any]:
        """The number of the cluster."""
        return {"prediction": {"type": "integer", "minimum": NOISE, "description": "The cluster; -1 is noise."}}

    def known(self, features: Any, learned: Any, target: Any) -> dict[str, Any]:
        """What metrics judge by: rows in a space that is the same for all models, whatever a model makes of them.

        `X` and `X_train` are points of the reference space, `rows` and `rows_train` the rows as they are.
        """
        names = list(self.dtypes_)
        rows, rows_train = features[names], learned[names]
        space = ReferenceSpace([name for name, dtype in self.dtypes_.items() if dtype == "text"]).fit(rows_train)
        points, points_train = space.transform(rows), space.transform(rows_train)
        return {"X": points, "X_train": points_train, "y_train": target, "rows": rows, "rows_train": rows_train}


class Clusters(MetaEstimatorMixin, BaseEstimator):
    """A clusterer whose clusters are numbered by their size, and that predicts, whatever stands inside.

    What has no `predict` of its own is replaced, once it has found its clusters, by a `NearestCluster` of them.

    Parameters
    ----------
    estimator : a clusterer, or a mixture.
    most_rows : how many rows one without `predict` learns from at most.
    """

    def __init__(self, estimator: Any, most_rows: int = 10000) -> None:
        self.estimator, self.most_rows = estimator, most_rows

    def fit(self, X: Any, y: Any = None) -> "Clusters":
        """Find the clusters.

        Raises
        ------
        ValueError
            If the estimator does not give each row a cluster.
        """
        points, predicts = _dense(X), hasattr(self.estimator, "predict")
        if not predicts and len(points) > self.most_rows:
            chosen = np.random.default_rng(0).choice(len(points), self.most_rows, replace=False)
            points = points[np.sort(chosen)]
        fitted = clone(self.estimator).fit(points)
        found = np.asarray(fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(points))
        if found.shape != (len(points),):
            raise ValueError(f"{type(self.estimator).__name__} does not give each row a cluster")
        codes, counts = np.unique(found[found >= 0], return_counts=True)
        self.codes_ = codes[np.argsort(-counts, kind="stable")].astype(int)
        self.estimator_ = fitted if predicts else NearestCluster().fit(points, found)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The numbers of the clusters, shape (rows,); noise for a code that no training row was given."""
        numbers = {code: number for number, code in enumerate(self.codes_.tolist())}
        found = np.asarray(self.estimator_.predict(_dense(X))).tolist()
        return np.asarray([numbers.get(code, NOISE) for code in found], dtype=int)


class NearestCluster(BaseEstimator):
    """The cluster of the nearest row of training, for clusterers that have nothing to say of new rows.

    A row of training gets its own cluster back. Where some of these rows are noise, a new row is noise too if the one
    nearest to it is, or if that one is farther away than any row of its cluster is from the nearest other one.
    """

    def fit(self, X: np.ndarray, labels: np.ndarray) -> "NearestCluster":
        """Keep the rows, and how far apart neighbours are in each cluster.

        Parameters
        ----------
        X : points, shape (rows, columns).
        labels : their clusters, shape (rows,); what is below 0 is noise.
        """
        self.labels_ = np.maximum(labels, NOISE).astype(int)
        self.neighbors_ = NearestNeighbors(n_neighbors=1).fit(X)
        noisy = bool((self.labels_ == NOISE).any())
        clusters = range(self.labels_.max() + 1)
        # The last is for noise, which is at the place -1 as well.
        limits = [_largest_gap(X[self.labels_ == one]) if noisy else np.inf for one in clusters]
        self.limits_ = np.asarray([*limits, np.inf])
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The clusters, shape (rows,)."""
        distances, places = self.neighbors_.kneighbors(X)
        labels = self.labels_[places.ravel()]
        return np.where(distances.ravel() <= self.limits_[labels], labels, NOISE)


class RandomClusters(BaseEstimator):
    """Clusters that have nothing to do with the rows, to compare others with.

    Parameters
    ----------
    n_clusters : how many.
    """

    def __init__(self, n_clusters: int = 2) -> None:
        self.n_clusters = n_clusters

    def fit(self, X: Any, y: Any = None) -> "RandomClusters":
        """Make a seed of the rows: what learns from others draws others, and the same rows give the same."""
        self.seed_ = int(joblib.hash(X), 16)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Numbers drawn at random, shape (rows,)."""
        return np.random.default_rng(self.seed_).integers(0, self.n_clusters, len(X))


class ReferenceSpace(TransformerMixin, BaseEstimator):
    """Rows of any columns as points, between which Euclidean distances mean the same for all models.

    - A number or a date is centred on the median and divided by a robust standard deviation (that of a normal
      distribution with the same quartiles; where they are equal, the plain one). A missing one is the median. What lies
      far out is drawn in to less than 3, smoothly, so that no few rows are all that a distance sees.
    - A category is one column of ones and zeros for each value that 1 % of the rows have, and one for all the rarer
      ones; a missing one is a value as well. Two different categories are as far apart as two numbers are on average:
      2, squared.
    - A text is at most 30 numbers, by latent semantic analysis: texts with nothing in common are as far apart as well.

    Parameters
    ----------
    texts : the columns that are text.
    """

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts = texts

    def fit(self, X: pd.DataFrame, y: Any = None) -> "ReferenceSpace":
        """Learn centres, scales, categories and words."""
        self.centres_: dict[str, float] = {}
        self.scales_: dict[str, float] = {}
        self.categories_: dict[str, list[str]] = {}
        for name in (str(name) for name in X if name not in self.texts):
            if dtype_of(X[name]) == "category":
                shares = X[name].fillna("").value_counts(normalize=True)
                self.categories_[name] = shares.index[shares >= RARE].tolist()
                continue
            numbers = _numbers(X[name])
            numbers = numbers[np.isfinite(numbers)] if np.isfinite(numbers).any() else np.zeros(1)
            low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75])
            self.centres_[name] = float(middle)
            self.scales_[name] = float((high - low) / 1.349 or numbers.std() or 1.0)
        self.words_ = LatentSemanticAnalysis().fit(X[list(self.texts)]) if self.texts else None
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Points of shape (rows, columns)."""
        parts = []
        for name, centre in self.centres_.items():
            away = np.nan_to_num((_numbers(X[name]) - centre) / self.scales_[name], nan=0.0)
            parts.append((away / np.sqrt(1 + (away / FAR) ** 2)).reshape(-1, 1))
        for name, categories in self.categories_.items():
            codes = pd.Index(categories).get_indexer(pd.Index(X[name].fillna("")))
            parts.append(np.eye(len(categories) + 1)[codes])  # -1 is the last: all the others
        if self.words_ is not None:
            parts.append(self.words_.transform(X[list(self.texts)]))
        return np.hstack(parts)


def _numbers(values: pd.Series) -> np.ndarray:
    """A column of numbers or dates as floats, dates in days."""
    if pd.api.types.is_datetime64_any_dtype(values):
        values = (values - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    return values.to_numpy(dtype=float)


def _dense(X: Any) -> np.ndarray:
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=float)


def _largest_gap(points: np.ndarray) -> float:
    """The largest distance of a point to the one that is nearest to it, and a little more for rounding."""
    if len(points) < 2:
        return 1e-6
    distances, _ = NearestNeighbors(n_neighbors=1).fit(points).kneighbors()  # of all others
    return float(distances.max()) + 1e-6


def _no_ensemble() -> UserError:
    return UserError(
        "clusters of several models cannot be averaged, for their numbers have nothing to do with each other; write "
        "{class: BestSingle}, with refit: true",
        "train.yaml",
        "ensemble",
    )
