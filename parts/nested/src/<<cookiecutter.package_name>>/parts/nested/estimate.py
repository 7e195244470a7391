"""Nested cross-validation: the whole search once for each outer split, for an estimate that no choice has touched.

Each outer split is a folder in which the project's own stages run as they do in the project: on the rows that the split
leaves to learn from, with the same plan and so with the same budget each.
"""

import json
import os
import shutil
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...errors import UserError
from ...files import read_json, write_json
from ...objects.build import build
from ...objects.grammar import Grammar
from ...objects.metrics import metric
from ...objects.plan import compile_params
from ...objects.reader import Where
from ...prediction.artifact import load
from ...project.locked import read_plan
from ...schema import Schema
from ...stages.split import write
from ...steps.evaluate import scores
from ...steps.split import split
from ...steps.task import task_of
from .outputs import RESULT, RUNS

PACKAGE = __name__.split(".")[0]
SOURCE = Path(__file__).parents[3]  # the folder in which the package lies


def nested() -> dict[str, Any]:
    """Run the search on each outer split of `params/split.yaml` and score what comes of it on the rows left out.

    Returns
    -------
    For each metric its `mean`, its `std` and its values on the outer `folds`.

    Raises
    ------
    UserError
        If there is no outer splitter, the plan is not that of `params/`, or a stage fails.
    """
    _refuse_old_plan()
    plan, train = read_plan("split"), read_plan("train")
    if plan["outer"] is None:
        raise UserError("an outer splitter is needed, such as `outer: {class: KFold}`", "split.yaml")
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    table = pd.read_parquet("data/interim/table.parquet")
    frame = table.reset_index(drop=True)
    where = Where("plan/split.json")
    outer, cv = (build(Grammar().object(plan[key], where, ["splitter"])) for key in ("outer", "cv"))
    metrics = [metric(one, where, Grammar()) for one in plan["metrics"]]
    metrics = list({one.name: one for one in metrics}.values())
    task = task_of(schema)
    found: list[dict[str, float | None]] = []
    outer = task.splitter(outer)
    count = outer.get_n_splits(frame, frame[schema.target], _groups(frame, schema))
    for number in range(count):
        train_rows, held_out_rows, folds = split(frame, schema, _Nth(outer, number), cv)
        print(f"outer split {number + 1} of {count}", flush=True)
        folder = RUNS / str(number)
        _prepare(folder)
        made_by = {"holdout": plan["outer"], "cv": plan["cv"]}
        write(folder / "data/processed", table, train_rows, held_out_rows, folds, made_by)
        for name in train["models"]:
            _stage(folder, "tune", "--model", name)
        _stage(folder, "train")
        model, _ = load(folder / "models/final", train["named"])
        held_out = frame.iloc[held_out_rows]
        features = held_out[list(schema.features)]
        outputs = task.outputs(model, features)
        y_true, learned = task.encode(held_out[schema.target]), frame.iloc[train_rows]
        seen = learned[list(schema.features)], learned[schema.target]
        found.append(scores(metrics, task, outputs, y_true, features, *seen, model, schema.weights(held_out)))
    return {one.name: _summary([values[one.name] for values in found]) for one in metrics}


def lines(result: dict[str, Any]) -> list[str]:
    """The estimates as lines for a terminal."""
    width = max(map(len, result))
    return [
        f"{name:<{width}}  {one['mean']:.4g} ± {one['std']:.2g}  ({len(one['folds'])} outer splits)"
        for name, one in result.items()
        if one["mean"] is not None
    ]


def _refuse_old_plan() -> None:
    """Refuse to search by a plan that was made before the last edit of `params/`."""
    for name, slice_ in compile_params(Path("params")).slices.items():
        path = Path(f"plan/{name}.json")
        if not path.exists() or read_json(path) != json.loads(json.dumps(slice_)):
            raise UserError("params/ or src/ changed after the last run: `dvc repro split` brings the plan up to date")


class _Nth:
    """A splitter whose first split is the nth of another."""

    def __init__(self, splitter: Any, number: int) -> None:
        self.splitter, self.number = splitter, number

    def split(self, X: Any, y: Any, groups: Any) -> Any:
        found = list(self.splitter.split(X, y, groups))
        if self.number >= len(found):
            raise ValueError(f"the table is long enough for {len(found)} outer splits: ask for no more")
        yield found[self.number]


def _prepare(folder: Path) -> None:
    """The plan and the schema; what earlier runs left of their searches stays."""
    for part in ("plan", "data/interim"):
        shutil.rmtree(folder / part, ignore_errors=True)
        shutil.copytree(part, folder / part)
    # What the splits search is no search of the project's, so no part is told of it.
    shutil.rmtree(folder / "plan/parts", ignore_errors=True)


def _stage(folder: Path, name: str, *words: str) -> None:
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", f"{PACKAGE}.stages.{name}", *words]
    code = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": path}).returncode  # nosec B603
    if code:
        raise UserError(f"the stage {name} failed in {folder}; what it said stands above")


def _groups(frame: pd.DataFrame, schema: Schema) -> Any:
    return frame[schema.role("group")[0]] if schema.role("group") else None


def _summary(values: list[float | None]) -> dict[str, Any]:
    known = [value for value in values if value is not None]
    if not known:
        return {"mean": None, "std": None, "folds": values}
    return {"mean": float(np.mean(known)), "std": float(np.std(known)), "folds": values}


def main() -> None:
    """Run it and write `reports/nested.json`."""
    result = nested()
    write_json(RESULT, result)
    print("\n".join(["", "Nested cross-validation", *(f"  {line}" for line in lines(result)), RESULT.as_posix()]))
