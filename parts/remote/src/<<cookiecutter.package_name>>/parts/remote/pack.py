"""What goes to the machine, and archives that say what is in them.

That is the working tree as git sees it, what DVC's remote does not have of the data and of earlier outputs, DVC's
cache of runs, and the trials of the searches: so nothing is done there that was done here.
"""

import hashlib
import json
import shlex
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import names, read_json, replacing_file, replacing_folder, temporary, write_json, write_text
from ...objects.reader import read
from ...project.calls import dvc, git
from .job import Job

PACKAGE = __name__.split(".")[0]
STUDIES = Path(".cache/studies")
ARCHIVE = "project.tar.gz"
MANIFEST = "manifest.json"
# What holds passwords and keys stays at home, also where git does not ignore it.
NEVER = (".env", ".env.*", "*.pem", "*.key", "*.p12", "*.pfx", "id_rsa*", "id_ed25519*", ".netrc", "*.tfstate*")
SCRIPT = Path(__file__).with_name("job.sh")


def pack(job: Job, setup: str | None, push: bool) -> list[str]:
    """Write the job's bundle.

    Returns
    -------
    Notes on what was left at home.

    Raises
    ------
    UserError
        If the data here are not those that DVC tracks, or the DVC remote cannot be asked.
    """
    files, kept = tree()
    check_data()
    remote = has_remote()
    with temporary() as room, replacing_folder(job.bundle) as bundle:
        bundle.mkdir()
        places = {name: Path(name) for name in files}
        places |= objects(Path(dvc("cache", "dir").strip()), in_remote() if remote else set())
        places |= history(room) if not committed(kept) else {}
        copy_studies(STUDIES, room / "studies")
        places |= below(room / "studies", STUDIES.as_posix())
        archive(bundle / ARCHIVE, places)
        write_json(
            bundle / MANIFEST,
            {
                "id": job.id,
                "archive": sha256(bundle / ARCHIVE),
                "files": {name: sha256(Path(name)) for name in files},
                "seconds": job.timeout,
                "push": push and remote,
                "remote": remote,
            },
        )
        # Where a job runs as another user than the one who packed it, it has to be readable.
        shutil.copyfile(SCRIPT, bundle / SCRIPT.name)
        if setup:
            write_text(bundle / "setup.sh", f"#!/bin/sh\nset -eu\n{setup}\n")
        words = {"PACKAGE": PACKAGE, "TIMEOUT": str(job.timeout), "IMAGE": job.image or ""}
        words |= {"GPU": job.machine["gpu"] or "", "ENVIRONMENT": " ".join(job.environment)}
        write_text(bundle / "job.env", "".join(f"{name}={shlex.quote(text)}\n" for name, text in words.items()))
    return [f"{name} stays here: it may hold a key" for name in kept]


