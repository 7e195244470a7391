"""Compile `params/` into the plan: one resolved slice of JSON for each stage and each model.

DVC compares parameter mappings without their order and re-runs a stage when any file that it depends on changed.
So the stages do not depend on the params themselves. Each depends on its slice, in which names are resolved, lists
keep their order and keys are sorted: a comment changes no slice, one model's space changes that model's alone.
"""

import math
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..parts import behind
from ..steps.task import Task
from .allowed import DEFAULT
from .attempts import try_storing
from .budget import FINAL, Budget
from .build import build
from .code import fingerprints, stage_code
from .discovery import load
from .grammar import Grammar
from .metrics import Metric
from .missing import refuse_missing
from .model import Model
from .nodes import Steps, classes, column_names, plain
from .params import models as competitors
from .params.context import Context
from .params.data import read_data, with_role
from .params.evaluate import read_evaluate
from .params.package import read_package, read_validation
from .params.packages import read_grammar
from .params.search import Search, read_search
from .params.split import read_split, split_notes
from .params.train import read_train
from .params.values import read
from .reader import Where
from .reader import read as read_yaml
from .weights import check_weights

CHEAPEST = 20.0  # seconds for the defaults of the first model, where its share is smaller
PLACES = ("workers", "storage")  # where a search runs, which changes no score


@dataclass
class Plan:
    """What each stage gets, as plain values, by the name of its file in `plan/`."""

    slices: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class _Params:
    """The files of `params/`, read and checked one by one."""

    folder: Path
    grammar: Grammar
    data: dict[str, Any]
    task: Task
    split: dict[str, Any]
    search: Search
    models: dict[str, Model]
    beside: dict[str, dict[str, Any]]
    package: dict[str, Any]
    train: dict[str, Any]
    scorers: set[str]
    evaluate: dict[str, Any]
    metrics: list[Metric]

    @property
    def named(self) -> set[str]:
        """The import paths of the classes in all models."""
        return set().union(*map(_classes, self.models.values()))


def compile_params(folder: Path) -> Plan:
    """Read, check and resolve everything in `params/`.

    Raises
    ------
    UserError
        For the first thing that is wrong, with file, line, and what would be right.
    """
    refuse_missing(folder)
    params = _read(folder)
    plan = Plan(notes=[*split_notes(params.split, params.data, params.task), *params.search.notes])
    plan.notes += _try_storing(params)
    budget = _budget(params)
    plan.notes.append(budget.note())
    for name in params.models:
        plan.slices[f"models/{name}"] = _model_slice(params, name) | budget.plain(name)
    plan.slices["data"] = params.data | {"code": fingerprints(_paths([params.data["task"], params.data["clean"]]))}
    plan.slices["split"] = _split_slice(params)
    plan.slices["train"] = _train_slice(params) | budget.plain(FINAL)
    plan.slices["evaluate"] = _evaluate_slice(params)
    plan.slices["package"] = _package_slice(params)
    _check_weights(params)
    plan.slices |= _part_slices(Context(folder, params.grammar, params.task, params.data))
    plan.slices |= {f"code/{stage}": code for stage, code in stage_code().items()}
    return plan


def _read(folder: Path) -> _Params:
    grammar = read_grammar(folder)
    data, task = read_data(folder, grammar)
    split = read_split(folder, grammar)
    search = read_search(folder, grammar, task)
    models, beside = {}, {}
    for name, place in search.models.items():
        models[name], beside[name] = competitors.read_competitor(folder, name, grammar, place, task)
        search.try_model(models[name])
    package = read_package(folder, grammar)
    train, scorers = read_train(folder, grammar, task, models)
    evaluate, metrics = read_evaluate(folder, grammar, task)
    read_validation(folder, grammar)
    return _Params(
        folder, grammar, data, task, split, search, models, beside, package, train, scorers, evaluate, metrics
    )


def _try_storing(params: _Params) -> list[str]:
    place = Where("params/package.yaml")
    flavors = {
        name: build(params.grammar.object(flavor, place.at("parts", name), ["flavor"]))
        for name, flavor in params.package["parts"].items()
    }
    return [note for model in params.models.values() for note in try_storing(model, flavors, params.named)]


def _budget(params: _Params) -> Budget:
    settings = {name: _settings(params, name) for name in params.models}
    samples = {name: one.get("sample", {}).get("params", {}).get("rows", math.inf) for name, one in settings.items()}
    paces = {name: competitors.paces(beside["rows_per_second"]) for name, beside in params.beside.items()}
    return params.search.budget.limited(paces, samples)


def _settings(params: _Params, name: str) -> dict[str, Any]:
    """Return the settings of the search of one model, which may have a sample of its own."""
    settings, beside = params.search.settings, params.beside[name]
    return competitors.sampled(settings, beside["sample"]) if "sample" in beside else settings


