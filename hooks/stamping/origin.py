"""What a project keeps of how it was stamped, in `.cruft.json`: cruft's format, which `make update` reads, too."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NOTE = ".cruft.json"
# In a git hook, or wherever else these are set, git would look into another repository than the template's.
REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")


def note(answers: Mapping[str, Any], template: Path, here: Path) -> dict[str, Any]:
    """The content of the note, as cruft itself would write it.

    Parameters
    ----------
    answers : as cookiecutter collected them, with what it adds to them (`_template`, `_checkout`).
    template : the template's root.
    here : the folder in which the user ran cookiecutter.

    Returns
    -------
    dict
        `commit` is None where the template comes from a zip, or from a folder that is no git repository.
    """
    address = address_of(str(answers.get("_template") or template), template, here)
    commit = _git(template, "rev-parse", "HEAD") if _git(template, "rev-parse", "--show-prefix") == "" else None
    context = {key: value for key, value in answers.items() if not key.startswith("_")}
    return {
        "template": address,
        "commit": commit,
        "checkout": answers.get("_checkout") or None,
        "context": {"cookiecutter": {**context, "_template": address, "_commit": commit}},
        "directory": None,
    }


def write(content: Mapping[str, Any], project: Path) -> None:
    """Write the note, laid out as cruft does it."""
    text = json.dumps(content, ensure_ascii=False, indent=2, separators=(",", ": ")) + "\n"
    (project / NOTE).write_text(text, encoding="utf-8", newline="\n")


def address_of(given: str, template: Path, here: Path) -> str:
    """Where the template can be had again: a folder's full path, or the address that the user's was short for.

    The note is committed, so what may be a password in an address is left out.
    """
    folder = here / Path(given).expanduser()
    if folder.exists():
        return str(folder.resolve())
    cloned = _git(template, "remote", "get-url", "origin")
    return re.sub(r"^(https?://)[^/@]*@", r"\1", cloned or given)


def _git(folder: Path, *words: str) -> str | None:
    """What git says in a folder; None if it fails, is not installed, or the folder is no repository."""
    environment = {name: value for name, value in os.environ.items() if name not in REDIRECTIONS}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], env=environment, capture_output=True, text=True, errors="replace"
        )
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout.strip()
