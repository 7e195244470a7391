"""Declare and read `params/publish.yaml`: where models are published, and which of them predicts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, metric
from ...objects.params.context import Context
from ...objects.params.keys import mapping, node, or_null, text
from ...objects.params.packages import read_grammar
from ...objects.params.values import read
from ...objects.reader import Where

KEYS = mapping(
    {
        "storage": or_null(
            text("Where `make publish` puts the model.", needs="a URI, such as s3://bucket/models,"),
        ),
        "best": or_null(
            node(
                "metric",
                description="The metric by which the best of a storage's models is taken; null for the latest.",
                named=True,
                raw=True,
            )
        ),
    }
)


@dataclass(frozen=True)
class Settings:
    """Where models are published, and the metric by which one of them is picked; None for the latest."""

    storage: str | None
    best: Metric | None


def compile(values: dict[str, Any], where: Where, context: Context) -> None:
    """Check the metric; no stage needs the settings, so the plan holds nothing of them."""
    _settings(values, where, context.grammar)


def read_settings(folder: Path) -> Settings:
    """Return what `params/publish.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible.
    """
    grammar = read_grammar(folder)
    return _settings(*read(folder, "publish", KEYS, grammar), grammar)


def _settings(values: dict[str, Any], where: Where, grammar: Grammar) -> Settings:
    best = values["best"]
    return Settings(values["storage"], None if best is None else metric(best, where.at("best"), grammar))


def storage_of(folder: Path) -> str:
    """Return the storage that `params/publish.yaml` names.

    Raises
    ------
    UserError
        If it names none.
    """
    storage = read_settings(folder).storage
    if storage is None:
        raise UserError("no storage is named: give a URI, or write `storage: <URI>`", "publish.yaml")
    return storage
