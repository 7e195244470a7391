"""Batch prediction: a table of any size in, a file of predictions out, part by part."""

import csv
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from ..components.validation import Checked
from ..errors import UserError, nearest
from ..files import replacing_file
from ..project.targets import check_target
from ..steps.load import load, load_parts
from ..steps.task import task_of
from .observers import Observer
from .pipeline import PredictionPipeline, refusal_message

MOST_WARNINGS = 20
REFUSED = ["row", "column", "reason"]  # the head of the file that lists refused rows


def predict_file(
    pipeline: PredictionPipeline,
    source: str,
    output: str | Path,
    *,
    read: dict[str, Any] | None = None,
    missing: list[str] | None = None,
    keep: Sequence[str] = (),
    rows: int = 50_000,
    observer: Observer | None = None,
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True),
) -> int:
    """Predict the rows of a table and return how many have a prediction.

    No more than `rows` of them are in memory where the format and the task allow that. A row that is refused has no
    prediction where `bad_rows` is "skip", and is listed in `<output>.refused.csv`.

    Parameters
    ----------
    source : a path or a URL of a table.
    output : a .csv, .parquet or .jsonl file, one line for each row; it is written whole or not at all.
    read, missing : as in `params/data.yaml`.
    keep : columns of the source that are written beside the predictions.
    observer : is told of the predictions.

    Raises
    ------
    UserError
        If the table cannot be read or is refused, a row is and `bad_rows` is "refuse", or the output would replace
        something other than predictions.
    """
    output = _writable(output)
    observer, request_id = observer or Observer(), uuid.uuid4().hex
    refusals, done = output.with_name(f"{output.name}.refused.csv"), 0
    check_target(output, sources=[source])
    check_target(refusals, sources=[source], replaceable=_lists_refusals(refusals))
    with replacing_file(output, wait=False) as new:
        findings = _Findings(new.with_name("refused.csv"))
        with WRITERS[output.suffix](new) as write, findings, observer:
            for part in _parts(pipeline, source, read, missing, rows):
                kept = _kept(part, keep, source)
                found = pipeline.run(part)
                findings.add(found.checked, done, pipeline.validation.bad_rows)
                observer.predicted(found, request_id)
                write(pd.concat([kept, found.table.drop(columns=list(keep), errors="ignore")], axis=1))
                done += len(part)
                if done > len(part) or len(part) == rows:
                    say(f"{done:,} rows")
        findings.keep(refusals)
    for line in findings.lines(refusals):
        say(line)
    return done - findings.refused


def _kept(part: pd.DataFrame, keep: Sequence[str], source: str) -> pd.DataFrame:
    """Return the columns that are written beside the predictions."""
    absent = [name for name in keep if name not in part]
    if absent:
        raise UserError(f"{source} has no column {absent[0]!r}{nearest(absent[0], part.columns)}")
    return part[list(keep)]


def _parts(
    pipeline: PredictionPipeline, source: str, read: dict[str, Any] | None, missing: list[str] | None, rows: int
) -> Iterator[pd.DataFrame]:
    """Yield a table in parts of so many rows, or as a whole if predictions depend on other rows."""
    seen = [column.name for column in pipeline.schema.columns]
    if task_of(pipeline.schema).independent:
        yield from load_parts(source, read, missing, rows, seen)
    else:
        yield load(source, read, missing, seen)


def write_file(table: pd.DataFrame, output: str | Path) -> None:
    """Write predictions to a .csv, .parquet or .jsonl file, whole or not at all.

    Raises
    ------
    UserError
        If the file is none of these, or the output would replace something other than predictions.
    """
    output = _writable(output)
    check_target(output)
    with replacing_file(output, wait=False) as new, WRITERS[output.suffix](new) as write:
        write(table)


def _writable(output: str | Path) -> Path:
    output = Path(output)
    if output.suffix not in WRITERS:
        raise UserError(f"{output}: predictions are written to {', '.join(WRITERS)}")
    return output


def _lists_refusals(path: Path) -> bool:
    """Whether a file is a list of refused rows, from an earlier run."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.readline(100).strip() == ",".join(REFUSED).encode()


class _Findings:
    """What is found in the rows: those that are refused, in a file, and the first warning of each kind."""

    def __init__(self, listed: Path) -> None:
        self.listed, self.refused = listed, 0
        self.first: dict[tuple[str, str], str] = {}
        self.count: dict[tuple[str, str], int] = {}

    def __enter__(self) -> "_Findings":
        self.file = self.listed.open("w", encoding="utf-8", newline="")
        self.reasons = csv.writer(self.file)
        self.reasons.writerow(REFUSED)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def add(self, checked: Checked, start: int, bad_rows: str) -> None:
        """Note what was found in the rows from `start` on."""
        refused = [(start + row, column, reason) for row, column, reason in checked.problems()]
        if refused and bad_rows == "refuse":
            raise UserError(refusal_message(refused))
        self.reasons.writerows((row + 1, column, reason) for row, column, reason in refused)
        self.refused += int(checked.refused.sum())
        for one in checked.findings:
            if one.policy == "warn":
                key = one.column, one.reason
                row = one.rows[0] if len(one.rows) else None
                reason = one.reason if row is None else f"row {start + row + 1}: {one.of(row)}"
                self.first.setdefault(key, f"{one.column}: {reason}")
                self.count[key] = self.count.get(key, 0) + len(one.rows)

    def keep(self, refusals: Path) -> None:
        """Put the list of refused rows where the user finds it; remove that of an earlier run."""
        if self.refused:
            os.replace(self.listed, refusals)
        else:
            refusals.unlink(missing_ok=True)

    def lines(self, refusals: Path) -> list[str]:
        """Return the warnings, and how many rows are refused."""
        shown = [
            f"{text} ({self.count[key]:,} cells in all)" if self.count[key] > 1 else text
            for key, text in self.first.items()
        ]
        rest = len(shown) - MOST_WARNINGS
        shown = shown[:MOST_WARNINGS] + ([f"{rest} more of this sort"] if rest > 0 else [])
        lines = [f"warning: {line}" for line in shown]
        if self.refused:
            lines.append(f"{self.refused:,} rows are refused and have no prediction: {refusals} says why")
        return lines


Write = Callable[[pd.DataFrame], None]


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="") as file:
        yield lambda frame: frame.to_csv(file, index=False, header=file.tell() == 0)


@contextmanager
def _jsonl(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        yield lambda frame: frame.to_json(file, orient="records", lines=True, force_ascii=False)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    """Write Parquet; the first part decides the types of all."""
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ModuleNotFoundError:
        raise UserError(
            f"{path.name}: writing Parquet needs pyarrow, which is not installed: install the extra 'parquet'"
        ) from None
    writers: list[ParquetWriter] = []

    def write(frame: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        if not writers:
            writers.append(ParquetWriter(path, table.schema))
        writers[0].write_table(table.cast(writers[0].schema))

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()


WRITERS = {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}
