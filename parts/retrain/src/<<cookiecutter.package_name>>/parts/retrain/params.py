"""Read `params/retrain.yaml`: how a new model is judged against the registered one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import nearest
from ...objects.attempts import try_metric
from ...objects.build import build, fixed
from ...objects.grammar import Grammar
from ...objects.json_schema import TEXT, Kit, Schema, mapping, or_null
from ...objects.metrics import Metric, metric
from ...objects.plan import Context, read_grammar
from ...objects.reader import read
from ...objects.weights import INSTEAD
from ..releases.params import read_releases


@dataclass(frozen=True)
class Retrain:
    """What `params/retrain.yaml` says.

    `stage` is that of the registered model to beat, None for the latest version; `metric` is None for that of the
    search; `rule` is an object of `components.py`.
    """

    stage: str | None
    metric: Metric | None
    rule: Any
    minimum_rows: int


def compile(context: Context) -> Schema:
    """Check `params/retrain.yaml`; no stage of the pipeline depends on it, so there is no slice of the plan.

    Raises
    ------
    UserError
        If it is wrong, or its metric is none for this task or ignores the weights of rows.
    """
    judged_by = read_retrain(context.folder, context.grammar).metric
    if judged_by is not None:
        where = context.read("retrain.yaml")[1].at("metric")
        try_metric(judged_by, context.task, where)
        if context.weight is not None and not judged_by.takes_weights:
            raise where.error(f"the metric {judged_by.name} takes no row weights: choose another, {INSTEAD}")
    return {}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the JSON Schema of `params/retrain.yaml`."""
    keys = {
        "stage": or_null(TEXT) | {"description": "Of the registered model to beat; null: the latest version."},
        "metric": or_null(kit.named_or_object("metric")) | {"description": "To judge by; null: the search's."},
        "rule": kit.object("rule") | {"description": "When the new model is better."},
        "minimum_rows": {"type": "integer", "minimum": 1, "description": "On fewer rows nothing is judged."},
    }
    return {"retrain": mapping(keys, ["stage", "rule"])}


def read_retrain(folder: Path, grammar: Grammar | None = None) -> Retrain:
    """Return how `make retrain` judges, as `params/retrain.yaml` says it.

    Raises
    ------
    UserError
        If there is no such stage, or the rule cannot be built.
    """
    grammar = grammar or read_grammar(folder)
    data, where = read(folder / "retrain.yaml", folder.resolve().parent)
    where.mapping(data, ["stage", "metric", "rule", "minimum_rows"], ["stage", "rule"])
    stage, rows = data["stage"], data.get("minimum_rows", 50)
    stages = read_releases(folder, grammar)[1]
    if stage is not None and stage not in stages:
        raise where.at("stage").error(
            f"{stage!r} is none of the stages in params/releases.yaml: {', '.join(stages)}{nearest(str(stage), stages)}"
        )
    if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
        raise where.at("minimum_rows").error(f"'minimum_rows' needs a whole number above 0, not {rows!r}")
    rule = fixed(data["rule"], where.at("rule"), "rule", grammar)
    written = data.get("metric")
    judged_by = metric(written, where.at("metric"), grammar) if written is not None else None
    return Retrain(stage, judged_by, build(rule), rows)
