"""Files and folders written whole or not at all, and never over what the project did not write; temporary folders."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import UserError
from .locks import free, hold

CACHE = Path(".cache")
TEMPORARY = CACHE / "tmp"
# For each folder that the project wrote, the names of the files in it.
WRITTEN = CACHE / "written"
LOCK = ".lock"
PREFIX = f"{__package__}-"


@contextmanager
def replacing_file(path: str | Path, wait: bool = True) -> Iterator[Path]:
    """Give a temporary path; move the file that the block writes there to `path` if the block succeeds.

    What stood at `path` stays until then. A symbolic link is itself replaced; what it points to is not touched.

    Parameters
    ----------
    wait : wait for another process that is writing the same file; if false, that is an error.

    Raises
    ------
    UserError
        If something other than a file is at `path`, or the place cannot be written to.
    """
    path = Path(path)
    check_file(path)
    with _room(path, wait) as room:
        new = room / "new" / path.name
        yield new
        check_file(path)
        os.replace(new, path)


@contextmanager
def replacing_folder(path: str | Path, known: Iterable[str] | None = None) -> Iterator[Path]:
    """Give a temporary path; move the folder that the block makes there to `path` if the block succeeds.

    What stood at `path` stays until then. Only a folder in which everything was written by the project is replaced.

    Parameters
    ----------
    known : the files in the present folder that the project wrote; if None, what it noted, and what DVC has a copy of.

    Raises
    ------
    UserError
        If something other than such a folder is at `path`, or the place cannot be written to.
    """
    path = Path(path)
    _check_folder(path, known)
    with _room(path) as room:
        new, old = room / "new" / path.name, room / "old"
        yield new
        _check_folder(path, known)
        if known is None:
            _note(path, new)
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(new, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` in UTF-8, atomically."""
    with replacing_file(path) as new:
        new.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, atomically: equal values give equal bytes."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Return the value that `write_json` wrote to `path`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


@contextmanager
def temporary() -> Iterator[Path]:
    """Give an empty folder that is gone after the block.

    It lies in the project's `.cache`, because it may hold rows or models; outside of a project, or where nothing can be
    written there, in the system's folder for temporary files. The folders of killed processes are removed first.
    """
    top = _top()
    sweep(top)
    room, lock = _locked_room(top)
    try:
        folder = room / "files"
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(room, ignore_errors=True)
        free(lock)


def sweep(top: Path = TEMPORARY) -> None:
    """Remove the temporary folders of processes that were killed."""
    for room in top.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # its process lives, or it is another user's
            lock = hold(room / LOCK, create=False)
            shutil.rmtree(room, ignore_errors=True)
            free(lock)


def foreign(folder: Path) -> list[str]:
    """List the files in a folder that the project did not write: neither noted here nor in DVC's cache.

    Modules that Python compiled there do not count, since it writes them again.
    """
    if _cached(folder):
        return []
    note = note_of(folder)
    noted = set(json.loads(note.read_text(encoding="utf-8"))) if note.exists() else set()
    return _without_copy(folder, [name for name in _lasting(folder) if name not in noted])


