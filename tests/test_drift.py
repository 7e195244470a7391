"""The part for monitoring: drift is found in new rows, and none where there is none."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_once import finished
from stamped import Project

DRIFTED = 3  # the exit code


def test_a_retraining_without_its_part_is_refused(bake: Callable[..., Any]) -> None:
    project = Project.at(bake(parts="monitoring", project_name="Watched").path)
    assert "params are valid" in project.python("check")
    project.edit("params/monitoring.yaml", ("  retrain: null", "  retrain: {when: [performance]}"))
    refusal = project.python("check", code=1)
    assert re.search(r"params/monitoring.yaml:\d+: `retrain` starts `make retrain`, which is in the part", refusal)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of a finished project."""
    return copied(tmp_path_factory, "tabular-classification")


@pytest.fixture
def penguins(project: Project) -> pd.DataFrame:
    """The rows of its table, with a number for each."""
    table = pd.read_csv(project.path / "data/raw/penguins.csv")
    return table.assign(id=np.arange(1, len(table) + 1))


def copied(places: pytest.TempPathFactory, recipe: str) -> Project:
    path = places.mktemp("drift") / "project"
    shutil.copytree(finished(places, recipe).path, path, symlinks=True)
    return Project.at(path)


def found(project: Project, *words: str, code: int = 0) -> dict[str, Any]:
    """What `drift.json` holds after the command."""
    said = project.python("drift", *words, code=code)
    result: dict[str, Any] = json.loads((project.path / "monitoring/drift.json").read_text(encoding="utf-8"))
    assert result["sentence"] in said
    return result


@pytest.mark.slow
def test_rows_of_the_same_population_have_not_drifted(project: Project) -> None:
    result = found(project, "--data", "data/raw/penguins.csv")
    assert not result["drift"]
    assert [column["name"] for column in result["columns"]][:2] == ["island", "bill_length_mm"]
    assert result["performance"]["window"]["value"] < result["performance"]["baseline"]
    page = (project.path / "monitoring/drift.html").read_text(encoding="utf-8")
    assert "No drift" in page
    assert not re.findall(r"(?:src|href)=\"(?!#)", page), "the page asks for nothing"


@pytest.mark.slow
def test_what_has_drifted_is_named_in_the_report_and_by_the_exit_code(project: Project, penguins: pd.DataFrame) -> None:
    new = penguins.drop(columns="species")
    new["bill_length_mm"] += 8
    new.loc[:120, "sex"] = None
    new.loc[200:, "island"] = "<b>Deception</b>"
    new.to_csv(project.path / "new.csv", index=False)
    wrong = penguins[["id"]].assign(species=penguins["species"].iloc[::-1].to_numpy())
    wrong.iloc[:300].to_csv(project.path / "labels.csv", index=False)
    result = found(project, "--data", "new.csv", "--labels", "labels.csv", "--key", "id", code=DRIFTED)
    assert {"values", "missing", "unseen", "domain", "performance"} <= {*result["alarms"]}
    columns = {column["name"]: column for column in result["columns"]}
    assert columns["bill_length_mm"]["alarms"] == ["values"]
    assert columns["sex"]["alarms"] == ["missing"]
    assert columns["island"]["new"] == {"<b>Deception</b>": len(new) - 200}
    assert columns["body_mass_g"]["alarms"] == []
    assert result["performance"]["window"]["rows"] == 300
    page = (project.path / "monitoring/drift.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;Deception" in page
    assert "<b>Deception" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--data", "few.csv"], "few.csv: 5 rows are too few to tell drift from chance, 30 are needed"),
        (["--data", "nowhere.csv"], "nowhere.csv"),
        ([], "which rows? Nothing is logged"),
        (["--data", "data/raw/penguins.csv", "--labels", "few.csv"], "by which column do labels find their rows?"),
        (
            ["--data", "data/raw/penguins.csv", "--labels", "few.csv", "--key", "idd"],
            "the rows have no column 'idd', the key of labels",
        ),
        (["--data", "few.csv", "--since", "2026-01-31"], "--since and --until choose from the log"),
    ],
)
def test_what_cannot_be_compared_is_an_error_and_leaves_no_old_result(
    project: Project, penguins: pd.DataFrame, words: list[str], problem: str
) -> None:
    penguins.head().to_csv(project.path / "few.csv", index=False)
    old = project.path / "monitoring/drift.json"
    old.parent.mkdir(exist_ok=True)
    old.write_text("{}", encoding="utf-8")
    assert problem in project.python("drift", *words, code=1)
    assert not old.exists() or "--since" in words


