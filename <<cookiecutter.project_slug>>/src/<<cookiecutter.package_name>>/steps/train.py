"""Train: make the final model of the configurations that the searches kept."""

import inspect
import pickle  # nosec B403 # what this process made, for its own workers
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import Pipeline

from ..errors import UserError
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.metrics import Metric, metric
from ..objects.model import Model
from ..objects.nodes import Object, plain
from ..objects.space import Values
from ..schema import Schema
from .ensemble import Folds, models
from .fit import Wrapper, assemble, fit, parts, takes_weights, weighting
from .fold import prepared, scored
from .quick import quick
from .split import Fold
from .task import AROUND, Targets, Task, judged, of_rows
from .tune import Result, death

OF_EACH = 4  # configurations of each model that an ensemble chooses from in any case
MOST_COMPARED = 24  # and how many more of the best of all
MOST_ROWS = 5_000  # rows on which it compares them
ARRAYS, REST = 100_000_000, 15_000_000  # bytes a second: how fast a member is written, read again and compared


@dataclass(frozen=True)
class Candidate:
    """A configuration that was tried: its model, values and score, and its outputs on the scored rows.

    `outputs` has shape (rows, k); `seconds` is what its folds took, of which `front_seconds` went to what stands before
    the estimator.
    """

    name: str
    model: Model
    values: Values
    score: float
    seconds: float
    front_seconds: float
    outputs: np.ndarray

    @property
    def front(self) -> str:
        """What tells its preprocessing from others."""
        values = sorted(one for one in self.values.items() if one[0].startswith("preprocess."))
        return repr((plain(self.model.preprocess), values))


@dataclass(frozen=True)
class Trained:
    """A final model, the names and weights of its members (None where no weight can be told), and its scores.

    `folds` are its scores on the folds of the search, from outputs of models that had not seen the rows; `unfitted`
    names members that were chosen as well, and could not be fitted in time.
    """

    model: Any
    members: list[Candidate]
    weights: list[float] | None
    folds: list[float]
    unfitted: list[str]


def ranked(results: Sequence[Result]) -> list[Result]:
    """The results, best first; those without a finished trial last."""
    return sorted(results, key=lambda one: (one.score is None, -(one.score or 0.0)))


def candidates(
    results: Sequence[Result], models: Sequence[Model], tuned: Path, max_prediction_time: float | None = None
) -> list[Candidate]:
    """The kept configurations of all models, best first: the best of each model, and the best of all.

    Parameters
    ----------
    max_prediction_time : leave out what takes longer to predict 1,000 rows, in seconds.

    Raises
    ------
    UserError
        If no model has a finished trial, or none is fast enough.
    """
    found: list[tuple[int, Candidate]] = []
    for result, model in zip(results, models, strict=True):
        for rank, one in enumerate(result.candidates):
            path = tuned / result.name / "outputs" / f"{one['trial']}.npy"
            slow = max_prediction_time is not None and one["prediction_time"] > max_prediction_time
            if path.exists() and not slow:
                candidate = Candidate(
                    f"{result.name}, {one['label']}",
                    model,
                    one["values"],
                    one["score"],
                    one["seconds"],
                    one["front_seconds"],
                    np.load(path),
                )
                found.append((rank, candidate))
    times = [one["prediction_time"] for result in results for one in result.candidates]
    if times and not found:
        raise UserError(
            f"nothing predicts 1,000 rows within {max_prediction_time:g} s; the fastest needs {min(times):.2g} s",
            "train.yaml",
            "max_prediction_time",
        )
    if not found:
        states = "; ".join(f"{one.name}: {one.state}" for one in ranked(results))
        if any(one.state == "out of time" for one in results):
            place = ("search.yaml", "budget", "seconds")
            raise UserError(f"there is no model to train ({states}): raise 'seconds'", *place)
        raise UserError(f"there is no model to train ({states})")
    found.sort(key=lambda one: (-one[1].score, one[1].name))
    return [one for position, (rank, one) in enumerate(found) if rank < OF_EACH or position < MOST_COMPARED]


