"""Compare a new model with the registered one, on held-out rows from which neither has learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...errors import UserError
from ...objects.metrics import Metric, Outputs
from ...schema import Schema, convert, to_text
from ...steps.evaluate import scores
from ...steps.predict import features
from ...steps.predictions import units_of
from ...steps.task import Task, of_rows, score_outputs, task_of
from .components import Compared


@dataclass(frozen=True)
class Trained:
    """A fitted model, its schema, and the rows that it learned from."""

    model: Any
    schema: Schema
    learned: pd.DataFrame


@dataclass(frozen=True)
class Comparison:
    """What two models say of the same rows: `metrics` has the value of the new one and of the registered by name."""

    compared: Compared
    metrics: dict[str, tuple[float | None, float | None]]


def compare(
    new: Trained, registered: Trained, held_out: pd.DataFrame, metrics: Sequence[Metric], minimum_rows: int
) -> Comparison:
    """Ask both models about the held-out rows of the new one, without those that the registered one learned from.

    Parameters
    ----------
    metrics : the first is the one to judge by.
    minimum_rows : how few rows say nothing.

    Raises
    ------
    UserError
        If the two cannot be compared: they predict different things, or too few rows remain.
    """
    _refuse_different(new.schema, registered.schema)
    if held_out.empty:
        raise UserError("nothing is held out (`holdout` in params/split.yaml), so there are no rows to compare them on")
    rows = held_out[~seen(held_out, new.schema, registered)].reset_index(drop=True)
    known = len(held_out) - len(rows)
    asked = [rows[list(new.schema.features)], as_learned(rows, registered.schema)]
    rows, *asked = _answerable(rows, (new, registered), asked)
    if len(rows) < max(minimum_rows, 1):
        lost = len(held_out) - known - len(rows)
        raise UserError(
            f"of {len(held_out)} held-out rows {len(rows)} can be compared, and `minimum_rows` is {minimum_rows}: "
            f"the registered model has learned from {known}" + (f", and {lost} have no answer" if lost else "")
        )
    task = task_of(new.schema)
    y_true = task.encode(rows[new.schema.target])
    outputs = [task.outputs(one.model, given) for one, given in zip((new, registered), asked, strict=True)]
    models, learned = (new.model, registered.model), _learned(new)
    weights = new.schema.weights(rows)
    values = [
        scores(metrics, task, one, y_true, asked[0], *learned, model, weights)
        for one, model in zip(outputs, models, strict=True)
    ]
    both = {metric.name: (values[0][metric.name], values[1][metric.name]) for metric in metrics}
    if None in both[metrics[0].name]:
        raise UserError(f"{metrics[0].name} is undefined for these {len(rows)} rows")
    score = _score(metrics[0], task, outputs, y_true, asked[0], learned, models, weights)
    units = units_of(rows, new.schema, np.arange(len(rows)))
    return Comparison(Compared(len(rows), score, units), both)


def seen(rows: pd.DataFrame, schema: Schema, registered: Trained) -> np.ndarray:
    """Which rows the registered model has learned from: those that are in its training table, target included.

    Identifiers and ignored columns are not looked at: an export may number its rows anew.
    """
    own = {column.name for column in registered.schema.columns if column.role in ("feature", "group", "time")}
    names = [column.name for column in schema.columns if column.name in own] + schema.targets
    shared = [name for name in names if name in rows and name in registered.learned]
    if not shared:
        return np.zeros(len(rows), dtype=bool)
    ours, theirs = (
        pd.util.hash_pandas_object(pd.DataFrame({name: _text(one[name]) for name in shared}), index=False)
        for one in (rows, registered.learned)
    )
    return np.isin(ours.to_numpy(), theirs.to_numpy())


def as_learned(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The features that a model with another schema takes, of rows that are typed already.

    Raises
    ------
    UserError
        If a column is not there that it needs.
    """
    absent = [column.name for column in schema.needed if column.name not in rows]
    if absent:
        raise UserError(f"the data have no column {absent[0]!r} any more, which the registered model needs")
    typed = {column.name: convert(rows[column.name], column) for column in schema.columns if column.name in rows}
    return features(pd.DataFrame(typed, index=rows.index), schema)


def _refuse_different(new: Schema, registered: Schema) -> None:
    """Two models that do not predict the same thing cannot be compared."""
    if new.target != registered.target:
        raise UserError(f"the registered model predicts {registered.target!r}, and the new one {new.target!r}")
    if new.task["class"] != registered.task["class"]:
        names = [one.task["class"].rpartition(".")[2] for one in (registered, new)]
        raise UserError(f"the registered model is for {names[0]}, and the new one for {names[1]}")
    lost = [label for label in registered.labels if label not in new.labels]
    if lost:
        raise UserError(f"the registered model knows {lost[0]!r}, which is not in the new data")


def _answerable(rows: pd.DataFrame, models: Sequence[Trained], asked: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """The rows, and what the models are given of them, that both have an answer to."""
    good = np.ones(len(rows), dtype=bool)
    for one, given in zip(models, asked, strict=True):
        for _, _, positions in task_of(one.schema).unanswerable(one.model, given) if len(rows) else ():
            good[positions] = False
    return [table[good].reset_index(drop=True) for table in (rows, *asked)]


def _learned(one: Trained) -> tuple[Any, Any]:
    return one.learned[list(one.schema.features)], one.learned[one.schema.target]


def _score(
    metric: Metric,
    task: Task,
    outputs: Sequence[Outputs],
    y_true: np.ndarray,
    given: pd.DataFrame,
    learned: tuple[Any, Any],
    models: Sequence[Any],
    weights: np.ndarray | None,
) -> Callable[[np.ndarray], tuple[float, float]]:
    """The scores of both models as a function of the rows' positions."""

    def one(number: int, rows: np.ndarray) -> float:
        try:
            part, asked = outputs[number].part(rows), given.iloc[rows]
            return score_outputs(
                metric, task, part, y_true[rows], asked, *learned, models[number], of_rows(weights, rows)
            )
        except (ValueError, AttributeError):
            return float("nan")

    return lambda rows: (one(0, rows), one(1, rows))


def _text(values: pd.Series) -> np.ndarray:
    """Values as text, which are equal where they look the same; a missing one is empty."""
    return to_text(values.reset_index(drop=True)).fillna("").to_numpy(dtype=object)
