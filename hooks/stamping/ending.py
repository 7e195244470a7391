"""How a hook ends: its exit code, and what is left of the project if it does not end well."""

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from .errors import AnswerError
from .refusal import note


def guarded(work: Callable[[], object], project: Path, fresh: bool) -> int:
    """Run `work`; the exit code says how it went.

    A wrong answer becomes one sentence and the code 1, on which cookiecutter takes the project away. On Ctrl-C
    cookiecutter itself stops and takes nothing away, so a folder that was made for this (`fresh`) is removed here.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        work()
    except (AnswerError, OSError) as error:
        message = str(error) if isinstance(error, AnswerError) else f"the project cannot be written: {error}"
        print(message, file=sys.stderr)
        note(message)
        return 1
    except KeyboardInterrupt:
        if fresh:
            import shutil

            shutil.rmtree(project, ignore_errors=True)
        print(f"interrupted: {project.name} was not made", file=sys.stderr)
        return 130
    return 0
