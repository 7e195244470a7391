"""The final model's scores on rows that it had not seen, beside those of a dummy model."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..files import read_json
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, Outputs, distinct, joined, metric
from ..objects.reader import Where
from ..prediction.artifact import load
from ..project.locked import read_plan
from ..schema import Schema
from ..steps.ensemble import Ensemble
from ..steps.evaluate import interval_scores, scores
from ..steps.fit import fit
from ..steps.split import Fold, read_folds
from ..steps.task import Task, of_rows, task_of
from ..steps.training_set import scored

TUNED = Path("models/tuned")
WHERE = Where("plan/evaluate.json")
Scores = dict[str, float | None]


@dataclass(frozen=True)
class Finished:
    """A run whose final model is there: what its stages wrote.

    Attributes
    ----------
    plan, train : dict
        The slices of the plan for `evaluate` and `train`.
    model : object
        The fitted final model.
    board, result : dict
        The leaderboard, and how the final model came to be.
    learned, held_out : DataFrame
        The rows to learn from and those that were held out, with the target.
    folds : list of pairs of positions in `learned`
    metrics : list of Metric
        The metric of the search first.
    """

    plan: dict[str, Any]
    train: dict[str, Any]
    model: Any
    schema: Schema
    board: dict[str, Any]
    result: dict[str, Any]
    learned: pd.DataFrame
    held_out: pd.DataFrame
    folds: list[Fold]
    metrics: list[Metric]

    @classmethod
    def read(cls) -> "Finished":
        """Read what the stages before `evaluate` wrote."""
        plan, train = read_plan("evaluate"), read_plan("train")
        model, schema = load(Path("models/final"), train["named"])
        board, result = read_json("reports/leaderboard.json"), read_json("models/final/result.json")
        learned, held_out = (pd.read_parquet(f"data/processed/{part}.parquet") for part in ("train", "holdout"))
        folds = scored(read_folds("data/processed/folds.npz"))
        metrics = distinct(metric(each, WHERE, Grammar()) for each in (plan["metric"], *plan["metrics"]))
        return cls(plan, train, model, schema, board, result, learned, held_out, folds, metrics)

    @cached_property
    def task(self) -> Task:
        """What is predicted."""
        return task_of(self.schema)

    @cached_property
    def seen(self) -> tuple[pd.DataFrame, Any]:
        """The features and the target of the rows to learn from."""
        return self.learned[list(self.schema.features)], self.learned[self.schema.target]

    @cached_property
    def left_out(self) -> np.ndarray:
        """The positions of the rows that the folds score, fold after fold."""
        return np.concatenate([rows for _, rows in self.folds])

    @cached_property
    def unseen(self) -> pd.DataFrame:
        """The rows that were held out; where there are none, those that the folds score."""
        return self.held_out if len(self.held_out) else self.learned.iloc[self.left_out].reset_index(drop=True)


@dataclass(frozen=True)
class Measured:
    """What the final model says of rows that it had not seen, and how good that is.

    Attributes
    ----------
    features, target : the rows.
    y_true : ndarray of shape (rows,) or (rows, targets)
    outputs : Outputs
        What the model says of them.
    weights : ndarray of shape (rows,), or None where all count the same
    row_numbers : ndarray of shape (rows,)
        Their numbers in the data.
    scores, baseline : dict of str to float or None
        Each metric of the model and of a dummy model, None where it is undefined.
    intervals : DataFrame of bounds, or None
    coverage : list of dict
        How good these intervals are.
    """

    features: pd.DataFrame
    target: Any
    y_true: np.ndarray
    outputs: Outputs
    weights: np.ndarray | None
    row_numbers: np.ndarray
    scores: Scores
    baseline: Scores
    intervals: pd.DataFrame | None
    coverage: list[dict[str, float]]


def measure(run: Finished) -> Measured:
    """Score the final model on rows that it had not seen.

    Where nothing is held out, it is scored on the out-of-fold predictions of its members.
    """
    features, target = run.unseen[list(run.schema.features)], run.unseen[run.schema.target]
    y_true, weights = run.task.encode(target), run.schema.weights(run.unseen)
    rows = np.load("data/processed/rows.npz")
    if len(run.held_out):
        outputs, row_numbers = run.task.outputs(run.model, features), rows["held_out"]
        found, baseline = _on_held_out(run, outputs, y_true, features, weights)
    else:
        outputs, row_numbers = left_out(run), rows["train"][run.left_out]
        found, baseline = _on_folds(run, outputs, y_true, weights)
    intervals = _intervals(run.model, run.task, features) if len(run.held_out) else None
    coverage = [] if intervals is None else interval_scores(y_true, intervals, run.model.combine.coverage, weights)
    return Measured(features, target, y_true, outputs, weights, row_numbers, found, baseline, intervals, coverage)


def _on_held_out(
    run: Finished, outputs: Outputs, y_true: np.ndarray, features: pd.DataFrame, weights: np.ndarray | None
) -> tuple[Scores, Scores]:
    """Return the scores of the model and of a dummy model."""
    dummy = _dummy(run.task, *run.seen, run.schema.weights(run.learned))
    return (
        scores(run.metrics, run.task, outputs, y_true, features, *run.seen, run.model, weights),
        scores(run.metrics, run.task, run.task.outputs(dummy, features), y_true, features, *run.seen, dummy, weights),
    )


def _on_folds(run: Finished, outputs: Outputs, y_true: np.ndarray, weights: np.ndarray | None) -> tuple[Scores, Scores]:
    """Return the scores on the rows left out of the folds, of the model and of dummy models of the other rows."""
    (features, target), counted = run.seen, run.schema.weights(run.learned)
    dummies = [
        _dummy(run.task, features.iloc[learn], target.iloc[learn], of_rows(counted, learn)) for learn, _ in run.folds
    ]
    guessed = [
        run.task.outputs(dummy, features.iloc[rows]) for dummy, (_, rows) in zip(dummies, run.folds, strict=True)
    ]
    return (
        _by_fold(run, outputs, y_true, run.model, weights),
        _by_fold(run, joined(guessed), y_true, dummies[-1], weights),
    )


def score_of(metric: Metric, *asked: Any) -> float:
    """Return the metric of outputs, NaN where it is undefined for them."""
    found = scores([metric], *asked)[metric.name]
    return float("nan") if found is None else found


def left_out(run: Finished) -> Outputs:
    """Return the out-of-fold outputs of the final model: its members', combined."""
    paths = [TUNED / member["model"] / "outputs" / f"{tried(member)['trial']}.npy" for member in run.result["members"]]
    y_score = np.hstack([run.task.restored(np.load(path)) for path in paths])
    if not isinstance(run.model, Ensemble):
        return run.task.from_scores(y_score)
    combine = run.model.combine
    if not hasattr(combine, "predict_proba"):
        return run.task.from_scores(np.asarray(combine.predict(y_score)))
    found = run.task.from_scores(np.asarray(combine.predict_proba(y_score)))
    # A threshold may decide otherwise than for the most probable class.
    return Outputs(np.asarray(combine.predict(y_score)).astype(int), found.probabilities, classes=found.classes)


