"""What is sent when: the trials of a search while they finish, and everything at the end of a run."""

import sys
import threading
from dataclasses import dataclass, field

from .record import everything, note
from .sending import deliver, senders

POLL = 1.0  # seconds between two looks at the trials
ATTEMPTS = 3.0  # seconds for which a tracker that is down is tried again at the end


@dataclass
class Tracked:
    """What became of it: the names of the trackers, how many runs each should have, and what is lacking or lost."""

    trackers: list[str] = field(default_factory=list)
    runs: int = 0
    lacking: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def follow(model: str) -> None:
    """Send the trials of a model's search as they finish, until the standard input ends, which the stage holds open."""
    over = threading.Event()
    threading.Thread(target=_listen, args=(over,), daemon=True).start()
    trackers, search, warned = senders(), note(running=model), set()
    while not over.is_set():
        runs = search.runs(model)
        for one in trackers:
            one.send(runs)
            if one.reason is not None and one.name not in warned:
                warned.add(one.name)
                print(f"warning: {one.name} takes nothing just now ({one.reason}); it is tried again", file=sys.stderr)
        over.wait(POLL)
    for sentence in deliver(trackers, note().runs(model), ATTEMPTS):
        print(f"warning: {model}: {sentence}", file=sys.stderr)


def track() -> Tracked:
    """Note what the last run has left, and send what the trackers lack of it and of earlier ones.

    Raises
    ------
    FileNotFoundError
        If there are trackers, and the pipeline has not come as far as the search.
    """
    trackers = senders()
    if not trackers:
        return Tracked()
    note()
    runs = everything()
    lacking = deliver(trackers, runs, ATTEMPTS)
    lost = [
        f"{one.name} got {', '.join(one.incomplete)} without the report and the model, which a later run has replaced"
        for one in trackers
        if one.incomplete
    ]
    return Tracked([one.name for one in trackers], len(runs), lacking, lost)


def _listen(over: threading.Event) -> None:
    sys.stdin.buffer.read()
    over.set()
