"""Rows and categories that look like mistakes: a row of units, a row of totals, one class in two spellings."""

import pandas as pd

from ...schema import Column, Schema, convert

TOTALS = {"total", "totals", "grand total", "sum", "summe", "gesamt", "insgesamt", "totale", "subtotal", "average"}
LAST_ROWS = 3
MOST_COMPARED = 5000


def spellings(name: str, typed: pd.Series, column: Column) -> list[str]:
    """Return a note on categories that differ in case or spaces alone, such as Yes and yes."""
    if column.dtype != "category" or column.unique > MOST_COMPARED:
        return []
    known = column.categories or typed.dropna().unique().tolist()
    same: dict[str, list[str]] = {}
    for text in known:
        same.setdefault(" ".join(text.casefold().split()), []).append(text)
    found = [texts for texts in same.values() if len(texts) > 1]
    if not found:
        return []
    shown = "; ".join(", ".join(map(repr, sorted(texts)[:4])) for texts in found[:3])
    return [f"{name}: {shown} differ in case or spaces alone and are taken as different; make them one if they are"]


def odd_rows(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Return notes on a row of units under the header and on rows of totals at the end."""
    return [*_units(frame, schema), *_totals(frame)]


def _units(frame: pd.DataFrame, schema: Schema) -> list[str]:
    found = []
    for column in (*schema.columns, *schema.answers):
        cell = frame[column.name].iloc[0]
        if column.dtype == "number" and column.role != "ignore" and isinstance(cell, str):
            first = convert(frame[column.name].iloc[:1], column)
            if first.isna().all() and len(cell) <= 12:
                found.append(f"{column.name}: {cell!r}")
    if not found:
        return []
    return [
        f"row 1 looks like a row of units ({', '.join(found[:5])}): write `read: {{skiprows: [1]}}` in "
        "params/data.yaml to leave it out"
    ]


def _totals(frame: pd.DataFrame) -> list[str]:
    texts = [name for name in frame.columns if frame[name].dtype == "str" or frame[name].dtype == object]
    rows = []
    for row in frame.index[-LAST_ROWS:]:
        cells = [frame.at[row, name] for name in texts]
        words = [cell for cell in cells if isinstance(cell, str) and cell.strip(" :").casefold() in TOTALS]
        rows += [(row + 1, words[0])] if words else []
    if not rows:
        return []
    where = ", ".join(str(row) for row, _ in rows)
    return [
        f"row {where} looks like a total ({rows[0][1]!r}), not like one more case: leave it out of the file, or write "
        f"`read: {{skipfooter: {len(rows)}, engine: python}}` in params/data.yaml"
    ]
