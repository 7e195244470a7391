"""Tune: search one model's space by cross-validation, within a budget, from a study that survives being killed."""

import contextlib
import math
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..errors import UserError
from ..files import replacing_file
from ..objects.space import Values, starts, suggest
from .fold import Job, Scored, fit_fold

FEW = 8  # trials that are left to the clock, from which on the folds of one do not wait for each other
KEPT = 12  # trials of a model whose outputs are kept, for `train` to choose from


@dataclass
class Result:
    """What the search of one model found. Scores are scikit-learn's: more is better.

    `key` names the study; `candidates` are its best trials, best first, whose outputs on the scored rows are kept.
    """

    name: str
    estimator: str
    key: str = ""
    state: str = "no trial has finished"
    values: Values = field(default_factory=dict)
    best: str | None = None
    score: float | None = None
    std: float | None = None
    folds: list[float] = field(default_factory=list)
    trials: int = 0
    pruned: int = 0
    failed: int = 0
    seconds: float = 0.0
    candidates: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)


@dataclass
class Run:
    """A trial that is under way: its folds are fitted one after another, so that it can be stopped between them.

    `view` is what the pruner sees of the study; `ended` is how the trial ended, once it has; `death` says how
    a process died that fitted it.
    """

    trial: optuna.Trial
    view: optuna.Trial
    values: Values
    at_once: int
    began: float = field(default_factory=time.monotonic)
    sent: int = 0
    found: dict[int, Scored] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    losses: int = 0
    death: str | None = None
    ended: TrialState | None = None
    error: str | None = None

    @property
    def label(self) -> str:
        """What a reader calls the trial."""
        return str(self.trial.user_attrs.get("start", f"trial {self.trial.number}"))


