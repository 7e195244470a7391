"""What stands in the report: the trained model's scores on rows that it had not seen, and how it came to be."""

import contextlib
import datetime
import subprocess
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from ..errors import UserError
from ..files import read_json, replacing, write_json, write_text
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, Outputs, metric
from ..objects.model import model_from
from ..objects.reader import Where
from ..schema import Schema
from ..steps.dummy import dummy
from ..steps.ensemble import Ensemble, Folds, models
from ..steps.evaluate import permutation_importance, scores
from ..steps.explain import Configuration, history, hyperparameters, learning_curve, search, shap_values
from ..steps.fit import LabelEncoded
from ..steps.fold import scored
from ..steps.outputs import encoded, outputs
from ..steps.split import read_folds
from ..store import load
from .charts import Chart, Evaluation, to_svg
from .page import render

REPORTS = Path("reports")
TUNED = Path("models/tuned")
WHERE = Where("plan/evaluate.json")


def write() -> None:
    """Score `models/final` on the held-out rows; write the metrics, the plots and `reports/report.html`.

    Where nothing is held out, it is scored on what its members' models of the folds said of the rows left out of these.
    """
    plan = read_json("plan/evaluate.json")
    train = read_json("plan/train.json")
    model, schema = load(Path("models/final"), train["named"])
    board, result = read_json(REPORTS / "leaderboard.json"), read_json("models/final/result.json")
    learned, held_out = (pd.read_parquet(f"data/processed/{part}.parquet") for part in ("train", "holdout"))
    left_out = np.concatenate([rows for _, rows in scored(read_folds("data/processed/folds.npz"))])
    unseen = held_out if len(held_out) else learned.iloc[left_out].reset_index(drop=True)
    features, target = unseen[list(schema.features)], unseen[schema.target]

    metrics = [metric(one, WHERE, Grammar()) for one in (plan["metric"], *plan["metrics"])]
    metrics = list({one.name: one for one in metrics}.values())
    truth = encoded(target, schema.labels)
    said = outputs(model, features, schema.labels) if len(held_out) else _left_out(model, result["members"])
    found = scores(metrics, truth, said, len(schema.labels) or None)
    guess = dummy(learned[list(schema.features)], learned[schema.target], schema.labels)
    baseline = scores(metrics, truth, outputs(guess, features, schema.labels), len(schema.labels) or None)
    members = _members(model, result["members"], metrics[0])
    searches = [
        search(model_from(read_json(f"plan/models/{name}.json")), TUNED / name / "trials.csv")
        for name in (one["model"] for one in board["models"])
        if name in train["models"]
    ]
    evaluation = Evaluation(
        task=schema.task,
        target=schema.target,
        y_true=truth,
        y_pred=said.predicted,
        y_proba=said.probabilities,
        labels=[str(label) for label in schema.labels],
        rows="the hold-out" if len(held_out) else "the training rows",
        member=members[0]["name"],
        metric=metrics[0].name,
        higher_is_better=metrics[0].greater_is_better,
        importances=partial(
            permutation_importance,
            model,
            features,
            target,
            schema.labels,
            metrics[0],
            **plan["permutation_importance"],
        ),
        history=partial(history, searches, metrics[0]),
        hyperparameters=partial(hyperparameters, searches),
        learning_curve=partial(_learning_curve, members[0], learned, schema, metrics[0]),
        shap_values=partial(shap_values, members[0]["fitted"], features, learned[list(schema.features)]),
    )
    charts = _charts(plan["charts"], evaluation)
    write_json(REPORTS / "metrics.json", {name: value for name, value in found.items() if value is not None})
    with replacing(REPORTS / "plots") as folder:
        folder.mkdir()
        for name, chart in charts.items():
            chart.data.to_csv(folder / f"{name}.csv", index=False)

    context = {
        "project": _project(),
        "task": schema.task,
        "target": schema.target,
        "metric": metrics[0].name,
        "run": _run(sum(result["seconds"].values())),
        "scores": [
            {
                "name": one.name,
                "value": found[one.name],
                "higher_is_better": one.greater_is_better,
                "baseline": baseline[one.name],
            }
            for one in metrics
        ],
        "leaderboard": [
            one | {"seconds": result["seconds"].get(one["model"], sum(result["seconds"].values()))}
            for one in board["models"]
        ],
        "chosen": _made(model, schema, train) | {"name": result["model"], "members": members, "rows": len(learned)},
        "split": _split(),
        "profile": read_json("data/interim/profile.json"),
        "charts": [
            {"name": name, "title": chart.title, "caption": chart.caption, "svg": to_svg(chart.figure, name)}
            for name, chart in charts.items()
        ],
        "reproduce": _reproduce(),
    }
    write_text(REPORTS / "report.html", render(context))
    print(f"{REPORTS}/report.html is written")


