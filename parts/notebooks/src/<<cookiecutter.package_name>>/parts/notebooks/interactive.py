"""The stages of the pipeline from Python, for notebooks: bring one up to date, and have what it made as objects.

frame, schema, profile = run("load")
run("tune", model="ridge").trials
train, holdout, folds = last("split")  # of the last run, without running anything

Each stage runs in a process of its own, by DVC, and so with the code and the params as they are saved.
"""

import os
import subprocess  # nosec B404 # no shell
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ...errors import UserError, nearest
from ...files import read_json
from ...objects.model import Model, model_from
from ...objects.reader import read
from ...prediction.artifact import load
from ...prediction.pipeline import PredictionPipeline
from ...prediction.trust import read_trusted
from ...project.locked import read_plan
from ...schema import Schema
from ...steps.candidates import Result
from ...steps.split import Fold, read_folds

UNCHANGED = "didn't change, skipping\n"  # what DVC says of each stage that has nothing to do


class Planned(NamedTuple):
    """What `params/` resolves to: a slice for each stage, and `models/<name>` for each model."""

    slices: dict[str, Any]


class Loaded(NamedTuple):
    """The typed and featurized table with its target, its schema, and what the report shows of its columns."""

    frame: pd.DataFrame
    schema: Schema
    profile: dict[str, Any]


class Split(NamedTuple):
    """The rows to learn from, the rows held out, and the folds: pairs of arrays of positions in `train`."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    folds: list[Fold]


class Tuned(NamedTuple):
    """What a model's search found, a row for each trial, and the model as `steps.fit.assemble` takes it."""

    result: Result
    trials: pd.DataFrame
    model: Model


class Trained(NamedTuple):
    """The final model, fitted; its schema; the leaderboard, best first, in the sense of the metric of this name."""

    model: Any
    schema: Schema
    leaderboard: pd.DataFrame
    metric: str


class Evaluated(NamedTuple):
    """The metrics on the held-out rows, and the page that shows more."""

    metrics: dict[str, float]
    report: Path


def run(stage: str, model: str | None = None, from_cache: bool = True) -> Any:
    """Bring a stage up to date and return what it made.

    Parameters
    ----------
    stage : one of `dvc.yaml`.
    model : for the stage "tune", a model that competes.
    from_cache : take what is up to date as it is, and run what is not: the stage and what comes before it. If False,
        run the stage alone, in any case. (A search goes on from the trials that it has: with none left to do, it only
        writes its result anew.)

    Returns
    -------
    A `Planned`, `Loaded`, `Split`, `Tuned`, `Trained` or `Evaluated`; for "package" a `PredictionPipeline`.

    Raises
    ------
    UserError
        If there is no such stage or model, or it fails; what DVC and the stage say is printed.
    """
    target = _target(stage, model)
    command = [sys.executable, "-m", "dvc", "repro", *([] if from_cache else ["--single-item", "--force"]), target]
    # dvc.yaml says `python`: that has to be this one, also where its environment has not been activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with subprocess.Popen(  # nosec B603 # no shell
        command,
        cwd=project(),
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as dvc:
        for line in dvc.stdout or ():
            if not line.endswith(UNCHANGED):
                print(line, end="", flush=True)
    if dvc.returncode:
        raise UserError(f"`dvc repro {target}` has failed; what it printed says why")
    return last(stage, model)


def last(stage: str, model: str | None = None) -> Any:
    """What a stage made when it ran last, as `run` returns it; nothing is run, so it may be out of date.

    Raises
    ------
    UserError
        If there is no such stage or model, or it has not run.
    """
    target = _target(stage, model)
    outputs, reader = STAGES[stage]
    with chdir(project()):
        for output in outputs:
            path = output.format(model=model)
            if not Path(path).exists():
                words = ", ".join(repr(one) for one in (stage, model) if one)
                raise UserError(f"{path} is missing: run({words}) makes it, or `dvc repro {target}`")
        return reader(model)


def models() -> list[str]:
    """The models that compete, as `params/search.yaml` lists them."""
    return list((read(project() / "params" / "search.yaml")[0] or {}).get("models") or [])


def project() -> Path:
    """The project's folder: the working directory or the nearest above it with a `dvc.yaml`, else where this code is.

    Raises
    ------
    UserError
        If there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[4]):
        if (folder / "dvc.yaml").is_file():
            return folder
    raise UserError(f"neither {here} nor a folder above it has a dvc.yaml: work in the project's folder")


def _target(stage: str, model: str | None) -> str:
    """The name that DVC knows a stage by."""
    if stage not in STAGES:
        raise UserError(f"there is no stage {stage!r}{nearest(stage, STAGES)}")
    if stage != "tune":
        if model is not None:
            raise UserError(f"the stage {stage!r} takes no model: only 'tune' does")
        return stage
    if model not in models():
        raise UserError(f"'tune' needs a model that competes, not {model!r}{nearest(model, models())}")
    return f"tune@{model}"


def _schema() -> Schema:
    return Schema.from_json(read_json("data/interim/schema.json"))


def _planned(_: Any) -> Planned:
    files = sorted(Path("plan").rglob("*.json"))
    return Planned({file.relative_to("plan").with_suffix("").as_posix(): read_json(file) for file in files})


def _loaded(_: Any) -> Loaded:
    return Loaded(pd.read_parquet("data/interim/table.parquet"), _schema(), read_json("data/interim/profile.json"))


def _split(_: Any) -> Split:
    train, holdout = (pd.read_parquet(f"data/processed/{part}.parquet") for part in ("train", "holdout"))
    numbers = np.load("data/processed/rows.npz")
    train.index, holdout.index = (pd.Index(numbers[part], name="row") for part in ("train", "held_out"))
    return Split(train, holdout, read_folds("data/processed/folds.npz"))


def _tuned(name: str) -> Tuned:
    trials = Path(f"models/tuned/{name}/trials.csv")
    return Tuned(
        Result(**read_json(f"models/tuned/{name}/result.json")),
        pd.read_csv(trials) if trials.exists() else pd.DataFrame(),  # no trial has finished
        model_from(read_plan(f"models/{name}")).of(_schema().features),
    )


def _trained(_: Any) -> Trained:
    board = read_json("reports/leaderboard.json")
    model, schema = load(Path("models/final"), read_trusted(Path("params")).named)
    return Trained(model, schema, pd.DataFrame(board["models"]), board["metric"])


def _evaluated(_: Any) -> Evaluated:
    return Evaluated(read_json("reports/metrics.json"), Path("reports/report.html").resolve())


def _packaged(_: Any) -> PredictionPipeline:
    return PredictionPipeline.load()


# Of each stage: what has to be there, and what reads it.
STAGES: dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]] = {
    "plan": (("plan",), _planned),
    "load": (("data/interim",), _loaded),
    "split": (("data/processed",), _split),
    "tune": (("plan/models/{model}.json", "data/interim", "models/tuned/{model}"), _tuned),
    "train": (("plan/train.json", "models/final", "reports/leaderboard.json"), _trained),
    "evaluate": (("reports/metrics.json", "reports/report.html"), _evaluated),
    "package": (("plan/train.json", "models/package"), _packaged),
}
