"""Evaluate: metrics of a fitted model on rows that it has not seen, beside those of a dummy."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance as permute

from ..objects.metrics import Metric, Outputs
from .outputs import encoded, outputs


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
    model: Any, features: pd.DataFrame, target: pd.Series, labels: Sequence[Any], metric: Metric, **params: Any
) -> pd.DataFrame:
    """How much the score falls when one column is shuffled; columns `feature`, `mean`, `std`, largest first.

    Parameters
    ----------
    params : for `sklearn.inspection.permutation_importance`: `n_repeats`, `max_samples`, `random_state`.
    """
    rows = min(len(features), int(params.pop("max_samples", 1000)))
    sample = features.sample(rows, random_state=params.get("random_state", 0))
    truth = encoded(target.loc[sample.index], labels)

    def score(fitted: Any, X: pd.DataFrame, y: np.ndarray) -> float:
        return metric.score(y, outputs(fitted, X, labels), len(labels) or None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = permute(model, sample, truth, scoring=score, **params)
    table = pd.DataFrame(
        {"feature": features.columns, "mean": found["importances_mean"], "std": found["importances_std"]}
    )
    return table.sort_values("mean", ascending=False, ignore_index=True)
