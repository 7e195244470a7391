"""Tune one model: `python -m <package>.stages.tune --model <name>`.

The search runs in a process of its own, because a fit cannot be interrupted from within. This process imports
nothing heavy: it holds the clock, ends the search when the budget is spent, and publishes what was found by then.
"""

import argparse
import contextlib
import hashlib
import os
import shutil
import signal
import subprocess  # nosec B404 # no shell
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json, replacing_folder, sweep, write_json
from ..objects.code import fingerprint
from ..objects.names import RULE, is_name
from ..parts import behind
from ..project.locked import read_plan
from . import budget_for, budgets_for, run_stage, signal_name, threads

INPUTS = ("data/processed/train.parquet", "data/processed/folds.npz", "data/interim/schema.json")
# What the search needs after its deadline to write its last result and to end its workers.
GRACE = 0.3
# Seconds for the trial of the defaults where the model's share is smaller: a small budget still gives models.
LEAST = 5.0


def main() -> None:
    """`plan/models/<model>.json` and the training rows -> `models/tuned/<model>`."""
    name = _model()
    plan = read_plan(f"models/{name}")
    study = Path(".cache/studies") / name / study_key(plan)
    earlier = read_json(study / "result.json") if (study / "result.json").exists() else {"seconds": 0.0}
    rows = read_json("data/processed/split.json")["train"]
    budgets = budgets_for(plan, read_json("data/interim/schema.json"))
    budget = budget_for(rows, budgets)
    left = budget.get("seconds", float("inf")) - earlier["seconds"] if budget else 0.0
    if plan.get("always") and earlier.get("score") is None:
        budget, left = {}, float("inf")
    if budget is not None and left > 0:
        with ExitStack() as observers:
            for _, observer in behind("observer"):
                observers.enter_context(observer.observing(name))
            _search(name, plan, budget, rows, study, left)
        if not (study / "result.json").exists():
            allowed = max(left, plan.get("least_seconds", LEAST))
            write_json(study / "result.json", _nothing(name, plan, budget.get("seconds"), allowed))
        result = read_json(study / "result.json")
    elif budget is None and earlier.get("score") is None:
        result = _left_out(name, plan, rows, budgets[-1]["most_rows"])  # of this run: the study knows nothing of it
    else:
        print(f"{name}: an earlier run has spent the budget, and what it found is taken", flush=True)
        result = earlier
    with replacing_folder(Path("models/tuned") / name) as folder:
        (folder / "outputs").mkdir(parents=True)
        write_json(folder / "result.json", result)
        parts = [f"outputs/{trial['trial']}.npy" for trial in result.get("candidates", [])]
        for part in ("trials.csv", *parts):
            if (study / part).exists():
                shutil.copy(study / part, folder / part)


