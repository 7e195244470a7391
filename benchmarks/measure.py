"""Time two sides of a comparison in turn, print their medians and ratio, and keep the raw numbers as JSON."""

import datetime
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
TEMPLATE = HERE.parent
BIN = Path(sys.executable).parent
PACKAGES = (
    *("cookiecutter", "cookiecutter-data-science", "dvc", "optuna", "scikit-learn", "pandas", "numpy"),
    *("fastapi", "mlflow", "uvicorn"),
)
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class Time(NamedTuple):
    """Seconds on the clock and seconds of processor time, children included."""

    wall: float
    cpu: float


Times = dict[str, list[Time]]


def timed(*command: str, cwd: Path, env: Mapping[str, str] | None = None, path: str | None = None) -> Time:
    """Run a command and time it; what it prints is dropped unless it fails.

    Parameters
    ----------
    env : variables beside those of `environment`.
    path : the whole PATH; by default the tools beside this Python come first.

    Raises
    ------
    SystemExit
        If the command fails.
    """
    surroundings = {**environment(), **(env or {}), **({"PATH": path} if path is not None else {})}
    used, began = _cpu(), perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=surroundings, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    time = Time(perf_counter() - began, _cpu() - used)
    if done.returncode:
        sys.exit(f"{' '.join(command)} gave {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time


def environment() -> dict[str, str]:
    """The surroundings of every measured command: compiled modules allowed, no analytics, a known committer."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        **PERSON,
        "PATH": os.pathsep.join([str(BIN), os.environ.get("PATH", "")]),
        "PYTHONPATH": "src",
        "DVC_NO_ANALYTICS": "1",
    }


def in_turn(sides: Mapping[str, Callable[[], Time]], repetitions: int, warm_up: bool = True) -> Times:
    """Time all sides `repetitions` times, each round in the reverse order of the last.

    Whatever else the machine does then falls on all sides alike. A first round is not timed if `warm_up`.
    """
    times: Times = {name: [] for name in sides}
    for one in sides.values() if warm_up else ():
        one()
    for number in range(repetitions):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            times[name].append(sides[name]())
            print(f"  {number + 1}/{repetitions}  {name:<32} {times[name][-1].wall:8.3f} s", file=sys.stderr)
    return times


def ratio(times: Times, one: str, other: str, clock: str = "wall") -> float:
    """The median of `one` over the median of `other`."""
    return median(times[one], clock) / median(times[other], clock)


def median(found: list[Time], clock: str = "wall") -> float:
    """The median in seconds, on the clock or of the processor."""
    return statistics.median(getattr(time, clock) for time in found)


def report(name: str, title: str, times: Times, pairs: list[tuple[str, str, float]], notes: list[str]) -> None:
    """Print the table and write `results/<name>.json`.

    Parameters
    ----------
    pairs : which side is compared with which, and the largest ratio that is good enough.
    notes : what to know when reading the numbers.
    """
    print(f"\n{title}\n")
    print(f"  {'':<32} {'median':>9} {'from':>8} {'to':>8} {'processor':>10}")
    for side, found in times.items():
        walls = [time.wall for time in found]
        numbers = f"{median(found):>7.3f} s {min(walls):>8.3f} {max(walls):>8.3f} {median(found, 'cpu'):>8.3f} s"
        print(f"  {side:<32} {numbers}")
    compared = []
    for one, other, goal in pairs:
        wall, cpu = ratio(times, one, other), ratio(times, one, other, "cpu")
        kept = "kept" if wall <= goal else "MISSED"
        print(f"\n  {one} / {other}: {wall:.2f} (of processor time {cpu:.2f}); goal {goal:g}: {kept}")
        compared.append({"of": one, "to": other, "ratio": round(wall, 3), "ratio_cpu": round(cpu, 3), "goal": goal})
    for note in notes:
        print(f"  - {note}")
    result = {
        "benchmark": name,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(),
        "seconds": {
            side: {clock: [round(getattr(time, clock), 4) for time in found] for clock in Time._fields}
            for side, found in times.items()
        },
        "ratios": compared,
        "notes": notes,
    }
    path = HERE / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def machine() -> dict[str, object]:
    """What the numbers depend on: processor, cores, system, and what else was running."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.exists()
        else []
    )
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "load_at_the_end": [round(one, 2) for one in os.getloadavg()],
    }


def versions() -> dict[str, str]:
    """The versions of Python and of what is compared."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def stamp(folder: Path, *answers: str, path: str | None = None) -> Time:
    """Stamp a project with these answers into `folder` and time it."""
    command = (str(BIN / "cookiecutter"), str(TEMPLATE), "--no-input", "--output-dir", str(folder))
    return timed(*command, *answers, cwd=folder, path=path)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
