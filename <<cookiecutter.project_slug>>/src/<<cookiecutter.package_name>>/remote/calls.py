"""Other programs, called: what they say, or one sentence on why they failed."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError

QUIET = {"DVC_NO_ANALYTICS": "1", "TF_IN_AUTOMATION": "1", "NO_COLOR": "1"}


def said(
    command: Sequence[str], cwd: Path | None = None, add: Mapping[str, str] | None = None, show: bool = False
) -> str:
    """What a program prints.

    Parameters
    ----------
    command : its words.
    cwd : the folder to run it in; this one if None.
    add : further environment variables.
    show : let its messages through while it runs, and not only what went wrong.

    Raises
    ------
    UserError
        If it is not there, or fails; with the error that it named, or the last lines of what it said.
    """
    environment = {**os.environ, **QUIET, **(add or {})}
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed, or not on the PATH") from None
    if done.returncode:
        lines = [line.strip() for line in f"{done.stdout}\n{done.stderr or ''}".splitlines() if line.strip()]
        start = next((index for index, line in enumerate(lines) if line.lower().startswith("error")), len(lines) - 4)
        why = " ".join(lines[max(start, 0) :][:6]) or f"it ended with {done.returncode}"
        raise UserError(f"`{' '.join(map(str, command[:3]))}` failed: {why}")
    return done.stdout


def dvc(*words: str, cwd: Path | None = None) -> str:
    """What DVC says: the one of this environment."""
    try:
        return said([sys.executable, "-m", "dvc", *words], cwd)
    except UserError as error:
        raise UserError(error.message.replace(f"{sys.executable} -m dvc", f"dvc {words[0]}", 1)) from None
