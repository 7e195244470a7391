"""Registries: where versions of the model are registered, and which of them stands in which stage.

`registry` in `params/releases.yaml` is one of them. Each says which version comes next, takes the model of the last
run as that version, notes which versions have held a stage, and fetches a version again. What is checked before a
version is registered is the same for all of them and stands in `guards.py`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ....errors import UserError


@dataclass(frozen=True)
class Version:
    """A registered model.

    Parameters
    ----------
    name : such as v1.2.0.
    commit : of git, from which the model was made.
    made : when it was registered, with a time zone.
    metrics : of `reports/metrics.json` in that commit.
    """

    name: str
    commit: str
    made: datetime
    metrics: dict[str, float] = field(default_factory=dict)


class ModelRegistry(ABC):
    """What a registry has to do; a class of your own in `custom/` derives from it."""

    kind = "registry"
    address = ""  # what tells registries apart whose versions have the same names; nothing: this repository's tags

    def refresh(self) -> None:
        """Take over what others have registered.

        Raises
        ------
        UserError
            If they cannot be asked.
        """
        return None

    @abstractmethod
    def versions(self) -> list[Version]:
        """All versions, in the order in which they were registered."""

    @abstractmethod
    def held(self) -> dict[str, list[str]]:
        """Of each stage, the versions that have held it and were not rolled back, the current one last."""

    @abstractmethod
    def following(self, asked: str | None) -> str:
        """The version that comes next: `asked`, or if that is None what the registry counts.

        Raises
        ------
        UserError
            If it cannot have that name, or has it already.
        """

    @abstractmethod
    def register(self, version: str, metrics: dict[str, float], push: bool) -> str:
        """Make the model of the last run, in `models/package`, that version.

        Parameters
        ----------
        metrics : to tell with it.
        push : whether others should know of it at once.

        Returns
        -------
        What was done, as a sentence without its full stop.
        """

    @abstractmethod
    def assign(self, stage: str, version: str, push: bool) -> str:
        """Put a version into a stage; otherwise like `register`."""

    @abstractmethod
    def take_back(self, stage: str, version: str, push: bool) -> str:
        """Put the version that held a stage before the current one into it again; the current one is no holder then."""

    @abstractmethod
    def fetch(self, version: str, folder: Path) -> None:
        """Write a version's model into a new folder."""


class GTO(ModelRegistry):
    """Tags of this git repository by GTO: `model@v1.2.0` is a version, `model#prod#3` puts one into a stage.

    The model itself lies in DVC's remote.

    Parameters
    ----------
    repo : the address of another git repository, from which versions are fetched; None for this one.
    remote : the git remote that tags are pushed to and taken from, if there is one of this name.
    """

    def __init__(self, repo: str | None = None, remote: str = "origin") -> None:
        self.repo, self.remote = repo, remote
        self.address = repo or ""

    def refresh(self) -> None:
        """Take over the tags of the remote."""
        from ..tags import take_over

        if self.repo is None:
            take_over(self.remote)

    def versions(self) -> list[Version]:
        """All versions that have a tag."""
        from ..tags import versions

        return versions(self.repo)

    def held(self) -> dict[str, list[str]]:
        """The versions that tags have put into each stage."""
        from ..tags import held

        return held(self.repo)

    def following(self, asked: str | None) -> str:
        """`asked`, which has to be a semantic version; or v1.0.0, and after that the next minor version."""
        from ..tags import following

        return following(asked, [one.name for one in self.versions()])

    def register(self, version: str, metrics: dict[str, float], push: bool) -> str:
        """Tag the last commit."""
        from ..tags import register

        self._refuse_other()
        return register(version, metrics, self.remote if push else None)

    def assign(self, stage: str, version: str, push: bool) -> str:
        """Tag the version's commit with the stage."""
        from ..tags import assign

        self._refuse_other()
        return assign(stage, version, self.remote if push else None)

    def take_back(self, stage: str, version: str, push: bool) -> str:
        """The same by a tag that says so; no tag is ever moved or deleted."""
        from ..tags import assign

        self._refuse_other()
        return assign(stage, version, self.remote if push else None, back=True)

    def fetch(self, version: str, folder: Path) -> None:
        """Get it from DVC's cache or remote."""
        from ..tags import fetch

        fetch(version, folder, self.repo)

    def _refuse_other(self) -> None:
        if self.repo is not None:
            raise UserError(f"{self.repo} is another repository: versions are registered in its own project")
