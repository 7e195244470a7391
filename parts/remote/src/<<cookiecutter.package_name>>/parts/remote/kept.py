"""What a job wrote, kept in the DVC remote: there it outlives a machine whose results nobody fetched.

A job that pushes keeps its trials there now and then, and at its end all that it wrote, as `jobs/<id>-trials.tar.gz`
and `jobs/<id>-output.tar.gz` beside DVC's own folders.
"""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import read_json, replacing_folder, temporary
from .job import Job
from .pack import MANIFEST, archive, below, copy_studies


def keep(id: str, part: str, folder: Path) -> None:
    """Put a folder of a job's into the DVC remote, in place of what was there of it.

    Parameters
    ----------
    id : of the job.
    part : `trials` or `output`.
    folder : what is kept.

    Raises
    ------
    UserError
        If the remote cannot be written to.
    """
    with temporary() as room:
        file = room / "kept.tar.gz"
        archive(file, below(folder, ""))
        with _place(id, part) as (files, place), file.open("rb") as stream:
            files.upload_fobj(stream, place)


def is_kept(job: Job, part: str = "output") -> bool:
    """Whether the DVC remote has it.

    Raises
    ------
    UserError
        If the remote cannot be read.
    """
    if not read_json(job.bundle / MANIFEST)["push"]:
        return False
    with _place(job.id, part) as (files, place):
        return bool(files.exists(place))


def take(job: Job) -> None:
    """Bring home what is kept: all that the job wrote, or else its trials, where they are more than those here.

    Raises
    ------
    UserError
        If the remote cannot be read.
    """
    if is_kept(job):
        with replacing_folder(job.output) as new:
            _unpack(job, "output", new)
    elif is_kept(job, "trials"):
        with temporary() as room:
            _unpack(job, "trials", room / "studies")
            copy_studies(room / "studies", job.output / "studies")


def remove(job: Job) -> None:
    """Remove it from the DVC remote; no error where nothing is there.

    Raises
    ------
    UserError
        If the remote does not allow that.
    """
    for part in ("trials", "output"):
        if is_kept(job, part):
            with _place(job.id, part) as (files, place):
                files.rm_file(place)


def _unpack(job: Job, part: str, target: Path) -> None:
    with temporary() as room, _place(job.id, part) as (files, place):
        file = room / "kept.tar.gz"
        files.get_file(place, str(file))
        with tarfile.open(file) as members:
            members.extractall(target, filter="data")


@contextmanager
def _place(id: str, part: str) -> Iterator[tuple[Any, str]]:
    """DVC's file system of the default remote, and a path in it; what goes wrong with them becomes a sentence."""
    from dvc.repo import Repo

    try:
        with Repo() as repository:
            remote = repository.cloud.get_remote()
            yield remote.fs, remote.fs.join(remote.path, "jobs", f"{id}-{part}.tar.gz")
    except Exception as error:
        why = " ".join(str(error).split())[:300] or type(error).__name__
        raise UserError(f"what job {id} keeps in the DVC remote cannot be had: {why}") from error