def tune(
    job: Job,
    *,
    sampler: optuna.samplers.BaseSampler,
    pruner: optuna.pruners.BasePruner,
    workers: Any,
    also_minimize: str | None = None,
    trials: int | None = None,
    deadline: float = math.inf,
    least: float = -math.inf,
    storage: BaseStorage | Path | None = None,
    folder: Path | None = None,
    told: Callable[[Result, optuna.Study], None] = lambda result, study: None,
) -> Result:
    """Search a model's space: its defaults first, then its seeds, then what the sampler suggests.

    With a seeded sampler and a budget of trials, what is found depends on `workers.trials` alone: a trial is asked for
    when the one that is so many before it has been told, and its pruner sees no later one.

    Parameters
    ----------
    job : the model and the rows.
    workers : where to fit; started by the caller.
    also_minimize : "prediction_time" for a search with two objectives; no trial is then stopped early.
    trials : how many trials in all, those of an earlier, interrupted run included; None for no limit.
    deadline : when to stop, in the seconds of `time.monotonic`.
    least : until when to wait for the first trial, also beyond the deadline.
    storage : where to keep the study, a file for a journal or a storage of Optuna's; what it holds already is gone on
        from. None keeps it in memory.
    folder : where to keep the outputs of the best trials; None keeps none.
    told : called after each trial with the result so far.

    Returns
    -------
    The result; its `state` is "ok", or why there is no score: no trial finished, or the defaults cannot be fitted.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    model = job.model
    whose = owner(folder)
    directions = [StudyDirection.MAXIMIZE, *([StudyDirection.MINIMIZE] if also_minimize else [])]
    if also_minimize:
        pruner = optuna.pruners.NopPruner()  # Optuna stops no trial of two objectives
    study = _open(storage, f"{model.name} {job.key}", sampler, pruner, whose, directions)
    points = starts(model.space, model.seeds)
    _enqueue(study, points)
    if not model.space:
        trials = 1  # all others would be the same
    shared = workers.share(job)
    active: deque[Run] = deque()
    pending: dict[Future[Scored], tuple[Run, int]] = {}
    result = summary(job, study, folder)
    if folder and not result.candidates and trials is not None and result.trials >= trials:
        _fit_again(study, job, workers, shared, folder)
        result = summary(job, study, folder)

    def left() -> float:
        return (deadline if result.trials else max(deadline, least)) - time.monotonic()

    def wanted() -> bool:
        return (trials is None or result.trials + len(active) < trials) and left() > 0

    def submit() -> None:
        for run in active:
            while (
                run.ended is None
                and run.sent < len(job.folds)
                and run.sent - len(run.scores) < run.at_once
                and len(pending) < workers.slots
            ):
                future = workers.submit(fit_fold, shared, run.values, run.sent)
                pending[future] = run, run.sent
                run.sent += 1

    while True:
        while len(active) < workers.trials and wanted():
            active.append(_ask(study, job, points, workers, pruner, whose, deadline))
        if not active:
            break
        try:
            submit()
        except BrokenExecutor:  # a process died just now, and takes no work any more
            shared = _restart(workers, job, pending)
            continue
        done, _ = wait(pending, None if left() == math.inf else max(left(), 0), FIRST_COMPLETED)
        if not done and any(run.ended is None for run in active):
            ended = [run for run in active if run.ended is not None]  # and only waited for those before them
            for run in active:
                if run.ended is None:
                    run.error, run.ended = run.death or "out of time", TrialState.FAIL
                _tell(study, run, folder)
            if ended or any(run.death for run in active):
                told(summary(job, study, folder), study)
            break
        lost: dict[int, Run] = {}
        for future in sorted(done, key=lambda one: (pending[one][0].trial.number, pending[one][1])):
            run, number = pending.pop(future)
            try:
                run.found[number] = future.result()
            except UserError:
                raise
            except BrokenExecutor as error:
                lost[run.trial.number] = run
                run.sent, run.death = len(run.scores), death(error)
            except Exception as error:
                run.error = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
                run.ended = TrialState.FAIL
        for run in lost.values():
            run.losses += 1  # once, however many of its folds were under way
        if lost:
            shared = _restart(workers, job, pending)
        for run in active:
            _score(run, len(job.folds), pruner, job)
        while active and active[0].ended is not None:
            run = active.popleft()
            _tell(study, run, folder)
            result = summary(job, study, folder)
            told(result, study)
            if run.ended == TrialState.FAIL and run.label == "defaults":
                return result
            _forget(folder, result, {one.trial.number for one in active})
            if wanted():
                active.append(_ask(study, job, points, workers, pruner, whose, deadline))
    return summary(job, study, folder)


def summary(job: Job, study: optuna.Study, folder: Path | None) -> Result:
    """What a study has found so far; trials that the clock or a kill cut off do not count.

    The best are those whose outputs are in the folder: of a study that several machines share, this one's.
    """
    ended = [trial for trial in study.get_trials(deepcopy=False) if _counts(trial)]
    result = Result(job.model.name, job.model.estimator.name, job.key, trials=len(ended))
    result.pruned = sum(trial.state == TrialState.PRUNED for trial in ended)
    result.failed = sum(trial.state == TrialState.FAIL for trial in ended)
    result.seconds = sum(trial.user_attrs.get("seconds", 0.0) for trial in study.get_trials(deepcopy=False))
    # Of equals, the first: it is the simpler to explain.
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE and _kept(trial, folder)]
    if len(study.directions) > 1:
        complete = _not_dominated(complete)
    complete.sort(key=lambda trial: (-trial.values[0], trial.number))
    result.candidates = [
        {
            "trial": trial.number,
            "label": trial.user_attrs.get("start", f"trial {trial.number}"),
            "score": trial.values[0],
            "folds": trial.user_attrs["folds"],
            "values": trial.params,
            "seconds": trial.user_attrs["seconds"],
            "front_seconds": trial.user_attrs["front_seconds"],
            "prediction_time": trial.user_attrs["prediction_time"],
        }
        for trial in complete[:KEPT]
    ]
    if complete:
        best = max(result.candidates, key=lambda one: (one["score"], -one["trial"]))
        result.state, result.score, result.values, result.best = "ok", best["score"], best["values"], best["label"]
        result.folds, result.std = best["folds"], float(np.nanstd(best["folds"]))
        return result
    defaults = next((trial for trial in ended if trial.user_attrs.get("start") == "defaults"), None)
    if defaults is not None and defaults.state == TrialState.FAIL:
        result.state = f"fails with its defaults: {defaults.user_attrs['error']}"
    return result


def owner(folder: Path | None) -> str:
    """Return who asks for a trial: the machine and the folder, which tells the machines apart that share a study."""
    return f"{socket.gethostname()}:{folder.resolve() if folder else ''}"


def give_up(storage: BaseStorage, name: str, folder: Path) -> None:
    """Mark the trials as failed that a search, which was ended, left running in a storage that machines share.

    Parameters
    ----------
    storage : of the study.
    name : of the study.
    folder : of the search that has ended; the trials of other machines are left as they are.
    """
    with contextlib.suppress(KeyError):  # it was ended before it made its study
        _fail_running(optuna.load_study(study_name=name, storage=storage), owner(folder))


def history(study: optuna.Study) -> pd.DataFrame:
    """A row for each trial that ended: its number, state, score, those of its folds, times and values."""
    rows = [
        {
            "trial": trial.number,
            "start": trial.user_attrs.get("start"),
            "state": trial.state.name.lower(),
            "score": trial.values[0] if trial.values else None,
            "folds": " ".join(map(str, trial.user_attrs.get("folds", []))),
            "started": _moment(trial.datetime_start),
            "ended": _moment(trial.datetime_complete),
            "seconds": trial.user_attrs.get("seconds"),
            "prediction_time": trial.user_attrs.get("prediction_time"),
            "error": trial.user_attrs.get("error"),
            **trial.params,
        }
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished()
    ]
    return pd.DataFrame(rows)


def _open(
    storage: BaseStorage | Path | None,
    name: str,
    sampler: Any,
    pruner: Any,
    whose: str,
    directions: list[StudyDirection],
) -> optuna.Study:
    if isinstance(storage, Path):
        storage.parent.mkdir(parents=True, exist_ok=True)
        _mend(storage)
        name, storage = "search", JournalStorage(JournalFileBackend(str(storage)))
    study = optuna.create_study(
        study_name=name, storage=storage, sampler=sampler, pruner=pruner, directions=directions, load_if_exists=True
    )
    # A start point that a killed run left behind is tried again, since `_enqueue` misses it.
    _fail_running(study, whose)
    return study


def _fail_running(study: optuna.Study, whose: str) -> None:
    """End the trials that an owner has left running."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("owner") == whose:
            study.tell(trial.number, state=TrialState.FAIL)


