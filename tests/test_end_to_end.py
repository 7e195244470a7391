"""Every recipe from end to end: its sample becomes a table, a model, a report and predictions."""

import json
from pathlib import Path

import pandas as pd
import pytest
from made_once import finished
from stamped import ROOT, Project
from stamping import recipes

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture(scope="module", params=recipes.names(ROOT))
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project of each recipe, which no test here changes."""
    return finished(tmp_path_factory, request.param)


def test_the_check_finds_nothing_to_say_of_the_models(project: Project) -> None:
    assert "could not be fitted" not in project.python("check")


def test_every_model_competes_and_the_final_one_is_measured(project: Project) -> None:
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    assert board["models"] and all(model["state"] == "ok" for model in board["models"]), board
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics and all(isinstance(value, float) for value in metrics.values())


def test_the_report_shows_the_models(project: Project) -> None:
    page = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    assert all(model["model"] in page for model in board["models"])


def test_a_second_run_does_nothing(project: Project, tmp_path: Path) -> None:
    assert project.copy(tmp_path).repro() == []


def test_the_held_out_rows_are_predicted(project: Project, tmp_path: Path) -> None:
    rows = pd.read_parquet(project.path / "data" / "processed" / "holdout.parquet")
    source = str(project.path / "data" / "processed" / "holdout.parquet")
    project.copy(tmp_path).python("predict", source, str(tmp_path / "predicted.csv"))
    assert len(pd.read_csv(tmp_path / "predicted.csv")) == len(rows) > 0
