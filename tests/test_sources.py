"""Wherever the template comes from, and whatever stamps it, the same files come out."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import commit, run, tree

ANSWERS = {"project_name": "Shop", "estimators": "svm, GaussianNB"}
WORDS = [f"{key}={value}" for key, value in ANSWERS.items()]
PYTHON = sys.executable


def stamp(here: Path, template: str, *words: str) -> dict[str, bytes]:
    """Stamp with cookiecutter's command into a folder of its own; the files and what is in them."""
    out = here / "out"
    shutil.rmtree(out, ignore_errors=True)
    run(PYTHON, "-m", "cookiecutter", template, "--no-input", "--output-dir", str(out), *words, cwd=here)
    return contents(out / "shop")


def contents(project: Path) -> dict[str, bytes]:
    """The files of a project, without the notes of git, DVC and cruft."""
    found = [name for name in tree(project) if not name.startswith((".git/", ".dvc/")) and name != ".cruft.json"]
    return {name: (project / name).read_bytes() for name in found}


@pytest.fixture
def by_path(template_copy: Path, tmp_path: Path) -> dict[str, bytes]:
    folder = tmp_path / "by path"
    folder.mkdir()
    return stamp(folder, str(template_copy), *WORDS)


def test_a_relative_path_stamps_the_same(by_path: dict[str, bytes], template_copy: Path) -> None:
    assert stamp(template_copy.parent, template_copy.name, *WORDS) == by_path