def _fit_again(study: optuna.Study, job: Job, workers: Any, shared: Any, folder: Path) -> None:
    """Fit the best trial of a study whose trials were all made elsewhere: its outputs are not on this machine."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        return
    best = max(complete, key=lambda trial: (trial.values[0], -trial.number))
    fits = [workers.submit(fit_fold, shared, best.params, number) for number in range(len(job.folds))]
    _keep_outputs(folder, best.number, [one.result() for one in fits])


def _keep_outputs(folder: Path, number: int, folds: Sequence[Scored]) -> None:
    """Write a trial's outputs on the scored rows of all folds."""
    with replacing_file(folder / "outputs" / f"{number}.npy") as new:
        np.save(new, np.concatenate([one.outputs for one in folds]))


def _not_dominated(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that no other one beats in one objective and equals in the other.

    The first objective is maximized, the second minimized.
    """

    def dominated(trial: FrozenTrial) -> bool:
        score, cost = trial.values
        others = (one.values for one in trials)
        return any(other[0] >= score and other[1] <= cost and other != [score, cost] for other in others)

    return [trial for trial in trials if not dominated(trial)]


def _mend(journal: Path) -> None:
    """Cut off a last line that a kill left half-written, and a lock that it left behind."""
    Path(f"{journal}.lock").unlink(missing_ok=True)
    if journal.exists():
        text = journal.read_bytes()
        if not text.endswith(b"\n"):
            with journal.open("r+b") as file:
                file.truncate(text.rfind(b"\n") + 1)


def _enqueue(study: optuna.Study, points: dict[str, Values]) -> None:
    present = study.get_trials(deepcopy=False)
    open_ = (TrialState.WAITING, TrialState.RUNNING)
    known = {one.user_attrs.get("start") for one in present if _counts(one) or one.state in open_}
    for label, values in points.items():
        if label not in known:
            study.enqueue_trial(values, user_attrs={"start": label})


def _ask(
    study: optuna.Study, job: Job, points: dict[str, Values], workers: Any, pruner: Any, whose: str, deadline: float
) -> Run:
    trial = study.ask()
    trial.set_user_attr("owner", whose)
    start = trial.user_attrs.get("start")
    values = suggest(trial, job.model.space, points.get(start) if start else None)
    # The folds of a trial wait for each other, so that none is fitted in vain where the pruner stops it. There is
    # little yet by which to stop the defaults and the seeds, and the last trials are better finished than begun.
    at_once = workers.slots if start or _few_left(study, workers.slots, deadline - time.monotonic()) else 1
    view = trial if workers.trials == 1 else _snapshot(study, pruner, trial)
    return Run(trial, view, values, at_once)


def _few_left(study: optuna.Study, slots: int, seconds: float) -> bool:
    """Whether the time is enough for few trials only, as long as they have taken so far."""
    if seconds == math.inf:
        return False
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    taken = [trial.user_attrs["seconds"] for trial in finished if "seconds" in trial.user_attrs]
    return not taken or seconds * slots < FEW * _mean(taken)


def _snapshot(study: optuna.Study, pruner: Any, trial: optuna.Trial) -> optuna.Trial:
    """A trial like this one in a copy of the study as it is now: what ends later cannot change the pruner's mind."""
    if isinstance(pruner, optuna.pruners.NopPruner):
        return trial
    copy = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=pruner, direction="maximize")
    copy.add_trials(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))
    return copy.ask()


