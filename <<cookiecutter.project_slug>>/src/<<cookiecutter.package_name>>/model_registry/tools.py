"""git and DVC as commands."""

import os
import subprocess
import sys

from ..errors import UserError

QUIET = {"LC_ALL": "C.UTF-8", "DVC_NO_ANALYTICS": "1"}


def git(*words: str) -> str:
    """What a git command prints.

    Raises
    ------
    UserError
        If it fails, with the last line of what it says.
    """
    return _said("git", *words)


def dvc(*words: str) -> str:
    """What a command of DVC's prints; otherwise like `git`."""
    return _said(sys.executable, "-m", "dvc", *words)


def _said(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed, and versions of the model are kept with it") from None
    if done.returncode:
        words = [word for word in command[:5] if word not in (sys.executable, "-m")]
        raise UserError(f"`{' '.join(words)}` fails: {reason(done.stderr) or f'it gave {done.returncode}'}")
    return done.stdout


def reason(text: str) -> str:
    """The lines of an error that say why, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("ERROR", "fatal", "error", "! "))] or lines[-1:]
    return "; ".join(line.removeprefix("ERROR: ").removeprefix("fatal: ") for line in told)[:300]
