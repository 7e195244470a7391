"""What a command may replace and remove, and which commands may run at once; the modules need nothing but Python."""

import hashlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import ROOT

CODE = ROOT / "<<cookiecutter.project_slug>>" / "src" / "<<cookiecutter.package_name>>"
ALONE = ("errors", "files", "locks", "parts/__init__", "project/__init__", "project/clean", "project/targets")
PARTS = ("compare", "notebooks", "remote")  # and of these, what `make clean` asks them for


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package `product`, which has those modules alone."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "product").mkdir()
    (folder / "product/__init__.py").touch()
    for name in ALONE:
        place = folder / f"product/{name}.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CODE / f"{name}.py", place)
    for part in PARTS:
        (place := folder / "product/parts" / part).mkdir()
        for name in ("__init__", "outputs"):
            shutil.copyfile(ROOT / f"parts/{part}/src/{CODE.name}/parts/{part}/{name}.py", place / f"{name}.py")
    return folder


@pytest.fixture
def product(room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a module of the package; the current folder is a project."""
    monkeypatch.syspath_prepend(str(room))
    monkeypatch.delenv("PROJECT_LOCK", raising=False)
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    Path("dvc.yaml").touch()
    return lambda name: importlib.import_module(f"product.{name}")


@pytest.fixture
def start(room: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program that says `ready` when it has got to where it waits."""
    started: list[subprocess.Popen[str]] = []

    def run(code: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(room), **environment},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def put(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("mine")


def everything() -> dict[str, str]:
    return {str(path): path.read_text() for path in Path.cwd().parent.rglob("*") if path.is_file()}


def make_folder() -> None:
    put("place/mine.txt")


def make_pipe() -> None:
    os.mkfifo("place")


def make_link() -> None:
    put("elsewhere/mine.txt")
    Path("place").symlink_to("elsewhere")


@pytest.mark.parametrize("make", [make_folder, make_pipe])
def test_a_file_replaces_no_folder_and_no_pipe(make: Callable[[], None], product: Callable[[str], Any]) -> None:
    make()
    before = everything()
    with pytest.raises(product("errors").UserError, match=r"^place is a .*: name a file$"):
        product("files").write_text("place", "text")
    assert everything() == before and Path("place").exists()


def test_a_file_replaces_a_link_and_not_what_it_points_to(product: Callable[[str], Any]) -> None:
    put("cache/object")
    Path("place").symlink_to("cache/object")
    product("files").write_text("place", "text")
    assert not Path("place").is_symlink() and Path("place").read_text() == "text"
    assert Path("cache/object").read_text() == "mine"


def test_a_place_below_a_file_is_named(product: Callable[[str], Any]) -> None:
    put("file")
    with pytest.raises(product("errors").UserError, match=r"^file/x/y cannot be written: file is no folder$"):
        product("files").write_text("file/x/y", "text")


def write_folder(files: Any, path: str, *names: str) -> None:
    with files.replacing_folder(path) as new:
        for name in names:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text("ours")


@pytest.mark.parametrize("make", [make_folder, make_pipe, make_link, lambda: put("place")])
def test_a_folder_replaces_nothing_that_the_project_did_not_write(
    make: Callable[[], None], product: Callable[[str], Any]
) -> None:
    make()
    before = everything()
    with pytest.raises(product("errors").UserError, match="place is "):
        write_folder(product("files"), "place", "a")
    assert everything() == before


def test_a_folder_that_the_project_wrote_is_replaced(product: Callable[[str], Any]) -> None:
    files = product("files")
    write_folder(files, "models/final", "a", "b/c")
    write_folder(files, "models/final", "d")
    assert files.names(Path("models/final")) == ["d"]
    assert not list(Path("models").glob(".*"))


def test_a_file_of_the_users_in_such_a_folder_stops_the_replacement(product: Callable[[str], Any]) -> None:
    files = product("files")
    write_folder(files, "models/final", "a")
    put("models/final/notes.txt")
    with pytest.raises(product("errors").UserError, match=r"did not write: notes\.txt; move that elsewhere"):
        write_folder(files, "models/final", "a")
    assert files.names(Path("models/final")) == ["a", "notes.txt"]


def test_what_python_compiled_in_such_a_folder_stops_no_replacement(product: Callable[[str], Any]) -> None:
    files = product("files")
    write_folder(files, "models/package", "code/model.py")
    put("models/package/code/__pycache__/model.cpython-311.pyc")
    write_folder(files, "models/package", "b")
    assert files.names(Path("models/package")) == ["b"]


def test_what_dvc_has_a_copy_of_is_replaced_without_a_note(product: Callable[[str], Any]) -> None:
    put("plan/x.json")
    put(".dvc/cache/files/md5/1e/ab9d8b2bb4d1e2f5c4d5b3b8a0bcd1")  # not that of x.json
    files = product("files")
    assert files.foreign(Path("plan")) == ["x.json"]
    digest = hashlib.md5(b"mine").hexdigest()
    put(f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}")
    assert files.foreign(Path("plan")) == []


KILLED_WHILE_WRITING = """
import sys, time
from product.files import replacing_file, temporary
with temporary() as folder, replacing_file("out.csv") as new:
    (folder / "rows").write_text("secret")
    new.write_text("secret")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_the_next_command_removes_what_a_killed_one_left(
    product: Callable[[str], Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    files, process = product("files"), start(KILLED_WHILE_WRITING)
    assert len(list(Path.cwd().rglob("rows"))) == 1
    files.sweep()
    assert len(list(Path(".cache").rglob("rows"))) == 1, "its process lives"
    process.kill()
    process.wait()
    with files.temporary() as folder:
        assert folder.is_relative_to(Path.cwd() / ".cache")
        assert not list(Path(".cache").rglob("rows"))
    files.write_text("out.csv", "whole")
    assert sorted(path.name for path in Path.cwd().iterdir()) == [".cache", "dvc.yaml", "out.csv"]


def test_a_file_that_is_being_written_is_refused_to_another_command(
    product: Callable[[str], Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    start(KILLED_WHILE_WRITING)
    with (
        pytest.raises(product("errors").UserError, match=r"^out\.csv is being written by another command"),
        product("files").replacing_file("out.csv", wait=False),
    ):
        pass


def test_temporary_folders_are_the_systems_outside_of_a_project_and_where_nothing_can_be_written(
    product: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = product("files")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    put(".cache")  # no folder can be made there
    with files.temporary() as folder:
        assert folder.parent.parent == tmp_path
    assert not folder.parent.exists()


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("folder.csv", "is a folder"),
        ("link.csv", "is a symbolic link to elsewhere.csv"),
        ("table.csv", "is the table that is read"),
        ("sub/../table.csv", "is the table that is read"),
        ("params/x.csv", "lies in params"),
        ("data/raw/new.csv", "lies in data/raw"),
        ("alias/new.csv", "lies in data/raw"),
        ("models/package/x.csv", "lies in models/package"),
        (".git/x.csv", "lies in .git"),
        ("src/x.csv", "is there already"),
    ],
)
def test_a_target_must_not_take_the_place_of_anything_else(
    target: str, sentence: str, product: Callable[[str], Any]
) -> None:
    for name in ("folder.csv/x", "elsewhere.csv", "table.csv", "params/x", "data/raw/x", "models/package/x", "sub/x"):
        put(name)
    put(".git/x")
    put("src/x.csv")
    Path("link.csv").symlink_to("elsewhere.csv")
    Path("alias").symlink_to("data/raw")
    with pytest.raises(product("errors").UserError, match=sentence):
        product("project.targets").check_target(Path(target), sources=["table.csv", "https://example.org/x.csv"])


@pytest.mark.parametrize("target", ["new.csv", "reports/new.csv", "../new.csv", "src/new.csv", "elsewhere.csv"])
def test_other_targets_are_fine(target: str, product: Callable[[str], Any]) -> None:
    put("elsewhere.csv")
    put("src/x.py")
    product("project.targets").check_target(Path(target), sources=["absent.csv"])


HOLDS = """
import time
from product.locks import alone
with alone("make run"):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_second_command_is_refused_until_the_first_has_ended_however_it_ends(
    product: Callable[[str], Any], start: Callable[..., subprocess.Popen[str]]
) -> None:
    locks, process = product("locks"), start(HOLDS)
    with (
        pytest.raises(product("errors").UserError, match=rf"`make run` \(process {process.pid}\) is at work"),
        locks.alone("register"),
    ):
        pass
    process.kill()
    process.wait()
    with locks.alone("register"):
        assert "PROJECT_LOCK" in os.environ
    assert "PROJECT_LOCK" not in os.environ


def test_what_a_command_starts_may_work_and_stages_exclude_each_other(product: Callable[[str], Any]) -> None:
    locks = product("locks")
    with (
        locks.alone("make run"),
        locks.alone("register"),
        locks.alone_as_stage("stage tune a"),
        pytest.raises(product("errors").UserError, match="`stage tune a`"),
        locks.alone_as_stage("stage train"),
    ):
        pass


def test_a_stale_word_in_the_environment_does_not_open_the_lock(
    product: Callable[[str], Any], start: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    start(HOLDS)
    monkeypatch.setenv("PROJECT_LOCK", f"1:{Path('.cache/run.lock').resolve()}")
    with pytest.raises(product("errors").UserError, match="is at work"), product("locks").alone("register"):
        pass


def test_a_program_runs_under_the_lock_with_its_exit_code(product: Callable[[str], Any], room: Path) -> None:
    command = [sys.executable, "-m", "product.locks", "make run"]
    environment = {**os.environ, "PYTHONPATH": str(room)}
    assert subprocess.run([*command, sys.executable, "-c", "exit(3)"], env=environment).returncode == 3
    inner = subprocess.run(
        [*command, *command, sys.executable, "-c", "print('inside')"], env=environment, capture_output=True, text=True
    )
    assert (inner.stdout, inner.stderr) == ("inside\n", "")


def test_a_program_under_the_lock_is_ended_with_it(product: Callable[[str], Any], room: Path) -> None:
    command = [sys.executable, "-m", "product.locks", "make run"]
    command += [sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"]
    environment = {**os.environ, "PYTHONPATH": str(room)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM and time.monotonic() - began < 20


def test_clean_removes_what_was_written_and_names_what_stays(product: Callable[[str], Any]) -> None:
    files, clean = product("files"), product("project.clean").clean
    for folder in ("plan", "models/final", "models/tuned/a", "reports/plots"):
        write_folder(files, folder, "made", "deep/made")
    mine = ["reports/plots/mine.png", "reports/notebooks/mine.html", "models/tuned/notes", ".cache/mine", "data/raw/x"]
    for name in (
        *mine,
        "models/final/deep/__pycache__/made.cpython-311.pyc",
        "reports/metrics.json",
        "reports/review/changes.patch",
        "reports/review/roc.here.png",
        "reports/notebooks/errors.html",
        "notebooks/errors.py",
        ".cache/studies/x",
    ):
        put(name)
    assert sorted(clean()) == sorted(mine[:4]) and not Path("models/final").exists()
    assert files.names(Path()) == sorted([*mine, "dvc.yaml", "notebooks/errors.py"])


def test_clean_follows_no_links(product: Callable[[str], Any]) -> None:
    for name in ("elsewhere/plan.json", "elsewhere/study"):
        put(name)
    Path("plan").symlink_to("elsewhere")
    Path(".cache").mkdir()
    Path(".cache/studies").symlink_to("../elsewhere")
    assert product("project.clean").clean() == ["plan"]
    assert sorted(path.name for path in Path("elsewhere").iterdir()) == ["plan.json", "study"]


@pytest.mark.parametrize(("state", "cleans"), [("started", False), ("done", True)])
def test_clean_does_not_forget_machines_that_cost(state: str, cleans: bool, product: Callable[[str], Any]) -> None:
    put(".cache/remote/a1/job.json")
    Path(".cache/remote/a1/job.json").write_text(json.dumps({"state": state}))
    if cleans:
        product("project.clean").clean()
    else:
        with pytest.raises(product("errors").UserError, match="job a1 on another machine is not finished"):
            product("project.clean").clean()
    assert Path(".cache/remote/a1").exists() is not cleans


def test_links_and_file_addresses_lead_to_what_is_protected(
    product: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/raw/deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data/raw/deep")
    (tmp_path / "rows.csv").write_text("a\n1\n")
    check_target, refused = product("project.targets").check_target, product("errors").UserError
    with pytest.raises(refused, match="lies in data/raw"):
        check_target(Path("link/new.csv"))
    with pytest.raises(refused, match="is the table that is read"):
        check_target(Path("rows.csv"), sources=[f"file://{tmp_path}/rows.csv"])