def _score(run: Run, folds: int, pruner: Any, job: Job) -> None:
    """Report the folds that have been fitted, in order, and end the trial if the pruner or the last fold says so."""
    while run.ended is None and len(run.scores) in run.found:
        number = len(run.scores)
        run.scores.append(run.found[number].score)
        # Wilcoxon's test compares trials fold by fold, the other pruners compare how far they have got.
        paired = isinstance(pruner, optuna.pruners.WilcoxonPruner)
        if not isinstance(pruner, optuna.pruners.NopPruner):
            run.view.report(_mean(run.scores[-1:] if paired else run.scores), number)
        if number + 1 == folds:
            run.ended = TrialState.COMPLETE
            if math.isnan(_mean(run.scores)):
                run.ended, run.error = TrialState.FAIL, f"{job.metric.name} is undefined in every fold"
        elif not isinstance(pruner, optuna.pruners.NopPruner) and run.view.should_prune():
            run.ended = TrialState.PRUNED
    if run.ended is None and run.losses > 1:
        run.ended, run.error = TrialState.FAIL, run.death


def _tell(study: optuna.Study, run: Run, folder: Path | None) -> None:
    trial = run.trial
    if run.view is not trial and len(study.directions) == 1:
        for number in range(len(run.scores)):
            trial.report(_mean(run.scores[: number + 1]), number)
    trial.set_user_attr("folds", run.scores)
    seconds = sum(one.seconds for one in run.found.values())
    trial.set_user_attr("seconds", round(seconds, 3))
    trial.set_user_attr("front_seconds", round(sum(one.front_seconds for one in run.found.values()), 3))
    if run.error:
        trial.set_user_attr("error", run.error)
    if run.ended == TrialState.COMPLETE and folder is not None:
        _keep_outputs(folder, trial.number, [run.found[number] for number in range(len(run.found))])
    if run.ended != TrialState.COMPLETE:
        study.tell(trial, state=run.ended)
        return
    prediction_time = float(np.mean([one.prediction_time for one in run.found.values()]))
    trial.set_user_attr("prediction_time", round(prediction_time, 6))
    study.tell(trial, [_mean(run.scores), prediction_time][: len(study.directions)])


def _restart(workers: Any, job: Job, pending: dict[Future[Scored], tuple[Run, int]]) -> Any:
    """New processes after one has died; what the others were at is done again."""
    for run, _ in pending.values():
        run.sent = len(run.scores)
    pending.clear()
    workers.stop()
    workers.start()
    return workers.share(job)


def death(error: BrokenExecutor) -> str:
    """Return how a worker died, by loky's message."""
    signals = re.findall(r"SIG[A-Z]+", str(error))
    how = f"was ended by {signals[0]}" if signals else "died"
    return f"the process that fitted it {how}{', perhaps for want of memory' if 'SIGKILL' in signals else ''}"


def _forget(folder: Path | None, result: Result, running: set[int]) -> None:
    """Delete what was kept of trials that are no longer among the best."""
    if folder is None:
        return
    wanted = {one["trial"] for one in result.candidates} | running
    for file in folder.glob("outputs/*.npy"):
        if int(file.stem) not in wanted:
            file.unlink(missing_ok=True)


def _kept(trial: FrozenTrial, folder: Path | None) -> bool:
    return folder is None or (folder / "outputs" / f"{trial.number}.npy").exists()


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial ran to an end of its own: finished, pruned, or failed with an error of the model's."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs.get("error") not in (None, "out of time")
    return trial.state.is_finished()


def _moment(time: datetime | None) -> str | None:
    """A time of Optuna's, which is this machine's, in UTC."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")


def _mean(scores: Sequence[float]) -> float:
    """The mean over the folds in which the metric is defined."""
    defined = [score for score in scores if not math.isnan(score)]
    return float(np.mean(defined)) if defined else math.nan
