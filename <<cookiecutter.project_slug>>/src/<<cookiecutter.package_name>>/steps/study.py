"""Study: where the trials of a search are kept, how a killed search is resumed, and what was found so far."""

import contextlib
import math
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from ..files import replacing_file
from ..objects.space import Values
from .candidates import Result
from .fold import Job, Scored

FEW = 8  # trials that are left to the clock, below which the folds of a trial do not wait for each other
KEPT = 12  # trials of a model whose outputs are kept, for `train` to choose from
OUT_OF_TIME = "out of time"  # the error of a trial that the clock cut off


def open_study(
    name: str,
    sampler: BaseSampler,
    pruner: BasePruner,
    *,
    storage: BaseStorage | Path | None = None,
    folder: Path | None = None,
    also_minimize: str | None = None,
) -> optuna.Study:
    """Open or make a study; trials that a killed search left running in it are ended.

    Parameters
    ----------
    name : of the study, in a storage that holds several.
    storage : a file for a journal, or a storage of Optuna's; None keeps the study in memory.
    folder : of the search.
    also_minimize : "prediction_time" for a search with two objectives; no trial is then stopped early.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions = [StudyDirection.MAXIMIZE]
    if also_minimize:
        directions.append(StudyDirection.MINIMIZE)
        pruner = NopPruner()  # Optuna stops no trial of two objectives
    if isinstance(storage, Path):
        storage.parent.mkdir(parents=True, exist_ok=True)
        _mend(storage)
        name, storage = "search", JournalStorage(JournalFileBackend(str(storage)))
    study = optuna.create_study(
        study_name=name, storage=storage, sampler=sampler, pruner=pruner, directions=directions, load_if_exists=True
    )
    # A start point that a killed search left behind is tried again, since `enqueue` misses it.
    _fail_running(study, owner(folder))
    return study


def enqueue(study: optuna.Study, points: Mapping[str, Values]) -> None:
    """Let a study begin with these points, by their labels; those that it has tried already are left out."""
    unfinished = (TrialState.WAITING, TrialState.RUNNING)
    trials = study.get_trials(deepcopy=False)
    known = {trial.user_attrs.get("start") for trial in trials if _counts(trial) or trial.state in unfinished}
    for label, values in points.items():
        if label not in known:
            study.enqueue_trial(values, user_attrs={"start": label})


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


def summary(job: Job, study: optuna.Study, folder: Path | None) -> Result:
    """Return the result of a study so far; trials that the clock or a kill cut off do not count.

    The best are those whose outputs are in the folder: of a study that several machines share, this machine's.
    """
    trials = study.get_trials(deepcopy=False)
    ended = [trial for trial in trials if _counts(trial)]
    result = Result(job.model.name, job.model.estimator.name, job.key, trials=len(ended))
    result.pruned = sum(trial.state == TrialState.PRUNED for trial in ended)
    result.failed = sum(trial.state == TrialState.FAIL for trial in ended)
    result.seconds = sum(trial.user_attrs.get("seconds", 0.0) for trial in trials)
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE and _kept(trial, folder)]
    if len(study.directions) > 1:
        complete = _not_dominated(complete)
    # Of equals, the first: it is the simpler to explain.
    complete.sort(key=lambda trial: (-trial.values[0], trial.number))
    result.candidates = [_candidate(trial) for trial in complete[:KEPT]]
    if result.candidates:
        best = result.candidates[0]
        result.state, result.score, result.values, result.best = "ok", best["score"], best["values"], best["label"]
        result.folds, result.std = best["folds"], float(np.nanstd(best["folds"]))
        return result
    defaults = next((trial for trial in ended if trial.user_attrs.get("start") == "defaults"), None)
    if defaults is not None and defaults.state == TrialState.FAIL:
        result.state = f"fails with its defaults: {defaults.user_attrs['error']}"
    return result


def history(study: optuna.Study) -> pd.DataFrame:
    """Return a row for each trial that ended: its number, state, score, those of its folds, times and values."""
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


def snapshot(study: optuna.Study, trial: optuna.Trial) -> optuna.Trial:
    """Return a trial like this one in a copy of the study: what ends later cannot change the pruner's mind."""
    if isinstance(study.pruner, NopPruner):
        return trial
    copy = optuna.create_study(sampler=RandomSampler(seed=0), pruner=study.pruner, direction="maximize")
    copy.add_trials(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))
    return copy.ask()


def few_left(study: optuna.Study, slots: int, seconds: float) -> bool:
    """Return whether the time is enough for few trials only, as long as they have taken so far."""
    if seconds == math.inf:
        return False
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    taken = [trial.user_attrs["seconds"] for trial in finished if "seconds" in trial.user_attrs]
    return not taken or seconds * slots < FEW * mean_score(taken)


def best_trial(study: optuna.Study) -> FrozenTrial | None:
    """Return the trial with the best score, also of another machine; None if none is complete."""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return max(complete, key=lambda trial: (trial.values[0], -trial.number), default=None)


def keep_outputs(folder: Path, number: int, folds: Sequence[Scored]) -> None:
    """Write a trial's outputs on the scored rows of all folds."""
    with replacing_file(folder / "outputs" / f"{number}.npy") as new:
        np.save(new, np.concatenate([fold.outputs for fold in folds]))


def forget_outputs(folder: Path, kept: set[int]) -> None:
    """Delete the outputs of all trials but these."""
    for file in folder.glob("outputs/*.npy"):
        if int(file.stem) not in kept:
            file.unlink(missing_ok=True)


def mean_score(scores: Sequence[float]) -> float:
    """Return the mean over the folds in which the metric is defined."""
    defined = [score for score in scores if not math.isnan(score)]
    return float(np.mean(defined)) if defined else math.nan


def _candidate(trial: FrozenTrial) -> dict[str, object]:
    known = ("folds", "seconds", "preprocess_seconds", "prediction_time")
    return {
        "trial": trial.number,
        "label": trial.user_attrs.get("start", f"trial {trial.number}"),
        "score": trial.values[0],
        "values": trial.params,
        **{name: trial.user_attrs[name] for name in known},
    }


def _fail_running(study: optuna.Study, owner_: str) -> None:
    """End the trials that an owner has left running."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("owner") == owner_:
            study.tell(trial.number, state=TrialState.FAIL)


def _not_dominated(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that no other trial beats in one objective and equals in the other.

    The first objective is maximized, the second minimized.
    """
    objectives = [trial.values for trial in trials]

    def dominated(score: float, cost: float) -> bool:
        return any(other[0] >= score and other[1] <= cost and other != [score, cost] for other in objectives)

    return [trial for trial in trials if not dominated(*trial.values)]


def _mend(journal: Path) -> None:
    """Cut off a last line that a kill left half-written, and a lock that it left behind."""
    Path(f"{journal}.lock").unlink(missing_ok=True)
    if journal.exists():
        text = journal.read_bytes()
        if not text.endswith(b"\n"):
            with journal.open("r+b") as file:
                file.truncate(text.rfind(b"\n") + 1)


def _kept(trial: FrozenTrial, folder: Path | None) -> bool:
    return folder is None or (folder / "outputs" / f"{trial.number}.npy").exists()


def _counts(trial: FrozenTrial) -> bool:
    """Return whether a trial ran to an end of its own: finished, pruned, or failed with an error of the model's."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs.get("error") not in (None, OUT_OF_TIME)
    return trial.state.is_finished()


def _moment(time: datetime | None) -> str | None:
    """Return a time of Optuna's, which is this machine's, in UTC."""
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds")
