"""A stamping that is interrupted or killed leaves nothing; small processes stand for cookiecutter and its hooks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

# Makes the folder as cookiecutter does, and a file in it; says the watcher's id, and waits.
COOKIECUTTER = """
import sys, time
from pathlib import Path
from stamping.watching import watch
place, content = Path(sys.argv[1]), sys.argv[2]
(place / "shop").mkdir(exist_ok=True)
if content == "earlier":
    (place / "shop" / "mine.txt").write_text("mine")
print(watch(place, "shop"), flush=True)
(place / "shop" / "params").mkdir()
(place / "shop" / "params" / "data.yaml").write_text("half")
time.sleep(60)
"""
# A hook at work: it holds the project until a line is written to it, and then finishes the project or not.
HOOK = """
import sys
from stamping.watching import dismiss, join
join()
print("ready", flush=True)
if sys.stdin.readline().strip() == "finish":
    open("whole.txt", "w").close()
    dismiss(int(sys.argv[1]))
"""


def start(code: str, *words: str, cwd: Path | None = None) -> tuple[subprocess.Popen[str], str]:
    """A process in a group of its own, and the first line that it says."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "hooks")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def soon(true: Callable[[], bool]) -> bool:
    for _ in range(200):
        if true():
            return True
        time.sleep(0.02)
    return False


def stop(process: subprocess.Popen[str], number: signal.Signals) -> None:
    time.sleep(0.1)  # let it write its file
    os.killpg(process.pid, number)
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_project_that_is_not_finished_is_removed(number: signal.Signals, tmp_path: Path) -> None:
    process, watcher = start(COOKIECUTTER, str(tmp_path), "new")
    assert int(watcher) and (tmp_path / "shop").exists()
    stop(process, number)
    assert soon(lambda: not list(tmp_path.iterdir()))


def test_after_ctrl_c_it_is_gone_before_the_prompt_returns(tmp_path: Path) -> None:
    process, _ = start(COOKIECUTTER, str(tmp_path), "new")
    stop(process, signal.SIGINT)
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_never_removed(tmp_path: Path) -> None:
    process, watcher = start(COOKIECUTTER, str(tmp_path), "earlier")
    assert watcher == "0"
    stop(process, signal.SIGKILL)
    time.sleep(0.3)
    assert (tmp_path / "shop/mine.txt").read_text() == "mine"


@pytest.mark.parametrize(("word", "whole"), [("finish", True), ("fail", False)])
def test_a_hook_that_is_still_at_work_ends_first(word: str, whole: bool, tmp_path: Path) -> None:
    process, watcher = start(COOKIECUTTER, str(tmp_path), "new")
    hook, _ = start(HOOK, watcher, cwd=tmp_path / "shop")
    stop(process, signal.SIGKILL)
    time.sleep(0.2)
    assert (tmp_path / "shop").exists()
    hook.communicate(f"{word}\n")
    if whole:
        time.sleep(0.2)
        assert (tmp_path / "shop/whole.txt").exists()
    else:
        assert soon(lambda: not (tmp_path / "shop").exists())


def test_another_folder_of_that_name_stays(tmp_path: Path) -> None:
    process, _ = start(COOKIECUTTER, str(tmp_path), "new")
    time.sleep(0.1)
    (tmp_path / "shop").rename(tmp_path / "moved")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/mine.txt").write_text("mine")
    stop(process, signal.SIGKILL)
    time.sleep(0.3)
    assert (tmp_path / "shop/mine.txt").exists()


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_a_hook_ignores_ctrl_c_where_cookiecutter_does(name: str) -> None:
    """A shell starts programs in the background so: a hook that gave up alone would take the project from under it."""
    head = (ROOT / "hooks" / f"{name}.py").read_text(encoding="utf-8").partition("import json")[0]
    ignoring = subprocess.run(
        [sys.executable, "-c", f"{head}\nprint(signal.getsignal(signal.SIGINT).name)"],
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
    )
    assert ignoring.stdout == "SIG_IGN\n"