def _members(model: Any, written: list[dict[str, Any]], metric: Metric) -> list[dict[str, Any]]:
    """The members of the final model: what the search says of each, one fitted estimator, its steps as HTML.

    Those of the largest weight come first.
    """
    fitted = [models(one)[0] for one in model.members] if isinstance(model, Ensemble) else [model]
    members = []
    for one, estimator in zip(written, fitted, strict=True):
        tried = _tried(one)
        steps = estimator.estimator if isinstance(estimator, LabelEncoded) else clone(estimator)
        members.append(
            one
            | {
                "label": tried["label"],
                "score": metric.natural(tried["score"]),
                "values": tried["values"],
                "seconds": tried["seconds"] / len(tried["folds"]),
                "fitted": estimator,
                "diagram": estimator_html_repr(steps),
            }
        )
    return sorted(members, key=lambda one: -(one["weight"] or 0.0))


def _left_out(model: Any, written: list[dict[str, Any]]) -> Outputs:
    """What the final model's members, and what makes one prediction of them, said of rows left out of their folds."""
    paths = [TUNED / one["model"] / "outputs" / f"{_tried(one)['trial']}.npy" for one in written]
    said = np.hstack([np.load(path).astype(float) for path in paths])
    combine = model.combine if isinstance(model, Ensemble) else None
    if said.shape[1] == 1 or (combine is not None and not hasattr(combine, "predict_proba")):
        return Outputs(np.asarray(combine.predict(said) if combine is not None else said).ravel())
    probabilities = said / said.sum(axis=1, keepdims=True) if combine is None else combine.predict_proba(said)
    decided = np.argmax(probabilities, axis=1) if combine is None else np.asarray(combine.predict(said)).astype(int)
    return Outputs(decided, np.asarray(probabilities))


def _tried(member: dict[str, Any]) -> dict[str, Any]:
    """What the search says of a member."""
    found = read_json(TUNED / member["model"] / "result.json")["candidates"]
    trial: dict[str, Any] = next(one for one in found if member["name"] == f"{member['model']}, {one['label']}")
    return trial


def _made(model: Any, schema: Schema, train: dict[str, Any]) -> dict[str, Any]:
    """How the final model was made of its members, for the report to tell."""

    def written(key: str) -> dict[str, Any]:
        return (train[key] or {}).get("params", {})

    last = written("ensemble").get("final_estimator", train["ensemble"])
    member = model.members[0] if isinstance(model, Ensemble) else None
    scoring = written("threshold").get("scoring", "balanced_accuracy")
    return {
        "combined_by": last["class"].rpartition(".")[2],
        "folds": len(member.models) if isinstance(member, Folds) else None,
        "calibration": train["calibration"] and train["calibration"]["class"].rpartition(".")[2],
        "method": written("calibration").get("method", "sigmoid"),
        "threshold": train["threshold"] and train["threshold"]["class"].rpartition(".")[2],
        "limit": getattr(getattr(model, "combine", None), "best_threshold_", None),
        "scoring": scoring if isinstance(scoring, str) else scoring["class"].rpartition(".")[2],
        "labels": [str(label) for label in schema.labels],
        "yaml": Path("models/final/model.yaml").read_text(encoding="utf-8"),
    }


def _learning_curve(
    member: dict[str, Any], learned: pd.DataFrame, schema: Schema, metric: Metric, seconds: float
) -> pd.DataFrame:
    """The learning curve of a member, which costs what the search says that a row of it costs."""
    slice_ = read_json(f"plan/models/{member['model']}.json")
    folds = read_folds("data/processed/folds.npz")
    rows = min(len(learn) for learn, _ in folds)
    sampled = slice_.get("sample", {}).get("params", {}).get("rows", rows)
    one = Configuration(model_from(slice_), member["values"], member["seconds"] / min(rows, sampled))
    return learning_curve(one, learned[list(schema.features)], learned[schema.target], folds, schema, metric, seconds)


def _charts(wanted: list[Any], evaluation: Evaluation) -> dict[str, Chart]:
    """The charts that can be drawn, by name; one that has nothing to show is named and left out."""
    charts = {}
    for written in wanted:
        node = Grammar().object(written, WHERE)
        try:
            charts[node.name] = build(node)(evaluation)
        except ValueError as error:
            print(f"note: {node.name}: {error}")
        except TypeError as error:
            raise UserError(f"{node.name}: {error}", "evaluate.yaml", "charts") from error
    return charts


def _project() -> dict[str, str]:
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"name": project["name"], "description": project.get("description", "")}


def _run(seconds: float) -> dict[str, Any]:
    environment = read_json("models/final/environment.json")
    return {
        "created": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "commit": _commit(),
        "python": environment.pop("python"),
        "packages": environment,
        "seconds": seconds,
    }


def _split() -> dict[str, Any]:
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


def _reproduce() -> list[str]:
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
        asked = subprocess.run(["git", *words], capture_output=True, text=True, check=True)
        return asked.stdout.strip() or None
    return None
