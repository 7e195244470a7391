"""Declare and read `params/monitoring.yaml`: where predictions are logged."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...objects.build import build
from ...objects.params.context import Context
from ...objects.params.keys import mapping, node, or_null
from ...objects.params.packages import read_grammar
from ...objects.params.values import read
from ...objects.reader import Where
from .components import PredictionLog
from .drift_params import DRIFT, Drift, drift_of

KEYS = mapping(
    {
        "log": or_null(node("prediction_log", description="Where predictions are logged; null for nowhere.")),
        "drift": DRIFT,
    }
)


@dataclass(frozen=True)
class Monitoring:
    """The keys of `params/monitoring.yaml`, and the place of the log in it, for errors."""

    log: PredictionLog | None
    where: Where
    drift: Drift


def compile(values: dict[str, Any], where: Where, context: Context) -> None:
    """Check the settings; no stage of the pipeline depends on them, so there is no slice of the plan.

    Raises
    ------
    UserError
        If the log cannot be written, for example because a package that it needs is not installed.
    """
    _monitoring(values, where)


def read_monitoring(folder: Path) -> Monitoring:
    """Return what `params/monitoring.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible, or the log cannot be written.
    """
    return _monitoring(*read(folder, "monitoring", KEYS, read_grammar(folder)))


def _monitoring(values: dict[str, Any], where: Where) -> Monitoring:
    node, place, drift = values["log"], where.at("log"), drift_of(values["drift"], where.at("drift"))
    if node is None:
        return Monitoring(None, place, drift)
    log = build(node)
    problem = log.problem()
    if problem:
        raise place.error(problem)
    return Monitoring(log, place, drift)
