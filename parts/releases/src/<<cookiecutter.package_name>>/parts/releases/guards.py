"""What has to be true before the model of the last run is registered: each refusal says why, and what to do.

A registered version is what a commit says: its code, params and data made the model, and everybody can get it.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import UserError
from ...files import read_json
from ...objects.reader import read
from ...prediction.pipeline import MODEL, PredictionPipeline
from ...project.calls import dvc, git

ARTIFACT = "model"  # its name in dvc.yaml
MOST_TOLD = 5


def check_ready() -> None:
    """Check everything that a registered model needs, what is quick first.

    Raises
    ------
    UserError
        For the first thing that is missing.
    """
    check_committed()
    check_artifact()
    check_run()
    check_model()
    check_pushed()


def head() -> str:
    """The last commit.

    Raises
    ------
    UserError
        If this is no git repository, or has no commit.
    """
    try:
        git("rev-parse", "--git-dir")
    except UserError as error:
        if "not a git repository" not in error.message:
            raise
        raise UserError("this is no git repository, and a version is a commit: `make setup` starts one") from None
    try:
        return git("rev-parse", "--verify", "HEAD").strip()
    except UserError:
        raise UserError("this repository has no commit yet, and a version is one: git add --all, git commit") from None


def check_committed() -> None:
    """The files are those of the last commit."""
    head()
    changed = [line[3:] for line in git("status", "--porcelain", "--", ".").splitlines()]
    if changed:
        raise UserError(
            f"{_told(changed)} not as in the last commit: the version would not be what its commit says; commit first"
        )


def check_artifact() -> None:
    """dvc.yaml names the model, by which `dvc artifacts get` finds it."""
    artifacts = read(Path("dvc.yaml"))[0].get("artifacts") or {}
    if (artifacts.get(ARTIFACT) or {}).get("path") != MODEL:
        raise UserError(f"dvc.yaml does not name the model: write `artifacts: {{{ARTIFACT}: {{path: {MODEL}}}}}`")


def check_run() -> None:
    """Code, params, data and outputs are those of dvc.lock."""
    if not Path("dvc.lock").exists():
        raise UserError("there is no dvc.lock, so no model has been trained: `make run`, then commit")
    found: dict[str, Any] = json.loads(dvc("status", "--json"))
    if not found:
        return
    if all(_outputs_only(one) for one in found.values()):
        raise UserError(
            f"{_told(found)} changed after the run, so what is there is not what dvc.lock names: "
            "`.venv/bin/dvc checkout` brings it back, `make run` makes it anew"
        )
    raise UserError(
        f"the last run is out of date in {', '.join(sorted(found))}: `make run`, look at the report, then commit"
    )


def check_model() -> None:
    """The model's folder is whole and predicts its own example."""
    pipeline = PredictionPipeline.load(MODEL)
    if pipeline.example is None or pipeline.example.empty:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline.predict(pd.DataFrame(pipeline.example))
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{MODEL} does not predict its own example: {type(error).__name__}: {error}; `make run` makes it anew"
        ) from error


def check_pushed() -> None:
    """DVC's default remote has everything that the commit names."""
    try:
        remote = dvc("remote", "default").strip()
    except UserError:
        remote = ""
    if not remote or remote.startswith("No default"):
        raise UserError(
            "DVC has no default remote, so nobody could get the model: .venv/bin/dvc remote add --default store "
            "<a folder, s3://…, gs://…, azure://…>, commit .dvc/config, make push"
        )
    try:
        states: dict[str, str] = json.loads(dvc("status", "--cloud", "--json"))
    except UserError as error:
        raise UserError(
            f"it cannot be seen whether the model was pushed to DVC's remote {remote!r}: {error.message}"
        ) from None
    gone = [path for path, state in states.items() if state in ("new", "missing")]
    absent = sorted(path for path in gone if not any(path.startswith(f"{folder}/") for folder in gone))
    if absent:
        raise UserError(f"{_told(absent)} not in DVC's remote {remote!r}, which others get it from: make push")


def check_reachable(remote: str = "origin") -> str:
    """A branch of the git remote holds the last commit, if there is that remote; gives the commit."""
    commit = head()
    if remote in git("remote").split() and not git("branch", "--remotes", "--contains", commit).strip():
        raise UserError(f"the last commit is in no branch of {remote}, so nobody could find what made it: git push")
    return commit


def metrics() -> dict[str, float]:
    """The numbers of `reports/metrics.json`."""
    path = Path("reports/metrics.json")
    return numbers(read_json(path)) if path.exists() else {}


def numbers(found: dict[str, Any]) -> dict[str, float]:
    """What is a number in the metrics, in their order."""
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def _outputs_only(changes: list[Any]) -> bool:
    return all(isinstance(one, dict) and set(one) == {"changed outs"} for one in changes)


def _told(names: Any) -> str:
    """Some names, with the verb that they want."""
    names = list(names)
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    return f"{', '.join(names[:MOST_TOLD])}{more} {'is' if len(names) == 1 else 'are'}"
