"""Labels: the targets of past predictions, which come later and find their rows by a key."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...errors import UserError, nearest
from ...schema import Schema, convert, to_number, to_text
from ...steps.preprocess import to_label
from ...steps.task import task_of

SHOWN = 3  # keys in a message


@dataclass(frozen=True)
class Joined:
    """Labels beside the rows of a window.

    Attributes
    ----------
    targets : the target columns, of those rows that have a label, with their positions in the window as index.
    waiting : how many rows have no label yet.
    others : how many labels belong to no row of the window.
    """

    targets: pd.DataFrame
    waiting: int
    others: int


def join(rows: pd.DataFrame, labels: pd.DataFrame, key: Sequence[str], schema: Schema, latest: bool = False) -> Joined:
    """Give rows their labels by one or more key columns, which are compared as text, dates as dates.

    Parameters
    ----------
    latest : of several rows with the same key take the last, as from a log, in which a row may be asked about again;
        otherwise such rows are refused.

    Raises
    ------
    UserError
        If a column or a key is missing, a key is there twice, or no label belongs to a row.
    """
    for name in key:
        for what, table in (("the rows have", rows), ("the labels have", labels)):
            if name not in table:
                raise UserError(f"{what} no column {name!r}, the key of labels{nearest(name, table.columns)}")
    for name in schema.targets:
        if name not in labels:
            raise UserError(f"the labels have no column {name!r}, which the model predicts")
    ours, theirs = (_keys(table, key, schema) for table in (rows, labels))
    if theirs.isna().any():
        first = int(np.flatnonzero(theirs.isna())[0]) + 1
        count = int(theirs.isna().sum())
        raise UserError(f"{count} of {len(labels)} labels have no key: {_named(key)} is empty, first in row {first}")
    _refuse_twice(theirs, key, "labels")
    if latest:
        ours = ours[~ours.duplicated(keep="last")]
    else:
        _refuse_twice(ours.dropna(), key, "rows")
    places = pd.Series(np.arange(len(theirs)), index=theirs.to_numpy()).reindex(ours.dropna().to_numpy())
    found = pd.Series(places.to_numpy(), index=ours.dropna().index).dropna().astype(int)
    if found.empty:
        shown = [", ".join(part.dropna().astype(str).head(SHOWN)) for part in (theirs, ours)]
        raise UserError(
            f"none of the {len(labels)} labels belongs to a row: {_named(key)} is {shown[0]} … in the labels and "
            f"{shown[1] or 'empty'} … in the rows"
        )
    targets = labels[schema.targets].iloc[found.to_numpy()].set_axis(found.index, axis=0)
    targets = targets[targets.notna().all(axis=1)]
    return Joined(targets, len(rows) - len(targets), len(labels) - len(found))


def truth_of(targets: pd.DataFrame, schema: Schema, like: pd.DataFrame) -> pd.DataFrame:
    """Return targets in the form of the columns `truth…` of a table of `steps.predictions.to_table`.

    Parameters
    ----------
    targets : the target columns as they were read, none missing.
    like : a table of predictions of the same model.

    Raises
    ------
    UserError
        If a value is none that the model can predict.
    """
    names = [name for name in like if name == "truth" or str(name).startswith("truth_")]
    kind = like[names[0]].dtype
    if isinstance(kind, pd.CategoricalDtype):
        return pd.DataFrame({"truth": _classes(targets.iloc[:, 0], kind)}, index=targets.index)
    if pd.api.types.is_bool_dtype(kind):
        return pd.DataFrame(encoded(targets, schema).astype(bool), columns=names, index=targets.index)
    numbers = {}
    for name, column in zip(names, schema.targets, strict=True):
        answer = schema.answer(column)
        numbers[name] = convert(targets[column], answer) if answer.dtype == "number" else to_number(targets[column])
        if numbers[name].isna().any():
            bad = targets[column][numbers[name].isna()].iloc[0]
            raise UserError(f"the label {str(bad)[:40]!r} of {column!r} is no number")
    return pd.DataFrame(numbers, index=targets.index)


def encoded(targets: pd.DataFrame, schema: Schema) -> np.ndarray:
    """Return whether each row has each of several labels; shape (rows, labels)."""
    if isinstance(schema.target, str):
        return np.asarray(task_of(schema).encode(targets[schema.target].map(str)))
    typed = pd.DataFrame({name: to_label(targets[name]) for name in schema.targets}, index=targets.index)
    return np.asarray(task_of(schema).encode(typed))


def _classes(values: pd.Series, kind: pd.CategoricalDtype) -> pd.Series:
    texts = to_label(values).map(str)
    unknown = texts[~texts.isin(kind.categories)]
    if len(unknown):
        known = ", ".join(map(str, kind.categories[:10]))
        raise UserError(
            f"the label {unknown.iloc[0]!r} is no class of the model, nor are {len(unknown) - 1} others: it knows "
            f"{known}"
        )
    return pd.Series(pd.Categorical(texts, categories=kind.categories), index=values.index)


def _keys(table: pd.DataFrame, key: Sequence[str], schema: Schema) -> pd.Series:
    """Return the keys as texts, missing where a part of them is."""
    known = {column.name: column for column in schema.columns}
    parts = []
    for name in key:
        column = known.get(name)
        values = convert(table[name], column) if column is not None and column.dtype == "datetime" else table[name]
        parts.append(to_text(values.reset_index(drop=True), numbers=True))
    texts = parts[0].astype(object)
    for part in parts[1:]:
        texts = texts.where(texts.notna() & part.notna()) + " / " + part.astype(object).where(part.notna(), "")
    return texts


def _refuse_twice(keys: pd.Series, key: Sequence[str], what: str) -> None:
    twice = keys[keys.duplicated(keep=False)]
    if len(twice):
        rows = ", ".join(str(row + 1) for row in twice.index[twice == twice.iloc[0]][:SHOWN])
        raise UserError(
            f"several {what} have the key {twice.iloc[0]!r} ({_named(key)}; rows {rows}): a key says which one row is "
            "meant"
        )


def _named(key: Sequence[str]) -> str:
    return " and ".join(map(repr, key))
