"""Parquet from strangers: a few kilobytes of it can hold gigabytes, so that its size is known before it is decoded."""

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.parquet import ColumnChunkMetaData, ParquetFile

from .page_headers import Page, read_pages

MOST_PAGES = 20_000
MOST_FOOTER = 100_000  # items of one list in the footer
WIDEST = 32  # bytes of a number of fixed length: a decimal of 76 digits
# By its encoding a text may repeat the beginning of the one before, at no cost in the file.
DELTA_BYTE_ARRAY = 7
# A column so encoded cannot be decoded into a dictionary, and need not be: a text takes as much in the file.
DELTA_LENGTH_BYTE_ARRAY = 6
MODERN = re.compile(r"parquet-mr version 1\.(\d\d|[3-9])")


class BadParquet(Exception):
    """A file that is not read.

    Parameters
    ----------
    reason : str
        What is wrong with it.
    column : str, default=None
        The column that is the reason.
    too_large : bool, default=False
        Whether it holds more than is allowed.
    """

    def __init__(self, reason: str, column: str | None = None, too_large: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.column, self.too_large = reason, column, too_large


@dataclass(frozen=True)
class ParquetBounds:
    """What a file may hold.

    Parameters
    ----------
    rows, columns : int
        The most rows and columns.
    size : int
        Bytes of the columns that are read, unpacked, and of their texts, each as often as it occurs.
    """

    rows: int
    columns: int
    size: int


def read_parquet(body: bytes, known: Collection[str], bounds: ParquetBounds) -> tuple[pd.DataFrame, list[str]]:
    """Read the known columns of a Parquet file.

    Parameters
    ----------
    body : bytes
        The file.
    known : collection of str
        Columns to read; others are not decoded.
    bounds : ParquetBounds
        What the file may hold.

    Returns
    -------
    The table of the known columns, and the names of the others.

    Raises
    ------
    BadParquet
        If it is not a Parquet file, holds too much, or a known column holds what is no value of a table.
    """
    try:
        file = ParquetFile(io.BytesIO(body), thrift_container_size_limit=MOST_FOOTER, arrow_extensions_enabled=False)
        _check_counts(file, bounds)
        fields = file.schema_arrow
    except BadParquet:
        raise
    except Exception:
        raise BadParquet("the body is not a Parquet file") from None
    if not file.metadata.num_rows:
        raise BadParquet("the body has no rows")
    names = [name.strip() for name in fields.names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadParquet("two columns have this name", _printable(twice[0]))
    wanted = {original: name for original, name in zip(fields.names, names, strict=True) if name in known}
    for original, name in wanted.items():
        if not _is_plain(fields.field(original).type):
            raise BadParquet(f"values of the type {str(fields.field(original).type)[:40]} are not read", name)
    repeating = _check_pages(file, body, wanted, bounds)
    try:
        columns = _decode(body, file, wanted, repeating, bounds)
    finally:
        pa.default_memory_pool().release_unused()
    rows = file.metadata.num_rows
    if any(len(values) != rows for values in columns.values()):
        raise BadParquet("the body is not a Parquet file: its columns differ in length")
    return pd.DataFrame(columns, index=range(rows)), [_printable(name) for name in names if name not in known]


def _check_counts(file: ParquetFile, bounds: ParquetBounds) -> None:
    about = file.metadata
    if about.num_columns > bounds.columns:
        raise BadParquet(f"{about.num_columns:,} columns are too many; {bounds.columns:,} are allowed", too_large=True)
    if about.num_row_groups > MOST_PAGES:
        raise BadParquet(f"{about.num_row_groups:,} row groups are too many", too_large=True)
    rows = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
    if max(about.num_rows, sum(rows)) > bounds.rows:
        raise BadParquet(
            f"{max(about.num_rows, sum(rows)):,} rows are too many for one request; {bounds.rows:,} are allowed",
            too_large=True,
        )
    if min(rows, default=0) < 0 or sum(rows) != about.num_rows:
        raise BadParquet("the body is not a Parquet file: its counts of rows differ")


def _check_pages(file: ParquetFile, body: bytes, wanted: dict[str, str], bounds: ParquetBounds) -> list[str]:
    """Refuse columns whose pages would become too large, by the headers that the decoder will follow.

    Returns
    -------
    The columns in which a text may be stored once for many rows.
    """
    about, view = file.metadata, memoryview(body)
    if str(about.created_by).startswith("parquet-mr") and not MODERN.match(about.created_by):
        # The decoder reads beyond the columns of such files.
        raise BadParquet("files of parquet-mr before version 1.3 are not read")
    size = count = 0
    repeating = []
    for number in range(about.num_columns):
        leaf = about.schema.column(number)
        if leaf.path not in wanted:
            continue
        name = wanted[leaf.path]
        if leaf.physical_type == "FIXED_LEN_BYTE_ARRAY" and leaf.length > WIDEST:
            raise BadParquet(f"values of {leaf.length:,} bytes are not read", name)
        encodings: set[int] = set()
        for group in range(about.num_row_groups):
            pages = _pages(about.row_group(group).column(number), view, MOST_PAGES - count, name)
            encodings |= {page.encoding for page in pages if not page.is_dictionary}
            size, count = size + sum(page.size for page in pages), count + len(pages)
            if size > bounds.size:
                raise BadParquet("the file is too large when it is unpacked", name, too_large=True)
        if DELTA_BYTE_ARRAY in encodings or (DELTA_LENGTH_BYTE_ARRAY in encodings and len(encodings) > 1):
            raise BadParquet("the column's encoding is not read; write it with PLAIN or RLE_DICTIONARY", name)
        if DELTA_LENGTH_BYTE_ARRAY not in encodings:
            repeating.append(leaf.path)
    return repeating


def _pages(chunk: ColumnChunkMetaData, body: memoryview, most: int, name: str) -> list[Page]:
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    end = start + chunk.total_compressed_size
    if not 0 <= start <= end <= len(body):
        raise BadParquet("the body is not a Parquet file: a column lies outside it", name)
    try:
        pages = read_pages(body, start, end, most)
    except ValueError as error:
        raise BadParquet(f"the column cannot be decoded: {error}", name) from None
    # A dictionary is allocated for as many values as its header says.
    if any(page.is_dictionary and page.values > page.size for page in pages):
        raise BadParquet("the column cannot be decoded: its dictionary is damaged", name)
    return pages


def _decode(
    body: bytes, file: ParquetFile, wanted: dict[str, str], repeating: list[str], bounds: ParquetBounds
) -> dict[str, pd.Series]:
    """Decode columns; repeated texts stay one text each until the size of all is known."""
    options = {"metadata": file.metadata, "read_dictionary": repeating, "arrow_extensions_enabled": False}
    packed = ParquetFile(io.BytesIO(body), **options)
    columns, size = {}, 0
    for original, name in wanted.items():
        with _naming(name):
            columns[name] = packed.read([original], use_threads=False).column(original)
            size += sum(_size(chunk) for chunk in columns[name].chunks)
        if size > bounds.size:
            raise BadParquet("the texts are too large when they are unpacked", name, too_large=True)
    found = {}
    for name, values in columns.items():
        with _naming(name):
            found[name] = _to_pandas(values)
    return found


def _to_pandas(values: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    values.validate(full=True)
    if pa.types.is_timestamp(values.type) and values.type.unit in ("s", "ms"):
        values = values.cast(pa.timestamp("us", values.type.tz))  # fails where a date is too far away
    return values.to_pandas(integer_object_nulls=True)


@contextmanager
def _naming(column: str) -> Iterator[None]:
    """Name the column that cannot be decoded."""
    try:
        yield
    except Exception as error:
        reason = _printable(" ".join(str(error).split()))
        raise BadParquet(f"the column cannot be decoded: {reason}", column) from None


def _size(chunk: pa.Array) -> int:
    """Return how many bytes the texts of a column take, each as often as it occurs."""
    if not pa.types.is_dictionary(chunk.type):
        return int(chunk.nbytes)
    chunk.dictionary.validate(full=True)
    kind = chunk.dictionary.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        return 0
    lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(chunk.indices)).as_py() or 0)


def _is_plain(kind: pa.DataType) -> bool:
    """Whether values of a type are numbers, texts, truth values or dates."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    plain: list[Callable[[pa.DataType], bool]] = [
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_date,
        pa.types.is_timestamp,
        pa.types.is_null,
    ]
    return any(fits(kind) for fits in plain)


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()[:100]
