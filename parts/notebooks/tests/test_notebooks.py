"""The stages from Python, and the notebooks: what they name is there, and what is wrong is said in a sentence."""

import ast
import importlib
from pathlib import Path

import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.reader import read
from << cookiecutter.package_name >>.parts.notebooks.interactive import STAGES, last, models, project, run

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


@pytest.fixture
def not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of which no stage has run, its folder of notebooks being the working directory."""
    for folder in ("notebooks", "params"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dvc.yaml").touch()
    (tmp_path / "params" / "search.yaml").write_text("models: [one_model, another]\n")
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("spilt",), "there is no stage 'spilt'; did you mean 'split'?"),
        (("split", "another"), "the stage 'split' takes no model: only 'tune' does"),
        (("tune",), "'tune' needs a model that competes, not None"),
        (("tune", "anothr"), "'tune' needs a model that competes, not 'anothr'; did you mean 'another'?"),
        (("split",), "data/processed is missing: run('split') makes it, or `dvc repro split`"),
        (("tune", "another"), "plan/models/another.json is missing: run('tune', 'another') makes it"),
    ],
)
def test_what_cannot_be_had_is_said(words: tuple[str, ...], reason: str, not_run: Path) -> None:
    with pytest.raises(UserError) as error:
        last(*words)
    assert reason in str(error.value)


def test_a_wrong_name_runs_nothing(not_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(UserError, match="did you mean 'train'"):
        run("trian")


def test_the_project_is_found_from_its_folders_and_from_outside(
    not_run: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert project() == not_run
    assert models() == ["one_model", "another"]
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert project() == ROOT


def test_every_stage_can_be_had() -> None:
    assert set(read(ROOT / "dvc.yaml")[0]["stages"]) >= set(STAGES)


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_notebook_compiles_and_imports_what_is_there(source: Path) -> None:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    compile(tree, str(source), "exec")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("<< cookiecutter.package_name >>."):
            module = importlib.import_module(str(node.module))
            assert [one.name for one in node.names if not hasattr(module, one.name)] == []


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda source: source.stem)
def test_a_notebook_has_parameters(source: Path) -> None:
    for package in ("ipykernel", "jupytext", "nbconvert", "papermill"):
        pytest.importorskip(package, reason="the extra `notebooks` is not installed")
    from << cookiecutter.package_name >>.parts.notebooks.pages import parameters

    assert parameters(source)
