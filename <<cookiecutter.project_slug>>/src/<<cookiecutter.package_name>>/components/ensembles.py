"""Ensembles: which of the tried configurations make up the final model, and how their outputs become one.

Each has `choose(outputs, y_true, score, mean)`, where

- `outputs` has shape (configurations, rows, k): the out-of-fold predictions of each, best configuration first;
  k is the number of classes, for which these are probabilities, or of the numbers that are predicted;
- `y_true` has shape (rows,), or (rows, targets) where there are several: codes or numbers;
- `score` gives the score of outputs of shape (rows, k), more is better;
- `mean` gives the estimator that takes the mean with such weights.

Where rows have weights, `score` counts them. A `choose` with a parameter `weights` is given them, of shape (rows,), and
one with a parameter `fold_scores` the scores of the search, of shape (configurations, folds).

It returns the positions of the members, and an estimator that makes one prediction of the members' outputs side by
side, an array of shape (rows, members * k). `refit` says what a member is: fitted to all training rows, or (false)
the mean of models that are fitted to the folds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

Score = Callable[[np.ndarray], float]
Mean = Callable[[list[float]], Any]
Choice = tuple[list[int], Any]

HEDGES = 5  # configurations that share the hedge of a selection


class BestSingle:
    """The best configuration alone.

    Parameters
    ----------
    model : take it from this model's; None for the best of all.
    refit : fit it to all training rows; false: the mean of models fitted to the folds.
    """

    kind = "ensemble"

    def __init__(self, model: str | None = None, refit: bool = True) -> None:
        self.model, self.refit = model, refit

    def choose(self, outputs: np.ndarray, y_true: np.ndarray, score: Score, mean: Mean) -> Choice:
        """The first."""
        return [0], mean([1.0])


class Voting:
    """The plain mean of the best configurations.

    Parameters
    ----------
    size : how many.
    refit : fit each to all training rows; false: the mean of models fitted to the folds.
    """

    kind = "ensemble"

    def __init__(self, size: int = 5, refit: bool = True) -> None:
        if size < 1:
            raise ValueError(f"size needs a whole number above 0, not {size}")
        self.size, self.refit = size, refit

    def choose(self, outputs: np.ndarray, y_true: np.ndarray, score: Score, mean: Mean) -> Choice:
        """The first `size`."""
        members = list(range(min(self.size, len(outputs))))
        return members, mean([1 / len(members)] * len(members))


class GreedySelection:
    """Greedy ensemble selection with replacement, on bags of the configurations.

    From the best `initial` on, the configuration is added that helps the mean most, again and again; how often each was
    added is its weight. Bags keep it from picking what fits these rows by chance; they are large, so that a model of
    which one configuration alone is there is not left out by chance.

    The best of many configurations looks better than it is, on small tables above all: one that is right on every row
    by luck is chosen alone, and is as sure of the next row. So a part of the weight, `hedge`, goes to the mean of the
    best `HEDGES` that are within two standard errors of the best over the folds.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, ICML 2004.

    Parameters
    ----------
    size : how many times one is added.
    initial : how many of the best it starts from.
    bags : how many times the selection is done, each on three quarters of the configurations; 1 for once on all.
    max_members : the most members; those with the largest weights stay.
    hedge : the part of the weight, from 0 to 1, that those share that only chance may tell from the best.
    refit : fit each to all training rows; false: the mean of models fitted to the folds.
    random_state : the seed of the bags.
    """

    kind = "ensemble"

    def __init__(
        self,
        size: int = 25,
        initial: int = 1,
        bags: int = 4,
        max_members: int = 10,
        hedge: float = 0.2,
        refit: bool = True,
        random_state: int = 0,
    ) -> None:
        for name, value in {"size": size, "initial": initial, "bags": bags, "max_members": max_members}.items():
            if value < 1:
                raise ValueError(f"{name} needs a whole number above 0, not {value}")
        if not 0 <= hedge <= 1:
            raise ValueError(f"hedge needs a number from 0 to 1, not {hedge}")
        self.size, self.initial, self.bags, self.max_members = size, initial, bags, max_members
        self.hedge, self.refit, self.random_state = hedge, refit, random_state

    def choose(
        self, outputs: np.ndarray, y_true: np.ndarray, score: Score, mean: Mean, fold_scores: np.ndarray | None = None
    ) -> Choice:
        """Return the members and their weighted mean."""
        weights = self._selected(outputs, score)
        if fold_scores is not None and self.hedge:
            equals = within_chance(fold_scores)[:HEDGES]
            weights *= 1 - self.hedge
            weights[equals] += self.hedge / len(equals)
        members = self._heaviest(weights)
        return members.tolist(), mean((weights[members] / weights[members].sum()).tolist())

    def _selected(self, outputs: np.ndarray, score: Score) -> np.ndarray:
        """Return the weight of each configuration in the selection."""
        random = np.random.default_rng(self.random_state)
        counts = np.zeros(len(outputs))
        for _ in range(self.bags):
            size = len(outputs) if self.bags == 1 else -(-3 * len(outputs) // 4)
            bag = np.sort(random.choice(len(outputs), size, replace=False))  # nosec B311 # a seeded sample, no secret
            counts += np.bincount(bag[self._grow(outputs[bag], score)], minlength=len(outputs)) / self.bags
        members = self._heaviest(counts)
        weights = np.zeros(len(outputs))
        weights[members] = counts[members] / counts[members].sum()
        # Chance has a hand in a selection: if it does not help on these rows either, the best alone is the better.
        if score(np.tensordot(weights[members], outputs[members], axes=1)) <= score(outputs[0]):
            weights = np.eye(len(outputs))[0]
        return weights

    def _heaviest(self, weights: np.ndarray) -> np.ndarray:
        """Return the positions of the `max_members` largest weights above 0."""
        return np.sort(np.argsort(-weights, kind="stable")[: min(self.max_members, int((weights > 0).sum()))])

    def _grow(self, outputs: np.ndarray, score: Score) -> np.ndarray:
        """The positions that were added, up to the best point on the way."""
        chosen = list(range(min(self.initial, len(outputs))))
        total = outputs[chosen].sum(axis=0)
        best, length = score(total / len(chosen)), len(chosen)
        while len(chosen) < self.size:
            scores = [score((total + one) / (len(chosen) + 1)) for one in outputs]
            position = int(np.argmax(scores))
            chosen.append(position)
            total = total + outputs[position]
            if scores[position] > best:
                best, length = scores[position], len(chosen)
        return np.asarray(chosen[:length])


def within_chance(fold_scores: np.ndarray) -> np.ndarray:
    """Return the positions of the configurations that are within two standard errors of the first over the folds.

    Parameters
    ----------
    fold_scores : array of shape (configurations, folds)
        The best first; NaN where a metric is undefined for a fold. With a single fold there is only the first.
    """
    behind = fold_scores[0] - fold_scores
    known = (~np.isnan(behind)).sum(axis=1)
    close = np.zeros(len(behind), dtype=bool)
    close[0] = True
    some = known > 1
    error = np.nanstd(behind[some], axis=1, ddof=1) / np.sqrt(known[some])
    close[some] |= np.nanmean(behind[some], axis=1) <= 2 * error
    return np.flatnonzero(close)


class Stacking:
    """Another model that learns from the outputs of the best configurations.

    Parameters
    ----------
    final_estimator : a classifier or a regressor for arrays of shape (rows, members * k).
    size : how many members.
    refit : fit each to all training rows; false: the mean of models fitted to the folds.
    """

    kind = "ensemble"

    def __init__(self, final_estimator: Any, size: int = 8, refit: bool = True) -> None:
        if size < 1:
            raise ValueError(f"size needs a whole number above 0, not {size}")
        self.final_estimator, self.size, self.refit = final_estimator, size, refit

    def choose(
        self, outputs: np.ndarray, y_true: np.ndarray, score: Score, mean: Mean, weights: np.ndarray | None = None
    ) -> Choice:
        """The first `size` and the fitted model."""
        members = list(range(min(self.size, len(outputs))))
        given = {} if weights is None else {"sample_weight": weights}
        return members, clone(self.final_estimator).fit(np.concatenate(outputs[members], axis=1), y_true, **given)
