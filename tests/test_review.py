"""The review's verdict: held-out predictions of two versions, compared by a paired bootstrap."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stamped import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("review"), project_name="Reviewed", estimators="fast")
    made.module("parts.compare.intervals").SAMPLES = 200  # a fifth, for the sake of time
    return made


def bound(project: Project, task: str, target: Any = "y", labels: Any = ()) -> Any:
    """A task, bound to a table with this target."""
    schema = project.module("schema").Schema(target, None, [], {}, list(labels))
    return getattr(project.module("components.tasks"), task)().bind(schema)


def predictions(project: Project, off: np.ndarray, units: Any = None) -> pd.DataFrame:
    """What a regression said that is off by so much, of rows whose truth is their number."""
    truth, rows = np.arange(len(off), dtype=float), np.arange(len(off))
    said = project.module("objects.metrics").Outputs(truth + off)
    return project.module("steps.predictions").to_table(
        bound(project, "Regression"), said, truth, rows, rows if units is None else units
    )


def measured(project: Project, before: pd.DataFrame | None, here: pd.DataFrame, name: str = "r2") -> Any:
    """The metric of two versions with these predictions, and how they were compared."""
    metric = project.module("objects.metrics").metric(name, None, None)

    def version(name: str, table: pd.DataFrame | None) -> Any:
        file = io.BytesIO()
        if table is not None:
            table.to_parquet(file)
        return SimpleNamespace(name=name, output=lambda path: None if table is None else file.getvalue())

    pair = project.module("parts.compare.intervals").paired(version("main", before), version("here", here), [metric])
    read = project.module("steps.predictions").from_table
    values = [0.0 if one is None else metric.natural(metric.score(*read(one))) for one in (before, here)]
    return project.module("parts.compare.differences").Measured(
        metric.name, *values, metric.greater_is_better, pair.changes.get(metric.name)
    ), pair


def sentence(project: Project, found: Any) -> str:
    one, pair = found
    return str(project.module("parts.compare.report").verdict([one], SimpleNamespace(name="main"), pair))


def errors(rows: int, size: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, rows)


@pytest.mark.parametrize(
    ("name", "rows", "before", "here", "verdict"),
    [
        ("neg_mean_absolute_error", 1000, 1.0, 0.8, "better"),
        ("r2", 1000, 0.8, 1.0, "worse"),
        ("neg_root_mean_squared_error", 100, 1.0, 0.99, "no clear difference"),
    ],
)
def test_a_difference_is_one_if_the_rows_bear_it_out(
    project: Project, name: str, rows: int, before: float, here: float, verdict: str
) -> None:
    sides = [predictions(project, errors(rows, size, seed)) for seed, size in enumerate((before, here))]
    found = measured(project, *sides, name)
    assert found[0].verdict == verdict
    said = sentence(project, found)
    start = f"The model is {verdict} than in main" if "no" not in verdict else "There is no clear difference from main"
    assert said.startswith(start)
    assert f"on 95 % of resamples of the {rows:,} rows the change is" in said


def test_the_same_predictions_do_not_differ(project: Project) -> None:
    one = predictions(project, errors(50, 1, 0))
    found, pair = measured(project, one, one)
    assert (found.bounds, found.verdict, pair.same) == ((0, 0), "the same", True)


def test_what_cannot_be_judged_says_why(project: Project) -> None:
    one, other = predictions(project, errors(50, 1, 0)), predictions(project, errors(50, 2, 0))
    moved = other.assign(row=one["row"] + 1)
    corrected = other.assign(truth=one["truth"] + (one["row"] == 3))
    few = predictions(project, errors(50, 2, 1), np.arange(50) // 20)
    for before, here, why in (
        (None, one, "the predictions of main are not within reach"),
        (moved, one, "the two were not measured on the same rows"),
        (corrected, one, "the two were not measured on the same rows"),
        (one, few, "3 groups or stretches of time are too few"),
    ):
        found = measured(project, before, here)
        said = sentence(project, found)
        assert found[0].verdict == "not judged"
        assert said.startswith("Whether the model differs from that in main cannot be judged") and said.endswith(
            f"{why}."
        )


def test_rows_of_a_group_are_drawn_together(project: Project) -> None:
    units = np.array([3, 1, 3, 2, 1, 3])
    sizes = set()
    for rows in project.module("parts.compare.intervals")._samples(units):
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[5] and counts[1] == counts[4]
        sizes.add(len(rows))
    assert len(sizes) > 1


def test_groups_that_err_together_make_the_interval_wider(project: Project) -> None:
    shared = np.repeat(errors(20, 1, 0), 50)
    sides = [predictions(project, one) for one in (shared, np.repeat(errors(20, 1, 1), 50))]
    grouped = [one.assign(unit=np.arange(1000) // 50) for one in sides]
    narrow, wide = (np.diff(measured(project, *one)[0].bounds)[0] for one in (sides, grouped))
    assert wide > 3 * narrow


def test_predictions_are_read_back_as_they_were(project: Project) -> None:
    module, outputs = project.module("steps.predictions"), project.module("objects.metrics").Outputs
    rows, shares = np.arange(4), np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    classes = bound(project, "Classification", labels=["no", "never", "absent"])
    numbers = bound(project, "Regression", target=["y", "z"])
    for task, said, truth in (
        (classes, outputs(shares.argmax(axis=1), shares, shares[:, 0], np.arange(3)), np.array([0, 1, 1, 0])),
        (numbers, outputs(np.eye(4)[:, :2]), np.ones((4, 2))),
        (numbers, outputs(np.eye(4, dtype=int)[:, :2], classes=[np.arange(2)] * 2), np.ones((4, 2), dtype=int)),
    ):
        file = io.BytesIO()
        module.to_table(task, said, truth, rows[::-1], rows).to_parquet(file)
        again, read = module.from_table(pd.read_parquet(file))
        assert np.array_equal(again, truth[::-1]) and np.array_equal(read.predicted, said.predicted[::-1])
        assert np.array_equal(np.asarray(read.classes, dtype=object), np.asarray(said.classes, dtype=object))
        for name in ("probabilities", "decisions"):
            was, now = getattr(said, name), getattr(read, name)
            assert now is None if was is None else np.array_equal(now, was[::-1])


def test_rows_depend_on_their_group_or_on_their_time(project: Project) -> None:
    module, column = project.module("schema"), project.module("schema").Column
    frame = pd.DataFrame({"who": list("aabbccddee"), "when": pd.date_range("2024", periods=10)})
    who, when = column("who", "group", "category"), column("when", "time", "datetime")
    units = project.module("steps.predictions").units_of

    def found(*columns: Any, rows: Any = range(10)) -> list[int]:
        return units(frame, module.Schema("y", None, list(columns)), np.array(rows)).tolist()

    assert found() == list(range(10)) and found(rows=[4, 4, 5, 6, 7, 8, 9, 1, 2, 3])[:3] == [0, 0, 1]
    assert found(who) == found(who, when) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert found(when) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]
