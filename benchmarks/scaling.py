"""Time and memory of each stage of a stamped project as the rows grow tenfold, beside one fit in a plain script."""

import argparse
import datetime
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil
from measure import HERE, environment, machine, stamp, versions

MODELS = ("logistic_regression", "hist_gradient_boosting", "lightgbm")
LEVELS = (2, 3, 5, 8, 12, 20, 50, 2_000)
NUMBERS = 20
SINGLE, PLAIN = "train one", "plain fit"
GIB = 1 << 30
GOAL = 24  # GiB for a million rows
EVERY = 0.05  # seconds between two looks at the memory


class Used(NamedTuple):
    """What a command used: seconds on the clock and of processors, and the most memory of its process tree in GiB.

    Memory that processes share is counted for each of them.
    """

    wall: float
    cpu: float
    peak: float


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default="10000,100000,1000000", help="sizes of the table, smallest first")
    parser.add_argument("--seconds", type=float, default=120, help="the budget of a search with all its models")
    parser.add_argument("--limit", type=float, default=GOAL, help="GiB at which a stage is stopped")
    given = parser.parse_args()
    sizes = {}
    for rows in map(int, given.rows.split(",")):
        with tempfile.TemporaryDirectory() as name:
            print(f"{rows} rows", file=sys.stderr)
            sizes[rows] = size(Path(name), rows, given.seconds, given.limit)
    report(sizes, given.seconds, given.limit)


