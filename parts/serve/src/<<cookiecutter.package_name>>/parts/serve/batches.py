"""Batches: requests that wait for the model at the same time are predicted together.

A model takes about as long for sixteen rows as for one. While it predicts, the requests that come in wait, and are its
next batch; a request that finds it idle does not wait at all. Where the prediction of a row depends on other rows, as
in a forecast, each request is predicted alone.
"""

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...components.validation import Checked, Finding
from ...prediction.pipeline import PredictionPipeline, Predictions
from ...steps.task import task_of

Request = tuple[pd.DataFrame, "asyncio.Future[Predictions]"]


class Batches:
    """Predicts what is asked at the same time in one go.

    Parameters
    ----------
    pipeline : what predicts.
    max_rows : the most rows of a batch of more than one request.
    """

    def __init__(self, pipeline: PredictionPipeline, max_rows: int) -> None:
        self.pipeline = pipeline
        self.max_rows = max_rows if task_of(pipeline.schema).independent else 0
        self.waiting: deque[Request] = deque()
        self.working: asyncio.Task[None] | None = None
        self.thread = ThreadPoolExecutor(1)

    async def run(self, frame: pd.DataFrame) -> Predictions:
        """What the pipeline's `run` gives for these rows, and raises for them."""
        future: asyncio.Future[Predictions] = asyncio.get_running_loop().create_future()
        self.waiting.append((frame, future))
        if self.working is None:
            self.working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self.waiting:
                batch = self._next()
                loop = asyncio.get_running_loop()
                answers = await loop.run_in_executor(self.thread, self._answers, [frame for frame, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():  # whoever asked has gone
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self.working = None

    def _next(self) -> list[Request]:
        """The first request, and those behind it that have the same columns, up to so many rows."""
        batch = [self.waiting.popleft()]
        rows, columns = len(batch[0][0]), list(batch[0][0].columns)
        while self.waiting and list(self.waiting[0][0].columns) == columns:
            rows += len(self.waiting[0][0])
            if rows > self.max_rows:
                break
            batch.append(self.waiting.popleft())
        return batch

    def _answers(self, frames: list[pd.DataFrame]) -> list[Predictions | Exception]:
        """The answer to each request, or what was raised for it."""
        if len(frames) > 1:
            # If one of them is at fault, the others need not suffer from it.
            with suppress(Exception):
                return list(_apart(self.pipeline.run(_joined(frames)), [len(frame) for frame in frames]))
        found: list[Predictions | Exception] = []
        for frame in frames:
            try:
                found.append(self.pipeline.run(frame))
            except Exception as error:
                found.append(error)
        return found


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One table; a value stays what it is, whatever stands in the other tables."""
    cells = np.concatenate([frame.to_numpy(dtype=object) for frame in frames])
    return pd.DataFrame(cells, columns=frames[0].columns, dtype=object, copy=False)


def _apart(found: Predictions, sizes: list[int]) -> Any:
    """What is said of each table."""
    end = 0
    for size in sizes:
        start, end = end, end + size
        part = slice(start, end)
        findings = [_of(one, start, end) for one in found.checked.findings]
        checked = Checked(
            found.checked.frame.iloc[part],
            [one for one in findings if one is not None],
            found.checked.refused[part],
        )
        yield Predictions(found.table.iloc[part], checked)


def _of(finding: Finding, start: int, end: int) -> Finding | None:
    """A finding as it is in some of the rows; None if it is in none of them."""
    if not len(finding.rows):
        return finding
    rows = finding.rows[(finding.rows >= start) & (finding.rows < end)]
    if not len(rows):
        return None
    values = None if finding.values is None else finding.values.iloc[start:end]
    return replace(finding, rows=rows - start, values=values)
