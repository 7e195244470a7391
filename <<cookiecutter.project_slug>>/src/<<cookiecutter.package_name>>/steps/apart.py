"""Apart: a fitted model as the parts that its folder keeps, and the model of these parts again."""

from collections.abc import Callable
from copy import copy
from typing import Any

from .ensemble import Ensemble, Folds
from .fit import Wrapper

PARTS = ("transformers", "label_encoder", "model")


def apart(model: Any) -> dict[str, Any]:
    """A fitted model's parts; the model itself stays as it is.

    Returns
    -------
    `transformers`, the fitted steps before each estimator: lists of names and transformers under `steps`, and under
    `of` the position of each estimator's, for several may have the same; `label_encoder`, a list of fitted label
    encoders, where the targets are labels; `model`, what is left: the estimators, and what makes one prediction of
    theirs. An estimator that is fitted on each fold counts for each.
    """
    distinct: dict[tuple[int, ...], list[tuple[str, Any]]] = {}
    of: list[int] = []
    encoders: list[Any] = []

    def bare(leaf: Any) -> Any:
        if isinstance(leaf, Wrapper):
            leaf = copy(leaf)
            leaf.estimator_ = bare(leaf.estimator_)
            if hasattr(leaf, "encoder_"):
                encoders.append(leaf.encoder_)
                leaf.encoder_ = None
            return leaf
        steps = getattr(leaf, "steps", [])
        key = tuple(id(step) for _, step in steps[:-1])
        distinct.setdefault(key, list(steps[:-1]))
        of.append(list(distinct).index(key))
        return _with(leaf, steps[-1:]) if steps else leaf

    rest = rebuilt(model, bare)
    transformers = {"steps": list(distinct.values()), "of": of}
    return {"transformers": transformers} | ({"label_encoder": encoders} if encoders else {}) | {"model": rest}


def steps_of(transformers: dict[str, Any]) -> list[list[tuple[str, Any]]]:
    """The fitted steps before each estimator, from the part `transformers`."""
    return [[(name, step) for name, step in transformers["steps"][position]] for position in transformers["of"]]


def together(parts: dict[str, Any]) -> Any:
    """The model of the parts that `apart` gave.

    Raises
    ------
    ValueError
        If the parts are not of one model.
    """
    transformers, encoders = steps_of(parts["transformers"]), list(parts.get("label_encoder", []))

    def whole(leaf: Any) -> Any:
        if isinstance(leaf, Wrapper):
            if hasattr(leaf, "encoder_"):
                leaf.encoder_ = encoders.pop(0)
            leaf.estimator_ = whole(leaf.estimator_)
            return leaf
        before = transformers.pop(0)
        return _with(leaf, [*before, *leaf.steps]) if before else leaf

    try:
        model = rebuilt(parts["model"], whole)
    except IndexError:
        model = None
    if model is None or transformers or encoders:
        raise ValueError("the parts are not of one model")
    return model


def rebuilt(model: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a final model with each of its fitted estimators changed; always in the same order."""
    if isinstance(model, Ensemble):
        new = copy(model)
        new.members = [rebuilt(member, change) for member in model.members]
        return new
    if isinstance(model, Folds):
        return Folds([change(one) for one in model.models])
    return change(model)


def _with(pipeline: Any, steps: list[tuple[str, Any]]) -> Any:
    new = copy(pipeline)
    new.steps = steps
    return new
