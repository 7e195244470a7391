"""Where a run comes from: the project, its commit and packages, how its rows were split, how to run it again."""

import contextlib
import datetime
import subprocess  # nosec B404 # no shell
import tomllib
from pathlib import Path
from typing import Any

from ..files import read_json

PACKAGE = __name__.split(".")[0]


def project() -> dict[str, str]:
    """Return the name and the description of the project."""
    written = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    project, own = written["project"], written.get("tool", {}).get(PACKAGE, {})
    return {"name": str(own.get("title", project["name"])), "description": project.get("description", "")}


def run(seconds: float) -> dict[str, Any]:
    """Return when and with what a run was made that took so long."""
    environment = read_json("models/final/environment.json")
    return {
        "created": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        "python": environment.pop("python"),
        "packages": environment,
        "seconds": seconds,
    }


def split() -> dict[str, Any]:
    """Return how many rows were held out and how, and how the folds were made."""
    plan = read_json("data/processed/split.json")

    def written(key: str) -> str:
        thing = plan[key]
        params = ", ".join(f"{name}={value!r}" for name, value in thing.get("params", {}).items())
        return f"{thing['class'].rpartition('.')[2]}({params})"

    return {
        "train_rows": plan["train"],
        "holdout_rows": plan["held_out"],
        "folds": plan["folds"],
        "holdout": written("holdout"),
        "cv": written("cv"),
    }


def reproduce() -> list[str]:
    """Return the commands that repeat the run."""
    commit = _commit()
    checkout = [f"git checkout {commit}"] if commit and " " not in commit else []
    return [*checkout, "make setup", "make run"]


def _commit() -> str | None:
    """The commit that this run is of; says so if there are changes that no commit holds."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "params", "src", "data", "pyproject.toml", "dvc.yaml")
    return f"{commit} and changes that are not committed" if commit and changed else commit


def _git(*words: str) -> str | None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        asked = subprocess.run(["git", *words], capture_output=True, text=True, check=True)  # nosec B603, B607
        return asked.stdout.strip() or None
    return None
