"""Out-of-fold rows: the rows that the folds score, one fold after another, and what outputs on them are worth."""

import inspect
from functools import partial
from typing import Any

import numpy as np
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from .fit import takes_weights, weighting
from .quick import quick
from .task import of_rows
from .training_set import TrainingSet, scored

MOST_ROWS = 5_000  # rows on which an ensemble compares configurations


class OutOfFold:
    """The scored rows of a training set's folds, and the scores of outputs on them.

    Attributes
    ----------
    rows : their positions in the training set; a row that several folds score is there several times.
    y_true, weights : of these rows, as metrics take them.
    """

    def __init__(self, data: TrainingSet) -> None:
        self.data, self.folds = data, scored(data.folds)
        self.rows = np.concatenate([rows for _, rows in self.folds])
        self.y_true = data.task.encode(data.y.iloc[self.rows])
        self.weights = of_rows(data.weights, self.rows)
        self._sizes = [len(rows) for _, rows in self.folds]

    def fold_scores(self, y_score: np.ndarray) -> list[float]:
        """Return the scores on the folds of outputs on all rows."""
        by_fold = np.split(y_score, np.cumsum(self._sizes)[:-1])
        outputs = map(self.data.task.from_scores, by_fold)
        return [self.data.score(part, fold) for part, fold in zip(outputs, self.folds, strict=True)]

    def mean_score(self, y_score: np.ndarray) -> float:
        """Return the mean of the folds' scores, over those in which the metric is defined."""
        return float(np.nanmean(self.fold_scores(y_score)))

    def choose(self, ensemble: Any, outputs: np.ndarray, fold_scores: np.ndarray) -> tuple[list[int], Any]:
        """Let an ensemble choose its members by their outputs.

        Parameters
        ----------
        ensemble : an object of `components/ensembles.py`.
        outputs : of all configurations, best first; shape (configurations, rows, k).
        fold_scores : of the search, shape (configurations, folds).

        Returns
        -------
        The positions of the members, and a fitted estimator for their outputs side by side.
        """
        task, metric, k = self.data.task, self.data.metric, outputs.shape[2]
        few = np.arange(len(self.y_true))
        # A metric that asks for more than `y_true` is scored by fold, because that differs from fold to fold.
        if len(few) > MOST_ROWS and not metric.asks:
            few = np.sort(np.random.default_rng(0).choice(len(few), MOST_ROWS, replace=False))
        y_true, weights = self.y_true[few], of_rows(self.weights, few)

        def score(y_score: np.ndarray) -> float:
            return metric.score(y_true, task.from_scores(y_score), weights=weights)

        fast = quick(metric.label, y_true, k, weights)
        known = {"fold_scores": fold_scores} | ({} if weights is None else {"weights": weights})
        asked = inspect.signature(ensemble.choose).parameters
        found: tuple[list[int], Any] = ensemble.choose(
            outputs[:, few],
            y_true,
            fast or (self.mean_score if metric.asks else score),
            partial(task.mean, k=k),
            **{name: value for name, value in known.items() if name in asked},
        )
        return found

    def predict(self, combine: Any, side_by_side: np.ndarray) -> np.ndarray:
        """Return an ensemble's outputs on each fold; what `combine` learns, it learns from the other folds.

        Parameters
        ----------
        combine : an estimator for the members' outputs side by side, shape (rows, members * k).
        """
        method = "predict_proba" if hasattr(combine, "predict_proba") else "predict"
        if len(self.folds) == 1:
            return np.asarray(getattr(combine, method)(side_by_side))
        cv = PredefinedSplit(np.repeat(np.arange(len(self.folds)), self._sizes))
        params = weighting(combine, self.weights) if takes_weights(combine) else None
        return np.asarray(cross_val_predict(combine, side_by_side, self.y_true, cv=cv, params=params, method=method))

    def difficulty(self) -> dict[str, np.ndarray]:
        """Return what intervals are given of the rows: their difficulty, and which they are if some are repeated."""
        X, y, task = self.data.X, self.data.y, self.data.task
        by_fold = [task.difficulty(X.iloc[rows], X.iloc[learn], y.iloc[learn]) for learn, rows in self.folds]
        known = {key: np.concatenate([fold[key] for fold in by_fold]) for key in by_fold[0]}
        return known if len(np.unique(self.rows)) == len(self.rows) else known | {"rows": self.rows}
