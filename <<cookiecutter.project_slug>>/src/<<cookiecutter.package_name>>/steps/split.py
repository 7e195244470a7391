"""Split: which rows are held out for the final evaluation, and the folds of the cross-validation."""

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import Schema
from .task import task_of

Fold = tuple[np.ndarray, np.ndarray]
MOST_FOLDS = 1000


def split(frame: pd.DataFrame, schema: Schema, holdout: Any, cv: Any) -> tuple[np.ndarray, np.ndarray, list[Fold]]:
    """Split a table twice.

    Parameters
    ----------
    frame : the whole table with its target.
    holdout : a splitter; its first split gives the training rows and the held-out rows.
    cv : a splitter for the training rows.

    Returns
    -------
    train, held_out : arrays of row positions in `frame`, in order.
    folds : pairs of arrays of positions among the training rows.

    Raises
    ------
    UserError
        If there are too few rows, groups or members of a class for the splitters, or a class or a fold ends up
        with nothing to learn from.
    """
    for column in schema.columns:
        if column.role == "time" and column.dtype in ("text", "category"):
            raise UserError(
                f"{column.name!r} has the role 'time', but its values are no dates: it is a {column.dtype}",
                "data.yaml",
                "columns",
                column.name,
            )
    task = task_of(schema)
    holdout, cv = task.splitter(holdout), task.splitter(cv)
    train, held_out = next(_splits(frame, schema, holdout, "holdout"))
    train, held_out = np.sort(train), np.sort(held_out)
    learnable = frame.iloc[train].reset_index(drop=True)
    folds = list(islice(_splits(learnable, schema, cv, "cv"), MOST_FOLDS + 1))
    if len(folds) > MOST_FOLDS:
        raise UserError(
            f"{type(cv).__name__} makes more than {MOST_FOLDS:,} folds, on each of which every trial would be fitted; "
            "5 or 10 are usual",
            "split.yaml",
            "cv",
        )
    if not folds or any(len(part) == 0 for fold in folds for part in fold):
        raise UserError(f"{type(cv).__name__} makes a fold without rows (there are {len(train)})", "split.yaml", "cv")
    _refuse_no_weight(schema.weights(frame), train, held_out, folds)
    task.check_split(frame[schema.target], train, held_out, folds, (holdout, cv))
    return train, held_out, folds


def _refuse_no_weight(weights: np.ndarray | None, train: np.ndarray, held_out: np.ndarray, folds: list[Fold]) -> None:
    """Refuse a split with a part whose rows all have weight 0."""
    if weights is None:
        return
    parts = {"the hold-out": held_out} | {
        f"fold {number}": train[rows] for number, fold in enumerate(folds, 1) for rows in fold
    }
    for name, rows in parts.items():
        if len(rows) and not weights[rows].any():
            raise UserError(f"{name} has only rows of weight 0: leave such rows out of the data", "split.yaml")


def read_folds(file: str | Path) -> list[Fold]:
    """The folds as the stage `split` has written them."""
    arrays = np.load(file, allow_pickle=False)
    return [(arrays[f"a_{number}"], arrays[f"b_{number}"]) for number in range(len(arrays.files) // 2)]


def _splits(frame: pd.DataFrame, schema: Schema, splitter: Any, key: str) -> Iterator[Fold]:
    groups = frame[schema.role("group")[0]] if schema.role("group") else None
    features = frame.drop(columns=schema.targets)
    if schema.role("time"):
        features.index = pd.DatetimeIndex(features[schema.role("time")[0]])
    try:
        with warnings.catch_warnings():
            # Classes with fewer rows than folds are noted by the caller in words of its own.
            warnings.simplefilter("ignore", UserWarning)
            yield from splitter.split(features, task_of(schema).stratified_by(frame[schema.target]), groups)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{type(splitter).__name__}: {reason} (there are {len(frame)} rows)", "split.yaml", key
        ) from None
