"""A folder of Parquet files, one folder for each day."""

import io
import os
import re
import time
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
from fsspec.implementations.local import LocalFileSystem

from ...errors import UserError

OURS = re.compile(r"date=(\d{4}-\d\d-\d\d)/[0-9a-f]{32}\.parquet")
SECONDS = 60.0  # between two looks at the size of the folder


class DayFiles:
    """Writes, reads and removes the files of a log.

    Parameters
    ----------
    folder : a folder, or an address that fsspec opens.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.files, self.root = fsspec.url_to_fs(folder)
        self._next_look, self._has_room = 0.0, True

    def write(self, table: pd.DataFrame) -> None:
        """Write the rows of each day into a file of their own; another process never sees half a file."""
        for day, rows in table.groupby(table["logged_at"].dt.date):
            buffer = io.BytesIO()
            rows.to_parquet(buffer, index=False)
            place = f"{self.root}/date={day.isoformat()}"
            self._put(f"{place}/{uuid.uuid4().hex}.parquet", buffer.getvalue())

    def _put(self, path: str, content: bytes) -> None:
        if not isinstance(self.files, LocalFileSystem):
            self.files.pipe_file(path, content)  # a store shows a file once it is whole
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(f"{path}.new")
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def trim(self, most: int) -> bool:
        """Remove the oldest days until there are at most so many bytes; return whether there is room for more.

        The files of today stay.
        """
        if time.monotonic() < self._next_look:
            return self._has_room
        days: dict[date, list[tuple[str, int]]] = {}
        for path, day, size in self._listed():
            days.setdefault(day, []).append((path, size))
        total, today = sum(size for files in days.values() for _, size in files), datetime.now(UTC).date()
        for day in sorted(days):
            if total < most or day >= today:
                break
            for path, size in days[day]:
                self._remove(path)
                total -= size
        self._has_room, self._next_look = total < most, time.monotonic() + SECONDS
        return self._has_room

    def _remove(self, path: str) -> None:
        try:
            self.files.rm_file(path)
        except FileNotFoundError:  # another process has removed it
            return
        if isinstance(self.files, LocalFileSystem):
            folder = Path(path).parent
            if not any(folder.iterdir()):
                folder.rmdir()

    def read(self, since: datetime | None, until: datetime | None) -> pd.DataFrame:
        """Return the rows that were logged from `since` up to, but not including, `until`."""
        first, end = utc(since), utc(until)
        parts = []
        for path, day, _ in self._listed():
            if (first is None or day >= first.date()) and (end is None or day <= end.date()):
                part = self._part(path)
                at = part["logged_at"]
                kept = (at >= first if first is not None else True) & (at < end if end is not None else True)
                parts.append(part[kept] if isinstance(kept, pd.Series) else part)
        if not parts:
            return pd.DataFrame()
        return pd.concat(parts, ignore_index=True).sort_values(["logged_at", "request_id", "row"], ignore_index=True)

    def _part(self, path: str) -> pd.DataFrame:
        try:
            return pd.read_parquet(io.BytesIO(self.files.cat_file(path)))
        except FileNotFoundError:  # removed meanwhile, because it is beyond the bound
            return pd.DataFrame({"logged_at": pd.Series(dtype="datetime64[us, UTC]")})
        except (OSError, ValueError) as error:
            raise UserError(f"{path} is damaged: {type(error).__name__}: remove it from the log") from None

    def _listed(self) -> list[tuple[str, date, int]]:
        """Return path, day and size of each file of the log, in the order of their paths."""
        self.files.invalidate_cache()
        try:
            found: dict[str, Any] = self.files.find(self.root, detail=True)
        except FileNotFoundError:
            return []
        start = len(self.root.rstrip("/")) + 1
        listed = []
        for path, about in sorted(found.items()):
            name = OURS.fullmatch(path[start:])
            if name:
                listed.append((path, date.fromisoformat(name[1]), int(about["size"] or 0)))
        return listed


def utc(time: datetime | None) -> datetime | None:
    """Return a time in UTC, which is meant where it has no time zone."""
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