def test_the_template_itself_as_the_working_directory_stamps_the_same(
    by_path: dict[str, bytes], template_copy: Path, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    run(PYTHON, "-m", "cookiecutter", ".", "--no-input", "-o", out, *WORDS, cwd=template_copy)
    assert contents(tmp_path / "out" / "shop") == by_path


def test_a_git_address_stamps_the_same(by_path: dict[str, bytes], template_copy: Path, tmp_path: Path) -> None:
    bare = tmp_path / "sml.git"
    run("git", "clone", "--quiet", "--bare", str(template_copy), str(bare), cwd=tmp_path)
    settings = tmp_path / "settings.yaml"
    settings.write_text(
        json.dumps({"abbreviations": {"here": f"file://{tmp_path}/{{}}.git"}, "cookiecutters_dir": str(tmp_path / "c")})
    )
    assert stamp(tmp_path, f"git+file://{bare}", *WORDS) == by_path
    assert stamp(tmp_path, "here:sml", "--config-file", str(settings), "--checkout", "main", *WORDS) == by_path


def test_a_zip_stamps_the_same(by_path: dict[str, bytes], template_copy: Path, tmp_path: Path) -> None:
    archive = tmp_path / "sml.zip"
    run("git", "archive", "--prefix", "sml-main/", "--output", str(archive), "HEAD", cwd=template_copy)
    assert stamp(tmp_path, str(archive), *WORDS) == by_path


def test_a_replay_stamps_the_same(by_path: dict[str, bytes], template_copy: Path, tmp_path: Path) -> None:
    assert stamp(tmp_path, str(template_copy), *WORDS) == by_path
    replay = Path.home() / ".cookiecutter_replay" / "sml.json"
    kept = tmp_path / "kept.json"
    shutil.copy(replay, kept)
    out = str(tmp_path / "again")
    run(PYTHON, "-m", "cookiecutter", str(template_copy), "--replay-file", str(kept), "-o", out, cwd=tmp_path)
    assert contents(tmp_path / "again" / "shop") == by_path


def test_a_relative_table_is_found_from_anywhere(template_copy: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere"
    words = ["data=shop.csv", "target=city", "project_name=Shop"]
    run(PYTHON, "-m", "cookiecutter", str(template_copy), "--no-input", "-o", str(out), *words, cwd=table.parent)
    assert (out / "shop" / "data" / "raw" / "shop.csv").read_bytes() == table.read_bytes()
    replay = Path.home() / ".cookiecutter_replay" / "sml.json"
    again = tmp_path / "again"
    run(
        PYTHON,
        *("-m", "cookiecutter", str(template_copy), "--replay-file", str(replay), "-o", str(again)),
        cwd=table.parent,
    )
    assert contents(again / "shop") == contents(out / "shop")


def test_the_questions_can_be_answered_by_pressing_enter(
    template_copy: Path, tmp_path: Path, by_path: dict[str, bytes]
) -> None:
    done = subprocess.run(
        [PYTHON, "-m", "cookiecutter", str(template_copy), "-o", "out"],
        input="Shop\n\n\n\n\n2\ntabular-regression\n\n\n\nfast" + "\n" * 4,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "What is the project called?" in done.stdout
    assert "shop is stamped from the recipe tabular-regression." in done.stdout
    assert "BSD 3-Clause" in (tmp_path / "out" / "shop" / "LICENSE").read_text()


def cruft(*words: str, cwd: Path) -> str:
    """Run cruft, with DVC out of reach as everywhere in these tests."""
    return run(PYTHON, "-m", "cruft", *words, cwd=cwd)


@pytest.fixture
def template_of_its_own(template_copy: Path, tmp_path: Path) -> Path:
    """A clone that a test may change."""
    folder = tmp_path / "template" / "sml"
    run("git", "clone", "--quiet", str(template_copy), str(folder), cwd=tmp_path)
    return folder


def test_cruft_creates_the_same_and_finds_nothing_to_update(
    by_path: dict[str, bytes], template_of_its_own: Path, tmp_path: Path
) -> None:
    cruft("create", str(template_of_its_own), "--no-input", "--extra-context", json.dumps(ANSWERS), cwd=tmp_path)
    project = tmp_path / "shop"
    assert contents(project) == by_path
    assert "up to date" in cruft("check", cwd=project)
    assert cruft("diff", cwd=project) == ""
    commit(project, "What make setup would commit")
    assert "Nothing to do" in cruft("update", "--skip-apply-ask", cwd=project)


@pytest.mark.parametrize("gone", [False, True], ids=["data-there", "data-gone"])
def test_cruft_updates_a_project_with_a_table_of_its_own(template_of_its_own: Path, table: Path, gone: bool) -> None:
    answers = {"project_name": "Shop", "data": "shop.csv", "target": "city"}
    cruft("create", str(template_of_its_own), "--no-input", "--extra-context", json.dumps(answers), cwd=table.parent)
    project = table.parent / "shop"
    makefile = template_of_its_own / "<<cookiecutter.project_slug>>" / "Makefile"
    makefile.write_text(f"{makefile.read_text()}\n# a line from the next version\n")
    pool = template_of_its_own / "recipes" / "tabular-classification" / "params" / "models" / "svm.yaml"
    pool.write_text(f"{pool.read_text()}\n# a line for the pool\n")
    commit(template_of_its_own, "The next version")
    (project / "params" / "split.yaml").write_text("# mine\n" + (project / "params" / "split.yaml").read_text())
    commit(project, "Mine")
    if gone:
        table.unlink()
    before = contents(project)
    cruft("update", "--skip-apply-ask", cwd=project)
    changed = {name for name, content in contents(project).items() if before.get(name) != content}
    assert changed == {"Makefile", "params/models/svm.yaml"}
    assert set(before) == set(contents(project))
    assert (project / "params/split.yaml").read_text().startswith("# mine\n")


@pytest.mark.parametrize("words", [["estimators=svn"], ["data=no.csv", "target=x"], ["project_slug=a b"]])
def test_a_refusal_leaves_nothing_behind(template_copy: Path, tmp_path: Path, words: list[str]) -> None:
    here = tmp_path / "here"
    here.mkdir()
    done = subprocess.run(
        [PYTHON, "-m", "cookiecutter", str(template_copy), "--no-input", *words],
        cwd=here,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.partition(":")[0] == words[0].partition("=")[0]
    assert "stamping" not in done.stderr.partition("Traceback")[2], "a traceback of ours"
    assert list(here.iterdir()) == []


def test_ctrl_c_while_the_repository_is_started_leaves_nothing_behind(
    template_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, tools = tmp_path / "here", tmp_path / "tools"
    here.mkdir()
    tools.mkdir()
    (tools / "dvc").write_text("#!/bin/sh\n/bin/sleep 60\n")
    (tools / "dvc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    started = subprocess.Popen(
        [PYTHON, "-m", "cookiecutter", str(template_copy), "--no-input", *WORDS],
        cwd=here,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (here / "shop" / ".git").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(started.pid, signal.SIGINT)
    started.communicate(timeout=30)
    assert started.returncode != 0
    deadline = time.monotonic() + 5
    while list(here.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(here.iterdir()) == []


def test_stamping_again_over_a_project_keeps_what_its_owner_added(template_copy: Path, tmp_path: Path) -> None:
    stamp(tmp_path, str(template_copy), *WORDS)
    mine = tmp_path / "out" / "shop" / "src" / "shop" / "custom" / "mine.py"
    mine.write_text("x = 1\n")
    run(
        PYTHON,
        *("-m", "cookiecutter", str(template_copy), "--no-input", "-f", "-o", str(tmp_path / "out"), *WORDS),
        cwd=tmp_path,
    )
    assert mine.read_text() == "x = 1\n"
