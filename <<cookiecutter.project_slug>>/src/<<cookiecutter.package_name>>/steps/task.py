"""Task: what is to be predicted, and so which form targets, outputs and predictions have; see `components/tasks.py`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from ..errors import UserError
from ..objects.discovery import load
from ..objects.kinds import PACKAGE
from ..objects.metrics import Metric, Outputs
from ..objects.reader import Where
from ..schema import Schema

Targets = pd.Series | pd.DataFrame  # one column, or those of a list
# What may stand around the final model: its kind, and one that does it.
AROUND = {
    "calibration": ("classifier", "CalibratedClassifierCV"),
    "threshold": ("classifier", "TunedThresholdClassifierCV"),
    "intervals": ("regressor", "ResidualIntervals"),
}


class Task(ABC, BaseEstimator):
    """What all tasks share; each says the rest. It is built from `params/data.yaml`, then `bind` gives it a table.

    Attributes
    ----------
    models : the kinds of estimators that can compete.
    takes : what `params/train.yaml` may put around the final model, and `final_estimator` if members can be stacked.
    keys : roles whose columns the model is given beside features and a date with the role `time`.
    targets : how many target columns there may be: the fewest and the most (None: any number).
    tells : what `known` gives.
    inferred : the params that the task takes from its table unless they are written.
    independent : whether the prediction of a row depends on that row alone; others are never predicted in parts, or
        together with another request.
    baseline : what the dummy model does, for the report.
    weighted : whether rows can have weights.
    rival : what the report and the summary call the dummy model.
    labels_ : the classes in order, empty where numbers are predicted.
    target_ : the target column or, where it is a list in the params, the target columns.
    """

    kind = "task"
    models: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    targets: tuple[int, int | None] = (1, 1)
    tells: tuple[str, ...] = ("X", "X_train", "y_train")
    inferred: tuple[str, ...] = ()
    independent: bool = True
    baseline: str = "The dummy model looks at the target alone and at no other column."
    rival: str = "dummy model"
    weighted: bool = False

    def bind(self, schema: Schema) -> "Task":
        """Take over from a table's schema what the task needs of it."""
        self.labels_, self.target_ = list(schema.labels), schema.target
        return self

    @property
    def name(self) -> str:
        """What a reader calls the task."""
        return type(self).__name__.lower()

    @property
    def names(self) -> list[str]:
        """What the classes, or the labels, are called."""
        return [str(label) for label in self.labels_]

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows after their columns have been typed, in training and in prediction alike; their index stays."""
        return frame

    def example(self, rows: list[dict[str, Any]], raw: pd.DataFrame) -> list[dict[str, Any]]:
        """Rows that can be predicted, as they would stand in the table, of some of the table as it was read."""
        return rows

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """The rows that can be learned from, with their targets in their final form.

        `schema.labels` is set here, and what is worth telling is added to `schema.notes`.

        Parameters
        ----------
        frame : the typed table with its target, if it has one.
        positive : of two classes the positive one, as in `params/data.yaml`.

        Raises
        ------
        UserError
            If the targets are not what the task needs.
        """
        return frame

    def hints(self, frame: pd.DataFrame, schema: Schema) -> list[str]:
        """Notes on what looks wrong in a table."""
        return []

    def check_split(self, target: Any, train: np.ndarray, held_out: np.ndarray, folds: Sequence[Any], by: Any) -> None:
        """See that there is enough to learn from.

        Parameters
        ----------
        target : of all rows.
        train, held_out : positions of rows.
        folds : pairs of positions among `train`.
        by : the two splitters.

        Raises
        ------
        UserError
            If there is not.
        """

    def splitter(self, splitter: Any) -> Any:
        """Return a splitter of `params/split.yaml` with what it leaves to the task filled in."""
        return splitter

    def stratified_by(self, target: Any) -> Any:
        """What splitters get as `y`, of which they may keep the shares."""
        return target

    def adapt(self, estimator: Any) -> Any:
        """The estimator that a model names, made fit for the targets."""
        return estimator

    def wrap(self, pipeline: Any) -> Any:
        """The unfitted estimator for raw rows and raw targets, around a pipeline of preprocessing and estimator.

        What it predicts has to be what `outputs` decides: the report measures the one, and `predict` gives the other.
        """
        return pipeline

    @abstractmethod
    def dummy(self) -> Any:
        """An unfitted model that looks at no feature, which is what any model has to beat."""

    def toys(self) -> list[tuple[np.ndarray, Outputs]]:
        """Made-up truths with outputs: a metric that can be computed for none of them does not fit the task."""
        return []

    @abstractmethod
    def truth(self, target: Any) -> np.ndarray:
        """The truth in the form of `outputs`: codes in the order of the classes, or numbers."""

    @abstractmethod
    def outputs(self, model: Any, features: Any) -> Outputs:
        """What a fitted model says of some rows, in the form that metrics take."""

    @abstractmethod
    def probable(self, said: Outputs) -> np.ndarray:
        """Outputs of one shape for all models, which an ensemble can average: (rows, k)."""

    @abstractmethod
    def said(self, values: np.ndarray) -> Outputs:
        """The outputs that `probable` made an array of shape (rows, k) of; codes where that has one dimension.

        It decides as the models of `wrap` and of `ensemble` do.
        """

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Arrays of `probable` that were kept in single precision, of shape (..., rows, k)."""
        return values.astype(float)

    @abstractmethod
    def mean(self, weights: Sequence[float], k: int) -> Any:
        """The weighted mean of members' outputs, fitted: an estimator for arrays of shape (rows, members * k)."""

    @abstractmethod
    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """One estimator of fitted members."""

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """Predictions with the index of `features`: the column `prediction`, and what else there is to say."""
        return pd.DataFrame({"prediction": model.predict(features)}, index=features.index)

    def see(self, features: pd.DataFrame, target: Targets) -> None:
        """Take note of the rows that the final model learns from."""

    def difficulty(
        self, features: pd.DataFrame, learned: pd.DataFrame | None = None, target: Targets | None = None
    ) -> dict[str, np.ndarray]:
        """Return what is known beforehand of the size of rows' errors, for the intervals around the final model.

        Parameters
        ----------
        learned, target : DataFrame and Series, optional
            The rows that a model learned from; those that `see` was given if None.

        Returns
        -------
        dict of arrays of shape (rows,)
            Any of `strata`, integers in the order of the errors, and `scale`, the expected size of each error up to a
            common factor.
        """
        return {}

    def upcoming(self, frame: pd.DataFrame, steps: int | None = None) -> pd.DataFrame:
        """Return the typed rows that follow a table, to be predicted by a model that has learned from all of it.

        Parameters
        ----------
        frame : DataFrame
            The typed table.
        steps : int, optional
            How many rows follow.

        Raises
        ------
        UserError
            If no row follows from the table alone.
        """
        raise UserError(
            f"nothing follows the rows of a {self.name}: `make predict FROM=new.csv` predicts the rows of a table"
        )

    def doubtful(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Return the rows whose predictions deserve a warning: the column that is the reason, why, and positions."""
        return []

    def askable(self, features: pd.DataFrame) -> pd.DataFrame:
        """Rows that a fitted model can be asked about, made of those that it learned from."""
        return features

    def unanswerable(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Rows that a fitted model has no answer to: the column that is the reason, why, and their positions."""
        return []

    @abstractmethod
    def answers(self, model: Any) -> dict[str, Any]:
        """The columns that `predict` gives for this model, each with the JSON Schema of its values."""

    def known(self, features: Any, learned: Any, target: Any) -> dict[str, Any]:
        """What a metric may ask for beside truth and predictions, by the names of its parameters.

        Parameters
        ----------
        features : the rows that are judged.
        learned, target : the rows that the model learned from.
        """
        return {"X": features, "X_train": learned, "y_train": target}


def task_of(schema: Schema) -> Task:
    """The task that a schema names, bound to it.

    Raises
    ------
    UserError
        If it is no task of this project: what a model's folder says of itself runs nothing else.
    """
    path, params = schema.task["class"], schema.task.get("params", {})
    rooms = tuple(f"{PACKAGE}.{room}." for room in ("components", "custom", "parts"))
    made = load(path, Where("schema.json").at("task"), ["task"]) if path.startswith(rooms) else None
    if not (isinstance(made, type) and issubclass(made, Task)):
        raise UserError(f"{path!r} is no task of this project: tasks are classes of its `components/` or `custom/`")
    return made(**params).bind(schema)


def of_rows(weights: np.ndarray | None, rows: Any) -> np.ndarray | None:
    """Return the weights of some rows, by position; None where there are no weights."""
    return None if weights is None else weights[rows]


def judged(
    metric: Metric,
    task: Task,
    said: Outputs,
    truth: np.ndarray,
    features: Any,
    learned: Any,
    target: Any,
    model: Any = None,
    weights: np.ndarray | None = None,
) -> float:
    """The score of outputs, more is better; `features`, `learned` and `target` as in `Task.known`.

    `weights` are those of the rows that are judged. A metric with a parameter `estimator` is given the fitted `model`,
    where there is one.

    Raises
    ------
    ValueError
        If the metric does not fit the task or the outputs.
    """
    if not metric.asks:
        return metric.score(truth, said, weights=weights)
    more = {} if model is None else {"estimator": model}
    return metric.score(truth, said, task.known(features, learned, target) | more, weights)
