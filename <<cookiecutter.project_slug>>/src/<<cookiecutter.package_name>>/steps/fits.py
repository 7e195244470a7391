"""Whether a stored model and the schema beside it are of one training."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..errors import UserError
from ..schema import Schema
from .ensemble import Ensemble, models
from .fit import Wrapper


def check_fits(model: Any, schema: Schema, place: Any) -> None:
    """Compare what a fitted model has learned with the schema that is said to be its own.

    Parameters
    ----------
    place : the model's folder, for the error.

    Raises
    ------
    UserError
        If the task, the labels, the targets or the features differ.
    """
    members = [model]
    if isinstance(model, Ensemble):
        _check_task(model.task, schema, place)
        members = [one for member in model.members for one in models(member)]
    for member in members:
        _check_labels(getattr(member, "classes_", None), schema, place)
        whole = member.estimator_ if isinstance(member, Wrapper) else member
        check_features(getattr(whole, "steps", [("", whole)]), schema, place)
        _check_targets(whole, schema, place)


def check_features(steps: Iterable[tuple[str, Any]], schema: Schema, place: Any) -> None:
    """Compare the columns that the first of some fitted steps has seen with the schema's features.

    Raises
    ------
    UserError
        If they differ.
    """
    first = next((step for _, step in steps), None)
    seen = getattr(first, "feature_names_in_", None)
    if seen is not None and list(map(str, seen)) != list(schema.features):
        raise _other(place, "features", list(map(str, seen)), list(schema.features))


def _check_task(task: Any, schema: Schema, place: Any) -> None:
    name = f"{type(task).__module__}.{type(task).__qualname__}"
    if name != schema.task["class"]:
        raise _other(place, "task", name, schema.task["class"])
    if list(task.labels_) != list(schema.labels):
        raise _other(place, "labels", list(task.labels_), schema.labels)
    if task.target_ != schema.target:
        raise _other(place, "target", task.target_, schema.target)


def _check_labels(classes: Any, schema: Schema, place: Any) -> None:
    """Compare a model's classes; one that was fitted to a part of the rows may lack some."""
    if classes is None or not schema.labels:
        return
    if isinstance(classes, list):  # of each label whether it applies
        if len(classes) != len(schema.labels):
            raise _other(place, "labels", len(classes), len(schema.labels))
        return
    known = np.asarray(classes).tolist()
    if not all(label in schema.labels for label in known):
        raise _other(place, "labels", known, schema.labels)


def _check_targets(whole: Any, schema: Schema, place: Any) -> None:
    count = getattr(getattr(whole, "steps", [("", whole)])[-1][1], "n_outputs_", None)
    expected = 1 if isinstance(schema.target, str) else len(schema.targets)
    if isinstance(count, int) and not schema.labels and count != expected:
        raise _other(place, "number of targets", count, expected)


def _other(place: Any, what: str, model: Any, schema: Any) -> UserError:
    return UserError(f"{place} is damaged: the {what} of the model, {model}, is not that of its schema.json, {schema}")
