"""Performance: the project's metric on labelled rows of a window, over time, against that of the hold-out."""

import warnings
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import f1_score

from ...objects.metrics import Metric, Outputs
from ...steps.evaluate import scores
from ...steps.predictions import from_table
from ...steps.task import Task
from .drift_params import Limits
from .drift_predictions import columns_of

PERIODS = 12
FEWEST_ROWS = 20  # of a period
SAMPLES, FEWER_SAMPLES, MANY_ROWS = 200, 40, 10_000  # of the bootstrap, and of how many rows on it has fewer
PERIOD_SAMPLES = 80
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Score:
    """A metric on some rows, with the interval of 95 % that the bootstrap gives."""

    rows: int
    value: float | None
    low: float | None = None
    high: float | None = None
    deviation: float = 0.0
    start: str = ""
    end: str = ""


@dataclass
class Performance:
    """How good the predictions of a window were.

    Attributes
    ----------
    metric : its name; `greater_is_better` says in which direction.
    window, holdout : its value on the labelled rows of the window, and on rows that were unseen in training.
    lost : which share of what the model was better than the dummy model is lost; below 0, the model has gained.
    periods : the metric over time.
    others : the project's other metrics: in the window, and on the hold-out.
    labels : of several labels a row, the F1 of each: in the window, and on the hold-out.
    """

    metric: str
    greater_is_better: bool
    window: Score
    holdout: Score
    baseline: float | None
    lost: float | None
    periods: list[Score]
    others: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)
    labels: dict[str, tuple[float, float]] = field(default_factory=dict)
    waiting: int = 0
    alarm: bool = False


def measure(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    task: Task,
    metrics: list[Metric],
    baseline: dict[str, float],
    times: pd.Series | None,
    limits: Limits,
) -> Performance | None:
    """Score the labelled rows of a window; None if no metric of the project can be computed of them.

    Parameters
    ----------
    table, reference : truth and predictions of the window and of the hold-out, as `to_table` of `steps.predictions` has
        them.
    metrics : those of the project, the one that decides first.
    baseline : what the dummy model reaches, by the name of the metric.
    times : of the rows, with the index of `table`.
    """
    (y_now, now), (y_before, before) = from_table(table), from_table(reference)
    pairs = [(metric, _value(metric, task, now, y_now), _value(metric, task, before, y_before)) for metric in metrics]
    known = [metric for metric, *values in pairs if None not in values]
    if not known:
        return None
    first = known[0]
    window, holdout = _score(first, task, now, y_now), _score(first, task, before, y_before)
    dummy = baseline.get(first.name)
    found = Performance(
        first.name,
        first.greater_is_better,
        window,
        holdout,
        dummy,
        _lost(window, holdout, dummy, first.greater_is_better),
        _periods(first, task, now, y_now, times),
        {metric.name: (value, other) for metric, value, other in pairs if metric is not first},
        _by_label(y_now, now, y_before, before, [name[6:] for name in columns_of(table, "truth")]),
    )
    found.alarm = found.lost is not None and found.lost >= limits.lost and _is_clear(window, holdout, found, limits)
    return found


def _value(metric: Metric, task: Task, outputs: Outputs, y_true: np.ndarray) -> float | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return scores([metric], task, outputs, y_true, None, None, None)[metric.name]
        except TypeError:  # a metric that is given no probabilities, for one
            return None


def _score(metric: Metric, task: Task, outputs: Outputs, y_true: np.ndarray, start: str = "", end: str = "") -> Score:
    """Return a metric and its interval, by samples of the rows drawn with replacement."""
    rows, random = len(y_true), np.random.default_rng(0)
    samples = FEWER_SAMPLES if rows > MANY_ROWS else PERIOD_SAMPLES if start else SAMPLES
    value = _value(metric, task, outputs, y_true)
    drawn = (random.integers(0, rows, rows) for _ in range(samples))
    values = [_value(metric, task, outputs.part(some), y_true[some]) for some in drawn] if value is not None else []
    defined = np.array([one for one in values if one is not None])
    if len(defined) < 10:
        return Score(rows, value, start=start, end=end)
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Score(rows, value, float(low), float(high), float(defined.std()), start, end)


def _periods(metric: Metric, task: Task, outputs: Outputs, y_true: np.ndarray, times: pd.Series | None) -> list[Score]:
    """Return the metric over time, in up to twelve stretches with about equally many rows."""
    if times is None or times.isna().all():
        return []
    known = np.flatnonzero(times.notna())
    ordered = known[np.argsort(times.iloc[known].to_numpy(), kind="stable")]
    count = min(PERIODS, len(ordered) // FEWEST_ROWS)
    if count < 2:
        return []
    found = []
    for rows in np.array_split(ordered, count):
        ends = [_moment(times.iloc[at]) for at in (rows[0], rows[-1])]
        found.append(_score(metric, task, outputs.part(rows), y_true[rows], *ends))
    return found


def _moment(value: object) -> str:
    if not isinstance(value, pd.Timestamp):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"


def _lost(window: Score, holdout: Score, baseline: float | None, greater_is_better: bool) -> float | None:
    """Return which share of the model's advantage over the dummy model is lost; without one, of the metric itself."""
    if window.value is None or holdout.value is None:
        return None
    sign = 1 if greater_is_better else -1
    advantage = sign * (holdout.value - baseline) if baseline is not None else 0.0
    scale = advantage if advantage > 0 else abs(holdout.value)
    return float(sign * (holdout.value - window.value) / scale) if scale > 0 else None


def _is_clear(window: Score, holdout: Score, found: Performance, limits: Limits) -> bool:
    """Return whether chance rarely makes a difference as large as that between the window and the hold-out."""
    deviation = float(np.hypot(window.deviation, holdout.deviation))
    difference = abs((holdout.value or 0.0) - (window.value or 0.0))
    return difference > float(stats.norm.isf(limits.alpha)) * deviation


def _by_label(
    y_now: np.ndarray, now: Outputs, y_before: np.ndarray, before: Outputs, names: list[str]
) -> dict[str, tuple[float, float]]:
    """Return the F1 of each label in the window and on the hold-out; of one target, nothing."""
    if y_now.ndim < 2 or now.classes is None:
        return {}
    pairs = [
        f1_score(y, outputs.predicted, average=None, zero_division=0)
        for y, outputs in ((y_now, now), (y_before, before))
    ]
    return {name: (float(a), float(b)) for name, a, b in zip(names, *pairs, strict=True)}
