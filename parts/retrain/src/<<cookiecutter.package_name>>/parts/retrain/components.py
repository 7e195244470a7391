"""Rules: when a newly trained model is better than the registered one; `params/retrain.yaml` names one of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Compared:
    """Two models asked about the same rows, from which neither has learned.

    Parameters
    ----------
    rows : how many rows there are.
    scores : the score of the new model and that of the registered one on the rows at these positions, or NaN where the
        metric is undefined for them. Of scores more is always better, also of a metric of which less is better.
    """

    rows: int
    scores: Callable[[np.ndarray], tuple[float, float]]


class Rule(ABC):
    """What all rules share."""

    kind = "rule"

    @abstractmethod
    def judge(self, compared: Compared) -> tuple[bool, str]:
        """Whether the new model is the better one, and why, as the end of a sentence."""


class Better(Rule):
    """Its score is higher by more than `by`, which is in units of the metric."""

    def __init__(self, by: float = 0.0) -> None:
        if isinstance(by, bool) or not isinstance(by, int | float):
            raise ValueError(f"by needs a number, not {by!r}")
        self.by = by

    def judge(self, compared: Compared) -> tuple[bool, str]:
        """By the scores on all rows."""
        gain = _gain(compared, np.arange(compared.rows))
        found = f"that is {'better' if gain > 0 else 'worse'} by {abs(gain):.4g}" if gain else "that is no better"
        return gain > self.by, found + (f", and more than {self.by:g} is asked for" if self.by else "")


class SurelyBetter(Rule):
    """It is better by more than `by` on at least `confidence` of the samples that are drawn from the rows.

    A few rows can make a model look better by chance. The samples are as large as the table and drawn with replacement
    (the bootstrap), the same for both models. This takes rows for independent of each other, which those of a time
    series or of a group are not.

    Parameters
    ----------
    confidence : a share from 0.5 to 1.
    by : in units of the metric.
    samples : how many are drawn.
    """

    def __init__(self, confidence: float = 0.9, by: float = 0.0, samples: int = 500, random_state: int = 0) -> None:
        if isinstance(confidence, bool) or not isinstance(confidence, int | float) or not 0.5 <= confidence <= 1:
            raise ValueError(f"confidence is a share from 0.5 to 1, not {confidence!r}")
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise ValueError(f"samples needs a whole number above 0, not {samples!r}")
        self.confidence, self.by, self.samples, self.random_state = confidence, by, samples, random_state

    def judge(self, compared: Compared) -> tuple[bool, str]:
        """By the scores on samples of the rows; one for which the metric is undefined does not count."""
        random = np.random.default_rng(self.random_state)
        gains = [_gain(compared, random.integers(0, compared.rows, compared.rows)) for _ in range(self.samples)]
        known = [one for one in gains if not np.isnan(one)]
        if not known:
            return False, "the metric is undefined for samples of these rows"
        share = float(np.mean([one > self.by for one in known]))
        than = f" by more than {self.by:g}" if self.by else ""
        asked = f"and {100 * self.confidence:g}% are asked for"
        return share >= self.confidence, f"it is better{than} on {100 * share:.0f}% of samples of them, {asked}"


def _gain(compared: Compared, rows: np.ndarray) -> float:
    new, registered = compared.scores(rows)
    return new - registered
