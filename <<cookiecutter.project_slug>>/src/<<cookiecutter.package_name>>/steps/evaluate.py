"""Evaluate: metrics of a fitted model on rows that it has not seen, beside those of a dummy."""

import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..objects.metrics import Metric, Outputs
from .outputs import encoded, outputs

FEWEST_ROWS = 100  # among which shuffling a column says anything
ROWS_AT_ONCE, CELLS_AT_ONCE = 20_000, 10_000_000


def scores(metrics: Sequence[Metric], truth: np.ndarray, said: Outputs, classes: int | None) -> dict[str, float | None]:
    """Each metric's natural value by its name; None where it is undefined for these outputs."""
    found: dict[str, float | None] = {}
    for metric in metrics:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                score = metric.score(truth, said, classes)
            except (ValueError, AttributeError):
                score = np.nan
        found[metric.name] = None if np.isnan(score) else float(metric.natural(score))
    return found


def permutation_importance(
    model: Any,
    features: pd.DataFrame,
    target: pd.Series,
    labels: Sequence[Any],
    metric: Metric,
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
    n_repeats, max_samples : how many times each column is shuffled, among at most how many rows.
    seconds : once these have passed, there are no more repeats; where one would take longer, it has fewer rows.
    """
    random, began = np.random.default_rng(random_state), time.monotonic()
    sample = features.sample(min(len(features), max_samples), random_state=random_state)
    truth = encoded(target.loc[sample.index], labels)
    classes = len(labels) or None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        base = metric.score(truth, outputs(model, sample, labels), classes)
        expected = (time.monotonic() - began) * features.shape[1]
        if expected > seconds and len(sample) > FEWEST_ROWS:
            rows = max(FEWEST_ROWS, int(len(sample) * seconds / expected))
            sample, truth = sample.iloc[:rows], truth[:rows]
            base = metric.score(truth, outputs(model, sample, labels), classes)
        falls: list[list[float]] = []
        while len(falls) < n_repeats and (not falls or (time.monotonic() - began) * (1 + 1 / len(falls)) < seconds):
            falls.append([base - score for score in _shuffled_scores(model, sample, truth, labels, metric, random)])
    table = pd.DataFrame({"feature": features.columns, "mean": np.mean(falls, axis=0), "std": np.std(falls, axis=0)})
    return table.sort_values("mean", ascending=False, ignore_index=True)


def _shuffled_scores(
    model: Any, sample: pd.DataFrame, truth: np.ndarray, labels: Sequence[Any], metric: Metric, random: Any
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
        said = outputs(model, pd.concat(copies, ignore_index=True), labels)
        for number in range(len(copies)):
            part = slice(number * rows, (number + 1) * rows)
            yield metric.score(truth, _part(said, part), len(labels) or None)


def _part(said: Outputs, rows: slice) -> Outputs:
    """The outputs for some of the rows."""

    def part(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[rows]

    return Outputs(lambda: said.predicted[rows], part(said.probabilities), part(said.decisions))
