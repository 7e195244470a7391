"""The recipes: what each one is for, its sample, its presets and its pool of models."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Recipe(NamedTuple):
    """A folder below `recipes/`, described by its `recipe.yaml`.

    `metric` may need probabilities; `metric_on_decisions` is for models that give none. `targets` is 0 where nothing is
    predicted: the answer `target` then names a column to leave out. `task` is what `params/data.yaml` gets, a name or
    an object. `always` are models that compete whatever is chosen; `requires` says what brings the packages that
    classes of its own need: class -> requirements.
    `pool` holds the models that come with it: name -> classes as its file writes them, its own before nested ones.
    """

    folder: Path
    task: Any
    metric: str
    metric_on_decisions: str
    kind: str
    targets: int
    sample: dict[str, str]
    presets: dict[str, dict[str, Any]]
    starter: dict[str, str]
    always: list[str]
    requires: dict[str, list[str]]
    pool: dict[str, list[str]]

    @property
    def name(self) -> str:
        return self.folder.name


class Catalogue(NamedTuple):
    """The classes that an estimator may be, by short name, and the requirement that brings each package."""

    classes: dict[str, list[dict[str, Any]]]
    packages: dict[str, str]

    def named(self, name: str) -> list[dict[str, Any]]:
        """The classes that a short name or an import path means."""
        entries = self.classes.get(name.rpartition(".")[2], [])
        return [entry for entry in entries if entry["class"] == name] if "." in name else entries


def names(template: Path) -> list[str]:
    """The names of the recipes of a template."""
    return sorted(path.parent.name for path in (template / "recipes").glob("*/recipe.yaml"))


def recipe(template: Path, name: str) -> Recipe:
    """The recipe of this name."""
    folder = template / "recipes" / name
    facts = {"targets": 1, "always": [], "requires": {}} | _read(folder / "recipe.yaml")
    pool = {file.stem: _classes_in(file) for file in sorted((folder / "params" / "models").glob("*.yaml"))}
    return Recipe._make([folder, *(facts[key] for key in Recipe._fields[1:-1]), pool])


def catalogue(template: Path) -> Catalogue:
    """The template's table of classes and packages."""
    classes = json.loads((template / "recipes" / "catalog.json").read_text(encoding="utf-8"))
    return Catalogue(classes, _read(template / "recipes" / "packages.yaml"))


def readers(template: Path) -> dict[str, str]:
    """What reading a kind of file or URL needs beyond the core: suffix or scheme -> requirement."""
    found: dict[str, str] = _read(template / "recipes" / "readers.yaml")
    return found


def _read(path: Path) -> Any:
    # The parser in C is ten times as fast, where PyYAML was built with it.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _classes_in(file: Path) -> list[str]:
    return re.findall(r"\bclass:[ \t]*[\"']?([\w.]+)", file.read_text(encoding="utf-8"))
