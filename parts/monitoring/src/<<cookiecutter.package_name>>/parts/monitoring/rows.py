"""Make rows of the log from predictions."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ...prediction.pipeline import PredictionPipeline, Predictions
from ...steps.task import task_of

INPUT = "input."
ROLES = ("feature", "time", "group", "weight", "id")  # a column that the owner ignores is not logged either
BOUNDS = ("lower_", "upper_")  # of an interval
DTYPES = {"integer": "Int64", "floating": "float64", "boolean": "boolean"}


class Rows:
    """Makes rows of the log, whose columns have the same types whatever the values are.

    Parameters
    ----------
    pipeline : what predicts.
    leave_out : columns of the table that are not logged.
    share : of the rows that are logged.
    """

    def __init__(self, pipeline: PredictionPipeline, leave_out: Sequence[str] = (), share: float = 1.0) -> None:
        schema = pipeline.schema
        self.known = [column.name for column in schema.columns if column.role in ROLES]
        self.dtypes = {column.name: column.dtype for column in schema.columns}
        self.names = [name for name in self.known if name not in leave_out]
        answers = task_of(schema).answers(pipeline.model)
        renamed = {name: _renamed(name) for name in answers}
        self.answers = {name: (to, _dtype(answers[name])) for name, to in renamed.items() if to}
        self.share, self.version = share, pipeline.version
        self.random = np.random.default_rng()

    @property
    def columns(self) -> list[str]:
        """The names of the columns of the log."""
        answers = [renamed for renamed, _ in self.answers.values()]
        return [f"{INPUT}{name}" for name in self.names] + answers + ["logged_at", "request_id", "row", "model_version"]

    def made(self, found: Predictions, request_id: str, at: datetime) -> pd.DataFrame:
        """Return a row for each row that has a prediction and is drawn."""
        rows = np.flatnonzero(~found.checked.refused)
        if self.share < 1:
            rows = rows[self.random.random(len(rows)) < self.share]
        frame, table = found.checked.frame.iloc[rows], found.table.iloc[rows]
        values: dict[str, Any] = {}
        for name in self.names:
            values[f"{INPUT}{name}"] = _input(frame.get(name), self.dtypes[name], len(rows))
        for name, (renamed, dtype) in self.answers.items():
            values[renamed] = _as(table[name], dtype)
        values["logged_at"] = pd.Series(pd.Timestamp(at).as_unit("us"), index=range(len(rows)))
        values["request_id"] = _text([request_id] * len(rows))
        values["row"] = rows + 1
        values["model_version"] = _text([self.version] * len(rows))
        return pd.DataFrame({name: pd.Series(one).array for name, one in values.items()})


def _renamed(name: str) -> str | None:
    """Return what a column of the predictions is called in the log; None for what is an input anyway."""
    if name == "prediction":
        return name
    for kind in ("prediction", "probability"):
        if name.startswith(f"{kind}_"):
            return f"{kind}.{name.removeprefix(f'{kind}_')}"
    return f"interval.{name}" if name.startswith(BOUNDS) else None


def _dtype(schema: Mapping[str, Any]) -> str:
    """Return the dtype of a column of predictions, from the JSON Schema of its values."""
    if "enum" in schema:
        return DTYPES.get(pd.api.types.infer_dtype(schema["enum"], skipna=False), "str")
    return {"integer": "Int64", "number": "float64"}.get(schema.get("type", ""), "str")


def _input(values: pd.Series | None, dtype: str, count: int) -> pd.Series:
    if dtype == "number":
        return pd.Series(np.nan, index=range(count)) if values is None else values.astype("float64")
    if dtype == "datetime":
        times = pd.Series(pd.NaT, index=range(count)) if values is None else values
        return times.astype("datetime64[us]")
    return _text([None] * count if values is None else values.tolist())


def _as(values: pd.Series, dtype: str) -> pd.Series:
    return _text(values.tolist()) if dtype == "str" else values.astype(pd.api.types.pandas_dtype(dtype))


def _text(values: Sequence[Any]) -> pd.Series:
    return pd.Series([None if pd.isna(one) else str(one) for one in values], dtype="str")
