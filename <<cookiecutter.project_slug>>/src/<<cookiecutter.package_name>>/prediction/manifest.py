"""The manifest of a model's folder: its files with their checksums, and the flavor of each fitted part.

A manifest can come from anybody. Its names are checked before any of them is opened: a file lies in the folder, and
no link leads out of it.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from ..errors import UserError
from ..files import write_json
from ..project.locked import MANIFEST

MANDATORY = ("schema.json", "example.json", "model.yaml", "environment.json")
FORMAT = 3
LONGEST = 10_000_000  # bytes of a manifest


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    Parameters
    ----------
    parts : the checksum of each file, by its path in the folder.
    flavors : the import path of each fitted part's flavor.
    """

    parts: dict[str, str]
    flavors: dict[str, str]


def seal(folder: Path, flavors: Mapping[str, str] | None = None) -> None:
    """List the files of a model's folder, with their checksums, in its manifest.

    Parameters
    ----------
    flavors : the import path of each fitted part's flavor; None for those that the manifest has.

    Raises
    ------
    UserError
        If there is a link in the folder.
    """
    stored = dict(flavors) if flavors is not None else read_manifest(folder).flavors
    found = sorted(one for one in folder.rglob("*") if one != folder / MANIFEST)
    for file in found:
        if file.is_symlink():
            raise UserError(f"{file} is a link, and a model's folder holds files only: remove it")
    parts = {one.relative_to(folder).as_posix(): _checksum(one) for one in found if one.is_file()}
    write_json(folder / MANIFEST, {"format": FORMAT, "flavors": stored, "parts": parts})


def verify(folder: Path) -> Manifest:
    """Check that a model's folder is as it was sealed.

    This finds damage and loss, but not malice: whoever can write to the folder can write the manifest as well.

    Raises
    ------
    UserError
        If the manifest is none, a file is missing, or a file is not what the manifest says.
    """
    manifest = read_manifest(folder)
    for part in (*MANDATORY, *manifest.parts):
        path = folder / part
        if part not in manifest.parts or not path.is_file():
            raise UserError(f"{path} is missing: the model is not complete")
        _refuse_link(folder, part)
        if _checksum(path) != manifest.parts[part]:
            raise UserError(f"{path} is damaged: its checksum is not that of the manifest")
    return manifest


def version_of(folder: Path) -> str:
    """Return what a model is called in logs: the environment's MODEL_VERSION, or a name made of the model's content."""
    content = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    return os.environ.get("MODEL_VERSION", "").strip() or f"model-{content[:12]}"


def copy_model(folder: Path, to: Path) -> None:
    """Copy the files of a model that its manifest names, and nothing else, into a new folder.

    Raises
    ------
    UserError
        As `verify`.
    """
    for part in (*verify(folder).parts, MANIFEST):
        (to / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / part, to / part)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    Raises
    ------
    UserError
        If there is none, it is damaged, of another format, or names something outside of the folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{path} is missing: `make run` trains the model")
    try:
        return parsed(path.read_bytes(), str(folder))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error}") from None


def parsed(text: bytes, place: str) -> Manifest:
    """Return the manifest that a text is; otherwise like `read_manifest`.

    Parameters
    ----------
    place : what the model's folder is called in an error.
    """
    if len(text) > LONGEST:
        raise UserError(f"{place}/{MANIFEST} is damaged: it has more than {LONGEST:,} bytes")
    try:
        found = json.loads(text)
        version = found["format"]
        if isinstance(version, int) and version != FORMAT:
            age = "a later" if version > FORMAT else "an earlier"
            raise UserError(f"{place} was written by {age} version of this project (format {version}, not {FORMAT})")
        parts, flavors = _texts(found["parts"]), _texts(found["flavors"])
        if version != FORMAT:
            raise TypeError(f"the format is {version!r}")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{place}/{MANIFEST} is damaged: {type(error).__name__}: {reason}") from None
    for name in parts:
        if not is_inside(name):
            raise UserError(f"{place} is damaged: its manifest names {name!r}, which is no file in that folder")
    return Manifest(parts, flavors)


def is_inside(name: str) -> bool:
    """Return whether a name is a plain relative path, on each system, that stays in its folder.

    >>> is_inside("exports/model.joblib"), is_inside("../.env"), is_inside("a/../../b"), is_inside("C:\\\\x")
    (True, False, False, False)
    """
    path = PurePosixPath(name)
    plain = path.as_posix() == name and not path.is_absolute() and ".." not in path.parts and name not in ("", ".")
    windows = PureWindowsPath(name)
    return plain and "\\" not in name and ":" not in name and not windows.drive and name.isprintable()


def _refuse_link(folder: Path, part: str) -> None:
    """Refuse a file that is a link, or lies behind one, unless DVC has linked it to its cache."""
    path = folder
    for step in PurePosixPath(part).parts:
        path = path / step
        if path.is_symlink() and path.resolve().parent.parent.parts[-2:] != ("files", "md5"):
            raise UserError(f"{path} is a link, and a model's folder holds files only: it is not read")


def _texts(value: Any) -> dict[str, str]:
    """Return a mapping of texts to texts."""
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in (*value, *value.values())):
        raise TypeError("a mapping of texts to texts is needed")
    return value


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
