"""Make the final model of what the searches found, and save it."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..files import read_json, write_json
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, metric
from ..objects.model import model_from
from ..objects.reader import Where, dump
from ..schema import Schema
from ..steps.split import read_folds
from ..steps.train import Trained, candidates, leaderboard, train
from ..steps.tune import Result
from ..store import save
from . import STARTED, run

WHERE = Where("plan/train.json")
SAVING = 0.5  # seconds of the budget that are kept for writing the model
LEAST = 1.0  # seconds for members that are fitted in no time, where slow imports have used up the budget


def main() -> None:
    """`models/tuned` -> `models/final` and `reports/leaderboard.json`."""
    plan = read_json("plan/train.json")
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    frame = pd.read_parquet("data/processed/train.parquet")
    folds = read_folds("data/processed/folds.npz")
    results = [Result(**read_json(f"models/tuned/{name}/result.json")) for name in plan["models"]]
    slices = {name: read_json(f"plan/models/{name}.json") for name in plan["models"]}
    scorer = metric(plan["metric"], WHERE, Grammar())
    ensemble = build(Grammar().object(plan["ensemble"], WHERE))
    competing = [one for one in results if getattr(ensemble, "model", None) in (None, one.name)]
    models = [model_from(slices[one.name]) for one in competing]
    chosen_from = candidates(competing, models, Path("models/tuned"), plan["max_prediction_time"])
    sample = next(iter(slices.values())).get("sample", {}).get("params", {}).get("rows")
    trained = train(
        chosen_from,
        ensemble,
        frame[list(schema.features)],
        frame[schema.target],
        folds,
        schema,
        scorer,
        sample=sample,
        calibration=_node(plan, "calibration"),
        threshold=_node(plan, "threshold"),
        seconds=max(plan["seconds"] - (time.monotonic() - STARTED) - SAVING, LEAST) if plan["seconds"] else np.inf,
    )
    written = dump(_written(trained, plan, slices))
    board = _board(trained, results, plan["ensemble"]["class"].rpartition(".")[2], scorer)
    chosen = next(one for one in board if one["chosen"])
    # Times differ from run to run, and so they stay out of the metrics.
    result = chosen | {"seconds": {one.name: one.seconds for one in results}}
    save(Path("models/final"), trained.model, schema, written, result, plan["named"])
    write_json("reports/leaderboard.json", {"metric": scorer.name, "models": board})
    print(f"models/final is trained on {len(frame)} rows: {', '.join(one['name'] for one in chosen['members'])}")


def _node(plan: dict[str, Any], key: str) -> Any:
    return Grammar().object(plan[key], WHERE.at(key)) if plan[key] is not None else None


def _written(trained: Trained, plan: dict[str, Any], slices: dict[str, Any]) -> dict[str, Any]:
    """The final model as YAML: all that makes it what it is, by import paths."""
    members = []
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    for one, weight in zip(trained.members, weights, strict=True):
        model = {key: value for key, value in slices[one.model.name]["model"].items() if key != "seeds"}
        members.append({"name": one.name, "weight": weight} | model | {"values": one.values})
    return {key: plan[key] for key in ("ensemble", "calibration", "threshold")} | {"members": members}


def _board(trained: Trained, results: list[Result], ensemble: str, scorer: Metric) -> list[dict[str, Any]]:
    """The leaderboard in the metric's own sense; the final model comes first where it is made of several."""
    alone = len(trained.members) == 1
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    members = [
        {"name": one.name, "model": one.model.name, "weight": weight}
        for one, weight in zip(trained.members, weights, strict=True)
    ]
    first = {
        "model": trained.members[0].model.name if alone else "ensemble",
        "class": ensemble,
        "score": scorer.natural(float(np.nanmean(trained.folds))),
        "std": float(np.nanstd(trained.folds)),
        "trials": sum(one.trials for one in results),
        "pruned": sum(one.pruned for one in results),
        "failed": sum(one.failed for one in results),
        "best": None,
        "chosen": True,
        "state": "ok",
        "members": members,
    }
    board = [
        {
            "model": one.name,
            "class": one.estimator,
            "score": None if one.score is None else scorer.natural(one.score),
            "std": one.std,
            "trials": one.trials,
            "pruned": one.pruned,
            "failed": one.failed,
            "best": one.best,
            "chosen": alone and one.name == first["model"],
            "state": one.state,
            "members": members if alone and one.name == first["model"] else [],
        }
        for one in leaderboard(results)
    ]
    return board if alone else [first, *board]


if __name__ == "__main__":
    run(main)