def names(folder: Path) -> list[str]:
    """List the files and links below a folder by their paths in it."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _lasting(folder: Path) -> list[str]:
    """List the files and links below a folder, without the modules that Python compiled there."""
    return [name for name in names(folder) if not re.search(r"(^|/)__pycache__/[^/]+\.pyc$", name)]


def check_file(path: Path) -> None:
    """Refuse to put a file where something else than a file or a link is.

    Raises
    ------
    UserError
        If that is so, or a part of the path is no folder.
    """
    if path.is_dir() and not path.is_symlink():
        raise UserError(f"{path} is a folder: name a file")
    if os.path.lexists(path) and not path.is_symlink() and not path.is_file():
        raise UserError(f"{path} is a device, a pipe or a socket: name a file")


def _check_folder(path: Path, known: Iterable[str] | None) -> None:
    if path.is_symlink():
        raise UserError(f"{path} is a symbolic link, where a folder is to be written: remove it, or name another place")
    if not path.exists():
        return
    if not path.is_dir():
        raise UserError(f"{path} is no folder, and one is to be written there: move it away, or name another place")
    others = foreign(path) if known is None else sorted(set(_lasting(path)) - set(known))
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise UserError(
            f"{path} is about to be replaced, and holds what the project did not write: {', '.join(others[:3])}{more}; "
            "move that elsewhere, then try again"
        )


@contextmanager
def _room(path: Path, wait: bool = True) -> Iterator[Path]:
    """Make a folder beside `path`, which one process at a time has; what a killed one left in it is removed."""
    room = path.with_name(f".{path.name}.partial")
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if room.is_dir() and not (room / LOCK).exists() and any(room.iterdir()):
            raise UserError(f"{room} is in the way, and the project did not write it: move it elsewhere")
        while lock is None:
            room.mkdir(mode=0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another process has removed it in this moment
                lock = hold(room / LOCK, wait)
        if (room / "old").exists() and not path.exists():
            os.replace(room / "old", path)  # a process was killed between its two moves
        _empty(room)
        (room / "new").mkdir()
    except BlockingIOError:
        raise UserError(f"{path} is being written by another command: wait until it has ended") from None
    except OSError as error:
        in_the_way = next((one for one in path.parents if os.path.lexists(one) and not one.is_dir()), None)
        why = f"{in_the_way} is no folder" if in_the_way else error.strerror or error
        raise UserError(f"{path} cannot be written: {why}") from None
    try:
        yield room
    finally:
        _empty(room)
        (room / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            room.rmdir()
        free(lock)


def _empty(room: Path) -> None:
    for part in room.iterdir():
        if part.name != LOCK:
            shutil.rmtree(part, ignore_errors=True)


def _top() -> Path:
    """Where temporary folders are made."""
    if _in_project():
        with contextlib.suppress(OSError):
            TEMPORARY.mkdir(parents=True, exist_ok=True)
            if os.access(TEMPORARY, os.W_OK):
                return TEMPORARY.absolute()
    return Path(tempfile.gettempdir())


def _locked_room(top: Path) -> tuple[Path, int]:
    while True:
        room = Path(tempfile.mkdtemp(prefix=PREFIX, dir=top))
        # Another process may take it for the folder of a killed one before it is locked.
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            return room, hold(room / LOCK)


def _in_project() -> bool:
    """Return whether this is a project's folder, or one with a plan in which a command runs its stages."""
    return Path("dvc.yaml").exists() or Path("plan").exists()


def _cached(path: Path) -> bool:
    """Whether a path lies in the `.cache` of a project, where everything is the project's own."""
    parents = path.absolute().parents
    return any(one.name == CACHE.name and (one.parent / "dvc.yaml").exists() for one in parents)


def note_of(folder: Path) -> Path:
    """Where it is noted which files of a folder the project wrote."""
    return WRITTEN / os.path.relpath(folder).replace("%", "%25").replace(os.sep, "%2F")


def _note(path: Path, new: Path) -> None:
    """Note what the project is about to put into a folder, along with what it put there before."""
    if _in_project() and not _cached(path):
        write_text(note_of(path), json.dumps(sorted({*names(new), *(names(path) if path.exists() else ())})))


def _without_copy(folder: Path, unknown: list[str]) -> list[str]:
    """Leave out the files of which DVC's cache has a copy, such as those that `dvc checkout` put there."""
    if not unknown or not Path(".dvc").exists():
        return unknown
    asked = subprocess.run([sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True)
    cache = Path(asked.stdout.strip() if asked.returncode == 0 else ".dvc/cache") / "files" / "md5"
    return [name for name in unknown if not _copied(folder / name, cache)]


def _copied(file: Path, cache: Path) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return (cache / digest[:2] / digest[2:]).exists()
