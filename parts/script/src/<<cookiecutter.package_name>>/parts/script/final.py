"""What the final model is made of, read from what the pipeline wrote."""

import ast
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...components.samples import RandomSample
from ...components.tasks import Classification, Regression
from ...errors import UserError
from ...files import read_json
from ...objects.build import build
from ...objects.grammar import Grammar
from ...objects.model import model_from
from ...objects.reader import Where, read
from ...prediction.artifact import load
from ...prediction.trust import read_trusted
from ...project.locked import check_locked, read_plan
from ...schema import Schema
from ...steps.ensemble import Ensemble, Folds
from ...steps.ensemble import models as models_of
from ...steps.featurize import featurize
from ...steps.fit import Wrapper, assemble
from ...steps.split import read_folds
from ...steps.task import AROUND, Task, task_of
from ...steps.train import around
from .code import Name

WHERE = Where("models/final/model.yaml")


@dataclass(frozen=True)
class Final:
    """The final model taken apart, and where its rows come from.

    `members` are unfitted pipelines by name. `weights` is None where a stacking learned how to combine them.
    `learned` are the unfitted estimators that are fitted, one around the other, to the members' outputs on rows
    that these had not seen. `alone` says that the model is its one member, `refit` that members are fitted to all
    training rows. `samples` has, for each member, the most rows of a fold that its search learned from, and the seed;
    it is empty where all searches learned from all.
    """

    schema: Schema
    data: dict[str, Any]
    members: dict[str, Any]
    weights: list[float] | None
    learned: list[Any]
    alone: bool
    refit: bool
    gives_probabilities: bool
    members_give_probabilities: bool
    splitters: dict[str, Any]
    samples: list[tuple[int, int]]
    train: pd.DataFrame
    held_out: pd.DataFrame
    folds: list[tuple[np.ndarray, np.ndarray]]

    @property
    def labels(self) -> list[Any]:
        """The classes in order: whole numbers or texts."""
        labels = self.schema.labels
        return labels if all(type(one) is int for one in labels) else [str(one) for one in labels]


def final() -> Final:
    """The final model of this project.

    Raises
    ------
    UserError
        If there is none, if it was made from other data than the pipeline's latest, if its rows and splitters are not
        those that `dvc.lock` names, or if it cannot be taken apart.
    """
    for file in ("plan/train.json", "models/final/model.yaml", "data/interim/schema.json", "data/processed/folds.npz"):
        if not Path(file).exists():
            raise UserError(f"{file} is missing: `make run` makes it")
    check_locked(Path("data/processed"))
    model, schema = load(Path("models/final"), read_trusted(Path("params")).named)
    # The model's schema has no notes and warnings, which may tell values of the table.
    if schema.to_json() != read_json("data/interim/schema.json") | {"notes": [], "warnings": []}:
        raise UserError("models/final was made from other data than data/interim holds: `make run` makes it anew")
    task, text = task_of(schema), read(Path("models/final/model.yaml"))[0]
    if type(task) not in (Classification, Regression) or not isinstance(schema.target, str) or text.get("intervals"):
        raise UserError(
            "a script can be written for a classification or a regression of one target, without intervals; this is "
            f"{'one of several targets' if isinstance(schema.target, list) else f'a {task.name}'}"
        )
    members, weights = _members(text["members"], schema, task), [one["weight"] for one in text["members"]]
    alone = not isinstance(model, Ensemble)
    stacked = None in weights
    plan = read_json("data/processed/split.json")
    folds = read_folds("data/processed/folds.npz")
    learned = _learned(text, stacked, weights, task)
    each = [model] if alone else [one for member in model.members for one in models_of(member)]
    where = Where("data/processed/split.json")
    return Final(
        schema=schema,
        data=read_plan("data"),
        members=members,
        weights=None if stacked else weights,
        learned=learned,
        alone=alone,
        refit=alone or not isinstance(model.members[0], Folds),
        gives_probabilities=hasattr(model, "predict_proba"),
        members_give_probabilities=all(hasattr(one, "predict_proba") for one in each),
        splitters={key: build(Grammar().object(plan[key], where, ["splitter"])) for key in ("holdout", "cv")},
        samples=_samples(text["members"], max(len(learn) for learn, _ in folds)) if learned else [],
        train=pd.read_parquet("data/processed/train.parquet"),
        held_out=pd.read_parquet("data/processed/holdout.parquet"),
        folds=folds,
    )


def _members(written: Sequence[dict[str, Any]], schema: Schema, task: Task) -> dict[str, Any]:
    """The members as unfitted pipelines, by names that differ."""
    members: dict[str, Any] = {}
    for number, member in enumerate(written, 1):
        model = {key: value for key, value in member.items() if key not in ("name", "weight", "values")}
        described = model_from({"name": member["name"].split(",")[0], "model": model | {"seeds": []}})
        whole = assemble(described, member["values"] or {}, schema.features, task)
        name = member["name"] if member["name"] not in members else f"{member['name']} ({number})"
        members[name] = whole.estimator if isinstance(whole, Wrapper) else whole
    return members


def featurizes() -> bool:
    """Whether the owner has written a featurize that does something."""
    function = ast.parse(inspect.getsource(featurize)).body[0]
    assert isinstance(function, ast.FunctionDef)  # nosec B101 # a fact for the type checker
    body = function.body
    return ast.unparse(body[-1]) != "return frame" or len(body) > 2


def _learned(text: dict[str, Any], stacked: bool, weights: list[float], task: Task) -> list[Any]:
    """The unfitted stacking, calibration and threshold, each around the one before, which is called `combine`."""
    found: list[Any] = []
    if stacked:
        ensemble = build(Grammar().object(text["ensemble"], WHERE.at("ensemble"), ["ensemble"]))
        if not hasattr(ensemble, "final_estimator"):
            raise UserError(
                f"{type(ensemble).__name__} combines its members in a way of its own: a script can be written for "
                "weights and for Stacking"
            )
        found.append(ensemble.final_estimator)
    nodes = [
        Grammar().object(text[key], WHERE.at(key), [AROUND[key][0]])
        for key in ("calibration", "threshold")
        if text[key]
    ]
    if nodes and not stacked:
        found.append(task.mean(weights, max(1, len(task.labels_))))
    return found + [around(node, Name("combine")) for node in nodes]


def _samples(members: Sequence[dict[str, Any]], rows: int) -> list[tuple[int, int]]:
    """For each member, from how many rows of a fold its search learned, and the seed; empty where all did from all."""
    found = []
    for one in members:
        path = f"plan/models/{one['name'].split(',')[0]}.json"
        node = read_plan(path.removeprefix("plan/").removesuffix(".json")).get("sample")
        sample = build(Grammar().object(node, Where(path), ["resampler"])) if node else RandomSample(rows)
        if not isinstance(sample, RandomSample):
            raise UserError(f"the search learned from a sample that a script cannot draw: {node['class']}")
        found.append((min(sample.rows, rows), sample.random_state))
    return found if any(most < rows for most, _ in found) else []
