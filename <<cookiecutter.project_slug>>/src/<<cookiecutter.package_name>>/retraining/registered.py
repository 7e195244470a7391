"""The registered model that a new one has to beat: which it is, and what its commit has of it."""

from pathlib import Path
from typing import NamedTuple

from ..errors import UserError
from ..pipeline import MODEL

ARTIFACT = "model"  # as in dvc.yaml
LEARNED = "data/processed/train.parquet"
NAMED = "plan/train.json"


class Registered(NamedTuple):
    """A registered version and its commit."""

    version: str
    commit: str


def find(stage: str | None) -> Registered | None:
    """The version that stands in a stage, or the latest of all without one; None if there is none.

    The git tags of GTO say so: `model@v1.0.0` registers a version, `model#prod#1` puts it into a stage.
    """
    import gto.api
    from gto.exceptions import GTOException
    from scmrepo.exceptions import SCMError

    try:
        if stage is None:
            latest = gto.api.find_latest_version(".", ARTIFACT)
            return Registered(latest.version, latest.commit_hexsha) if latest else None
        found = gto.api.find_versions_in_stage(".", ARTIFACT, stage)
    except (GTOException, SCMError):  # no model was ever registered here, or there is no git repository
        return None
    return Registered(found[0].version, found[0].commit_hexsha) if found else None


def fetch(registered: Registered, folder: Path) -> None:
    """Copy what its commit has of a model into a folder: its package, the rows that it learned from, and its plan.

    Raises
    ------
    UserError
        If DVC has them neither in its cache nor in its remote.
    """
    from dvc.api import DVCFileSystem

    try:
        files = DVCFileSystem(".", rev=registered.commit)
        for path in (MODEL, LEARNED, NAMED):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            files.get(path, str(folder / path), recursive=path == MODEL)
    except Exception as error:  # storages have exceptions of their own
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"the registered model {registered.version} cannot be fetched ({reason}): whoever registered it has to "
            "`make push`, and DVC's remote has to be reached from here"
        ) from error
