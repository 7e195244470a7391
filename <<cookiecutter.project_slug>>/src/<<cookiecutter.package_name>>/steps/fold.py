"""Fold: fit one configuration of a model on one fold and score it. This is what the workers of a search run."""

import time
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..objects.metrics import Metric, Outputs
from ..objects.model import Model
from ..objects.space import Values
from .fit import Parts, assemble, fit, parts, transform
from .split import Fold
from .task import Targets, Task, judged, of_rows

MOST_SCORED = 20_000  # rows of a fold: enough for three digits of most metrics
CACHE = 250_000_000  # bytes of transformed rows that a worker keeps


@dataclass(frozen=True)
class Job:
    """What all fits of one model's search share.

    `folds` are pairs of positions in `features`: of the rows to learn from, and of the rows to score.
    """

    key: str
    model: Model
    features: pd.DataFrame = field(repr=False)
    target: Targets = field(repr=False)
    folds: list[Fold] = field(repr=False)
    task: Task
    dtypes: dict[str, str]
    metric: Metric
    weights: np.ndarray | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Scored:
    """What one fit on one fold gave.

    `outputs` has the shape that the task's `probable` gives. `seconds` is the time of fitting and asking, of
    which `front_seconds` go to what stands before the estimator, also where that was at hand. `prediction_time` is the
    time of predicting 1,000 rows, in seconds.
    """

    score: float
    outputs: np.ndarray
    seconds: float
    front_seconds: float
    prediction_time: float


def job(
    key: str,
    model: Model,
    features: pd.DataFrame,
    target: Targets,
    folds: Sequence[Fold],
    *,
    task: Task,
    dtypes: dict[str, str],
    metric: Metric,
    sample: Any = None,
    weights: np.ndarray | None = None,
) -> Job:
    """A search's data, cut down to the rows that it looks at.

    Parameters
    ----------
    features, target : the training rows and their raw targets.
    folds : pairs of arrays of positions in these.
    sample : draws the rows to learn from in each fold (it has `fit_resample`), or None for all of them.
    weights : of the rows, None where all count the same.
    """
    drawn = [(_sampled(sample, features, target, learn), score) for learn, score in scored(folds)]
    needed = np.unique(np.concatenate([np.concatenate(pair) for pair in drawn]))
    if len(needed) == len(features):
        return Job(key, model, features, target, drawn, task, dtypes, metric, weights)
    place = np.full(len(features), -1)
    place[needed] = np.arange(len(needed))
    few = [(place[learn], place[score]) for learn, score in drawn]
    rows = features.iloc[needed].reset_index(drop=True), target.iloc[needed].reset_index(drop=True)
    return Job(key, model, *rows, few, task, dtypes, metric, of_rows(weights, needed))


def scored(folds: Sequence[Fold]) -> list[Fold]:
    """The folds with the rows that are scored: all, or the same sample for every model if there are very many."""
    random = np.random.default_rng(0)
    return [
        (learn, score if len(score) <= MOST_SCORED else np.sort(random.choice(score, MOST_SCORED, replace=False)))  # nosec B311 # a seeded sample, no secret
        for learn, score in folds
    ]


def fit_fold(job: Job, values: Values, number: int) -> Scored:
    """Fit and score a configuration on one fold.

    Parameters
    ----------
    job : the search's data.
    values : the configuration; what is absent keeps its default.
    number : of the fold.
    """
    learn, score = job.folds[number]
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = assemble(job.model, values, job.dtypes, job.task)
        before = sorted(one for one in values.items() if one[0].startswith("preprocess."))
        key = (job.key, number, repr(before))
        at_hand = key in _FRONTS.kept
        said, taken, front = _fit(estimator, job, learn, score, key)
        truth, learned = job.task.truth(job.target.iloc[score]), (job.features.iloc[learn], job.target.iloc[learn])
        weights = of_rows(job.weights, score)
        found = judged(job.metric, job.task, said, truth, job.features.iloc[score], *learned, weights=weights)
    seconds = time.perf_counter() - began
    kept = job.task.probable(said).astype(np.float32)
    return Scored(found, kept, seconds + front * at_hand, front, 1000 * taken / len(score))


def prepared(split: Parts, features: pd.DataFrame, target: Targets, key: Any) -> tuple[Any, Any, float]:
    """What stands before the estimator, fitted once for a key; the rows that it transformed; the seconds it took."""
    found = _FRONTS.get(key)
    if found is None:
        began = time.perf_counter()
        front, learned = split.prepare(features, target)
        found = _FRONTS.put(key, (front, learned, time.perf_counter() - began), learned)
    return found


def _fit(estimator: Any, job: Job, learn: np.ndarray, score: np.ndarray, key: Any) -> tuple[Outputs, float, float]:
    """The outputs of the model on the scored rows, the seconds that these took, and those of the front's fit."""
    split = parts(estimator)
    features, target, weights = job.features.iloc[learn], job.target.iloc[learn], of_rows(job.weights, learn)
    if split is None:
        return *_asked(fit(estimator, features, target, weights), job.features.iloc[score], job.task), 0.0
    front, learned, preparing = prepared(split, features, target, key)
    asked = _FRONTS.get((key, "scored"))
    if asked is None:
        began = time.perf_counter()
        rows = transform(front, job.features.iloc[score])
        asked = _FRONTS.put((key, "scored"), (rows, time.perf_counter() - began), rows)
    rows, transforming = asked
    fitted = split.fit(front, learned, target, weights)
    said, taken = _asked(split.rest(fitted), rows, job.task)
    return said, transforming + taken, preparing


def _asked(fitted: Any, rows: Any, task: Task) -> tuple[Outputs, float]:
    began = time.perf_counter()
    said = task.outputs(fitted, rows)
    return said, time.perf_counter() - began


def _sampled(sample: Any, features: pd.DataFrame, target: Targets, learn: np.ndarray) -> np.ndarray:
    if sample is None:
        return learn
    positions = pd.DataFrame({"position": learn})
    drawn, _ = sample.fit_resample(positions, target.iloc[learn].reset_index(drop=True))
    chosen = drawn["position"].to_numpy()
    if not np.isin(chosen, learn).all():
        raise UserError(f"{type(sample).__name__} makes new rows: a sample draws some of those that are there")
    return chosen


class _Fronts:
    """The latest transformed rows, up to so many bytes."""

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


_FRONTS = _Fronts(CACHE)
