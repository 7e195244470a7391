"""What stands in the report: the trained model's scores on rows that it had not seen, and how it came to be."""

import inspect
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import estimator_html_repr

from ..errors import UserError
from ..files import read_json, replacing_file, replacing_folder, write_json, write_text
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric
from ..objects.model import model_from
from ..project.locked import read_plan
from ..schema import Schema
from ..steps.ensemble import Ensemble, Folds, models
from ..steps.evaluate import permutation_importance
from ..steps.explain import Configuration, history, hyperparameters, learning_curve, search, shap_values
from ..steps.fit import Wrapper
from ..steps.predictions import to_table, units_of
from ..steps.split import read_folds
from ..steps.task import of_rows, score_outputs, task_of
from ..steps.training_set import TrainingSet
from . import provenance
from .drawing import Chart, Evaluation, to_png, to_svg
from .measured import TUNED, WHERE, Finished, Measured, left_out_numbers, measure, score_of, tried
from .page import render
from .summary import name_of

REPORTS = Path("reports")


def write(seconds: float) -> None:
    """Score `models/final` on rows that it had not seen; write the metrics, the plots and `reports/report.html`.

    Parameters
    ----------
    seconds : how long importances, partial dependence and the learning curve may take together.
    """
    run = Finished.read()
    measured = measure(run)
    members = _members(run)
    _write_predictions(run, measured)
    charts = _charts(run.plan["charts"], _evaluation(run, measured, members[0], seconds / 3))
    _write_scores(run, measured)
    _write_plots(charts)
    context = _context(run, measured, members, charts)
    context["explaining"] = seconds if np.isfinite(seconds) else None
    write_text(REPORTS / "report.html", render(context))
    print(f"{REPORTS}/report.html is written")


def _write_predictions(run: Finished, measured: Measured) -> None:
    numbers = measured.row_numbers
    units = units_of(run.unseen, run.schema, numbers)
    table = to_table(run.task, measured.outputs, measured.y_true, numbers, units, measured.weights)
    with replacing_file(REPORTS / "predictions.parquet") as file:
        table.to_parquet(file, index=False)


def _write_scores(run: Finished, measured: Measured) -> None:
    known = {name: value for name, value in measured.scores.items() if value is not None}
    for interval in measured.coverage:
        share = f"{100 * interval['coverage']:g}"
        known |= {f"interval_{share}_{name}": interval[name] for name in ("held", "width", "pinball")}
    write_json(REPORTS / "metrics.json", known)
    metric = run.metrics[0]
    baseline = {
        "rival": run.task.rival,
        "metric": metric.name,
        "greater_is_better": metric.greater_is_better,
        "score": measured.scores[metric.name],
        "baseline": measured.baseline[metric.name],
    }
    write_json(REPORTS / "baseline.json", baseline)


def _write_plots(charts: dict[str, Chart]) -> None:
    with replacing_folder(REPORTS / "plots") as folder:
        folder.mkdir()
        for name, chart in charts.items():
            chart.data.to_csv(folder / f"{name}.csv", index=False)
            (folder / f"{name}.png").write_bytes(to_png(chart.figure))


def _evaluation(run: Finished, measured: Measured, member: dict[str, Any], seconds: float) -> Evaluation:
    """Return what charts are given; `member` weighs most, and a chart may ask the model for so many `seconds`."""
    metric, outputs = run.metrics[0], measured.outputs
    searches = [
        search(model_from(read_plan(f"models/{name}")), TUNED / name / "trials.csv")
        for name in (row["model"] for row in run.board["models"])
        if name in run.train["models"]
    ]
    return Evaluation(
        task=run.task,
        schema=run.schema,
        model=run.model,
        features=measured.features,
        learned=run.learned,
        target=", ".join(run.schema.targets),
        y_true=measured.y_true,
        y_pred=outputs.predicted,
        y_proba=outputs.probabilities,
        labels=run.task.names,
        rows="the hold-out" if len(run.held_out) else "the training rows",
        member=member["name"],
        metric=metric.name,
        higher_is_better=metric.greater_is_better,
        importances=cache(partial(_importances, run, measured, min(10, seconds))),
        history=partial(history, searches, metric),
        hyperparameters=partial(hyperparameters, searches),
        learning_curve=partial(_learning_curve, member, run.learned, run.schema, metric),
        shap_values=partial(shap_values, member["fitted"], measured.features, run.seen[0]),
        intervals=measured.intervals,
        held_out=run.held_out if len(run.held_out) else None,
        weights=measured.weights,
        seconds=seconds,
        left_out=partial(left_out_numbers, run),
        row_numbers=measured.row_numbers,
        score=partial(_score_of_some, run, measured),
    )


