"""The registered model that a new one has to beat: which it is, and what its commit has of it."""

import shutil
from pathlib import Path

from ...errors import UserError
from ...prediction.pipeline import MODEL
from ...project.calls import git
from ..releases.components.registries import ModelRegistry
from ..releases.fetch import LATEST, refreshed, resolved
from ..releases.fetch import fetch as fetch_model
from ..releases.version import Version

LEARNED = "data/processed/train.parquet"
PARAMS = "params"


def find(registry: ModelRegistry, stage: str | None) -> Version | None:
    """The version that stands in a stage, or the latest of all without one; None if there is none."""
    refreshed(registry)
    versions = {one.name: one for one in registry.versions()}
    if not versions or (stage is not None and stage not in registry.held()):
        return None
    return versions[resolved(registry, stage or LATEST)]


def fetch(registered: Version, folder: Path) -> None:
    """Copy a registered model into a folder, with the rows that it learned from and the params that it was made by.

    The rows come from DVC's cache or remote. The params, which say what the model may hold, come from git.

    Raises
    ------
    UserError
        If they cannot be had.
    """
    if not registered.commit:
        raise UserError(f"the registered {registered.name} does not say which commit of git made it")
    shutil.copytree(fetch_model(registered.name), folder / MODEL)
    from dvc.api import DVCFileSystem

    try:
        top, prefix = (git("rev-parse", word).strip() for word in ("--show-toplevel", "--show-prefix"))
        files = DVCFileSystem(top, rev=registered.commit, subrepos=True)
        (folder / LEARNED).parent.mkdir(parents=True, exist_ok=True)
        files.get_file(f"{prefix}{LEARNED}", str(folder / LEARNED))
        files.get(f"{prefix}{PARAMS}", str(folder / PARAMS), recursive=True)
    except Exception as error:  # storages have exceptions of their own
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"what the registered {registered.name} learned from cannot be fetched ({reason}): whoever registered it "
            "has to `make push`, and DVC's remote has to be reached from here"
        ) from error
