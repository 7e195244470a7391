"""A warm process, so that the stages of a run need not import their libraries one after another.

    python -m <package>.warm sh -c "dvc repro"    runs a program, and is warm for its stages

This process imports what stages import and computes nothing; `forks.py` has what a stage and its fork do. With
`PROJECT_WARM=` in its environment, a run has no warm process.
"""

import contextlib
import ctypes
import gc
import importlib
import marshal
import os
import select
import shutil
import signal
import socket
import subprocess  # nosec B404 # no shell
import sys
import tempfile
import warnings
from pathlib import Path

from .errors import UserError
from .forks import ADDRESS, ROOT, STAGES, become, fork, identity, kill, loaded_in, seen, threads

# What stages import only once they use it.
LATE = ("pyarrow.dataset", "pyarrow.parquet", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
# With more, BLAS starts threads when it is loaded.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
DIE_WITH_PARENT = 1  # of prctl: PR_SET_PDEATHSIG
MOST_BYTES = 200_000  # of a request


class Server:
    """The warm process, for the stages that ask at `listener` until the program with the id `program` has ended."""

    def __init__(self, listener: socket.socket, program: int) -> None:
        self._listener, self._program = listener, os.pidfd_open(program)
        self._code, self._env = _state(), seen(os.environ)
        os.environ.update(ONE_THREAD | os.environ)
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        loaded_in(os.environ)
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
            asked, words, cwd, env, deaf = marshal.loads(request)  # nosec B302 # of this user
            self._import(words[2].rpartition(".")[2])
            same = (asked, seen(env), _state()) == (identity(), self._env, self._code)
            server, process = os.getpid(), fork() if same and threads() == 1 else -1
        except (OSError, ValueError, EOFError, TypeError):  # who asked has ended
            process = -1
        if process >= 0:
            if process == 0:
                ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
                if os.getppid() != server:
                    os._exit(1)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                become(words, cwd, env, deaf)
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
        kill(process)
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
        from .project.locked import read_plan

        return sorted({path.rpartition(".")[0] for path in read_plan("train")["named"]})
    return []


def _load(name: str) -> None:
    """Import a module; if that fails, the stage that needs it says why."""
    with contextlib.suppress(Exception, SystemExit), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module(name)


def _state() -> dict[str, tuple[int, ...]]:
    """Return what changes when a file of the package is edited, added or removed."""
    files = [Path(folder, name) for folder, _, names in os.walk(ROOT) for name in names if not name.endswith(".pyc")]
    found: dict[str, tuple[int, ...]] = {}
    for file in files:
        with contextlib.suppress(FileNotFoundError):  # it was removed just now
            state = file.lstat()
            found[str(file)] = state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
    return found


def _supported() -> bool:
    """Return whether a process can be polled, as it can on Linux since 5.3."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def main() -> None:
    """Run the program `argv[1:]`, and be warm for its stages until it ends."""
    if os.environ.get(ADDRESS) == "" or not _supported():
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
    main()
