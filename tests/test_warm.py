"""The warm Python of the tests: a command cannot tell it from a new process, but by what is imported already."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is forked on Linux alone")

PYTHON = str(warm.TOOLS / "python")
PROBE = """
import json, os, random, signal, sys, threading, numpy
handlers = {name: str(signal.getsignal(getattr(signal, name))) for name in ("SIGINT", "SIGTERM", "SIGPIPE", "SIGCHLD")}
streams = {name: [getattr(sys, name).encoding, getattr(sys, name).errors, getattr(sys, name).line_buffering]
           for name in ("stdin", "stdout", "stderr")}
print(json.dumps({
    "argv": sys.argv, "path": sys.path, "orig_argv": sys.orig_argv, "flags": str(sys.flags), "prefix": sys.prefix,
    "name": __name__, "spec": __spec__.name, "file": __file__, "package": __package__, "main": sorted(vars()),
    "cwd": os.getcwd(), "env": dict(os.environ), "umask": os.umask(0), "files": sorted(os.listdir("/proc/self/fd"))[:3],
    "threads": threading.active_count(), "handlers": handlers, "streams": streams, "stdin": sys.stdin.read(),
}))
"""
ENDS = """
import atexit, sys, threading, time
atexit.register(print, "at exit")
threading.Thread(target=lambda: (time.sleep(0.1), print("a thread"))).start()
how = sys.argv[1]
if how == "text":
    sys.exit("why")
if how == "number":
    sys.exit(3)
if how == "error":
    raise ValueError("wrong")
"""
TELLS = "import sys, random, numpy\nprint('sklearn' in sys.modules, random.random(), numpy.random.random())\n"
WAITS = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a package of modules to run."""
    package = tmp_path / "src" / "tried"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    for name, text in {"probe": PROBE, "ends": ENDS, "tells": TELLS, "waits": WAITS}.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **warm.QUIET, "PYTHONPATH": "src", **more}


def both(folder: Path, *words: str) -> tuple[Any, Any]:
    """What a warm and a new process do."""
    command, env = (PYTHON, "-m", *words), environment()
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return warm.run(command, folder, env), done


def test_a_command_finds_what_a_new_process_finds(folder: Path) -> None:
    here, new = both(folder, "tried.probe", "--number", "1")
    assert json.loads(here.stdout) == json.loads(new.stdout)


@pytest.mark.parametrize("how", ["well", "text", "number", "error"])
def test_a_command_ends_as_a_new_process_ends(folder: Path, how: str) -> None:
    here, new = both(folder, "tried.ends", how)
    assert here.returncode == new.returncode
    assert [line for line in here.stdout.splitlines() if "warm" not in line and "main()" not in line][-3:] == (
        new.stdout.splitlines()[-3:]
    )


def test_commands_are_warm_and_draw_other_random_numbers(folder: Path) -> None:
    runs = [warm.run((PYTHON, "-m", "tried.tells"), folder, environment()) for _ in range(2)]
    first, second = (run.stdout.split() for run in runs if run)
    assert first[0] == second[0] == "True"
    assert first[1] != second[1] and first[2] != second[2]


@pytest.mark.parametrize(
    "command", [("git", "status"), (PYTHON, "-c", "pass"), (PYTHON, "-m", "pip"), ("/elsewhere/python", "-m", "tried")]
)
def test_other_programs_are_not_for_the_server(folder: Path, command: tuple[str, ...]) -> None:
    assert warm.run(command, folder, environment()) is None


def test_an_environment_that_changes_imports_gets_a_new_process(folder: Path) -> None:
    command = (str(warm.venv() / "bin" / "python"), "-m", "tried.tells")
    for more, said in (({}, "True"), ({"OMP_NUM_THREADS": "2"}, "False")):
        env = environment(**more)
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_killed_ends_with_its_command(folder: Path, number: signal.Signals) -> None:
    command = (str(warm.venv() / "bin" / "python"), "-m", "tried.waits")
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        command_id = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait() == -number
    for _ in range(100):
        if not psutil.pid_exists(command_id):
            return
        time.sleep(0.05)
    raise AssertionError("it still runs")
