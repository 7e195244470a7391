"""Registered models on this machine: fetched once, and kept in `.cache/registry`."""

import hashlib
import sys
from pathlib import Path

from ...errors import UserError, nearest
from ...files import read_json, replacing_folder
from ...prediction.manifest import MANIFEST, copy_model, verify
from .components.registries import GTO, ModelRegistry
from .outputs import CACHE
from .params import read_releases

LATEST = "latest"


def fetch(which: str, repo: str | None = None, params: str | Path = "params") -> Path:
    """The folder of a registered model.

    Parameters
    ----------
    which : a stage, a version, or `latest` for the version that was registered last.
    repo : the address of another git repository, whose tags and DVC remote are asked; None for the registry of
        `params/releases.yaml`.

    Raises
    ------
    UserError
        If there is no such version, nothing stands in the stage, or the model cannot be had or is damaged.
    """
    registry = read_releases(Path(params))[0] if repo is None else GTO(repo)
    refreshed(registry)
    version = resolved(registry, which)
    apart = hashlib.sha256(registry.address.encode()).hexdigest()[:12] if registry.address else ""
    folder = CACHE / apart / version
    try:
        verify(folder)
    except UserError:  # it is not there, or damaged
        registry.fetch(version, folder)
        verify(folder)
    return folder


def copy(which: str, to: Path, repo: str | None = None) -> None:
    """Write a registered model into a folder, which may hold an earlier model and nothing else.

    Raises
    ------
    UserError
        As `fetch`, or if something else is there.
    """
    if to.exists() and not (to / MANIFEST).is_file() and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} is there and is no model: choose a new folder")
    known = _listed(to)
    folder = fetch(which, repo)
    with replacing_folder(to, known) as new:
        copy_model(folder, new)


def _listed(folder: Path) -> list[str]:
    """The files that a model's folder says it has."""
    try:
        return [MANIFEST, *read_json(folder / MANIFEST)["parts"]]
    except (OSError, ValueError, KeyError, TypeError):
        return [MANIFEST]


def resolved(registry: ModelRegistry, which: str) -> str:
    """The version that a stage, a version or `latest` means."""
    names = [one.name for one in registry.versions()]
    if not names:
        raise UserError("no model is registered yet: `make register` registers the one of the last run")
    if which == LATEST:
        return names[-1]
    if which in names:
        return which
    stages = registry.held()
    if which in stages:
        return stages[which][-1]
    known = nearest(which, [*names, *stages])
    raise UserError(f"there is no version {which}, and nothing stands in a stage of that name{known}")


def refreshed(registry: ModelRegistry) -> None:
    """Ask what others have registered; where that fails, what is known here has to do."""
    try:
        registry.refresh()
    except UserError as error:
        print(f"note: {error}; these are the versions that are known here", file=sys.stderr)
