"""Read `dvc.yaml`: which stages there are, what they run, what they need and make, in the order in which they run."""

import graphlib
import itertools
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...objects.reader import read

OUTPUTS = ("outs", "metrics", "plots")


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    Attributes
    ----------
    name : its name in `dvc.yaml`.
    about : its description there.
    command : the line of shell that it runs.
    needs, makes : the paths of its dependencies and outputs.
    key : what its matrix is over, such as `model`; empty if it has none.
    items : what the matrix has of it.
    """

    name: str
    about: str
    command: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    key: str = ""
    items: tuple[str, ...] = ()

    def of(self, item: str | None) -> "Stage":
        """Return the stage for one item of its matrix."""
        if item is None:
            return self
        words = {"${item}": f"--{self.key} {shlex.quote(item)}", f"${{item.{self.key}}}": item}
        needs, makes = (tuple(_filled(path, words) for path in paths) for paths in (self.needs, self.makes))
        return Stage(self.name, self.about, _filled(self.command, words), needs, makes)

    def folders(self) -> tuple[str, ...]:
        """Return its outputs, each up to where it depends on the item."""
        return tuple(path.partition("/${")[0] for path in self.makes)


def read_pipeline(root: Path) -> list[Stage]:
    """Return the stages of `dvc.yaml`, each after those that it needs.

    Raises
    ------
    UserError
        If a stage has a matrix that is no list of names, or two such stages follow each other.
    """
    path = root / "dvc.yaml"
    written, where = read(path, root)
    values: dict[str, Any] = {}
    for source in written.get("vars") or []:
        file, _, keys = source.partition(":")
        found = read(root / file, root)[0] or {}
        values |= {key: found[key] for key in (keys.split(",") if keys else found)}
    stages = {}
    for name, stage in written["stages"].items():
        key, items = _matrix(stage, values, where.at("stages", name))
        needs = tuple(str(one) for one in stage.get("deps") or [])
        commands = stage["cmd"] if isinstance(stage["cmd"], list) else [stage["cmd"]]
        stages[name] = Stage(name, stage.get("desc", ""), " && ".join(commands), needs, _outputs(stage), key, items)
    order = graphlib.TopologicalSorter({name: [one.name for one in before(stages[name], stages)] for name in stages})
    ordered = [stages[name] for name in order.static_order()]
    for stage, following in itertools.pairwise(ordered):
        if stage.key and following.key:
            raise where.at("stages", following.name).error(
                f"{following.name} has a matrix and comes directly after {stage.name}, which has one, too; a flow "
                "needs a stage without a matrix between them"
            )
    return ordered


def before(stage: Stage, stages: dict[str, Stage]) -> list[Stage]:
    """Return the stages that make what a stage needs."""
    return [
        other
        for other in stages.values()
        if other is not stage and any(_touch(need, made) for need in stage.needs for made in other.folders())
    ]


def given(stages: list[Stage]) -> list[str]:
    """Return the dependencies that no stage makes: code, params and data."""
    made = [path for stage in stages for path in stage.folders()]
    needs = {need for stage in stages for need in stage.needs}
    return sorted(need for need in needs if not any(_touch(need, path) for path in made))


def _matrix(stage: dict[str, Any], values: dict[str, Any], where: Any) -> tuple[str, tuple[str, ...]]:
    matrix = stage.get("matrix")
    if matrix is None and "foreach" not in stage:
        return "", ()
    if not isinstance(matrix, dict) or len(matrix) != 1:
        raise where.error("a flow can have a `matrix` over one list of names, and no other one and no `foreach`")
    [(key, items)] = matrix.items()
    if isinstance(items, str):
        items = values.get(items.removeprefix("${").removesuffix("}"))
    if not isinstance(items, list):
        raise where.at("matrix", key).error("a flow can have a `matrix` over a list of names in `vars` or here")
    return key, tuple(str(one) for one in items)


def _outputs(stage: dict[str, Any]) -> tuple[str, ...]:
    outputs = [one for kind in OUTPUTS for one in stage.get(kind) or []]
    return tuple(next(iter(one)) if isinstance(one, dict) else str(one) for one in outputs)


def _touch(one: str, other: str) -> bool:
    """Whether two paths are the same, or one lies in the other."""
    one, other = one.partition("/${")[0], other.partition("/${")[0]
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def stage_of(root: Path, name: str) -> tuple[Stage, list[Stage]]:
    """Return a stage of this name, and all stages.

    Raises
    ------
    UserError
        If `dvc.yaml` has none.
    """
    stages = read_pipeline(root)
    found = next((one for one in stages if one.name == name), None)
    if found is None:
        raise UserError(f"dvc.yaml has no stage {name!r}: make metaflow writes the flow anew")
    return found, stages
