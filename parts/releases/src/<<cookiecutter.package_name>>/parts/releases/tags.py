"""Versions and stages as tags of git, written and read by GTO; the models themselves are DVC's artifacts.

GTO orders tags by their time, in whole seconds. A counter in the names of those that assign a stage keeps them apart.
"""

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from ...commands import extra
from ...errors import UserError
from ...files import replacing_folder
from ...project.calls import git
from ...project.locked import LOCK, checksum, expected_of
from .guards import ARTIFACT, numbers
from .version import Version

FIRST = "v1.0.0"
BACK = "Roll back"  # how the message of a tag begins that takes a stage back
# A version, a stage that one is put into, or, with !, the end of either.
TAG = (
    r"{}(@(?P<version>v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?)"
    r"|\#[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?)(?P<ends>!?)(\#[1-9]\d*)?"
)
PATIENCE = 3  # seconds that the clock may be behind the last tag


def take_over(remote: str) -> None:
    """Fetch the tags of a git remote, if there is one of that name.

    Raises
    ------
    UserError
        If it cannot be reached, or has another commit for a version than this repository.
    """
    if not has(remote):
        return
    ours = [f"{artifact().replace(':', '=')}{mark}*" for mark in "@#"]
    try:
        git("fetch", "--quiet", "--no-tags", remote, *(f"refs/tags/{one}:refs/tags/{one}" for one in ours))
    except UserError as error:
        raise UserError(f"the versions at {remote} cannot be asked for: {error.message}") from None


def versions(repo: str | None) -> list[Version]:
    """All registered versions, in order; those of another repository without metrics."""
    with extra("train"):
        from gto.versions import SemVer

    found: dict[str, Version] = {}
    for event in _events(repo):
        if event["event"] == "registration":
            told = _metrics(event["commit"]) if repo is None else {}
            found[event["version"]] = Version(event["version"], event["commit"], event["timestamp"], told)
        elif event["event"] == "deregistration":
            found.pop(event["version"], None)
    return sorted(found.values(), key=lambda one: (one.made, SemVer(one.name)))  # times are whole seconds


def held(repo: str | None) -> dict[str, list[str]]:
    """Of each stage the versions that have held it and were not rolled back, the current one last."""
    stages: dict[str, list[str]] = {}
    for event in _events(repo):
        if event["event"] == "assignment":
            holders = stages.setdefault(event["stage"], [])
            if event["message"].startswith(BACK) and len(holders) > 1:
                holders.pop()
            else:
                holders.append(event["version"])
        elif event["event"] in ("unassignment", "deregistration"):  # by GTO's own commands
            for stage in [event["stage"]] if event["stage"] else list(stages):
                stages[stage] = [one for one in stages.get(stage, []) if one != event["version"]]
    return {stage: holders for stage, holders in stages.items() if holders}


def following(asked: str | None, known: Sequence[str]) -> str:
    """The version that comes after those that are known.

    Raises
    ------
    UserError
        If `asked` is no semantic version, or is known.
    """
    with extra("train"):
        from gto.versions import SemVer

    if asked is None:
        latest = max((SemVer(one) for one in known), default=None)
        return latest.bump_minor().version if latest else FIRST
    if not SemVer.is_valid(asked):
        raise UserError(f"{asked!r} is no version: it is written like v1.2.3")
    if asked in known:
        raise UserError(
            f"{asked} is registered already, and a version never changes: choose another, or none for the next one"
        )
    return asked


def register(version: str, metrics: dict[str, float], remote: str | None) -> str:
    """Tag the last commit as a version, with the metrics in the tag's message."""
    import gto.api

    told = "\n".join(f"{name}: {value:.6g}" for name, value in metrics.items())
    with _explained("registered"), _repository() as opened:
        event = gto.api.register(
            opened, artifact(), "HEAD", version=version, message=f"Register {version}\n\n{told}".strip()
        )
    return _published([event.tag], remote)


def assign(stage: str, version: str, remote: str | None, back: bool = False) -> str:
    """Tag a version's commit with a stage.

    Parameters
    ----------
    back : the tag takes the stage back to this version.

    Raises
    ------
    UserError
        If this machine's clock is behind the last tag, by whose times GTO and DVC know which is the current one.
    """
    import gto.api

    last = max((event["timestamp"] for event in _events(None)), default=datetime.min.replace(tzinfo=UTC))
    ahead = (last - datetime.now(UTC)).total_seconds() + 1
    if ahead > PATIENCE:
        raise UserError(f"the last tag is of {last:%Y-%m-%d %H:%M:%S} UTC, later than now: set this clock right")
    time.sleep(max(ahead, 0.0))
    current = held(None).get(stage, [None])[-1]
    how = f"{BACK} {stage} from {current} to {version}" if back else f"Promote {version} to {stage}"
    with _explained("put into a stage"), _repository() as opened:
        # By `force` a version can come back to a stage that it has held before.
        event = gto.api.assign(opened, artifact(), stage, version=version, message=how, force=True)
    # The version comes along, where it was registered without being pushed.
    return _published([event.tag, f"{artifact().replace(':', '=')}@{version}"], remote)


