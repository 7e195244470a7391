"""How far apart two samples of one column are: PSI with a threshold for their sizes, and a two-sample test.

The population stability index (PSI) of few rows is large without any drift. So its distribution without drift is
simulated for the sizes of the two samples, and what counts is by how much the index exceeds what chance gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

BINS = 10  # of numbers, by the quantiles of the reference
LEVELS = 30  # categories that have a bin of their own; rarer ones share one
DRAWS = 500  # pairs of samples without drift that are simulated for each column
FEWEST = 3  # rows of the smaller sample that a bin is to have; with fewer, single rows would look like drift
FEWEST_EXPECTED = 5  # rows in a cell of the chi-square test
REST = "\0rest"  # stands for the rarer categories, and can be no category itself


@dataclass(frozen=True)
class Shift:
    """How far apart two samples of one column are.

    Attributes
    ----------
    psi : the population stability index.
    chance : the mean PSI of two samples of these sizes without drift.
    threshold : the PSI that two samples without drift exceed with the probability that was asked for.
    test : the name of the two-sample test.
    statistic : the distance of Kolmogorov and Smirnov, or Cramér's V, both from 0 to 1.
    p_value : of the test, not corrected for other columns.
    bins : the names of the bins.
    reference, window : their shares in the two samples.
    """

    psi: float
    chance: float
    threshold: float
    test: str
    statistic: float
    p_value: float
    bins: tuple[str, ...]
    reference: tuple[float, ...]
    window: tuple[float, ...]

    @property
    def effect(self) -> float:
        """The PSI beyond what chance gives."""
        return max(self.psi - self.chance, 0.0)


def shift_of_numbers(reference: np.ndarray, window: np.ndarray, level: float, seed: int = 0) -> Shift:
    """Compare two samples of numbers, none missing, by the quantiles of the first and the Kolmogorov-Smirnov test.

    Parameters
    ----------
    reference, window : arrays of shape (rows,)
    level : the probability with which samples without drift may exceed the threshold of the PSI.
    seed : of the simulation.
    """
    edges = _edges(reference, window)
    before, after = (
        np.bincount(np.searchsorted(edges, part, side="left"), minlength=len(edges) + 1) for part in (reference, window)
    )
    test = stats.ks_2samp(reference, window, method="asymp")
    tested = ("Kolmogorov-Smirnov", float(test.statistic), float(test.pvalue))
    return _shift(before, after, _names(edges), level, tested, seed)


def shift_of_categories(reference: pd.Series, window: pd.Series, level: float, seed: int = 0) -> Shift:
    """Compare two samples of categories by their shares and the chi-square test; see `shift_of_numbers`."""
    known = _levels(reference, window)
    counts = [part.where(part.isin(known), REST).value_counts() for part in (reference, window)]
    names = [*known, *([REST] if any(REST in part for part in counts) else [])]
    before, after = (part.reindex(names, fill_value=0).to_numpy() for part in counts)
    shown = tuple("others" if name == REST else str(name) for name in names)
    return _shift(before, after, shown, level, _chi_square(before, after), seed)


def psi_of(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the PSI of counts of shape (..., bins); half a row is added to each bin, so that none is empty."""
    p, q = ((part + 0.5) / (part + 0.5).sum(axis=-1, keepdims=True) for part in (reference, window))
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Benjamini-Hochberg)."""
    if not len(p_values):
        return []
    return [float(value) for value in stats.false_discovery_control(np.clip(p_values, 0, 1))]


def share_test(reference: tuple[int, int], window: tuple[int, int]) -> float:
    """Return the p-value of Fisher's exact test that two shares, each given as (count, rows), are equal."""
    table = [[count, rows - count] for count, rows in (reference, window)]
    return float(stats.fisher_exact(table).pvalue)


