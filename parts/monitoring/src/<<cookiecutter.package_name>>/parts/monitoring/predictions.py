"""What is told of predictions: the log, and the metrics of the service."""

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from ...components.validation import Finding
from ...errors import nearest
from ...prediction.observers import Observer
from ...prediction.pipeline import PredictionPipeline, Predictions
from .params import Monitoring, read_monitoring
from .rows import Rows
from .writer import FATES, WRITTEN, Count, Writer

LOG = logging.getLogger(__name__)
LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"


def observer(pipeline: PredictionPipeline, origin: str, params: Path, registry: Any) -> Observer | None:
    """Return what observes the predictions of a pipeline.

    Raises
    ------
    UserError
        If `params/monitoring.yaml` is wrong, or its log cannot be written here.
    """
    if origin == "service":
        return ServiceObserver(pipeline, read_monitoring(params), registry)
    monitoring = read_monitoring(params)
    return BatchObserver(pipeline, monitoring) if monitoring.log is not None and monitoring.log.batches else None


class ServiceObserver(Observer):
    """Counts the predictions of the service, and logs them where that is turned on."""

    def __init__(self, pipeline: PredictionPipeline, monitoring: Monitoring, registry: Any) -> None:
        from .metrics import PredictionMetrics

        self.metrics = PredictionMetrics(pipeline, registry)
        self.writer = None
        if monitoring.log is not None and os.environ.get(LAMBDA):
            # Between two requests Lambda stops all threads, and it ends a function without a word.
            LOG.warning(json.dumps({"warning": "predictions are not logged in AWS Lambda: see docs/monitoring.md"}))
        elif monitoring.log is not None:
            self.writer = _writer(pipeline, monitoring, self.metrics.logged)

    def __enter__(self) -> Self:
        self.metrics.start(FATES if self.writer else ())
        if self.writer:
            self.writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.writer:
            self.writer.end()
        self.metrics.end()

    def predicted(self, found: Predictions, request_id: str) -> None:
        """Log and count predictions."""
        if self.writer:
            self.writer.put(found, request_id)
        self.metrics.predicted(found)

    def refused(self, findings: Sequence[Finding], rows: int) -> None:
        """Count rejected rows by reason."""
        self.metrics.refused(findings, rows)


class BatchObserver(Observer):
    """Logs the predictions of a table."""

    def __init__(self, pipeline: PredictionPipeline, monitoring: Monitoring) -> None:
        self.counted: Counter[str] = Counter()
        self.writer = _writer(pipeline, monitoring, self._count, waits=True)

    def __enter__(self) -> Self:
        self.writer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.end()
        lost = sum(self.counted.values()) - self.counted[WRITTEN]
        if lost:
            print(f"warning: {lost:,} rows are predicted and not logged", file=sys.stderr)

    def predicted(self, found: Predictions, request_id: str) -> None:
        """Log predictions."""
        self.writer.put(found, request_id)

    def _count(self, fate: str, rows: int) -> None:
        self.counted[fate] += rows


def _writer(pipeline: PredictionPipeline, monitoring: Monitoring, count: Count, waits: bool = False) -> Writer:
    """Return the writer of the log, once everything is checked that can be before there is a row."""
    log, where = monitoring.log, monitoring.where
    assert log is not None
    rows = Rows(pipeline, log.leave_out, log.share)
    for name in log.leave_out:
        if name not in rows.known:
            place = where.at("params", "leave_out")
            raise place.error(f"'leave_out' has {name!r}, which is no column of the model{nearest(name, rows.known)}")
    problem = log.check_columns(rows.columns)
    if problem:
        raise where.error(problem)
    return Writer(log, rows, count, waits)
