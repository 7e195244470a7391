"""Two versions of the project to read from: the working tree, and a git revision.

What git tracks is read from git, and what the pipeline made from DVC's cache or, if it is not there, from its remote.
"""

import subprocess  # nosec B404 # no shell
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.scm import SCMError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ...errors import UserError

# What reading an output can end with: not there, not in the cache, a remote that cannot be reached, no DVC.
UNREADABLE = (DvcException, SCMError, OSError, ValueError)


class WorkingTree:
    """The files as they stand."""

    name = "here"

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that git tracks, None if there is none."""
        try:
            return Path(path).read_bytes()
        except OSError:
            return None

    def listed(self, folder: str) -> list[str]:
        """The paths of the files below a folder, of those that git tracks or would."""
        found = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder) or ""
        return sorted(path for path in set(found.split("\0")) if path and Path(path).is_file())

    def output(self, path: str) -> bytes | None:
        """The bytes of a file that the pipeline made, None if there is none."""
        return self.read(path)

    def pictures(self, folder: str) -> list[str]:
        """The paths of the pictures in a folder that the pipeline made."""
        return sorted(path.as_posix() for path in Path(folder).glob("*.png"))

    def checksum(self, path: str) -> str | None:
        """The checksum of a file that the pipeline made, as `dvc.lock` has it; None if it has none."""
        return _checksum(self._made, path)

    @cached_property
    def _made(self) -> DVCFileSystem:
        return DVCFileSystem(".")


class Revision:
    """The files of a git revision.

    Parameters
    ----------
    name : what git calls it: a branch, a tag, a commit.

    Raises
    ------
    UserError
        If git knows no such commit.
    """

    def __init__(self, name: str) -> None:
        commit = None if name.startswith("-") else git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if not commit:
            raise UserError(f"git knows no revision {name!r} to compare with: fetch it, or name another (BASE=main)")
        self.name, self.commit = name, commit.strip()

    def read(self, path: str) -> bytes | None:
        """The bytes of a file that git tracked then, None if there was none."""
        done = subprocess.run(["git", "show", f"{self.commit}:./{path}"], capture_output=True)  # nosec B603, B607
        return done.stdout if done.returncode == 0 else None

    def listed(self, folder: str) -> list[str]:
        """The paths of the files below a folder that git tracked then."""
        found = git("ls-tree", "-r", "-z", "--name-only", self.commit, "--", f"{folder}/") or ""
        return sorted(path for path in found.split("\0") if path)

    def output(self, path: str) -> bytes | None:
        """The bytes of a file that the pipeline made then, None where they cannot be had any more."""
        try:
            content: bytes = self._made.cat_file(path)
            return content
        except UNREADABLE:
            return None

    def checksum(self, path: str) -> str | None:
        """The checksum of a file that the pipeline made then; None if it is not known any more."""
        return _checksum(self._made, path)

    @cached_property
    def _made(self) -> DVCFileSystem:
        return DVCFileSystem(rev=self.commit)


Version = WorkingTree | Revision


def default_base() -> str | None:
    """The branch that `origin` shows first, as far as this clone knows; None where there is none."""
    shown = git("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    names = [shown.strip()] if shown else ["origin/main", "origin/master"]
    return next((one for one in names if git("rev-parse", "--verify", "--quiet", f"{one}^{{commit}}")), None)


def yaml(content: bytes | None) -> Any:
    """The value of a YAML file that a machine wrote, None if it is absent or no YAML."""
    try:
        return None if content is None else YAML(typ="safe").load(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError):
        return None


def git(*words: str) -> str | None:
    """What git says, None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *words], capture_output=True, text=True, errors="replace")  # nosec B603, B607
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _checksum(made: DVCFileSystem, path: str) -> str | None:
    try:
        found: str | None = made.info(path).get("md5")
        return found
    except UNREADABLE:
        return None