def left_out_numbers(run: Finished) -> pd.DataFrame:
    """Return the predictions of `left_out`, where they are one number a row, beside `y_true` and the rows' folds."""
    predicted = left_out(run).predicted
    if predicted.ndim > 1:
        raise ValueError("there are several targets")
    y_true = run.task.encode(run.learned[run.task.target_].iloc[run.left_out])
    fold = np.repeat(np.arange(len(run.folds)), [len(rows) for _, rows in run.folds])
    return pd.DataFrame({"row": run.left_out, "fold": fold, "truth": y_true, "predicted": predicted})


def tried(member: dict[str, Any]) -> dict[str, Any]:
    """Return what the search says of a member."""
    found = read_json(TUNED / member["model"] / "result.json")["candidates"]
    trial: dict[str, Any] = next(each for each in found if member["name"] == f"{member['model']}, {each['label']}")
    return trial


def _dummy(task: Task, features: Any, target: Any, weights: np.ndarray | None) -> Any:
    return fit(task.wrap(task.dummy()), features, target, weights)


def _by_fold(run: Finished, outputs: Outputs, y_true: np.ndarray, model: Any, weights: np.ndarray | None) -> Scores:
    """Return the scores of outputs on the rows left out of folds, all of these together.

    A metric that asks for more than the truth is the mean over the folds: what it asks for differs between them.
    """
    metrics, (features, target) = run.metrics, run.seen
    plain = [each for each in metrics if not each.asks]
    found = scores(plain, run.task, outputs, y_true, None, None, None, None, weights)
    apart = [each for each in metrics if each.asks]
    ends = np.cumsum([len(rows) for _, rows in run.folds])
    by_fold = []
    for end, (learn, rows) in zip(ends, run.folds, strict=True):
        part = slice(end - len(rows), end)
        known = features.iloc[rows], features.iloc[learn], target.iloc[learn]
        by_fold.append(scores(apart, run.task, outputs.part(part), y_true[part], *known, model, of_rows(weights, part)))
    for each in apart:
        defined = [score for fold in by_fold if (score := fold[each.name]) is not None]
        found[each.name] = float(np.mean(defined)) if defined else None
    return found


def _intervals(model: Any, task: Task, features: pd.DataFrame) -> pd.DataFrame | None:
    """Return the bounds of the final model's intervals; None where it has none."""
    return task.predict(model, features).filter(regex="^(lower|upper)_") if hasattr(model, "predict_interval") else None
