"""Counters of the service, for Prometheus; of all its processes together."""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """Requests, their seconds, and the rows that they brought."""

    kind = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "path", "status")
        self._requests = Counter("requests", "Requests.", names, registry=self.registry)
        self._seconds = Histogram("request_seconds", "Seconds of a request.", ("path",), registry=self.registry)
        self._rows = Counter("rows", "Rows that were sent to be predicted.", registry=self.registry)
        self._refused = Counter("refused_rows", "Rows that were refused.", registry=self.registry)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        known = method if method in ("GET", "POST", "HEAD", "OPTIONS") else "other"
        self._requests.labels(known, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def rows(self, rows: int, refused: int) -> None:
        """Count the rows of a request."""
        self._rows.inc(rows)
        self._refused.inc(refused)

    def text(self) -> bytes:
        """All counters in Prometheus' own format."""
        if FOLDER not in os.environ:
            return generate_latest(self.registry)
        every = CollectorRegistry()
        MultiProcessCollector(every)
        return generate_latest(every)
