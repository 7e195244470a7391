"""Declare and read `params/releases.yaml`: where versions of the model are registered, and the stages of a version."""

import re
from pathlib import Path
from typing import Any

from ...objects.build import build
from ...objects.names import RULE, is_name, twin
from ...objects.params.context import Context
from ...objects.params.keys import items, mapping, node, text
from ...objects.params.packages import read_grammar
from ...objects.params.values import read
from ...objects.reader import Where

STAGE = re.compile(r"(?![vV]\d)[A-Za-z]")  # how a name begins that GTO and MLflow both take
KEYS = mapping(
    {
        "registry": node("registry", description="Where versions of the model are registered."),
        "stages": items(
            text(),
            "The stages in which a version can stand.",
            minItems=1,
            needs="a list of names, such as [dev, staging, prod]",
        ),
    },
    ["registry", "stages"],
)


def compile(values: dict[str, Any], where: Where, context: Context) -> None:
    """Check the stages; no stage of the pipeline depends on them, so there is no slice of the plan."""
    _check_stages(values["stages"], where.at("stages"))


def read_releases(folder: Path) -> tuple[Any, list[str]]:
    """Return the registry that `params/releases.yaml` describes, and the stages in which a version can stand.

    Raises
    ------
    UserError
        If the registry cannot be built, or a stage has a name that no registry takes.
    """
    values, where = read(folder, "releases", KEYS, read_grammar(folder))
    _check_stages(values["stages"], where.at("stages"))
    return build(values["registry"]), values["stages"]


def _check_stages(stages: list[str], where: Where) -> None:
    """Refuse names that could be mistaken for versions or for each other."""
    for index, stage in enumerate(stages):
        if not is_name(stage) or not STAGE.match(stage) or stage == "latest":
            raise where.at(index).error(
                f"{stage!r} cannot be a stage: {RULE}; a stage begins with a letter and is neither `latest` nor like a "
                "version"
            )
        same = twin(stage, stages[:index])
        if same is not None:
            how = "is named twice" if same == stage else f"differs from {same!r} in case alone"
            raise where.at(index).error(f"{stage!r} {how}")