def tree() -> tuple[list[str], list[str]]:
    """The files of the working tree that git tracks, or would; and those that stay at home for their names."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    files = sorted(name for name in set(listed.split("\0")) if name and Path(name).is_file())
    kept = [name for name in files if any(fnmatch(Path(name).name, one) for one in NEVER)]
    return [name for name in files if name not in kept], kept


def tracked() -> dict[str, dict[str, Any]]:
    """What DVC says of each output in dvc.lock and the `.dvc` files, by its path."""
    lock = read(Path("dvc.lock"))[0] if Path("dvc.lock").exists() else {}
    found = {out["path"]: out for stage in (lock.get("stages") or {}).values() for out in stage.get("outs", [])}
    for file in map(Path, sources()):
        for out in read(file)[0].get("outs") or []:
            found[(file.parent / out["path"]).as_posix()] = out
    return found


def sources() -> list[str]:
    """The `.dvc` files: data that no stage makes."""
    return [name for name in tree()[0] if name.endswith(".dvc")]


def check_data() -> None:
    """Refuse data that are not what DVC knows of them: the machine would learn from others than are here."""
    if sources():
        for file, changes in json.loads(dvc("status", "--json", *sources()) or "{}").items():
            if "modified" in str(changes):
                name = file.removesuffix(".dvc")
                raise UserError(f"{name} has changed since DVC took it up: `.venv/bin/dvc add {name}` takes it up anew")


def has_remote() -> bool:
    """Whether DVC has a default remote."""
    try:
        return bool(dvc("remote", "default").strip())
    except UserError:
        return False


def in_remote() -> set[str]:
    """The outputs that the DVC remote has whole."""
    missing = json.loads(dvc("status", "--cloud", "--json") or "{}")
    return {name for name in tracked() if missing.get(name) not in ("new", "missing")}


def objects(cache: Path, elsewhere: Iterable[str]) -> dict[str, Path]:
    """What DVC's cache has of the tracked outputs, and its runs: paths in the archive and here.

    Parameters
    ----------
    cache : DVC's cache.
    elsewhere : outputs that the machine gets by `dvc pull`.
    """
    found: list[Path] = []
    for out in (out for name, out in tracked().items() if name not in set(elsewhere)):
        one = cache / "files" / "md5" / out.get("md5", "  none")[:2] / out.get("md5", "  none")[2:]
        if one.is_file():
            found.append(one)
            names = [each["md5"] for each in read_json(one)] if one.suffix == ".dir" else []
            found += [cache / "files" / "md5" / name[:2] / name[2:] for name in names]
    found += [file for file in (cache / "runs").rglob("*") if file.is_file()]
    return {f".dvc/cache/{file.relative_to(cache).as_posix()}": file for file in found if file.is_file()}


def history(room: Path) -> dict[str, Path]:
    """The last commit without those before it, so that the report can name it; nothing where there is none.

    Of a project that lies in a larger repository nothing is taken: DVC works without git there.
    """
    if not Path(".git").is_dir():
        return {}
    try:
        address = Path.cwd().as_uri()
        git("clone", "--quiet", "--depth", "1", "--no-checkout", "--no-tags", address, str(room / "clone"))
        git("remote", "remove", "origin", cwd=room / "clone")
    except UserError:
        return {}
    return below(room / "clone" / ".git", ".git")


def committed(files: list[str]) -> bool:
    """Whether git has any of these files, and so the last commit may hold them."""
    return bool(files and git("ls-files", "--cached", "--", *files))


def copy_studies(source: Path, target: Path) -> None:
    """Copy the trials of searches, which may be going on: what there are more of at `target` stays.

    The journal first, and whole lines of it alone: what the files beside it say of trials may be more, and never less.
    """
    for journal in sorted(source.glob("*/*/journal.log")):
        study = journal.relative_to(source).parent
        old = target / study / "journal.log"
        lines = journal.read_bytes()
        lines = lines[: lines.rfind(b"\n") + 1]
        if old.exists() and old.stat().st_size >= len(lines):
            continue
        # A study's folder is the project's own, with whatever a killed search left in it.
        with replacing_folder(target / study, names(target / study)) as new:
            new.mkdir()
            (new / "journal.log").write_bytes(lines)
            for name in ("result.json", "trials.csv"):
                if (source / study / name).exists():
                    shutil.copy(source / study / name, new / name)
            if (source / study / "outputs").is_dir():
                shutil.copytree(source / study / "outputs", new / "outputs")


def archive(path: Path, places: Mapping[str, Path]) -> None:
    """Write files into an archive, whole or not at all: `places` are their names in it, and where they are."""
    with replacing_file(path) as new, tarfile.open(new, "w:gz", compresslevel=3, dereference=True) as file:
        for name, place in sorted(places.items()):
            file.add(place, name, recursive=False)


def unpack(path: Path, files: Mapping[str, str], target: Path) -> None:
    """Unpack an archive and compare each file with its checksum; `target` is made only if all is right.

    Raises
    ------
    UserError
        If the archive is damaged, or does not hold exactly these files.
    """
    try:
        with replacing_folder(target) as new:
            new.mkdir()
            with tarfile.open(path) as file:
                file.extractall(new, filter="data")
            found = {name: sha256(place) for name, place in below(new, "").items()}
            if found != dict(files):
                wrong = sorted(name for name in found.keys() | files.keys() if found.get(name) != files.get(name))
                raise UserError(f"{path.name} is damaged: {wrong[0]} is not what was sent")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f"{path.name} is damaged: {error}") from None


def sha256(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def below(folder: Path, prefix: str) -> dict[str, Path]:
    """All files in a folder, by their paths in it behind `prefix`."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {(Path(prefix) / file.relative_to(folder)).as_posix(): file for file in files}
