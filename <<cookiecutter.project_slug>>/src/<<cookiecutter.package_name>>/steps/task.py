"""Task: what is to be predicted; `components/tasks.py` has those of the core."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..errors import UserError
from ..objects.discovery import load
from ..objects.kinds import PACKAGE
from ..objects.metrics import Metric, Outputs
from ..objects.reader import Where
from ..schema import Schema
from .codec import TargetCodec
from .row_rules import RowRules, Targets

# What may stand around the final model: its kind, and one that does it.
AROUND = {
    "calibration": ("classifier", "CalibratedClassifierCV"),
    "threshold": ("classifier", "TunedThresholdClassifierCV"),
    "intervals": ("regressor", "ResidualIntervals"),
}


class Task(TargetCodec, RowRules, BaseEstimator):
    """What is to be predicted: the form of its targets, the rules for its rows, and the models that can do it.

    It is built from `params/data.yaml`, then `bind` gives it a table.

    Attributes
    ----------
    models : the kinds of estimators that can compete.
    takes : what `params/train.yaml` may put around the final model, and `final_estimator` if members can be stacked.
    targets : how many target columns there may be: the fewest and the most (None: any number).
    inferred : the params that the task takes from its table unless they are written.
    baseline : what the dummy model does, for the report.
    rival : what the report and the summary call the dummy model.
    """

    kind = "task"
    models: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    targets: tuple[int, int | None] = (1, 1)
    inferred: tuple[str, ...] = ()
    baseline: str = "The dummy model looks at the target alone and at no other column."
    rival: str = "dummy model"

    @property
    def name(self) -> str:
        """What a reader calls the task."""
        return type(self).__name__.lower()

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

    @abstractmethod
    def mean(self, weights: Sequence[float], k: int) -> Any:
        """The weighted mean of members' outputs, fitted: an estimator for arrays of shape (rows, members * k)."""

    @abstractmethod
    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """One estimator of fitted members."""


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


def score_outputs(
    metric: Metric,
    task: Task,
    outputs: Outputs,
    y_true: np.ndarray,
    features: Any,
    learned: Any,
    target: Targets | None,
    model: Any = None,
    weights: np.ndarray | None = None,
) -> float:
    """Return the score of outputs, more is better; `features`, `learned` and `target` as in `Task.known`.

    `weights` are those of the rows that are scored. A metric with a parameter `estimator` is given the fitted `model`,
    where there is one.

    Raises
    ------
    ValueError
        If the metric does not fit the task or the outputs.
    """
    if not metric.asks:
        return metric.score(y_true, outputs, weights=weights)
    more = {} if model is None else {"estimator": model}
    return metric.score(y_true, outputs, task.known(features, learned, target) | more, weights)
