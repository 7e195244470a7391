"""Where a table may come from, and the names of its columns as far as the standard library can read them."""

import importlib
import importlib.util
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import IO, Any
from xml.etree import ElementTree

# The project's own reader, which needs nothing but the standard library.
PACKAGE = Path(__file__).resolve().parents[2] / "<<cookiecutter.project_slug>>/src/<<cookiecutter.package_name>>"
READING = PACKAGE / "steps" / "reading"

TEXTS = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson")
SUFFIXES = (*TEXTS, ".parquet", ".feather", *LINES, ".json", ".xlsx", ".xls", ".db", ".sqlite", ".sqlite3")
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip")

FILESYSTEMS = ("http", "https", "ftp", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "sftp", "ssh")
DATABASES = ("postgresql", "mysql", "mariadb", "mssql", "oracle", "sqlite", "duckdb", "snowflake", "redshift", "trino")
SCHEMES = (*FILESYSTEMS, *DATABASES)


def _reading(name: str) -> ModuleType:
    """Import a module of the project's reader from the template."""
    if "reading" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "reading", READING / "__init__.py", submodule_search_locations=[str(READING)]
        )
        assert spec and spec.loader
        sys.modules["reading"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["reading"])
    return importlib.import_module(f"reading.{name}")


dialect, sheets = _reading("dialect"), _reading("sheets")
Headless = _reading("encodings").Headless


def suffix_of(name: str) -> str:
    """The ending that says what a file is, in small letters and without a compression's: `".csv"` of `"a.CSV.gz"`."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def columns_of(path: Path, read: Mapping[str, Any]) -> list[str] | None:
    """Return the names of the columns of a local table, or None where they cannot be told without its packages.

    Parameters
    ----------
    read : options for pandas' reader, as in `params/data.yaml`.

    Raises
    ------
    ValueError
        If the file cannot be read as the project will read it; the text completes "the file ...".
    Headless
        If its first row looks like data.
    """
    suffix = suffix_of(path.name)
    if suffix not in (*TEXTS, *LINES, ".xlsx"):
        return None
    with _unpacked(path) as file:
        if suffix in TEXTS:
            return _stripped(dialect.dialect_of(file, suffix, read).names)
        if suffix in LINES:
            return _keys(file)
        try:
            return _stripped(sheets.sheet_of(file, read).names)
        except (zipfile.BadZipFile, KeyError, ElementTree.ParseError):
            raise ValueError("is no Excel file, whatever its name says") from None


def _stripped(names: list[str] | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names]


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file below its compression."""
    try:
        with _opened(path) as file:
            yield file
    except ValueError:
        raise
    except Exception as error:  # each of the packers has exceptions of its own
        raise ValueError(f"cannot be unpacked ({type(error).__name__})") from None


def _opened(path: Path) -> IO[bytes]:
    compression = path.suffix.lower()
    if compression == ".zip":
        import zipfile

        archive = zipfile.ZipFile(path)
        return archive.open(next(one for one in archive.infolist() if not one.is_dir()))
    packer = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}.get(compression)
    opened: IO[bytes] = importlib.import_module(packer).open(path) if packer else path.open("rb")
    return opened


def _keys(file: IO[bytes]) -> list[str] | None:
    try:
        row = json.loads(next((line for line in file if line.strip()), b"").decode("utf-8-sig"))
    except ValueError:
        return None
    return [str(key).strip() for key in row] if isinstance(row, dict) else None
