"""Declare and read `params/metaflow.yaml`: the decorators of the flow's steps."""

from pathlib import Path
from typing import Any

from ...objects.nodes import plain
from ...objects.params.keys import by_name, mapping, or_null
from ...objects.params.packages import read_grammar
from ...objects.params.values import read
from ...objects.reader import Where

DECORATORS = by_name(
    or_null(by_name({}, description="The arguments of the decorator."), {}),
    description="Decorators of Metaflow for this step, by name.",
)
KEYS = mapping({"steps": or_null(by_name(DECORATORS, description="Decorators by step."), {})})


def read_steps(folder: Path) -> tuple[dict[str, dict[str, dict[str, Any]]], Where]:
    """Return the decorators of each step, and where `params/metaflow.yaml` has them.

    Raises
    ------
    UserError
        If a key or a value is impossible, with file and line.
    """
    values, where = read(folder, "metaflow", KEYS, read_grammar(folder))
    return plain(values["steps"]), where.at("steps")
