"""A whole `make run` against its budget: the seconds beside it, and how much of it is spent on fits.

With the warm process and without it, in turn. In fits are: each search from the start of its first trial to its end,
and the final fit, up to its part of the budget.
"""

import argparse
import csv
import json
import re
import shutil
import statistics
import tempfile
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measure import BIN, HERE, Time, in_turn, machine, stamp, timed, versions

WARM, ALONE = "make run", "make run, each stage on its own"
MOST_BESIDE, LEAST_INSIDE = 12.0, 0.85


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {WARM: [], ALONE: []}
    with tempfile.TemporaryDirectory() as name:
        fresh = project(Path(name), given.rows, given.seconds)
        times = in_turn(
            {side: partial(run, fresh, Path(name) / "run", side, found[side]) for side in (WARM, ALONE)},
            given.repetitions,
            warm_up=False,
        )
    print(f"\nA run of {given.rows:,} rows with a budget of {given.seconds} seconds\n")
    print(f"  {'':<34} {'beside the budget':>18} {'inside fits':>12} {'trials':>7} {'processor':>10}")
    medians = {}
    for side, runs in found.items():
        middle = {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        beside = statistics.median(time.wall for time in times[side]) - given.seconds
        medians[side] = middle | {"beside": round(beside, 2)}
        used = statistics.median(time.cpu for time in times[side])
        share = middle["fits"] / given.seconds
        print(f"  {side:<34} {beside:>16.1f} s {share:>12.0%} {middle['trials']:>7.0f} {used:>8.1f} s")
    kept = medians[WARM]["beside"] <= MOST_BESIDE and medians[WARM]["fits"] / given.seconds >= LEAST_INSIDE
    goals = f"at most {MOST_BESIDE:g} s beside, at least {LEAST_INSIDE:.0%} inside"
    print(f"\n  goals: {goals}: {'kept' if kept else 'MISSED'}")
    result = {
        "benchmark": "overhead",
        "machine": machine(),
        "versions": versions(),
        "rows": given.rows,
        "budget": given.seconds,
        "seconds": {side: [list(time) for time in each] for side, each in times.items()},
        "runs": found,
        "medians": medians,
    }
    (HERE / "results" / "overhead.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def project(folder: Path, rows: int, seconds: int) -> Path:
    """A project with `estimators=automl` for a made-up table, stamped but not run."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({f"x{number}": random.normal(size=rows).round(3) for number in range(5)})
    table["kind"], table["colour"] = random.choice(list("abcd"), rows), random.choice(["red", "green", "blue"], rows)
    table["count"] = random.integers(0, 50, rows)
    signal = table["x0"] + table["x1"] * table["x2"] + 1.5 * (table["kind"] == "a") + random.normal(size=rows)
    table["target"] = np.where(signal > 0.5, "yes", "no")
    table.to_csv(folder / "table.csv", index=False)
    answers = ("project_name=Bench", "parts=none", "target=target", "estimators=automl")
    stamp(folder, f"data={folder / 'table.csv'}", *answers)
    search = folder / "bench" / "params" / "search.yaml"
    text, count = re.subn(r"(?m)^  seconds: .*", f"  seconds: {seconds}", search.read_text(encoding="utf-8"))
    assert count == 1, "search.yaml has no line `seconds`"
    search.write_text(text, encoding="utf-8")
    return folder / "bench"


def run(fresh: Path, run: Path, side: str, found: list[dict[str, float]]) -> Time:
    """Run the pipeline in a copy of the project; note what its trials took."""
    shutil.rmtree(run, ignore_errors=True)
    shutil.copytree(fresh, run, symlinks=True)
    words = ["make", f"PROJECT_VENV={BIN.parent}", "run"]
    time = timed(*words, cwd=run, env={"PROJECT_WARM": ""} if side == ALONE else {})
    found.append({"fits": round(fits(run), 2), "trials": len(trials(run))})
    return time


def trials(run: Path, model: str = "*") -> list[dict[str, str]]:
    """The finished trials of a run, or of one model of it."""
    rows: list[dict[str, str]] = []
    for file in (run / "models" / "tuned").glob(f"{model}/trials.csv"):
        with file.open(encoding="utf-8") as lines:
            rows += csv.DictReader(lines)
    return rows


def fits(run: Path) -> float:
    """The seconds that a run spent on fits."""
    found = 0.0
    for folder in (run / "models" / "tuned").iterdir():
        own = trials(run, folder.name)
        if own:
            began = read(next((run / ".cache" / "studies" / folder.name).glob("*/began.json")))
            first = min(datetime.fromisoformat(one["started"]).timestamp() for one in own)
            found += began + read(folder / "result.json")["seconds"] - first
    last = max(file.stat().st_mtime for file in (run / "models" / "tuned").glob("*/result.json"))
    share = read(run / "plan" / "train.json")["budget"][0]["seconds"]
    return found + min(share, (run / "models" / "final" / "result.json").stat().st_mtime - last)


def read(file: Path) -> Any:
    """The value in a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
