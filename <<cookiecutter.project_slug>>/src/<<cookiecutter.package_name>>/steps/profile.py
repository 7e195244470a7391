"""The data's profile: what the report shows of each column."""

from typing import Any

import numpy as np
import pandas as pd

from ..schema import Schema, dtype_of
from .typing.kinds import MOST_CATEGORIES

BINS = 16


def profile(frame: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the row count, notes and warnings, and what the report shows of each column."""
    known = {column.name: column for column in schema.columns}
    columns = []
    for name in frame.columns:
        if name in schema.targets:
            role, dtype = "target", dtype_of(frame[name]) if not schema.labels else "category"
        else:
            role = known[name].role if name in known else "feature"
            dtype = known[name].dtype if name in known else schema.features[name]
        values = frame[name].dropna()
        unique = int(values.nunique())
        columns.append(
            {
                "name": str(name),
                "role": role,
                "dtype": dtype,
                "missing": (len(frame) - len(values)) / len(frame) if len(frame) else 0.0,
                "unique": unique,
                "summary": _summary(values, dtype, role, unique),
                "histogram": _histogram(values, dtype),
            }
        )
    columns.sort(key=lambda column: column["role"] != "target")
    return {"rows": len(frame), "columns": columns, "notes": schema.notes, "warnings": schema.warnings}


def _summary(values: pd.Series, dtype: str, role: str, unique: int) -> str:
    if values.empty:
        return ""
    # Single values may name persons, and the profile goes with the model.
    if role == "id" or (dtype == "category" and unique > MOST_CATEGORIES):
        return f"{unique:,} different values"
    if dtype == "number":
        numbers = values.to_numpy(dtype=float)
        return f"{numbers.min():.4g} … {numbers.max():.4g}, mean {numbers.mean():.4g}"
    if dtype == "datetime":
        return f"{values.min():%Y-%m-%d} … {values.max():%Y-%m-%d}"
    if dtype == "text":
        return f"{values.str.len().median():.0f} characters (median)"
    shares = values.value_counts(normalize=True).head(3)
    return ", ".join(f"{str(label)[:24]} {share:.0%}" for label, share in shares.items())


def _histogram(values: pd.Series, dtype: str) -> list[int]:
    if values.empty or dtype == "text":
        return []
    if dtype == "category":
        return values.value_counts().head(BINS).tolist()
    numbers = values.astype("int64" if dtype == "datetime" else "float64").to_numpy()
    try:
        return np.histogram(numbers, bins=BINS)[0].tolist()
    except ValueError:  # The numbers are too close to each other, for their size, to be told apart.
        return [len(numbers)]
