"""Write the log of predictions in a thread of its own, so that no request waits for it."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd

from ...prediction.pipeline import Predictions
from .components import PredictionLog
from .rows import Rows

LOG = logging.getLogger(__name__)
MOST_WAITING = 100_000  # rows that wait to be written; more are dropped
MOST_AT_ONCE = 10_000  # rows that are written together
TRIES = 6  # of which the last comes half a minute after the first
FIRST_PAUSE = 1.0  # seconds after the first failure; twice as many after each further one
PATIENCE = 10.0  # seconds for which the end of the service waits for the log
FATES = WRITTEN, FULL, FAILED, NO_ROOM = "written", "queue_full", "sink_failed", "no_room"
Count = Callable[[str, int], None]
Item = tuple[Predictions, str, datetime]


class Writer:
    """Takes predictions, and writes them together, after some seconds or when there are enough.

    Rows that cannot be written are dropped and counted, and the log of the service says so once.

    Parameters
    ----------
    log : where rows are written.
    rows : makes them.
    count : is told how many rows had which fate: WRITTEN, FULL, FAILED or NO_ROOM.
    waits : whether `put` waits while there are too many rows, instead of dropping them.
    """

    def __init__(self, log: PredictionLog, rows: Rows, count: Count, waits: bool = False) -> None:
        self.log, self.rows, self.count, self.waits = log, rows, count, waits
        self.changed = threading.Condition()
        self.items: deque[Item] = deque()
        self.waiting = 0  # rows in `items`, and those that are being written
        self.is_ending = self.is_given_up = False
        self.warned: set[str] = set()
        self.thread = threading.Thread(target=self._work, name="prediction log", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def put(self, found: Predictions, request_id: str) -> None:
        """Take predictions to be written."""
        size = len(found.table) - int(found.checked.refused.sum())
        if not size:
            return
        with self.changed:
            while self.waits and not self.is_given_up and self.waiting and self.waiting + size > MOST_WAITING:
                self.changed.wait(1)
            if self.is_given_up or (self.waiting and self.waiting + size > MOST_WAITING):
                self._drop(FAILED if self.is_given_up else FULL, size, "the log is too slow")
                return
            self.items.append((found, request_id, datetime.now(UTC)))
            self.waiting += size
            self.changed.notify_all()

    def end(self) -> None:
        """Write what is left, and wait for it for some seconds."""
        with self.changed:
            self.is_ending = True
            self.changed.notify_all()
        self.thread.join(None if self.waits else PATIENCE)
        if self.thread.is_alive():
            with self.changed:
                self.is_given_up = True
                self._drop(FAILED, self.waiting, "the log did not end in time")

    def _work(self) -> None:
        while True:
            items = self._next()
            if items:
                self._write(items)
            elif self.is_ending:
                return

    def _next(self) -> list[Item]:
        """Wait until there is enough to write, and take it."""
        with self.changed:
            self.changed.wait_for(lambda: self.items or self.is_ending)
            until = time.monotonic() + self.log.seconds
            while not self.is_ending and self.waiting < MOST_AT_ONCE and time.monotonic() < until:
                self.changed.wait(until - time.monotonic())
            taken, size = list[Item](), 0
            while self.items and size < MOST_AT_ONCE:
                taken.append(self.items.popleft())
                size += len(taken[-1][0].table)
            return taken

    def _write(self, items: list[Item]) -> None:
        size = sum(len(found.table) - int(found.checked.refused.sum()) for found, _, _ in items)
        try:
            tables = [self.rows.made(*item) for item in items]
            table = pd.concat(tables, ignore_index=True)
            if len(table):
                self._store(table)
        except Exception as error:  # whatever happens, the next rows are tried
            self._drop(FAILED, size, _reason(error))
        finally:
            with self.changed:
                self.waiting -= size
                self.changed.notify_all()

    def _store(self, table: pd.DataFrame) -> None:
        """Write a table, and try again for a while where that fails."""
        for attempt in range(TRIES):
            try:
                if not self.log.trim():
                    self._drop(NO_ROOM, len(table), "the rows of today alone reach the bound of the log")
                    return
                self.log.write(table)
            except Exception as error:
                self._warn(FAILED, _reason(error))
                if attempt == TRIES - 1 or self.is_given_up or self.is_ending:
                    raise
                with self.changed:
                    self.changed.wait_for(lambda: self.is_ending, FIRST_PAUSE * 2**attempt)
            else:
                self.count(WRITTEN, len(table))
                return

    def _drop(self, why: str, rows: int, reason: str) -> None:
        self.count(why, rows)
        self._warn(why, reason)
        if why == FAILED and self.waits:
            self.is_given_up = True  # a table of any size does not wait for a log that cannot be written

    def _warn(self, kind: str, reason: str) -> None:
        """Say once that rows are not logged."""
        if kind not in self.warned:
            self.warned.add(kind)
            LOG.warning(json.dumps({"warning": "predictions are not logged, or late", "error": reason}))


def _reason(error: Exception) -> str:
    """Return the kind of an error, and what it says where that is about the place and not about the rows."""
    kind, inner = type(error).__name__, getattr(error, "orig", None)
    said = str(inner) if kind == "OperationalError" and inner is not None else ""
    if isinstance(error, OSError) or hasattr(error, "place"):
        said = str(error)
    return f"{kind}: {said.splitlines()[0][:300]}" if said else kind
