"""A warm Python: commands of stamped projects start in a tenth of a second, because their imports are done already.

A server imports what the stages import (`server.py`) and forks a child for each command, with the arguments, folder,
environment and files that a new process would have. No module of a stamped project is ever imported in the server, and
nothing is computed there, so a child differs from a new process only in how fast it starts. There is one server for each
process of pytest.

`venv()` looks like the tests' virtual environment, but its programs `python` and `dvc` hand over to the server
(`shim.py`). They are what a warm command finds on its PATH and in `sys.executable`, so the programs that it starts are
warm as well. Whatever is not for the server is handed on to the real programs.

Tests of processes, signals, clocks or imports use real processes: `Project.run(..., warm=False)`, or `subprocess`.
"""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

from . import shim

HERE = Path(__file__).resolve().parent
TOOLS = Path(sys.executable).parent
# What programs find in the environment of a stamped project's command. No thread waits for another while two tests run
# side by side.
QUIET = {"DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}


def run(command: tuple[str, ...], cwd: Path, env: Mapping[str, str]) -> subprocess.CompletedProcess[str] | None:
    """Run a command warm: as `subprocess.run` does, its output and its errors in one text.

    Parameters
    ----------
    command : a program and its arguments.
    cwd : the folder to run it in.
    env : its environment, as a new process would get it.

    Returns
    -------
    done
        None if the command is not for the server.
    """
    words = shim.warm(list(command), str(TOOLS), str(cwd)) if sys.platform == "linux" else None
    if words is None:
        return None
    read, write = os.pipe()
    with open(os.devnull) as nothing, open(read, encoding="utf-8") as output:
        try:
            # The server kills the command when this end of the connection is closed.
            connection = shim.ask(str(venv() / "socket"), words, str(cwd), dict(env), (nothing.fileno(), write, write))
        finally:
            os.close(write)
        with closing(connection):
            process = shim.number(connection)
            said = output.read()
            return subprocess.CompletedProcess(command, shim.number(connection), said) if process else None


@cache
def venv() -> Path:
    """Start the server of this process; return a virtual environment whose `bin/python` and `bin/dvc` are warm."""
    if sys.platform != "linux":
        return TOOLS.parent
    kept = tempfile.TemporaryDirectory(prefix="warm-", dir="/tmp")  # the address of a socket has to be short
    folder = Path(kept.name)
    (folder / "bin").mkdir()
    for program in TOOLS.iterdir():
        if not program.name.startswith(("python", "dvc")):
            (folder / "bin" / program.name).symlink_to(program)
    for name in ("python", "dvc"):
        path = folder / "bin" / name
        path.write_text(f"#!{TOOLS / 'python'} -IS\n{(HERE / 'shim.py').read_text(encoding='utf-8')}", encoding="utf-8")
        path.chmod(0o755)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(64)  # whoever comes while the server is importing waits
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with (folder / "log").open("wb") as log:
        # The server ends with this process at the latest: the other end of its standard input is closed then.
        server = subprocess.Popen(
            [str(TOOLS / "python"), str(HERE / "server.py"), str(listener.fileno()), str(folder / "bin" / "python")],
            cwd="/",
            env={**env, **QUIET},
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    listener.close()

    def stop() -> None:
        assert server.stdin
        server.stdin.close()
        code = server.wait()
        if code:
            print(f"the warm Python gave {code}\n{(folder / 'log').read_text()}", file=sys.stderr)
        kept.cleanup()

    atexit.register(stop)
    return folder
