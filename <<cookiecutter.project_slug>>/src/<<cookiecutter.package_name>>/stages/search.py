"""The search of one model as a process of its own; `tune.py` starts it and holds its clock."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..files import read_json, write_json, write_text
from ..objects.reader import Where
from ..project.locked import read_plan
from . import budget_for, budgets_for, run
from .workers import named, start


def main() -> None:
    """Go on with the study in the folder `argv[2]` for `argv[3]` seconds, and keep its result up to date.

    If the study has no trial yet, the first may take `argv[4]` seconds. Neither counts the time for imports.
    """
    name, folder, seconds, first_seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    parent = os.getppid()
    plan = read_plan(f"models/{name}")
    where = Where(f"plan/models/{name}.json")
    with named(plan, where) as workers:
        # The workers start with what is imported by now: the libraries, and the classes of the model.
        from ..objects.model import model_from
        from ..steps.search import Search

        model = model_from(plan)
        start(workers, where)
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()
        schema = read_json("data/interim/schema.json")
        budget = budget_for(read_json("data/processed/split.json")["train"], budgets_for(plan, schema)) or {}
        job = _job(folder.name, model, plan, schema, where)
        progress = Progress(name, folder, job.data.metric, budget)
        clock = time.monotonic()
        result = Search(
            job,
            _study(plan, folder, where),
            workers,
            trials=budget.get("trials"),
            deadline=clock + seconds,
            first_deadline=clock + first_seconds,
            folder=folder,
            on_trial_end=progress,
        ).run()
        if result.state != "no trial has finished":
            progress.write(result)


class Progress:
    """The result of a search in its folder, kept up to date and printed after each trial."""

    def __init__(self, name: str, folder: Path, metric: Any, budget: dict[str, Any]) -> None:
        self.name, self.folder, self.metric = name, folder, metric
        self.trials, self.seconds = budget.get("trials"), budget.get("seconds")
        self.earlier = read_json(folder / "result.json")["seconds"] if (folder / "result.json").exists() else 0.0
        self.began = time.time()
        write_json(folder / "began.json", self.began)

    def __call__(self, result: Any, study: Any) -> None:
        """Write the result and the trials, and print how far the search is."""
        from ..steps.study import history

        self.write(result)
        # Last: once it is there, `tune` ends a search whose seconds are over.
        write_text(self.folder / "trials.csv", history(study).to_csv(index=False))
        if result.state.startswith("fails"):
            print(f"params/models/{self.name}.yaml: {result.estimator} {result.state}; it is left out", flush=True)
            return
        best = "none yet" if result.score is None else f"{self.metric.natural(result.score):.5g}"
        trials = f"{result.trials}/{self.trials}" if self.trials else result.trials
        seconds = f"{result.seconds:.0f}{f' of {self.seconds:g}' if self.seconds else ''} s"
        print(f"{self.name}: trial {trials}, best {self.metric.name} {best}, {seconds}", flush=True)

    def write(self, result: Any) -> None:
        """Write the result, with the seconds of all runs."""
        result.seconds = round(self.earlier + time.time() - self.began, 3)
        write_json(self.folder / "result.json", result.to_json())


def _job(key: str, model: Any, plan: dict[str, Any], written: dict[str, Any], where: Where) -> Any:
    """Read the rows that the search of a model looks at."""
    import pandas as pd

    from ..objects.grammar import Grammar
    from ..objects.metrics import metric
    from ..schema import Schema
    from ..steps.fold import Job
    from ..steps.split import read_folds
    from ..steps.training_set import TrainingSet

    schema, folds = Schema.from_json(written), read_folds("data/processed/folds.npz")
    table = pd.read_parquet("data/processed/train.parquet")
    data = TrainingSet.from_table(table, schema, folds, metric(plan["metric"], where, Grammar()))
    return Job(key, model.of(schema.features), data.sampled(_made(plan, "sample", "resampler", where)))


def _study(plan: dict[str, Any], folder: Path, where: Where) -> Any:
    """Open the study, whose sampler goes on where an earlier run has ended."""
    import pandas as pd

    from ..steps.study import open_study

    sampler = dict(plan["sampler"])
    # A sampler that starts anew would draw the same numbers again.
    if "seed" in sampler.get("params", {}):
        done = len(pd.read_csv(folder / "trials.csv")) if (folder / "trials.csv").exists() else 0
        sampler["params"] = sampler["params"] | {"seed": sampler["params"]["seed"] + done}
    return open_study(
        f"{plan['name']} {folder.name}",
        _made(plan | {"sampler": sampler}, "sampler", "sampler", where),
        _made(plan, "pruner", "pruner", where),
        storage=_made(plan, "storage", "storage", where) or folder / "journal.log",
        folder=folder,
        also_minimize=plan.get("also_minimize"),
    )


def _made(plan: dict[str, Any], key: str, kind: str, where: Where) -> Any:
    """Build an object of the plan; None where it has none of this key."""
    from ..objects.build import build
    from ..objects.grammar import Grammar

    return build(Grammar().object(plan[key], where, [kind])) if key in plan else None


def _follow(parent: int) -> None:
    """End with the stage that started this search, also when that was killed; the workers end as well."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Ctrl-C reaches this process as well as `tune`, which speaks for both.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run(main)
