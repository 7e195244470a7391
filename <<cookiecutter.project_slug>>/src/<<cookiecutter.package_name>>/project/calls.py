"""Calls of other programs: run one, and return its output or raise a readable error."""

import os
import subprocess  # nosec B404 # no shell
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError

QUIET = {"DVC_NO_ANALYTICS": "1", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TF_IN_AUTOMATION": "1"}
TELLING = ("error", "fatal", "! ")  # how a line begins, in small letters, that says what went wrong
MOST = 6  # lines of it


def run_program(
    command: Sequence[str], cwd: Path | None = None, add: Mapping[str, str] | None = None, show: bool = False
) -> str:
    """Run a program and return what it prints.

    Parameters
    ----------
    command : its words.
    cwd : the folder to run it in; this one if None.
    add : further environment variables.
    show : let its messages through while it runs, and not only what went wrong.

    Raises
    ------
    UserError
        If it is not there, or fails; with the error that it named, or its last lines.
    """
    try:
        done = subprocess.run(  # nosec B603 # no shell
            command,
            cwd=cwd,
            env={**os.environ, **QUIET, **(add or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed, or not on the PATH") from None
    if done.returncode:
        words = [word for word in command if word not in (sys.executable, "-m")]
        why = _reason(f"{done.stdout}\n{done.stderr or ''}") or f"it ended with {done.returncode}"
        raise UserError(f"`{' '.join(words[:3])}` failed: {why}")
    return done.stdout


def git(*words: str, cwd: Path | None = None) -> str:
    """Run git; see `run_program`."""
    return run_program(["git", *words], cwd)


def dvc(*words: str, cwd: Path | None = None) -> str:
    """Run the DVC of this environment; see `run_program`."""
    return run_program([sys.executable, "-m", "dvc", *words], cwd)


def _reason(text: str) -> str:
    """The lines that say why, as one: from the first that names an error, or else the last ones."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    start = next((index for index, line in enumerate(lines) if line.lower().startswith(TELLING)), len(lines) - 4)
    reasons = [line.removeprefix("ERROR: ").removeprefix("fatal: ") for line in lines[max(start, 0) :][:MOST]]
    return " ".join(reasons)
