"""Fold: fit one configuration of a model on one fold and score it. This is what the workers of a search run."""

import re
import time
import warnings
from collections import OrderedDict
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..objects.metrics import Outputs
from ..objects.model import Model
from ..objects.space import Values
from .fit import Parts, assemble, fit, parts, transform
from .split import Fold
from .task import Targets, Task
from .training_set import TrainingSet

CACHE = 250_000_000  # bytes of transformed rows that a worker keeps


@dataclass(frozen=True)
class Job:
    """What all fits of one model's search share: a key that tells the search from others, the model and the rows."""

    key: str
    model: Model
    data: TrainingSet


@dataclass(frozen=True)
class Scored:
    """The result of one fit on one fold.

    `outputs` has the shape that the task's `to_scores` gives. `seconds` is the time of fitting and predicting, of which
    `preprocess_seconds` go to fitting the preprocessing, also where that was cached. `prediction_time` is the time of
    predicting 1,000 rows, in seconds.
    """

    score: float
    outputs: np.ndarray
    seconds: float
    preprocess_seconds: float
    prediction_time: float


def fit_fold(job: Job, values: Values, number: int) -> Scored:
    """Fit and score a configuration on one fold.

    Parameters
    ----------
    job : the search's model and rows.
    values : the configuration; what is absent keeps its default.
    number : of the fold.
    """
    data, fold = job.data, job.data.folds[number]
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = assemble(job.model, values, data.dtypes, data.task)
        key = (job.key, number, repr(preprocess_values(values)))
        cached = key in _CACHE.kept
        outputs, predicting, preprocessing = _fit(estimator, data, fold, key)
        score = data.score(outputs, fold)
    seconds = time.perf_counter() - began
    kept = data.task.to_scores(outputs).astype(np.float32)
    prediction_time = 1000 * predicting / len(fold[1])
    return Scored(score, kept, seconds + preprocessing * cached, preprocessing, prediction_time)


def preprocess_values(values: Values) -> list[tuple[str, Any]]:
    """Return those of a trial's values that belong to the preprocessing, sorted by name."""
    return sorted(item for item in values.items() if item[0].startswith("preprocess."))


def prepared(split: Parts, X: pd.DataFrame, y: Targets, key: Any) -> tuple[Any, Any, float]:
    """Fit the preprocessing once for a key; return it, the rows that it transformed, and the seconds that it took."""
    found = _CACHE.get(key)
    if found is None:
        began = time.perf_counter()
        preprocess, transformed = split.prepare(X, y)
        found = _CACHE.put(key, (preprocess, transformed, time.perf_counter() - began), transformed)
    return found


def death(error: BrokenExecutor) -> str:
    """Return how a process died that fitted a fold or a member, by loky's message."""
    signals = re.findall(r"SIG[A-Z]+", str(error))
    how = f"was ended by {signals[0]}" if signals else "died"
    return f"the process that fitted it {how}{', perhaps for want of memory' if 'SIGKILL' in signals else ''}"


def _fit(estimator: Any, data: TrainingSet, fold: Fold, key: Any) -> tuple[Outputs, float, float]:
    """Return the outputs on the scored rows, the seconds that these took, and those of fitting the preprocessing."""
    split, (X, y, weights), X_scored = parts(estimator), data.rows(fold[0]), data.X.iloc[fold[1]]
    if split is None:
        return *_outputs(fit(estimator, X, y, weights), X_scored, data.task), 0.0
    preprocess, transformed, preprocessing = prepared(split, X, y, key)
    found = _CACHE.get((key, "scored"))
    if found is None:
        began = time.perf_counter()
        rows = transform(preprocess, X_scored)
        found = _CACHE.put((key, "scored"), (rows, time.perf_counter() - began), rows)
    rows, transforming = found
    fitted = split.fit(preprocess, transformed, y, weights)
    outputs, predicting = _outputs(split.rest(fitted), rows, data.task)
    return outputs, transforming + predicting, preprocessing


def _outputs(fitted: Any, rows: Any, task: Task) -> tuple[Outputs, float]:
    began = time.perf_counter()
    outputs = task.outputs(fitted, rows)
    return outputs, time.perf_counter() - began


class _Cache:
    """The latest preprocessings with the rows that they transformed, up to so many bytes."""

    def __init__(self, limit: int) -> None:
        self.limit, self.size = limit, 0
        self.kept: OrderedDict[Any, tuple[Any, int]] = OrderedDict()

    def get(self, key: Any) -> Any:
        if key not in self.kept:
            return None
        self.kept.move_to_end(key)
        return self.kept[key][0]

    def put(self, key: Any, value: Any, rows: Any) -> Any:
        size = _bytes(rows)
        if size <= self.limit:
            self.kept[key] = value, size
            self.size += size
            while self.size > self.limit:
                self.size -= self.kept.popitem(last=False)[1][1]
        return value


def _bytes(rows: Any) -> int:
    if isinstance(rows, pd.DataFrame):
        return int(rows.memory_usage(deep=False).sum())
    if hasattr(rows, "data") and hasattr(rows, "indptr"):
        return int(rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes)
    return int(getattr(rows, "nbytes", CACHE + 1))


_CACHE = _Cache(CACHE)
