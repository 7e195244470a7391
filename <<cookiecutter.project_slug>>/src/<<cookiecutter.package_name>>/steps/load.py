"""Load: read a table from a file, a URL or a database."""

import importlib
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

import fsspec
import numpy as np
import pandas as pd

from ..errors import UserError, nearest
from .read_csv import Bounds, csv_options, opened_text, options_of, read_csv, renamed
from .reading.dialect import dialect_of
from .reading.encodings import Unreadable
from .reading.sheets import Sheet, sheet_of
from .typing.blanks import USUAL, with_numbers
from .typing.cells import over_texts

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".jsonl", ".ndjson", ".json", ".xlsx", ".xls")
DATABASES = (".db", ".sqlite", ".sqlite3")
DIALECTS = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake", "bigquery")
EXTRAS = {"openpyxl": "excel", "pyarrow": "parquet", "sqlalchemy": "sql"}
AS_WRITTEN = {"convert_dates": False, "dtype": False, "convert_axes": False}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip")


def load(
    source: str,
    read: dict[str, Any] | None = None,
    missing: list[str] | None = None,
    known: Sequence[str] = (),
) -> pd.DataFrame:
    """The table at `source`, names and texts stripped, missing values marked.

    Parameters
    ----------
    source : a path or a URL (whatever fsspec opens, or SQLAlchemy for a database). The ending says what it is.
    read : further arguments for pandas' reader; for a database, `query` or `table`.
    missing : texts that stand for a missing value; the usual ones if None.
    known : the columns that training saw beside the target, in order: those of a table without a header.

    Raises
    ------
    UserError
        If there is nothing there, if it is not what its ending says, or if two columns share a name.
    """
    missing = with_numbers(USUAL if missing is None else missing)
    with _explained(source):
        return tidy(_read(source, dict(read or {}), missing, known), source, missing)


def load_bytes(
    body: bytes,
    suffix: str,
    read: dict[str, Any] | None = None,
    missing: list[str] | None = None,
    bounds: Bounds | None = None,
    known: Sequence[str] = (),
) -> pd.DataFrame:
    """Read a table from bytes as `load` reads it from a file.

    Parameters
    ----------
    body : bytes
        The content of the file.
    suffix : str
        How the name of such a file ends, such as ".csv".
    read : dict, default=None
        Further arguments for pandas' reader.
    missing : list of str, default=None
        Texts that stand for a missing value; the usual ones if None.
    bounds : Bounds, default=None
        What a table of CSV may hold.
    known : sequence of str, default=()
        The columns that training saw beside the target, in order: those of a table without a header.

    Raises
    ------
    TooLarge
        If a table of CSV holds more. This is found out before the table is built.
    UserError
        If the table cannot be read.
    """
    missing = with_numbers(USUAL if missing is None else missing)
    source = f"body{suffix}"
    with _explained(source):
        file = io.BytesIO(body)
        if suffix == ".csv":
            frame = read_csv(file, suffix, dict(read or {}), missing, bounds, known)
            return tidy(frame, source, missing, bounds)
        return tidy(_read_file(file, source, suffix, dict(read or {}), missing, known), source, missing)


def load_parts(
    source: str, read: dict[str, Any] | None, missing: list[str] | None, rows: int, known: Sequence[str] = ()
) -> Iterator[pd.DataFrame]:
    """The table at `source` in parts of so many rows, which `load` would give as one.

    CSV, JSON lines and Parquet are read part by part, whatever their size; of others the whole is read first. `known`
    are the columns that training saw beside the target, in order: those of a table without a header.
    """
    missing = with_numbers(USUAL if missing is None else missing)
    start = 0
    with _explained(source):
        for part in _read_parts(source, dict(read or {}), missing, rows, known):
            frame = tidy(part, source, missing)
            frame.index += start
            start += len(frame)
            yield frame


def decimal_of(read: dict[str, Any]) -> str | None:
    """Return the decimal mark that the owner's options for pandas' reader name or imply."""
    mark: str | None = read.get("decimal", {".": ",", ",": "."}.get(read.get("thousands", "")))
    return mark


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """What goes wrong while reading, as a sentence."""
    try:
        yield
    except UserError:
        raise
    except Unreadable as error:
        raise UserError(f"{source} {error}") from None
    except ImportError as error:
        extra = EXTRAS.get(str(error.name).partition(".")[0], "")
        how = f"add {extra!r} to the extras in pyproject.toml" if extra else "add it to pyproject.toml"
        raise UserError(f"reading {source} needs the package {error.name}: {how} and run `make setup`") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{source} cannot be read as {_suffix(source) or 'a database'}: {reason}") from error