def _importances(run: Finished, measured: Measured, seconds: float) -> pd.DataFrame:
    """Return the permutation importances of the features, in units of the first metric."""

    def score(outputs: Any, y_true: np.ndarray, rows: pd.DataFrame) -> float:
        weights = of_rows(measured.weights, rows.index)
        return score_outputs(run.metrics[0], run.task, outputs, y_true, rows, *run.seen, weights=weights)

    options = run.plan["permutation_importance"] | {"seconds": seconds}
    return permutation_importance(run.model, measured.features, measured.target, run.task, score, **options)


def _score_of_some(run: Finished, measured: Measured, some: np.ndarray) -> float:
    """Return the first metric of the rows at these positions, NaN where it is undefined for them."""
    outputs, y_true, features = measured.outputs.part(some), measured.y_true[some], measured.features.iloc[some]
    weights = of_rows(measured.weights, some)
    return score_of(run.metrics[0], run.task, outputs, y_true, features, *run.seen, run.model, weights)


def _context(
    run: Finished, measured: Measured, members: list[dict[str, Any]], charts: dict[str, Chart]
) -> dict[str, Any]:
    """Return what the page shows."""
    seconds = run.result["seconds"]
    whole = sum(seconds.values())
    made = {
        "name": run.result["model"],
        "members": members,
        "rows": len(run.learned),
        "unfitted": run.result["unfitted"],
    }
    return {
        "project": provenance.project(),
        "task": run.task.name,
        "target": ", ".join(run.schema.targets),
        "baseline": run.task.baseline,
        "rival": run.task.rival,
        "metric": run.metrics[0].name,
        "run": provenance.run(whole),
        "scores": _scores(run, measured),
        "intervals": measured.coverage,
        "leaderboard": [row | {"seconds": seconds.get(row["model"], whole)} for row in run.board["models"]],
        "chosen": _made(run.model, run.schema, run.train) | made,
        "split": provenance.split(),
        "suspicions": read_json("data/processed/split.json").get("suspicions", []),
        "profile": read_json("data/interim/profile.json"),
        "charts": [_shown(name, chart) for name, chart in charts.items()],
        "reproduce": provenance.reproduce(),
    }


def _scores(run: Finished, measured: Measured) -> list[dict[str, Any]]:
    classes = measured.outputs.classes
    two = isinstance(classes, np.ndarray) and len(classes) == 2
    return [
        {
            "name": name_of(metric.name, 2 if two else 0),
            "value": measured.scores[metric.name],
            "higher_is_better": metric.greater_is_better,
            "baseline": measured.baseline[metric.name],
        }
        for metric in (_without_copies(run.metrics) if two else run.metrics)
    ]


def _shown(name: str, chart: Chart) -> dict[str, Any]:
    return {
        "name": name,
        "title": chart.title,
        "caption": chart.caption,
        "svg": to_svg(chart.figure, name),
        "table": None if chart.table is None else chart.table.to_dict("split", index=False),
    }


def _without_copies(metrics: list[Metric]) -> list[Metric]:
    """Return the metrics of two classes without those that differ in how they treat several: one ROC AUC is enough."""
    kept: dict[Any, Metric] = {}
    for one in metrics:
        several = "multi_class" in inspect.signature(one.scorer._score_func).parameters
        params = {key: value for key, value in one.scorer._kwargs.items() if key not in ("multi_class", "average")}
        kept.setdefault((one.scorer._score_func, repr(params)) if several else one.name, one)
    return list(kept.values())


def _members(run: Finished) -> list[dict[str, Any]]:
    """Return the final model's members: what the search says of each, one fitted estimator, its steps as HTML.

    Those of the largest weight come first.
    """
    model = run.model
    fitted = [models(one)[0] for one in model.members] if isinstance(model, Ensemble) else [model]
    members = []
    for one, estimator in zip(run.result["members"], fitted, strict=True):
        trial = tried(one)
        steps = estimator.estimator if isinstance(estimator, Wrapper) else clone(estimator)
        members.append(
            one
            | {
                "label": trial["label"],
                "score": run.metrics[0].natural(trial["score"]),
                "values": trial["values"],
                "seconds": trial["seconds"] / len(trial["folds"]),
                "fitted": estimator,
                "diagram": estimator_html_repr(steps),
            }
        )
    return sorted(members, key=lambda one: -(one["weight"] or 0.0))


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
    configuration = Configuration(model_from(slice_), member["values"], member["seconds"] / min(rows, sampled))
    return learning_curve(configuration, TrainingSet.from_table(learned, schema, folds, metric), seconds)


def _charts(chosen: list[Any], evaluation: Evaluation) -> dict[str, Chart]:
    """The charts that can be drawn, by name; one that does not apply is left out, one that fails is named as well."""
    charts: dict[str, Chart] = {}
    for written in chosen:
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
