"""What a tracker is told, a `Run`, and what it has to be able to do."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# When it was, or below which search it was first, is nothing to send it again for.
NO_CONTENT = ("search", "started", "ended")


@dataclass
class Run:
    """A search, a model of it, or a trial of that, as it stands on disk.

    Parameters
    ----------
    key : what makes it this run: two that are equal on two machines have the same.
    kind : "search", "model" or "trial".
    name : for readers.
    search : the key of the search in which it was first.
    study, model : of a model or a trial: the key and the name of the model's run.
    state : "running", "complete", "pruned", "failed", or "stopped" where it came to no end.
    started, ended : seconds since 1970, or None.
    params : never change for one key.
    metrics : the metrics' own values, and times in seconds.
    folds : by the name of a metric its value in each fold.
    files : paths below the project's folder, and the SHA-256 of what they hold.
    package : of a finished search: the folder of its final model.
    """

    key: str
    kind: str
    name: str
    search: str
    study: str | None = None
    model: str | None = None
    state: str = "running"
    started: float | None = None
    ended: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    folds: dict[str, list[float]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    package: str | None = None

    @property
    def parent(self) -> str | None:
        """The key of the run in which this one nests."""
        if self.kind == "trial":
            return self.study
        return self.search if self.kind == "model" else None

    @property
    def group(self) -> str:
        """What a tracker is asked for at once: a search, or a model with its trials."""
        return self.study or self.search

    @property
    def content(self) -> str:
        """A hash of all that there is to say: what a tracker has under the same one need not be sent."""
        content = {name: value for name, value in asdict(self).items() if name not in NO_CONTENT}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def present(self) -> list[Path]:
        """The files that still hold what they held; a later search replaces the reports and the model."""
        return [Path(path) for path, digest in self.files.items() if digest_of(Path(path)) == digest]

    @property
    def packaged(self) -> Path | None:
        """The folder of the final model, if that is still the one of this search."""
        if self.package and digest_of(Path(self.package) / "manifest.json") == self.tags["package"]:
            return Path(self.package)
        return None


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file, or None if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


class Tracker(ABC):
    """Where runs are shown. Its methods may raise whatever they like: it is tried again, and the pipeline goes on.

    Only one process of a project calls them at a time.

    Attributes
    ----------
    needs : the package to import, which is the name of the extra as well.
    """

    kind = "tracker"
    needs = ""

    @abstractmethod
    def known(self, group: str) -> dict[str, str]:
        """What it has of a group of runs: the `content` of each by its key."""

    @abstractmethod
    def send(self, run: Run) -> None:
        """Make a run, or bring the one with the same key up to date; its parent was sent before."""