def tidy(frame: pd.DataFrame, source: str, missing: list[str], bounds: Bounds | None = None) -> pd.DataFrame:
    """Strip names and texts, mark missing values, and count the rows from 0.

    Parameters
    ----------
    frame : DataFrame
        A table as a reader returns it.
    source : str
        What messages call the table.
    missing : list of str
        Texts that stand for a missing value.
    bounds : Bounds, default=None
        Which columns are kept; all if None.

    Raises
    ------
    UserError
        If two columns share a name, or there are no rows.
    """
    names = [str(name).strip() for name in frame.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise UserError(f"{source}: two columns are called {twice[0]!r}; give each column a name of its own")
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()  # A Parquet file may keep columns in its index.
        names = [str(name).strip() for name in frame.columns]
    if frame.empty:
        raise UserError(f"{source} has no rows")
    frame.columns = pd.Index(names)
    if bounds is not None:
        others = [name for name in names if name not in bounds.known]
        frame = frame.drop(columns=others[bounds.others :])
    is_text = np.array([not _is_typed(dtype) for dtype in frame.dtypes], dtype=bool)
    # Not column by column in place: that takes time that grows with the square of their number.
    columns = dict(frame.loc[:, is_text].items())
    plain = {name: values for name, values in columns.items() if values.dtype == "str"}
    mixed = {name: _strip(values, missing) for name, values in columns.items() if name not in plain}
    texts = mixed | over_texts(plain, lambda values: _strip(values, missing))
    tidied = pd.concat([frame.loc[:, ~is_text], pd.DataFrame(texts, index=frame.index)], axis=1)
    return tidied[frame.columns].reset_index(drop=True)


def _is_typed(dtype: Any) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_datetime64_any_dtype(dtype)


def options_for(source: str, read: dict[str, Any] | None, origin: Any) -> dict[str, Any]:
    """Return the options for pandas' reader if a table is of the same kind as the one that they were written for."""
    kinds = [_suffix(one) if isinstance(one, str) else "" for one in (source, origin)]
    kinds = [".csv" if kind in (".tsv", ".txt") else kind for kind in kinds]
    return dict(read or {}) if kinds[0] == kinds[1] else {}


def _read(source: str, read: dict[str, Any], missing: list[str], known: Sequence[str] = ()) -> pd.DataFrame:
    suffix = _suffix(source)
    if suffix in DATABASES or source.partition("://")[0].partition("+")[0] in DIALECTS:
        return _read_sql(source, read)
    with _opened(source, suffix) as file:
        return _read_file(file, source, suffix, read, missing, known)


def _read_parts(
    source: str, read: dict[str, Any], missing: list[str], rows: int, known: Sequence[str]
) -> Iterator[pd.DataFrame]:
    suffix = _suffix(source)
    if suffix in (".csv", ".tsv", ".txt"):
        with _opened(source, suffix) as file:
            dialect = dialect_of(file, suffix, read, known)
            options = csv_options(dialect, read, missing)
            with opened_text(file, dialect) as text, pd.read_csv(text, **options | {"chunksize": rows}) as parts:
                yield from (renamed(part, read) for part in parts)
    elif suffix in (".jsonl", ".ndjson"):
        with _opened(source, suffix) as file:
            if read:
                options = {**AS_WRITTEN, **options_of(pd.read_json, read)}
                with pd.read_json(file, lines=True, chunksize=rows, **options) as lines:
                    yield from lines
            else:
                yield from _json_lines(file, rows)
    elif suffix == ".parquet":
        from pyarrow.parquet import ParquetFile

        with _opened(source, suffix) as file:
            for batch in ParquetFile(file).iter_batches(rows, columns=read.get("columns")):
                yield batch.to_pandas(integer_object_nulls=True)
    else:
        whole = _read(source, read, missing, known)
        yield from (whole.iloc[start : start + rows] for start in range(0, max(len(whole), 1), rows))


@contextmanager
def _opened(source: str, suffix: str) -> Iterator[IO[bytes]]:
    if suffix not in SUFFIXES:
        raise UserError(
            f"{source}: files that can be read end in {', '.join((*SUFFIXES, *DATABASES))}, perhaps compressed"
        )
    try:
        with fsspec.open(source, "rb", compression="infer") as file:
            yield file
    except (FileNotFoundError, IsADirectoryError):
        folder = Path(source).parent
        found = [str(folder / one.name) for one in folder.iterdir()] if folder.is_dir() else []
        hint = nearest(source, [one for one in found if not one.endswith((".dvc", ".gitignore", ".md"))])
        pull = "; `dvc pull` fetches it" if Path(f"{source}.dvc").exists() else hint
        raise UserError(f"there is no file {source}{pull}", "data.yaml", "source") from None


def _read_file(
    file: IO[bytes], source: str, suffix: str, read: dict[str, Any], missing: list[str], known: Sequence[str]
) -> pd.DataFrame:
    if suffix in (".csv", ".tsv", ".txt"):
        return read_csv(file, suffix, read, missing, known=known)
    head = file.read(1)
    if not head:
        raise UserError(f"{source} is empty")
    file.seek(0)
    if suffix in (".parquet", ".feather"):
        importlib.import_module("pyarrow")  # pandas does not say which package is missing
        reader: Callable[..., pd.DataFrame] = pd.read_parquet if suffix == ".parquet" else pd.read_feather
        exact = {"to_pandas_kwargs": {"integer_object_nulls": True}} if suffix == ".parquet" else {}
        return reader(file, **exact | options_of(reader, read))
    if suffix in (".xlsx", ".xls"):
        return _read_excel(file, suffix, read, missing, known)
    lines = suffix != ".json" or head != b"["
    if lines and not read:
        return pd.concat(_json_lines(file, None))
    return pd.read_json(file, **{"lines": lines, **AS_WRITTEN, **options_of(pd.read_json, read)})


def _json_lines(file: IO[bytes], rows: int | None) -> Iterator[pd.DataFrame]:
    """The rows of JSON lines in parts; integers stay exact beside what is missing, and texts stay texts."""
    lines = (line for line in io.TextIOWrapper(file, encoding="utf-8-sig") if line.strip())
    while part := [json.loads(line) for line in itertools.islice(lines, rows)]:
        yield pd.DataFrame(part, dtype=object)


def _read_excel(
    file: IO[bytes], suffix: str, read: dict[str, Any], missing: list[str], known: Sequence[str]
) -> pd.DataFrame:
    # As objects, a column of whole numbers stays one where a cell is missing.
    options: dict[str, Any] = {"na_values": missing, "keep_default_na": False, "dtype": object}
    sheet: Sheet | None = None
    if suffix == ".xlsx":
        importlib.import_module("openpyxl")  # pandas does not say which package is missing
        sheet = sheet_of(file, read, known)
        file.seek(0)
    options |= options_of(pd.read_excel, read)
    if sheet is not None and sheet.names is not None:
        options |= {"sheet_name": sheet.name, "header": None, "skiprows": sheet.start}
        frame = pd.read_excel(file, **options)
        if len(frame.columns) < len(sheet.names):
            raise Unreadable("has no rows below its header")
        return frame.iloc[:, : len(sheet.names)].set_axis(sheet.names, axis=1)
    return renamed(pd.read_excel(file, **options), read)


def _read_sql(source: str, read: dict[str, Any]) -> pd.DataFrame:
    import sqlalchemy

    url = source if "://" in source else f"sqlite:///{source}"
    place = url.removeprefix("sqlite:///")
    if url.startswith("sqlite:///") and not Path(place).exists():
        raise UserError(f"there is no file {place}", "data.yaml", "source")
    unknown = set(read) - {"query", "table"}
    if unknown:
        raise UserError(f"a database takes 'query' or 'table', not {sorted(unknown)[0]!r}", "data.yaml", "read")
    engine = sqlalchemy.create_engine(url)
    try:
        if "query" in read:
            return pd.read_sql_query(sqlalchemy.text(read["query"]), engine)
        tables = sqlalchemy.inspect(engine).get_table_names()
        table = read.get("table", tables[0] if len(tables) == 1 else None)
        if table not in tables:
            example = (tables or ["name"])[0]
            hint = nearest(table, tables)
            raise UserError(f"name the table, e.g. `read: {{table: {example}}}`{hint}", "data.yaml", "read")
        return pd.read_sql_table(table, engine)
    finally:
        engine.dispose()


def _suffix(source: str) -> str:
    path = source.split("?")[0] if "://" in source else source
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    while suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _strip(values: pd.Series, missing: list[str]) -> pd.Series:
    if values.dtype == "str":
        texts = values.str.strip()
        return texts.mask(texts.isin([*missing, ""]))
    stripped = values.map(lambda one: one.strip() if isinstance(one, str) else one, na_action="ignore")
    return stripped.where(~stripped.isin([*missing, ""]), None)
