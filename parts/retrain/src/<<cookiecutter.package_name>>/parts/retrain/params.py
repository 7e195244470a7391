"""Declare and read `params/retrain.yaml`: how a new model is compared with the registered one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import nearest
from ...objects.attempts import try_metric
from ...objects.build import build
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, metric
from ...objects.params.context import Context
from ...objects.params.keys import mapping, node, or_null, text, whole
from ...objects.params.packages import read_grammar
from ...objects.params.values import read
from ...objects.reader import Where
from ...objects.weights import INSTEAD
from ..releases.params import read_releases

KEYS = mapping(
    {
        "stage": or_null(text("The stage of the registered model to beat; null for the latest version.")),
        "metric": or_null(
            node("metric", description="What is compared; null for the metric of the search.", named=True, raw=True)
        ),
        "rule": node("rule", description="When the new model is better."),
        "minimum_rows": whole("On fewer rows, nothing is compared.", default=50),
    },
    ["stage", "rule"],
)


@dataclass(frozen=True)
class Retrain:
    """The keys of `params/retrain.yaml`; `rule` is an object of `components.py`."""

    stage: str | None
    metric: Metric | None
    rule: Any
    minimum_rows: int


def compile(values: dict[str, Any], where: Where, context: Context) -> None:
    """Check the settings; no stage of the pipeline depends on them, so there is no slice of the plan.

    Raises
    ------
    UserError
        If there is no such stage, or the metric means nothing to the task or ignores the weights of rows.
    """
    compared = _retrain(values, where, context.folder, context.grammar).metric
    if compared is not None:
        try_metric(compared, context.task, where.at("metric"))
        if context.weight is not None and not compared.takes_weights:
            raise where.at("metric").error(
                f"the metric {compared.name} takes no row weights: choose another, {INSTEAD}"
            )


def read_retrain(folder: Path) -> Retrain:
    """Return how `make retrain` compares models, as `params/retrain.yaml` says it.

    Raises
    ------
    UserError
        If there is no such stage, or the rule cannot be built.
    """
    grammar = read_grammar(folder)
    return _retrain(*read(folder, "retrain", KEYS, grammar), folder, grammar)


def _retrain(values: dict[str, Any], where: Where, folder: Path, grammar: Grammar) -> Retrain:
    stage, stages, written = values["stage"], read_releases(folder)[1], values["metric"]
    if stage is not None and stage not in stages:
        raise where.at("stage").error(
            f"{stage!r} is none of the stages in params/releases.yaml: {', '.join(stages)}{nearest(stage, stages)}"
        )
    compared = metric(written, where.at("metric"), grammar) if written is not None else None
    return Retrain(stage, compared, build(values["rule"]), values["minimum_rows"])
