"""Who takes part, and how each is run on one split: it gets train.csv and test.csv and leaves its predictions."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from watch import Watched, watch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from measure import BIN, TEMPLATE, environment, versions

PEERS = Path(__file__).resolve().parent / "peers"
# A column of the table that sml is given: it marks the rows that its project holds out for its own report.
MARK = "held_out_by_the_benchmark"
# The stages whose time is that of the search and the final fit.
SEARCHING = ("tune", "train")


class Split(NamedTuple):
    """One split of one table, as every contender gets it.

    `train` holds the target and `test` does not; `task` is "classification" or "regression", `metric` a scorer of
    scikit-learn's, `seconds` the budget, `seed` the number of the split.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    target: str
    task: str
    metric: str
    seconds: float
    cores: int
    seed: int


class Settings(NamedTuple):
    """What the command line says about the contenders: their Pythons, sml's estimators, and a limit in seconds."""

    python_flaml: str
    python_autogluon: str
    estimators: str
    limit: float


class Failure(Exception):
    """A contender has given no predictions."""


class Run(NamedTuple):
    """What a contender has left: the path of its predictions (None if it failed) and what there is to say of it."""

    predictions: Path | None
    said: dict[str, Any]


Contender = Callable[[Split, Path, Settings], Run]


def sml(split: Split, folder: Path, settings: Settings) -> Run:
    """A project of the template that learns from all training rows: those that it holds out are copies of some."""
    return _sml(split, folder, settings, _with_copies(split))


def sml_as_stamped(split: Split, folder: Path, settings: Settings) -> Run:
    """A project of the template as it is, which holds a fifth of the training rows out for its own report."""
    return _sml(split, folder, settings, split.train)


def flaml(split: Split, folder: Path, settings: Settings) -> Run:
    """FLAML."""
    return _peer("flaml_automl", settings.python_flaml, split, folder, settings)


def autogluon_medium(split: Split, folder: Path, settings: Settings) -> Run:
    """AutoGluon, medium_quality."""
    return _peer("autogluon_tabular", settings.python_autogluon, split, folder, settings, preset="medium_quality")


def autogluon_best(split: Split, folder: Path, settings: Settings) -> Run:
    """AutoGluon, best_quality."""
    return _peer("autogluon_tabular", settings.python_autogluon, split, folder, settings, preset="best_quality")


def optuna_hgb(split: Split, folder: Path, settings: Settings) -> Run:
    """Optuna on HistGradientBoosting."""
    return _peer("optuna_hgb", sys.executable, split, folder, settings)


def random_forest(split: Split, folder: Path, settings: Settings) -> Run:
    """A random forest with its defaults."""
    return _peer("random_forest", sys.executable, split, folder, settings)


CONTENDERS: dict[str, Contender] = {
    "sml": sml,
    "sml-as-stamped": sml_as_stamped,
    "flaml": flaml,
    "autogluon-medium": autogluon_medium,
    "autogluon-best": autogluon_best,
    "optuna-hgb": optuna_hgb,
    "random-forest": random_forest,
}
DEFAULT = [name for name in CONTENDERS if name != "sml-as-stamped"]


def missing(name: str, settings: Settings) -> str | None:
    """Why a contender cannot take part, or None."""
    needs = {
        "flaml": (settings.python_flaml, "flaml", "--python-flaml"),
        "autogluon-medium": (settings.python_autogluon, "autogluon.tabular", "--python-autogluon"),
        "autogluon-best": (settings.python_autogluon, "autogluon.tabular", "--python-autogluon"),
    }
    if name not in needs:
        return None
    python, package, option = needs[name]
    try:
        done = subprocess.run([python, "-c", f"import {package}"], capture_output=True, check=False)
    except OSError as error:
        return f"{python}: {error.strerror} ({option})"
    return f"{python} cannot import {package}; name one that can with {option}" if done.returncode else None


def _peer(runner: str, python: str, split: Split, folder: Path, settings: Settings, **more: Any) -> Run:
    """Run a script of `peers/` in its own environment."""
    split.train.to_csv(folder / "train.csv", index=False)
    split.test.to_csv(folder / "test.csv", index=False)
    kept = ("target", "task", "metric", "seconds", "cores", "seed")
    job = {name: getattr(split, name) for name in kept} | {"train": "train.csv", "test": "test.csv"} | more
    job |= {"predictions": "predictions.csv", "result": "result.json"}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    env = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    used = watch([python, str(PEERS / f"{runner}.py"), "job.json"], folder, env, settings.limit)
    said: dict[str, Any] = _outside(used)
    if not (folder / "result.json").exists():
        return Run(None, said | {"failure": _why(used)})
    said |= json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return Run(folder / "predictions.csv", said)


