"""`make hooks`: what a commit is refused for, what is put right in it, and what goes through."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, run
from stamped import TOOLS, Project
from stamping import overlay, parts

SHARED = ROOT / "<<cookiecutter.project_slug>>"
CONFIG = ROOT / "parts" / "commit-hooks" / ".pre-commit-config.yaml"
HOOKS = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["repos"][0]["hooks"]
LAID = [f"recipes/*/{folder}" for folder in overlay.LAID]
# Of which extra's package a tool comes.
PACKAGES = {
    "detect-secrets-hook": "bc-detect-secrets",
    "check-added-large-files": "pre-commit-hooks",
    "check-merge-conflict": "pre-commit-hooks",
}
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": 3,
            "id": "first",
            "metadata": {},
            "outputs": [{"name": "stdout", "output_type": "stream", "text": ["a row of the data\n"]}],
            "source": ["print(1)"],
        }
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


def test_the_configuration_is_valid_and_every_tool_is_one_of_the_project() -> None:
    text = CONFIG.read_text(encoding="utf-8")
    done = subprocess.run([str(TOOLS / "pre-commit"), "validate-config", str(CONFIG)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert not re.search(r"<<|<%|<#|\{\{|\{%", text), "autoupdate reads and writes it as it is"
    repos = yaml.safe_load(text)["repos"]
    assert [one["repo"] for one in repos] == ["local"], "nothing is fetched when a commit is made"
    project = tomllib.loads(
        re.sub(r"<[<%].*?[>%]>", "x", (SHARED / "pyproject.toml").read_text()).replace("= x", '= "x"')
    )["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *extras["train"],
        *extras["dev"],
        *parts.part(ROOT, "commit-hooks").extras["hooks"],
    ]
    installed = {re.split(r"[<>=\[]", one)[0] for one in wanted}
    for hook in HOOKS:
        assert hook["language"] == "system"
        words = hook["entry"].split()
        if words[0] == "make":
            assert re.search(rf"(?m)^{words[-1]}:", (SHARED / "Makefile").read_text())
        else:
            assert words[:2] == ["sh", "scripts/tool.sh"]
            tool = "dvc" if words[2] == "sh" else words[2]
            assert PACKAGES.get(tool, tool) in installed


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with hooks, started as by someone whose PATH does not have its tools."""
    project = Project(tmp_path_factory.mktemp("hooked"), project_name="Hooked", estimators="fast")
    assert "pre-commit installed at .git/hooks/post-checkout" in project.run(
        "make", "hooks", f"PROJECT_VENV={TOOLS.parent}"
    )
    return project


def git(project: Project, *words: str, code: int = 0) -> str:
    """What git says, with the tools of the environment out of its PATH."""
    home = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin", "PYTHONPATH": "src", "PROJECT_VENV": str(TOOLS.parent)}
    person = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *words],
        cwd=project.path,
        env={**home, **person},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_wrong_param_is_refused_with_its_place(project: Project) -> None:
    project.edit("params/models/logistic_regression.yaml", ("C: 1.0", "C: -1.0"))
    git(project, "add", "--all")
    said = git(project, "commit", "-m", "Wrong", code=1)
    git(project, "reset", "--quiet", "--hard")
    assert "params/ is valid................................................................Failed" in said
    assert "params/models/logistic_regression.yaml" in said and "C" in said


@pytest.mark.slow
def test_secrets_large_files_and_unfinished_merges_are_refused(project: Project) -> None:
    key = "AKIA" + "QWERTYUIOPASDFGH"  # in two parts, or this file itself would be refused
    (project.path / "notes.md").write_text(f"the key is {key}\n")
    (project.path / "big.txt").write_text("x" * 1_100_000)
    (project.path / "merged.txt").write_text("<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> other\n")
    git(project, "add", "--all")
    said = git(project, "commit", "-m", "Wrong", code=1)
    git(project, "reset", "--quiet", "--hard")
    assert "Secret Type: AWS Access Key\nLocation:    notes.md:1" in said
    assert "big.txt (1075 KB) exceeds 1000 KB." in said
    assert "merged.txt:1: Merge conflict string" in said
    assert key not in said


@pytest.mark.slow
def test_a_notebook_goes_in_without_its_outputs_and_other_commits_go_through(project: Project) -> None:
    book = project.path / "notebooks" / "tried.ipynb"
    book.write_text(json.dumps(NOTEBOOK))
    project.edit("src/hooked/steps/featurize.py", ("    return frame\n", "    return   frame\n"))
    git(project, "add", "--all")
    said = git(project, "commit", "-m", "As it was written", code=1)
    assert said.count("files were modified by this hook") == 2, said
    assert "a row of the data" not in book.read_text()
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "As it was put right")
    assert "    return frame\n" in (project.path / "src/hooked/steps/featurize.py").read_text()
    assert git(project, "status", "--porcelain") == ""


@pytest.mark.slow
def test_dvcs_files_go_to_its_remote_first_and_follow_a_checkout(project: Project, tmp_path: Path) -> None:
    git(project, "init", "--quiet", "--bare", str(tmp_path / "origin.git"))
    git(project, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(project, "push", "--quiet", "origin", "main")
    project.run(str(TOOLS / "dvc"), "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    git(project, "switch", "--quiet", "--create", "other")
    data = project.path / "data" / "raw" / "penguins.csv"
    text = data.read_text()
    data.write_text(text + text.splitlines(keepends=True)[-1])
    project.run(str(TOOLS / "dvc"), "add", "--quiet", "data/raw/penguins.csv")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "-m", "A row more")
    git(project, "push", "--quiet", "origin", "other")
    assert len([one for one in (tmp_path / "store").rglob("*") if one.is_file()]) == 1
    git(project, "switch", "--quiet", "main")
    assert data.read_text() == text
    (tmp_path / "store").rename(tmp_path / "gone")
    (tmp_path / "store").write_text("no folder")
    git(project, "switch", "--quiet", "other")
    git(project, "commit", "--quiet", "--allow-empty", "-m", "What cannot be pushed")
    assert "DVC's files are pushed first" in git(project, "push", "origin", "other", code=1)


@pytest.mark.slow
def test_no_file_that_is_stamped_is_taken_for_a_secret() -> None:
    listed = run("git", "ls-files", "-z", "<<cookiecutter.project_slug>>", "parts", *LAID, cwd=ROOT).split("\0")
    files = [name for name in listed if name and not name.endswith((".csv", ".parquet", ".xlsx"))]
    words = next(one for one in HOOKS if one["id"] == "secrets")["entry"].split()[2:]
    run(str(TOOLS / words[0]), *words[1:], *files, cwd=ROOT)
