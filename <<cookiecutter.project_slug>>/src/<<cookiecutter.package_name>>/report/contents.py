"""What stands in the report: the trained model's scores on rows that it had not seen, and how it came to be."""

import contextlib
import datetime
import inspect
import subprocess  # nosec B404 # no shell
import tomllib
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from ..errors import UserError
from ..files import read_json, replacing_file, replacing_folder, write_json, write_text
from ..locked import read_plan
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, Outputs, distinct, joined, metric
from ..objects.model import model_from
from ..objects.reader import Where
from ..schema import Schema
from ..steps.ensemble import Ensemble, Folds, models
from ..steps.evaluate import interval_scores, permutation_importance, scores
from ..steps.explain import Configuration, history, hyperparameters, learning_curve, search, shap_values
from ..steps.fit import Wrapper, fit
from ..steps.fold import scored
from ..steps.predictions import to_table, units_of
from ..steps.split import Fold, read_folds
from ..steps.task import Task, judged, of_rows, task_of
from ..store import load
from ..summary import name_of
from .drawing import Chart, Evaluation, to_png, to_svg
from .page import render

PACKAGE = __name__.split(".")[0]
REPORTS = Path("reports")
TUNED = Path("models/tuned")
WHERE = Where("plan/evaluate.json")


def write(seconds: float) -> None:
    """Score `models/final` on the held-out rows; write the metrics, the plots and `reports/report.html`.

    Where nothing is held out, it is scored on what its members' models of the folds said of the rows left out of these.

    Parameters
    ----------
    seconds : how long may be spent on what explains the model: importances, partial dependence, the learning curve.
    """
    plan = read_plan("evaluate")
    train = read_plan("train")
    model, schema = load(Path("models/final"), train["named"])
    board, result = read_json(REPORTS / "leaderboard.json"), read_json("models/final/result.json")
    learned, held_out = (pd.read_parquet(f"data/processed/{part}.parquet") for part in ("train", "holdout"))
    task, folds = task_of(schema), scored(read_folds("data/processed/folds.npz"))
    left_out = np.concatenate([rows for _, rows in folds])
    unseen = held_out if len(held_out) else learned.iloc[left_out].reset_index(drop=True)
    features, target = unseen[list(schema.features)], unseen[schema.target]
    seen = learned[list(schema.features)], learned[schema.target]
    weights, counted = schema.weights(unseen), schema.weights(learned)

    truth = task.truth(target)
    said = task.outputs(model, features) if len(held_out) else _left_out(model, result["members"], task)
    two = isinstance(said.classes, np.ndarray) and len(said.classes) == 2
    metrics = distinct(metric(one, WHERE, Grammar()) for one in (plan["metric"], *plan["metrics"]))
    if len(held_out):
        found = scores(metrics, task, said, truth, features, *seen, model, weights)
        guess = _guess(task, *seen, counted)
        baseline = scores(metrics, task, task.outputs(guess, features), truth, features, *seen, guess, weights)
    else:
        found = _by_fold(metrics, task, said, truth, seen, folds, model, weights)
        table, answers = seen
        guesses = [_guess(task, table.iloc[one], answers.iloc[one], of_rows(counted, one)) for one, _ in folds]
        guessed = [task.outputs(one, table.iloc[left]) for one, (_, left) in zip(guesses, folds, strict=True)]
        baseline = _by_fold(metrics, task, joined(guessed), truth, seen, folds, guesses[-1], weights)
    rows = np.load("data/processed/rows.npz")
    rows = rows["held_out"] if len(held_out) else rows["train"][left_out]
    predictions = to_table(task, said, truth, rows, units_of(unseen, schema, rows), weights)
    with replacing_file(REPORTS / "predictions.parquet") as file:
        predictions.to_parquet(file, index=False)
    intervals = _intervals(model, task, features, len(held_out))
    held = interval_scores(truth, intervals, model.combine.coverage, weights) if intervals is not None else []
    members = _members(model, result["members"], metrics[0])
    searches = [
        search(model_from(read_plan(f"models/{name}")), TUNED / name / "trials.csv")
        for name in (one["model"] for one in board["models"])
        if name in train["models"]
    ]
    evaluation = Evaluation(
        task=task,
        schema=schema,
        model=model,
        features=features,
        learned=learned,
        target=", ".join(schema.targets),
        y_true=truth,
        y_pred=said.predicted,
        y_proba=said.probabilities,
        labels=task.names,
        rows="the hold-out" if len(held_out) else "the training rows",
        member=members[0]["name"],
        metric=metrics[0].name,
        higher_is_better=metrics[0].greater_is_better,
        importances=cache(
            partial(
                permutation_importance,
                model,
                features,
                target,
                task,
                lambda said, truth, rows: judged(
                    metrics[0], task, said, truth, rows, *seen, weights=of_rows(weights, rows.index)
                ),
                **plan["permutation_importance"],
                seconds=min(10, seconds / 3),
            )
        ),
        history=partial(history, searches, metrics[0]),
        hyperparameters=partial(hyperparameters, searches),
        learning_curve=partial(_learning_curve, members[0], learned, schema, metrics[0]),
        shap_values=partial(shap_values, members[0]["fitted"], features, seen[0]),
        intervals=intervals,
        held_out=held_out if len(held_out) else None,
        weights=weights,
        seconds=seconds / 3,
        left_out=partial(_numbers, model, result["members"], task, learned, folds),
        row_numbers=rows,
        score=lambda some: _score_of(
            metrics[0],
            task,
            said.part(some),
            truth[some],
            features.iloc[some],
            *seen,
            model,
            of_rows(weights, some),
        ),
    )
    charts = _charts(plan["charts"], evaluation)
    known = {name: value for name, value in found.items() if value is not None}
    for one in held:
        known |= {f"interval_{100 * one['coverage']:g}_{name}": one[name] for name in ("held", "width", "pinball")}
    write_json(REPORTS / "metrics.json", known)
    first = metrics[0]
    write_json(
        REPORTS / "baseline.json",
        {
            "rival": task.rival,
            "metric": first.name,
            "greater_is_better": first.greater_is_better,
            "score": found[first.name],
            "baseline": baseline[first.name],
        },
    )
    with replacing_folder(REPORTS / "plots") as folder:
        folder.mkdir()
        for name, chart in charts.items():
            chart.data.to_csv(folder / f"{name}.csv", index=False)
            (folder / f"{name}.png").write_bytes(to_png(chart.figure))

    context = {
        "project": _project(),
        "task": task.name,
        "target": ", ".join(schema.targets),
        "baseline": task.baseline,
        "rival": task.rival,
        "metric": metrics[0].name,
        "run": _run(sum(result["seconds"].values())),
        "scores": [
            {
                "name": name_of(one.name, 2 if two else 0),
                "value": found[one.name],
                "higher_is_better": one.greater_is_better,
                "baseline": baseline[one.name],
            }
            for one in (_without_copies(metrics) if two else metrics)
        ],
        "intervals": held,
        "leaderboard": [
            one | {"seconds": result["seconds"].get(one["model"], sum(result["seconds"].values()))}
            for one in board["models"]
        ],
        "chosen": _made(model, schema, train)
        | {"name": result["model"], "members": members, "rows": len(learned), "unfitted": result["unfitted"]},
        "split": _split(),
        "suspicions": read_json("data/processed/split.json").get("suspicions", []),
        "profile": read_json("data/interim/profile.json"),
        "charts": [
            {
                "name": name,
                "title": chart.title,
                "caption": chart.caption,
                "svg": to_svg(chart.figure, name),
                "table": None if chart.table is None else chart.table.to_dict("split", index=False),
            }
            for name, chart in charts.items()
        ],
        "explaining": seconds if np.isfinite(seconds) else None,
        "reproduce": _reproduce(),
    }
    write_text(REPORTS / "report.html", render(context))
    print(f"{REPORTS}/report.html is written")


