"""Forks of a warm process instead of new processes, which would have to import their libraries one after another.

A stage that starts sends the warm process (`warm.py`) its words, folder, environment and files, and ends as the child
ends that is forked for it. It runs on its own where there is no warm process, where a fork would be no equal of a new
process (its environment or the code is another, or the warm process has threads, which a fork does not copy), and on
macOS, whose libraries do not bear forks.
"""

import atexit
import contextlib
import gc
import io
import marshal
import os
import re
import runpy
import select
import signal
import socket
import subprocess  # nosec B404 # no shell
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent
# Names the socket of the warm process.
ADDRESS = "PROJECT_WARM"
STAGES = ("plan", "load", "split", "tune", "train", "evaluate", "package")
# Variables that no library reads when it is loaded. Two processes that differ in another one may differ in their fits.
FREE = re.compile("DVC_|PROJECT_|MAKE|MFLAGS|DASK_|JOBLIB_|LOKY_|PWD$|OLDPWD$|SHLVL$|_$|OMP_WAIT_POLICY$")
FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

# The environment that this fork was given, and the one in which its libraries were loaded.
_given: dict[str, str] | None = None
_loaded: dict[str, str] = {}


def loaded_in(environment: Mapping[str, str]) -> None:
    """Note the environment in which the warm process loads its libraries."""
    _loaded.update(seen(environment))


def hand_over() -> None:
    """Let the warm process do what this process was started for, and end likewise; return if there is none for it."""
    words, address = sys.orig_argv, os.environ.get(ADDRESS)
    if not address or _given is not None or words[1:3] not in [["-m", f"{__package__}.stages.{one}"] for one in STAGES]:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(address)
            request = marshal.dumps((identity(), words, os.getcwd(), dict(os.environ), ignored()))
            socket.send_fds(connection, [request], [0, 1, 2])
            child = int(connection.recv(16))
        except (OSError, ValueError):
            return

        def forward(number: int, _: Any) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

        for number in FORWARDED:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, forward)
        try:
            code = int(connection.recv(16))
        except (OSError, ValueError):
            kill(child)
            print("error: the warm process of this run was ended", file=sys.stderr, flush=True)
            code = 1
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def settle(environment: Mapping[str, str]) -> None:
    """Set these variables; if libraries have been loaded with other values, start this process anew, on its own."""
    os.environ.update(environment)
    if _given is not None and seen(os.environ) != _loaded:
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, _given | {ADDRESS: ""})  # nosec B606 # no shell


def start(module: str, *words: str, env: Mapping[str, str]) -> "subprocess.Popen[bytes] | Fork":
    """Start `python -m module words` as a group of its own: as a fork where this process is one, else anew."""
    command = [sys.executable, "-m", module, *words]
    if _given is None or threads() > 1:
        return subprocess.Popen(command, env=env, start_new_session=True)  # nosec B603 # no shell
    process = fork()
    if process == 0:
        become(command, os.getcwd(), dict(env), ignored())
    return Fork(process, command)


class Fork:
    """A forked process, which is waited for as a `subprocess.Popen` is."""

    def __init__(self, pid: int, args: list[str]) -> None:
        self.pid, self.args, self._handle = pid, args, os.pidfd_open(pid)
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once there is one; raise TimeoutExpired if there is none in so many seconds."""
        if self.returncode is None:
            if not select.select([self._handle], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._handle)
        return self.returncode


def fork() -> int:
    """Fork this process; the child leads a group of its own."""
    gc.freeze()
    sys.stdout.flush()
    process = os.fork()
    with contextlib.suppress(OSError):  # both do it: whichever is first
        os.setpgid(process, process)
    return process


def become(words: list[str], cwd: str, env: dict[str, str], deaf: list[int]) -> NoReturn:
    """Do in a forked process what a new Python does with these words, deaf to these signals, and end."""
    global _given
    _given, code = env, 1
    try:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        for number in FORWARDED:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, signal.SIG_IGN if number in deaf else default)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update({"OMP_WAIT_POLICY": "PASSIVE"} | env)
        sys.path[0] = cwd
        sys.orig_argv[:], sys.argv[:] = words, words[2:]
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=os.isatty(1))
        # What libraries drew and took from the process when they were imported.
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed()
        tempfile.tempdir = None
        gc.enable()
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        print(error.code if isinstance(error.code, str) else "", end="", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        # As Python ends, without the time that it takes to clear its memory.
        with contextlib.suppress(BaseException):
            # Private, but nothing else ends the threads of executors; multiprocessing ends its forks so, too.
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)


def ignored() -> list[int]:
    """Return the signals that this process ignores, as programs in the background of a script ignore Ctrl-C."""
    return [int(number) for number in FORWARDED if signal.getsignal(number) == signal.SIG_IGN]


def identity() -> tuple[str, str]:
    """Return which Python and which code a process runs."""
    return sys.prefix, str(ROOT)


def seen(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that libraries may read when they are loaded."""
    found = {name: value for name, value in env.items() if value and not FREE.match(name)}
    return {"OPENBLAS_NUM_THREADS": found.get("OMP_NUM_THREADS", "")} | found


def threads() -> int:
    """Count the threads of this process, without the one with which pyarrow gives memory back."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    return len([name for name in names if name != "jemalloc_bg_thd"])


def kill(process: int) -> None:
    """Kill a child with its group."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)
