"""Evaluate the trained model on the held-out rows and write the report."""

import contextlib
import datetime
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.utils import estimator_html_repr

from ..errors import UserError
from ..files import read_json, replacing, write_json, write_text
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import metric
from ..objects.reader import Where
from ..report.charts import Chart, Predictions, to_svg
from ..report.page import render
from ..steps.dummy import dummy
from ..steps.ensemble import Ensemble, models
from ..steps.evaluate import permutation_importance, scores
from ..steps.outputs import encoded, outputs
from ..store import load
from . import run

REPORTS = Path("reports")
WHERE = Where("plan/evaluate.json")


def main() -> None:
    """`models/final` and the held-out rows -> metrics, plots and `reports/report.html`."""
    plan = read_json("plan/evaluate.json")
    train = read_json("plan/train.json")
    model, schema = load(Path("models/final"), train["named"])
    learned, held_out = (pd.read_parquet(f"data/processed/{part}.parquet") for part in ("train", "holdout"))
    features, target = held_out[list(schema.features)], held_out[schema.target]

    metrics = [metric(one, WHERE, Grammar()) for one in (plan["metric"], *plan["metrics"])]
    metrics = list({one.name: one for one in metrics}.values())
    truth, said = encoded(target, schema.labels), outputs(model, features, schema.labels)
    found = scores(metrics, truth, said, len(schema.labels) or None)
    guess = dummy(learned[list(schema.features)], learned[schema.target], schema.labels)
    baseline = scores(metrics, truth, outputs(guess, features, schema.labels), len(schema.labels) or None)
    importances = permutation_importance(
        model, features, target, schema.labels, metrics[0], **plan["permutation_importance"]
    )
    predictions = Predictions(
        task=schema.task,
        target=schema.target,
        y_true=truth,
        y_pred=said.predicted,
        y_proba=said.probabilities,
        labels=[str(label) for label in schema.labels],
        importances=importances,
        metric=metrics[0].name,
    )
    charts = _charts(plan["charts"], predictions)
    write_json(REPORTS / "metrics.json", {name: value for name, value in found.items() if value is not None})
    with replacing(REPORTS / "plots") as folder:
        folder.mkdir()
        for name, chart in charts.items():
            chart.data.to_csv(folder / f"{name}.csv", index=False)

    board, result = read_json(REPORTS / "leaderboard.json"), read_json("models/final/result.json")
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
        "leaderboard": [one | {"seconds": result["seconds"].get(one["model"])} for one in board["models"]],
        "members": result["members"],
        "chosen": {
            "name": next(one["model"] for one in board["models"] if one["chosen"]),
            "yaml": Path("models/final/model.yaml").read_text(encoding="utf-8"),
            "diagram": estimator_html_repr(_shown(model)),
        },
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


def _shown(model: Any) -> Any:
    """What scikit-learn can draw of an ensemble: its members side by side."""
    if not isinstance(model, Ensemble):
        return model
    sides = [(name, models(member)[0]) for name, member in zip(model.names, model.members, strict=True)]
    return VotingClassifier(sides) if model.labels else VotingRegressor(sides)


def _charts(wanted: list[Any], predictions: Predictions) -> dict[str, Chart]:
    """The charts that can be drawn, by name; one that needs what the model does not give is named and left out."""
    charts = {}
    for written in wanted:
        node = Grammar().object(written, WHERE)
        try:
            charts[node.name] = build(node)(predictions)
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


if __name__ == "__main__":
    run(main)
