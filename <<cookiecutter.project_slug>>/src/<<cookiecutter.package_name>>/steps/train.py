"""Train: make the final model of the configurations that the searches kept."""

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import check_scoring

from ..errors import UserError
from ..objects.build import build
from ..objects.grammar import Grammar, Object, plain
from ..objects.metrics import metric
from .candidates import Candidate
from .ensemble import Folds
from .fit import weighting
from .members import Member, MemberFits, MemberJob, fit_order, share_preprocessing
from .out_of_fold import OutOfFold
from .task import AROUND
from .training_set import TrainingSet


@dataclass(frozen=True)
class Trained:
    """A final model, its members and their weights (None where there are no weights), and its scores.

    `folds` are its scores on the folds of the search, from outputs of models that had not seen the rows; `unfitted`
    names members that were chosen as well, and could not be fitted in time.
    """

    model: Any
    members: list[Candidate]
    weights: list[float] | None
    folds: list[float]
    unfitted: list[str]


def train(
    candidates: Sequence[Candidate],
    ensemble: Any,
    data: TrainingSet,
    workers: Any,
    around_it: Mapping[str, Object] | None = None,
    seconds: float = np.inf,
) -> Trained:
    """Choose members, fit them, and put them together.

    Parameters
    ----------
    candidates : the configurations, best first. One whose search learned from a sample is fitted to all rows.
    ensemble : an object of `components/ensembles.py`.
    data : the training rows, and the folds of the search.
    workers : an object of `components/workers.py`, started: where the members are fitted.
    around_it : nodes for estimators around the ensemble, by the keys of `AROUND`; they learn from the outputs on rows
        that the members had not seen.
    seconds : members that cannot be fitted and stored within these seconds are left out, those with the least weight
        first. The best member that fits into them is fitted first and always. If the members that are left predict
        worse together than the best of them alone, that one becomes the model.
    """
    began = time.monotonic()
    data.task.see(data.X, data.y)
    unseen = OutOfFold(data)
    outputs = data.task.restored(np.stack([candidate.outputs for candidate in candidates]))
    fold_scores = np.array([candidate.folds for candidate in candidates], dtype=float)
    positions, combine = unseen.choose(ensemble, outputs, fold_scores)
    weights = getattr(combine, "weights", None)
    members, refit = _members([candidates[position] for position in positions], data, ensemble.refit)
    order = fit_order(positions, weights, [member.seconds for member in members.values()], seconds)
    job = MemberJob(uuid4().hex, data, refit)
    fitted = MemberFits(members, job, workers, began + seconds if weights else np.inf).run(order)
    kept, unfitted = sorted(fitted), [number for number in order if number not in fitted]
    if unfitted and weights:
        kept = _better_alone(kept, positions, weights, outputs, unseen.mean_score)
        share = np.asarray(weights)[kept]
        weights = combine.weights = (share / share.sum()).tolist()
    models, chosen = [fitted[number] for number in kept], [members[number].candidate for number in kept]
    share_preprocessing(models, chosen)
    side_by_side = np.concatenate(outputs[[positions[number] for number in kept]], axis=1)
    folds = unseen.fold_scores(unseen.predict(combine, side_by_side))
    combine = _all_around(around_it or {}, combine, side_by_side, unseen)
    left_out = [members[number].candidate.name for number in unfitted]
    if len(kept) == 1 and not isinstance(models[0], Folds) and not around_it:
        return Trained(models[0], chosen, [1.0], folds, left_out)
    model = data.task.ensemble([candidate.name for candidate in chosen], models, combine)
    return Trained(model, chosen, weights, folds, left_out)


def written(trained: Trained, plan: Mapping[str, Any], slices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the final model as plain values: all that makes it what it is, by import paths."""
    members = []
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    for member, weight in zip(trained.members, weights, strict=True):
        model = {key: value for key, value in slices[member.model.name]["model"].items() if key != "seeds"}
        members.append({"name": member.name, "weight": weight} | model | {"values": member.values})
    return {key: plan[key] for key in ("ensemble", *AROUND)} | {"members": members}


def around(node: Object, inner: Any) -> Any:
    """Return the estimator that `node` describes, around one that is fitted already."""
    params = dict(node.params) | {"estimator": FrozenEstimator(inner)}
    if isinstance(params.get("scoring"), Object):
        params["scoring"] = metric(plain(params["scoring"]), node.where.at("params", "scoring"), Grammar()).scorer
    if node.name == "TunedThresholdClassifierCV":
        params |= {"cv": "prefit", "refit": False}
    return build(replace(node, params=params))


def _members(chosen: Sequence[Candidate], data: TrainingSet, refit: bool) -> tuple[dict[int, Member], bool]:
    """Return the members by number, and whether they are fitted to all rows: models of a sample are not kept."""
    rows = min(len(learn) for learn, _ in data.folds)
    learned = [min(rows, candidate.sample or rows) for candidate in chosen]
    refit = refit or min(learned) < rows
    shares = [len(data.X) / few / len(data.folds) if refit else 1 for few in learned]
    return {number: Member(*pair) for number, pair in enumerate(zip(chosen, shares, strict=True))}, refit


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


def _all_around(nodes: Mapping[str, Object], combine: Any, side_by_side: np.ndarray, unseen: OutOfFold) -> Any:
    """Fit the estimators around an ensemble, one around the other, and return the outermost."""
    for key, node in nodes.items():
        try:
            more = unseen.difficulty() if key == "intervals" else {}
            combine = _fit_around(around(node, combine), side_by_side, unseen.y_true, unseen.weights, **more)
        except ValueError as error:
            raise UserError(f"{node.name} fails: {' '.join(str(error).split())}", "train.yaml", key) from error
    return combine


def _fit_around(
    estimator: Any, outputs: np.ndarray, y_true: np.ndarray, weights: np.ndarray | None, **more: np.ndarray
) -> Any:
    """Fit an estimator of `around` to the members' outputs on rows that they had not seen."""
    if weights is None or type(estimator).__name__ != "TunedThresholdClassifierCV":
        with warnings.catch_warnings():
            # What the calibration is around is fitted already, with the weights.
            warnings.filterwarnings("ignore", message=".* does not appear to accept sample_weight")
            return estimator.fit(outputs, y_true, **more, **weighting(estimator, weights))
    # scikit-learn gives its scorer no weights, so they become an argument of the metric while the threshold is chosen.
    scorer = check_scoring(scoring=estimator.scoring)
    weighted = type(scorer)(
        scorer._score_func, scorer._sign, {**scorer._kwargs, "sample_weight": weights}, scorer._response_method
    )
    tuned = clone(estimator).set_params(scoring=weighted).fit(outputs, y_true)
    tuned.set_params(scoring=estimator.scoring)
    tuned._curve_scorer = tuned._get_curve_scorer()  # the weights are not to be stored with the model
    return tuned