def _model() -> str:
    """The name of the model, from the command line.

    dvc.yaml writes `${item}`, which DVC turns into `--model` and the name, quoted for the shell.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name if __spec__ else __name__}")
    parser.add_argument("--model", required=True)
    name: str = parser.parse_args().model
    if not is_name(name):
        raise UserError(f"{name!r} cannot name a model: {RULE}", "search.yaml", "models")
    return name


def _search(name: str, plan: dict[str, Any], budget: dict[str, Any], rows: int, study: Path, seconds: float) -> None:
    """Search in another process for so many seconds, which count from when its libraries are loaded."""
    least = max(seconds, plan.get("least_seconds", LEAST))
    command = [sys.executable, "-m", f"{__package__}.search", name, str(study), str(seconds - GRACE), str(least)]
    (study / "began.json").unlink(missing_ok=True)
    sampled = plan.get("sample", {}).get("params", {}).get("rows", float("inf"))
    few = threads(min(rows, sampled))
    # With its workers it is a group of its own, so that none of them can outlive it.
    process = subprocess.Popen(command, env=few | os.environ, start_new_session=True)  # nosec B603 # no shell
    try:
        code = _ended(process, study, seconds, least + GRACE)
    except subprocess.TimeoutExpired:
        _kill(process)
        if (study / "result.json").exists():
            # Raising the budget gives the search the difference, and not the time that the last trial took besides.
            write_json(study / "result.json", read_json(study / "result.json") | {"seconds": budget["seconds"]})
        print(f"{name}: the budget is spent; the trial that was running is left out", flush=True)
        return
    except KeyboardInterrupt:
        _kill(process)
        print(f"\n{name}: interrupted; the trials that have finished are kept, and the next run goes on from them")
        raise
    finally:
        _kill(process)
        sweep()  # a search that is killed leaves a copy of the training rows
        if process.returncode:
            _give_up(name, plan, study)
    if code < 0:
        raise UserError(
            f"{name}: the search was ended by {signal_name(-code)}; its finished trials are kept, and the next run "
            "goes on from them (with `workers: {class: Processes}` in params/search.yaml it goes on without such a "
            f"trial; or take {name} from `models` there)"
        )
    if code:
        sys.exit(code)


def _ended(process: subprocess.Popen[bytes], study: Path, seconds: float, least: float) -> int:
    """Wait for a search and return its exit code.

    Parameters
    ----------
    study : the folder in which the search notes when it began, and writes `trials.csv` after its first trial.
    seconds, least : how long the search may take, and how long its first trial may take.

    Raises
    ------
    subprocess.TimeoutExpired
        If the search has not ended by then.
    """
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(0.1)
        if (study / "began.json").exists():
            left = seconds if (study / "trials.csv").exists() else least
            if time.time() > read_json(study / "began.json") + left:
                raise subprocess.TimeoutExpired(process.args, left)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the search with all of its workers."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _give_up(name: str, plan: dict[str, Any], study: Path) -> None:
    """End the trials of a killed search in a storage that machines share; in a file, the next search ends them."""
    if "storage" not in plan:
        return
    from ..objects.build import build
    from ..objects.grammar import Grammar
    from ..objects.reader import Where
    from ..steps.study import give_up

    storage = build(Grammar().object(plan["storage"], Where(f"plan/models/{name}.json"), ["storage"]))
    give_up(storage, f"{name} {study.name}", study)


def _left_out(name: str, plan: dict[str, Any], rows: int, most: int) -> dict[str, Any]:
    """There are more rows than it competes with: say so in a result without a score, of no seconds."""
    print(
        f"{name}: at its `rows_per_second` its seconds suffice for {most:,} rows, and there are {rows:,}; it is not "
        "searched, and the others get its time (more `seconds` in params/search.yaml bring it in)",
        flush=True,
    )
    state = f"too many rows: its seconds suffice for {most:,} rows, and there are {rows:,}"
    return _without_score(name, plan, state, 0.0)


def _nothing(name: str, plan: dict[str, Any], seconds: float | None, allowed: float) -> dict[str, Any]:
    """Say in a result without a score that not even the defaults were fitted in time, or that all trials failed."""
    if seconds is None:
        print(f"{name}: no trial has finished; it is left out", flush=True)
        return _without_score(name, plan, "no trial has finished", 0.0)
    print(
        f"{name}: no trial finished within {allowed:g} s; it is left out (raise `seconds` of `budget` in "
        f"params/search.yaml, or its part by `shares: {{{name}: 2}}` there; or take {name} from `models`, and the "
        "others get its time)",
        flush=True,
    )
    return _without_score(name, plan, "out of time", seconds)


def _without_score(name: str, plan: dict[str, Any], state: str, seconds: float) -> dict[str, Any]:
    return {"name": name, "estimator": plan["model"]["class"].rpartition(".")[2], "state": state, "seconds": seconds}


def study_key(plan: dict[str, Any]) -> str:
    """What makes trials comparable: all that a score depends on, and so not the budget, or where trials are run."""
    beside = ("budget", "budget_with_text", "workers", "storage", "always", "least_seconds")
    search = {key: value for key, value in plan.items() if key not in beside}
    digest = hashlib.sha256(repr(search).encode())
    digest.update(fingerprint(Path(__file__).with_name("search.py")).encode())
    for path in INPUTS:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()[:16]


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Let `run_stage` see it as Ctrl-C, which itself is ignored by what was started in the background.
    signal.signal(signal.SIGTERM, _interrupt)
    run_stage(main)
