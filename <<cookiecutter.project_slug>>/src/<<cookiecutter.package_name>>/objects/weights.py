"""Whether everything that the params name can count row weights: the task, models, metrics and what is around them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sklearn.linear_model import LinearRegression, LogisticRegression

from ..errors import UserError
from ..steps.fit import takes_weights
from ..steps.task import AROUND, Task
from .build import build
from .grammar import Grammar
from .metrics import Metric
from .model import Model
from .nodes import Object
from .reader import Where

INSTEAD = "or give the column with `role: weight` in params/data.yaml another role"


def check_weights(
    column: str, task: Task, models: Iterable[Model], metrics: Sequence[tuple[Metric, Sequence[str]]], train: Any
) -> None:
    """Refuse whatever would ignore the weights of rows.

    Parameters
    ----------
    column : str
        The column with the role `weight`.
    models : iterable of Model
        The models that compete.
    metrics : sequence of pairs
        Metrics, and the place of each in the params.
    train : dict
        The slice of `params/train.yaml`.

    Raises
    ------
    UserError
        If the task, a model, a metric, or a part of the final model takes no weights.
    """
    if not task.weighted:
        raise UserError(
            f"the rows of a {task.name} have no weights: weights are for classification and regression",
            *("data.yaml", "columns", column, "role"),
        )
    without = [f"{model.name} ({reason})" for model in models if (reason := _ignores_weights(model))]
    if without:
        raise UserError(
            f"these models take no row weights: {', '.join(without)}; leave them out of 'models', {INSTEAD}",
            *("search.yaml", "models"),
        )
    for metric, place in metrics:
        if not metric.takes_weights:
            raise UserError(f"the metric {metric.name} takes no row weights: choose another, {INSTEAD}", *place)
    _check_final(train)


def _ignores_weights(model: Model) -> str | None:
    """Return what in a model takes no weights, if anything does not."""
    resampler = next((step for step in _built(model) if hasattr(step, "fit_resample")), None)
    if resampler is not None:
        return f"{type(resampler).__name__} makes new rows"
    return None if takes_weights(build(model.estimator)) else model.estimator.name


def _built(model: Model) -> list[Any]:
    preprocess = build(model.preprocess)
    return [step for _, step in getattr(preprocess, "steps", [])]


def _check_final(train: Mapping[str, Any]) -> None:
    """Refuse a stacking, a calibration, a threshold or intervals that ignore weights."""
    where = Where("params/train.yaml")
    final = getattr(build(Grammar().object(train["ensemble"], where, ["ensemble"])), "final_estimator", None)
    if final is not None and not takes_weights(final):
        name = type(final).__name__
        raise UserError(f"{name} takes no row weights: choose another, {INSTEAD}", "train.yaml", "ensemble")
    for key, (kind, _) in AROUND.items():
        if train[key] is not None:
            node = Grammar().object(train[key], where.at(key), [kind])
            if not takes_weights(_around_any(node, kind)):
                raise UserError(f"{node.name} takes no row weights: choose another, {INSTEAD}", "train.yaml", key)


def _around_any(node: Object, kind: str) -> Any:
    inner = LogisticRegression() if kind == "classifier" else LinearRegression()
    known = {name: value for name, value in node.params.items() if not isinstance(value, Object)}
    return build(replace(node, params=known | {"estimator": inner}))
