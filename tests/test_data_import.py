"""Data that another repository keeps: imported at a commit, renewed when asked to, refused in a sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import BakedProject, commit, run
from stamped import ROOT, TOOLS, Project, environment

Bake = Callable[..., BakedProject]


@pytest.mark.parametrize(("parts", "imports"), [("data-import", True), ("none", False)])
def test_make_run_imports_first_where_something_can_be_imported(parts: str, imports: bool, bake: Bake) -> None:
    baked = bake(parts=parts, package_name="shop")
    said = run("make", "--dry-run", "run", cwd=baked.path, PATH="/usr/local/bin:/usr/bin:/bin")
    assert ("-m shop data; .venv/bin/dvc repro;" in said) is imports


def test_without_the_part_another_repository_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path, parts="none", estimators="logistic_regression")
    source = ('source: "data/raw/penguins.csv"', "source: {repo: https://example.org/a, path: a.csv}")
    with project.edited("params/data.yaml", source):
        said = project.python("check", code=1)
    assert "error: params/data.yaml:4: nothing in this project reads such a source: `make parts` shows" in said


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """A git repository that keeps a table: 300 rows at the tag v1, all of them on the branch main."""
    folder = tmp_path / "registry"
    (folder / "data").mkdir(parents=True)
    with environment(PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}"):
        run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
        run("dvc", "init", "--quiet", cwd=folder)
        run("dvc", "remote", "add", "--quiet", "--default", "storage", str(tmp_path / "its store"), cwd=folder)
        offer(folder, 300)
        run("git", "tag", "v1", cwd=folder)
        offer(folder, 344)
    return folder


def offer(registry: Path, rows: int) -> None:
    """A new version of the table on the branch main."""
    lines = (ROOT / "recipes/tabular-classification/data/raw/penguins.csv").read_text().splitlines(keepends=True)
    (registry / "data" / "birds.csv").write_text("".join(lines[: rows + 1]))
    with environment(PATH=f"{TOOLS}{os.pathsep}{os.environ['PATH']}"):
        run("dvc", "add", "--quiet", "data/birds.csv", cwd=registry)
        commit(registry, f"{rows} rows")
        run("dvc", "push", "--quiet", cwd=registry)


def rows_of(project: Project) -> int:
    return len((project.path / "data" / "raw" / "birds.csv").read_text().splitlines()) - 1


@pytest.mark.slow
def test_data_of_another_repository_are_imported_at_a_commit_that_git_keeps(
    registered: Project, registry: Path, tmp_path: Path
) -> None:
    project = registered.copy(tmp_path)
    sample = 'source: "data/raw/penguins.csv"'
    project.edit("params/data.yaml", (sample, f"source: {{repo: {registry}, path: data/birds.csv, rev: v1}}"))
    said = project.run("dvc", "repro", "load", code=255)
    assert f"data/raw/birds.csv is not data/birds.csv of {registry} at v1: `make data` imports it" in said
    assert "params/data.yaml:" in said, "the place is told"
    assert "data/raw/birds.csv is imported from" in project.python("data")
    assert rows_of(project) == 300
    assert project.repro("load") == ["load"]
    assert project.python("data") == "", "there is nothing left to do"
    assert project.repro("load") == []

    # A tag stays what it is; a branch moves when it is asked to, and not before.
    project.edit("params/data.yaml", ("rev: v1", "rev: main"))
    project.python("data")
    assert rows_of(project) == 344
    project.repro("load")
    commit(project.path, "Import")
    offer(registry, 250)
    assert project.python("data") == ""
    clone = project.clone(tmp_path)
    assert "data/raw/birds.csv is fetched" in clone.python("data")
    assert rows_of(clone) == 344, "a clone has the rows of the commit that was imported"
    clone.python("data", "--update")
    assert rows_of(clone) == 250
    assert run("git", "diff", "--name-only", cwd=clone.path) == "data/raw/birds.csv.dvc\n"


@pytest.mark.slow
def test_what_is_wrong_with_another_repository_is_told_with_file_and_line(
    registered: Project, registry: Path, tmp_path: Path
) -> None:
    project = registered.copy(tmp_path)
    wrong = {
        f"{{repo: {tmp_path}/none, path: data/birds.csv}}": f"git cannot fetch {tmp_path}/none: No git repository was found",
        f"{{repo: {registry}, path: data/bird.csv}}": f"{registry} has no file 'data/bird.csv'",
        f"{{repo: {registry}, path: data/birds.csv, rev: v9}}": f"{registry} has no branch, tag or commit 'v9'",
        f"{{repo: {registry}, path: data/birds.csv, rev: 1.0}}": "'rev' needs text, not 1.0; put it in quotes: '1.0'",
        f"{{repo: {registry}, path: data}}": "'data' names no file",
        f"{{repo: {registry}, path: ../birds.csv}}": "'../birds.csv' is not in the repository",
        f"{{repo: {registry}, pth: data/birds.csv}}": "unknown key 'pth'; did you mean 'path'?",
        "{repo: 'https://ada:secret@host/x', path: a.csv}": "the address holds a password",
    }
    for source, sentence in wrong.items():
        with project.edited("params/data.yaml", ('source: "data/raw/penguins.csv"', f"source: {source}")):
            said = project.python("data", code=1)
            assert f"error: params/data.yaml:4: {sentence}" in said, said
            assert "Traceback" not in said
    assert not list((project.path / "data" / "raw").glob("bird*"))
