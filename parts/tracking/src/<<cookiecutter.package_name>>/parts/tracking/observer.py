"""Follow the search of a model in another process, which sends the trials that finish to the trackers.

That process only reads what the search writes. The search and its code depend on nothing of it, so a change of trackers
searches nothing again.
"""

import subprocess  # nosec B404 # no shell
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .planned import planned

# Seconds for which the stage waits for the last trials to reach the trackers.
PATIENCE = 10.0


@contextmanager
def observing(model: str) -> Iterator[None]:
    """Send the trials of a model that finish in the block, if there are trackers."""
    if not planned():
        yield
        return
    command = [sys.executable, "-m", str(__package__), model]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # nosec B603 # no shell
    assert process.stdin is not None  # nosec B101 # a fact for the type checker
    try:
        yield
    finally:
        process.stdin.close()  # EOF tells the process to finish
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        print(f"note: {model}: the last trials are still being sent to the trackers", flush=True)
