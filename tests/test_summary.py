"""What the terminal and the report's head say of a run."""

import json
from pathlib import Path
from typing import Any

import pytest
from stamped import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose folder is called otherwise than it is."""
    return Project(
        tmp_path_factory.mktemp("told"), project_name='Ruth\'s "best" birds', project_slug="birds", estimators="fast"
    )


def _run(folder: Path, labels: list[str]) -> None:
    """What a run leaves of which the summary tells."""
    one = {"model": "trees", "score": 0.8, "std": 0.1, "trials": 3, "chosen": True, "state": "ok"}
    board = {"metric": "roc_auc_ovr", "models": [one | {"members": [{"model": "trees"}]}]}
    baseline = {"rival": "dummy model", "metric": "roc_auc_ovr", "greater_is_better": True, "score": 0.4}
    written: dict[str, Any] = {
        "reports/leaderboard.json": board,
        "reports/metrics.json": {"roc_auc_ovr": 0.4, "roc_auc": 0.4, "accuracy": 0.7},
        "reports/baseline.json": baseline | {"baseline": 0.5},
        "models/final/result.json": {"seconds": {"trees": 1.0}, "held_out": 10},
        "data/interim/schema.json": {"labels": labels},
    }
    for name, value in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(value))


@pytest.mark.parametrize(("labels", "name"), [(["no", "yes"], "roc_auc"), (["a", "b", "c"], "roc_auc_ovr")])
def test_roc_auc_of_two_classes_is_called_so_and_told_once(
    project: Project, labels: list[str], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _run(tmp_path, labels)
    lines = project.module("report.summary").lines()
    assert lines[2].split() == ["model", name, "trials", "seconds"]
    assert f"The dummy model there: {name} 0.5" in lines
    told = next(line for line in lines if line.startswith("On the held-out rows"))
    assert told == f"On the held-out rows: {name} 0.4, {'' if len(labels) == 2 else 'roc_auc 0.4, '}accuracy 0.7"
    assert any(f"({name} 0.4 against 0.5)" in line for line in lines)


def test_the_report_is_headed_by_the_projects_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    assert project.module("report.provenance").project()["name"] == 'Ruth\'s "best" birds'
