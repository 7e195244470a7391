"""The rows that models learn from, with all that fitting them and scoring them takes."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..objects.metrics import Metric, Outputs
from ..schema import Schema
from .split import Fold
from .task import Targets, Task, of_rows, score_outputs, task_of

MOST_SCORED = 20_000  # rows of a fold: enough for three digits of most metrics


@dataclass(frozen=True)
class TrainingSet:
    """The rows that models learn from, and how models are scored on them.

    Attributes
    ----------
    X, y : the feature columns and the raw targets.
    folds : pairs of positions: of the rows to learn from, and of the rows to score.
    task : what is predicted, bound to the table.
    dtypes : of the feature columns.
    metric : the score of a fold; more is better.
    weights : of the rows, shape (rows,); None where all count the same.
    """

    X: pd.DataFrame = field(repr=False)
    y: Targets = field(repr=False)
    folds: Sequence[Fold] = field(repr=False)
    task: Task
    dtypes: dict[str, str]
    metric: Metric
    weights: np.ndarray | None = field(default=None, repr=False)

    @classmethod
    def from_table(cls, table: pd.DataFrame, schema: Schema, folds: Sequence[Fold], metric: Metric) -> "TrainingSet":
        """Take the features, the targets and the weights from the columns of a table with this schema."""
        X, y = table[list(schema.features)], table[schema.target]
        return cls(X, y, folds, task_of(schema), schema.features, metric, schema.weights(table))

    def rows(self, positions: Any) -> tuple[pd.DataFrame, Targets, np.ndarray | None]:
        """Return the features, the targets and the weights of some rows."""
        return self.X.iloc[positions], self.y.iloc[positions], of_rows(self.weights, positions)

    def score(self, outputs: Outputs, fold: Fold) -> float:
        """Return the score of a model's outputs on the scored rows of a fold; the model has learned from the others."""
        (X_train, y_train, _), (X, y, weights) = map(self.rows, fold)
        return score_outputs(self.metric, self.task, outputs, self.task.encode(y), X, X_train, y_train, weights=weights)

    def sampled(self, sample: Any = None) -> "TrainingSet":
        """Cut the rows down to those that a search looks at.

        Parameters
        ----------
        sample : draws the rows to learn from in each fold (it has `fit_resample`), or None for all of them.

        Raises
        ------
        UserError
            If it makes new rows.
        """
        folds = [(self._draw(sample, learn), score) for learn, score in scored(self.folds)]
        used = np.unique(np.concatenate([np.concatenate(fold) for fold in folds]))
        if len(used) == len(self.X):
            return replace(self, folds=folds)
        place = np.full(len(self.X), -1)
        place[used] = np.arange(len(used))
        X, y, weights = self.rows(used)
        return replace(
            self,
            X=X.reset_index(drop=True),
            y=y.reset_index(drop=True),
            folds=[(place[learn], place[score]) for learn, score in folds],
            weights=weights,
        )

    def _draw(self, sample: Any, learn: np.ndarray) -> np.ndarray:
        if sample is None:
            return learn
        drawn, _ = sample.fit_resample(pd.DataFrame({"position": learn}), self.y.iloc[learn].reset_index(drop=True))
        positions = drawn["position"].to_numpy()
        if not np.isin(positions, learn).all():
            raise UserError(f"{type(sample).__name__} makes new rows: a sample draws some of those that are there")
        return np.asarray(positions)


def scored(folds: Sequence[Fold]) -> list[Fold]:
    """Return the folds with the rows that are scored: all or, of very many, the same sample for every model."""
    random = np.random.default_rng(0)
    return [
        (learn, score if len(score) <= MOST_SCORED else np.sort(random.choice(score, MOST_SCORED, replace=False)))  # nosec B311 # a seeded sample, no secret
        for learn, score in folds
    ]
