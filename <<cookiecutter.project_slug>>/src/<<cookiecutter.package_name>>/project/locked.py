"""Check that outputs are those that `dvc.lock` names, whatever DVC's remote has sent.

git keeps `dvc.lock`, so it is trusted; DVC's remote is not. An output may differ from `dvc.lock` only if a stage has
just made it on this machine, which the stage notes in `.cache/made`.

`python -m <package>.project.locked` checks all outputs; `make pull` runs it.
"""

import hashlib
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json, write_text
from ..objects.reader import parse, read
from .calls import git

LOCK, MADE, CACHE = Path("dvc.lock"), Path(".cache/made"), Path(".dvc/cache/files/md5")
PLAN = Path("plan")
# In a model's folder: of such an output, the files that it names count.
MANIFEST = "manifest.json"


def read_plan(name: str) -> Any:
    """Return a slice of the plan, such as `train` or `models/svm`, after checking the plan.

    Raises
    ------
    FileNotFoundError
        If there is none.
    UserError
        If it is damaged, or neither made here nor the one that `dvc.lock` names.
    """
    path = PLAN / f"{name}.json"
    if PLAN.is_dir():
        check_locked(PLAN)
    try:
        return read_json(path)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}; `make run` makes it anew") from None


def check_locked(output: Path) -> None:
    """Refuse an output that `dvc.lock` knows, but with another content, unless a stage has made it on this machine.

    Where no folder above has a `dvc.lock`, or the one there does not know the output, nothing is checked, nor is an
    output that is missing.

    Parameters
    ----------
    output : a folder or a file. Of a model's folder, the files that its manifest names count.

    Raises
    ------
    UserError
        If it is another.
    """
    place = Path(os.path.abspath(output))
    root = next((folder for folder in place.parents if (folder / LOCK).is_file()), None)
    if root is None or not place.exists():
        return
    name = place.relative_to(root).as_posix()
    if _noted(name, root) == _mark(output):
        return
    expected = expected_of((root / LOCK).read_text(encoding="utf-8"), name)
    if expected is None:
        return
    if checksum(output, expected, root) != expected:
        raise UserError(
            f"{name} is not the one that dvc.lock names, and no run on this machine has made it: it was changed, it is "
            "of another commit, or DVC's remote holds something else; `.venv/bin/dvc checkout` brings back the one of "
            "this commit, and `make run` makes it anew"
        )
    with suppress(OSError, UserError):  # a service's folder may be one that nobody can write to
        note_made(place, root)


def note_made(output: Path, root: Path = Path()) -> None:
    """Note that an output was made, or has been checked, on this machine."""
    name = Path(os.path.abspath(output)).relative_to(root.absolute()).as_posix()
    write_text(_note(name, root), f"{_mark(output)}\n")


def checksum(output: Path, expected: str = "", root: Path = Path()) -> str:
    """Return the checksum of an output as DVC computes it.

    Parameters
    ----------
    expected : the checksum that it should have: files beside those of DVC's listing of that name do not count.
    """
    if not output.is_dir():
        return _md5(output) if output.exists() else ""
    files = {name: _md5(output / name) for name in _names(output, expected, root) if (output / name).is_file()}
    listing = [{"md5": files[name], "relpath": name} for name in sorted(files)]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def changed(root: Path = Path()) -> list[str]:
    """Return the outputs and the imported data whose content is not the one that git knows.

    What is not there, and what git itself keeps, is left out.
    """
    found: list[tuple[Path, str]] = []
    if (root / LOCK).exists():
        stages = read(root / LOCK)[0].get("stages") or {}
        found = [(root / out["path"], out["md5"]) for stage in stages.values() for out in stage.get("outs") or []]
    for file in sorted((root / "data").rglob("*.dvc")):
        outs = read(file)[0].get("outs") or []
        found += [(file.parent / out["path"], out["md5"]) for out in outs if "md5" in out]
    return [
        path.as_posix()
        for path, expected in found
        if path.exists() and checksum(path, expected, root) != expected and not _kept_by_git(path)
    ]


def main() -> None:
    """Check all outputs.

    Raises
    ------
    UserError
        If one of them is not the one that git knows.
    """
    wrong = changed()
    if wrong:
        raise UserError(
            f"{', '.join(wrong)}: the content is not the one that dvc.lock names, so it is not to be trusted. Remove "
            f"it and .dvc/cache; if it comes back, somebody has changed what DVC's remote holds, and `make run` makes "
            "it anew"
        )


def _names(output: Path, expected: str, root: Path) -> list[str]:
    """Return the files of a folder that count: those of a model's manifest, of DVC's listing, or all."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        return [*map(str, read_json(output / MANIFEST)["parts"]), MANIFEST]
    with suppress(OSError, ValueError, KeyError, TypeError):
        listing = root / CACHE / expected[:2] / expected[2:]
        if f"{_md5(listing)}.dir" == expected:
            return [one["relpath"] for one in read_json(listing)]
    return [one.relative_to(output).as_posix() for one in output.rglob("*") if one.is_file()]


def expected_of(text: str, name: str) -> str | None:
    """Return the checksum that the text of a `dvc.lock` has for an output; None if it does not know it.

    Only the stage that has it is parsed, because parsing the whole file takes seconds.
    """
    if name not in text:
        return None
    for stage in re.split(r"(?m)^  (?=\S)", text):
        outs = stage.partition("\n    outs:\n")[2]
        if f"- path: {name}\n" in outs:
            for out in parse(outs, str(LOCK))[0]:
                if out["path"] == name:
                    return str(out["md5"])
    stages = parse(text, str(LOCK))[0].get("stages") or {}  # it was not written by DVC
    outs = [out for stage in stages.values() for out in stage.get("outs") or []]
    return next((str(out["md5"]) for out in outs if out["path"] == name), None)


def _mark(output: Path) -> str:
    """Return what tells one content of an output from another: of a model, the checksum of its manifest."""
    manifest = output / MANIFEST
    return hashlib.sha256(manifest.read_bytes()).hexdigest() if manifest.is_file() else checksum(output)


def _note(name: str, root: Path) -> Path:
    return root / MADE / name.replace("/", "-")


def _noted(name: str, root: Path) -> str | None:
    try:
        return _note(name, root).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None


def _kept_by_git(path: Path) -> bool:
    try:
        return bool(git("ls-files", "--", str(path)).strip())
    except UserError:
        return False


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


if __name__ == "__main__":
    from ..stages import run

    run(main)
