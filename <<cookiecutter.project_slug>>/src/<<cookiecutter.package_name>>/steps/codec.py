"""Target codec: the form in which a task's targets, the outputs of its models and its predictions are written."""

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd

from ..objects.metrics import Outputs
from ..schema import Schema


class TargetCodec(ABC):
    """Encode targets for metrics and ensembles, and turn the outputs of models into predictions.

    Attributes
    ----------
    labels_ : the classes in order, empty where numbers are predicted.
    target_ : the target column or, where it is a list in the params, the target columns.
    """

    labels_: list[Any]
    target_: str | list[str]

    def bind(self, schema: Schema) -> Self:
        """Take over from a table's schema what the task needs of it."""
        self.labels_, self.target_ = list(schema.labels), schema.target
        return self

    @property
    def names(self) -> list[str]:
        """What the classes, or the labels, are called."""
        return [str(label) for label in self.labels_]

    def toys(self) -> list[tuple[np.ndarray, Outputs]]:
        """Made-up `y_true` with outputs: a metric that can be computed for none of them does not fit the task."""
        return []

    @abstractmethod
    def encode(self, target: Any) -> np.ndarray:
        """Return `y_true`, shape (rows,) or (rows, targets): codes in the order of the classes, or numbers."""

    @abstractmethod
    def outputs(self, model: Any, features: Any) -> Outputs:
        """Return the outputs of a fitted model on some rows, in the form that metrics take."""

    @abstractmethod
    def to_scores(self, outputs: Outputs) -> np.ndarray:
        """Return outputs as an array that an ensemble can average, of one shape for all models: (rows, k)."""

    @abstractmethod
    def from_scores(self, values: np.ndarray) -> Outputs:
        """Rebuild outputs from the array returned by `to_scores`; a 1-D array holds class codes.

        The decisions are those of the models of `wrap` and of `ensemble`.
        """

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Restore arrays of `to_scores` that were kept in single precision, of shape (..., rows, k)."""
        return values.astype(float)

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """Predictions with the index of `features`: the column `prediction`, and what else there is to say."""
        return pd.DataFrame({"prediction": model.predict(features)}, index=features.index)

    @abstractmethod
    def answers(self, model: Any) -> dict[str, Any]:
        """The columns that `predict` gives for this model, each with the JSON Schema of its values."""
