"""Example: a few rows as they stand in the table, for whoever asks the model something."""

import json
from typing import Any

import pandas as pd

from ..schema import Column, Schema, convert, without_marks

ROWS = 5


def example(frame: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """The first rows of a table as it was read with the fewest gaps, without the target, as plain values.

    Plain numbers are numbers; dates, codes and numbers in a format of their own are texts as in the table.
    """
    columns = schema.needed
    frame = without_marks(frame[[column.name for column in columns]], schema)
    gaps = frame.isna().sum(axis=1)
    rows = frame.loc[gaps.sort_values(kind="stable").index[:ROWS].sort_values()]
    shown = {column.name: _shown(rows[column.name], column) for column in columns}
    return list(json.loads(pd.DataFrame(shown, index=rows.index).to_json(orient="records", date_format="iso")))


def _shown(values: pd.Series, column: Column) -> pd.Series:
    if column.dtype != "number" or (column.format or column.unit) is not None:
        return values
    numbers = convert(values, column)
    return numbers.astype("Int64") if (numbers.dropna() % 1 == 0).all() else numbers
