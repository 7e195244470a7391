"""Logs of predictions: where they are written and read; `params/monitoring.yaml` names one of them."""

import importlib.util
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

PASSWORD = "MONITORING_DATABASE_PASSWORD"  # pragma: allowlist secret


class PredictionLog(ABC):
    """What all logs share.

    Parameters
    ----------
    share : of the rows that are logged, drawn at random; above 0 and up to 1.
    leave_out : columns of the table that are not logged.
    batches : whether `predict` is logged as well as the service.
    seconds : rows are written at the latest so long after they were predicted.
    """

    kind = "prediction_log"

    def __init__(
        self, share: float = 1.0, leave_out: Sequence[str] = (), batches: bool = False, seconds: float = 60.0
    ) -> None:
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise ValueError(f"share is a number above 0 and up to 1, not {share!r}")
        if isinstance(leave_out, str) or not all(isinstance(name, str) for name in leave_out):
            raise ValueError(f"leave_out is a list of columns, not {leave_out!r}")
        if not isinstance(batches, bool):
            raise ValueError(f"batches is true or false, not {batches!r}")
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
            raise ValueError(f"seconds is a number above 0 and up to 3600, not {seconds!r}")
        self.share, self.leave_out, self.batches, self.seconds = share, tuple(leave_out), batches, seconds

    @abstractmethod
    def problem(self) -> str | None:
        """Return why this log cannot be written here, as a sentence; None if nothing is known to be wrong."""

    def check_columns(self, names: Sequence[str]) -> str | None:
        """Return why columns of these names cannot be logged; None if they can."""
        return None

    @abstractmethod
    def write(self, table: pd.DataFrame) -> None:
        """Write rows, all or none of them."""

    @abstractmethod
    def trim(self) -> bool:
        """Remove the oldest rows beyond the bound, and return whether there is room for more."""

    @abstractmethod
    def read(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Return the logged rows from `since` up to, but not including, `until`; see `log.read_log`."""


class ParquetLog(PredictionLog):
    """Parquet files by day: `<folder>/date=2026-01-31/<unique name>.parquet`.

    Several processes and machines can write into one folder.

    Parameters
    ----------
    folder : a folder, or what fsspec opens (s3://bucket/folder, gs://..., az://...).
    max_megabytes : beyond these the oldest days are removed, and where today alone has more, nothing is logged until
        tomorrow; None for no bound.
    share, leave_out, batches, seconds : as in `PredictionLog`.
    """

    def __init__(
        self,
        folder: str = "monitoring/predictions",
        max_megabytes: float | None = 1000.0,
        share: float = 1.0,
        leave_out: Sequence[str] = (),
        batches: bool = False,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(share, leave_out, batches, seconds)
        if not isinstance(folder, str) or not folder.strip():
            raise ValueError(f"folder is a path or an address, not {folder!r}")
        if urlsplit(folder).password:
            raise ValueError("a password does not belong into a file: give access as fsspec's file system documents it")
        is_number = isinstance(max_megabytes, int | float) and not isinstance(max_megabytes, bool)
        if max_megabytes is not None and not (is_number and max_megabytes > 0):
            raise ValueError(f"max_megabytes is a number above 0, or null, not {max_megabytes!r}")
        self.folder, self.max_megabytes = folder, max_megabytes
        self._files: Any = None

    def problem(self) -> str | None:
        """Return which package is missing, or what stands in the way of the folder."""
        if not _is_installed("pyarrow"):
            return _needs("ParquetLog", "pyarrow", "parquet")
        if "://" in self.folder:
            import fsspec

            try:
                fsspec.get_filesystem_class(self.folder.partition("://")[0])
            except (ImportError, ValueError) as error:
                return f"{self.folder} cannot be opened: {error}"
            return None
        found = next((path for path in (Path(self.folder), *Path(self.folder).parents) if path.exists()), None)
        return f"{found} is a file, and the log needs a folder of that name" if found and not found.is_dir() else None

    def write(self, table: pd.DataFrame) -> None:
        """Write a file for each day in the table."""
        self._opened().write(table)

    def trim(self) -> bool:
        """Remove the oldest days beyond `max_megabytes`."""
        return self.max_megabytes is None or self._opened().trim(int(self.max_megabytes * 1_000_000))

    def read(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Read the files of the days from `since` to `until`."""
        table: pd.DataFrame = self._opened().read(since, until)
        return table

    def _opened(self) -> Any:
        if self._files is None:
            from .files import DayFiles

            self._files = DayFiles(self.folder)
        return self._files


class DatabaseLog(PredictionLog):
    """A table in a database, by SQLAlchemy. It is made where there is none, and is given the columns that it lacks.

    A password comes from the environment variable MONITORING_DATABASE_PASSWORD.

    Parameters
    ----------
    url : of the database, such as sqlite:///monitoring/predictions.db or postgresql+psycopg://user@host/name.
    table : its name.
    max_rows : beyond these the oldest are deleted; None for no bound.
    share, leave_out, batches, seconds : as in `PredictionLog`.
    """

    def __init__(
        self,
        url: str = "sqlite:///monitoring/predictions.db",
        table: str = "predictions",
        max_rows: int | None = 1_000_000,
        share: float = 1.0,
        leave_out: Sequence[str] = (),
        batches: bool = False,
        seconds: float = 60.0,
    ) -> None:
        super().__init__(share, leave_out, batches, seconds)
        if not isinstance(url, str) or "://" not in url:
            raise ValueError("url is an address of SQLAlchemy, such as sqlite:///monitoring/predictions.db")
        if urlsplit(url).password:
            raise ValueError(f"a password does not belong into a file: {PASSWORD} can hold it")
        if not isinstance(table, str) or not table.strip():
            raise ValueError(f"table is the name of a table, not {table!r}")
        if max_rows is not None and (isinstance(max_rows, bool) or not isinstance(max_rows, int) or max_rows < 1):
            raise ValueError(f"max_rows is a whole number above 0, or null, not {max_rows!r}")
        self.url, self.table, self.max_rows = url, table, max_rows
        self._database: Any = None

    def problem(self) -> str | None:
        """Return which package is missing, or what is wrong with the address."""
        if not _is_installed("sqlalchemy"):
            return _needs("DatabaseLog", "sqlalchemy", "sql")
        from .database import problem

        return problem(self.url)

    def check_columns(self, names: Sequence[str]) -> str | None:
        """Return which name is longer than the database takes."""
        from .database import too_long

        return too_long(self.url, names)

    def write(self, table: pd.DataFrame) -> None:
        """Insert rows in one transaction."""
        self._opened().write(table)

    def trim(self) -> bool:
        """Delete the oldest rows beyond `max_rows`."""
        if self.max_rows is not None:
            self._opened().trim(self.max_rows)
        return True

    def read(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        """Select rows by the time at which they were logged."""
        table: pd.DataFrame = self._opened().read(since, until)
        return table

    def _opened(self) -> Any:
        if self._database is None:
            from .database import LogTable

            self._database = LogTable(self.url, self.table, os.environ.get(PASSWORD))
        return self._database


def _needs(log: str, package: str, extra: str) -> str:
    return (
        f"{log} needs the package {package!r}, which is not installed: add the extra {extra!r} to pyproject.toml "
        "and run `make setup`"
    )


def _is_installed(package: str) -> bool:
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None
