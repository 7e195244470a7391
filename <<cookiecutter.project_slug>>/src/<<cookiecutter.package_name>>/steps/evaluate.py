"""Evaluate: metrics of a fitted model on rows that it has not seen, beside those of a dummy."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_pinball_loss

from ..objects.metrics import Metric, Outputs
from .task import Task, score_outputs

Score = Callable[[Outputs, np.ndarray, pd.DataFrame], float]
FEWEST_ROWS = 100  # among which shuffling a column says anything
ROWS_AT_ONCE, CELLS_AT_ONCE = 20_000, 10_000_000


def scores(
    metrics: Sequence[Metric],
    task: Task,
    outputs: Outputs,
    y_true: np.ndarray,
    features: Any,
    learned: Any,
    target: Any,
    model: Any = None,
    weights: np.ndarray | None = None,
) -> dict[str, float | None]:
    """Each metric's natural value by its name; None where it is undefined for these outputs.

    Parameters
    ----------
    outputs, y_true, features : outputs, the targets in their form, and the rows that they are of.
    learned, target : the rows that the model learned from.
    model : the fitted model, for metrics that ask for it.
    weights : of the rows that are scored, None where all count the same.
    """
    found: dict[str, float | None] = {}
    for metric in metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                score = score_outputs(metric, task, outputs, y_true, features, learned, target, model, weights)
            except (ValueError, AttributeError):
                score = np.nan
        found[metric.name] = None if np.isnan(score) else float(metric.natural(score))
    return found


def interval_scores(
    y_true: np.ndarray, bounds: pd.DataFrame, coverage: Sequence[float], weights: np.ndarray | None = None
) -> list[dict[str, float]]:
    """How good prediction intervals are: a row for each coverage.

    Parameters
    ----------
    y_true : array of shape (rows,).
    bounds : a lower and an upper bound for each coverage, in their order.
    weights : of the rows, None where all count the same.

    Returns
    -------
    The `coverage` that was wanted; `held`, the share of rows whose `y_true` lies inside; their mean `width`; and
    `pinball`, the mean pinball loss of the two bounds, of which less is better.
    """
    found = []
    for number, share in enumerate(coverage):
        lower, upper = bounds.iloc[:, 2 * number].to_numpy(), bounds.iloc[:, 2 * number + 1].to_numpy()
        losses = [
            mean_pinball_loss(y_true, one, alpha=at, sample_weight=weights)
            for one, at in ((lower, 0.5 - share / 2), (upper, 0.5 + share / 2))
        ]
        held = float(np.average((y_true >= lower) & (y_true <= upper), weights=weights))
        width = float(np.average(upper - lower, weights=weights))
        found.append({"coverage": share, "held": held, "width": width, "pinball": float(np.mean(losses))})
    return found


def permutation_importance(
    model: Any,
    features: pd.DataFrame,
    target: Any,
    task: Task,
    score: Score,
    *,
    n_repeats: int = 5,
    max_samples: int = 1000,
    random_state: int = 0,
    seconds: float = 10,
) -> pd.DataFrame:
    """How much the score falls when one column is shuffled; columns `feature`, `mean`, `std`, largest first.

    Many shuffled copies are asked about at once: an ensemble of pipelines takes its time for each question, not for its
    rows. Columns that the time does not suffice for are left out, those with the least relation to the target;
    `attrs["left_out"]` of the table is their number.

    Parameters
    ----------
    score : the score of outputs, with `y_true` and the rows that they are of; more is better.
    n_repeats, max_samples : how many times each column is shuffled, among at most how many rows.
    seconds : once these have passed, there are no more repeats; where one would take longer, it has fewer rows, and
        then fewer columns.
    """
    random, began = np.random.default_rng(random_state), time.monotonic()
    sample = features.sample(min(len(features), max_samples), random_state=random_state)
    y_true = task.encode(target.loc[sample.index])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = score(task.outputs(model, sample), y_true, sample)
        expected = (time.monotonic() - began) * features.shape[1]
        if expected > seconds and len(sample) > FEWEST_ROWS:
            rows = max(FEWEST_ROWS, int(len(sample) * seconds / expected))
            sample, y_true = sample.iloc[:rows], y_true[:rows]
            base = score(task.outputs(model, sample), y_true, sample)
        names = list(features.columns) if expected <= seconds else _by_relation(sample, y_true)
        falls: list[list[float]] = []
        while len(falls) < n_repeats and (not falls or (time.monotonic() - began) * (1 + 1 / len(falls)) < seconds):
            found = []
            for one in _shuffled_scores(model, sample, names, y_true, task, score, random):
                found += [base - after for after in one]
                if not falls and time.monotonic() - began > seconds:
                    break
            names = names[: len(found)]
            falls.append(found)
    table = pd.DataFrame({"feature": names, "mean": np.mean(falls, axis=0), "std": np.std(falls, axis=0)})
    table = table.sort_values("mean", ascending=False, ignore_index=True)
    table.attrs["left_out"] = features.shape[1] - len(names)
    return table


def _by_relation(sample: pd.DataFrame, y_true: np.ndarray) -> list[Any]:
    """Return the columns in the order of a cheap score: the largest correlation of their ranks with a target's."""
    targets = pd.DataFrame(y_true.reshape(len(y_true), -1)).rank().to_numpy()
    codes = [
        column.to_numpy(dtype=float, na_value=np.nan)
        if pd.api.types.is_numeric_dtype(column)
        else pd.factorize(column)[0].astype(float)
        for _, column in sample.items()
    ]
    ranks = pd.DataFrame(np.column_stack(codes)).rank(na_option="top").to_numpy()
    one, other = (values - values.mean(axis=0) for values in (ranks, targets))
    norms = np.linalg.norm(one, axis=0)[:, None] * np.linalg.norm(other, axis=0)[None, :]
    related = np.abs(one.T @ other) / np.where(norms == 0, np.inf, norms)
    order = np.argsort(-related.max(axis=1), kind="stable")
    return [sample.columns[position] for position in order]


def _shuffled_scores(
    model: Any, sample: pd.DataFrame, names: Sequence[Any], y_true: np.ndarray, task: Task, score: Score, random: Any
) -> Iterator[list[float]]:
    """The scores with each of these columns shuffled in turn, some columns at a time."""
    rows, columns = sample.shape
    at_once = max(1, min(ROWS_AT_ONCE // rows, CELLS_AT_ONCE // (rows * columns)))
    for first in range(0, len(names), at_once):
        some = names[first : first + at_once]
        places = np.tile(np.arange(rows), len(some))
        copies = sample.take(places).reset_index(drop=True)
        for number, name in enumerate(some):
            shuffled = places.copy()
            shuffled[number * rows : (number + 1) * rows] = random.permutation(rows)
            copies[name] = sample[name].array.take(shuffled)
        outputs = task.outputs(model, copies)
        parts = (slice(number * rows, (number + 1) * rows) for number in range(len(some)))
        yield [score(outputs.part(part), y_true, sample) for part in parts]
