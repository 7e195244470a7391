"""The search of one model as a process of its own; `tune.py` starts it and holds its clock."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..files import read_json, write_json, write_text
from ..locked import read_plan
from ..objects.budget import Share, share_for, shares_in
from ..objects.reader import Where
from . import run
from .workers import named, start


def main() -> None:
    """Go on with the study in the folder `argv[2]` for `argv[3]` seconds, and keep its result up to date.

    If the study has no trial yet, the first may take `argv[4]` seconds. Neither counts the time for imports.
    """
    name, study, seconds = sys.argv[1], Path(sys.argv[2]), (float(sys.argv[3]), float(sys.argv[4]))
    parent = os.getppid()
    plan = read_plan(f"models/{name}")
    where = Where(f"plan/models/{name}.json")
    with named(plan, where) as workers:
        _search(name, plan, where, workers, study, parent, seconds)


def _search(
    name: str,
    plan: dict[str, Any],
    where: Where,
    workers: Any,
    study: Path,
    parent: int,
    allowed: tuple[float, float],
) -> None:
    import optuna
    import pandas as pd

    from ..objects.build import build
    from ..objects.grammar import Grammar
    from ..objects.metrics import metric
    from ..objects.model import model_from
    from ..schema import Schema
    from ..steps.fold import job
    from ..steps.split import read_folds
    from ..steps.task import task_of
    from ..steps.tune import Result, history, tune

    model = model_from(plan)
    start(workers, where)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    written = read_json("data/interim/schema.json")
    schema = Schema.from_json(written)
    frame = pd.read_parquet("data/processed/train.parquet")
    folds = read_folds("data/processed/folds.npz")
    chosen = metric(plan["metric"], where, Grammar())
    share = share_for(read_json("data/processed/split.json")["train"], shares_in(plan, written)) or Share()
    trials, seconds = share.trials, share.seconds
    earlier = read_json(study / "result.json")["seconds"] if (study / "result.json").exists() else 0.0
    # A sampler that starts anew would draw the same numbers again.
    sampler = dict(plan["sampler"])
    if "seed" in sampler.get("params", {}):
        done = len(pd.read_csv(study / "trials.csv")) if (study / "trials.csv").exists() else 0
        sampler["params"] = sampler["params"] | {"seed": sampler["params"]["seed"] + done}

    def made(key: str, kind: str) -> Any:
        return build(Grammar().object(plan[key], where, [kind])) if key in plan else None

    def told(result: Result, found: optuna.Study) -> None:
        result.seconds = round(earlier + time.time() - began, 3)
        write_json(study / "result.json", result.to_json())
        # Last: once it is there, `tune` ends a search whose seconds are over.
        write_text(study / "trials.csv", history(found).to_csv(index=False))
        if result.state.startswith("fails"):
            print(f"params/models/{name}.yaml: {result.estimator} {result.state}; it is left out", flush=True)
            return
        best = "none yet" if result.score is None else f"{chosen.natural(result.score):.5g}"
        of = f"/{trials}" if trials else ""
        limit = f" of {seconds:g}" if seconds else ""
        print(
            f"{name}: trial {result.trials}{of}, best {chosen.name} {best}, {result.seconds:.0f}{limit} s", flush=True
        )

    wanted = job(
        study.name,
        model.of(schema.features),
        frame[list(schema.features)],
        frame[schema.target],
        folds,
        task=task_of(schema),
        dtypes=schema.features,
        metric=chosen,
        sample=made("sample", "resampler"),
        weights=schema.weights(frame),
    )
    del frame  # of a large table the search keeps its sample alone
    began, clock = time.time(), time.monotonic()
    write_json(study / "began.json", began)
    result = tune(
        wanted,
        sampler=build(Grammar().object(sampler, where, ["sampler"])),
        pruner=made("pruner", "pruner"),
        workers=workers,
        also_minimize=plan.get("also_minimize"),
        trials=trials,
        deadline=clock + allowed[0],
        least=clock + allowed[1],
        storage=made("storage", "storage") or study / "journal.log",
        folder=study,
        told=told,
    )
    if result.state != "no trial has finished":
        result.seconds = round(earlier + time.time() - began, 3)
        write_json(study / "result.json", result.to_json())


def _follow(parent: int) -> None:
    """End with the stage that started this search, also when that was killed; the workers end as well."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Ctrl-C reaches this process as well as `tune`, which speaks for both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(main)
