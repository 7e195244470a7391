"""Make the final model of what the searches found, and save it."""

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..files import read_json, write_json
from ..locked import note_made, read_plan
from ..objects.budget import Share, share_for, shares_in
from ..objects.reader import Where, dump
from . import run_stage, threads
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
        share = share_for(rows, shares_in(plan, read_json("data/interim/schema.json"))) or Share()
        _train(plan, workers, share.limit)


def _train(plan: dict[str, Any], workers: Any, seconds: float) -> None:
    import pandas as pd

    from ..objects.build import build
    from ..objects.grammar import Grammar
    from ..objects.metrics import metric
    from ..objects.model import model_from
    from ..schema import Schema
    from ..steps.leaderboard import leaderboard
    from ..steps.split import read_folds
    from ..steps.task import AROUND, task_of
    from ..steps.train import candidates, train, written
    from ..steps.tune import Result
    from ..store import DEFAULT, Described, save
    from ..trust import imported

    results = [Result(**read_json(f"models/tuned/{name}/result.json")) for name in plan["models"]]
    slices = {name: read_plan(f"models/{name}") for name in plan["models"]}
    ensemble = build(Grammar().object(plan["ensemble"], WHERE, ["ensemble"]))
    competing = [one for one in results if getattr(ensemble, "model", None) in (None, one.name)]
    models = [model_from(slices[one.name]) for one in competing]
    start(workers, WHERE)
    # What stores the model is imported before it is fitted; the seconds count after the imports.
    imported(DEFAULT)
    began = time.monotonic()
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    frame = pd.read_parquet("data/processed/train.parquet")
    folds = read_folds("data/processed/folds.npz")
    scorer = metric(plan["metric"], WHERE, Grammar())
    chosen_from = candidates(competing, models, Path("models/tuned"), plan["max_prediction_time"])
    flavors = {
        name: build(Grammar().object(one, WHERE.at("parts", name), ["flavor"])) for name, one in plan["parts"].items()
    }
    samples = {name: slice_.get("sample", {}).get("params", {}).get("rows") for name, slice_ in slices.items()}

    def node(key: str) -> Any:
        return Grammar().object(plan[key], WHERE.at(key), [AROUND[key][0]]) if plan[key] is not None else None

    task = task_of(schema)
    trained = train(
        chosen_from,
        ensemble,
        frame[list(schema.features)],
        frame[schema.target],
        folds,
        schema,
        task,
        scorer,
        workers=workers,
        samples=samples,
        **{key: node(key) for key in AROUND},
        weights=schema.weights(frame),
        seconds=max(seconds - (time.monotonic() - began) - SAVING, LEAST),
    )
    workers.stop()
    board = leaderboard(trained, results, plan["ensemble"]["class"].rpartition(".")[2], scorer)
    chosen = next(one for one in board if one["chosen"])
    # Times differ from run to run, and so they stay out of the metrics.
    held_out = read_json("data/processed/split.json")["held_out"]
    result = chosen | {"seconds": {one.name: one.seconds for one in results}, "held_out": held_out}
    text = dump(written(trained, plan, slices))
    # The notes and warnings of the schema may tell single values of the table.
    described = Described(replace(schema, notes=[], warnings=[]), text, result, read_json("data/interim/example.json"))
    rows = task.askable(frame[list(schema.features)])
    save(Path("models/final"), trained.model, described, plan["named"], rows, flavors)
    note_made(Path("models/final"))
    write_json("reports/leaderboard.json", {"metric": scorer.name, "models": board})
    print(f"models/final is trained on {len(frame)} rows: {'; '.join(one['name'] for one in chosen['members'])}")


if __name__ == "__main__":
    run_stage(main)
