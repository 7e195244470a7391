"""Trials per minute: the search of a stamped project against an Optuna loop that is written by hand."""

import argparse
import datetime
import json
import math
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import optuna
from measure import HERE, in_turn, machine, median, ratio, stamp, timed, versions
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from running import CATEGORIES, NUMBERS, table

MODELS = ("hist_gradient_boosting", "logistic_regression")
SCRIPT, ALONE, ONE, TWO = "script", "project, in process", "project, one worker", "project, two workers"
# With so many trials under way, one worker and two find the same.
WORKERS = {
    ALONE: "{class: InProcess, params: {trials: 1}}",
    ONE: "{class: Processes, params: {n_workers: 1, trials: 4}}",
    TWO: "{class: Processes, params: {n_workers: 2, trials: 4}}",
}
# Which side should make how many times the trials per minute of which.
GOALS = ((ALONE, SCRIPT, 1.0), (TWO, ONE, 1.7))
THREADS = {"OMP_NUM_THREADS": "1"}


class Search(NamedTuple):
    """One search: seconds of the whole command, of its processors, and of the search from the first trial to the last.

    The score is scikit-learn's: more is better.
    """

    wall: float
    cpu: float
    search: float
    trials: int
    pruned: int
    score: float


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40, help="of each of the two models")
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, dict[str, list[Search]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(given.rows).to_csv(folder / "table.csv", index=False)
        projects = stamped(folder, given.trials)
        for model in MODELS:
            print(model, file=sys.stderr)
            sides: dict[str, Callable[[], Search]] = {SCRIPT: partial(script, folder, model, given.trials)}
            sides |= {side: partial(project, projects[side], model) for side in WORKERS}
            found[model] = in_turn(sides, given.repetitions, warm_up=False)
            check(model, found[model], given.trials)
    report(found, notes(given.rows, given.trials))


def stamped(folder: Path, trials: int) -> dict[str, Path]:
    """A project for each kind of workers, up to its split, with `trials` of each model as its only limit."""
    answers = (f"data={folder / 'table.csv'}", "target=target", f"estimators={','.join(MODELS)}")
    stamp(folder, "project_name=Bench", *answers)
    first = folder / "bench"
    text = (first / "params" / "search.yaml").read_text(encoding="utf-8")
    text = re.sub(r"(?m)^  trials: .*", f"  trials: {trials * len(MODELS)}", text)  # the models share them
    text = re.sub(r"(?m)^  seconds: .*", "  seconds: null", text)
    text = re.sub(r"(?m)^workers:\n(  .*\n?)+", "", text)
    timed(sys.executable, "-m", "compileall", "-q", "src", cwd=first)
    projects = {}
    for side, workers in WORKERS.items():
        projects[side] = folder / side.replace(", ", "-").replace(" ", "-")
        shutil.copytree(first, projects[side], symlinks=True)
        (projects[side] / "params" / "search.yaml").write_text(f"{text}\nworkers: {workers}\n", encoding="utf-8")
        for stage in ("plan", "load", "split"):
            timed(sys.executable, "-m", f"bench.stages.{stage}", cwd=projects[side])
    return projects


def script(folder: Path, model: str, trials: int) -> Search:
    """Search by hand."""
    command = f'"{sys.executable}" "{HERE / "plain_search.py"}" table.csv {model} {trials} > script.json'
    time = timed("sh", "-c", command, cwd=folder, env=THREADS)
    found = json.loads((folder / "script.json").read_text(encoding="utf-8"))
    return Search(*time, found["seconds"], found["trials"], found["pruned"], found["score"])


def project(root: Path, model: str) -> Search:
    """Search by the stage, from nothing."""
    for leftover in (root / ".cache" / "studies", root / "models" / "tuned"):
        shutil.rmtree(leftover, ignore_errors=True)
    time = timed(sys.executable, "-m", "bench.stages.tune", "--model", model, cwd=root, env=THREADS)
    found = json.loads((root / "models" / "tuned" / model / "result.json").read_text(encoding="utf-8"))
    (journal,) = (root / ".cache" / "studies" / model).glob("*/journal.log")
    return Search(*time, between(journal), found["trials"], found["pruned"], found["score"])


def between(journal: Path) -> float:
    """Seconds from the start of a study's first trial to the end of its last, by the study's own clock."""
    storage = JournalStorage(JournalFileBackend(str(journal)))
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.datetime_start and trial.datetime_complete]
    last, first = max(one.datetime_complete for one in ended), min(one.datetime_start for one in ended)
    return (last - first).total_seconds()


