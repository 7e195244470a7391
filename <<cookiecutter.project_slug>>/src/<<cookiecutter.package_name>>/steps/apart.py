"""Apart: a fitted model as the parts that its folder keeps, and the model of these parts again."""

from collections.abc import Callable
from copy import copy
from typing import Any

from .ensemble import Ensemble, Folds
from .fit import LabelEncoded

PARTS = ("transformers", "label_encoder", "model")


def apart(model: Any) -> dict[str, Any]:
    """A fitted model's parts; the model itself stays as it is.

    Returns
    -------
    `transformers`, the fitted steps before each estimator: a list of lists of names and transformers; `label_encoder`,
    a list of fitted label encoders, none in a regression; `model`, what is left: the estimators, and what makes one
    prediction of theirs. An estimator that is fitted on each fold counts for each.
    """
    transformers: list[list[tuple[str, Any]]] = []
    encoders: list[Any] = []

    def bare(leaf: Any) -> Any:
        if isinstance(leaf, LabelEncoded):
            encoders.append(leaf.encoder_)
            leaf = copy(leaf)
            leaf.estimator_ = bare(leaf.estimator_)
            del leaf.encoder_
            return leaf
        steps = getattr(leaf, "steps", None)
        transformers.append(list(steps[:-1]) if steps else [])
        return _with(leaf, steps[-1:]) if steps else leaf

    rest = rebuilt(model, bare)
    return {"transformers": transformers} | ({"label_encoder": encoders} if encoders else {}) | {"model": rest}


def together(parts: dict[str, Any]) -> Any:
    """The model of the parts that `apart` gave.

    Raises
    ------
    ValueError
        If the parts are not of one model.
    """
    transformers, encoders = list(parts["transformers"]), list(parts.get("label_encoder", []))

    def whole(leaf: Any) -> Any:
        if isinstance(leaf, LabelEncoded):
            leaf.encoder_ = encoders.pop(0)
            leaf.estimator_ = whole(leaf.estimator_)
            return leaf
        before = [tuple(step) for step in transformers.pop(0)]
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
