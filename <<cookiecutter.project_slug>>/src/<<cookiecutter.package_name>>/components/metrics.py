"""Metrics: functions of the truth and the predictions, found by how their names end."""

from collections.abc import Sequence

import numpy as np


def mean_cost_loss(
    y_true: np.ndarray,
    y_pred: np.ndarray,
    *,
    matrix: Sequence[Sequence[float]],
    sample_weight: np.ndarray | None = None,
) -> float:
    """The mean cost of the predictions; less is better.

    Parameters
    ----------
    y_true, y_pred : arrays of shape (n,), codes of the classes in their order.
    matrix : what each decision costs: a row for each true class, a column for each predicted one, in any unit.
    sample_weight : array of shape (n,), the weights of the rows; all the same if None.
    """
    costs = np.asarray(matrix, dtype=float)
    y_true, y_pred = np.asarray(y_true, dtype=int), np.asarray(y_pred, dtype=int)
    if costs.ndim != 2 or costs.shape[0] != costs.shape[1] or costs.shape[0] <= max(y_true.max(), y_pred.max()):
        raise ValueError(f"the cost matrix has the shape {costs.shape}: a row and a column are needed for each class")
    return float(np.average(costs[y_true, y_pred], weights=sample_weight))
