"""The search of one model as a process of its own; `tune.py` starts it and holds its clock."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from ..files import read_json, write_json, write_text
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import metric
from ..objects.model import model_from
from ..objects.reader import Where
from ..schema import Schema
from ..steps.tune import Result, history, tune
from . import run


def main() -> None:
    """Go on with the study in the folder `argv[2]` until the time `argv[3]`; keep its result there up to date."""
    name, study, until = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    plan = read_json(f"plan/models/{name}.json")
    where = Where(f"plan/models/{name}.json")
    schema = Schema.from_json(read_json("data/interim/schema.json"))
    frame = pd.read_parquet("data/processed/train.parquet")
    arrays = np.load("data/processed/folds.npz", allow_pickle=False)
    folds = [(arrays[f"a_{number}"], arrays[f"b_{number}"]) for number in range(len(arrays.files) // 2)]
    chosen = metric(plan["metric"], where, Grammar())
    trials, seconds = plan["budget"].get("trials"), plan["budget"].get("seconds")
    parent, began = os.getppid(), time.monotonic()
    earlier = read_json(study / "result.json")["seconds"] if (study / "result.json").exists() else 0.0
    # A sampler that starts anew would draw the same numbers again.
    sampler = dict(plan["sampler"])
    if "seed" in sampler.get("params", {}):
        done = len(pd.read_csv(study / "trials.csv")) if (study / "trials.csv").exists() else 0
        sampler["params"] = sampler["params"] | {"seed": sampler["params"]["seed"] + done}

    def told(result: Result, found: optuna.Study) -> None:
        result.seconds = round(earlier + time.monotonic() - began, 3)
        write_text(study / "trials.csv", history(found).to_csv(index=False))
        write_json(study / "result.json", result.to_json())
        if result.state.startswith("fails"):
            print(f"params/models/{name}.yaml: {result.estimator} {result.state}; it is left out", flush=True)
            return
        best = "none yet" if result.score is None else f"{chosen.natural(result.score):.5g}"
        of = f"/{trials}" if trials else ""
        limit = f" of {seconds:g}" if seconds else ""
        print(
            f"{name}: trial {result.trials}{of}, best {chosen.name} {best}, {result.seconds:.0f}{limit} s", flush=True
        )
        if os.getppid() != parent:
            sys.exit("the stage that started this search is gone")

    result = tune(
        model_from(plan),
        frame[list(schema.features)],
        frame[schema.target],
        folds,
        task=schema.task,
        dtypes=schema.features,
        labels=schema.labels,
        metric=chosen,
        sampler=build(Grammar().object(sampler, where)),
        pruner=build(Grammar().object(plan["pruner"], where)),
        sample=build(Grammar().object(plan["sample"], where)) if "sample" in plan else None,
        trials=trials,
        deadline=time.monotonic() + until - time.time(),
        journal=study / "journal.log",
        told=told,
    )
    if result.score is not None and not (study / "result.json").exists():
        write_json(study / "result.json", result.to_json())


if __name__ == "__main__":
    # Ctrl-C reaches this process as well as `tune`, which speaks for both.
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    run(main)
