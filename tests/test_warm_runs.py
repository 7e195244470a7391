"""Runs whose stages are forked by one warm process: they cannot be told from runs whose stages start on their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from stamped import QUIET, TOOLS, Project, path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process is forked on Linux alone")

# What a stage is replaced by: `warm` if libraries are there that it has not imported.
TELL = "import sys\nprint('warm' if 'sklearn.linear_model' in sys.modules else 'cold', flush=True)\n"
PROBE = """
import json, os, signal, sys, threading
handlers = {name: str(signal.getsignal(getattr(signal, name))) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGPIPE")}
print(json.dumps({
    "argv": sys.argv, "path": sys.path, "orig_argv": sys.orig_argv, "name": __name__, "file": __file__,
    "spec": __spec__.name, "package": __package__, "cwd": os.getcwd(), "files": sorted(os.listdir("/proc/self/fd"))[:3],
    "env": {name: value for name, value in os.environ.items() if name != "PROJECT_WARM"},
    "threads": threading.active_count(), "handlers": handlers, "stdin": sys.stdin.read(),
}))
"""
ENDS = """
import atexit, os, sys
atexit.register(print, "at exit")
{"text": lambda: sys.exit("why"), "number": lambda: sys.exit(3), "well": print, "error": lambda: 1 / 0,
 "signal": lambda: os.kill(os.getpid(), 9)}[sys.argv[1]]()
"""
SETTLES = """
import os, sys
from ..forks import settle
settle({"OMP_NUM_THREADS": sys.argv[1]})
print("warm" if "sklearn.linear_model" in sys.modules else "cold", os.environ["OMP_NUM_THREADS"])
"""
WAITS = """
import subprocess, time
subprocess.Popen(["sleep", "60"])
print("waits", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project that has not been run."""
    folder = tmp_path_factory.mktemp("stamped")
    return Project(folder, project_name="Warmed", parts="none", estimators="logistic_regression, random_forest")


@pytest.fixture
def project(stamped: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it, and a folder for temporary files that is empty."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setenv("PATH", path(warm=False))
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("OMP_NUM_THREADS")
    return stamped.copy(tmp_path)


def stage(project: Project, text: str, name: str = "load") -> str:
    """Make a script of a stage; return the command that runs it."""
    (project.path / "src" / project.package / "stages" / f"{name}.py").write_text(text, encoding="utf-8")
    return f"python -m {project.package}.stages.{name}"


def popen(project: Project, command: str, **options: Any) -> "subprocess.Popen[str]":
    """Start a command of the shell beside a warm process."""
    words = [str(TOOLS / "python"), "-m", f"{project.package}.warm", "sh", "-c", command]
    return subprocess.Popen(
        words, cwd=project.path, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True, **options,
    )  # fmt: skip


def said(project: Project, command: str, code: int = 0) -> str:
    """What a command says beside a warm process."""
    process = popen(project, command)
    text = process.communicate(timeout=120)[0]
    assert process.returncode == code, text
    return text


def test_a_stage_finds_what_a_new_process_finds(project: Project) -> None:
    command = stage(project, PROBE) + " --number 1"
    found = [json.loads(line) for line in said(project, f"{command}; PROJECT_WARM= {command}").splitlines()]
    assert found[0] == found[1]
    assert said(project, stage(project, TELL)) == "warm\n"


@pytest.mark.parametrize("how", ["well", "text", "number", "error", "signal"])
def test_a_stage_ends_as_a_new_process_ends(project: Project, how: str) -> None:
    command = stage(project, ENDS) + f" {how} 2>/dev/null; echo $?"
    found = said(project, f"{command}; echo; PROJECT_WARM= {command}").split("\n\n")
    assert found[0].split() == found[-1].split()


def test_an_edit_while_it_runs_is_seen(project: Project) -> None:
    command = stage(project, TELL)
    edit = f"echo '# an edit' >> src/{project.package}/custom/__init__.py"
    assert said(project, f"{command}; {edit}; {command}") == "warm\ncold\n"
    assert said(project, f"{command}; echo 'print(1)' > src/{project.package}/stages/load.py; {command}") == "warm\n1\n"


def test_another_environment_gets_a_new_process(project: Project) -> None:
    command = stage(project, TELL)
    assert said(project, f"OMP_NUM_THREADS=2 {command}; SOME_LIBRARY=1 {command}; {command}") == "cold\ncold\nwarm\n"
    command = stage(project, SETTLES)
    assert said(project, f"{command} 1; {command} 2") == "warm 1\ncold 2\n"


def test_nothing_is_forked_where_an_import_has_started_a_thread(project: Project) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    (project.path / "src" / project.package / "steps" / "__init__.py").write_text(thread, encoding="utf-8")
    assert said(project, stage(project, TELL)) == "cold\n"


def test_a_copy_of_the_project_has_code_of_its_own(project: Project) -> None:
    command = stage(project, TELL)
    assert said(project, f"cp -r . ../copy; cd ../copy; {command}; cd -; {command}").split("\n")[::2] == [
        "cold",
        "warm",
    ]
    assert said(project, f"mv src ../moved; PYTHONPATH=../moved {command}; mv ../moved src") == "cold\n"


def test_it_runs_in_a_deep_folder_with_spaces_and_umlauts(project: Project) -> None:
    deep = project.path.parent.joinpath("Zwei Wörter", *["deep " * 10] * 4)
    deep.mkdir(parents=True)
    project = project.copy(deep)
    assert said(project, stage(project, TELL)) == "warm\n"


def test_its_socket_is_for_its_user_alone_and_gone_at_the_end(project: Project) -> None:
    shown = said(project, 'stat -c %a "$(dirname "$PROJECT_WARM")"; exit 7', code=7)
    assert shown == "700\n"
    assert list(Path(os.environ["TMPDIR"]).iterdir()) == []


KILLS = [(victim, number) for victim in ("stage", "warm") for number in (signal.SIGTERM, signal.SIGKILL)]


@pytest.mark.parametrize(("victim", "number"), [*KILLS, ("group", signal.SIGINT)])
def test_nothing_outlives_what_is_killed(project: Project, victim: str, number: signal.Signals) -> None:
    background = " & echo $!; wait $!; echo $?" if victim == "stage" else ""
    process = popen(project, f"echo; {stage(project, WAITS)}{background}")
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(3 if background else 2)]
    if victim == "group":  # Ctrl-C in a terminal
        os.killpg(process.pid, number)
    else:
        os.kill(int(lines[1]) if background else process.pid, number)
    process.wait(20)
    assert project.running() == []


@pytest.mark.slow
def test_a_warm_run_finds_what_another_run_finds(project: Project, tmp_path: Path) -> None:
    project.edit("params/search.yaml", ("trials: 100", "trials: 8"), ("seconds: 240", "seconds: 600"))
    project.light()
    (tmp_path / "other").mkdir()
    other = project.copy(tmp_path / "other")
    began = time.monotonic()
    said(project, "dvc repro")
    warm = time.monotonic()
    other.run(str(TOOLS / "dvc"), "repro", warm=False)
    assert warm - began < time.monotonic() - warm
    for file in ("leaderboard", "metrics", "baseline"):
        found = [(one.path / f"reports/{file}.json").read_bytes() for one in (project, other)]
        assert found[0] == found[1], file
    assert project.running() == []
