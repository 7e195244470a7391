"""`make setup` really makes the environment: with pip, in a path with spaces, and with uv where it is installed."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from conftest import run
from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
UV = shutil.which("uv")


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["pip", pytest.param("uv", marks=pytest.mark.skipif(not UV, reason="uv is not here"))])
def test_setup_makes_the_environment_and_the_repository(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    project = Path(cookiecutter(str(ROOT), no_input=True, output_dir=str(folder), default_config=True))
    tools = [str(Path(one).parent) for one in (shutil.which("python3", path=os.defpath), UV) if one]
    monkeypatch.setenv("PATH", os.pathsep.join([*tools, os.environ["PATH"], "/usr/local/bin:/usr/bin:/bin"]))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    words = [f"PYTHON={os.path.realpath(sys.executable)}"] + (["UV="] if tool == "pip" else [])
    said = run("make", "setup", *words, cwd=project)
    assert f"with {tool}" in said
    assert run("git", "log", "--format=%s", cwd=project) == "Start the project\n"
    assert run("git", "status", "--porcelain", cwd=project) == ""
    assert (project / "data" / "raw" / "penguins.csv.dvc").exists()
    assert run("make", "setup", *words, cwd=project) == "", "the second time nothing is left to do"
    assert "params are valid" in run("make", "check", *words, cwd=project)
    site = next((project / ".venv" / "lib").glob("python*/site-packages"))
    assert list((site / "sklearn").glob("__pycache__/*.pyc")), "modules that were imported do not stay compiled"
    assert "RandomForestClassifier" in run("make", "list", "TEXT=forest", *words, cwd=project)
