"""Hold rows out, make the folds, and try the metrics on them before any long work."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError, nearest
from ..files import read_json, replacing_folder, write_json
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, metric
from ..objects.reader import Where
from ..project.locked import read_plan
from ..schema import Schema
from ..steps.fit import fit
from ..steps.split import Fold, split
from ..steps.suspicions import suspicions
from ..steps.task import of_rows, score_outputs, task_of
from . import run_stage

BY_TIME = ("TimeHoldout", "TimeSeriesSplit")
MOST_TRIED = 50  # folds on which the metric of the search is tried


def main() -> None:
    """`data/interim` -> `data/processed`: the training rows, the held-out rows, and the folds."""
    plan = read_plan("split")
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    table = pd.read_parquet("data/interim/table.parquet")
    frame = table.reset_index(drop=True)
    _known(plan["columns"], schema)
    _all_used(plan["chosen"], schema)
    if plan["threshold"] and len(schema.labels) > 2 and "final_estimator" in task_of(schema).takes:
        raise UserError(
            f"a threshold is for two classes, and there are {len(schema.labels)}", "train.yaml", "threshold"
        )
    where = Where("plan/split.json")
    holdout, cv = (build(Grammar().object(plan[key], where, ["splitter"])) for key in ("holdout", "cv"))
    train, held_out, folds = split(frame, schema, holdout, cv)
    metrics = [metric(one, where, Grammar()) for one in plan["metrics"]]
    learnable = frame.iloc[train].reset_index(drop=True)
    _try_metrics(metrics, learnable, folds[0], schema)
    for number, fold in enumerate(folds[1:MOST_TRIED], 2):
        _try_metrics(metrics[:1], learnable, fold, schema, number)
    judging = (train, held_out) if len(held_out) else (train[rows] for rows in folds[0])
    found = suspicions(frame, schema, *judging)
    made_by = {key: plan[key] for key in ("holdout", "cv")} | {"suspicions": found}
    write(Path("data/processed"), table, train, held_out, folds, made_by)
    print(f"{len(train)} rows to learn from in {len(folds)} folds, {len(held_out)} rows held out")
    if len(schema.labels):
        _note_rare(learnable[schema.targets])
    in_order = [name for name in (type(one).__name__ for one in (holdout, cv)) if name in BY_TIME]
    if in_order and not schema.role("time"):
        print(
            f"note: {' and '.join(in_order)} took the rows in the order of the file, because no column has the role "
            "time: if that is not the order of time, write `columns: {<name>: {role: time}}` in params/data.yaml"
        )
    for one in found:
        print(f"note: {one['text']}: {'; '.join(f'in {file} {yaml}' for file, yaml in one['yaml'].items())}")


def write(
    folder: Path, frame: pd.DataFrame, train: np.ndarray, held_out: np.ndarray, folds: list[Fold], made_by: Any
) -> None:
    """Write the training rows, the held-out rows, their numbers in the data, the folds, and how they were made."""
    numbers = {"train": frame.index[train].to_numpy(), "held_out": frame.index[held_out].to_numpy()}
    with replacing_folder(folder) as new:
        new.mkdir()
        for name, rows in (("train", train), ("holdout", held_out)):
            frame.iloc[rows].to_parquet(new / f"{name}.parquet", index=False)
        arrays = {
            f"{part}_{number}": rows for number, fold in enumerate(folds) for part, rows in zip("ab", fold, strict=True)
        }
        np.savez_compressed(new / "folds.npz", allow_pickle=False, **arrays)
        np.savez_compressed(new / "rows.npz", allow_pickle=False, **numbers)
        write_json(new / "split.json", made_by | {"train": len(train), "held_out": len(held_out), "folds": len(folds)})


def _note_rare(targets: pd.DataFrame) -> None:
    """Tell of classes with one row to learn from."""
    for name, column in targets.items():
        counts = column.value_counts()
        rare = [str(label) for label, count in counts.items() if count == 1]
        if rare:
            print(
                f"note: one row to learn from has the class {', '.join(rare[:10])} of {name!r}, which tells a model "
                "little; a model that stops early by rows of each class is given such a row twice"
            )


def _known(columns: list[dict[str, Any]], schema: Schema) -> None:
    """A preprocessing that names a column which is no feature fails here, and not in the search."""
    for one in columns:
        for name in one["names"]:
            if name not in schema.features:
                hint = nearest(name, schema.features)
                raise UserError(f"the table has no feature column {name!r}{hint}", *one["place"])


def _all_used(chosen: list[dict[str, Any]], schema: Schema) -> None:
    """Refuse a preprocessing that chooses columns by dtype and names no dtype of some feature, which it would drop."""
    for one in chosen:
        blocks = [block for block in one["columns"] if isinstance(block, dict)]
        if len(blocks) < len(one["columns"]) or any("pattern" in block for block in blocks):
            continue  # chosen by name: what is left out is left out on purpose
        left = [name for name, dtype in schema.features.items() if not any(dtype in block["dtype"] for block in blocks)]
        if left:
            dtype = schema.features[left[0]]
            raise UserError(
                f"no block is for columns of dtype {dtype}, so {', '.join(map(repr, left))} would be dropped: add one, "
                "or give the columns the role `ignore` in params/data.yaml",
                *one["place"],
            )


def _try_metrics(metrics: list[Metric], frame: pd.DataFrame, fold: Fold, schema: Schema, number: int = 1) -> None:
    """Refuse metrics that cannot score a dummy model; that of the search needs a number in each fold."""
    task, features, target = task_of(schema), frame[list(schema.features)], frame[schema.target]
    rows, others = fold
    weights = schema.weights(frame)
    learned, asked = (features.iloc[rows], target.iloc[rows]), features.iloc[others]
    guess = fit(task.wrap(task.dummy()), *learned, of_rows(weights, rows))
    outputs = task.outputs(guess, asked)
    y_true = task.encode(target.iloc[others])
    for position, one in enumerate(metrics):
        place = ("evaluate.yaml", "metrics") if position else ("search.yaml", "metric")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score = score_outputs(one, task, outputs, y_true, asked, *learned, guess, of_rows(weights, others))
                if not position and not np.isfinite(score):
                    raise ValueError(f"it is undefined for the {len(others)} rows of fold {number}")
        except Exception as error:
            kind = f"{len(schema.labels)} classes" if schema.labels else f"a {task.name}"
            reason = " ".join(str(error).split())
            raise UserError(f"{one.label} does not fit {kind}: {reason}", *place) from None


if __name__ == "__main__":
    run_stage(main)
