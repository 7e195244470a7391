"""Tune: search one model's space by cross-validation, within a budget, from a study that survives being killed."""

import math
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from ..errors import UserError
from ..objects.metrics import Metric
from ..objects.model import Model
from ..objects.space import Values, starts, suggest
from .fit import assemble, fit
from .outputs import encoded, outputs
from .split import Fold


@dataclass
class Result:
    """What the search of one model found. Scores are scikit-learn's: more is better."""

    name: str
    estimator: str
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

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)


class TimeIsUp(Exception):
    """The budget ended in the middle of a trial."""


def tune(
    model: Model,
    features: pd.DataFrame,
    target: pd.Series,
    folds: Sequence[Fold],
    *,
    task: str,
    dtypes: dict[str, str],
    labels: Sequence[Any],
    metric: Metric,
    sampler: optuna.samplers.BaseSampler,
    pruner: optuna.pruners.BasePruner,
    sample: Any = None,
    trials: int | None = None,
    deadline: float = math.inf,
    journal: Path | None = None,
    told: Callable[[Result, optuna.Study], None] = lambda result, study: None,
) -> Result:
    """Search a model's space: its defaults first, then its seeds, then what the sampler suggests.

    Parameters
    ----------
    model : the estimator, its preprocessing, their spaces and seeds.
    features, target : the training rows; raw labels in a classification.
    folds : pairs of arrays of row positions.
    dtypes : the feature columns and their dtypes.
    labels : the classes in order, empty in a regression.
    sample : what draws the rows to learn from in each fold (it has `fit_resample`), or None for all of them.
    trials : how many trials in all, those of an earlier, interrupted run included; None for no limit.
    deadline : when to stop, in the seconds of `time.monotonic`; asked between fits.
    journal : where to keep the study; what it holds already is gone on from. None keeps it in memory.
    told : called after each trial with the result so far.

    Returns
    -------
    The result; its `state` is "ok", or why there is no score: no trial finished, or the defaults cannot be fitted.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _open(journal, sampler, pruner)
    space = model.space
    points = starts(space, model.seeds)
    _enqueue(study, points)
    truth = encoded(target, labels)

    def evaluate(trial: optuna.Trial) -> list[float]:
        start = trial.user_attrs.get("start")
        values = suggest(trial, space, points.get(start) if start else None)
        estimator = assemble(model, values, dtypes, task)
        scores: list[float] = []
        for number, (rows, others) in enumerate(folds):
            if time.monotonic() >= deadline:
                raise TimeIsUp
            learned = features.iloc[rows], target.iloc[rows]
            fitted = fit(estimator, *(sample.fit_resample(*learned) if sample else learned))
            said = outputs(fitted, features.iloc[others], labels)
            scores.append(metric.score(truth[others], said, len(labels) or None))
            trial.set_user_attr("folds", scores)
            # Wilcoxon's test compares trials fold by fold, the other pruners compare how far they have got.
            paired = isinstance(pruner, optuna.pruners.WilcoxonPruner)
            trial.report(_mean(scores[-1:] if paired else scores), number)
            if number + 1 < len(folds) and trial.should_prune():
                raise optuna.TrialPruned
        return scores

    result = summary(model, study)
    while (trials is None or result.trials < trials) and time.monotonic() < deadline:
        trial = study.ask()
        began = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                score = _mean(evaluate(trial))
            if math.isnan(score):
                raise ValueError(f"{metric.name} is undefined in every fold")
            _tell(study, trial, began, score)
        except optuna.TrialPruned:
            _tell(study, trial, began, state=TrialState.PRUNED)
        except TimeIsUp:
            trial.set_user_attr("error", "out of time")
            _tell(study, trial, began, state=TrialState.FAIL)
            break
        except UserError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
            trial.set_user_attr("error", reason)
            _tell(study, trial, began, state=TrialState.FAIL)
            if trial.user_attrs.get("start") == "defaults":
                result = summary(model, study)
                result.state = f"fails with its defaults: {reason}"
                told(result, study)
                return result
        result = summary(model, study)
        told(result, study)
    return summary(model, study)


def summary(model: Model, study: optuna.Study) -> Result:
    """What a study has found so far; trials that the clock or a kill cut off do not count."""
    ended = [trial for trial in study.get_trials(deepcopy=False) if _counts(trial)]
    result = Result(model.name, model.estimator.name, trials=len(ended))
    result.pruned = sum(trial.state == TrialState.PRUNED for trial in ended)
    result.failed = sum(trial.state == TrialState.FAIL for trial in ended)
    result.seconds = sum(trial.user_attrs.get("seconds", 0.0) for trial in study.get_trials(deepcopy=False))
    complete = [trial for trial in ended if trial.state == TrialState.COMPLETE]
    if complete:
        # Of equals, the first: it is the simpler to explain.
        best = max(complete, key=lambda trial: (trial.value, -trial.number))
        result.state, result.score = "ok", best.value
        result.values, result.best = best.params, best.user_attrs.get("start", f"trial {best.number}")
        result.folds = best.user_attrs["folds"]
        result.std = float(np.nanstd(result.folds))
    return result


def history(study: optuna.Study) -> pd.DataFrame:
    """A row for each trial that ended: its number, state, score, seconds and values."""
    rows = [
        {
            "trial": trial.number,
            "start": trial.user_attrs.get("start"),
            "state": trial.state.name.lower(),
            "score": trial.value,
            "seconds": trial.user_attrs.get("seconds"),
            "error": trial.user_attrs.get("error"),
            **trial.params,
        }
        for trial in study.get_trials(deepcopy=False)
        if trial.state.is_finished()
    ]
    return pd.DataFrame(rows)


def _open(journal: Path | None, sampler: Any, pruner: Any) -> optuna.Study:
    storage = None
    if journal is not None:
        journal.parent.mkdir(parents=True, exist_ok=True)
        _mend(journal)
        storage = JournalStorage(JournalFileBackend(str(journal)))
    study = optuna.create_study(
        study_name="search", storage=storage, sampler=sampler, pruner=pruner, direction="maximize", load_if_exists=True
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        # A killed run left it behind. A start point is tried again, for `_enqueue` misses it.
        study.tell(trial.number, state=TrialState.FAIL)
    return study


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
    known = {one.user_attrs.get("start") for one in present if _counts(one) or one.state == TrialState.WAITING}
    for label, values in points.items():
        if label not in known:
            study.enqueue_trial(values, user_attrs={"start": label})


def _counts(trial: FrozenTrial) -> bool:
    """Whether a trial ran to an end of its own: finished, pruned, or failed with an error of the model's."""
    if trial.state == TrialState.FAIL:
        return trial.user_attrs.get("error") not in (None, "out of time")
    return trial.state.is_finished()


def _tell(
    study: optuna.Study, trial: optuna.Trial, began: float, score: float | None = None, state: TrialState | None = None
) -> None:
    trial.set_user_attr("seconds", round(time.monotonic() - began, 3))
    study.tell(trial, score, state=state)


def _mean(scores: Sequence[float]) -> float:
    """The mean over the folds in which the metric is defined."""
    defined = [score for score in scores if not math.isnan(score)]
    return float(np.mean(defined)) if defined else math.nan
