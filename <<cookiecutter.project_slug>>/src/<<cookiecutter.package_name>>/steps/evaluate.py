"""Evaluate: metrics of a fitted model on rows that it has not seen, beside those of a dummy."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import mean_pinball_loss

from ..objects.metrics import Metric, Outputs
from .task import Task, judged

Score = Callable[[Outputs, np.ndarray, pd.DataFrame], float]
FEWEST_ROWS = 100  # among which shuffling a column says anything
ROWS_AT_ONCE, CELLS_AT_ONCE = 20_000, 10_000_000


def scores(
    metrics: Sequence[Metric],
    task: Task,
    said: Outputs,
    truth: np.ndarray,
    features: Any,
    learned: Any,
    target: Any,
    model: Any = None,
    weights: np.ndarray | None = None,
) -> dict[str, float | None]:
    """Each metric's natural value by its name; None where it is undefined for these outputs.

    Parameters
    ----------
    said, truth, features : outputs, the truth in their form, and the rows that they are of.
    learned, target : the rows that the model learned from.
    model : the fitted model, for metrics that ask for it.
    weights : of the rows that are judged, None where all count the same.
    """
    found: dict[str, float | None] = {}
    for metric in metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                score = judged(metric, task, said, truth, features, learned, target, model, weights)
            except (ValueError, AttributeError):
                score = np.nan
        found[metric.name] = None if np.isnan(score) else float(metric.natural(score))
    return found


def interval_scores(
    truth: np.ndarray, bounds: pd.DataFrame, coverage: Sequence[float], weights: np.ndarray | None = None
) -> list[dict[str, float]]:
    """How good prediction intervals are: a row for each coverage.

    Parameters
    ----------
    truth : array of shape (rows,).
    bounds : a lower and an upper bound for each coverage, in their order.
    weights : of the rows, None where all count the same.

    Returns
    -------
    The `coverage` that was wanted; `held`, the share of rows whose truth lies inside; their mean `width`; and
    `pinball`, the mean pinball loss of the two bounds, of which less is better.
    """
    found = []
    for number, share in enumerate(coverage):
        lower, upper = bounds.iloc[:, 2 * number].to_numpy(), bounds.iloc[:, 2 * number + 1].to_numpy()
        losses = [
            mean_pinball_loss(truth, one, alpha=at, sample_weight=weights)
            for one, at in ((lower, 0.5 - share / 2), (upper, 0.5 + share / 2))
        ]
        held = float(np.average((truth >= lower) & (truth <= upper), weights=weights))
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
    rows.

    Parameters
    ----------
    score : the score of outputs, with the truth and the rows that they are of; more is better.
    n_repeats, max_samples : how many times each column is shuffled, among at most how many rows.
    seconds : once these have passed, there are no more repeats; where one would take longer, it has fewer rows.
    """
    random, began = np.random.default_rng(random_state), time.monotonic()
    sample = features.sample(min(len(features), max_samples), random_state=random_state)
    truth = task.truth(target.loc[sample.index])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = score(task.outputs(model, sample), truth, sample)
        expected = (time.monotonic() - began) * features.shape[1]
        if expected > seconds and len(sample) > FEWEST_ROWS:
            rows = max(FEWEST_ROWS, int(len(sample) * seconds / expected))
            sample, truth = sample.iloc[:rows], truth[:rows]
            base = score(task.outputs(model, sample), truth, sample)
        falls: list[list[float]] = []
        while len(falls) < n_repeats and (not falls or (time.monotonic() - began) * (1 + 1 / len(falls)) < seconds):
            falls.append([base - one for one in _shuffled_scores(model, sample, truth, task, score, random)])
    table = pd.DataFrame({"feature": features.columns, "mean": np.mean(falls, axis=0), "std": np.std(falls, axis=0)})
    return table.sort_values("mean", ascending=False, ignore_index=True)


def _shuffled_scores(
    model: Any, sample: pd.DataFrame, truth: np.ndarray, task: Task, score: Score, random: Any
) -> Iterator[float]:
    """The score with each column shuffled in turn."""
    rows, columns = sample.shape
    at_once = max(1, min(ROWS_AT_ONCE // rows, CELLS_AT_ONCE // (rows * columns)))
    for first in range(0, columns, at_once):
        copies = []
        for column in sample.columns[first : first + at_once]:
            copy = sample.copy()
            copy[column] = sample[column].array[random.permutation(rows)]
            copies.append(copy)
        said = task.outputs(model, pd.concat(copies, ignore_index=True))
        for number in range(len(copies)):
            part = slice(number * rows, (number + 1) * rows)
            yield score(said.part(part), truth, sample)
