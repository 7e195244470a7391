"""Runs sent to trackers, of which any may be down: what one does not take is kept for later, and said."""

import time
from collections.abc import Iterable, Sequence

from ...objects.build import build
from ...objects.grammar import Grammar
from ...objects.reader import Where
from .planned import SLICE, planned
from .record import locked
from .tracker import Run, Tracker

LONGEST = 30.0  # seconds between two attempts


class Sender:
    """One tracker, what this process knows to have arrived there, and when it is tried again."""

    def __init__(self, tracker: Tracker) -> None:
        self.tracker, self.name = tracker, type(tracker).__name__
        self.arrived: dict[str, str] = {}
        self.incomplete: list[str] = []
        self.reason: str | None = None
        self.delay, self.again = 1.0, 0.0

    def lacking(self, runs: Iterable[Run]) -> list[Run]:
        """Those of `runs` that are not known to have arrived."""
        return [run for run in runs if self.arrived.get(run.key) != run.content]

    def send(self, runs: Iterable[Run]) -> None:
        """Send what the tracker lacks, unless it has failed just now; `reason` says why something did not arrive."""
        missing = self.lacking(runs)
        if not missing or time.monotonic() < self.again:
            return
        self.reason, failures = None, 0
        known: dict[str, dict[str, str]] = {}
        with locked(self.name):
            for run in missing:
                try:
                    if run.group not in known:
                        known[run.group] = self.tracker.known(run.group)
                    if known[run.group].get(run.key) != run.content:
                        self.tracker.send(run)
                        if len(run.present) < len(run.files):
                            self.incomplete.append(run.name)
                    self.arrived[run.key], failures = run.content, 0
                except Exception as error:
                    self.reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
                    failures += 1
                # One run may be refused for what it holds; two in a row say that the tracker is down.
                if failures > 1:
                    break
        self.delay = 1.0 if self.reason is None else min(2 * self.delay, LONGEST)
        self.again = time.monotonic() + self.delay if self.reason else 0.0


def senders() -> list[Sender]:
    """The trackers that the plan names; none before there is a plan."""
    where = Where(f"plan/{SLICE}.json").at("trackers")
    written = [Grammar().object(one, where.at(index), ["tracker"]) for index, one in enumerate(planned())]
    return [Sender(build(one)) for one in written]


def deliver(trackers: Sequence[Sender], runs: Sequence[Run], seconds: float) -> list[str]:
    """Send all runs to all trackers, to those that are down again and again for so many seconds.

    Returns
    -------
    A sentence for each that lacks something.
    """
    until = time.monotonic() + seconds
    while True:
        for one in trackers:
            one.send(runs)
        lacking = [one for one in trackers if one.lacking(runs)]
        if not lacking or time.monotonic() > until:
            break
        time.sleep(0.2)
    return [
        f"{one.name} lacks {len(one.lacking(runs))} of {len(runs)} runs ({one.reason}); "
        "what was found is on disk, and `make track` sends it"
        for one in lacking
    ]
