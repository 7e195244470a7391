"""scripts/repository.py of a stamped project: git and DVC where they are, and one line for what is skipped."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT, commit, run, tree

SCRIPT = ROOT / "<<cookiecutter.project_slug>>" / "scripts" / "repository.py"
FAKE_DVC = """#!/bin/sh
echo "$@" >> "$DVC_LOG"
case "$1" in
  init) /bin/mkdir -p .dvc; : > .dvc/config; [ "$3" = --no-scm ] && echo "[core]
    no_scm = True" > .dvc/config; exit 0;;
  config) [ "$2" = core.analytics ] && echo "[core]
    analytics = $3" >> .dvc/config; exit 0;;
  add) shift 2; for one; do echo "outs" > "$one.dvc"; done; exit 0;;
esac
"""
QUIET = "config core.analytics false"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "a project"
    (folder / "data" / "raw").mkdir(parents=True)
    (folder / "data" / "raw" / "shop.csv").write_text("a,b\n1,2\n")
    (folder / "data" / "raw" / ".gitkeep").touch()
    (folder / "scripts").mkdir()
    shutil.copy(SCRIPT, folder / "scripts")
    return folder


@pytest.fixture
def dvc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for DVC that notes how it is called; returns the notes."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "dvc").write_text(FAKE_DVC)
    (tools / "dvc").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), os.environ["PATH"]]))
    monkeypatch.setenv("DVC_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.environ["PATH"].split(os.pathsep)[-1]
    Path(folder, "git").unlink()


def start(project: Path, *words: str) -> list[str]:
    return run(sys.executable, str(project / "scripts" / "repository.py"), *words, cwd=project.parent).splitlines()


def log_of(project: Path) -> list[str]:
    return run("git", "log", "--format=%s", "main", cwd=project).splitlines()


def test_a_new_project_gets_a_repository_its_data_and_a_commit(project: Path, dvc: Path) -> None:
    assert start(project, "--stamping") == []
    assert dvc.read_text().splitlines() == ["init --quiet", QUIET, "add --quiet data/raw/shop.csv"]
    assert (project / ".dvc/config").read_text() == "[core]\n    analytics = false\n"
    assert log_of(project) == ["Start the project"]
    assert run("git", "status", "--porcelain", cwd=project) == ""


def test_a_second_run_does_nothing(project: Path, dvc: Path) -> None:
    start(project)
    notes = dvc.read_text()
    assert start(project) == []
    assert dvc.read_text() == notes
    assert len(log_of(project)) == 1


def test_the_answer_waits_for_dvc_and_is_told_to_it_once(project: Path, dvc: Path) -> None:
    (project / ".dvc-remote").write_text("s3://store/shop\n")
    assert start(project) == []
    told = "remote add --quiet --force --default storage s3://store/shop"
    verified = "remote modify storage verify true"
    assert dvc.read_text().splitlines() == ["init --quiet", QUIET, told, verified, "add --quiet data/raw/shop.csv"]
    assert start(project) == []
    assert dvc.read_text().count(told) == 1
    assert ".dvc-remote" not in run("git", "ls-files", cwd=project).split()


def test_stamping_without_git_leaves_everything_to_setup(project: Path, dvc: Path, no_git: None) -> None:
    before = tree(project)
    assert start(project, "--stamping") == ["git and DVC: git is not installed; make setup does it later"]
    assert tree(project) == before


def test_setup_without_git_lets_dvc_work_alone_until_git_comes(
    project: Path, dvc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", path.split(os.pathsep)[0])
    assert start(project) == ["git: it is not installed, so nothing is committed; DVC works without it"]
    assert dvc.read_text().splitlines()[0] == "init --quiet --no-scm"
    assert "no_scm = True" in (project / ".dvc/config").read_text()
    monkeypatch.setenv("PATH", path)
    assert start(project) == []
    assert dvc.read_text().splitlines()[-1] == "config --unset core.no_scm"
    assert log_of(project) == ["Start the project"]


def test_without_dvc_nothing_is_committed_because_the_data_would_be(project: Path) -> None:
    assert start(project, "--stamping") == [
        "dvc init and the first commit: DVC is not installed; make setup does it later"
    ]
    assert (project / ".git").is_dir()
    assert run("git", "status", "--porcelain", cwd=project).splitlines() == ["?? data/", "?? scripts/"]


def test_stamping_inside_a_repository_leaves_it_as_it_is(project: Path, dvc: Path) -> None:
    outer = project.parent
    run("git", "init", "--quiet", cwd=outer)
    commit(outer, "outer")
    before = {name: (outer / name).read_bytes() for name in tree(outer)}
    assert start(project, "--stamping") == [
        f"git and DVC: this is inside the repository {outer}, which was left as it is; make setup does it later"
    ]
    assert {name: (outer / name).read_bytes() for name in tree(outer)} == before


def test_setup_inside_a_repository_starts_dvc_in_the_folder_and_commits_nothing(project: Path, dvc: Path) -> None:
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=project.parent)
    commit(project.parent, "outer")
    assert start(project) == []
    assert dvc.read_text().splitlines() == ["init --quiet --subdir", QUIET, "add --quiet data/raw/shop.csv"]
    assert log_of(project) == ["outer"]


def test_a_folder_that_the_outer_repository_ignores_gets_a_repository_of_its_own(project: Path, dvc: Path) -> None:
    run("git", "init", "--quiet", cwd=project.parent)
    (project.parent / ".gitignore").write_text("/a project/\n")
    assert start(project, "--stamping") == []
    assert log_of(project) == ["Start the project"]


def test_with_nobody_known_to_git_the_commit_waits(project: Path, dvc: Path, nobody: None) -> None:
    assert start(project, "--stamping") == [
        "the first commit: git does not know your name (git config --global user.name and user.email); "
        "make setup does it later"
    ]
    assert (project / "data/raw/shop.csv.dvc").exists()
    run("git", "config", "user.name", "Ada", cwd=project)
    run("git", "config", "user.email", "ada@example.org", cwd=project)
    assert start(project) == []
    assert log_of(project) == ["Start the project"]


def test_a_commit_that_fails_is_one_line(project: Path, dvc: Path) -> None:
    run("git", "init", "--quiet", cwd=project)
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no commits today >&2\nexit 1\n")
    hook.chmod(0o755)
    assert start(project) == ["git commit: it failed (no commits today)"]


def test_a_repository_named_by_the_environment_is_left_alone(
    project: Path, dvc: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    run("git", "init", "--quiet", cwd=other)
    before = tree(other)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    assert start(project, "--stamping") == []
    assert tree(other) == before
    assert (project / ".git").is_dir()


def test_no_commit_leaves_the_commit_to_setup(project: Path, dvc: Path) -> None:
    assert start(project, "--stamping", "--no-commit") == []
    assert run("git", "status", "--porcelain", cwd=project) != ""
    assert start(project) == []
    assert log_of(project) == ["Start the project"]


def test_with_the_real_programs(project: Path, with_dvc: None) -> None:
    assert start(project, "--stamping") == []
    assert run("git", "status", "--porcelain", cwd=project) == ""
    tracked = run("git", "ls-files", cwd=project).splitlines()
    assert "data/raw/shop.csv.dvc" in tracked
    assert "data/raw/shop.csv" not in tracked
    assert run("dvc", "config", "core.analytics", cwd=project).strip() == "false"
    assert "up to date" in run("dvc", "status", cwd=project)
    assert start(project) == []


def test_with_the_real_programs_inside_a_repository(project: Path, with_dvc: None) -> None:
    run("git", "init", "--quiet", cwd=project.parent)
    commit(project.parent, "outer")
    run("git", "rm", "-q", "--cached", "data/raw/shop.csv", cwd=project)
    commit_of_outer = run("git", "rev-parse", "HEAD", cwd=project)
    assert start(project) == []
    assert (project / ".dvc").is_dir()
    assert run("git", "rev-parse", "HEAD", cwd=project) == commit_of_outer