def fetch(version: str, folder: Path, repo: str | None) -> None:
    """Get a version's model from DVC's cache or remote into a new folder.

    Raises
    ------
    UserError
        If the repository or the remote cannot be reached, or has no such model.
    """
    with _explained(f"fetched from {repo or 'this repository and its DVC remote'}"):
        from dvc.api import DVCFileSystem, artifacts_show

        name, top = (artifact(), git("rev-parse", "--show-toplevel").strip()) if repo is None else (ARTIFACT, repo)
        found = artifacts_show(name, version=version, repo=top)
        with replacing_folder(folder) as new:
            files = DVCFileSystem(top, rev=found["rev"], subrepos=True)
            files.get(found["path"], str(new), recursive=True)
            _check(new, found["path"], files)


def _check(folder: Path, path: str, files: Any) -> None:
    """Refuse a model that is not the one that `dvc.lock` names in its commit, whatever DVC's remote has sent."""
    for above in PurePosixPath(path).parents:
        lock = (above / LOCK).as_posix()
        if files.isfile(lock):
            name = PurePosixPath(path).relative_to(above).as_posix()
            expected = expected_of(files.read_text(lock, encoding="utf-8"), name)
            if expected is not None and checksum(folder) != expected:
                raise UserError(
                    f"what DVC's remote holds for {path} is not the model that was registered: its checksum is not the "
                    "one in dvc.lock"
                )
            return


def artifact() -> str:
    """The model's name in the tags of this repository: with the project's folder where that is not the top."""
    try:
        prefix = git("rev-parse", "--show-prefix").strip().rstrip("/")
    except UserError as error:
        raise UserError(f"the versions are tags of git, which cannot be read here: {error.message}") from None
    return f"{prefix}:{ARTIFACT}" if prefix else ARTIFACT


def has(remote: str) -> bool:
    """Whether there is a git remote of this name."""
    return remote in git("remote").split()


def _published(tags: list[str], remote: str | None) -> str:
    """Push tags, the first of which is new; if they are not accepted it is taken away again."""
    tag = tags[0]
    if remote is None:
        return f"the tag {tag} is in this repository alone"
    if not has(remote):
        return f"the tag {tag} is in this repository alone, which has no git remote {remote!r}"
    try:
        git("push", "--quiet", "--atomic", remote, *(f"refs/tags/{one}" for one in tags))
    except UserError as error:
        git("tag", "--delete", tag)
        raise UserError(
            f"the tag {tag} was not accepted by {remote} and is taken away again: {error.message} "
            "(--no-push, PUSH=no for make, leaves it in this repository)"
        ) from None
    return f"the tag {tag} is pushed to {remote}"


def _events(repo: str | None) -> list[dict[str, Any]]:
    """What happened to the model, in order."""
    with _explained(f"read from {repo or 'this repository'}"):
        import gto.api

        if repo is None:
            with _repository() as here:
                return list(gto.api.history(here, artifact(), ascending=True))
        from dvc.repo import Repo

        with Repo.open(repo, subrepos=True, uninitialized=True) as opened:
            _hide_unreadable(opened.scm, ARTIFACT)
            return list(gto.api.history(opened.scm, ARTIFACT, ascending=True))


@contextmanager
def _repository() -> Iterator[Any]:
    """Open this repository, of which GTO is shown the model's tags alone."""
    from scmrepo.git import Git

    opened = Git(".")
    try:
        _hide_unreadable(opened, artifact())
        yield opened
    finally:
        opened.close()


def _hide_unreadable(opened: Any, name: str) -> None:
    """Let GTO see the tags of the model that it can read; others would make it fail.

    Anybody who can push can make tags such as `model@x`, one of a file in place of a commit, or a second version of a
    commit: these are no versions.
    """
    form = "%(objecttype)%09%(*objecttype)%09%(*objectname)%09%(refname:strip=2)"

    def list_tags(*_: Any) -> list[str]:
        listed = git("for-each-ref", "--sort=creatordate", f"--format={form}", "refs/tags", cwd=Path(opened.root_dir))
        return _readable([tuple(line.split("\t")) for line in listed.splitlines()], name.replace(":", "="))

    opened.list_tags = list_tags


def _readable(tags: Sequence[tuple[str, ...]], name: str) -> list[str]:
    """Return the names of the annotated tags of commits that say something of the model.

    Parameters
    ----------
    tags : in order, of each its type, the type and the name of what it is put on, and its own name.
    name : of the model, as tags have it.
    """
    found: list[str] = []
    versions: dict[str, str] = {}
    for kind, target, commit, tag in tags:
        match = re.fullmatch(TAG.format(re.escape(name)), tag)
        if kind != "tag" or target != "commit" or match is None:
            continue
        version, ends = match["version"], bool(match["ends"])
        if version and not ends and (commit in versions or version in versions.values()):
            continue
        if version and ends and versions.get(commit) != version:
            continue
        if version:
            versions[commit] = version
        found.append(tag)
    return found


def _metrics(commit: str) -> dict[str, float]:
    """The metrics in a commit, if it has any."""
    try:
        return numbers(json.loads(git("show", f"{commit}:./reports/metrics.json")))
    except (UserError, ValueError):
        return {}


@contextmanager
def _explained(done: str) -> Iterator[None]:
    """What goes wrong in GTO and DVC, as a sentence."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        raise UserError(
            f"a registered model cannot be {done}: {error} (DVC and git are needed, which an image has not)"
        ) from None
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        text = " ".join(str(cause).split()) or type(cause).__name__
        raise UserError(f"a registered model cannot be {done}: {text[:300]}") from error