def table(rows: int) -> pd.DataFrame:
    """30 columns of all kinds, and a target that depends on eight of them."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"number_{number:02}": random.normal(size=rows) for number in range(NUMBERS)})
    signal = frame["number_00"] - frame["number_01"] * frame["number_02"] + np.sin(2 * frame["number_03"])
    for number, levels in enumerate(LEVELS):
        codes = random.integers(0, levels, rows)
        names = pd.array([f"level {level}" for level in range(levels)], dtype="str")
        frame[f"category_{number}"] = names.take(codes)
        if number >= len(LEVELS) - 2:
            signal += random.normal(size=levels)[codes]
    hours = random.integers(0, 4 * 365 * 24, rows)
    frame["date"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(hours, unit="h")
    signal += np.sin(2 * np.pi * hours / (365 * 24))
    sparse = random.normal(size=rows)
    frame["sparse"] = np.where(random.random(rows) < 0.4, np.nan, sparse)
    signal += frame["sparse"].fillna(0)
    frame["target"] = np.where(signal + random.normal(size=rows) > signal.median(), "yes", "no")
    return frame


def size(folder: Path, rows: int, seconds: float, limit: float) -> dict[str, Any]:
    """What each stage used at one size, and what was found."""
    table(rows).to_parquet(folder / "table.parquet", index=False)
    answers = (f"data={folder / 'table.parquet'}", "target=target", f"estimators={','.join(MODELS)}")
    stamp(folder, "project_name=Bench", *answers)
    root = folder / "bench"
    search, train = root / "params" / "search.yaml", root / "params" / "train.yaml"
    replace(search, r"(?m)^  trials: .*", "  trials: null")
    replace(search, r"(?m)^  seconds: .*", f"  seconds: {seconds:g}")
    used: dict[str, Used] = {}

    def stage(label: str, name: str, *words: str) -> None:
        used[label] = watched(label, sys.executable, "-m", f"bench.stages.{name}", *words, cwd=root, limit=limit)[0]

    for name in ("plan", "load", "split"):
        stage(name, name)
    for model in MODELS:
        stage(f"tune {model}", "tune", model)
    found = {model: read(root / "models" / "tuned" / model / "result.json") for model in MODELS}
    for name in ("train", "evaluate"):
        stage(name, name)
    final = read(root / "models" / "final" / "result.json")
    metrics = read(root / "reports" / "metrics.json")
    # The final model has other members at each size: the growth is that of one configuration, here and in a script.
    single = "ensemble: {class: BestSingle, params: {model: hist_gradient_boosting}}"
    replace(train, r"(?m)^ensemble:\n(  .*\n)+", f"{single}\n")
    replace(search, r"(?m)^  trials: .*", f"  trials: {len(MODELS)}")  # the defaults of each
    replace(search, r"(?m)^  seconds: .*", "  seconds: null")
    shutil.rmtree(root / ".cache" / "studies")
    stage("plan again", "plan")
    stage("tune one", "tune", "hist_gradient_boosting")
    stage(SINGLE, "train")
    values = json.dumps(read(root / "models" / "tuned" / "hist_gradient_boosting" / "result.json")["values"])
    script, learned = str(HERE / "plain_fit.py"), str(root / "data" / "processed" / "train.parquet")
    used[PLAIN], said = watched(PLAIN, sys.executable, script, learned, values, cwd=folder, limit=limit)
    return {
        "stages": used,
        "trials": {model: one.get("trials", 0) for model, one in found.items()},
        "members": [member["name"] for member in final["members"]],
        "metrics": metrics,
        "plain_fit": json.loads(said),
        "parquet_mib": round((folder / "table.parquet").stat().st_size / 2**20, 1),
    }


def watched(label: str, *command: str, cwd: Path, limit: float) -> tuple[Used, str]:
    """Run a command and look at the memory of its process tree; what it printed comes back as well.

    Raises
    ------
    SystemExit
        If the command fails, or needs more than `limit` GiB: it is stopped then.
    """
    # The stages set it themselves: waiting threads then leave the processor to others.
    surroundings = environment() | {"OMP_WAIT_POLICY": "PASSIVE"}
    peak, status, began = 0, 0, perf_counter()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=surroundings, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        ended = 0
        while not ended:
            sleep(EVERY)
            peak = max(peak, resident(process.pid))
            if peak > limit * GIB:
                end(process)
                sys.exit(f"{label}: stopped at {peak / GIB:.1f} GiB")
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        wall = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode:
        sys.exit(f"{label} gave {process.returncode}\n{said[-3000:]}")
    used = Used(wall, usage.ru_utime + usage.ru_stime, peak / GIB)
    print(f"  {label:<32} {used.wall:8.1f} s {used.cpu:8.1f} s {used.peak:7.2f} GiB", file=sys.stderr)
    return used, said


def resident(pid: int) -> int:
    """The resident memory of a process and of all below it, in bytes."""
    total = 0
    for one in tree(pid):
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total


def tree(pid: int) -> list[psutil.Process]:
    """A process and all below it."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.Error:
        return []


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command with all that it has started."""
    for one in tree(process.pid):
        try:
            one.kill()
        except psutil.Error:
            continue
    process.wait()


def replace(path: Path, pattern: str, text: str) -> None:
    """Put `text` in place of `pattern` in a file."""
    path.write_text(re.sub(pattern, text, path.read_text(encoding="utf-8")), encoding="utf-8")


def read(path: Path) -> Any:
    """The values in a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def growths(sizes: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """From each size to the next: by what factor each stage grew, and how `SINGLE` grew beside `PLAIN`."""
    found = []
    for few, many in zip(sizes, list(sizes)[1:], strict=False):
        grown: dict[str, Any] = {"from": few, "to": many}
        for clock in ("wall", "cpu"):
            grown[clock] = {
                label: round(getattr(used, clock) / getattr(sizes[few]["stages"][label], clock), 2)
                for label, used in sizes[many]["stages"].items()
            }
            grown[f"ratio_{clock}"] = round(grown[clock][SINGLE] / grown[clock][PLAIN], 3)
        found.append(grown)
    return found


def report(sizes: dict[int, dict[str, Any]], seconds: float, limit: float) -> None:
    """Print the tables and write `results/scaling.json`."""
    labels = list(next(iter(sizes.values()))["stages"])
    print("\nSeconds, and the most memory in GiB\n")
    print(f"  {'rows':<28}" + "".join(f"{rows:>20,}" for rows in sizes))
    for label in labels:
        cells = [one["stages"][label] for one in sizes.values()]
        print(f"  {label:<28}" + "".join(f"{cell.wall:>10.1f} s{cell.peak:>8.2f}" for cell in cells))
    peaks = {rows: max(one["stages"][label].peak for label in labels) for rows, one in sizes.items()}
    print(f"  {'the most':<28}" + "".join(f"{peak:>20.2f}" for peak in peaks.values()))
    for model in MODELS:
        print(f"  {'trials of ' + model:<28}" + "".join(f"{one['trials'][model]:>20}" for one in sizes.values()))
    print(f"  {'members of the final model':<28}" + "".join(f"{len(one['members']):>20}" for one in sizes.values()))
    grown = growths(sizes)
    for one in grown:
        kept = "kept" if one["ratio_wall"] <= 1 else "MISSED"
        print(
            f"\n  from {one['from']:,} to {one['to']:,} rows '{SINGLE}' takes {one['wall'][SINGLE]:g} times as long, "
            f"'{PLAIN}' {one['wall'][PLAIN]:g} times: ratio {one['ratio_wall']:.2f} (of processor time "
            f"{one['ratio_cpu']:.2f}); goal 1: {kept}"
        )
    most = max(peaks.values())
    print(f"\n  the most memory: {most:.2f} GiB; goal {GOAL:g}: {'kept' if most <= GOAL else 'MISSED'}")
    told = [
        f"Parquet, {NUMBERS} numbers, {len(LEVELS)} categories (one of {LEVELS[-1]} levels), a date, a number of which "
        f"two fifths are missing; a budget of {seconds:g} s shared by {', '.join(MODELS)} and the final fit; each "
        "search learns from at most 30,000 rows of a fold, as stamped.",
        "A stage `tune` takes the time that the budget gives it: what grows with the rows there is memory.",
        f"'{SINGLE}' is the stage `train` with BestSingle: HistGradientBoosting with its defaults on all training "
        f"rows, saved as a model. '{PLAIN}' makes the same fit in a script. Both include imports and reading.",
        "Memory is the sum of the resident memory of a stage's processes, looked at twenty times a second; what they "
        "share counts for each of them.",
        "Stages were run by themselves: DVC's hashing of their files is not measured.",
    ]
    for note in told:
        print(f"  - {note}")
    packages = {name: importlib.metadata.version(name) for name in ("lightgbm", "pyarrow")}
    result = {
        "benchmark": "scaling",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine() | {"memory_gib": round(psutil.virtual_memory().total / GIB, 1)},
        "versions": versions() | packages,
        "seconds": seconds,
        "limit_gib": limit,
        "sizes": {
            rows: one | {"stages": {label: rounded(used) for label, used in one["stages"].items()}}
            for rows, one in sizes.items()
        },
        "growths": grown,
        "notes": told,
    }
    path = HERE / "results" / "scaling.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def rounded(used: Used) -> dict[str, float]:
    """Plain numbers."""
    return {"wall": round(used.wall, 2), "cpu": round(used.cpu, 2), "peak_gib": round(used.peak, 3)}


if __name__ == "__main__":
    main()
