"""Rules: when a newly trained model is better than the registered one; `params/retrain.yaml` names one of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

FEWEST_UNITS = 5  # among which drawing at random says anything


@dataclass(frozen=True)
class Compared:
    """Two models asked about the same rows, from which neither has learned.

    Parameters
    ----------
    rows : how many rows there are.
    scores : the score of the new model and that of the registered one on the rows at these positions, or NaN where the
        metric is undefined for them. Of scores more is always better, also of a metric of which less is better.
    units : for each row a number that it shares with the rows on which its error may depend, such as those of its
        group; None if each row stands alone.
    """

    rows: int
    scores: Callable[[np.ndarray], tuple[float, float]]
    units: np.ndarray | None = None


class Rule(ABC):
    """What all rules share."""

    kind = "rule"

    @abstractmethod
    def judge(self, compared: Compared) -> tuple[bool, str]:
        """Whether the new model is the better one, and why, as the end of a sentence."""


class Better(Rule):
    """Its score is higher by more than `by`, and not by chance: also on most samples of the rows.

    The samples are as large as the table and drawn with replacement (the bootstrap), the same for both models; rows of
    one group, or of one stretch of time, are drawn together.

    Parameters
    ----------
    by : in units of the metric.
    confidence : the share of samples on which it has to be better, from 0.5 to 1; None judges by all rows alone.
    samples : how many are drawn.
    """

    def __init__(
        self, by: float = 0.0, confidence: float | None = 0.9, samples: int = 500, random_state: int = 0
    ) -> None:
        if isinstance(by, bool) or not isinstance(by, int | float) or not np.isfinite(by):
            raise ValueError(f"by needs a number, not {by!r}")
        is_share = not isinstance(confidence, bool) and isinstance(confidence, int | float) and 0.5 <= confidence <= 1
        if confidence is not None and not is_share:
            raise ValueError(f"confidence is a share from 0.5 to 1, or null, not {confidence!r}")
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise ValueError(f"samples needs a whole number above 0, not {samples!r}")
        self.by, self.confidence, self.samples, self.random_state = by, confidence, samples, random_state

    def judge(self, compared: Compared) -> tuple[bool, str]:
        """By the scores on all rows, then on samples; one for which the metric is undefined does not count."""
        gain = _gain(compared, np.arange(compared.rows))
        found = f"that is {'better' if gain > 0 else 'worse'} by {abs(gain):.4g}" if gain else "that is no better"
        found += f", and more than {self.by:g} is asked for" if self.by else ""
        if not gain > self.by or self.confidence is None:
            return gain > self.by, found
        units = _units(compared)
        if len(units) < FEWEST_UNITS:
            return False, (
                f"{found}; the rows are of {len(units)} groups or stretches of time, too few to tell that from chance "
                "(`confidence: null` in params/retrain.yaml judges by the score alone)"
            )
        random = np.random.default_rng(self.random_state)
        drawn = (random.integers(0, len(units), len(units)) for _ in range(self.samples))
        gains = np.array([_gain(compared, np.concatenate([units[unit] for unit in some])) for some in drawn])
        known = gains[~np.isnan(gains)]
        if not len(known):
            return False, f"{found}; the metric is undefined for samples of these rows"
        share = float((known > self.by).mean())
        if share < self.confidence:
            return False, (
                f"{found}, but that is no clear difference: it holds on {100 * share:.0f}% of samples of them, and "
                f"{100 * self.confidence:g}% are asked for"
            )
        return True, f"{found}, which holds on {100 * share:.0f}% of samples of them"


def _units(compared: Compared) -> list[np.ndarray]:
    """Return the positions of the rows of each unit."""
    if compared.units is None:
        return list(np.arange(compared.rows).reshape(-1, 1))
    order = np.argsort(compared.units, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(compared.units[order])) + 1)


def _gain(compared: Compared, rows: np.ndarray) -> float:
    new, registered = compared.scores(rows)
    return new - registered
