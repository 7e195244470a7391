"""Between which values the difference of two versions lies: a paired bootstrap of their held-out predictions."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn import config_context

from ...objects.metrics import Metric, Outputs
from ...steps.predictions import FEWEST_GROUPS, from_table
from ...steps.task import of_rows
from .versions import Version

PREDICTIONS = "reports/predictions.parquet"
SAMPLES, FEWEST_SAMPLES = 1000, 200
MOST_ROWS = 20_000_000  # of all samples together


@dataclass(frozen=True)
class Paired:
    """Two versions asked about the same rows.

    Attributes
    ----------
    changes : of each metric that can be judged by predictions alone, the lower and upper bound of its change: where 95
        of 100 resamples of the rows lie.
    rows : how many rows there are.
    same : whether both predict the same rows; None where that cannot be told.
    reason : why nothing can be judged, as the end of a sentence.
    """

    changes: dict[str, tuple[float, float]] = field(default_factory=dict)
    rows: int = 0
    same: bool | None = None
    reason: str = ""


def paired(before: Version | None, here: Version, metrics: list[Metric]) -> Paired:
    """Compare what two versions predicted for the rows held out."""
    tables = []
    for version in (before, here):
        content = version.output(PREDICTIONS) if version else None
        if content is None:
            return Paired(reason=f"the predictions of {version.name if version else 'a base'} are not within reach")
        tables.append(pd.read_parquet(io.BytesIO(content)))
    if not _same_rows(*tables):
        return Paired(same=False, reason="the two were not measured on the same rows")
    if tables[0].equals(tables[1]):
        return Paired(dict.fromkeys((one.name for one in metrics), (0.0, 0.0)), len(tables[1]), True)
    units = tables[1]["unit"].nunique()
    if units < FEWEST_GROUPS:
        return Paired({}, len(tables[1]), True, f"{units} groups or stretches of time are too few")
    samples = list(_samples(tables[1]["unit"].to_numpy()))
    both = [from_table(table) for table in tables]
    weights = tables[1]["weight"].to_numpy() if "weight" in tables[1] else None
    changes = {one.name: _bounds(one, both, samples, weights) for one in metrics}
    known = {name: bounds for name, bounds in changes.items() if bounds is not None}
    reason = "the metric needs more than predictions, or is undefined for samples of them"
    return Paired(known, len(tables[1]), True, reason)


def _same_rows(before: pd.DataFrame, here: pd.DataFrame) -> bool:
    """Whether two tables of predictions are of the same rows with the same truth and weights."""
    names, old_names = (
        [str(name) for name in table if str(name).partition("_")[0] in ("row", "truth", "weight")]
        for table in (here, before)
    )
    if len(before) != len(here) or names != old_names:
        return False
    old, new = (table[names].astype(object).to_numpy() for table in (before, here))
    return np.array_equal(old, new)


def _samples(units: np.ndarray) -> Iterator[np.ndarray]:
    """Positions of rows: as many units as there are, drawn with replacement, each with all of its rows."""
    random, order = np.random.default_rng(0), np.argsort(units, kind="stable")
    _, starts, counts = np.unique(units[order], return_index=True, return_counts=True)
    for _ in range(int(np.clip(MOST_ROWS // len(units), FEWEST_SAMPLES, SAMPLES))):
        drawn = random.integers(0, len(starts), len(starts))
        sizes = counts[drawn]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        yield order[np.repeat(starts[drawn], sizes) + within]


def _bounds(
    metric: Metric,
    both: list[tuple[np.ndarray, Outputs]],
    samples: list[np.ndarray],
    weights: np.ndarray | None,
) -> tuple[float, float] | None:
    """The bounds of a metric's change from the first outputs to the second; None where too few samples have it."""
    if metric.asks:
        return None
    changes = []
    with config_context(skip_parameter_validation=True, assume_finite=True):
        for rows in samples:
            try:
                old, new = (
                    metric.natural(metric.score(y_true[rows], outputs.part(rows), weights=of_rows(weights, rows)))
                    for y_true, outputs in both
                )
            except (ValueError, AttributeError):
                continue
            changes.append(new - old)
    known = np.asarray(changes)[np.isfinite(changes)] if changes else np.array([])
    if len(known) < len(samples) / 2:
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)