def _model_slice(params: _Params, name: str) -> dict[str, Any]:
    model, settings = params.models[name], _settings(params, name)
    slice_ = settings | {"name": name, "task": params.data["task"], "model": model.plain()}
    # What any model has to beat always competes: it is one fit, and a quick one.
    if load(model.estimator.path, params.search.models[name]) is type(params.task.dummy()) and not model.space:
        slice_["always"] = True
    if name == next(iter(params.models)):
        slice_["least_seconds"] = CHEAPEST
    named = _paths([params.data["task"], {key: value for key, value in settings.items() if key not in PLACES}])
    return slice_ | {"code": fingerprints(_classes(model) | named)}


def _split_slice(params: _Params) -> dict[str, Any]:
    metrics = [params.search.metric.plain(), *params.evaluate["metrics"]]
    preprocesses = [model.preprocess for model in params.models.values()]
    return params.split | {
        "metrics": metrics,
        "columns": _distinct([place for steps in preprocesses for place in _named_columns(steps)]),
        "chosen": _distinct([chosen for steps in preprocesses if (chosen := _chosen_columns(steps))]),
        "threshold": params.train["threshold"] is not None,
        "code": fingerprints(_paths([params.data["task"], params.split, metrics])),
    }


def _train_slice(params: _Params) -> dict[str, Any]:
    used = _paths([params.data["task"], params.train, params.package["parts"]]) | params.scorers
    return params.train | {
        "parts": params.package["parts"],
        "models": list(params.models),
        "task": params.data["task"],
        "metric": params.search.metric.plain(),
        "named": sorted(params.named | used | _paths(params.data["clean"])),
        "workers": params.search.settings["workers"],
        "code": fingerprints(used | {DEFAULT}),
    }


def _evaluate_slice(params: _Params) -> dict[str, Any]:
    metric = params.search.metric.plain()
    used = _paths([params.data["task"], metric, params.evaluate["metrics"], params.evaluate["charts"]])
    return params.evaluate | {"metric": metric, "code": fingerprints(used)}


def _package_slice(params: _Params) -> dict[str, Any]:
    exports = params.package["exports"]
    # Copies of the whole bring the policies for new rows with them.
    policies = read_yaml(params.folder / "predict.yaml")[0] if exports else {}
    # Exports load the model, and with it the classes of its members.
    used = _paths(exports) | (params.named if exports else set())
    return policies | {"exports": exports, "example": params.package["example"], "code": fingerprints(used)}


def _check_weights(params: _Params) -> None:
    for column in with_role(params.data, "weight"):
        places = [("search.yaml", "metric"), *(("evaluate.yaml", "metrics"),) * len(params.metrics)]
        measured = list(zip([params.search.metric, *params.metrics], places, strict=True))
        check_weights(column, params.task, params.models.values(), measured, params.train)


def _part_slices(context: Context) -> dict[str, Any]:
    """Check the files of the parts; return the slices of those that have one."""
    found = {}
    for name, part in behind("params"):
        values, where = read(context.folder, name, part.KEYS, context.grammar)
        if hasattr(part, "compile"):
            found[f"parts/{name}"] = part.compile(values, where, context)
    return {name: slice_ for name, slice_ in found.items() if slice_}


def _named_columns(node: Any) -> list[dict[str, Any]]:
    """Return the columns that a preprocessing names, and where: they are looked up once there is a table."""
    return [
        {"place": [where.file.removeprefix("params/"), *where.path], "names": list(names)}
        for where, names in column_names(node)
        if names
    ]


def _chosen_columns(steps: Steps) -> dict[str, Any]:
    """Return the columns that a preprocessing begins with, and where; nothing if it begins with all of them."""
    if not steps.items or not isinstance(steps.items[0][1], Steps) or steps.items[0][1].columns is None:
        return {}
    first = takewhile(
        lambda item: isinstance(item, Steps) and item.columns is not None, (item for _, item in steps.items)
    )
    place = [steps.where.file.removeprefix("params/"), *steps.where.at("steps").path]
    return {"place": place, "columns": [plain(item)["columns"] for item in first]}


def _distinct(values: list[Any]) -> list[Any]:
    return [value for index, value in enumerate(values) if value not in values[:index]]


def _classes(model: Model) -> set[str]:
    """Return the import paths of the classes in a model and its preprocessing."""
    return classes(model.estimator) | classes(model.preprocess)


def _paths(value: Any) -> set[str]:
    """Return the import paths in plain values."""
    if isinstance(value, dict):
        own = {value[key] for key in ("class", "import") if isinstance(value.get(key), str)}
        return own.union(*map(_paths, value.values()))
    return set().union(*map(_paths, value)) if isinstance(value, list) else set()
