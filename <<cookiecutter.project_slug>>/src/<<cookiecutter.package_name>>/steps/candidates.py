"""Candidates: what the searches found, and the configurations that the final model is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..objects.grammar import plain
from ..objects.model import Model
from ..objects.space import Values
from .fold import preprocess_values

OF_EACH = 4  # configurations of each model that an ensemble chooses from in any case
MOST_COMPARED = 24  # and how many more of the best of all


@dataclass
class Result:
    """The result of one model's search. Scores are scikit-learn's: more is better.

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
        """Return the result as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Candidate:
    """A configuration that was tried: its model, values and score, and its outputs on the scored rows.

    `folds` are its scores on the folds; `outputs` has shape (rows, k); `seconds` is the time that its folds took, of
    which `preprocess_seconds` went to the preprocessing; `sample` is the most rows of a fold that it learned from, None
    for all.
    """

    name: str
    model: Model
    values: Values
    score: float
    folds: list[float]
    seconds: float
    preprocess_seconds: float
    outputs: np.ndarray
    sample: int | None = None

    @property
    def preprocess(self) -> str:
        """What tells its preprocessing from others."""
        return repr((plain(self.model.preprocess), preprocess_values(self.values)))


def ranked(results: Sequence[Result]) -> list[Result]:
    """Return the results, best first; those without a finished trial last."""
    return sorted(results, key=lambda result: (result.score is None, -(result.score or 0.0)))


def candidates(
    results: Sequence[Result],
    models: Sequence[Model],
    tuned: Path,
    max_prediction_time: float | None = None,
    samples: Mapping[str, int | None] | None = None,
) -> list[Candidate]:
    """Return the kept configurations of models, best first: the best of each model, and the best of all.

    Parameters
    ----------
    results : of all searches.
    models : that may be part of the final model.
    tuned : the folder with a folder of each model's search.
    max_prediction_time : leave out what takes longer to predict 1,000 rows, in seconds.
    samples : by model, the most rows of a fold that its search learned from; all for a model that is not there.

    Raises
    ------
    UserError
        If no model has a finished trial, or none is fast enough.
    """
    found: list[tuple[int, Candidate]] = []
    by_name = {result.name: result for result in results}
    for model in models:
        result = by_name[model.name]
        for rank, trial in enumerate(result.candidates):
            path = tuned / result.name / "outputs" / f"{trial['trial']}.npy"
            slow = max_prediction_time is not None and trial["prediction_time"] > max_prediction_time
            if path.exists() and not slow:
                known = {key: trial[key] for key in ("values", "score", "folds", "seconds", "preprocess_seconds")}
                outputs, sample = np.load(path), (samples or {}).get(result.name)
                name = f"{result.name}, {trial['label']}"
                found.append((rank, Candidate(name, model, outputs=outputs, sample=sample, **known)))
    if not found:
        raise _no_candidate([by_name[model.name] for model in models], max_prediction_time)
    found.sort(key=lambda item: (-item[1].score, item[1].name))
    return [candidate for place, (rank, candidate) in enumerate(found) if rank < OF_EACH or place < MOST_COMPARED]


def _no_candidate(results: Sequence[Result], max_prediction_time: float | None) -> UserError:
    times = [trial["prediction_time"] for result in results for trial in result.candidates]
    if times:
        return UserError(
            f"nothing predicts 1,000 rows within {max_prediction_time:g} s; the fastest needs {min(times):.2g} s",
            "train.yaml",
            "max_prediction_time",
        )
    states = "; ".join(f"{result.name}: {result.state}" for result in ranked(results))
    if any(result.state == "out of time" for result in results):
        place = ("search.yaml", "budget", "seconds")
        return UserError(f"there is no model to train ({states}): raise 'seconds'", *place)
    return UserError(f"there is no model to train ({states})")
