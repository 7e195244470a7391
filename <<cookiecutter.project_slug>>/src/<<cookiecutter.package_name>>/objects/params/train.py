"""`params/train.yaml`: what the final model is made of."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sklearn.linear_model import LinearRegression, LogisticRegression

from ...errors import nearest
from ...steps.task import AROUND, Task
from ..build import build, check, unsearched
from ..discovery import load
from ..grammar import Grammar, parameters
from ..metrics import metric
from ..nodes import Object, plain
from ..reader import Where
from .keys import amount, mapping, node, or_null
from .values import read

KEYS = mapping(
    {
        "ensemble": node("ensemble", description="What the final model is made of."),
        "max_prediction_time": or_null(
            amount("In seconds for 1,000 rows; configurations that take longer are left out.")
        ),
    }
    | {
        key: or_null(node(kind, description=f"A {kind} around the final model, such as {such}.", raw=True))
        for key, (kind, such) in AROUND.items()
    },
    ["ensemble"],
)


def read_train(folder: Path, grammar: Grammar, task: Task, names: Iterable[str]) -> tuple[dict[str, Any], set[str]]:
    """Return what `params/train.yaml` says in plain values, and the import paths of functions that the model holds.

    Parameters
    ----------
    names : iterable of str
        The models that compete.

    Raises
    ------
    UserError
        If it is wrong, or something in it means nothing to the task.
    """
    written, where = read(folder, "train", KEYS, grammar)
    _check_ensemble(written["ensemble"], where.at("ensemble"), task, names)
    scorers: set[str] = set()
    for key, (kind, such) in AROUND.items():
        if written[key] is not None:
            if key not in task.takes:
                raise where.at(key).error(f"{key!r} means nothing to a {task.name}")
            wrapper = unsearched(written[key], where.at(key), [kind], grammar)
            scorers |= _check_wrapper(wrapper, key, kind, such, grammar)
            written[key] = wrapper
    return {key: plain(value) for key, value in written.items()}, scorers


def _check_ensemble(ensemble: Object, where: Where, task: Task, names: Iterable[str]) -> None:
    made = build(ensemble)
    name = getattr(made, "model", None)
    if name is not None and name not in names:
        raise where.at("params", "model").error(f"{name!r} does not compete{nearest(name, names)}")
    final = getattr(made, "final_estimator", None)
    if final is not None and "final_estimator" not in task.takes:
        raise where.error(f"{ensemble.name} cannot learn from what the members of a {task.name} say")
    if final is not None and not hasattr(final, "predict_proba" if "classifier" in task.models else "predict"):
        raise where.at("params", "final_estimator").error(f"{type(final).__name__} gives no probabilities")


def _check_wrapper(wrapper: Object, key: str, kind: str, such: str, grammar: Grammar) -> set[str]:
    """Check what is put around the final model; return the import path of its scorer's function, if it has one."""
    place = wrapper.where
    defaults = parameters(load(wrapper.path, place))[0]
    if "estimator" not in defaults or "estimator" in wrapper.params:
        raise place.error(
            f"{key!r} is a {kind} around the final model, such as {such}; it is given that model as its estimator"
        )
    known = {name: value for name, value in wrapper.params.items() if not isinstance(value, Object)}
    scoring = wrapper.params.get("scoring", defaults.get("scoring"))
    found = set()
    if isinstance(scoring, Object | str):
        function = metric(plain(scoring), place.at("params", "scoring"), grammar, ()).scorer._score_func
        found = {f"{function.__module__}.{function.__name__}"}
    inner = LogisticRegression() if kind == "classifier" else LinearRegression()
    check(replace(wrapper, params=known | {"estimator": inner}))
    return found
