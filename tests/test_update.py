"""`make update`: a newer template comes in, and what the owner changed stays."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, BakedProject, commit, run, tree
from stamping import origin

SHARED = "<<cookiecutter.project_slug>>"
UPDATE = ROOT / SHARED / "scripts" / "update.py"
PYTHON = sys.executable
ANSWERS = ["project_name=Shop", "estimators=fast"]
MODEL = "params/models/logistic_regression.yaml"
FEATURIZE = "src/shop/steps/featurize.py"


def update(project: Path, *words: str, code: int = 0) -> str:
    """What the script says, which is run as `make update` does it."""
    done = subprocess.run(
        [PYTHON, str(UPDATE), *words], cwd=project, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout if not code or done.stdout.count("\n") > 1 else done.stderr


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text, which has to be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path.name} does not hold {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def note(project: Path) -> Any:
    return json.loads((project / ".cruft.json").read_text(encoding="utf-8"))


def status(project: Path) -> dict[str, str]:
    """What `git status` says of each file that is not as it was committed."""
    lines = run("git", "status", "--porcelain", "--no-renames", cwd=project).splitlines()
    return {line[3:]: line[:2] for line in lines}


def stamp(by: str, template: Path, here: Path, *answers: str) -> Path:
    """A project that is stamped and committed, in a folder of its own."""
    words = answers or ANSWERS
    if by == "cookiecutter":
        run(PYTHON, "-m", by, str(template), "--no-input", *words, cwd=here)
    else:
        said = json.dumps(dict(word.split("=", 1) for word in words))
        run(PYTHON, "-m", by, "create", str(template), "--no-input", "--extra-context", said, cwd=here)
    if status(here / "shop"):  # cookiecutter's hook commits where DVC is within reach
        commit(here / "shop", "Start the project")
    return here / "shop"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project that has but a file, committed."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "README.md").write_text("mine\n")
    run("git", "init", "--quiet", cwd=folder)
    commit(folder, "Start")
    return folder


def test_nothing_is_begun_where_it_could_not_be_taken_back(repository: Path, tmp_path: Path) -> None:
    assert update(repository, code=1).startswith(
        "error: there is no .cruft.json, which says how this project was stamped."
    )
    (repository / ".cruft.json").write_text("[]")
    assert update(repository, code=1).startswith("error: .cruft.json is not what cruft writes: take it back from git")
    (repository / "README.md").write_text("edited\n")
    said = update(repository, code=1)
    assert (
        said == "error: there are changes that are not committed (README.md): commit or stash them first, then update\n"
    )
    (tmp_path / "bare").mkdir()
    assert "is in no git repository that has a commit" in update(tmp_path / "bare", code=1)


def test_an_address_that_does_not_answer_is_said(repository: Path) -> None:
    context = {"template": "/gone/sml", "commit": "1234", "context": {"cookiecutter": {"project_name": "Shop"}}}
    (repository / ".cruft.json").write_text(json.dumps(context))
    said = update(repository, code=1)
    assert said.startswith("error: git cannot fetch the template from /gone/sml (fatal: ")
    assert said.endswith("If it has moved, say where it is: make update TEMPLATE=<address>\n")
    assert status(repository) == {".cruft.json": "??"}


def test_the_note_names_the_repository_and_its_commit(repository: Path, tmp_path: Path) -> None:
    head = run("git", "rev-parse", "HEAD", cwd=repository).strip()
    answers = {"project_name": "Shop", "_template": "shop", "_checkout": None, "_output_dir": "/somewhere"}
    assert origin.note(answers, repository, tmp_path) == {
        "template": str(repository),
        "commit": head,
        "checkout": None,
        "context": {"cookiecutter": {"project_name": "Shop", "_template": str(repository), "_commit": head}},
        "directory": None,
    }
    run("git", "remote", "add", "origin", "https://ada:secret@example.org/sml.git", cwd=repository)
    said = origin.note({**answers, "_template": "gh:org/sml", "_checkout": "v1"}, repository, tmp_path)
    assert (said["template"], said["checkout"]) == ("https://example.org/sml.git", "v1"), "and no password"
    (repository / "inner").mkdir()
    (tmp_path / "unpacked").mkdir()
    for folder in (repository / "inner", tmp_path / "unpacked"):
        said = origin.note({**answers, "_template": "https://example.org/sml.zip"}, folder, tmp_path)
        assert said["commit"] is None, "the commit would be that of another repository"


def test_a_project_says_how_it_was_stamped(bake: Callable[..., BakedProject]) -> None:
    said = note(bake(project_name="Shop", estimators="fast").path)
    assert said["template"] == str(ROOT)
    answers = {key: value for key, value in said["context"]["cookiecutter"].items() if not key.startswith("_")}
    assert answers["project_name"] == "Shop" and answers["estimators"] == "fast" and answers["package_name"] == "shop"


def test_make_update_says_what_is_missing(
    bake: Callable[..., BakedProject], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bake().path
    (tmp_path / "venv").mkdir()
    shutil.copy(project / "pyproject.toml", tmp_path / "venv" / ".ready")
    monkeypatch.setenv("PROJECT_VENV", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    for target, says in (
        ("update", "cruft is not installed, which is the extra `update`"),
        ("hooks", "pre-commit is not"),
    ):
        done = subprocess.run(["make", target], cwd=project, capture_output=True, text=True)
        assert done.returncode and done.stderr.startswith(says), done.stderr


def newer(template: Path, **changes: tuple[str, str]) -> None:
    """A version more of the template, with texts replaced in its files."""
    for file, (old, new) in changes.items():
        edit(template / file, old, new)
    commit(template, "The next version")


@pytest.mark.slow
@pytest.mark.parametrize("by", ["cookiecutter", "cruft"])
def test_edits_stay_and_what_is_new_comes_in(by: str, template: Path, tmp_path: Path) -> None:
    project = stamp(by, template, tmp_path)
    shared, recipe = template / SHARED, template / "recipes" / "tabular-classification"
    # The owner's.
    edit(project / MODEL, "C: 1.0", "C: 3.0")
    edit(project / FEATURIZE, "The table with the columns", "My table with the columns")
    edit(project / "scripts" / "requirements.py", "Print what this project", "Print (mine) what this project")
    edit(project / "notebooks" / "data.py", "# ---", "# mine\n# ---")
    (project / "notebooks" / "pipeline.py").unlink()
    (project / "notebooks" / "errors.py").unlink()
    (project / "src/shop/custom/mine.py").write_text("x = 1\n")
    commit(project, "Mine")
    (project / "scratch.txt").write_text("not in git, and not in the way\n")
    mine = {name: (project / name).read_bytes() for name in tree(project) if not name.startswith(".git/")}
    # The template's, first what fits.
    edit(
        shared / "src/<<cookiecutter.package_name>>/steps/featurize.py",
        "    return frame\n",
        "    return frame.copy()\n",
    )
    edit(recipe / MODEL, "- {C: 0.02}", "- {C: 20.0}")
    scripts = template / "parts" / "container" / "scripts"
    (scripts / "requirements.py").rename(scripts / "needs.py")
    for borrowing in (template / "parts").glob("*/part.yaml"):
        borrowing.write_text(borrowing.read_text().replace("scripts/requirements.py", "scripts/needs.py"))
    (shared / "docs.md").write_text("# << cookiecutter.project_name >>\n")
    notebooks = template / "parts" / "notebooks" / "notebooks"
    edit(notebooks / "pipeline.py", "# ---", "# new\n# ---")
    (notebooks / "data.py").unlink()
    commit(template, "The next version")
    said = update(project)
    assert "note: notebooks/data.py is no longer among the template's files; you have changed it, so it stays\n" in said
    assert "note: notebooks/pipeline.py has changed in the template; you have deleted it, so it stays deleted\n" in said
    assert "conflict" not in said and "errors.py" not in said
    after = {name: (project / name).read_bytes() for name in tree(project) if not name.startswith(".git/")}
    changed = {name for name in {*mine, *after} if mine.get(name) != after.get(name)}
    assert changed == {MODEL, FEATURIZE, "scripts/requirements.py", "scripts/needs.py", "docs.md", ".cruft.json"}
    assert b"C: 3.0" in after[MODEL] and b"- {C: 20.0}" in after[MODEL]
    assert b"My table" in after[FEATURIZE] and b"frame.copy()" in after[FEATURIZE]
    assert b"Print (mine)" in after["scripts/needs.py"] and after["docs.md"] == b"# Shop\n"
    assert status(project).pop("scratch.txt") == "??"
    assert run("git", "diff", "--name-only", cwd=project) == "", "all of it is staged"
    run("git", "commit", "--quiet", "--message", "Update", cwd=project)
    assert update(project).splitlines()[-1].startswith("already up to date: the project has ")
    # Then what does not; the model's file is by now one that no version of the template ever was.
    edit(recipe / MODEL, "C: 1.0", "C: 2.0")
    edit(recipe / MODEL, "- {C: 20.0}", "- {C: 30.0}")
    edit(shared / "Makefile", "help: ## List the targets", "help: ## List all targets")
    (shared / "src/<<cookiecutter.package_name>>/custom/mine.py").write_text("y = 2\n")
    commit(template, "One more")
    said = update(project, code=1)
    assert [line.split(":")[1].strip() for line in said.splitlines() if line.startswith("conflict: ")] == [
        MODEL,
        "src/shop/custom/mine.py",
    ]
    assert "Or take all back: git reset --hard" in said
    text = (project / MODEL).read_text()
    assert "<<<<<<< HEAD\n  C: 3.0\n" in text and "=======\n  C: 2.0\n" in text and "- {C: 30.0}" in text
    found = status(project)
    assert (found[MODEL], found["src/shop/custom/mine.py"], found["Makefile"]) == ("UU", "AA", "M ")
    assert "a merge is not finished" in update(project, code=1)
    run("git", "reset", "--quiet", "--hard", cwd=project)
    assert status(project) == {"scratch.txt": "??"}
    assert (project / MODEL).read_bytes() == after[MODEL]


@pytest.mark.slow
def test_versions_and_answers_can_be_chosen(template: Path, tmp_path: Path) -> None:
    project = stamp("cookiecutter", template, tmp_path)
    first = note(project)["commit"]
    newer(template, **{f"{SHARED}/Makefile": ("help: ## List the targets", "help: ## List all targets")})
    run("git", "tag", "v2", cwd=template)
    questions = json.loads((template / "cookiecutter.json").read_text())
    (template / "cookiecutter.json").write_text(json.dumps({"team": "ours", **questions}))
    (template / SHARED / "team.txt").write_text("<< cookiecutter.team >>\n")
    commit(template, "A question more")
    assert "has no tag, branch or commit 'v3'" in update(project, "--checkout", "v3", code=1)
    assert "SET takes question=answer, and 'tem=x' is none; the questions are team, " in update(
        project, "--set", "tem=x", code=1
    )
    refused = update(project, "--set", "estimators=svn", code=1)
    assert "cannot be stamped with the answers of .cruft.json: estimators: there is no 'svn'" in refused
    assert "license" in update(project, "--set", "license=None", code=1)
    assert status(project) == {}
    assert "files that change: 1\n" in update(project, "--checkout", "v2")
    assert (note(project)["checkout"], status(project)) == ("v2", {".cruft.json": "M ", "Makefile": "M "})
    commit(project, "v2")
    update(project)
    assert (project / "team.txt").read_text() == "ours\n"
    commit(project, "The latest")
    update(project, "--set", "team=theirs")
    assert (project / "team.txt").read_text() == "theirs\n"
    commit(project, "Another team")
    update(project, "--checkout", first)
    assert not (project / "team.txt").exists() and "List the targets" in (project / "Makefile").read_text(), "and back"
    commit(project, "As it was")
    (project / "team.txt").write_text("of mine, and not in git\n")
    said = update(project, code=1)
    assert said.startswith(
        "error: the template has team.txt now, which is here and not in git: commit or move it first"
    )
    assert status(project) == {"team.txt": "??"}


@pytest.mark.slow
def test_a_project_in_a_folder_of_a_repository_is_updated_there(template: Path, tmp_path: Path) -> None:
    outer = tmp_path / "team"
    (outer / "projects").mkdir(parents=True)
    (outer / "Makefile").write_text("the team's\n")
    run("git", "init", "--quiet", cwd=outer)
    run(PYTHON, "-m", "cookiecutter", str(template), "--no-input", *ANSWERS, cwd=outer / "projects")
    commit(outer, "Start")
    edit(outer / "projects" / "shop" / "README.md", "# Shop", "# Our shop")
    commit(outer, "Mine")
    newer(template, **{f"{SHARED}/Makefile": ("help: ## List the targets", "help: ## List all targets")})
    (outer / "Makefile").write_text("the team's, and being edited\n")
    update(outer / "projects" / "shop")
    assert status(outer) == {
        "Makefile": " M",
        "projects/shop/.cruft.json": "M ",
        "projects/shop/Makefile": "M ",
    }


@pytest.mark.slow
def test_a_project_from_a_zip_is_updated_when_its_version_is_named(template: Path, tmp_path: Path) -> None:
    archive = tmp_path / "sml.zip"
    run("git", "archive", "--prefix", "sml-main/", "--output", str(archive), "HEAD", cwd=template)
    was = run("git", "rev-parse", "HEAD", cwd=template).strip()
    project = stamp("cookiecutter", archive, tmp_path)
    assert note(project)["commit"] is None
    newer(template, **{f"{SHARED}/Makefile": ("help: ## List the targets", "help: ## List all targets")})
    assert "make update TEMPLATE=<address> FROM=<commit>" in update(project, code=1)
    update(project, "--template", str(template), "--from", was)
    assert status(project) == {".cruft.json": "M ", "Makefile": "M "}
    assert note(project)["template"] == str(template)


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True], ids=["changed", "gone"])
def test_a_table_of_ones_own_may_have_changed_since(gone: bool, template: Path, table: Path) -> None:
    project = stamp("cookiecutter", template, table.parent, "project_name=Shop", "data=shop.csv", "target=city")
    kept = (project / "data" / "raw" / "shop.csv").read_bytes()
    newer(template, **{f"{SHARED}/Makefile": ("help: ## List the targets", "help: ## List all targets")})
    if gone:
        table.unlink()
    else:
        table.write_text("other,columns\n1,2\n")
    update(project)
    assert status(project) == {".cruft.json": "M ", "Makefile": "M "}
    assert (project / "data" / "raw" / "shop.csv").read_bytes() == kept


@pytest.mark.slow
def test_what_an_update_does_not_touch_is_not_run_again(template: Path, tmp_path: Path, with_dvc: None) -> None:
    project = stamp("cookiecutter", template, tmp_path)
    dvc = str(Path(PYTHON).parent / "dvc")

    def repro() -> list[str]:
        said = run(dvc, "repro", "split", cwd=project, PYTHONPATH="src")
        return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]

    assert repro() == ["plan", "load", "split"]
    edit(project / "params" / "data.yaml", "columns: {}", "columns: {island: {role: ignore}}")
    assert repro() == ["plan", "load", "split"]
    commit(project, "Run")
    cache = sorted(tree(project / ".dvc" / "cache" / "files"))
    assert cache
    newer(template, **{f"{SHARED}/README.md": ("## What happens", "## What happens here")})
    update(project)
    assert repro() == [] and (project / "data" / "interim" / "table.parquet").exists()
    commit(project, "Update")
    code = template / SHARED / "src" / "<<cookiecutter.package_name>>" / "steps" / "split.py"
    code.write_text(code.read_text() + "\nEDITED = True\n")
    commit(template, "Another split")
    update(project)
    assert "island: {role: ignore}" in (project / "params" / "data.yaml").read_text()
    assert repro() == ["plan", "split"]
    assert set(cache) <= set(tree(project / ".dvc" / "cache" / "files"))
    assert os.path.exists(project / "data" / "raw" / "penguins.csv.dvc")
