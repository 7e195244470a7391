"""`params/models/<name>.yaml`: a model that competes; `params/preprocess/<name>.yaml`: steps that models name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import nearest
from ...steps.task import Task
from ..build import build, check
from ..discovery import load
from ..grammar import Grammar
from ..kinds import ESTIMATORS, kind_of
from ..model import Model
from ..names import RULE, is_name
from ..nodes import Object, OneOf, Steps, plain
from ..reader import Where
from ..reader import read as read_yaml
from ..space import check_seeds
from .keys import Schema, amount, by_name, either, items, mapping, node, or_null
from .values import checked

NULL: Schema = {"type": "null"}
SAMPLE = either(node("resampler"), NULL, description="What draws the rows to learn from in each fold; null for all.")
# Beside `class`, `params` and `space`, which the grammar reads.
BESIDE = mapping(
    {
        "preprocess": {
            "type": ["string", "object"],
            "x-steps": True,
            "default": {"steps": []},
            "description": "The name of a file in `params/preprocess/`, or steps; columns as they are without it.",
            "x-needs": "the name of a file in params/preprocess, or {steps: [...]}",
        },
        "seeds": items(
            by_name({}),
            "Known good points, which the search tries before it samples.",
            needs="a list of mappings of parameters to values",
            default=[],
        ),
        "sample": SAMPLE,
        "rows_per_second": either(
            amount(),
            mapping({"text": or_null(amount()), "otherwise": or_null(amount())}),
            NULL,
            description="For how many rows a second of its share suffices; on a larger table it does not compete. "
            "`{text: 250, otherwise: 750}` tells tables with free text apart; null: it always competes.",
            default=None,
            needs="a number above 0, {text: ..., otherwise: ...} or null",
        ),
    }
)


def read_model(folder: Path, name: str, grammar: Grammar, where: Where, task: Task) -> Model:
    """Return the model in `params/models/<name>.yaml`, checked and with its preprocessing.

    Parameters
    ----------
    where : Where
        The place that names the model, for errors.
    """
    return read_competitor(folder, name, grammar, where, task)[0]


def read_competitor(
    folder: Path, name: str, grammar: Grammar, where: Where, task: Task
) -> tuple[Model, dict[str, Any]]:
    """Return a model as `read_model` does, with what its file says of its search: `sample` and `rows_per_second`."""
    path = folder / "models" / f"{name}.yaml"
    if not path.exists():
        known = [file.stem for file in sorted((folder / "models").glob("*.yaml"))]
        raise where.error(f"there is no params/models/{name}.yaml{nearest(name, known)}")
    data, place = read_yaml(path, folder.resolve().parent)
    keys = BESIDE["properties"]
    estimator = grammar.object(data, place, [*task.models, *ESTIMATORS[4:]], also=keys)
    check(estimator)
    beside = checked({key: value for key, value in data.items() if key in keys}, BESIDE, place, grammar)
    steps = _preprocess(folder, beside["preprocess"], place.at("preprocess"), grammar)
    model = Model(name, estimator, steps, [])
    model = replace(model, seeds=check_seeds(model.space, beside["seeds"], place.at("seeds")))
    return model, {key: beside[key] for key in ("sample", "rows_per_second") if key in beside}


def sampled(search: dict[str, Any], sample: Object | None) -> dict[str, Any]:
    """Return a search that learns from samples; from all rows if `sample` is None."""
    rest = {key: value for key, value in search.items() if key != "sample"}
    if sample is None:
        return rest
    written: dict[str, Any] = plain(sample)
    params: dict[str, Any] = getattr(build(sample), "get_params", dict)()
    if "rows" in params:  # other stages look at it, also where the params leave it to the class
        written["params"] = written.get("params", {}) | {"rows": params["rows"]}
    return rest | {"sample": written}


def paces(written: Any) -> dict[str, float | None]:
    """Return a model's `rows_per_second` where a feature is free text, and otherwise; None if it knows no limit."""
    return written if isinstance(written, dict) else {"text": written, "otherwise": written}


def _preprocess(folder: Path, data: Any, where: Where, grammar: Grammar) -> Steps:
    if isinstance(data, str):
        if not is_name(data):
            raise where.error(f"{data!r} cannot name a preprocessing: {RULE}")
        path = folder / "preprocess" / f"{data}.yaml"
        if not path.exists():
            known = [file.stem for file in sorted((folder / "preprocess").glob("*.yaml"))]
            raise where.error(f"there is no params/preprocess/{data}.yaml{nearest(data, known)}")
        data, where = read_yaml(path, folder.resolve().parent)
    steps = grammar.steps(data, where)
    _refuse_predictors(steps)
    check(steps)
    build(steps)
    return steps


def _refuse_predictors(node: Any) -> None:
    """Refuse a step that predicts: a step before the model transforms."""
    if isinstance(node, Object) and kind_of(load(node.path, node.where)) in ("classifier", "regressor"):
        raise node.where.error(f"{node.name} predicts: a step of a preprocessing has to transform")
    for _, item in node.items if isinstance(node, Steps | OneOf) else ():
        _refuse_predictors(item)