def train(
    chosen_from: Sequence[Candidate],
    ensemble: Any,
    features: pd.DataFrame,
    target: Targets,
    folds: Sequence[Fold],
    schema: Schema,
    task: Task,
    scorer: Metric,
    *,
    workers: Any,
    samples: Mapping[str, int | None] | None = None,
    calibration: Object | None = None,
    threshold: Object | None = None,
    intervals: Object | None = None,
    seconds: float = np.inf,
    weights: np.ndarray | None = None,
    say: Callable[[str], None] = print,
) -> Trained:
    """Choose members, fit them, and put them together.

    Parameters
    ----------
    chosen_from : the configurations, best first.
    ensemble : an object of `components/ensembles.py`.
    features, target, folds : the training rows, and the folds of the search.
    workers : an object of `components/workers.py`, started: where the members are fitted.
    samples : by model, the most rows of a fold that its search learned from, None for all; where there are more, the
        members are fitted to all training rows in any case.
    calibration, threshold, intervals : nodes for estimators around the ensemble, such as CalibratedClassifierCV,
        TunedThresholdClassifierCV and ResidualIntervals; they learn from the outputs on rows that the members had not
        seen.
    seconds : members that cannot be fitted and stored within these seconds are left out, those with the least weight
        first. The best member that fits into them is fitted first and always. If the members that are left predict
        worse together than the best of them alone, that one becomes the model.
    weights : of the training rows, shape (rows,); None where all count the same.
    """
    began = time.monotonic()
    task.see(features, target)
    used = scored(folds)
    asked = np.concatenate([rows for _, rows in used])
    truth, counted = task.truth(target.iloc[asked]), of_rows(weights, asked)
    outputs = task.restored(np.stack([one.outputs for one in chosen_from]))
    few = np.arange(len(truth))
    if len(truth) > MOST_ROWS and not scorer.asks:
        few = np.sort(np.random.default_rng(0).choice(len(truth), MOST_ROWS, replace=False))

    def by_fold(said: np.ndarray) -> list[float]:
        return _fold_scores(said, truth, features, target, used, task, scorer, weights)

    def score(said: np.ndarray) -> float:
        if scorer.asks:  # what it asks for differs from fold to fold
            return float(np.nanmean(by_fold(said)))
        return scorer.score(truth[few], task.said(said), weights=of_rows(counted, few))

    fast = quick(scorer.label, truth[few], outputs.shape[2], of_rows(counted, few))
    mean = partial(task.mean, k=outputs.shape[2])
    takes = counted is not None and "weights" in inspect.signature(ensemble.choose).parameters
    told = {"weights": of_rows(counted, few)} if takes else {}
    positions, combine = ensemble.choose(outputs[:, few], truth[few], fast or score, mean, **told)
    shares_of = getattr(combine, "weights", None)
    rows = min(len(learn) for learn, _ in folds)
    learned = [min(rows, (samples or {}).get(chosen_from[one].model.name) or rows) for one in positions]
    refit = ensemble.refit or min(learned) < rows
    # How long fitting a member takes, as a share of what its folds took.
    shares = [len(features) / few / len(folds) if refit else 1 for few in learned]
    times = [chosen_from[one].seconds * share for one, share in zip(positions, shares, strict=True)]
    fitting = [(number, chosen_from[positions[number]]) for number in _order(positions, shares_of, times, seconds)]
    work = (uuid4().hex, features, target, list(folds), task, schema.features, refit, weights)
    fitted = _fit(fitting, shares, work, workers, began + seconds if shares_of else np.inf, say)
    unfitted = [one.name for number, one in fitting if number not in fitted]
    kept = sorted(fitted)
    if unfitted and shares_of:
        kept = _better_alone(kept, positions, shares_of, outputs, lambda said: float(np.nanmean(by_fold(said))))
        combine = _without(combine, kept)
        shares_of = combine.weights
    fitted = {number: fitted[number] for number in kept}
    positions = [positions[number] for number in kept]
    _share_fronts(fitted, {number: one.front for number, one in fitting})
    members = [chosen_from[position] for position in positions]
    side_by_side = np.concatenate(outputs[positions], axis=1)
    fold_scores = by_fold(_left_out(combine, side_by_side, truth, used, counted))
    around_it = {"calibration": calibration, "threshold": threshold, "intervals": intervals}
    for key, node in around_it.items():
        if node is not None:
            try:
                more = difficulty(task, features, target, used) if key == "intervals" else {}
                combine = _fit_around(around(node, combine), side_by_side, truth, counted, **more)
            except ValueError as error:
                raise UserError(f"{node.name} fails: {' '.join(str(error).split())}", "train.yaml", key) from error
    only = fitted[kept[0]]
    if len(kept) == 1 and not isinstance(only, Folds) and not any(around_it.values()):
        return Trained(only, members, [1.0], fold_scores, unfitted)
    model = task.ensemble([one.name for one in members], [fitted[number] for number in kept], combine)
    return Trained(model, members, shares_of, fold_scores, unfitted)


