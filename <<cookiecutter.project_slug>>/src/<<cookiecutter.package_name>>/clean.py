"""Remove what the pipeline and the tools made; files that the project did not write stay: `python -m <package>.clean`.

It needs nothing but Python, so that it also works where no environment has been made.
"""

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError
from .files import CACHE, LOCK, WRITTEN, foreign, names, note_of
from .locks import COMMAND, STAGE, alone, free, hold

FOLDERS = (
    *("plan", "data/interim", "data/processed", "models/final", "models/package"),
    *("reports/plots", "reports/review"),
)
FILES = (
    *("reports/report.html", "reports/baseline.json", "reports/leaderboard.json", "reports/metrics.json"),
    *("reports/predictions.parquet", "reports/nested.json", "reports/retrain.json", "reports/retrain.md"),
)
CACHED = (
    *("studies", "nested", "registry", "discovery.json", "paired.json", "tracking"),
    *("ready", "submitted.lock", "identity", "tmp"),
)
# What `compare` and the jobs of CI write into reports/review.
REVIEW = re.compile(r"report\.md|changes\.patch|[^/]+\.(before|here)\.png")
TOOLS = (".pytest_cache", ".ruff_cache", ".mypy_cache")
JOBS = CACHE / "remote"
FINISHED = ("done", "failed", "stopped")


def clean() -> list[str]:
    """Remove it all; return the files that are in these folders and stay, because the project did not write them.

    Raises
    ------
    UserError
        If another command is at work, or jobs are under way on other machines.
    """
    with alone("make clean"):
        _check_jobs()
        kept = [name for folder in _folders() for name in _remove_written(folder)]
        for file in [*map(Path, FILES), *_pages()]:
            if file.is_file() or file.is_symlink():
                file.unlink()
            _remove_partial(file)
        kept += _remove_pages_folder()
        for folder in map(Path, TOOLS):
            if (folder / "CACHEDIR.TAG").exists() or (folder / ".gitignore").exists():
                _remove(folder)
        for name in (*CACHED, JOBS.name, WRITTEN.name):
            _remove(CACHE / name)
        STAGE.unlink(missing_ok=True)
        kept += [(CACHE / name).as_posix() for name in (names(CACHE) if CACHE.is_dir() else []) if name != COMMAND.name]
        COMMAND.unlink(missing_ok=True)
        _remove_empty(CACHE)
    return kept


def _check_jobs() -> None:
    """Refuse to forget jobs: their machines would go on, and cost."""
    for file in sorted(JOBS.glob("*/job.json")):
        try:
            state = json.loads(file.read_text(encoding="utf-8"))["state"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if state not in FINISHED:
            job = file.parent.name
            raise UserError(
                f"job {job} on another machine is not finished: `make remote-fetch JOB={job}` takes over what it made, "
                f"`make remote-stop JOB={job}` ends it; then clean"
            )


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
    if folder.name == "review":
        others = {name for name in others if not REVIEW.fullmatch(name)}
    for name in names(folder):
        if name not in others:
            (folder / name).unlink()
    note_of(folder).unlink(missing_ok=True)
    _remove_empty(folder)
    return sorted((folder / name).as_posix() for name in others if folder.name != "tuned" or "/" not in name)


def _pages() -> Iterator[Path]:
    """The pages of the notebooks that there are."""
    for source in sorted(Path("notebooks").glob("*.py")):
        yield Path("reports/notebooks") / f"{source.stem}.html"


def _remove_pages_folder() -> list[str]:
    folder = Path("reports/notebooks")
    if not folder.is_dir() or folder.is_symlink():
        return []
    _remove_empty(folder)
    return [(folder / name).as_posix() for name in (names(folder) if folder.exists() else [])]


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
