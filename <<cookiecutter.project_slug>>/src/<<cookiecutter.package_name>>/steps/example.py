"""Example: a few rows as they stand in the table, for whoever asks the model something."""

import json
from typing import Any

import pandas as pd

from ..schema import Schema

ROWS = 5


def example(frame: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """The first rows of a table as it was read with the fewest gaps, without the target, as plain values."""
    names = [column.name for column in schema.needed]
    gaps = frame[names].isna().sum(axis=1)
    rows = frame.loc[gaps.sort_values(kind="stable").index[:ROWS].sort_values(), names]
    return list(json.loads(rows.to_json(orient="records", date_format="iso")))
