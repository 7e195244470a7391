"""Train: choose among the tuned models and fit the chosen one to all training rows."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import UserError
from ..objects.model import Model
from .fit import assemble, fit
from .tune import Result


def leaderboard(results: Sequence[Result]) -> list[Result]:
    """The results, best first; those without a finished trial last."""
    return sorted(results, key=lambda one: (one.score is None, -(one.score or 0.0)))


def choose(results: Sequence[Result], wanted: str) -> Result:
    """The result of the model to train: the best, or the one that is wanted by name.

    Raises
    ------
    UserError
        If it has no finished trial.
    """
    ranked = leaderboard(results)
    chosen = ranked[0] if wanted == "best" else next(one for one in ranked if one.name == wanted)
    if chosen.score is None:
        reasons = "; ".join(f"{one.name}: {one.state}" for one in ([chosen] if wanted != "best" else ranked))
        raise UserError(f"there is no model to train ({reasons})")
    return chosen


def train(
    model: Model, result: Result, features: pd.DataFrame, target: pd.Series, dtypes: dict[str, str], task: str
) -> Any:
    """The model with the values that the search found, fitted to all of these rows."""
    return fit(assemble(model, result.values, dtypes, task), features, target)
