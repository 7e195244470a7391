"""Predictions of a window in the form of the hold-out's, by which both can be compared and scored."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ...schema import Schema
from .drift_columns import ColumnDrift, compare_columns
from .drift_params import Limits
from .labels import encoded


def aligned(predictions: pd.DataFrame, like: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return predictions with the columns, types and categories of a table of `steps.predictions.to_table`.

    Columns that the window does not have, such as probabilities that were not logged, are left out.

    Parameters
    ----------
    predictions : as `predict` gives them: labels as they are in the table, none missing.
    like : the predictions of the hold-out.
    """
    own = columns_of(like, "prediction")
    kind = like[own[0]].dtype
    table: dict[str, object] = {}
    if isinstance(kind, pd.CategoricalDtype):
        table["prediction"] = pd.Categorical(predictions["prediction"].map(str), categories=kind.categories)
    elif pd.api.types.is_bool_dtype(kind):
        values = predictions[columns_of(predictions, "prediction")].set_axis(schema.targets, axis=1)
        table |= dict(zip(own, encoded(values, schema).astype(bool).T, strict=True))
    else:
        table |= {name: predictions[name].astype(float).astype(like[name].dtype) for name in own if name in predictions}
    for name in columns_of(like, "probability"):
        if name in predictions:
            table[name] = predictions[name].to_numpy(dtype=float)
    return pd.DataFrame(table, index=predictions.index)


def compare_predictions(reference: pd.DataFrame, window: pd.DataFrame, limits: Limits) -> list[ColumnDrift]:
    """Compare predictions, of several labels or targets each, and the probability of each class."""
    dtypes = {str(name): _dtype(reference[name]) for name in window}
    if len(columns_of(window, "probability")) == 2 and "prediction" in window:
        dtypes.pop(columns_of(window, "probability")[0])  # of two classes, one probability is the other's rest
    return compare_columns(reference, window, dtypes, limits)


def columns_of(table: pd.DataFrame, name: str) -> list[str]:
    """Return the columns called `name`, or `name_<label>`."""
    return [str(column) for column in table if column == name or str(column).startswith(f"{name}_")]


def scorable(truth: pd.DataFrame, predictions: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Put truth and predictions into one table, as `steps.predictions.from_table` takes it."""
    parts = [pd.DataFrame({"row": np.arange(len(truth)), "unit": np.arange(len(truth))}, index=truth.index), truth]
    table = pd.concat([*parts, predictions.loc[truth.index]], axis=1)
    return table[[name for name in like if name in table]]


def lacking(predictions: pd.DataFrame, like: pd.DataFrame) -> Sequence[str]:
    """Return the columns of predictions that a window does not have."""
    return [name for name in columns_of(like, "prediction") if name not in predictions]


def _dtype(values: pd.Series) -> str:
    """Return how predictions are compared: classes, labels and the numbers of clusters by their shares."""
    return "number" if pd.api.types.is_float_dtype(values) else "category"
