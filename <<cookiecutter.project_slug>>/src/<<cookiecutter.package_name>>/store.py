"""A trained model as a folder: the fitted estimator, its schema, its YAML and what it was made with.

The estimator is stored by skops, which runs no code on loading and refuses any type that is not trusted. Trusted are
scikit-learn's own types, this project's, and those of the packages whose classes the project's params name.
"""

import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import skops.io

from .errors import UserError
from .files import read_json, replacing, write_json, write_text
from .schema import Schema

PARTS = ("model.skops", "schema.json", "model.yaml", "result.json", "environment.json")
PACKAGE = __name__.split(".")[0]
TRUSTED = ("sklearn", "numpy", "scipy", "pandas", "builtins", "collections", PACKAGE)


def save(folder: Path, model: Any, schema: Schema, yaml: str, result: dict[str, Any], packages: Iterable[str]) -> None:
    """Write a model's folder, whole or not at all.

    Parameters
    ----------
    packages : the import names of further packages whose types the model may hold.

    Raises
    ------
    UserError
        If the model cannot be stored, or holds a type that could not be loaded again.
    """
    packages = sorted(set(packages))
    with replacing(folder) as new:
        new.mkdir()
        try:
            skops.io.dump(model, new / "model.skops")
        except Exception as error:
            raise UserError(f"the model cannot be stored by skops: {type(error).__name__}: {error}") from error
        _load_estimator(new / "model.skops", packages)
        write_json(new / "schema.json", schema.to_json())
        write_text(new / "model.yaml", yaml)
        write_json(new / "result.json", result)
        write_json(new / "environment.json", environment(packages))


def load(folder: Path, packages: Iterable[str]) -> tuple[Any, Schema]:
    """The fitted estimator and its schema.

    Raises
    ------
    UserError
        If a part is missing or damaged, or holds a type of a package that is not trusted.
    """
    for part in PARTS:
        if not (folder / part).exists():
            raise UserError(f"{folder / part} is missing: `make run` trains the model")
    return _load_estimator(folder / "model.skops", packages), Schema.from_json(read_json(folder / "schema.json"))


def environment(packages: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of the packages that a model depends on."""
    found = {"python": platform.python_version()}
    owners = importlib.metadata.packages_distributions()
    for package in ("sklearn", "numpy", "scipy", "pandas", "optuna", "skops", *packages):
        for name in owners.get(package, []):
            found[name] = importlib.metadata.version(name)
    return found


def _load_estimator(path: Path, packages: Iterable[str]) -> Any:
    allowed = {*TRUSTED, *packages}
    try:
        unknown = skops.io.get_untrusted_types(file=path)
        refused = [name for name in unknown if name.split(".")[0] not in allowed]
        if not refused:
            return skops.io.load(path, trusted=unknown)
    except Exception as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    raise UserError(f"{path} holds {refused[0]}, of a package that no object in params/ names: it is not loaded")
