"""Where a table may come from, and the names of its columns as far as the standard library can read them."""

import csv
import importlib
import json
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import IO

TEXTS = (".csv", ".tsv", ".txt")
LINES = (".jsonl", ".ndjson")
SUFFIXES = (*TEXTS, ".parquet", ".feather", *LINES, ".json", ".xlsx", ".xls", ".db", ".sqlite", ".sqlite3")
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zip")

FILESYSTEMS = ("http", "https", "ftp", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "sftp", "ssh")
DATABASES = ("postgresql", "mysql", "mariadb", "mssql", "oracle", "sqlite", "duckdb", "snowflake", "redshift", "trino")
SCHEMES = (*FILESYSTEMS, *DATABASES)

SAMPLE = 1 << 18


def suffix_of(name: str) -> str:
    """The ending that says what a file is, in small letters and without a compression's: `".csv"` of `"a.CSV.gz"`."""
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def columns_of(path: Path) -> list[str] | None:
    """The names of the columns of a local table, stripped, or None where they cannot be told without its packages.

    Raises
    ------
    ValueError
        If the file is not what its ending says; the text completes "the file ...".
    """
    suffix = suffix_of(path.name)
    if suffix not in (*TEXTS, *LINES):
        return None
    try:
        with _opened(path) as file:
            sample = file.read(SAMPLE)
    except Exception as error:  # each of the packers has exceptions of its own
        raise ValueError(f"cannot be unpacked ({type(error).__name__})") from None
    if not sample.strip():
        raise ValueError("is empty")
    text = _decoded(sample)
    if suffix in LINES:
        return _keys(text)
    lines = text.splitlines()
    separator = "\t" if suffix == ".tsv" else _separator(lines[:50])
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    return [name.strip() for name in next((row for row in rows if any(row)), [])]


def _opened(path: Path) -> IO[bytes]:
    compression = path.suffix.lower()
    if compression == ".zip":
        import zipfile

        archive = zipfile.ZipFile(path)
        return archive.open(next(one for one in archive.infolist() if not one.is_dir()))
    packer = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}.get(compression)
    opened: IO[bytes] = importlib.import_module(packer).open(path) if packer else path.open("rb")
    return opened


def _decoded(sample: bytes) -> str:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return sample.decode("utf-16", errors="ignore")
    if b"\0" in sample:
        raise ValueError("is no text file: it holds binary data")
    try:
        return sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start > len(sample) - 4:  # a character that the sample cut in two
            return sample[: error.start].decode("utf-8-sig")
        return sample.decode("cp1252", errors="replace")


def _keys(text: str) -> list[str] | None:
    try:
        row = json.loads(text.splitlines()[0])
    except ValueError:
        return None
    return [str(key).strip() for key in row] if isinstance(row, dict) else None


def _separator(lines: list[str]) -> str:
    """The separator that cuts the first lines into equally many fields, and into most."""
    best, most = ",", 1
    for candidate in (",", ";", "\t", "|"):
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=candidate) if row)
        fields, agreeing = counts.most_common(1)[0] if counts else (1, 0)
        if fields > most and agreeing >= 0.8 * sum(counts.values()):
            best, most = candidate, fields
    return best