def _sml(split: Split, folder: Path, settings: Settings, table: pd.DataFrame) -> Run:
    """Stamp a project for the table, set metric and seconds, run the pipeline, and predict the test rows."""
    table.to_csv(folder / "train.csv", index=False)
    split.test.to_csv(folder / "test.csv", index=False)
    env = environment() | {"PYTHONUNBUFFERED": "1"}
    recipe = "tabular-regression" if split.task == "regression" else "tabular-classification"
    answers = ["project_name=Bench", f"recipe={recipe}", f"data={folder / 'train.csv'}", f"target={split.target}"]
    answers += [f"estimators={settings.estimators}"]
    command = [str(BIN / "cookiecutter"), str(TEMPLATE), "--no-input", "--output-dir", str(folder), *answers]
    said: dict[str, Any] = {"estimators": settings.estimators, "versions": versions()}
    try:
        stamped = _must(watch(command, folder, env, settings.limit))
        said["stamp_seconds"] = round(stamped.wall, 3)
        project = folder / "bench"
        _set_up(project, split, MARK in table)
        # As `make run` runs it.
        command = [str(BIN / "python"), "-m", "bench.warm", str(BIN / "dvc"), "repro"]
        used = watch(command, project, env, settings.limit)
        said |= _outside(used)
        stages = dict(_stages(used))
        searching = [seconds for name, seconds in stages.items() if name.partition("@")[0] in SEARCHING]
        said |= {"stages": stages, "fit_seconds": round(sum(searching), 3)}
        _must(used)
        said["model"] = _model(project)
        command = [str(BIN / "python"), "-m", "bench", "predict", "../test.csv", "../predictions.csv"]
        predicted = _must(watch(command, project, env, settings.limit))
        said["predict_seconds"] = round(predicted.wall, 3)
    except Failure as failure:
        return Run(None, said | {"failure": str(failure)})
    return Run(folder / "predictions.csv", said)


def _with_copies(split: Split) -> pd.DataFrame:
    """The training rows, and marked copies of at least 200 of them, each class among these."""
    if split.task == "classification":
        classes = split.train.groupby(split.target)
        copies = classes.head(-(-200 // classes.ngroups))
    else:
        copies = split.train.head(200)
    return pd.concat([split.train.assign(**{MARK: None}), copies.assign(**{MARK: "yes"})])


def _set_up(project: Path, split: Split, marked: bool) -> None:
    """What a user would edit: the metric, the seconds, and, if rows are marked, which are held out."""
    search, params = project / "params" / "search.yaml", project / "params"
    _edit(search, r"(?m)^metric: \S+", f"metric: {split.metric}")
    _edit(search, r"(?m)^  seconds: \S+", f"  seconds: {split.seconds:g}")
    if marked:
        holdout = f"holdout:\n  class: PredefinedColumn\n  params: {{column: {MARK}, folds: ['yes']}}\n"
        _edit(params / "split.yaml", r"(?m)^holdout:\n(  .*\n)+", holdout)
        _edit(params / "data.yaml", r"(?m)^columns: \{\}", f"columns: {{{MARK}: {{role: ignore}}}}")


def _edit(path: Path, pattern: str, new: str) -> None:
    text, count = re.subn(pattern, lambda _: new, path.read_text(encoding="utf-8"))
    if count != 1:
        raise Failure(f"{path.name}: {pattern!r} was found {count} times where the benchmark expects it once")
    path.write_text(text, encoding="utf-8")


def _stages(used: Watched) -> Iterator[tuple[str, float]]:
    """The seconds of each stage: from DVC's line that announces it to the next such line, or to the end."""
    starts = [(when, line) for when, line in used.lines if line.startswith("Running stage")]
    ends = [when for when, _ in starts[1:]] + [used.wall]
    for (when, line), end in zip(starts, ends, strict=True):
        yield line.split("'")[1], round(end - when, 3)


def _model(project: Path) -> str:
    """The first line of the project's own leaderboard, for the record."""
    board = project / "reports" / "leaderboard.json"
    if not board.exists():
        return "unknown"
    models = json.loads(board.read_text(encoding="utf-8")).get("models") or [{}]
    return str(models[0].get("model", "unknown"))


def _outside(used: Watched) -> dict[str, Any]:
    return {"wall": round(used.wall, 3), "cpu": round(used.cpu, 3), "peak_mb": round(used.peak_mb)}


def _must(used: Watched) -> Watched:
    if used.code != 0:
        raise Failure(_why(used))
    return used


def _why(used: Watched) -> str:
    how = f"stopped after {used.wall:.0f} s" if used.code is None else f"exited with {used.code}"
    return f"{how}: {used.tail}"
