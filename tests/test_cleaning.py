"""The owner's classes clean the table as it was read, and every row to predict."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stamped import TOOLS, Project

MODULE = '''"""Cleanings for the tests."""

import pandas as pd


class Mend:
    """Lower case, and no row of a test."""

    kind = "cleaning"

    def __init__(self, fault: str = "") -> None:
        self.fault = fault

    def clean(self, frame: pd.DataFrame, training: bool) -> pd.DataFrame:
        """Clean."""
        frame["kind"] = frame["kind"].str.lower()
        if self.fault == "drops":
            return frame[frame["kind"] != "b"]
        if self.fault == "adds":
            return frame.assign(other=1)
        return frame[(frame["y"] != "test")] if training else frame
'''
TABLE = pd.DataFrame({"kind": ["A", "b", "B", "a"], "size": [1.0, 2.0, 3.0, 4.0], "y": ["yes", "no", "test", "no"]})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a cleaning of its own."""
    project = Project(tmp_path_factory.mktemp("cleaned"), project_name="Cleaned", estimators="logistic_regression")
    (project.path / f"src/{project.package}/custom/mending.py").write_text(MODULE)
    project.edit("params/data.yaml", ("columns: {}", "clean: {class: Mend}\ncolumns: {}"))
    return project


def _clean(project: Project, **params: Any) -> list[dict[str, Any]]:
    return [{"class": f"{project.package}.custom.mending.Mend", "params": params}]


def _schema(project: Project, **params: Any) -> Any:
    """The schema of the table, cleaned by `Mend`."""
    task = {"class": f"{project.package}.components.tasks.Classification"}
    cleaned = project.module("steps.cleaning").clean_table(TABLE, _clean(project))
    schema = project.module("steps.typing.infer").infer(cleaned, "y", task, {})
    schema.clean = _clean(project, **params)
    return schema


def test_a_cleaning_sees_the_target_and_may_drop_rows_in_training(project: Project) -> None:
    cleaned = project.module("steps.cleaning").clean_table(TABLE, _clean(project))
    assert cleaned["kind"].tolist() == ["a", "b", "a"] and cleaned.index.tolist() == [0, 1, 3]
    assert TABLE["kind"].tolist() == ["A", "b", "B", "a"]


def test_new_rows_are_cleaned_without_a_target(project: Project) -> None:
    rows = TABLE.drop(columns="y").set_axis([5, 6, 7, 8]).assign(beside=1)
    cleaned = project.module("steps.cleaning").clean_rows(rows, _schema(project))
    assert cleaned["kind"].tolist() == ["a", "b", "b", "a"] and list(cleaned) == ["kind", "size", "beside"]
    assert cleaned.index.tolist() == [5, 6, 7, 8]


def test_a_column_that_new_rows_lack_is_still_missing_after_cleaning(project: Project) -> None:
    cleaned = project.module("steps.cleaning").clean_rows(TABLE[["size"]], _schema(project))
    assert list(cleaned) == ["size"]


@pytest.mark.parametrize(("fault", "said"), [("drops", "each of them needs an answer"), ("adds", "adds or drops")])
def test_a_cleaning_that_changes_rows_to_predict_or_columns_is_refused(project: Project, fault: str, said: str) -> None:
    cleaning = project.module("steps.cleaning")
    with pytest.raises(cleaning.Uncleanable, match=said):
        cleaning.clean_rows(TABLE, _schema(project, fault=fault))


def test_a_cleaning_that_fails_is_named_with_its_line(project: Project) -> None:
    cleaning = project.module("steps.cleaning")
    with pytest.raises(cleaning.Uncleanable, match=r"custom/mending\.py:16: clean fails"):
        cleaning.clean_rows(TABLE.assign(kind=5), _schema(project))


def test_the_pipeline_cleans_before_it_checks(project: Project) -> None:
    pipeline = project.module("prediction.pipeline").PredictionPipeline(_schema(project))
    checked = pipeline.check(TABLE[["kind", "size"]])
    assert checked.frame["kind"].tolist() == ["a", "b", "b", "a"] and not checked.findings
    assert pipeline.prepare(TABLE[["kind", "size"]]).empty  # this schema has no features


def test_dropped_rows_are_those_with_the_values(project: Project) -> None:
    drop = project.module("components.cleaning").DropRows("size", [2, "3.0"])
    assert drop.clean(TABLE, True)["size"].tolist() == [1.0, 2.0, 4.0]
    assert len(drop.clean(TABLE, False)) == len(TABLE)


def test_rows_of_a_cleanings_own_are_counted_anew(project: Project) -> None:
    def twice(frame: pd.DataFrame, training: bool) -> pd.DataFrame:
        return pd.concat([frame, frame])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project.module("steps.cleaning"), "_built", lambda clean: [("Twice", twice)])
        assert project.module("steps.cleaning").clean_table(TABLE, []).index.tolist() == list(range(8))


def test_rows_keep_the_numbers_that_they_have_in_the_data(project: Project, tmp_path: Path) -> None:
    project = project.copy(tmp_path)
    kinds = ["a", "b"] * 60
    table = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=120)[::-1], "kind": kinds, "n": range(120)})
    table["y"] = ["test" if n in (3, 50) else None if n == 7 else "no" if n % 3 else "yes" for n in range(120)]
    table.to_csv(project.path / "data/raw/own.csv", index=False)
    source = next(one for one in (project.path / "params/data.yaml").read_text().splitlines() if "source:" in one)
    project.edit("params/data.yaml", (source, "source: data/raw/own.csv"), ('target: "species"', "target: y"))
    project.edit("params/data.yaml", ("columns: {}", "columns: {day: {role: time}, n: {role: ignore}}"))
    for stage in ("plan", "load", "split"):
        project.stage(stage)
    loaded = pd.read_parquet(project.path / "data/interim/table.parquet")
    assert loaded.index[0] == 120 and 8 not in loaded.index and 4 not in loaded.index
    rows = np.load(project.path / "data/processed/rows.npz")
    assert sorted([*rows["train"], *rows["held_out"]]) == [n + 1 for n in range(120) if n not in (3, 7, 50)]
    train = pd.read_parquet(project.path / "data/processed/train.parquet")
    assert train["day"].tolist() == table["day"].iloc[rows["train"] - 1].tolist()
    project.edit("params/data.yaml", ("n: {role: ignore}", "n: {max: 100}"))
    project.stage("plan")
    assert "rows 102, 103, 104 (19 in all)" in project.run(
        str(TOOLS / "python"), "-m", f"{project.package}.stages.load", code=1
    )


def test_the_plan_follows_the_cleaning_and_models_of_it_are_trusted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    path = f"{project.package}.custom.mending.Mend"
    slices = project.module("objects.plan").compile_params(project.path / "params").slices
    assert slices["data"]["clean"] == [{"class": path}]
    assert path in slices["data"]["code"] and path in slices["train"]["named"]
    assert path in project.module("prediction.trust").read_trusted(project.path / "params").named


def test_a_cleaning_that_is_none_is_refused_with_its_line(project: Project) -> None:
    with (
        project.edited("params/data.yaml", ("clean: {class: Mend}", "clean: {class: StandardScaler}")),
        pytest.raises(project.module("errors").UserError, match=r"data\.yaml:\d+: .*cleaning is needed here"),
    ):
        project.module("objects.plan").compile_params(project.path / "params")
