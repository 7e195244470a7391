"""Search: try configurations of one model by cross-validation, within a budget.

A trial goes through `Search.run` in this order: `_ask` draws its values, `_submit` hands its folds to the workers,
`_collect` takes the scores of the folds and reports them to the pruner, and `_tell` ends the trial in the study.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.pruners import BasePruner, NopPruner, WilcoxonPruner
from optuna.trial import TrialState

from ..errors import UserError
from ..objects.space import Values, starts, suggest
from .candidates import Result
from .fold import Job, Scored, death, fit_fold
from .study import (
    OUT_OF_TIME,
    best_trial,
    enqueue,
    few_left,
    forget_outputs,
    keep_outputs,
    mean_score,
    owner,
    snapshot,
    summary,
)


@dataclass
class RunningTrial:
    """A trial that is under way: its folds are fitted one after another, so that it can be stopped between them.

    Attributes
    ----------
    trial : of the study.
    view : what the pruner sees of the trial and of the study.
    values : the configuration.
    at_once : how many of its folds may be under way at a time.
    sent : how many folds were handed to the workers.
    found : the results of folds, by their numbers.
    scores : of the folds that were reported to the pruner, in order.
    losses : how often a process died that fitted it; `death` says how.
    state : how the trial ended, once it has; `error` says why it failed.
    """

    trial: optuna.Trial
    view: optuna.Trial
    values: Values
    at_once: int
    sent: int = 0
    found: dict[int, Scored] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    losses: int = 0
    death: str | None = None
    state: TrialState | None = None
    error: str | None = None

    @property
    def label(self) -> str:
        """What a reader calls the trial."""
        return str(self.trial.user_attrs.get("start", f"trial {self.trial.number}"))

    def waits_for_worker(self, folds: int) -> bool:
        """Return whether another of so many folds can be handed to a worker."""
        return self.state is None and self.sent < folds and self.sent - len(self.scores) < self.at_once

    def fail(self, error: str | None) -> None:
        """End the trial as failed."""
        self.state, self.error = TrialState.FAIL, error

    def fit_again(self) -> None:
        """Hand the folds without a score to the workers again."""
        self.sent = len(self.scores)

    def score(self, folds: int, pruner: BasePruner, metric: str) -> None:
        """Report the folds that have been fitted, in order; end the trial if the pruner or the last fold says so."""
        while self.state is None and (number := len(self.scores)) in self.found:
            self.scores.append(self.found[number].score)
            prunes = not isinstance(pruner, NopPruner)
            if prunes:
                # Wilcoxon's test compares trials fold by fold, the other pruners compare how far they have got.
                paired = isinstance(pruner, WilcoxonPruner)
                self.view.report(mean_score(self.scores[-1:] if paired else self.scores), number)
            if number + 1 == folds:
                self.state = TrialState.COMPLETE
                if math.isnan(mean_score(self.scores)):
                    self.fail(f"{metric} is undefined in every fold")
            elif prunes and self.view.should_prune():
                self.state = TrialState.PRUNED
        if self.state is None and self.losses > 1:
            self.fail(self.death)


@dataclass
class Search:
    """The search of one model's space: its defaults first, then its seeds, then what the study's sampler suggests.

    With a seeded sampler and a budget of trials, the result depends on `workers.trials` alone: a trial is asked for
    when the one that is so many before it has ended, and its pruner sees no later one.

    Attributes
    ----------
    job : the model and the rows.
    study : of `open_study`; the search goes on from the trials that it holds.
    workers : where to fit; started by the caller.
    trials : how many trials in all, those of an earlier, interrupted run included; None for no limit.
    deadline : when to stop, in the seconds of `time.monotonic`.
    first_deadline : until when to wait for the first trial, also beyond the deadline.
    folder : where to keep the outputs of the best trials; None keeps none.
    on_trial_end : called after each trial with the result so far.
    """

    job: Job
    study: optuna.Study
    workers: Any
    trials: int | None = None
    deadline: float = math.inf
    first_deadline: float = -math.inf
    folder: Path | None = None
    on_trial_end: Callable[[Result, optuna.Study], None] = lambda result, study: None

    def __post_init__(self) -> None:
        self._folds = len(self.job.data.folds)
        self._points = starts(self.job.model.space, self.job.model.seeds)
        self._active: deque[RunningTrial] = deque()
        self._pending: dict[Future[Scored], tuple[RunningTrial, int]] = {}
        if not self.job.model.space:
            self.trials = 1  # all others would be the same

    def run(self) -> Result:
        """Search until the budget is spent.

        Returns
        -------
        The result; its `state` is "ok", or why there is no score: no trial finished, or the defaults cannot be fitted.
        """
        enqueue(self.study, self._points)
        self._shared = self.workers.share(self.job)
        self._result = self._summary()
        self._fit_best_of_others()
        self._ask()
        while self._active:
            try:
                self._submit()
            except BrokenExecutor:  # a process died just now, and takes no work any more
                self._restart()
                continue
            done = self._wait()
            if not done:
                self._stop()
                break
            self._collect(done)
            while self._active and self._active[0].state is not None:
                run = self._active.popleft()
                self._tell(run)
                self._result = self._summary()
                self.on_trial_end(self._result, self.study)
                if run.state == TrialState.FAIL and run.label == "defaults":
                    return self._result
                self._forget()
                self._ask()
        return self._summary()

    def _ask(self) -> None:
        """Start trials until as many are under way as there may be, or the budget is spent."""
        while len(self._active) < self.workers.trials and self._budget_is_left():
            trial = self.study.ask()
            trial.set_user_attr("owner", owner(self.folder))
            start = trial.user_attrs.get("start")
            values = suggest(trial, self.job.model.space, self._points.get(start) if start else None)
            # The folds of a trial wait for each other, so that none is fitted in vain where the pruner stops it. There
            # is little yet by which to stop the defaults and the seeds, and the last trials are better finished than
            # begun.
            slots = self.workers.slots
            all_at_once = start or few_left(self.study, slots, self.deadline - time.monotonic())
            view = trial if self.workers.trials == 1 else snapshot(self.study, trial)
            self._active.append(RunningTrial(trial, view, values, slots if all_at_once else 1))

    def _submit(self) -> None:
        """Hand folds to the workers that have nothing to do, those of the earliest trial first."""
        for run in self._active:
            while run.waits_for_worker(self._folds) and len(self._pending) < self.workers.slots:
                future = self.workers.submit(fit_fold, self._shared, run.values, run.sent)
                self._pending[future] = run, run.sent
                run.sent += 1

    def _wait(self) -> list[Future[Scored]]:
        """Return the folds that have been fitted, in the order of trials; none if the time is over before that."""
        left = self._seconds_left()
        done, _ = wait(self._pending, None if left == math.inf else max(left, 0), FIRST_COMPLETED)

        def place(future: Future[Scored]) -> tuple[int, int]:
            run, number = self._pending[future]
            return run.trial.number, number

        return sorted(done, key=place)

    def _collect(self, done: list[Future[Scored]]) -> None:
        """Take the results of folds and report their scores; start the workers again if one of them has died."""
        lost: dict[int, RunningTrial] = {}
        for future in done:
            run, number = self._pending.pop(future)
            try:
                run.found[number] = future.result()
            except UserError:
                raise
            except BrokenExecutor as error:
                lost[run.trial.number] = run
                run.death = death(error)
                run.fit_again()
            except Exception as error:
                run.fail(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
        for run in lost.values():
            run.losses += 1  # once, however many of its folds were under way
        if lost:
            self._restart()
        for run in self._active:
            run.score(self._folds, self.study.pruner, self.job.data.metric.name)

    def _tell(self, run: RunningTrial) -> None:
        """End a trial in the study, and keep its outputs."""
        trial, found = run.trial, run.found.values()
        objectives = len(self.study.directions)
        if run.view is not trial and objectives == 1:
            for number in range(len(run.scores)):
                trial.report(mean_score(run.scores[: number + 1]), number)
        trial.set_user_attr("folds", run.scores)
        trial.set_user_attr("seconds", round(sum(fold.seconds for fold in found), 3))
        trial.set_user_attr("preprocess_seconds", round(sum(fold.preprocess_seconds for fold in found), 3))
        if run.error:
            trial.set_user_attr("error", run.error)
        if run.state != TrialState.COMPLETE:
            self.study.tell(trial, state=run.state)
            return
        if self.folder is not None:
            keep_outputs(self.folder, trial.number, [run.found[number] for number in range(self._folds)])
        prediction_time = float(np.mean([fold.prediction_time for fold in found]))
        trial.set_user_attr("prediction_time", round(prediction_time, 6))
        self.study.tell(trial, [mean_score(run.scores), prediction_time][:objectives])

    def _stop(self) -> None:
        """End all trials because the time is over; those that only waited for an earlier one count."""
        finished = [run for run in self._active if run.state is not None]
        for run in self._active:
            if run.state is None:
                run.fail(run.death or OUT_OF_TIME)
            self._tell(run)
        if finished or any(run.death for run in self._active):
            self.on_trial_end(self._summary(), self.study)

    def _restart(self) -> None:
        """Start new processes after one has died; what the others were at is done again."""
        for run, _ in self._pending.values():
            run.fit_again()
        self._pending.clear()
        self.workers.stop()
        self.workers.start()
        self._shared = self.workers.share(self.job)

    def _summary(self) -> Result:
        return summary(self.job, self.study, self.folder)

    def _seconds_left(self) -> float:
        deadline = self.deadline if self._result.trials else max(self.deadline, self.first_deadline)
        return deadline - time.monotonic()

    def _budget_is_left(self) -> bool:
        trials = self._result.trials + len(self._active)
        return (self.trials is None or trials < self.trials) and self._seconds_left() > 0

    def _fit_best_of_others(self) -> None:
        """Fit the best trial of a study whose trials were all made elsewhere: its outputs are not on this machine."""
        spent = self.trials is not None and self._result.trials >= self.trials
        best = best_trial(self.study)
        if self.folder is None or self._result.candidates or not spent or best is None:
            return
        fits = [self.workers.submit(fit_fold, self._shared, best.params, number) for number in range(self._folds)]
        keep_outputs(self.folder, best.number, [fit.result() for fit in fits])
        self._result = self._summary()

    def _forget(self) -> None:
        """Delete the outputs of trials that are no longer among the best."""
        if self.folder is not None:
            best = {candidate["trial"] for candidate in self._result.candidates}
            forget_outputs(self.folder, best | {run.trial.number for run in self._active})
