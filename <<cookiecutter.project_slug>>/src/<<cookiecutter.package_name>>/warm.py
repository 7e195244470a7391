"""A warm process, so that the stages of a run need not import their libraries one after another.

    python -m <package>.warm sh -c "dvc repro"    runs a program, and is warm for its stages

This process imports what stages import and computes nothing. A stage that starts sends it its words, folder,
environment and files, and ends as the child ends that is forked for it. A stage starts on its own where there is no
warm process, where a fork would be no equal of a new process (its environment or the code is another, or the warm
process has threads, which a fork does not copy), and on macOS, whose libraries do not bear forks. With `PROJECT_WARM=`
in its environment, a run has no warm process.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib
import marshal
import os
import re
import runpy
import select
import shutil
import signal
import socket
import subprocess  # nosec B404 # no shell
import sys
import tempfile
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from .errors import UserError

ROOT = Path(__file__).resolve().parent
# Names the socket of the warm process.
ADDRESS = "PROJECT_WARM"
STAGES = ("plan", "load", "split", "tune", "train", "evaluate", "package")
# What stages import only once they use it.
LATE = ("pyarrow.dataset", "pyarrow.parquet", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
# Variables that no library reads when it is loaded. Two processes that differ in another one may differ in their fits.
FREE = re.compile("DVC_|PROJECT_|MAKE|MFLAGS|DASK_|JOBLIB_|LOKY_|PWD$|OLDPWD$|SHLVL$|_$|OMP_WAIT_POLICY$")
# With more, BLAS starts threads when it is loaded.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
FORWARDED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
DIE_WITH_PARENT = 1  # of prctl: PR_SET_PDEATHSIG
MOST_BYTES = 200_000  # of a request

# Of a forked process: the environment that it was given, and the one that its libraries were loaded in.
_given: dict[str, str] | None = None
_loaded: dict[str, str] = {}


def hand_over() -> None:
    """Let the warm process do what this process was started for, and end likewise; return if there is none for it."""
    words, address = sys.orig_argv, os.environ.get(ADDRESS)
    if not address or _given is not None or words[1:3] not in [["-m", f"{__package__}.stages.{one}"] for one in STAGES]:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        try:
            connection.connect(address)
            request = marshal.dumps((_identity(), words, os.getcwd(), dict(os.environ)))
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
            _kill(child)
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
    if _given is not None and _seen(os.environ) != _loaded:
        command = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, command, _given | {ADDRESS: ""})  # nosec B606 # no shell


def start(module: str, *words: str, env: Mapping[str, str]) -> "subprocess.Popen[bytes] | Fork":
    """Start `python -m module words` as a group of its own: as a fork where this process is one, else anew."""
    command = [sys.executable, "-m", module, *words]
    if _given is None or _threads() > 1:
        return subprocess.Popen(command, env=env, start_new_session=True)  # nosec B603 # no shell
    process = _fork()
    if process == 0:
        _become(command, os.getcwd(), dict(env))
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


class Server:
    """The warm process, for the stages that ask at `listener` until the program with the id `program` has ended."""

    def __init__(self, listener: socket.socket, program: int) -> None:
        global _loaded
        self._listener, self._program = listener, os.pidfd_open(program)
        self._code, self._env = _state(), _seen(os.environ)
        os.environ.update(ONE_THREAD | os.environ)
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        _loaded = _seen(os.environ)
        # By the descriptor of the child, and that of who asked for it: both of them, and the child's id.
        self._children: dict[int, tuple[int, socket.socket, int]] = {}
        self._poll = select.poll()
        for file in (self._program, listener.fileno()):
            self._poll.register(file, select.POLLIN)
        self._for_plan, self._for_others = _modules()

    def serve(self) -> None:
        """Import what stages need while none asks, and fork for those that do."""
        gc.disable()  # what is imported stays
        while True:
            waiting = self._for_plan or self._for_others
            ready = self._poll.poll(0 if waiting else None)
            if not ready:
                _load(waiting.pop(0))
            elif ready[0][0] == self._program:
                break
            elif ready[0][0] in self._children:
                self._end(ready[0][0])
            else:
                self._accept(self._listener.accept()[0])
        for handle in [child for child, _, _ in self._children.values()]:
            if handle in self._children:
                self._end(handle)

    def _accept(self, connection: socket.socket) -> None:
        files: list[int] = []
        try:
            request, files, _, _ = socket.recv_fds(connection, MOST_BYTES, 3)
            identity, words, cwd, env = marshal.loads(request)  # nosec B302 # of this user
            self._import(words[2].rpartition(".")[2])
            same = (identity, _seen(env), _state()) == (_identity(), self._env, self._code)
        except (OSError, ValueError, EOFError, TypeError):  # who asked has ended
            same = False
        if same and _threads() == 1:
            server, process = os.getpid(), _fork()
            if process == 0:
                ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
                if os.getppid() != server:
                    os._exit(1)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                _become(words, cwd, env)
            handle = os.pidfd_open(process)
            self._children |= dict.fromkeys((handle, connection.fileno()), (handle, connection, process))
            self._poll.register(handle, select.POLLIN)
            self._poll.register(connection, select.POLLHUP)
            _answer(connection, process)
        else:
            connection.close()
        for file in files:
            os.close(file)

    def _import(self, stage: str) -> None:
        """Import what is left for a stage to need: for all but `plan`, with the classes that the plan names."""
        names = self._for_plan + ([] if stage == "plan" else [*self._for_others, *_named()])
        self._for_plan, self._for_others = [], self._for_others if stage == "plan" else []
        for name in names:
            _load(name)

    def _end(self, handle: int) -> None:
        """End a child with what it has started, if it has not ended by itself, and tell who asked."""
        handle, connection, process = self._children.pop(handle)
        done = select.select([handle], [], [], 0)[0]
        _kill(process)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        for file in (handle, connection.fileno()):
            self._poll.unregister(file)
            self._children.pop(file, None)
        os.close(handle)
        if done:
            _answer(connection, code)
        connection.close()


def _answer(connection: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # who asked has ended
        connection.send(b"%d" % number)


def _fork() -> int:
    """Fork this process; the child leads a group of its own."""
    gc.freeze()
    sys.stdout.flush()
    process = os.fork()
    with contextlib.suppress(OSError):  # both do it: whichever is first
        os.setpgid(process, process)
    return process


def _become(words: list[str], cwd: str, env: dict[str, str]) -> NoReturn:
    """Do in a forked process what a new Python does with these words, and end."""
    global _given
    _given, code = env, 1
    try:
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update({"OMP_WAIT_POLICY": "PASSIVE"} | env)
        sys.path[0] = cwd
        sys.orig_argv[:], sys.argv[:] = words, words[2:]
        sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
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
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
            sys.stdout.flush()
        os._exit(code)


def _modules() -> tuple[list[str], list[str]]:
    """Return the modules of this package that `plan` uses, and what the other stages use."""
    with contextlib.suppress(ImportError, OSError, UserError):  # a stage says what is wrong with the code
        from .objects.code import Code

        code, stages = Code(), [ROOT / "stages" / f"{stage}.py" for stage in (*STAGES, "search")]
        names = {file: ".".join(name) for name, file in code.modules.items() if file not in stages}
        used = [{names[file] for file in code.closure(stage) if file in names} for stage in stages]
        return sorted(used[0]), [*LATE, *sorted(set().union(*used[1:]))]
    return [], []


def _named() -> list[str]:
    """Return the modules of the classes that the plan names."""
    with contextlib.suppress(ImportError, OSError, UserError, LookupError, TypeError):
        from .locked import read_plan

        return sorted({path.rpartition(".")[0] for path in read_plan("train")["named"]})
    return []


def _load(name: str) -> None:
    """Import a module; if that fails, the stage that needs it says why."""
    with contextlib.suppress(Exception, SystemExit), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(name)


def _identity() -> tuple[str, str]:
    """Return which Python and which code a process runs."""
    return sys.prefix, str(ROOT)


def _seen(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that libraries may read when they are loaded."""
    seen = {name: value for name, value in env.items() if value and not FREE.match(name)}
    return {"OPENBLAS_NUM_THREADS": seen.get("OMP_NUM_THREADS", "")} | seen


