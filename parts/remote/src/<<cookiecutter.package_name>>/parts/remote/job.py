"""A run elsewhere, and the folder in which it is kept: `.cache/remote/<id>/`."""

import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import read_json, write_json
from ...objects.reader import Where
from ...objects.registry import load
from .outputs import FINISHED, JOBS

FILE = "job.json"
# From its start to its end. `brought`: all is at home and the machine is gone, but nothing was taken over yet.
STATES = ("packing", "packed", "starting", "started", "lost", "brought", "done", "failed", "stopping", "stopped")


@dataclass
class Job:
    """One run elsewhere.

    `runner` is its class and params as plain values, so that editing params/remote.yaml changes no job that is under
    way; `starts` counts the machines that it had. The other parts are those of `Settings`.
    """

    id: str
    runner: dict[str, Any]
    machine: dict[str, Any]
    timeout: int
    restarts: int
    image: str | None
    environment: list[str] = field(default_factory=list)
    state: str = "packing"
    starts: int = 0

    @property
    def folder(self) -> Path:
        """All that is kept of it."""
        return (JOBS / self.id).resolve()

    @property
    def bundle(self) -> Path:
        """The folder that goes to the machine; `job.sh` is started in it there, and writes into its `output`."""
        return self.folder / "bundle"

    @property
    def output(self) -> Path:
        """What came home of the machine's `output`."""
        return self.folder / "output"

    @property
    def name(self) -> str:
        """A name for what is made of it in a cloud."""
        return f"run-{self.id}"

    def save(self, **changes: Any) -> None:
        """Write it down, with these changes."""
        for name, value in changes.items():
            setattr(self, name, value)
        write_json(self.folder / FILE, asdict(self))

    def made(self) -> Any:
        """Its runner."""
        return load(self.runner["class"], Where(f"{JOBS / self.id / FILE}"), ["runner"])(
            **self.runner.get("params", {})
        )


def new_id() -> str:
    """A name for a job that no other has, in the order of time."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def jobs() -> list[Job]:
    """All jobs, the oldest first."""
    return [Job(**read_json(file)) for file in sorted(JOBS.glob(f"*/{FILE}"))]


def pick(id: str | None, finished: bool = False) -> Job:
    """The job that is meant: that of the id, else the only one that is not finished.

    Parameters
    ----------
    id : of a job, or its beginning.
    finished : whether the last of the finished ones will do where no other is.

    Raises
    ------
    UserError
        If there is none, or more than one.
    """
    every = jobs()
    found = (
        [one for one in every if one.id.startswith(id)] if id else [one for one in every if one.state not in FINISHED]
    )
    if not id and not found and finished:
        found = every[-1:]
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(f"which one? JOB={' or JOB='.join(one.id for one in found)}")
    raise UserError(f"there is no job {id}: `make remote-status` lists them" if id else "no job is under way")
