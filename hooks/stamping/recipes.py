"""The recipes: what each one is for, its sample, its presets and its pool of models."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from . import outside, tables
from .errors import AnswerError, nearest, some
from .forms import fault, read, text_of

# The project that every recipe shares, in the template's folder.
SHARED = "<<cookiecutter.project_slug>>"


class Recipe(NamedTuple):
    """A folder that is described by its `recipe.yaml`; `recipes/recipe.schema.json` says what stands in there.

    `metric` may need probabilities; `metric_on_decisions` is for models that give none. `targets` is how many columns
    can be predicted, None for any number; where it is 0, the answer `target` names a column to leave out. `always`
    compete whatever is chosen. `requires` says what brings the packages that classes of its own import. `pool` holds
    the models that come with it: name -> classes as its file writes them, its own before nested ones.
    """

    folder: Path
    task: Any
    metric: Any
    metric_on_decisions: Any
    kind: str
    targets: int | None
    sample: dict[str, Any]
    presets: dict[str, dict[str, Any]]
    always: list[str]
    requires: dict[str, list[str]]
    starter: dict[str, str]
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
    return outside.RECIPE.names(template)


def recipe(template: Path, name: str) -> Recipe:
    """The recipe of this name."""
    return recipe_in(template / "recipes" / name, template)


def recipe_in(folder: Path, template: Path) -> Recipe:
    """The recipe of a folder, wherever that is.

    Raises
    ------
    AnswerError
        If its `recipe.yaml` is not what the format says.
    """
    facts = facts_in(folder)
    pool = {file.stem: _classes_in(file) for file in sorted((folder / "params" / "models").glob("*.yaml"))}
    wrong = fault(facts, json.loads((template / "recipes" / "recipe.schema.json").read_text(encoding="utf-8")))
    wrong = wrong or _contradiction(facts, folder, pool, template / SHARED)
    if wrong:
        raise AnswerError(f"recipe: {folder.name}/recipe.yaml: {wrong}")
    return Recipe(
        folder=folder,
        task=facts["task"],
        metric=facts["metric"],
        metric_on_decisions=facts.get("metric_on_decisions", facts["metric"]),
        kind=facts["kind"],
        targets=facts.get("targets", 1),
        sample=facts["sample"],
        presets=facts["presets"],
        always=facts.get("always", []),
        requires=facts.get("requires", {}),
        starter=facts["starter"],
        pool=pool,
    )


def facts_in(folder: Path) -> Any:
    """What stands in the `recipe.yaml` of a folder, unchecked.

    Raises
    ------
    AnswerError
        If it is no YAML.
    """
    return read(folder / "recipe.yaml")


def catalogue(template: Path) -> Catalogue:
    """The template's table of classes and packages."""
    classes = json.loads((template / "recipes" / "catalog.json").read_text(encoding="utf-8"))
    return Catalogue(classes, read(template / "recipes" / "packages.yaml"))


def readers(template: Path) -> dict[str, str]:
    """What reading a kind of file or URL needs beyond the core: suffix or scheme -> requirement."""
    found: dict[str, str] = read(template / "recipes" / "readers.yaml")
    return found


def _contradiction(facts: dict[str, Any], folder: Path, pool: dict[str, list[str]], shared: Path) -> str | None:
    """What `recipe.yaml` names and the folder does not have."""
    if not pool:
        return "its folder has no params/models/*.yaml; write a file for each model there"
    models = {"always": facts.get("always", [])}
    files = list(pool)
    for preset, wanted in facts["presets"].items():
        models[f"presets.{preset}.estimators"] = wanted["estimators"]
        models[f"presets.{preset}.budget.shares"] = [one for one in wanted["budget"]["shares"] if one != "train"]
    for place, listed in models.items():
        for name in listed:
            if name not in pool:
                return f"{place} names {name!r}, and there is no params/models/{name}.yaml; {_instead(name, files)}"
        if len(set(listed)) < len(listed):
            return f"{place} names a model twice; name it once"
    classes = [one for written in pool.values() for one in written]
    for name in facts.get("requires", {}):
        if name not in classes:
            return f"requires names {name!r}, and no file in params/models/ has this class; {_instead(name, classes)}"
    steps = [path.stem for one in (shared, folder) for path in sorted((one / "params" / "preprocess").glob("*.yaml"))]
    for key, name in facts["starter"].items():
        if name not in steps:
            return f"starter.{key} is {name!r}, and there is no such preprocessing; {_instead(name, steps)}"
    return _wrong_sample(facts["sample"], folder)


def _wrong_sample(sample: dict[str, Any], folder: Path) -> str | None:
    file = folder / sample["file"]
    if not file.is_file():
        return f"sample.file is {sample['file']!r}, and there is no such file; put the table there"
    if tables.suffix_of(file.name) not in tables.SUFFIXES:
        return (
            f"sample.file is {sample['file']!r}, and no table ends like that; the endings are {some(tables.SUFFIXES)}"
        )
    try:
        columns = tables.columns_of(file, {})
    except ValueError as error:
        return f"sample.file is {sample['file']!r}, which {error}; put a table with a header and rows there"
    targets = [sample["target"]] if isinstance(sample["target"], str) else sample["target"]
    for target in targets:
        if columns is not None and target not in columns:
            return f"sample.target is {target!r}, and {file.name} has no such column; {_instead(target, columns)}"
    return None


def _instead(name: str, known: list[str]) -> str:
    better = nearest(name, known)
    return f"did you mean {better!r}?" if better else f"there are {some(known)}"


def _classes_in(file: Path) -> list[str]:
    # What draws the rows of a search is no part of the model.
    model = re.sub(r"^sample:.*\n(?:[ #].*\n?|\n)*", "", text_of(file), flags=re.MULTILINE)
    return re.findall(r"\bclass:[ \t]*[\"']?([\w.]+)", model)
