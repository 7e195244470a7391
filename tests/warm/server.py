"""The warm server: import what stages import, then fork a child for each command that comes in on a socket.

python server.py <descriptor of a listening socket> <the warm python>
"""

import gc
import importlib
import marshal
import os
import re
import runpy
import select
import signal
import socket
import sys
import threading
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# What Python reads when it starts, and libraries when they are imported: with other values the real Python is used. With
# one thread, OpenMP's way to wait makes no difference.
FIXED = re.compile(
    r"PYTHON(?!PATH$)|OMP_(?!WAIT_POLICY)|OPENBLAS|GOTO|MKL_|BLIS|NUMEXPR|LD_|MALLOC_|GLIBC_|TZ$|MPL(?!CONFIGDIR)|SKLEARN_|SCIPY_|NUMPY_"
    r"|NPY_|PANDAS_|ARROW_|OPTUNA_|FSSPEC_|FORCE_COLOR$"
)
IMPORTED = """
    numpy pandas pandas.io.formats.csvs pandas.core.methods.to_dict pyarrow pyarrow.dataset pyarrow.parquet narwhals
    scipy.stats sklearn sklearn.utils._pprint joblib skops.io skops.card jinja2 yaml ruamel.yaml rich.console psutil
    optuna optuna.importance._fanova optuna.importance._ped_anova optuna.importance._mean_decrease_impurity
    matplotlib.figure matplotlib.backends.backend_agg matplotlib.backends.backend_svg PIL.PngImagePlugin PIL.GifImagePlugin
    dvc.cli.parser dvc.cachemgr dvc.data_cloud dvc.output dvc.rwlock dvc.scm dvc.repo.artifacts dvc.repo.datasets
    dvc.repo.graph dvc.repo.metrics dvc.repo.open_repo dvc.repo.params dvc.repo.plots dvc.repo.reproduce dvc.repo.stage
    dvc.repo.trie dvc.repo.init dvc.utils.strictyaml dvc_data.hashfile.status dvc_render flufl.lock networkx
    fsspec.implementations.memory
""".split()


def serve(listener: socket.socket, own: Mapping[str, str]) -> tuple[list[str], str, dict[str, str]]:
    """Fork a child for each command; return in the child, with its arguments, folder and environment.

    Parameters
    ----------
    own : the environment that the server started with.
    """
    poll = select.poll()
    poll.register(0, select.POLLHUP)  # whoever started the server has ended
    poll.register(listener, select.POLLIN)
    connections: dict[int, socket.socket] = {}  # by descriptor
    children: dict[int, tuple[int, socket.socket]] = {}  # by descriptor of the process: its id, who asked
    while True:
        handle = poll.poll()[0][0]  # one at a time: the next one may have ended by then
        if handle == 0:
            for process, _ in children.values():
                kill(process)
            os._exit(0)
        if handle == listener.fileno():
            connection, _ = listener.accept()
            request, files = receive(connection)
            process = os.fork() if fixed(request[2]) == fixed(own) else -1
            if process == 0:
                become(files)
                return request
            for file in files:
                os.close(file)
            if process < 0:
                answer(connection, 0)
                connection.close()
                continue
            with suppress(OSError):  # the child does it as well; whichever is first
                os.setpgid(process, process)
            answer(connection, process)
            watched = os.pidfd_open(process)
            children[watched] = process, connection
            connections[connection.fileno()] = connection
            poll.register(watched, select.POLLIN)
            poll.register(connection, select.POLLHUP)
        elif handle in children:
            process, connection = children.pop(handle)
            answer(connection, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
            poll.unregister(handle)
            os.close(handle)
            if connections.pop(connection.fileno(), None):
                poll.unregister(connection)
            connection.close()
        elif handle in connections:  # whoever asked has ended
            poll.unregister(connections.pop(handle))
            kill(next(process for process, connection in children.values() if connection.fileno() == handle))


def fixed(env: Mapping[str, str]) -> dict[str, str]:
    """Return what has to be the same in the environment of a child."""
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or "C"
    encoding = "C.UTF-8" if locale in ("C", "POSIX") else locale  # as Python itself replaces them
    return {"LC_CTYPE": encoding} | {name: value for name, value in env.items() if FIXED.match(name)}


def receive(connection: socket.socket) -> tuple[tuple[list[str], str, dict[str, str]], list[int]]:
    """Return a request, and the files that are to be its standard input, output and errors."""
    start, files, _, _ = socket.recv_fds(connection, 4, 3)
    length, data = int.from_bytes(start, "big"), b""
    while len(data) < length:
        data += connection.recv(length - len(data))
    return marshal.loads(data), files


def answer(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # it is no longer there
        connection.sendall(number.to_bytes(4, "big", signed=True))


def kill(process: int) -> None:
    """Kill a child with what it has started."""
    with suppress(OSError):
        os.killpg(process, signal.SIGKILL)


def become(files: list[int]) -> None:
    """Make this process a child with a group and standard files of its own, and nothing else open."""
    os.setpgid(0, 0)
    for number, file in enumerate(files):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))


def prepare(cwd: str, env: dict[str, str]) -> None:
    """Set what a new Python sets when it starts."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))
    added = [os.path.abspath(folder) for folder in env["PYTHONPATH"].split(os.pathsep)] if "PYTHONPATH" in env else []
    sys.path[:0] = dict.fromkeys(added)
    # What libraries took from the process when they were imported.
    import multiprocessing.process
    import tempfile

    import numpy

    multiprocessing.process.ORIGINAL_DIR = cwd
    tempfile.tempdir = None
    numpy.random.seed()  # each process draws other numbers


def execute(words: list[str]) -> None:
    """Run `python -m module ...` or a Python program."""
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=__builtins__, __annotations__={})
    sys.modules["__main__"] = main
    sys.orig_argv[:] = words
    if words[1:2] == ["-m"]:
        sys.argv[:] = ["-m", *words[3:]]
        sys.path.insert(0, os.getcwd())
        runpy._run_module_as_main(words[2])
    else:
        sys.argv[:] = words
        sys.path.insert(0, os.path.dirname(words[0]))
        main.__dict__["__file__"] = words[0]
        with open(words[0], encoding="utf-8") as file:
            code = compile(file.read(), words[0], "exec")
        exec(code, main.__dict__)


def end(code: int) -> None:
    """End this process as Python does, without the time that it takes to clear its memory."""
    with suppress(BaseException):
        threading._shutdown()
    import atexit

    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    os._exit(code)


def exit_code(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code & 0xFF
    print(error.code, file=sys.stderr)
    return 1


def threads() -> int:
    """Count the threads, without the one with which pyarrow gives memory back; a child does that itself."""
    names = [Path(f"/proc/self/task/{task}/comm").read_text().strip() for task in os.listdir("/proc/self/task")]
    return len([name for name in names if name != "jemalloc_bg_thd"])


def main() -> None:
    listener, executable = socket.socket(fileno=int(sys.argv[1])), sys.argv[2]
    del sys.path[0]  # this file's folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of whoever started it is its own
    own = dict(os.environ)
    for name in IMPORTED:
        importlib.import_module(name)
    assert threads() == 1, "an import has started a thread, which no child would have"
    gc.collect()
    gc.freeze()
    words, cwd, env = serve(listener, own)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 0
    try:
        prepare(cwd, env)
        sys.executable = executable
        execute(words)
    except SystemExit as error:
        code = exit_code(error)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    end(code)


if __name__ == "__main__":
    main()
