"""A trained model as a folder: its fitted parts, the schema, an example, its YAML and what it was made with.

Each fitted part is stored by a flavor of `components/flavors.py`, which the params name. On loading no other flavor is
used, whatever the folder says of itself, and none of those that this project brings runs code that a file holds.

`manifest.json` lists the files with their checksums, so that one that is missing or damaged is named. What is trusted,
and why, is in `trust.py`, `objects/allowed.py` and `project/locked.py`.
"""

import importlib.metadata
import platform
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..files import replacing_folder, write_json, write_text
from ..objects.allowed import DEFAULT, About, imported
from ..objects.discovery import distributions
from ..project.locked import check_locked
from ..schema import Schema
from ..steps.apart import PARTS, apart, steps_of, together
from ..steps.fits import check_features, check_fits
from ..steps.task import task_of
from .described import read_environment, read_schema
from .manifest import seal, verify

COMPARED = 100  # rows on which a stored model is compared with the model


@dataclass(frozen=True)
class Described:
    """What a model's folder holds beside the fitted parts.

    Parameters
    ----------
    schema : of the rows that the model learned from.
    yaml : all that makes the model what it is.
    result : what the leaderboard says of it.
    example : some rows as they stand in the table.
    """

    schema: Schema
    yaml: str
    result: dict[str, Any]
    example: list[dict[str, Any]]


