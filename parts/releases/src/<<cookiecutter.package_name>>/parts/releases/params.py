"""Read `params/releases.yaml`: where versions of the model are registered, and the stages that they can stand in."""

import re
from pathlib import Path
from typing import Any

from ...objects.build import build, fixed
from ...objects.grammar import Grammar
from ...objects.json_schema import TEXTS, Kit, Schema, mapping
from ...objects.names import RULE, is_name, twin
from ...objects.plan import Context, read_grammar
from ...objects.reader import Where, read

STAGE = re.compile(r"(?![vV]\d)[A-Za-z]")  # how a name begins that GTO and MLflow both take


def compile(context: Context) -> Schema:
    """Check `params/releases.yaml`; no stage of the pipeline depends on it, so there is no slice of the plan."""
    read_releases(context.folder, context.grammar)
    return {}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the JSON Schema of `params/releases.yaml`."""
    registry = kit.object("registry") | {"description": "Where versions of the model are registered."}
    stages = TEXTS | {"minItems": 1, "uniqueItems": True, "description": "Where a version can stand."}
    return {"releases": mapping({"registry": registry, "stages": stages}, ["registry", "stages"])}


def read_releases(folder: Path, grammar: Grammar | None = None) -> tuple[Any, list[str]]:
    """Return the registry that `params/releases.yaml` describes, and the stages that a version can stand in.

    Raises
    ------
    UserError
        If the registry cannot be built, or a stage has a name that no registry takes.
    """
    data, where = read(folder / "releases.yaml", folder.resolve().parent)
    where.mapping(data, ["registry", "stages"], ["registry", "stages"])
    registry = fixed(data["registry"], where.at("registry"), "registry", grammar or read_grammar(folder))
    _check_stages(data["stages"], where.at("stages"))
    return build(registry), data["stages"]


def _check_stages(stages: Any, where: Where) -> None:
    """Refuse stages that are no list of names, or whose names could be mistaken for versions or for each other."""
    if not isinstance(stages, list) or not stages:
        raise where.error("'stages' needs a list of names, such as [dev, staging, prod]")
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
