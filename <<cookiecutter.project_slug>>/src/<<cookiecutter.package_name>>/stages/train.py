"""Fit the best of the tuned models to all training rows and save it."""

from pathlib import Path

import pandas as pd

from ..files import read_json, write_json
from ..objects.grammar import Grammar
from ..objects.metrics import metric
from ..objects.model import model_from
from ..objects.reader import Where, dump
from ..schema import Schema
from ..steps.train import choose, leaderboard, train
from ..steps.tune import Result
from ..store import save
from . import run


def main() -> None:
    """`models/tuned` -> `models/final` and `reports/leaderboard.json`."""
    plan = read_json("plan/train.json")
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    frame = pd.read_parquet("data/processed/train.parquet")
    results = [Result(**read_json(f"models/tuned/{name}/result.json")) for name in plan["models"]]
    chosen = choose(results, plan["model"])
    slice_ = read_json(f"plan/models/{chosen.name}.json")
    model = model_from(slice_)
    fitted = train(model, chosen, frame[list(schema.features)], frame[schema.target], schema.features, schema.task)
    yaml = dump({"name": chosen.name} | slice_["model"] | {"values": chosen.values})
    save(Path("models/final"), fitted, schema, yaml, chosen.to_json(), plan["named"])
    scored = metric(plan["metric"], Where("plan/train.json"), Grammar())
    board = [
        {
            "model": one.name,
            "class": one.estimator,
            "score": None if one.score is None else scored.natural(one.score),
            "std": one.std,
            "trials": one.trials,
            "pruned": one.pruned,
            "failed": one.failed,
            "seconds": one.seconds,
            "best": one.best,
            "chosen": one.name == chosen.name,
            "state": one.state,
        }
        for one in leaderboard(results)
    ]
    write_json("reports/leaderboard.json", {"metric": scored.name, "models": board})
    print(f"{chosen.name} is trained on {len(frame)} rows: models/final")


if __name__ == "__main__":
    run(main)
