"""`dvc repro` from nothing against one plain script that does the same fits."""

import argparse
import json
import math
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from measure import HERE, Time, in_turn, report, stamp, timed

PIPELINE, SCRIPT = "dvc repro from nothing", "plain script"
NUMBERS, CATEGORIES = 14, 6


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10, help="of each of the four models")
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table(given.rows).to_csv(folder / "table.csv", index=False)
        fresh = project(folder, given.trials)
        sides = {
            PIPELINE: lambda: repro(fresh, folder / "run"),
            SCRIPT: lambda: script(folder, given.trials),
        }
        times = in_turn(sides, given.repetitions, warm_up=False)
        check(folder)
    notes = [
        f"{given.rows} rows, {NUMBERS} numbers, {CATEGORIES} categories, some missing; four models, "
        f"{given.trials} trials of five folds each.",
        "No trial is pruned and no budget of seconds ends; both sides found the same best scores.",
        "The pipeline also checks the params, infers a schema, keeps each trial on disk, saves the model, and writes "
        "the report.",
        "Fewer than 10,000 rows: the pipeline sets OMP_NUM_THREADS=1 for its searches, and the script runs with it.",
    ]
    report("running", "A pipeline against a script", times, [(PIPELINE, SCRIPT, 1.25)], notes)


def table(rows: int) -> pd.DataFrame:
    """A table of mixed columns whose target depends on half of them, with some values missing."""
    random = np.random.default_rng(0)
    numbers = random.normal(size=(rows, NUMBERS)) * random.lognormal(size=NUMBERS)
    codes = np.column_stack([random.integers(0, levels, rows) for levels in (3, 4, 5, 8, 12, 20)])
    scaled = numbers / numbers.std(axis=0)
    signal = scaled[:, 0] - scaled[:, 1] * scaled[:, 2] + np.sin(2 * scaled[:, 3]) + 0.5 * scaled[:, 4:7].sum(axis=1)
    signal += random.normal(size=20)[codes[:, 5]] + (codes[:, 0] == 1) * scaled[:, 7]
    target = np.where(signal + random.normal(size=rows) > np.median(signal), "yes", "no")
    levels = {f"category_{number}": [f"level {code}" for code in codes[:, number]] for number in range(CATEGORIES)}
    frame = pd.DataFrame(levels)
    for number in range(NUMBERS):
        frame[f"number_{number:02}"] = numbers[:, number].round(4)
    frame = frame.mask(random.random(frame.shape) < 0.05)
    frame["target"] = target
    # Classes are numbered in the order in which they appear: make it that of the alphabet.
    return (
        frame.sort_values("target", kind="stable")
        .iloc[[0, -1]]
        .pipe(lambda head: pd.concat([head, frame.drop(head.index)]))
    )


def project(folder: Path, trials: int) -> Path:
    """A project stamped for the table, with `trials` as its only limit."""
    stamp(folder, "project_name=Bench", f"data={folder / 'table.csv'}", "target=target", "estimators=balanced")
    params = folder / "bench" / "params"
    search = {
        r"(?m)^  trials: .*": f"  trials: {4 * trials}",
        r"(?m)^  seconds: .*": "  seconds: 100000",
        r"(?m)^pruner:\n(?:  .*\n)*": "pruner: {class: NopPruner}\n",
        r"(?m)^workers:\n(?:  .*\n)*": "workers: {class: InProcess}\n",
    }
    _edit(params / "search.yaml", search)
    _edit(params / "train.yaml", {r"(?m)^ensemble:\n(?:  .*\n)*": "ensemble: {class: BestSingle}\n"})
    return folder / "bench"


def _edit(file: Path, replacements: dict[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for pattern, new in replacements.items():
        text, count = re.subn(pattern, new, text)
        assert count == 1, f"{file} has {count} lines like {pattern}"
    file.write_text(text, encoding="utf-8")


def repro(fresh: Path, run: Path) -> Time:
    """Run the whole pipeline in a copy of the freshly stamped project."""
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(fresh, run, symlinks=True)
    return timed("dvc", "repro", "--quiet", cwd=run)


def script(folder: Path, trials: int) -> Time:
    """Run the plain script; it leaves what it found in `script.json`."""
    command = f'"{sys.executable}" "{HERE / "plain_script.py"}" table.csv {trials} > script.json'
    return timed("sh", "-c", command, cwd=folder, env={"OMP_NUM_THREADS": "1"})


def check(folder: Path) -> None:
    """Both sides did the same fits only if they found the same.

    Raises
    ------
    SystemExit
        If a score differs.
    """
    board = json.loads((folder / "run" / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    ours = {one["model"]: one["score"] for one in board["models"]}
    theirs = json.loads((folder / "script.json").read_text(encoding="utf-8"))["cross_validation"]
    for name, score in theirs.items():
        if not math.isclose(ours[name], score, rel_tol=1e-6):
            sys.exit(
                f"{name}: {ours[name]} in the pipeline, {score} in the script: these were not the same fits "
                f"(plain_script.py has to follow params/models/{name}.yaml of the recipe tabular-classification)"
            )


if __name__ == "__main__":
    main()
