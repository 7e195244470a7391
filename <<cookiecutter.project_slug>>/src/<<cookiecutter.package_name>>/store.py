"""A trained model as a folder: the fitted estimator, its schema, its YAML and what it was made with.

The estimator is stored by skops, which runs no code on loading but the construction of types that are trusted. Trusted
are the classes of scikit-learn, of this project, and of the packages that the project's params name. Functions are not,
unless the params name them: a file that somebody has tampered with cannot call what it likes.
"""

import importlib
import importlib.metadata
import inspect
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
TRUSTED = ("sklearn", PACKAGE)
HARMLESS = ("collections.OrderedDict", "numpy.dtype")


def save(folder: Path, model: Any, schema: Schema, yaml: str, result: dict[str, Any], named: Iterable[str]) -> None:
    """Write a model's folder, whole or not at all.

    Parameters
    ----------
    named : the import paths that the project's params name.

    Raises
    ------
    UserError
        If the model cannot be stored, or holds a type that could not be loaded again.
    """
    named = sorted(set(named))
    with replacing(folder) as new:
        new.mkdir()
        try:
            skops.io.dump(model, new / "model.skops")
        except Exception as error:
            raise UserError(f"the model cannot be stored by skops: {type(error).__name__}: {error}") from error
        _load_estimator(new / "model.skops", named)
        write_json(new / "schema.json", schema.to_json())
        write_text(new / "model.yaml", yaml)
        write_json(new / "result.json", result)
        write_json(new / "environment.json", environment({path.split(".")[0] for path in named}))


def load(folder: Path, named: Iterable[str]) -> tuple[Any, Schema]:
    """The fitted estimator and its schema; `named` as in `save`.

    Raises
    ------
    UserError
        If a part is missing or damaged, or holds a type of a package that is not trusted.
    """
    for part in PARTS:
        if not (folder / part).exists():
            raise UserError(f"{folder / part} is missing: `make run` trains the model")
    return _load_estimator(folder / "model.skops", named), Schema.from_json(read_json(folder / "schema.json"))


def environment(packages: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of the packages that a model depends on."""
    found = {"python": platform.python_version()}
    owners = importlib.metadata.packages_distributions()
    for package in ("sklearn", "numpy", "scipy", "pandas", "optuna", "skops", *packages):
        for name in owners.get(package, []):
            found[name] = importlib.metadata.version(name)
    return found


def _load_estimator(path: Path, named: Iterable[str]) -> Any:
    named = list(named)
    try:
        unknown = skops.io.get_untrusted_types(file=path)
        refused = [name for name in unknown if not _is_trusted(name, named)]
        if not refused:
            return skops.io.load(path, trusted=unknown)
    except Exception as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    raise UserError(f"{path} holds {refused[0]}, which no object in params/ names: it is not loaded")


def _is_trusted(name: str, named: list[str]) -> bool:
    """Whether a type in a model's file is a class of a trusted package, or is itself named by the params."""
    if name in HARMLESS:
        return True
    if name.split(".")[0] not in {*TRUSTED, *(path.split(".")[0] for path in named)}:
        return False
    thing = _imported(name)
    return inspect.isclass(thing) or any(_imported(path) is thing for path in named)


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
