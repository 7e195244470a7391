"""Predictions of a model on rows that it had not seen, as a table by which versions can be compared."""

from typing import Any

import numpy as np
import pandas as pd

from ..objects.metrics import Outputs
from ..schema import Schema
from .task import Task

FEWEST_GROUPS = 5  # among which drawing groups at random says anything


def to_table(
    task: Task,
    outputs: Outputs,
    y_true: np.ndarray,
    rows: np.ndarray,
    units: np.ndarray,
    weights: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return truth and outputs, one line a row of the table.

    Parameters
    ----------
    rows : array of shape (rows,)
        Their numbers in the data, counted from 1 without the header.
    units : array of shape (rows,)
        Rows of one unit depend on each other; see `units_of`.
    weights : array of shape (rows,), optional
        Row weights, None where all rows count the same.

    Returns
    -------
    DataFrame
        The columns row, unit, truth, prediction and, where the model gives them, ``probability_<class>`` or decision;
        of several targets ``truth_<target>`` and so on; weight, where rows have weights. Classes are categories in
        their order, labels booleans.
    """
    names = task.names or (task.target_ if isinstance(task.target_, list) else [])
    columns: dict[str, Any] = {"row": rows, "unit": units}
    for name, values in (("truth", y_true), ("prediction", outputs.predicted)):
        if isinstance(outputs.classes, np.ndarray):
            columns[name] = pd.Categorical.from_codes(values.astype(int), pd.Index(task.names))
        else:
            columns |= _columns(name, values.astype(bool) if outputs.classes is not None else values, names)
    for name, shares in (("probability", outputs.probabilities), ("decision", outputs.decisions)):
        columns |= {} if shares is None else _columns(name, shares, names)
    columns |= {} if weights is None else {"weight": weights}
    return pd.DataFrame(columns).sort_values("row", kind="stable", ignore_index=True)


def from_table(table: pd.DataFrame) -> tuple[np.ndarray, Outputs]:
    """Return `y_true` and the outputs that `to_table` made a table of."""
    y_true, y_pred = _values(table, "truth"), _values(table, "prediction")
    if y_true is None or y_pred is None:
        raise ValueError("the table has no truth, or no predictions")
    classes: Any = None
    kind = table.iloc[:, 2].dtype
    if isinstance(kind, pd.CategoricalDtype):
        classes = np.arange(len(kind.categories))
    elif pd.api.types.is_bool_dtype(kind):
        classes = [np.array([0, 1])] * y_true.shape[1]
    return y_true, Outputs(y_pred, _values(table, "probability"), _values(table, "decision"), classes)


def units_of(frame: pd.DataFrame, schema: Schema, rows: np.ndarray) -> np.ndarray:
    """Return for each row a number that it shares with the rows on which its error may depend.

    These are the rows of its group; of a table in order of time, where there are few groups or none, those of the same
    stretch of time; otherwise a row stands alone.
    """
    group, time = schema.role("group"), schema.role("time")
    if group and (not time or frame[group[0]].nunique() >= FEWEST_GROUPS):
        return pd.factorize(frame[group[0]])[0]
    if not time:
        return pd.factorize(rows)[0]
    order = pd.factorize(frame[time[0]], sort=True)[0]
    # The usual length of a block of time for a bootstrap.
    return np.asarray(order // int(np.ceil((order.max() + 1) ** (1 / 3))))


def _columns(name: str, values: np.ndarray, names: list[str]) -> dict[str, np.ndarray]:
    """The columns of an array: one, or `name_<label>` for each of several."""
    if values.ndim == 1:
        return {name: values}
    known = names if len(names) == values.shape[1] else map(str, range(values.shape[1]))
    return {f"{name}_{one}": column for one, column in zip(known, values.T, strict=True)}


def _values(table: pd.DataFrame, name: str) -> np.ndarray | None:
    """The array that `_columns` made columns of, classes as their codes; None if there is none."""
    found = table.loc[:, table.columns == name]
    if found.empty:
        found = table.loc[:, table.columns.str.startswith(f"{name}_")]
        return None if found.empty else found.to_numpy(dtype=int if (found.dtypes == "bool").all() else float)
    values = found.iloc[:, 0]
    return np.asarray(values.cat.codes if isinstance(values.dtype, pd.CategoricalDtype) else values)
