"""The leaderboard: the models that competed, and the final model."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..objects.metrics import Metric
from .candidates import Result, ranked
from .train import Trained


def leaderboard(trained: Trained, results: list[Result], ensemble: str, metric: Metric) -> list[dict[str, Any]]:
    """Return the rows of the leaderboard, best first; the final model comes before all if it is made of several.

    Scores are in the metric's own sense.
    """
    alone = trained.members[0].model.name if len(trained.members) == 1 else None
    weights: Sequence[float | None] = trained.weights or [None] * len(trained.members)
    members = [
        {"name": member.name, "model": member.model.name, "weight": weight}
        for member, weight in zip(trained.members, weights, strict=True)
    ]

    def row(name: str, class_: str, found: list[Result], chosen: bool, **known: Any) -> dict[str, Any]:
        counts = {key: sum(getattr(result, key) for result in found) for key in ("trials", "pruned", "failed")}
        made_of = {"members": members if chosen else [], "unfitted": trained.unfitted if chosen else []}
        return {"model": name, "class": class_, "chosen": chosen} | known | counts | made_of

    board = [
        row(
            result.name,
            result.estimator,
            [result],
            result.name == alone,
            score=None if result.score is None else metric.natural(result.score),
            std=result.std,
            best=result.best,
            state=result.state,
        )
        for result in ranked(results)
    ]
    if alone:
        return board
    score, std = metric.natural(float(np.nanmean(trained.folds))), float(np.nanstd(trained.folds))
    return [row("ensemble", ensemble, results, True, score=score, std=std, best=None, state="ok"), *board]
