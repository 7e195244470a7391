"""Example rows: shown to whoever asks the model something, and predicted to see that it works."""

import json
import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from ..schema import Column, Schema, convert, in_format, without_marks

ROWS = 5
SAMPLED = 1000  # values that are looked at to find the usual shape of a code
LONGEST = 40  # characters of a made-up code
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def example(frame: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Make up rows that a model of this table can predict.

    No row is taken from the table. Numbers and dates lie in the range of their column, and categories are those that
    the schema lists. Where it lists none, a value has the usual shape of its column: letters and digits are replaced.

    Parameters
    ----------
    frame : the table as it was read.

    Returns
    -------
    Rows without the target, as plain values.
    """
    frame = without_marks(frame[[column.name for column in schema.needed]], schema)
    columns = {column.name: _values(frame[column.name], column, n) for n, column in enumerate(schema.needed)}
    return [{name: values[row] for name, values in columns.items()} for row in range(ROWS)]


def real_rows(frame: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Return the first rows of a table with the fewest gaps, without the target, as plain values.

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
    present = numbers.dropna()
    whole = bool(((present % 1 == 0) & (present.abs() < 2**53)).all())
    return numbers.astype("Int64") if whole else numbers


def _values(values: pd.Series, column: Column, place: int) -> list[Any]:
    """Made-up values of the column at a place among the columns, one for each row."""
    # Each column goes through its range in another order, or the rows would run from all small to all large.
    shares = [((2 * row + 3 * place) % ROWS + 0.5) / ROWS for row in range(ROWS)]
    choices = column.categories or column.rules.get("categories")
    if column.boolean:
        return [share < 0.5 for share in shares]
    if choices:
        return [str(choices[int(share * len(choices))]) for share in shares]
    if column.dtype == "number":
        return _numbers(convert(values, column), column, shares)
    if column.dtype == "datetime":
        return _dates(convert(values, column).dropna(), column, shares)
    if column.dtype == "text":
        return [f"This is a made-up text, number {row + 1}." for row in range(ROWS)]
    return _codes(convert(values, column), place)


def _numbers(values: pd.Series, column: Column, shares: list[float]) -> list[Any]:
    if column.min is None or column.max is None:
        return [None] * ROWS
    whole = bool((values.dropna() % 1 == 0).all())
    width = column.max - column.min
    made = [column.min * (1 - share) + column.max * share for share in shares]
    if 0 < width < math.inf:
        digits = 2 - math.floor(math.log10(width))
        made = [round(number, min(digits - 1, 0) if whole else digits) for number in made]
    made = [min(max(number, column.min), column.max) for number in made]
    return [int(number) if whole and abs(number) < 2**53 else number for number in made]


def _dates(stamps: pd.Series, column: Column, shares: list[float]) -> list[Any]:
    if stamps.empty:
        return [None] * ROWS
    by_day = bool((stamps == stamps.dt.normalize()).all())
    first, last = stamps.min(), stamps.max()
    made = [(first + (last - first) * share).floor("D" if by_day else "s") for share in shares]
    return [in_format(stamp.to_pydatetime(), column.format) for stamp in made]


def _codes(texts: pd.Series, place: int) -> list[Any]:
    """Texts of the shape that most values have: a capital letter for a capital letter, a digit for a digit."""
    present = texts.dropna()
    sample = present.iloc[:: max(1, len(present) // SAMPLED)]
    shapes = Counter(_shape(text[:LONGEST]) for text in sample)
    if not shapes:
        return [None] * ROWS
    shape = shapes.most_common(1)[0][0]
    chance = np.random.default_rng(place)
    return [_filled(shape, chance) for _ in range(ROWS)]


def _shape(text: str) -> str:
    lower = re.sub(r"[^\W\d_A-Z]", "a", text)
    return re.sub(r"\d", "0", re.sub(r"[A-Z]", "A", lower))


def _filled(shape: str, chance: np.random.Generator) -> str:
    digits, letters = chance.integers(0, 10, len(shape)), chance.integers(0, len(LETTERS), len(shape))
    made = {
        "0": lambda place: str(digits[place]),
        "a": lambda place: LETTERS[letters[place]],
        "A": lambda place: LETTERS[letters[place]].upper(),
    }
    return "".join(made[sign](place) if sign in made else sign for place, sign in enumerate(shape))
