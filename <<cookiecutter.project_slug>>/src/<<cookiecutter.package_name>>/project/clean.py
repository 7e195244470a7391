"""Remove what the pipeline and the tools made; files that the project did not write stay.

`python -m <package>.project.clean` needs nothing but Python, so that it also works where no environment has been made.
"""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError
from ..files import CACHE, LOCK, WRITTEN, foreign, names, note_of
from ..locks import COMMAND, STAGE, alone, free, hold
from ..parts import behind

FOLDERS = ("plan", "data/interim", "data/processed", "models/final", "models/package", "reports/plots")
FILES = (
    *("reports/report.html", "reports/baseline.json", "reports/leaderboard.json", "reports/metrics.json"),
    "reports/predictions.parquet",
)
CACHED = ("studies", "registry.json", "trusted.json", "made", "tmp", WRITTEN.name)
TOOLS = (".pytest_cache", ".ruff_cache", ".mypy_cache")


def clean() -> list[str]:
    """Remove it all; return the files that are in these folders and stay, because the project did not write them.

    Raises
    ------
    UserError
        If another command is at work, or a part of the project refuses.
    """
    with alone("make clean"):
        parts = [part for _, part in behind("outputs")]
        written = [path for part in parts for path in part.written()]
        kept = [name for folder in _folders() for name in _remove_written(folder)]
        for path in [*map(Path, FILES), *written]:
            _remove(path)
            _remove_partial(path)
        for folder in [Path(folder) for part in parts for folder in part.FOLDERS]:
            _remove_partial(folder)
            _remove_empty(folder)
            kept += [(folder / name).as_posix() for name in (names(folder) if folder.is_dir() else [])]
        for folder in map(Path, TOOLS):
            if (folder / "CACHEDIR.TAG").exists() or (folder / ".gitignore").exists():
                _remove(folder)
        for name in CACHED:
            _remove(CACHE / name)
        STAGE.unlink(missing_ok=True)
        kept += [(CACHE / name).as_posix() for name in (names(CACHE) if CACHE.is_dir() else []) if name != COMMAND.name]
        COMMAND.unlink(missing_ok=True)
        _remove_empty(CACHE)
    return kept


def _folders() -> Iterator[Path]:
    yield from map(Path, FOLDERS)
    yield from sorted(path for path in Path("models/tuned").glob("*") if path.is_dir())
    yield Path("models/tuned")


def _remove_written(folder: Path) -> list[str]:
    """Remove the files of a folder that the project wrote; return the others."""
    _remove_partial(folder)
    if folder.is_symlink() or not folder.is_dir():
        return [folder.as_posix()] if folder.is_symlink() or folder.exists() else []
    others = set(foreign(folder))
    for name in names(folder):
        if name not in others:
            (folder / name).unlink()
    note_of(folder).unlink(missing_ok=True)
    _remove_empty(folder)
    return sorted((folder / name).as_posix() for name in others if folder.name != "tuned" or "/" not in name)


def _remove_partial(path: Path) -> None:
    """Remove what a killed process left of a file or folder that it was writing."""
    room = path.with_name(f".{path.name}.partial")
    with contextlib.suppress(OSError):
        lock = hold(room / LOCK, create=False)
        shutil.rmtree(room)
        free(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty(folder: Path) -> None:
    """Remove the empty folders in a folder, and the folder itself if nothing is left in it."""
    inner = [path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()]
    for path in [*sorted(inner, reverse=True), folder]:
        with contextlib.suppress(OSError):
            path.rmdir()


def main() -> None:
    """Clean, and say what stays."""
    try:
        kept = clean()
    except UserError as error:
        sys.exit(f"error: {error}")
    for name in kept:
        print(f"kept: {name} (the project did not write it)")


if __name__ == "__main__":
    main()
