"""A trained model as a folder: the fitted estimator, the schema, an example, its YAML and what it was made with.

The estimator is stored by skops, which runs no code on loading but the construction of types that are trusted. Trusted
are the classes of scikit-learn, of this project, and of the packages that the project's params name. Functions are not,
unless the params name them: a file that somebody has tampered with cannot call what it likes.

`manifest.json` lists the parts with their checksums, so that one that is missing or damaged is named.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
import platform
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import skops.io

from .errors import UserError
from .files import read_json, replacing, write_json, write_text
from .schema import Schema

MANDATORY = ("model.skops", "schema.json", "example.json", "model.yaml", "environment.json")
MANIFEST = "manifest.json"
FORMAT = 1
PACKAGE = __name__.split(".")[0]
TRUSTED = ("sklearn", PACKAGE)
HARMLESS = ("collections.OrderedDict", "numpy.dtype")


def save(
    folder: Path,
    model: Any,
    schema: Schema,
    yaml: str,
    result: dict[str, Any],
    named: Iterable[str],
    example: list[dict[str, Any]] | None = None,
) -> None:
    """Write a model's folder, whole or not at all.

    Parameters
    ----------
    named : the import paths that the project's params name.
    example : some rows as they stand in the table.

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
        write_json(new / "example.json", example or [])
        write_text(new / "model.yaml", yaml)
        write_json(new / "result.json", result)
        write_json(new / "environment.json", environment({path.split(".")[0] for path in named}))
        seal(new)


def load(folder: Path, named: Iterable[str]) -> tuple[Any, Schema]:
    """The fitted estimator and its schema; `named` as in `save`.

    Raises
    ------
    UserError
        If a part is missing or damaged, or holds a type of a package that is not trusted.
    """
    verify(folder)
    _compare(read_json(folder / "environment.json"))
    return _load_estimator(folder / "model.skops", named), Schema.from_json(read_json(folder / "schema.json"))


def seal(folder: Path) -> None:
    """List the parts of a model's folder, with their checksums, in its manifest."""
    files = sorted(one for one in folder.rglob("*") if one.is_file() and one.name != MANIFEST)
    parts = {one.relative_to(folder).as_posix(): _checksum(one) for one in files}
    write_json(folder / MANIFEST, {"format": FORMAT, "parts": parts})


def verify(folder: Path) -> None:
    """Check that a model's folder is as it was sealed.

    This finds what was damaged or lost, and no more: whoever can write to the folder can write the manifest as well.

    Raises
    ------
    UserError
        If a part is missing or is not what the manifest says.
    """
    if not (folder / MANIFEST).exists():
        raise UserError(f"{folder / MANIFEST} is missing: `make run` trains the model")
    try:
        manifest = read_json(folder / MANIFEST)
        version, parts = int(manifest["format"]), dict(manifest["parts"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / MANIFEST} is damaged: {type(error).__name__}: {error}") from None
    if version > FORMAT:
        raise UserError(f"{folder} was written by a later version of this project (format {version})")
    for part in (*MANDATORY, *parts):
        if part not in parts or not (folder / part).is_file():
            raise UserError(f"{folder / part} is missing: the model is not complete")
        if _checksum(folder / part) != parts[part]:
            raise UserError(f"{folder / part} is damaged: its checksum is not that of the manifest")


def environment(packages: Iterable[str]) -> dict[str, str]:
    """The versions of Python and of the packages that a model depends on."""
    found = {"python": platform.python_version()}
    owners = importlib.metadata.packages_distributions()
    for package in ("sklearn", "numpy", "scipy", "pandas", "optuna", "skops", *packages):
        for name in owners.get(package, []):
            found[name] = importlib.metadata.version(name)
    return found


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _compare(made_with: Mapping[str, str]) -> None:
    """Warn where the model was made with another minor version of scikit-learn, which promises nothing then."""
    theirs, ours = made_with.get("scikit-learn", ""), importlib.metadata.version("scikit-learn")
    if theirs.split(".")[:2] != ours.split(".")[:2]:
        warnings.warn(f"the model was made with scikit-learn {theirs}, and {ours} is installed", stacklevel=3)


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
