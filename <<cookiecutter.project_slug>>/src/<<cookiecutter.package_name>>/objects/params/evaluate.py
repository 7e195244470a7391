"""`params/evaluate.yaml`: what the report measures and draws."""

from pathlib import Path
from typing import Any

from ...steps.task import Task
from ..attempts import try_metric
from ..grammar import Grammar
from ..metrics import Metric, metric
from ..nodes import plain
from .keys import SEEDS, items, mapping, node, or_null, whole
from .values import read

KEYS = mapping(
    {
        "metrics": items(
            node("metric", named=True, raw=True), "What is measured on held-out rows, beside the metric of the search."
        ),
        "charts": items(node("chart", named=True), "The charts, in this order.", uniqueItems=True, default=[]),
        "permutation_importance": or_null(
            mapping(
                {
                    "n_repeats": whole("How often each column is shuffled."),
                    "max_samples": whole("On how many rows."),
                    "random_state": whole("The seed.", 0, maximum=SEEDS),
                },
                description="How the importance of columns is measured.",
            ),
            {},
        ),
    },
    ["metrics"],
)


def read_evaluate(folder: Path, grammar: Grammar, task: Task) -> tuple[dict[str, Any], list[Metric]]:
    """Return what `params/evaluate.yaml` says in plain values, and its metrics.

    Raises
    ------
    UserError
        If it is wrong, or a metric means nothing to the task.
    """
    written, where = read(folder, "evaluate", KEYS, grammar)
    metrics: list[Metric] = []
    for index, data in enumerate(written["metrics"]):
        place = where.at("metrics", index)
        found = metric(data, place, grammar, (*task.tells, "estimator"))
        try_metric(found, task, place)
        if found.plain() in [earlier.plain() for earlier in metrics]:
            raise place.error(f"{found.name} is named twice")
        metrics.append(found)
    charts = [plain(chart) for chart in written["charts"]]
    return written | {"metrics": [one.plain() for one in metrics], "charts": charts}, metrics
