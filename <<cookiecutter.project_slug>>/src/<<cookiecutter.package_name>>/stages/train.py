"""Make the final model of what the searches found, and save it."""

import math
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..objects.reader import Where, dump
from ..project.locked import note_made, read_plan
from . import budget_for, budgets_for, run_stage, threads
from .workers import named, start

WHERE = Where("plan/train.json")
SAVING = 0.9  # seconds of the budget that are kept for writing any model; large members have theirs besides
LEAST = 5.0  # seconds that the members always have, so that a small budget still gives an ensemble


def main() -> None:
    """`models/tuned` -> `models/final` and `reports/leaderboard.json`."""
    plan = read_plan("train")
    rows = read_json("data/processed/split.json")["train"]
    os.environ.update(threads(rows) | os.environ)
    with named(plan, WHERE) as workers:
        budgets = budgets_for(plan, read_json("data/interim/schema.json"))
        _train(plan, workers, (budget_for(rows, budgets) or {}).get("seconds", math.inf))


def _train(plan: dict[str, Any], workers: Any, seconds: float) -> None:
    import pandas as pd

    from ..objects.allowed import DEFAULT, imported
    from ..objects.build import build
    from ..objects.grammar import Grammar
    from ..objects.metrics import metric
    from ..objects.model import model_from
    from ..schema import Schema
    from ..steps.candidates import Result, candidates
    from ..steps.leaderboard import leaderboard
    from ..steps.split import read_folds
    from ..steps.task import AROUND
    from ..steps.train import train
    from ..steps.training_set import TrainingSet

    slices = {name: read_plan(f"models/{name}") for name in plan["models"]}
    ensemble = build(Grammar().object(plan["ensemble"], WHERE, ["ensemble"]))
    competing = [
        model_from(slices[name]) for name in plan["models"] if getattr(ensemble, "model", None) in (None, name)
    ]
    start(workers, WHERE)
    # What stores the model is imported before it is fitted; the seconds count after the imports.
    imported(DEFAULT)
    began = time.monotonic()
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    table = pd.read_parquet("data/processed/train.parquet")
    folds = read_folds("data/processed/folds.npz")
    data = TrainingSet.from_table(table, schema, folds, metric(plan["metric"], WHERE, Grammar()))
    results = [Result(**read_json(f"models/tuned/{name}/result.json")) for name in plan["models"]]
    samples = {name: slice_.get("sample", {}).get("params", {}).get("rows") for name, slice_ in slices.items()}
    tried = candidates(results, competing, Path("models/tuned"), plan["max_prediction_time"], samples)
    around_it = {
        key: Grammar().object(plan[key], WHERE.at(key), [kind])
        for key, (kind, _) in AROUND.items()
        if plan[key] is not None
    }
    left = max(seconds - (time.monotonic() - began) - SAVING, LEAST)
    trained = train(tried, ensemble, data, workers, around_it, left)
    workers.stop()
    board = leaderboard(trained, results, plan["ensemble"]["class"].rpartition(".")[2], data.metric)
    chosen = next(row for row in board if row["chosen"])
    # Times differ from run to run, and so they stay out of the metrics.
    seconds_of = {result.name: result.seconds for result in results}
    _save(trained, plan, slices, schema, data, chosen | {"seconds": seconds_of})
    write_json("reports/leaderboard.json", {"metric": data.metric.name, "models": board})
    print(f"models/final is trained on {len(table)} rows: {'; '.join(member['name'] for member in chosen['members'])}")


def _save(
    trained: Any, plan: dict[str, Any], slices: dict[str, Any], schema: Any, data: Any, result: dict[str, Any]
) -> None:
    """Save the final model with all that describes it."""
    from ..objects.build import build
    from ..objects.grammar import Grammar
    from ..prediction.artifact import Described, save
    from ..steps.train import written

    flavors = {
        name: build(Grammar().object(node, WHERE.at("parts", name), ["flavor"])) for name, node in plan["parts"].items()
    }
    result |= {"held_out": read_json("data/processed/split.json")["held_out"]}
    text = dump(written(trained, plan, slices))
    # The notes and warnings of the schema may tell single values of the table.
    described = Described(replace(schema, notes=[], warnings=[]), text, result, read_json("data/interim/example.json"))
    save(Path("models/final"), trained.model, described, plan["named"], data.task.askable(data.X), flavors)
    note_made(Path("models/final"))


if __name__ == "__main__":
    run_stage(main)
