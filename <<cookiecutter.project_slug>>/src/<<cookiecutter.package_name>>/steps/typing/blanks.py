"""Texts that say that a cell is empty, such as `NA`, and columns in which they are a value of their own."""

import functools
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from .cells import FEW, canonical, over_texts

USUAL = ("?", "-", "–", "NA", "N/A", "n/a", "nan", "NaN", "null", "NULL", "None", "#N/A", "")
# Marks that are also words for a class or a code: no disorder, no cover, Namibia.
WORD_MARKS = ("None", "NA", "N/A", "n/a")
LEAST_SHARE = 0.02
LEAST_ROWS = 3
NUMBERS = (int, float, np.int64, np.float64)


def emptied(values: pd.Series, marks: Collection[str]) -> pd.Series:
    """Return a column in which cells that hold a mark are missing, whether as text or as a number.

    A column without any is returned as it is.
    """
    if values.dtype == object or (values.dtype == "str" and len(values) <= FEW):
        cells = values.to_numpy(dtype=object).tolist()
        held = [is_mark(cell, marks) for cell in cells]
        if not any(held):
            return values
        kept = [None if gone else cell for cell, gone in zip(cells, held, strict=True)]
        return pd.Series(kept, values.index, values.dtype, name=values.name)
    if values.dtype == "str":
        found = values.isin(marks)
        return values.where(~found) if found.any() else values
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        return values
    numbers = marked_numbers(marks)
    if not numbers:
        return values
    found = values.isin(numbers)
    return values.where(~found) if found.any() else values


def is_mark(cell: object, marks: Collection[str]) -> bool:
    """Return whether a cell, a text or a number, stands for a missing value."""
    if isinstance(cell, str):
        return cell in marks or ((cell[:1].isspace() or cell[-1:].isspace()) and cell.strip() in marks)
    return type(cell) in NUMBERS and str(cell) in marks


@functools.cache
def marks_of(written: tuple[str, ...]) -> frozenset[str]:
    """Return the texts that stand for a missing value, those that are numbers in all their spellings."""
    return frozenset(with_numbers(written))


def with_numbers(marks: Collection[str]) -> list[str]:
    """Return marks with the other ways to write those that are numbers: -999 is also -999.0."""
    whole = [f"{mark}.0" for mark in map(canonical, marks) if mark.lstrip("-").isdigit()]
    return list(dict.fromkeys([*marks, *map(canonical, marks), *whole]))


def marked_numbers(marks: Collection[str]) -> list[float]:
    """Return the marks that are numbers."""
    return [float(mark) for mark in marks if mark.lstrip("+-").replace(".", "", 1).isdigit()]


def counts(frame: pd.DataFrame, marks: Collection[str]) -> dict[str, dict[str, int]]:
    """Return how often each mark stands as text in each column that holds any."""
    found: dict[str, dict[str, int]] = {}
    columns = dict(frame.items())
    plain = {name: values for name, values in columns.items() if values.dtype == "str"}
    marked = over_texts(plain, lambda values: values.isin(marks))
    for name, values in columns.items():
        if name in marked:
            if not marked[name].any():
                continue  # spares a selection from each of many columns
            texts = values[marked[name]]
        elif values.dtype == object:
            texts = pd.Series([cell for cell in values if isinstance(cell, str) and cell in marks], dtype="str")
        else:
            continue
        if len(texts):
            found[str(name)] = {str(mark): int(count) for mark, count in texts.value_counts().items()}
    return found


def blank_of(
    name: str, rows: int, seen: Mapping[str, Mapping[str, int]], missing: int, others: Collection[str]
) -> str | None:
    """Return the mark that is a value of its own in a column of text, or None.

    It is one if the column has no other kind of missing cell, and the mark is frequent, a word, and not what columns
    of numbers and dates have for a missing cell.

    Parameters
    ----------
    name : the column.
    rows : how many rows the table has.
    seen : how often each mark stands in each column.
    missing : how many cells of the column are missing, marks among them.
    others : the marks that stand in columns of numbers and dates.
    """
    own = seen.get(name, {})
    if len(own) != 1:
        return None
    mark, count = next(iter(own.items()))
    frequent = count >= max(LEAST_ROWS, LEAST_SHARE * rows)
    return mark if mark in WORD_MARKS and frequent and count == missing and mark not in others else None
