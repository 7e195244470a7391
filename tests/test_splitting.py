"""What the stage `split` refuses or notes, before the search: splits that leave nothing to learn from or to judge by."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit, ShuffleSplit, StratifiedKFold, TimeSeriesSplit
from stamped import Project

ROWS = np.arange(60)
TABLE = pd.DataFrame({"x": np.sin(ROWS), "day": pd.date_range("2024-01-01", periods=60), "y": ROWS % 2})
LATE = PredefinedSplit(np.where(ROWS < 45, -1, 0))  # holds out the last 15 rows
MIXED = ShuffleSplit(1, test_size=15, random_state=0)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project, whose modules are imported."""
    return Project(tmp_path_factory.mktemp("split"), project_name="Split", estimators="fast")


def _split(
    project: Project, table: pd.DataFrame, holdout: Any, cv: Any, task: str = "Classification", **said: Any
) -> Any:
    """Split a table as the stage does, with these overrides of its columns."""
    task = {"class": f"{project.package}.components.tasks.{task}"}
    schema = project.module("steps.typing.infer").infer(table, "y", task, said)
    rows = (
        project.module("steps.task")
        .task_of(schema)
        .rows(project.module("steps.preprocess").preprocess(table, schema), schema)
    )
    return project.module("steps.split").split(rows, schema, holdout, cv)


CASES: dict[str, tuple[dict[str, Any], Any, Any, dict[str, Any], str]] = {
    "a class in the held-out rows alone": (
        {"y": np.where(ROWS < 50, ROWS % 2, 2)},
        LATE,
        KFold(3),
        {},
        "PredefinedSplit leaves the class '2' in the held-out rows alone",
    ),
    "one class held out": (
        {"y": np.where(ROWS < 40, ROWS % 2, 1)},
        LATE,
        KFold(3),
        {},
        "PredefinedSplit holds out rows of the class '1' alone, by which no model can be judged",
    ),
    "one class to learn from": (
        {"y": np.where(ROWS < 30, 0, ROWS % 2)},
        MIXED,
        TimeSeriesSplit(5),
        {"day": {"role": "ignore"}},
        "fold 1 of TimeSeriesSplit leaves one class to learn from",
    ),
    "a class that no fold judges": (
        {"y": np.where(ROWS < 5, "early", np.where(ROWS % 2, "a", "b"))},
        MIXED,
        TimeSeriesSplit(3),
        {},
        "no fold of TimeSeriesSplit holds a row of the class 'early' to judge by",
    ),
    "more folds than rows": ({}, MIXED, KFold(50), {}, r"KFold: .*greater than the number of samples"),
    "fewer groups than folds": (
        {"who": np.where(ROWS % 3, "ann", "bob")},
        MIXED,
        GroupKFold(3),
        {"who": {"role": "group"}},
        "GroupKFold: .*number of groups",
    ),
    "a time that is none": (
        {"when": [f"shift {'abc'[row % 3]}" for row in ROWS]},
        MIXED,
        KFold(3),
        {"when": {"role": "time"}},
        "'when' has the role 'time', but its values are no dates: it is a category",
    ),
    "no weight held out": (
        {"weight": np.where(ROWS < 45, 1.0, 0.0)},
        LATE,
        KFold(3),
        {"weight": {"role": "weight"}},
        "the hold-out has only rows of weight 0",
    ),
    "no weight in a fold": (
        {"weight": np.where(ROWS < 20, 0.0, 1.0)},
        LATE,
        KFold(3),
        {"weight": {"role": "weight"}, "day": {"role": "ignore"}},
        "fold 1 has only rows of weight 0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_split_that_leaves_nothing_to_learn_from_or_to_judge_by_is_refused(case: str, project: Project) -> None:
    columns, holdout, cv, said, message = CASES[case]
    table = TABLE.assign(**columns)
    with pytest.raises(project.module("errors").UserError, match=message) as caught:
        _split(project, table, holdout, cv, **said)
    assert caught.value.place[0] in ("split.yaml", "data.yaml")


def test_parts_are_positions_in_order(project: Project) -> None:
    train, held_out, folds = _split(project, TABLE, MIXED, StratifiedKFold(3))
    assert sorted([*train, *held_out]) == ROWS.tolist() and np.all(np.diff(train) > 0) and np.all(np.diff(held_out) > 0)
    assert all(sorted([*rows, *others]) == list(range(45)) for rows, others in folds)


def test_a_preprocessing_that_would_drop_a_dtype_is_refused(project: Project) -> None:
    stage, schema = project.module("stages.split"), project.module("schema").Schema("y", {"class": "x"}, [])
    schema.features = {"x": "number", "day": "datetime"}
    place = ["preprocess/one.yaml"]
    chosen = [{"columns": [{"dtype": ["number"]}], "place": place}]
    with pytest.raises(project.module("errors").UserError, match="no block is for columns of dtype datetime, so 'day'"):
        stage._all_used(chosen, schema)
    stage._all_used([{"columns": [{"dtype": ["number"]}, {"dtype": ["datetime"]}], "place": place}], schema)
    stage._all_used([{"columns": [{"dtype": ["number"], "pattern": "^x"}], "place": place}], schema)


def test_a_class_with_one_row_to_learn_from_is_noted(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.module("stages.split")._note_rare(pd.DataFrame({"kind": ["a"] * 5 + ["rare"] + ["b"] * 4}))
    assert "note: one row to learn from has the class rare of 'kind'" in capsys.readouterr().out
    project.module("stages.split")._note_rare(pd.DataFrame({"kind": ["a"] * 5 + ["b"] * 4}))
    assert not capsys.readouterr().out
