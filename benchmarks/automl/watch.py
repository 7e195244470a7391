"""Run a command and watch it from outside: its time, its memory, and when it printed what."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import psutil

EVERY = 0.2  # seconds between two looks at the memory


class Watched(NamedTuple):
    """What a command used.

    `wall` and `cpu` are seconds, the latter of the processes that it waited for; `peak_mb` is the largest sum of the
    resident memory of its process tree, in MB, in which memory that processes share counts for each of them.
    `lines` are (seconds since the start, printed line), `code` what it exited with: None if it was stopped at `limit`.
    """

    code: int | None
    wall: float
    cpu: float
    peak_mb: float
    lines: list[tuple[float, str]]

    @property
    def tail(self) -> str:
        """The end of what it printed."""
        return "\n".join(line for _, line in self.lines)[-2000:]


def watch(command: list[str], cwd: Path, env: Mapping[str, str], limit: float) -> Watched:
    """Run a command, for at most `limit` seconds; whatever it has started is ended with it."""
    before, began = _cpu(), perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    lines: list[tuple[float, str]] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append((perf_counter() - began, line.rstrip("\n")))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    peak, code = 0.0, None
    while code is None and perf_counter() - began < limit:
        peak = max(peak, _memory(process.pid))
        try:
            code = process.wait(EVERY)
        except subprocess.TimeoutExpired:
            continue
    wall = perf_counter() - began
    _end(process.pid)
    process.wait()
    reader.join(5)
    return Watched(code, wall, _cpu() - before, peak, lines)


def _memory(pid: int) -> float:
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    total = 0
    for one in tree:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / 1e6


def _end(group: int) -> None:
    """End what is left of the process group that the command led."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _cpu() -> float:
    used = psutil.Process().cpu_times()
    return used.children_user + used.children_system
