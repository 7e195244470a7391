"""Bodies of requests as tables: JSON, CSV and Parquet, from whoever sends them."""

import importlib.util
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from fastapi import Request
from starlette.requests import ClientDisconnect

from ...errors import UserError
from ...schema import Schema
from ...steps.load import load_bytes, tidy
from ...steps.read_csv import Bounds, TooLarge
from ...steps.typing.blanks import USUAL, with_numbers

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
# Parquet needs the extra `parquet`.
TYPES = (JSON, CSV, PARQUET) if importlib.util.find_spec("pyarrow") else (JSON, CSV)
MOST_EXTRA = 20  # columns that training did not see, and that are told back
MOST_COLUMNS = 10_000  # beside those that training saw
LARGEST = 2**63
UNPACKED = 10  # how many times larger than its limit a body may become when it is unpacked
SMALL = 16_384  # bytes of a body that costs next to nothing
QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)


class Aborted(Exception):
    """The client has gone before its request was there."""


class BadBody(Exception):
    """A body that cannot be read, with the status and the place: row (from 1), column and reason."""

    def __init__(self, status: int, reason: str, row: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.row, self.column = status, reason, row, column


class Received:
    """Bodies that the service holds: together they may not exceed a number of bytes.

    A body counts from its first byte until its request is answered. Small ones do not count.

    Parameters
    ----------
    most : int
        Bytes of all bodies together.
    """

    def __init__(self, most: int) -> None:
        self.most, self.held = most, 0

    @asynccontextmanager
    async def body(self, request: Request, limit: int) -> AsyncIterator[bytes]:
        """Receive the body of a request, and hold it while the context lasts.

        Parameters
        ----------
        request : Request
            The request.
        limit : int
            Bytes that a body may have.

        Raises
        ------
        BadBody
            If the body is too large, or the service holds too many.
        Aborted
            If the client has gone.
        """
        said = request.headers.get("content-length", "")
        if said.isascii() and said.isdigit() and (len(said) > 18 or int(said) > limit):
            raise BadBody(413, f"the body is larger than {limit:,} bytes")
        parts, size, counted = [], 0, 0
        try:
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise BadBody(413, f"the body is larger than {limit:,} bytes")
                if size > SMALL:
                    self.held, counted = self.held + size - counted, size
                    if self.held > self.most:
                        raise BadBody(503, "the service is busy with large requests; try again later")
                parts.append(part)
            yield b"".join(parts)
        except ClientDisconnect:
            raise Aborted from None
        finally:
            self.held -= counted


def table(
    body: bytes, kind: str, schema: Schema, data: Mapping[str, Any], max_rows: int, max_bytes: int
) -> pd.DataFrame:
    """Read the rows of a body as they would be read from a file.

    Parameters
    ----------
    body : bytes
        The body of a request.
    kind : str
        One of `TYPES`.
    schema : Schema
        The schema of the rows that the model learned from.
    data : mapping
        `read` and `missing` of `params/data.yaml`.
    max_rows, max_bytes : int
        What a request may hold; unpacked, it may have `UNPACKED` times as many bytes.

    Raises
    ------
    BadBody
        If it cannot be read, or holds too much.
    """
    if kind == JSON:
        return frame_of(parsed(body, max_rows), schema, max_rows)
    known = {*schema.targets, *(column.name for column in schema.columns)}
    columns, seen = MOST_COLUMNS + len(known), [column.name for column in schema.columns]
    try:
        if kind == CSV:
            bounds = Bounds(max_rows, columns, max(max_bytes, columns), frozenset(known), MOST_EXTRA)
            frame = load_bytes(body, ".csv", data.get("read"), data.get("missing"), bounds, seen)
            extra = [str(name) for name in frame if name not in known]
        else:
            packed, extra = _from_parquet(body, known, max_rows, columns, UNPACKED * max_bytes)
            frame = tidy(packed, "the body", with_numbers(USUAL if data.get("missing") is None else data["missing"]))
    except TooLarge as error:
        raise BadBody(413, error.message) from None
    except UserError as error:
        raise BadBody(400, error.message) from None
    if len(frame) > max_rows:
        raise BadBody(413, f"there are more than {max_rows:,} rows, which are allowed for one request")
    # Of columns that mean nothing it matters that they are there.
    shown = [_text(name) for name in extra[:MOST_EXTRA]]
    return frame[[name for name in frame if name in known]].assign(**dict.fromkeys(shown))


def _from_parquet(
    body: bytes, known: set[str], max_rows: int, max_columns: int, max_bytes: int
) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that training knows, and the names of the others."""
    from .decoding import decoder  # pyarrow is an extra of the service
    from .parquet import BadParquet, ParquetBounds

    try:
        return decoder.read(body, known, ParquetBounds(max_rows, max_columns, max_bytes))
    except BadParquet as bad:
        status = 413 if bad.too_large else 422 if bad.column else 400
        raise BadBody(status, bad.reason, column=bad.column) from None


def parsed(body: bytes, max_rows: int) -> Any:
    """Return what a body of JSON holds.

    Raises
    ------
    BadBody
        If it is no JSON, says something twice, or has more objects and lists than so many rows can have.
    """
    _count(body, max_rows)
    try:
        return json.loads(body, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadBody(400, f"the body is no JSON: {reason[:200]}") from None


def frame_of(sent: Any, schema: Schema, max_rows: int) -> pd.DataFrame:
    """Return the rows of what a body of JSON holds: an object with the key `rows` or `columns`.

    Raises
    ------
    BadBody
        If it is something else, or has too many rows.
    """
    if not isinstance(sent, dict) or len(sent) != 1 or not {"rows", "columns"} & set(sent):
        raise BadBody(422, "an object is needed with the one key 'rows' or 'columns'")
    known = {*schema.targets, *(column.name for column in schema.columns)}
    if "rows" in sent:
        rows = sent["rows"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadBody(422, "'rows' needs a list of objects")
        count, names = len(rows), list(dict.fromkeys(name for row in rows for name in row))
    else:
        columns = sent["columns"]
        if not isinstance(columns, dict) or not all(isinstance(values, list) for values in columns.values()):
            raise BadBody(422, "'columns' needs an object of lists")
        lengths = {len(values) for name, values in columns.items() if name in known}
        if len(lengths) > 1:
            raise BadBody(422, "the lists of 'columns' differ in length")
        count, names = lengths.pop() if lengths else 0, list(columns)
    if not count:
        raise BadBody(422, "there are no rows")
    _limit(count, max_rows)
    # Of columns that mean nothing it matters that they are there.
    extra = [_text(name) for name in names if name not in known][:MOST_EXTRA]
    cells: dict[str, list[Any] | None] = dict.fromkeys(extra)
    for name in names:
        if name in known:
            values = [row.get(name) for row in rows] if "rows" in sent else columns[name]
            cells[name] = [_cell(value, row, name) for row, value in enumerate(values)]
    filled = np.full((count, len(cells)), None, dtype=object)  # of objects, integers stay exact beside what is missing
    for position, values in enumerate(cells.values()):
        if values is not None:
            filled[:, position] = values
    return pd.DataFrame(filled, columns=_names(tuple(cells)), dtype=object, copy=False)


@lru_cache(maxsize=64)
def _names(names: tuple[str, ...]) -> pd.Index:
    """Return names of columns as an index, which takes pandas longer to make than a table of one row."""
    return pd.Index(names, dtype=None if names else object)


def _limit(rows: int, max_rows: int) -> None:
    if rows > max_rows:
        raise BadBody(413, f"{rows:,} rows are too many for one request; {max_rows:,} are allowed")


def _count(body: bytes, max_rows: int) -> None:
    """Refuse too many rows before they become objects, which are far larger than their text."""
    most = max_rows + MOST_COLUMNS
    if body.count(b"{") + body.count(b"[") <= most:
        return
    outside = QUOTED.sub(b"", body)
    if outside.count(b"{") + outside.count(b"[") > most:
        raise BadBody(413, f"there are more rows or columns than are allowed for one request ({max_rows:,} rows)")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members."""
    found = dict(pairs)
    if len(found) < len(pairs):
        name = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise BadBody(422, "an object has this name twice", column=_text(name)[:100])
    return found


def _cell(value: Any, row: int, name: str) -> Any:
    if isinstance(value, list | dict):
        raise BadBody(422, "a number, a text, true, false or null is needed", row + 1, name)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= LARGEST:
        return str(value) if abs(value) < 10**300 else float("inf")  # exact, where it is a code
    if isinstance(value, str):
        if _text(value) != value:
            raise BadBody(422, "the text is no Unicode", row + 1, name)
        return value.strip() or None
    return value


def _text(value: str) -> str:
    """A text without the halves of characters that JSON can hold and nothing can write."""
    return value.encode(errors="replace").decode()


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON; null is what is missing")
