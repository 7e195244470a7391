"""Metrics of the service's predictions, for Prometheus; of all its processes together."""

from collections import Counter as Counts
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ...components.validation import Finding
from ...prediction.pipeline import PredictionPipeline, Predictions
from ...steps.task import task_of

PREDICTION, SHARE = "prediction", "probability_"
OTHER = "other"
MOST_LABELS = 100  # classes that are counted by name; the others are one
MOST_REASONS = 200  # pairs of column and reason
SHARES = [round(0.05 * step, 2) for step in range(1, 21)]
EDGES = 20  # between the buckets of predicted numbers
FEW = 500  # rows that are counted at once; more would hold up other requests, and are counted in a thread
CountTable = Callable[[pd.DataFrame], None]


class PredictionMetrics:
    """Counts predictions, their scores, and rejected rows.

    Parameters
    ----------
    pipeline : what predicts.
    registry : of the service.
    """

    def __init__(self, pipeline: PredictionPipeline, registry: CollectorRegistry) -> None:
        self.schema, self.task = pipeline.schema, task_of(pipeline.schema)
        self.answers = self.task.answers(pipeline.model)
        self.columns = {column.name for column in self.schema.columns}
        self.labels: set[tuple[str, str]] = set()  # those that are counted by name
        self.reasons: set[tuple[str, str]] = set()
        about = ("version", "task", "target")
        # Each of several processes shows the same; "max" takes it once.
        self._model = Gauge("model_info", "The model.", about, registry=registry, multiprocess_mode="max")
        self._about = (pipeline.version, self.task.name, ", ".join(self.schema.targets))
        by = ("target", "label")
        self._predictions = Counter("predictions", "Predicted rows by class, label or cluster.", by, registry=registry)
        by = ("column", "reason")
        self._rejected = Counter("rejected_rows", "Rows that were refused, by reason.", by, registry=registry)
        self._logged = Counter("prediction_log_rows", "Rows for the log, by fate.", ("fate",), registry=registry)
        self._counting = self._chosen(registry)
        self._thread = ThreadPoolExecutor(1)

    def start(self, fates: Sequence[str] = ()) -> None:
        """Show which model predicts, and what is counted from 0 on: Prometheus sees no increase before a first value.

        Parameters
        ----------
        fates : what may become of rows for the log.
        """
        self._model.labels(*self._about).set(1)
        for fate in fates:
            self._logged.labels(fate)
        for name, said in self.answers.items():
            for label in said.get("enum", ()):
                self._count_label(self._target(name), str(label), 0)

    def end(self) -> None:
        """Finish what is being counted."""
        self._thread.shutdown()

    def logged(self, fate: str, rows: int) -> None:
        """Count rows for the log: `written`, or why they were not."""
        self._logged.labels(fate).inc(rows)

    def predicted(self, found: Predictions) -> None:
        """Count the predictions of a request."""
        table = found.table[~found.checked.refused] if found.checked.refused.any() else found.table
        if len(table) > FEW:
            self._thread.submit(self._count, table)
        elif len(table):
            self._count(table)

    def refused(self, findings: Sequence[Finding], rows: int) -> None:
        """Count rejected rows by column and reason; one with two reasons counts for both."""
        for finding in findings:
            # The name of a column that training did not see can be anything.
            reason = (finding.column if finding.column in self.columns else OTHER, finding.reason)
            if reason not in self.reasons and len(self.reasons) >= MOST_REASONS:
                reason = (OTHER, OTHER)
            self.reasons.add(reason)
            self._rejected.labels(*reason).inc(len(finding.rows) or rows)

    def _count(self, table: pd.DataFrame) -> None:
        for count in self._counting:
            count(table)

    def _chosen(self, registry: CollectorRegistry) -> list[CountTable]:
        """Return what counts the predictions of this task, each given a table of them."""
        names = {name: self._target(name) for name in self.answers if name.partition("_")[0] == PREDICTION}
        shares = {name.removeprefix(SHARE): name for name in self.answers if name.startswith(SHARE)}
        said, counting = self.answers.get(PREDICTION, {}), list[CountTable]()
        numbers = {name: target for name, target in names.items() if self.answers[name].get("type") == "number"}
        if numbers:
            about, edges = "Predicted numbers; the buckets cover those of training.", self._edges(numbers)
            values = Histogram("prediction_values", about, ("target",), registry=registry, buckets=edges)
            counting.append(partial(_observe, values, numbers))
        elif said.get("type") == "string":
            counting.append(self._count_sets)
        else:
            counting.append(partial(self._count_classes, names))
        if shares:
            about = "Probability of the predicted class, or of each of several labels."
            scores = Histogram("prediction_scores", about, ("target",), registry=registry, buckets=SHARES)
            each = {name: label for label, name in shares.items()}
            is_class = "enum" in said
            counting.append(
                partial(self._count_class_scores, scores, shares) if is_class else partial(_observe, scores, each)
            )
        return counting

    def _target(self, name: str) -> str:
        """Return the target of a column of predictions."""
        return name.removeprefix(f"{PREDICTION}_") if name != PREDICTION else ", ".join(self.schema.targets)

    def _edges(self, numbers: dict[str, str]) -> list[float]:
        """Return edges of buckets that divide the range of each target in training."""
        ranges = [(column.min, column.max) for column in self.schema.answers if column.name in numbers.values()]
        known = [(low, high) for low, high in ranges if low is not None and high is not None and low < high]
        steps = max(EDGES // max(len(known), 1), 4)
        return sorted({float(f"{edge:.6g}") for low, high in known for edge in np.linspace(low, high, steps)}) or [0.0]

    def _count_classes(self, names: dict[str, str], table: pd.DataFrame) -> None:
        for name, target in names.items():
            for label, rows in Counts(table[name].tolist()).items():
                self._count_label(target, str(label), rows)

    def _count_sets(self, table: pd.DataFrame) -> None:
        """Count each label of sets; rows without any count for the label ""."""
        target = self._target(PREDICTION)
        has = self.task.encode(table[PREDICTION])
        for label, rows in zip(self.schema.labels, has.sum(axis=0).tolist(), strict=True):
            if rows:
                self._count_label(target, str(label), rows)
        none = int((has.sum(axis=1) == 0).sum())
        if none:
            self._count_label(target, "", none)

    def _count_label(self, target: str, label: str, rows: int) -> None:
        if (target, label) not in self.labels and len(self.labels) >= MOST_LABELS:
            label = OTHER
        self.labels.add((target, label))
        self._predictions.labels(target, label).inc(rows)

    def _count_class_scores(self, scores: Histogram, shares: dict[str, str], table: pd.DataFrame) -> None:
        """Observe the probability of the predicted class, which a threshold may have made another than the largest."""
        child, known = (
            scores.labels(self._target(PREDICTION)),
            {label: table[name].tolist() for label, name in shares.items()},
        )
        for row, label in enumerate(table[PREDICTION].tolist()):
            child.observe(known[str(label)][row])


def _observe(histogram: Histogram, columns: dict[str, str], table: pd.DataFrame) -> None:
    """Observe columns of numbers, each with the label that is given for it."""
    for name, label in columns.items():
        child = histogram.labels(label)
        for value in table[name].tolist():
            child.observe(value)