def _without_copies(metrics: list[Metric]) -> list[Metric]:
    """Return the metrics of two classes without those that differ in how they treat several: one ROC AUC is enough."""
    kept: dict[Any, Metric] = {}
    for one in metrics:
        several = "multi_class" in inspect.signature(one.scorer._score_func).parameters
        params = {key: value for key, value in one.scorer._kwargs.items() if key not in ("multi_class", "average")}
        kept.setdefault((one.scorer._score_func, repr(params)) if several else one.name, one)
    return list(kept.values())


def _score_of(metric: Metric, *asked: Any) -> float:
    """The metric of outputs, NaN where it is undefined for them."""
    found = scores([metric], *asked)[metric.name]
    return float("nan") if found is None else found


def _members(model: Any, written: list[dict[str, Any]], metric: Metric) -> list[dict[str, Any]]:
    """The members of the final model: what the search says of each, one fitted estimator, its steps as HTML.

    Those of the largest weight come first.
    """
    fitted = [models(one)[0] for one in model.members] if isinstance(model, Ensemble) else [model]
    members = []
    for one, estimator in zip(written, fitted, strict=True):
        tried = _tried(one)
        steps = estimator.estimator if isinstance(estimator, Wrapper) else clone(estimator)
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


def _left_out(model: Any, written: list[dict[str, Any]], task: Task) -> Outputs:
    """What the final model's members, and what makes one prediction of them, said of rows left out of their folds."""
    paths = [TUNED / one["model"] / "outputs" / f"{_tried(one)['trial']}.npy" for one in written]
    said = np.hstack([task.restored(np.load(path)) for path in paths])
    if not isinstance(model, Ensemble):
        return task.said(said)
    if not hasattr(model.combine, "predict_proba"):
        return task.said(np.asarray(model.combine.predict(said)))
    found = task.said(np.asarray(model.combine.predict_proba(said)))
    # A threshold may decide otherwise than for the most probable class.
    return Outputs(np.asarray(model.combine.predict(said)).astype(int), found.probabilities, classes=found.classes)