def _state() -> dict[str, tuple[int, ...]]:
    """Return what changes when a file of the package is edited, added or removed."""
    files = [Path(folder, name) for folder, _, names in os.walk(ROOT) for name in names if not name.endswith(".pyc")]
    states = {str(file): file.lstat() for file in files}
    return {name: (one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in states.items()}


def _threads() -> int:
    """Count the threads of this process, without the one with which pyarrow gives memory back."""
    names = [file.read_text().strip() for file in Path("/proc/self/task").glob("*/comm")]
    return len([name for name in names if name != "jemalloc_bg_thd"])


def _kill(process: int) -> None:
    """Kill a child with its group."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)


def main() -> None:
    """Run the program `argv[1:]`, and be warm for its stages until it ends."""
    if sys.platform != "linux" or os.environ.get(ADDRESS) == "":
        os.execvp(sys.argv[1], sys.argv[1:])  # nosec B606 # no shell
    # For this user alone; not in the project, because the address of a socket has at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="warm-")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(address := os.path.join(folder, "socket"))
            listener.listen()
            program = subprocess.Popen(sys.argv[1:], env=os.environ | {ADDRESS: address})  # nosec B603 # no shell
            # Ctrl-C reaches the program as well, which decides what comes of it.
            signal.signal(signal.SIGINT, lambda *_: None)
            signal.signal(signal.SIGTERM, lambda *_: program.terminate())
            Server(listener, program.pid).serve()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    code = program.wait()
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    from . import warm  # the module that stages import, which is not `__main__`

    warm.main()
