"""What is given to make reaches the program as it was written: a file name may hold what a shell or make would read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import run

WORDS = [
    "a b.csv",
    "it's.csv",
    'a";touch x;".csv',
    "a';touch x;'.csv",
    "$(touch x).csv",
    "`touch x`.csv",
    "$HOME.csv",
    "$$.csv",
    "${PATH}.csv",
    "a\\b.csv",
    "a;touch x",
    "a&b|c>d.csv",
    "*.csv",
    "Größe €.csv",
    "a,b(c).csv",
]
# Of each target: the variable, and how the program is called.
TARGETS = {
    "predict": ("FROM", ["predict", "{}", "predictions.csv"]),
    "publish": ("TO", ["publish", "{}"]),
    "register": ("VERSION", ["register", "--version", "{}"]),
    "promote": ("STAGE", ["promote", "{}"]),
    "rollback": ("STAGE", ["rollback", "{}"]),
    "badges": ("REPO", ["badges", "{}"]),
    "remote": ("JOB", ["remote", "run", "{}"]),
    "remote-logs": ("JOB", ["remote", "logs", "{}"]),
    "remote-stop": ("JOB", ["remote", "stop", "{}"]),
    "remote-fetch": ("TO", ["remote", "fetch", "--to", "{}"]),
    "list": ("TEXT", ["list", "{}"]),
    "script": ("FILE", ["script", "{}"]),
    "compare": ("BASE", ["compare", "{}"]),
}


@pytest.fixture
def call(bake: Callable[..., Any], tmp_path: Path) -> Callable[..., list[list[str]]]:
    """The words with which make calls Python, each call as a list."""
    project = bake(package_name="shop").path
    tools = tmp_path / "venv"
    (tools / "bin").mkdir(parents=True)
    shutil.copy(project / "pyproject.toml", tools / ".ready")
    (project / ".dvc").mkdir(exist_ok=True)
    (project / ".dvc" / "config").touch()
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or "/usr/bin/python3"
    stub = f"#!{python}\nimport json, sys\nprint('CALL ' + json.dumps(sys.argv[1:]))\n"
    for name in ("python", "papermill"):
        (tools / "bin" / name).write_text(stub, encoding="utf-8")
        (tools / "bin" / name).chmod(0o755)
    make = shutil.which("make", path="/usr/local/bin:/usr/bin:/bin") or ""

    def words(*given: str) -> list[list[str]]:
        path = f"{tools / 'bin'}:/usr/bin:/bin"
        said = run(make, *given, cwd=project, PROJECT_VENV=str(tools), PATH=path)
        assert not (project / "x").exists()
        calls = [json.loads(line[5:]) for line in said.splitlines() if line.startswith("CALL ")]
        return [one[2:] for one in calls if one[:2] == ["-m", "shop"]]

    return words


def test_every_target_hands_on_a_word_as_it_is(call: Callable[..., list[list[str]]]) -> None:
    for target, (variable, expected) in TARGETS.items():
        hostile = "a b'\";touch x;$(touch x)`touch x`"
        assert call(target, f"{variable}={hostile}") == [[one.format(hostile) for one in expected]], target


def test_a_file_may_be_called_anything(call: Callable[..., list[list[str]]]) -> None:
    for word in WORDS:
        assert call("predict", f"FROM={word}", f"TO=out {word}") == [["predict", word, f"out {word}"]]


def test_several_words_stay_several(call: Callable[..., list[list[str]]]) -> None:
    assert call("notebooks", "NOTEBOOK=data errors", "PARAMS=rows=20 name='x'") == [
        ["notebooks", "data", "errors", "--param", "rows=20", "--param", "name='x'"]
    ]
