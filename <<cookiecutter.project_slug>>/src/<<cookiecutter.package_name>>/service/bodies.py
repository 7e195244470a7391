"""Bodies of requests as tables: JSON, CSV and Parquet, from whoever sends them."""

import io
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
from pyarrow.parquet import ParquetFile

from ..errors import UserError
from ..schema import Schema
from ..steps.load import load_bytes

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
TYPES = (JSON, CSV, PARQUET)
MOST_EXTRA = 20  # columns that training did not see, and that are told back
LARGEST = 2**63
UNPACKED = 100  # how much larger than its limit a body may become when it is unpacked


class BadBody(Exception):
    """A body that cannot be read, with the status and the place: row (from 1), column and reason."""

    def __init__(self, status: int, reason: str, row: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.row, self.column = status, reason, row, column


def table(
    body: bytes, kind: str, schema: Schema, data: Mapping[str, Any], max_rows: int, max_bytes: int
) -> pd.DataFrame:
    """The rows of a body, as they would be read from a file.

    Parameters
    ----------
    kind : one of `TYPES`.
    data : `read` and `missing` of `params/data.yaml`.

    Raises
    ------
    BadBody
        If it cannot be read, or holds too much.
    """
    if kind == JSON:
        return _from_json(body, schema, max_rows)
    if kind == PARQUET:
        _look_into(body, max_rows, max_bytes)
    try:
        frame = load_bytes(body, ".csv" if kind == CSV else ".parquet", data.get("read"), data.get("missing"))
    except UserError as error:
        raise BadBody(400, error.message) from None
    _limit(len(frame), max_rows)
    return frame


def _from_json(body: bytes, schema: Schema, max_rows: int) -> pd.DataFrame:
    try:
        sent = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadBody(400, f"the body is no JSON: {reason[:200]}") from None
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
    cells: dict[str, list[Any]] = dict.fromkeys(extra, [None] * count)
    for name in names:
        if name in known:
            values = [row.get(name) for row in rows] if "rows" in sent else columns[name]
            cells[name] = [_cell(value, row, name) for row, value in enumerate(values)]
    return pd.DataFrame(cells, index=range(count), dtype=object)  # integers stay exact beside what is missing


def _limit(rows: int, max_rows: int) -> None:
    if rows > max_rows:
        raise BadBody(413, f"{rows:,} rows are too many for one request; {max_rows:,} are allowed")


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


def _look_into(body: bytes, max_rows: int, max_bytes: int) -> None:
    """Refuse a file that would not fit when it is unpacked."""
    try:
        about = ParquetFile(io.BytesIO(body)).metadata
        rows = about.num_rows
        size = sum(about.row_group(number).total_byte_size for number in range(about.num_row_groups))
    except Exception:
        raise BadBody(400, "the body is no Parquet file") from None
    _limit(rows, max_rows)
    if size > UNPACKED * max_bytes:
        raise BadBody(413, "the file is too large when it is unpacked")
