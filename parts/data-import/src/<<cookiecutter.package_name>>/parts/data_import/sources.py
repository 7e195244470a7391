"""Data that is kept in a git repository of its own, and imported from there by DVC.

`source: {repo: …, path: …, rev: …}` in `params/data.yaml` says what is wanted. What was imported stands in
`data/raw/<file>.dvc`, which DVC writes and git keeps: the commit that a branch or tag meant then, and the checksum. So
a clone gets the same rows, and newer ones come when `make data UPDATE=1` or `make retrain` asks for them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import UserError
from ...objects.reader import Where, read
from ...objects.sources import RAW

KEYS = ("repo", "path", "rev")
PLACE = ("data.yaml", "source")


def opens(source: Any) -> bool:
    """Return whether a source is a file of another repository."""
    return isinstance(source, dict) and any(key in source for key in KEYS)


def path(wanted: dict[str, Any]) -> str:
    """Return the file that a source is imported to, from the project's root."""
    return f"{RAW}/{PurePosixPath(wanted['path']).name}"


def note_of(source: str) -> dict[str, Any]:
    """What DVC's note of an imported file says of where it came from; empty if the file was not imported."""
    note = Path(f"{source}.dvc")
    deps = (read(note)[0] or {}).get("deps") if note.exists() else None
    return dict(deps[0]) if deps else {}


def check(source: str, wanted: dict[str, Any]) -> None:
    """See that the file was imported from where the params say.

    Raises
    ------
    UserError
        If it was not.
    """
    if not _agrees(note_of(source), wanted):
        what = f"{wanted['path']} of {wanted['repo']}" + (f" at {wanted['rev']}" if wanted["rev"] else "")
        raise UserError(f"{source} is not {what}: `make data` imports it", *PLACE)


def bring(params: Path, update: bool = False) -> str | None:
    """Import what `source` in `params/data.yaml` names, unless that has been done.

    Parameters
    ----------
    update : also take what the branch or tag means by now, of any file that was imported.

    Returns
    -------
    What was done, as a sentence; None if there was nothing to do.

    Raises
    ------
    UserError
        If the repository cannot be reached, or has no such file or revision.
    """
    data, where = read(params / "data.yaml", params.resolve().parent)
    wanted, place = data.get("source"), where.at("source")
    if not isinstance(wanted, dict):
        known = note_of(wanted) if isinstance(wanted, str) and "://" not in wanted else {}
        return _updated(wanted, known, place) if known and update else None
    if not opens(wanted):
        return None
    wanted = checked(wanted, place)
    source = path(wanted)
    known = note_of(source)
    if _agrees(known, wanted):
        if update:
            return _updated(source, known, place)
        if Path(source).exists():
            return None
        with _explained(wanted, place), _repository() as repository:
            repository.pull([f"{source}.dvc"])
        return f"{source} is fetched, as {_commit(known)} has it"
    with _explained(wanted, place), _repository() as repository:
        repository.imp(wanted["repo"], wanted["path"], out=source, rev=wanted["rev"], force=True)
    return f"{source} is imported from {wanted['repo']} at {_commit(note_of(source))}: commit {source}.dvc"


def checked(data: Any, where: Where) -> dict[str, Any]:
    """The repository, the path in it and the revision (None: the default branch) that `source` names, checked."""
    where.mapping(data, KEYS, ["repo", "path"])
    for name in KEYS:
        value = data.get(name)
        if not (isinstance(value, str) and value) and not (name == "rev" and value is None):
            quote = f"; put it in quotes: '{value}'" if isinstance(value, int | float) else ""
            raise where.at(name).error(f"{name!r} needs text, not {value!r}{quote}")
    for name in ("repo", "rev"):
        # git would take the one for an option, and run a program for the other.
        if (data.get(name) or "").startswith("-") or "::" in (data.get(name) or ""):
            raise where.at(name).error(f"{data[name]!r} is no {'address' if name == 'repo' else 'revision'} of git")
    user, at, _ = data["repo"].partition("://")[2].partition("/")[0].rpartition("@")
    if at and ":" in user:
        raise where.at("repo").error("the address holds a password, which would be committed: let git ask its helper")
    if data["path"].startswith("/") or ".." in data["path"].split("/"):
        raise where.at("path").error(f"{data['path']!r} is not in the repository; write its path from the root of it")
    if not PurePosixPath(data["path"]).suffix:
        raise where.at("path").error(f"{data['path']!r} names no file; write its path, such as data/table.csv")
    return {"repo": data["repo"], "path": data["path"], "rev": data.get("rev")}


def _agrees(known: dict[str, Any], wanted: dict[str, Any]) -> bool:
    repo = known.get("repo", {})
    return (repo.get("url"), known.get("path"), repo.get("rev")) == (wanted["repo"], wanted["path"], wanted["rev"])


def _commit(known: dict[str, Any]) -> str:
    return str(known.get("repo", {}).get("rev_lock", "its source"))[:12]


def _updated(source: str, known: dict[str, Any], where: Where) -> str:
    repo = known.get("repo", {})
    wanted = {"repo": repo.get("url", known.get("path")), "path": known.get("path"), "rev": repo.get("rev")}
    with _explained(wanted, where), _repository() as repository:
        repository.update([f"{source}.dvc"])
    return f"{source} is as {_commit(note_of(source))} has it"


@contextmanager
def _repository() -> Iterator[Any]:
    """This project as DVC sees it."""
    from dvc.repo import Repo

    with Repo() as repository:
        yield repository


@contextmanager
def _explained(wanted: dict[str, Any], where: Where) -> Iterator[None]:
    """What goes wrong with another repository, as a sentence with file and line."""
    from dvc import exceptions, scm

    try:
        yield
    except scm.RevError:
        raise where.at("rev").error(f"{wanted['repo']} has no branch, tag or commit {wanted['rev']!r}") from None
    except (exceptions.PathMissingError, exceptions.FileMissingError, FileNotFoundError):
        raise where.at("path").error(f"{wanted['repo']} has no file {wanted['path']!r}") from None
    except scm.SCMError as error:
        raise where.at("repo").error(f"git cannot fetch {wanted['repo']}: {_told(error)}") from None
    except (exceptions.DvcException, OSError) as error:
        raise where.error(f"{wanted['path']} of {wanted['repo']} cannot be fetched: {_told(error)}") from None


def _told(error: BaseException) -> str:
    """What was behind an error: DVC's own words name a temporary folder."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:300]
