"""Read CSV with pandas: which arguments the file, its owner and the bounds of a request ask for."""

import inspect
import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import pandas as pd

from ..errors import UserError, nearest
from .reading.dialect import SEPARATORS, Dialect, dialect_of, first_lines
from .reading.header import numbered

# Options of pandas' reader with which the owner decides on types.
TYPED = {"dtype", "converters", "parse_dates", "true_values", "false_values"}
# What the dialect decides, whether it is found or given.
DECIDED = {"delimiter", "encoding", "encoding_errors", "sep"}
# What pandas' readers take that is no matter of how a table is written: the file itself, and how much of it at a time.
NOT_OPTIONS = {
    "chunksize",
    "filepath_or_buffer",
    "io",
    "iterator",
    "memory_map",
    "path",
    "path_or_buf",
    "storage_options",
}
QUOTED = re.compile('"[^"]*"')


@dataclass(frozen=True)
class Bounds:
    """What a table that somebody sends may hold.

    Parameters
    ----------
    rows, columns : int
        The most rows and columns.
    cells : int
        The most cells, also those that short lines leave out.
    known : frozenset of str
        Names of the columns that matter.
    others : int
        How many of the other columns are kept, the first ones.
    """

    rows: int
    columns: int
    cells: int
    known: frozenset[str]
    others: int


class TooLarge(UserError):
    """A table that exceeds its bounds."""


def read_csv(
    file: IO[bytes],
    suffix: str,
    read: dict[str, Any],
    missing: list[str],
    bounds: Bounds | None = None,
    known: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a file of CSV as it is written; the arguments are those of `load_bytes`.

    Raises
    ------
    TooLarge
        If it holds more than `bounds`, which is found out before the table is built.
    """
    if bounds is not None:
        _check_width(file, read, bounds)
    dialect = dialect_of(file, suffix, read, known)
    options = csv_options(dialect, read, missing)
    if bounds is not None:
        options |= _check_cells(file, dialect.rows, read, bounds)
    with warnings.catch_warnings(), opened_text(file, dialect) as text:
        warnings.simplefilter("ignore", pd.errors.ParserWarning)
        return renamed(pd.read_csv(text, **options), read)


@contextmanager
def opened_text(file: IO[bytes], dialect: Dialect) -> Iterator[IO[str]]:
    """The text of a file below its titles and its header."""
    file.seek(0)
    text = io.TextIOWrapper(file, dialect.encoding, dialect.errors, newline="")
    try:
        for _ in range(dialect.start):
            text.readline()
        yield text
    finally:
        text.detach()


def csv_options(dialect: Dialect, read: dict[str, Any], missing: list[str]) -> dict[str, Any]:
    """Return the arguments for pandas' reader: as the file is written, overruled by `read`."""
    options: dict[str, Any] = {
        "sep": dialect.separator,
        "na_values": missing,
        "keep_default_na": False,
        "skipinitialspace": True,
        "low_memory": False,
    }
    # Cells stay as they are written: the schema says what they mean, whatever the other rows hold.
    options |= {} if TYPED & read.keys() else {"dtype": str}
    options |= {key: value for key, value in options_of(pd.read_csv, read).items() if key not in DECIDED}
    if dialect.names is not None:
        skipped = read.get("skiprows") or 0
        later = [] if isinstance(skipped, int) else [one - dialect.start for one in skipped if one >= dialect.start]
        options |= {"header": None, "names": dialect.names} | ({"skiprows": later} if later else {})
        options |= {"index_col": False} if dialect.trailing else {}
    elif "skiprows" in options and dialect.start and isinstance(options["skiprows"], int):
        options["skiprows"] = max(0, options["skiprows"] - dialect.start)
    return options


def renamed(frame: pd.DataFrame, read: dict[str, Any]) -> pd.DataFrame:
    """Name the columns of a table that is read without a header `column_1`, `column_2`, ..."""
    if read.get("header", 0) is None and "names" not in read and all(isinstance(one, int) for one in frame.columns):
        return frame.set_axis(numbered(len(frame.columns)), axis=1)
    return frame


def options_of(reader: Callable[..., Any], read: dict[str, Any]) -> dict[str, Any]:
    """`read` itself, if the reader takes all of it."""
    names = [name for name in inspect.signature(reader).parameters if name not in NOT_OPTIONS]
    for name in NOT_OPTIONS & read.keys():
        raise UserError(f"{name!r} says nothing of how the table is written: leave it out", "data.yaml", "read", name)
    for name in read:
        if name not in names:
            raise UserError(
                f"pandas.{reader.__name__} takes no {name!r}{nearest(name, names)}", "data.yaml", "read", name
            )
    return read


def _check_width(file: IO[bytes], read: dict[str, Any], bounds: Bounds) -> None:
    """Refuse lines of too many cells, before anything cuts them into cells."""
    given = read.get("sep") or read.get("delimiter")
    lines = first_lines(file, "latin-1")[:200]  # whatever the encoding is, a separator is ASCII
    file.seek(0)
    for line in lines:
        if len(line) > bounds.columns:
            outside = QUOTED.sub("", line)
            width = 1 + max(outside.count(separator) for separator in ([given] if given else SEPARATORS))
            if width > bounds.columns:
                raise TooLarge(f"{width:,} columns are too many for one request; {bounds.columns:,} are allowed")


def _check_cells(file: IO[bytes], rows: list[list[str]], read: dict[str, Any], bounds: Bounds) -> dict[str, Any]:
    """Refuse a table of too many cells; return the argument with which pandas reads no more rows than allowed."""
    file.seek(0)
    ends = sum(block.count(b"\n") + block.count(b"\r") for block in iter(lambda: file.read(1 << 20), b""))
    # Lines may be shorter than the header: the table has the cells that they leave out.
    if min(ends, bounds.rows) * max(map(len, rows), default=1) > bounds.cells:
        raise TooLarge(f"{bounds.cells:,} cells are allowed for one request: send fewer rows or columns")
    return {} if read.get("skipfooter") else {"nrows": bounds.rows + 1}