def written(trained: Trained, plan: Mapping[str, Any], slices: Mapping[str, Any]) -> dict[str, Any]:
    """The final model as YAML: all that makes it what it is, by import paths."""
    members = []
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    for one, weight in zip(trained.members, weights, strict=True):
        model = {key: value for key, value in slices[one.model.name]["model"].items() if key != "seeds"}
        members.append({"name": one.name, "weight": weight} | model | {"values": one.values})
    return {key: plan[key] for key in ("ensemble", *AROUND)} | {"members": members}


def around(node: Object, inner: Any) -> Any:
    """The estimator that `node` describes, around one that is fitted already."""
    params = dict(node.params) | {"estimator": FrozenEstimator(inner)}
    if isinstance(params.get("scoring"), Object):
        params["scoring"] = metric(plain(params["scoring"]), node.where.at("params", "scoring"), Grammar()).scorer
    if node.name == "TunedThresholdClassifierCV":
        params |= {"cv": "prefit", "refit": False}
    return build(replace(node, params=params))


def _order(
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
    return [first, *sorted((one for one in numbers if one != first), key=lambda one: -weights[one])]


def _better_alone(
    kept: list[int],
    positions: Sequence[int],
    weights: Sequence[float],
    outputs: np.ndarray,
    score: Callable[[np.ndarray], float],
) -> list[int]:
    """Return the members that are left, or the best of them alone where that scores better than they do together.

    A selection was made of all members; without some of them it may be worse than one of the others.
    """
    best = min(kept, key=positions.__getitem__)
    share = np.asarray([weights[number] for number in kept])
    together = np.tensordot(share / share.sum(), outputs[[positions[number] for number in kept]], axes=1)
    return kept if score(together) >= score(outputs[positions[best]]) else [best]


def _fit(
    members: Sequence[tuple[int, Candidate]],
    shares: Sequence[float],
    work: Any,
    workers: Any,
    deadline: float,
    say: Callable[[str], None],
) -> dict[int, Any]:
    """Fit the members in their order, as many as the clock allows and the first in any case; return them by number.

    Parameters
    ----------
    members : numbers and configurations.
    shares : by number, how long fitting one takes, as a share of what its folds took.
    work : what `_member` needs for any of them.
    """
    shared, waiting, first = workers.share(work), list(members), members[0][0]
    pending: dict[Future[Any], tuple[int, str]] = {}
    fitted: dict[int, Any] = {}
    storing = 0.0  # seconds for the members that are fitted
    fronts: set[str] = set()
    while waiting or pending:
        while waiting and len(pending) < workers.slots:
            number, one = waiting.pop(0)
            left = deadline - storing - time.monotonic()
            expected = shares[number] * (one.seconds - (one.front_seconds if one.front in fronts else 0))
            if expected > left and (fitted or pending):
                left = max(left, 0)
                say(f"{one.name} is left out: fitting it would take about {expected:.1f} s, and {left:.1f} s are left")
                continue
            fronts.add(one.front)
            try:
                pending[workers.submit(_member, one.model, one.values, one.front, shared)] = number, one.name
            except BrokenExecutor as error:
                raise UserError(f"{one.name}: {death(error)}") from None
        left = deadline - storing - time.monotonic()
        # The first member is waited for: it is the best one, and others that are quicker are no substitute.
        done, _ = wait(pending, max(left, 0) if first in fitted and left < np.inf else None, FIRST_COMPLETED)
        if not done:
            for _, name in pending.values():
                say(f"{name} is left out: it was not fitted in time")
            break
        for future in done:
            number, name = pending.pop(future)
            try:
                fitted[number], taking = future.result()
            except BrokenExecutor as error:
                raise UserError(f"{name}: {death(error)}") from None
            storing += taking
    return fitted


def _member(model: Model, values: Values, front: str, work: Any) -> tuple[Any, float]:
    """A member fitted to all rows, or to those of each fold, and the seconds that storing it takes.

    Members of one `front` share what stands before them.
    """
    run, features, target, folds, task, dtypes, refit, weights = work
    estimator = assemble(model, values, dtypes, task)
    split = parts(estimator)

    def fitted(number: int, learn: Any) -> Any:
        rows, truth = (features, target) if refit else (features.iloc[learn], target.iloc[learn])
        counted = weights if refit else of_rows(weights, learn)
        if split is None:
            return fit(estimator, rows, truth, counted)
        before, transformed, _ = prepared(split, rows, truth, (run, front, number))
        return split.fit(before, transformed, truth, counted)

    made = fitted(0, None) if refit else Folds([fitted(number, learn) for number, (learn, _) in enumerate(folds)])
    return made, _storing(made)


def _storing(model: Any) -> float:
    """How long a model takes to be stored, in seconds, by its size: the text of boosted trees is slower than arrays."""
    arrays: list[pickle.PickleBuffer] = []
    rest = pickle.dumps(model, protocol=5, buffer_callback=arrays.append)
    return sum(one.raw().nbytes for one in arrays) / ARRAYS + len(rest) / REST


def _share_fronts(fitted: Mapping[int, Any], fronts: Mapping[int, str]) -> None:
    """Let members have what stands before their estimators in common where it is the same.

    Each process that fits members has fitted it once; of two that are equal one is enough to keep, and to transform by.
    """
    shared: dict[tuple[str, int], Any] = {}
    for number in sorted(fitted):
        for fold, model in enumerate(models(fitted[number])):
            whole = model.estimator_ if isinstance(model, Wrapper) else model
            if isinstance(whole, Pipeline) and not any(hasattr(step, "fit_resample") for _, step in whole.steps):
                whole.steps[:-1] = shared.setdefault((fronts[number], fold), whole.steps[:-1])


def _without(combine: Any, kept: list[int]) -> Any:
    weights = np.asarray(combine.weights)[kept]
    combine.weights = (weights / weights.sum()).tolist()
    return combine


def _fit_around(
    estimator: Any, outputs: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, **more: np.ndarray
) -> Any:
    """Fit what `around` gave to the members' outputs on rows that they had not seen."""
    if weights is None or type(estimator).__name__ != "TunedThresholdClassifierCV":
        with warnings.catch_warnings():
            # What the calibration is around is fitted already, with the weights.
            warnings.filterwarnings("ignore", message=".* does not appear to accept sample_weight")
            return estimator.fit(outputs, truth, **more, **weighting(estimator, weights))
    # scikit-learn gives its scorer no weights, so they become an argument of the metric while the threshold is chosen.
    scorer = check_scoring(scoring=estimator.scoring)
    weighted = type(scorer)(
        scorer._score_func, scorer._sign, {**scorer._kwargs, "sample_weight": weights}, scorer._response_method
    )
    tuned = clone(estimator).set_params(scoring=weighted).fit(outputs, truth)
    tuned.set_params(scoring=estimator.scoring)
    tuned._curve_scorer = tuned._get_curve_scorer()  # the weights are not to be stored with the model
    return tuned


def _left_out(
    combine: Any, side_by_side: np.ndarray, truth: np.ndarray, folds: Sequence[Fold], weights: np.ndarray | None
) -> np.ndarray:
    """What comes of the members' outputs; what `combine` learns, it learns from the other folds."""
    method = "predict_proba" if hasattr(combine, "predict_proba") else "predict"
    if len(folds) == 1:
        return np.asarray(getattr(combine, method)(side_by_side))
    number = np.repeat(np.arange(len(folds)), [len(rows) for _, rows in folds])
    params = weighting(combine, weights) if takes_weights(combine) else None
    cv = PredefinedSplit(number)
    return np.asarray(cross_val_predict(combine, side_by_side, truth, cv=cv, params=params, method=method))


def _fold_scores(
    said: np.ndarray,
    truth: np.ndarray,
    features: pd.DataFrame,
    target: Any,
    folds: Sequence[Fold],
    task: Task,
    scorer: Metric,
    weights: np.ndarray | None = None,
) -> list[float]:
    """The scores on the folds of outputs on all their scored rows, one fold after the other."""
    ends = np.cumsum([len(rows) for _, rows in folds])
    return [
        judged(
            scorer,
            task,
            task.said(said[end - len(rows) : end]),
            truth[end - len(rows) : end],
            features.iloc[rows],
            features.iloc[learn],
            target.iloc[learn],
            weights=of_rows(weights, rows),
        )
        for end, (learn, rows) in zip(ends, folds, strict=True)
    ]


def difficulty(task: Task, features: pd.DataFrame, target: Targets, folds: Sequence[Fold]) -> dict[str, np.ndarray]:
    """Return what intervals are told of all scored rows, one fold after the other.

    That is their difficulty, and which rows of the table they are, if some were scored more than once.
    """
    found = [task.difficulty(features.iloc[rows], features.iloc[learn], target.iloc[learn]) for learn, rows in folds]
    told = {key: np.concatenate([one[key] for one in found]) for key in found[0]}
    scored_rows = np.concatenate([rows for _, rows in folds])
    return told if len(np.unique(scored_rows)) == len(scored_rows) else told | {"rows": scored_rows}