def unseen_test(unseen: int, rows: int, reference: pd.Series) -> tuple[float, float]:
    """Compare the rows with new categories with how many were to be expected without drift.

    The share to be expected is that of the reference's values that stand there once (Good and Turing).

    Parameters
    ----------
    unseen, rows : how many rows of the window hold a new category, and how many hold any.
    reference : the column of the reference, without missing values.

    Returns
    -------
    The expected share, and the p-value of a one-sided binomial test.
    """
    once = int((reference.value_counts() == 1).sum())
    expected = min((once + 1) / (len(reference) + 1), 1.0)
    return expected, float(stats.binom.sf(unseen - 1, rows, expected))


def _shift(
    reference: np.ndarray,
    window: np.ndarray,
    names: tuple[str, ...],
    level: float,
    test: tuple[str, float, float],
    seed: int,
) -> Shift:
    psi = float(psi_of(reference, window))
    chance, threshold = _without_drift(reference, window, level, seed)
    shares = [tuple(float(one) for one in part / max(part.sum(), 1)) for part in (reference, window)]
    return Shift(psi, chance, threshold, *test, names, *shares)


def _without_drift(reference: np.ndarray, window: np.ndarray, level: float, seed: int) -> tuple[float, float]:
    """Return the mean PSI of samples without drift, and the PSI that they exceed with the probability `level`.

    Both samples are drawn from the two together (a bootstrap of binned values). Far tails cannot be counted in some
    hundred draws; those of a gamma distribution of the same mean and variance are taken, which fits a PSI well.
    """
    random, together = np.random.default_rng(seed), reference + window
    shares = together / together.sum()
    draws = [random.multinomial(int(part.sum()), shares, size=DRAWS) for part in (reference, window)]
    found = psi_of(*draws)
    mean, variance = float(found.mean()), float(found.var())
    if variance <= 0:
        return mean, mean
    return mean, float(stats.gamma.isf(level, mean**2 / variance, scale=variance / mean))


def _edges(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the upper edges of all bins but the last: quantiles of the reference, or its values if they are few.

    Bins that would hold few rows are put to their neighbours.
    """
    unique = np.unique(reference)
    quantiles = np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")
    edges = unique[:-1] if len(unique) <= BINS else np.unique(quantiles)
    below = np.searchsorted(np.sort(np.concatenate([reference, window])), edges, side="right")
    rows = len(reference) + len(window)
    smaller = min(len(reference), len(window)) / rows
    kept, last = [], 0
    for edge, count in zip(edges, below, strict=True):
        if (count - last) * smaller >= FEWEST and (rows - count) * smaller >= FEWEST:
            kept.append(edge)
            last = count
    return np.array(kept)


def _levels(reference: pd.Series, window: pd.Series) -> list[str]:
    """Return the categories that have a bin of their own: those of the reference that are not rare in both samples."""
    counts = reference.value_counts()
    together = counts.add(window.value_counts(), fill_value=0)
    smaller = min(len(reference), len(window)) / (len(reference) + len(window))
    kept = [name for name in counts.head(LEVELS).index if together[name] * smaller >= FEWEST]
    if kept and 0 < (together.sum() - together[kept].sum()) * smaller < FEWEST:
        kept = kept[:-1]  # the few other rows are put to the rarest category
    return kept


def _names(edges: np.ndarray) -> tuple[str, ...]:
    if not len(edges):
        return ("all",)
    shown = [f"{edge:.4g}" for edge in edges]
    return (f"≤ {shown[0]}", *(f"{a} – {b}" for a, b in pairwise(shown)), f"> {shown[-1]}")


def _chi_square(reference: np.ndarray, window: np.ndarray) -> tuple[str, float, float]:
    """Test whether two rows of counts have the same shares; cells that expect few rows are put together."""
    together = reference + window
    expected = together * min(reference.sum(), window.sum()) / together.sum()
    few = expected < FEWEST_EXPECTED
    cells = [[*part[~few], *([part[few].sum()] if few.any() else [])] for part in (reference, window)]
    table = np.array(cells)[:, np.sum(cells, axis=0) > 0]
    if table.shape[1] < 2:
        return "chi-square", 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    return "chi-square", float(np.sqrt(found.statistic / table.sum())), float(found.pvalue)
