"""Members: fit the configurations that a final model is made of, as many of them as the clock allows."""

import pickle  # nosec B403 # what this process made, for its own workers
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from ..errors import UserError
from .candidates import Candidate
from .ensemble import Folds, models
from .fit import Wrapper, assemble, fit, parts
from .fold import death, prepared
from .training_set import TrainingSet

ARRAYS, REST = 100_000_000, 15_000_000  # bytes a second: how fast a member is written, read again and compared


@dataclass(frozen=True)
class Member:
    """A configuration that was chosen; `share` is how long fitting it takes, as a share of what its folds took."""

    candidate: Candidate
    share: float

    @property
    def seconds(self) -> float:
        """The expected time for fitting it."""
        return self.candidate.seconds * self.share


@dataclass(frozen=True)
class MemberJob:
    """What the fits of all members share: a key, the rows, and whether a member learns from all (else: by fold)."""

    key: str
    data: TrainingSet
    refit: bool


class MemberFits:
    """The fits of members in a given order: as many as the clock allows, and the first in any case.

    Attributes
    ----------
    fitted : the fitted members, by their numbers.
    """

    def __init__(self, members: Mapping[int, Member], job: MemberJob, workers: Any, deadline: float) -> None:
        self.members, self.workers, self.deadline = members, workers, deadline
        self.fitted: dict[int, Any] = {}
        self._shared = workers.share(job)
        self._pending: dict[Future[Any], int] = {}
        self._storing = 0.0  # seconds for the members that are fitted
        self._preprocessed: set[str] = set()

    def run(self, order: Sequence[int]) -> dict[int, Any]:
        """Fit the members of these numbers; print which of them are left out.

        Raises
        ------
        UserError
            If the process dies that fits a member.
        """
        waiting = list(order)
        while waiting or self._pending:
            while waiting and len(self._pending) < self.workers.slots:
                self._submit(waiting.pop(0))
            left = self._seconds_left()
            # The first member is waited for: it is the best one, and others that are quicker are no substitute.
            limited = order[0] in self.fitted and left < np.inf
            done, _ = wait(self._pending, max(left, 0) if limited else None, FIRST_COMPLETED)
            if not done:
                for number in self._pending.values():
                    print(f"{self._name(number)} is left out: it was not fitted in time")
                break
            for future in done:
                self._collect(future)
        return self.fitted

    def _submit(self, number: int) -> None:
        """Hand a member to a worker, unless fitting it would take longer than the time that is left."""
        member, left = self.members[number], self._seconds_left()
        tried = member.candidate
        shared = tried.preprocess_seconds if tried.preprocess in self._preprocessed else 0.0
        expected = member.share * (tried.seconds - shared)
        if expected > left and (self.fitted or self._pending):
            left = max(left, 0)
            print(f"{tried.name} is left out: fitting it would take about {expected:.1f} s, and {left:.1f} s are left")
            return
        self._preprocessed.add(tried.preprocess)
        try:
            self._pending[
                self.workers.submit(fit_member, tried.model, tried.values, tried.preprocess, self._shared)
            ] = number
        except BrokenExecutor as error:
            raise UserError(f"{tried.name}: {death(error)}") from None

    def _collect(self, future: Future[Any]) -> None:
        number = self._pending.pop(future)
        try:
            self.fitted[number], storing = future.result()
        except BrokenExecutor as error:
            raise UserError(f"{self._name(number)}: {death(error)}") from None
        self._storing += storing

    def _seconds_left(self) -> float:
        return self.deadline - self._storing - time.monotonic()

    def _name(self, number: int) -> str:
        return self.members[number].candidate.name


def fit_order(
    positions: Sequence[int], weights: Sequence[float] | None, times: Sequence[float], seconds: float
) -> list[int]:
    """Return the numbers of the members in the order in which they are fitted.

    The best member that can be fitted in time comes first, or the quickest where none can be; the others follow by
    their weights.

    Parameters
    ----------
    positions : by member, its place among the configurations, which are sorted best first.
    weights : of the members; None where their order does not matter.
    times : expected seconds for fitting each member.
    seconds : how long fitting may take.
    """
    numbers = list(range(len(positions)))
    if not weights:
        return numbers
    in_time = [number for number in numbers if times[number] <= seconds]
    if not in_time:
        return sorted(numbers, key=times.__getitem__)
    first = min(in_time, key=positions.__getitem__)
    others = (number for number in numbers if number != first)
    return [first, *sorted(others, key=lambda number: -weights[number])]


def fit_member(model: Any, values: Any, preprocess: str, job: MemberJob) -> tuple[Any, float]:
    """Fit a member to all rows, or to those of each fold; return it, and the seconds that storing it takes.

    Members of one `preprocess` share the fitted preprocessing.
    """
    data = job.data
    estimator = assemble(model, values, data.dtypes, data.task)
    split = parts(estimator)

    def fitted(number: int, learn: Any) -> Any:
        X, y, weights = data.rows(learn)
        if split is None:
            return fit(estimator, X, y, weights)
        fitted_before, transformed, _ = prepared(split, X, y, (job.key, preprocess, number))
        return split.fit(fitted_before, transformed, y, weights)

    if job.refit:
        member = fitted(0, slice(None))
    else:
        member = Folds([fitted(number, learn) for number, (learn, _) in enumerate(data.folds)])
    return member, _seconds_for_storing(member)


def share_preprocessing(members: Sequence[Any], candidates: Sequence[Candidate]) -> None:
    """Let members have the preprocessing in common where it is the same.

    Each process that fits members has fitted it once; of two that are equal one is enough to keep, and to transform by.
    """
    shared: dict[tuple[str, int], Any] = {}
    for member, candidate in zip(members, candidates, strict=True):
        for fold, model in enumerate(models(member)):
            whole = model.estimator_ if isinstance(model, Wrapper) else model
            if isinstance(whole, Pipeline) and not any(hasattr(step, "fit_resample") for _, step in whole.steps):
                whole.steps[:-1] = shared.setdefault((candidate.preprocess, fold), whole.steps[:-1])


def _seconds_for_storing(model: Any) -> float:
    """Return how long storing a model takes by its size: the text of boosted trees is slower than arrays."""
    arrays: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(model, protocol=5, buffer_callback=arrays.append)
    return sum(array.raw().nbytes for array in arrays) / ARRAYS + len(rest) / REST
