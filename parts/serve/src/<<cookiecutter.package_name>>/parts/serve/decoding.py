"""Parquet decoded in a process of its own: some damaged files end the process that opens them with pyarrow.

pyarrow calls parts of the C++ library that may throw from functions that must not, for example where the statistics of
a column have the wrong length. No check in Python comes before that, so the service keeps a helper process for these
files: if it dies, the file is refused and the next one gets a new helper. It ends when the service does.
"""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Collection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import pandas as pd

from .parquet import BadParquet, ParquetBounds, read_parquet

MOST_SECONDS = 30.0  # for one file, and for the start of the process


class Decoder:
    """Reads Parquet files in a helper process, one file at a time; the process starts with the first file."""

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._helper: tuple[BaseProcess, Connection] | None = None

    def read(self, body: bytes, known: Collection[str], bounds: ParquetBounds) -> tuple[pd.DataFrame, list[str]]:
        """Read the known columns of a Parquet file; parameters and result are those of `read_parquet`.

        Raises
        ------
        BadParquet
            As `read_parquet`, or if the helper process dies of the file or does not finish in time.
        """
        with self._alone:
            process, line = self._running()
            answer = None
            try:
                line.send((body, known, bounds))
                if line.poll(MOST_SECONDS):
                    answer = line.recv()
            except (EOFError, OSError):
                pass
            finally:
                if answer is None:
                    self._helper = None
                    line.close()
                    process.kill()
                    process.join()
        if answer is None:
            raise BadParquet("the body is not a Parquet file: it cannot be decoded")
        if isinstance(answer, BadParquet):
            raise answer
        found: tuple[pd.DataFrame, list[str]] = answer
        return found

    def _running(self) -> tuple[BaseProcess, Connection]:
        """Return the helper, a new one where there is none or it has been killed."""
        if self._helper is not None and self._helper[0].is_alive():
            return self._helper
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_decode, args=(theirs,), name="parquet", daemon=True)
        process.start()
        theirs.close()
        self._helper = process, ours
        return self._helper


def _decode(line: Connection) -> None:
    """Answer until the service has gone, which closes the line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the service, which ends this process
    with contextlib.suppress(EOFError, OSError):
        while True:
            body, known, bounds = line.recv()
            try:
                line.send(read_parquet(body, known, bounds))
            except BadParquet as bad:
                line.send(bad)


decoder = Decoder()