@pytest.mark.slow
def test_the_log_of_predictions_is_a_window(project: Project, penguins: pd.DataFrame) -> None:
    settings = project.path / "params/monitoring.yaml"
    written = settings.read_text(encoding="utf-8")
    log = "log: {class: ParquetLog, params: {batches: true, leave_out: [island]}}"
    settings.write_text(written.replace("log: null", log), encoding="utf-8")
    try:
        project.python("predict", "data/raw/penguins.csv", "predicted.csv")
        penguins[["body_mass_g", "species"]].dropna().drop_duplicates("body_mass_g").to_csv(
            project.path / "masses.csv", index=False
        )
        result = found(project, "--labels", "masses.csv", "--key", "body_mass_g", code=DRIFTED)
    finally:
        settings.write_text(written, encoding="utf-8")
    assert result["rows"] == len(penguins)
    assert result["alarms"] == ["performance"], "several penguins are as heavy, and of one species to these labels"
    assert result["notes"][0].endswith("so not compared: island")
    assert len(result["performance"]["periods"]) > 1


@pytest.mark.slow
def test_what_can_start_a_retraining_is_listed(project: Project) -> None:
    settings = project.path / "params/monitoring.yaml"
    written = settings.read_text(encoding="utf-8")
    settings.write_text(written.replace("  retrain: null", "  retrain: {when: [values, drifts]}"), encoding="utf-8")
    try:
        refusal = project.python("drift", code=1)
    finally:
        settings.write_text(written, encoding="utf-8")
    assert "an item of 'when' needs one of values, missing, unseen, predictions, domain, performance" in refusal


@pytest.mark.slow
def test_forecasts_are_watched_by_their_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = copied(tmp_path_factory, "forecasting")
    project.python("forecast", "forecast.csv")
    forecast = pd.read_csv(project.path / "forecast.csv")
    actual = forecast[["month"]].assign(temperature=forecast["prediction"] + 0.1)
    actual.to_csv(project.path / "actual.csv", index=False)
    words = ["--data", "forecast.csv", "--labels", "actual.csv", "--key", "month"]
    result = found(project, *words)
    assert result["performance"]["window"]["value"] == pytest.approx(0.1, abs=1e-6)
    actual.assign(temperature=actual["temperature"] + 5).to_csv(project.path / "actual.csv", index=False)
    assert found(project, *words, code=DRIFTED)["alarms"] == ["performance"]


@pytest.mark.slow
def test_clusters_are_watched_by_their_shares(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = copied(tmp_path_factory, "clustering")
    wines = pd.read_csv(project.path / "data/raw/wines.csv")
    assert found(project, "--data", "data/raw/wines.csv")["alarms"] == []
    wines[wines["proline"] > wines["proline"].median()].to_csv(project.path / "rich.csv", index=False)
    result = found(project, "--data", "rich.csv", code=DRIFTED)
    assert "predictions" in result["alarms"]
    assert "no labels" not in json.dumps(result)
    wines.to_csv(project.path / "labels.csv", index=False)
    refusal = project.python("drift", "--data", "rich.csv", "--labels", "labels.csv", "--key", "ash", code=1)
    assert "there are no labels for a clustering" in refusal


@pytest.mark.slow
def test_several_labels_a_row_are_watched_one_by_one(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = copied(tmp_path_factory, "multilabel")
    habits = Path("data/raw/habits.csv")
    result = found(project, "--data", str(habits))
    labels = list(result["performance"]["labels"])
    assert len(labels) > 3
    assert {f"prediction_{label}" for label in labels} <= {column["name"] for column in result["predictions"]}