def check(model: str, found: dict[str, list[Search]], trials: int) -> None:
    """Sides can be compared only if they tried the same.

    Raises
    ------
    SystemExit
        If a side made fewer trials, or two that are compared differ in their best score or in what they stopped.
    """
    for side, searches in found.items():
        if any(one.trials != trials for one in searches):
            sys.exit(f"{model}, {side}: {[one.trials for one in searches]} trials instead of {trials}")
    for one, other, _ in GOALS:
        for ours in found[one]:
            for theirs in found[other]:
                if ours.pruned != theirs.pruned or not math.isclose(ours.score, theirs.score, rel_tol=1e-6):
                    sys.exit(
                        f"{model}: {ours} of {one}, {theirs} of {other}: these were not the same trials "
                        f"(plain_search.py has to follow the params of a project that is stamped now)"
                    )


def notes(rows: int, trials: int) -> list[str]:
    """What to know when reading the numbers."""
    return [
        f"{rows} rows, {NUMBERS} numbers, {CATEGORIES} categories, some missing; {trials} trials of at most five folds "
        "each, with sampler and pruner as they are stamped; OMP_NUM_THREADS=1 on all sides.",
        "search: from the start of the first trial to the end of the last, by the study's own clock. whole: the whole "
        "command, with starting Python, imports and reading the rows, and for a project writing the result.",
        f"The {SCRIPT} and '{ALONE}' made the same trials (equal best scores, as many stopped). So did one worker "
        "and two, with four trials under way on either side; theirs are other trials than the script's, as the sampler "
        "is asked for a trial before it has heard of the three before it.",
        "A project also keeps each trial, with the outputs of the best, on disk, and prints it.",
    ]


def report(found: dict[str, dict[str, list[Search]]], told: list[str]) -> None:
    """Print the tables and write `results/searching.json`."""
    compared = []
    for model, times in found.items():
        print(f"\n{model}: trials per minute\n")
        print(f"  {'':<24} {'search':>8} {'whole':>8} {'processor':>12} {'stopped':>8} {'best score':>12}")
        for side, searches in times.items():
            rates = [60 * searches[0].trials / median(searches, clock) for clock in ("search", "wall")]
            last = f"{median(searches, 'cpu'):>10.2f} s {searches[0].pruned:>8} {searches[0].score:>12.6f}"
            print(f"  {side:<24} {rates[0]:>8.1f} {rates[1]:>8.1f} {last}")
        print()
        for one, other, goal in GOALS:
            # Twice the trials per minute is half the time.
            ratios = {clock: ratio(times, other, one, clock) for clock in ("search", "wall", "cpu")}
            kept = {clock: "kept" if ratios[clock] >= goal else "MISSED" for clock in ("search", "wall")}
            print(
                f"  {one} / {other}: search {ratios['search']:.2f} ({kept['search']}), whole {ratios['wall']:.2f} "
                f"({kept['wall']}), by processor time {ratios['cpu']:.2f}; goal {goal:g}"
            )
            rounded = {clock: round(one_, 3) for clock, one_ in ratios.items()}
            compared.append({"model": model, "of": one, "to": other, "goal": goal} | rounded)
    for note in told:
        print(f"  - {note}")
    result = {
        "benchmark": "searching",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(),
        "searches": {
            model: {side: [one._asdict() for one in searches] for side, searches in times.items()}
            for model, times in found.items()
        },
        "ratios_of_trials_per_minute": compared,
        "notes": told,
    }
    path = HERE / "results" / "searching.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