def save(
    folder: Path,
    model: Any,
    described: Described,
    named: Iterable[str],
    features: pd.DataFrame,
    flavors: Mapping[str, Any] | None = None,
) -> None:
    """Write a model's folder, whole or not at all.

    Parameters
    ----------
    named : the import paths that the project's params name.
    features : rows as the model takes them; on some of them the stored model is compared with the model.
    flavors : how parts are stored, by their names; those that are not named by skops.

    Raises
    ------
    UserError
        If a part cannot be stored, could not be loaded again, or does not do the same then.
    """
    chosen = {name: imported(DEFAULT)() for name in PARTS} | dict(flavors or {})
    about = About(sorted(set(named)))
    parts = apart(model)
    with replacing_folder(folder) as new:
        new.mkdir()
        for name, part in parts.items():
            put(part, new / f"{name}{chosen[name].suffix}", chosen[name], about)
        write_json(new / "schema.json", described.schema.to_json())
        write_json(new / "example.json", described.example)
        write_text(new / "model.yaml", described.yaml)
        write_json(new / "result.json", described.result)
        write_json(new / "environment.json", environment({path.split(".")[0] for path in about.named}))
        seal(new, {name: _path(chosen[name]) for name in parts})
        some = features.iloc[:: max(len(features) // COMPARED, 1)].head(COMPARED)
        again = _together(new, {name: flavor for name, flavor in chosen.items() if name in parts}, about)
        tolerance = max(chosen[name].tolerance for name in parts)
        compare(model, again, some, described.schema, tolerance, f"stored by {_names(chosen)}")


def load(folder: Path, named: Iterable[str]) -> tuple[Any, Schema]:
    """The fitted estimator and its schema; `named` as in `save`.

    Raises
    ------
    UserError
        If a part is missing or damaged, stored by a flavor that the params do not name, or holds what they do not name.
    """
    about = About(sorted(set(named)), folder)
    flavors, schema = _opened(folder, about)
    needed = PARTS if schema.labels else ("transformers", "model")
    absent = [part for part in needed if part not in flavors]
    if absent:
        raise UserError(f"{folder} has no part {absent[0]!r}: the model is not complete")
    model = _together(folder, flavors, about)
    check_fits(model, schema, folder)
    return model, schema


def load_transformers(folder: Path, named: Iterable[str]) -> tuple[list[Any], Schema]:
    """The fitted transformers alone, a list of steps for each estimator of the model, and the schema; as `load`."""
    about = About(sorted(set(named)), folder)
    flavors, schema = _opened(folder, about)
    if "transformers" not in flavors:
        raise UserError(f"{folder} has no part 'transformers': the model is not complete")
    found = _got(folder, "transformers", flavors["transformers"], about)
    try:
        steps = steps_of(found)
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise UserError(f"{folder} is damaged: {type(error).__name__}: {error}") from None
    for one in steps:
        check_features(one, schema, folder)
    return steps, schema


def put(thing: Any, path: Path, flavor: Any, about: About) -> None:
    """Store something by a flavor.

    Raises
    ------
    UserError
        If that fails.
    """
    try:
        flavor.save(thing, path, about)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        extra = type(flavor).__name__.lower()
        raise UserError(
            f"{error.name} is not installed: add the extra {extra!r} to pyproject.toml and run `make setup`",
            "package.yaml",
        ) from None
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"{path.name} cannot be stored by {type(flavor).__name__}: {type(error).__name__}: {reason}", "package.yaml"
        ) from error


def compare(model: Any, again: Any, features: pd.DataFrame, schema: Schema, tolerance: float, what: str) -> None:
    """See that two models say the same of some rows.

    Parameters
    ----------
    tolerance : the most by which probabilities may differ, and numbers as a share of the largest.

    Raises
    ------
    UserError
        If they do not.
    """
    task = task_of(schema)
    one, other = (task.to_scores(task.outputs(each, features)) for each in (model, again))
    scale = 1.0 if schema.labels else max(float(np.abs(one).max(initial=0.0)), 1e-12)
    apart_by = float(np.abs(one - other).max(initial=0.0)) / scale
    if not apart_by <= max(tolerance, 1e-9):
        found = f"probabilities differ by {apart_by:.2g}"
        if not schema.labels:
            found = f"numbers differ by {apart_by:.2g} of the largest"
        raise UserError(
            f"the model {what} does not say what the model says: {found}, and {tolerance:g} is allowed", "package.yaml"
        )


def environment(packages: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of the packages that a model depends on."""
    found = {"python": platform.python_version()}
    owners = distributions()
    for package in ("sklearn", "numpy", "scipy", "pandas", "skops", *packages):
        for name in owners.get(package, []):
            found[name] = importlib.metadata.version(name)
    return found


def _other_version(made_with: Mapping[str, str]) -> str:
    """Say that a model was made with another minor version of scikit-learn, which promises nothing then."""
    theirs, ours = made_with.get("scikit-learn", ""), importlib.metadata.version("scikit-learn")
    if theirs.split(".")[:2] == ours.split(".")[:2]:
        return ""
    return f"the model was made with scikit-learn {theirs}, and {ours} is installed"


def _opened(folder: Path, about: About) -> tuple[dict[str, Any], Schema]:
    """Return the flavors of a folder's parts, which the params have to name, and its schema."""
    check_locked(folder)
    flavors = {}
    for name, path in verify(folder).flavors.items():
        if path not in {*about.named, DEFAULT}:
            raise UserError(f"{folder}: the part {name!r} is stored by {path}, which params/package.yaml does not name")
        flavor = imported(path)
        if name not in PARTS or not isinstance(flavor, type) or name not in getattr(flavor, "suits", ()):
            raise UserError(f"{folder}: {path} is no flavor for a part {name!r}")
        flavors[name] = flavor()
    other = _other_version(read_environment(folder))
    if other:
        warnings.warn(other, stacklevel=3)
    schema = read_schema(folder)
    for one in schema.clean:
        if one["class"] not in about.named:
            raise UserError(f"{folder} cleans rows by {one['class']}, which params/data.yaml does not name")
    if schema.task["class"] not in about.named:
        raise UserError(
            f"{folder} is a model for the task {schema.task['class']}, which params/data.yaml does not name"
        )
    return flavors, schema


def _together(folder: Path, flavors: Mapping[str, Any], about: About) -> Any:
    parts = {name: _got(folder, name, flavor, about) for name, flavor in flavors.items()}
    try:
        return together(parts)
    except Exception as error:
        raise UserError(f"{folder} is damaged: {error}") from error


def _got(folder: Path, name: str, flavor: Any, about: About) -> Any:
    path = folder / f"{name}{flavor.suffix}"
    other = _other_version(read_environment(folder))
    why = f"{other}, which may be why: " if other else ""
    try:
        return flavor.load(path, about)
    except UserError as error:
        raise UserError(f"{why}{error.message}", *error.place) from error.__cause__
    except ModuleNotFoundError as error:
        raise UserError(f"{why}{path} cannot be loaded: {error}") from None
    except Exception as error:
        raise UserError(f"{why}{path} is damaged: {type(error).__name__}: {error}") from error


def _path(flavor: Any) -> str:
    return f"{type(flavor).__module__}.{type(flavor).__qualname__}"


def _names(flavors: Mapping[str, Any]) -> str:
    return " and ".join(sorted({type(flavor).__name__ for flavor in flavors.values()}))