def _guess(task: Task, features: Any, target: Any, weights: np.ndarray | None) -> Any:
    """A dummy model."""
    return fit(task.wrap(task.dummy()), features, target, weights)


def _by_fold(
    metrics: list[Metric],
    task: Task,
    said: Outputs,
    truth: np.ndarray,
    seen: Any,
    folds: list[Fold],
    model: Any,
    weights: np.ndarray | None,
) -> dict[str, float | None]:
    """The scores of what was said of the rows left out of folds, all of these together.

    A metric that asks for more than the truth is the mean over the folds: what it asks for differs between them.
    """
    found = scores([one for one in metrics if not one.asks], task, said, truth, None, None, None, None, weights)
    apart, (rows, target) = [one for one in metrics if one.asks], seen
    ends = np.cumsum([len(scored_rows) for _, scored_rows in folds])
    each = []
    for end, (learn, scored_rows) in zip(ends, folds, strict=True):
        part = slice(end - len(scored_rows), end)
        known = rows.iloc[scored_rows], rows.iloc[learn], target.iloc[learn]
        each.append(scores(apart, task, said.part(part), truth[part], *known, model, of_rows(weights, part)))
    for one in apart:
        defined = [score for fold in each if (score := fold[one.name]) is not None]
        found[one.name] = float(np.mean(defined)) if defined else None
    return found


def _numbers(
    model: Any, written: list[dict[str, Any]], task: Task, learned: pd.DataFrame, folds: list[Fold]
) -> pd.DataFrame:
    """What `_left_out` gives, where it is one number a row, beside the truth and where the rows are from."""
    rows = np.concatenate([rows for _, rows in folds])
    predicted, truth = _left_out(model, written, task).predicted, task.truth(learned[task.target_].iloc[rows])
    if predicted.ndim > 1:
        raise ValueError("there are several targets")
    fold = np.repeat(np.arange(len(folds)), [len(rows) for _, rows in folds])
    return pd.DataFrame({"row": rows, "fold": fold, "truth": truth, "predicted": predicted})


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
        "intervals": list(getattr(getattr(model, "combine", None), "coverage", [])),
        "limits": _limits(model, schema),
        "scoring": scoring if isinstance(scoring, str) else scoring["class"].rpartition(".")[2],
        "labels": task_of(schema).names,
        "yaml": Path("models/final/model.yaml").read_text(encoding="utf-8"),
    }


def _intervals(model: Any, task: Task, features: pd.DataFrame, held_out: int) -> pd.DataFrame | None:
    """The bounds of the final model's intervals for rows that it had not seen; None where there are none such."""
    if not held_out or not hasattr(model, "predict_interval"):
        return None
    return task.predict(model, features).filter(regex="^(lower|upper)_")


def _limits(model: Any, schema: Schema) -> dict[str, float]:
    """The threshold of each label, where there are several."""
    found = getattr(getattr(model, "combine", None), "best_thresholds_", [])
    return dict(zip(task_of(schema).names, map(float, found), strict=False))


def _learning_curve(
    member: dict[str, Any], learned: pd.DataFrame, schema: Schema, metric: Metric, seconds: float
) -> pd.DataFrame:
    """The learning curve of a member, which costs what the search says that a row of it costs."""
    slice_ = read_plan(f"models/{member['model']}")
    folds = read_folds("data/processed/folds.npz")
    rows = min(len(learn) for learn, _ in folds)
    sampled = slice_.get("sample", {}).get("params", {}).get("rows", rows)
    one = Configuration(model_from(slice_), member["values"], member["seconds"] / min(rows, sampled))
    task, given = task_of(schema), (learned[list(schema.features)], learned[schema.target])
    return learning_curve(one, *given, folds, task, schema.features, metric, seconds, schema.weights(learned))


def _charts(wanted: list[Any], evaluation: Evaluation) -> dict[str, Chart]:
    """The charts that can be drawn, by name; one that does not apply is left out, one that fails is named as well."""
    charts: dict[str, Chart] = {}
    for written in wanted:
        node = Grammar().object(written, WHERE, ["chart"])
        try:
            chart = build(node)(evaluation)
        except ValueError as error:
            print(f"note: {node.name}: {error}")
        except TypeError as error:
            raise UserError(f"{node.name}: {error}", "evaluate.yaml", "charts") from error
        else:
            charts |= {node.name: chart} if chart else {}
    return charts


def _project() -> dict[str, str]:
    written = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    project, own = written["project"], written.get("tool", {}).get(PACKAGE, {})
    return {"name": str(own.get("title", project["name"])), "description": project.get("description", "")}


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
        asked = subprocess.run(["git", *words], capture_output=True, text=True, check=True)  # nosec B603, B607
        return asked.stdout.strip() or None
    return None
