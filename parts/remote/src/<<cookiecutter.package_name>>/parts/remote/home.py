"""What came home of a job is checked, and takes the place of the outputs here as if the pipeline had run here."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import read_json, replacing_file, replacing_folder
from ...objects.reader import read
from ...project.calls import dvc
from .job import Job
from .pack import MANIFEST, STUDIES, check_data, copy_studies, has_remote, sha256, tracked, tree, unpack
from .work import OUTPUTS, RESULTS

LOCK = "dvc.lock"


def results(job: Job) -> dict[str, Any] | None:
    """What the machine says of its run, checked against the archive that came with it; None if it never got that far.

    Raises
    ------
    UserError
        If the archive is not the one that was sent.
    """
    file = job.output / RESULTS
    if not file.exists():
        return None
    path = job.output / OUTPUTS
    try:
        found: dict[str, Any] = read_json(file)
    except ValueError:
        raise UserError(f"{RESULTS} is damaged: it is not whole") from None
    if not path.exists() or sha256(path) != found["archive"]:
        raise UserError(f"{OUTPUTS} is damaged: it is not whole, or not what was sent")
    return found


def take_trials(job: Job) -> None:
    """Take over the trials of its searches, so that a run here goes on from them."""
    copy_studies(job.output / "studies", STUDIES)


def take_outputs(job: Job, found: dict[str, Any]) -> None:
    """Put what the run made into its places, and let DVC know.

    Raises
    ------
    UserError
        If an archive is damaged, or what the run learned from is not what is here: nothing has been touched then.
    """
    staged = job.folder / "unpacked"
    before = {name: out.get("md5") for name, out in tracked().items()}
    try:
        unpack(job.output / OUTPUTS, found["files"], staged)
        check_unchanged(job, staged / LOCK)
        if found["pushed"]:
            _fetch(staged / LOCK)
        for name in [*found["outputs"], *(name for name in found["files"] if not _inside(name, found["outputs"]))]:
            if name != LOCK:
                _move(staged / name, Path(name))
        _move(staged / LOCK, Path(LOCK))
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    # What the machine pushed; and what it found done, if a run here has made something else of it since.
    after = {name: out.get("md5") for name, out in tracked().items() if name not in found["files"]}
    elsewhere = [name for name in after if after[name] != before.get(name) and name not in found["outputs"]]
    if elsewhere:
        dvc("checkout", "--quiet", "--force", "--allow-missing", *elsewhere)
    missing = [name for name in tracked() if not Path(name).exists()]
    if missing:
        dvc(*(["pull"] if has_remote() else ["checkout"]), "--quiet", "--allow-missing", *missing)
    # Without --force: DVC compares once more, and records what the run made in its cache.
    dvc("commit", "dvc.yaml")


def unpack_apart(job: Job, found: dict[str, Any], folder: Path) -> None:
    """Unpack what the run made into a folder that is not there yet.

    Raises
    ------
    UserError
        If it is there, or the archive is damaged.
    """
    if folder.exists():
        raise UserError(f"{folder} is there already: name a new folder")
    unpack(job.output / OUTPUTS, found["files"], folder)


def check_unchanged(job: Job, lock: Path) -> None:
    """Refuse to take over outputs of other code, params or data than are here now.

    Parameters
    ----------
    job : what was submitted stands in its manifest.
    lock : the dvc.lock of the run, which names what its stages depend on.
    """
    sent: dict[str, str] = read_json(job.bundle / MANIFEST)["files"]
    stages = (read(lock)[0].get("stages") or {}).values()
    made = {out["path"] for stage in stages for out in stage.get("outs", [])}
    needed = {"dvc.yaml", *(dep["path"] for stage in stages for dep in stage.get("deps", []))}
    here = {name: sha256(Path(name)) for name in tree()[0]}
    changed = [
        name
        for name in sorted(sent.keys() | here.keys())
        if sent.get(name) != here.get(name) and _inside(name, needed) and not _inside(name, made)
    ]
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise UserError(
            f"{', '.join(changed[:3])}{more} changed since job {job.id} was sent, so what it made is not of what is "
            f"here; put that back for a while (`git stash`) and `make remote-fetch JOB={job.id}` again, or look at it "
            f"elsewhere: `make remote-fetch JOB={job.id} TO=folder`"
        )
    check_data()


def _fetch(lock: Path) -> None:
    """Bring what the machine pushed into DVC's cache; the dvc.lock here is the old one again if that fails."""
    old = Path(LOCK).read_bytes() if Path(LOCK).exists() else None
    shutil.copyfile(lock, LOCK)
    try:
        dvc("fetch", "--quiet", "--run-cache")
    except UserError:
        if old is None:
            Path(LOCK).unlink()
        else:
            Path(LOCK).write_bytes(old)
        raise


def _move(source: Path, target: Path) -> None:
    replacing = replacing_folder if source.is_dir() else replacing_file
    with replacing(target) as new:
        shutil.move(source, new)


def _inside(name: str, paths: Iterable[str]) -> bool:
    """Whether a path is one of these, or lies in one."""
    return any(name == one or name.startswith(f"{one}/") for one in paths)
