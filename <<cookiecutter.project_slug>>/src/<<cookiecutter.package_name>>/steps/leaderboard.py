"""The leaderboard: the models that competed, and the final model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..objects.metrics import Metric
from .candidates import Result, ranked
from .train import Trained


def leaderboard(trained: Trained, results: list[Result], ensemble: str, scorer: Metric) -> list[dict[str, Any]]:
    """The leaderboard in the metric's own sense; the final model comes first where it is made of several."""
    alone = len(trained.members) == 1
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    members = [
        {"name": one.name, "model": one.model.name, "weight": weight}
        for one, weight in zip(trained.members, weights, strict=True)
    ]
    first = {
        "model": trained.members[0].model.name if alone else "ensemble",
        "class": ensemble,
        "score": scorer.natural(float(np.nanmean(trained.folds))),
        "std": float(np.nanstd(trained.folds)),
        "trials": sum(one.trials for one in results),
        "pruned": sum(one.pruned for one in results),
        "failed": sum(one.failed for one in results),
        "best": None,
        "chosen": True,
        "state": "ok",
        "members": members,
        "unfitted": trained.unfitted,
    }
    board = [
        {
            "model": one.name,
            "class": one.estimator,
            "score": None if one.score is None else scorer.natural(one.score),
            "std": one.std,
            "trials": one.trials,
            "pruned": one.pruned,
            "failed": one.failed,
            "best": one.best,
            "chosen": alone and one.name == first["model"],
            "state": one.state,
            "members": members if alone and one.name == first["model"] else [],
            "unfitted": trained.unfitted if alone and one.name == first["model"] else [],
        }
        for one in ranked(results)
    ]
    return board if alone else [first, *board]
