"""Repeat a refusal below the traceback that cookiecutter prints after a hook has failed, as the last line."""

import atexit
import os
import sys
import tempfile
from pathlib import Path

VARIABLE = "STAMPING_REFUSAL"  # the file through which a hook tells cookiecutter's process what it refused


def repeat_at_end() -> None:
    """Print what a hook refuses once more when cookiecutter ends; called in cookiecutter's own process."""
    if "cookiecutter" in sys.argv[0] and VARIABLE not in os.environ:
        handle, name = tempfile.mkstemp(prefix="refusal-")
        os.close(handle)
        os.environ[VARIABLE] = name
        atexit.register(_repeat, Path(name))


def note(message: str) -> None:
    """Keep a refusal for `repeat_at_end`; called in a hook."""
    if os.environ.get(VARIABLE):
        Path(os.environ[VARIABLE]).write_text(message, encoding="utf-8")


def _repeat(file: Path) -> None:
    message = file.read_text(encoding="utf-8") if file.exists() else ""
    file.unlink(missing_ok=True)
    if message:
        print(f"\n{message}", file=sys.stderr)
