"""Cells as text: one value has one text, whether it arrives as text, as a number or as a boolean."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

TRUTH = {"true": 1.0, "false": 0.0}
WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)(\.0*)?")
DECIMAL = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
FEW = 64  # rows for which lists are faster than arrays
CELLS_AT_ONCE = 500_000
SCALARS = (str, bool, int, float, np.generic)


def to_text(values: pd.Series, numbers: bool = False, width: int | None = None, blank: str | None = None) -> pd.Series:
    """Return a column as text.

    Parameters
    ----------
    values : pd.Series of shape (rows,)
        Cells of any type. Lists, mappings and bytes count as missing.
    numbers : bool, default=False
        Write numbers and truth values in one way, so that `1`, `1.0` and `"1.0"` are one category.
    width : int, optional
        The digits of a code with leading zeros, which a whole number has lost: 7 becomes `"007"` for a width of 3.
    blank : str, optional
        The category that a missing cell stands for, such as `"None"`.

    Returns
    -------
    pd.Series of dtype str and shape (rows,)
    """
    if values.dtype == "str" and (not numbers or len(values) > FEW):
        found = _canonical_texts(values) if numbers else values
    else:
        texts = [cell_text(cell, numbers, width) for cell in _cells(values)]
        found = pd.Series(pd.array(objects(texts), dtype="str"), values.index, name=values.name)
    return found if blank is None else found.fillna(blank)


def cell_text(cell: Any, numbers: bool = False, width: int | None = None) -> str | None:
    """Return one cell as text, or None where it is missing or not a single value; see `to_text`."""
    if cell is None:
        return None
    if isinstance(cell, str):
        return canonical(cell) if numbers else cell
    if not is_scalar(cell):
        return None
    if isinstance(cell, bool | np.bool_):
        return str(bool(cell))
    if isinstance(cell, float | np.floating):
        if not np.isfinite(cell):
            return None if np.isnan(cell) else str(float(cell))
        if not float(cell).is_integer():
            return str(cell)
        cell = int(cell)
    text = str(cell)
    return text.zfill(width) if width and text.isdigit() else text


def canonical(text: str) -> str:
    """Return the one way to write a number or a truth value; any other text, and a code such as 007, as it is."""
    if text.lower() in TRUTH:
        return text.capitalize()
    if WHOLE.fullmatch(text):
        digits = text.partition(".")[0].removeprefix("+")
        return "0" if digits == "-0" else digits
    if DECIMAL.fullmatch(text):
        number = float(text)
        if np.isfinite(number):
            return str(int(number)) if number.is_integer() else str(number)
    return text


def over_texts(columns: Mapping[Any, pd.Series], change: Callable[[pd.Series], pd.Series]) -> dict[Any, pd.Series]:
    """Return columns of text of equal length with each cell changed, many short columns at a time.

    What pandas does to a column costs the same for a hundred cells as for one, which tells in a table of thousands of
    columns.

    Parameters
    ----------
    columns : mapping of name to pd.Series of dtype str and shape (rows,)
    change : callable
        It turns cells into as many others, each by itself.
    """
    found: dict[Any, pd.Series] = {}
    names = list(columns)
    rows = len(columns[names[0]]) if names else 0
    at_once = max(1, CELLS_AT_ONCE // max(rows, 1))
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        if len(some) == 1:
            found[some[0]] = change(columns[some[0]])
            continue
        changed = change(pd.concat([columns[name] for name in some], ignore_index=True)).array
        for place, name in enumerate(some):
            part = changed[place * rows : (place + 1) * rows]
            found[name] = pd.Series(part, columns[name].index, name=columns[name].name)
    return found


def is_scalar(cell: Any) -> bool:
    """Return whether a cell is a single value: no list, mapping, array or bytes."""
    if isinstance(cell, SCALARS):
        return True
    return not isinstance(cell, bytes | bytearray | memoryview) and bool(pd.api.types.is_scalar(cell))


def is_empty(cells: np.ndarray) -> np.ndarray:
    """Return which of an array's cells are missing, shape (rows,)."""
    return np.asarray(pd.isna(cells))


def objects(values: list[Any]) -> np.ndarray:
    """Return an array of exactly these objects, even where they are lists."""
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _cells(values: pd.Series) -> list[Any]:
    """Return a column as Python objects; single precision keeps its own short text."""
    if values.dtype in ("float32", "float16"):
        return [None if cell != cell else float(str(cell)) for cell in values.to_numpy()]
    cells = values.to_numpy(dtype=object)
    return [None if empty else cell for cell, empty in zip(cells, is_empty(cells), strict=True)]


def _canonical_texts(values: pd.Series) -> pd.Series:
    codes, texts = pd.factorize(values)
    known = texts.tolist()
    written = [canonical(text) for text in known]
    if written == known:
        return values
    return pd.Series(pd.array([*written, None], dtype="str").take(codes), values.index, name=values.name)
