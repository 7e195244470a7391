"""Intervals around a regression, and several numbers at once."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyRegressor
from stamped import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, which predicts two of its columns; not run."""
    return Project(
        tmp_path_factory.mktemp("numbers"),
        project_name="Numbers",
        recipe="tabular-regression",
        target="mpg, horsepower",
        estimators="fast",
    )


@pytest.fixture(scope="module")
def intervals(project: Project) -> Any:
    """The module of intervals."""
    return project.module("components.intervals")


def test_intervals_hold_the_share_of_new_rows_that_they_are_to_hold(intervals: Any) -> None:
    random = np.random.default_rng(0)
    known, new = random.normal(size=(2, 4000))
    fitted = intervals.ResidualIntervals(DummyRegressor(), [0.5, 0.9]).fit(np.zeros((4000, 1)), known)
    bounds = fitted.predict_interval(np.zeros((4000, 1)))
    held = [np.mean((new >= bounds[:, 2 * one]) & (new <= bounds[:, 2 * one + 1])) for one in (0, 1)]
    assert held == pytest.approx([0.5, 0.9], abs=0.03)
    assert fitted.predict(np.zeros((3, 1))) == pytest.approx(np.full(3, known.mean()))


def test_rows_whose_errors_are_larger_have_wider_intervals(intervals: Any) -> None:
    random = np.random.default_rng(0)
    strata = np.repeat([1, 2, 5], 100)
    truth = random.normal(size=300) * strata
    fitted = intervals.ResidualIntervals(DummyRegressor(), [0.8]).fit(np.zeros((300, 1)), truth, strata)
    bounds = fitted.predict_interval(np.zeros((5, 1)), np.array([1, 2, 3, 5, 9]))
    width = bounds[:, 1] - bounds[:, 0]
    assert width[0] < width[1] == width[2] < width[3] == width[4], "3 is like 2, and 9 like 5"
    shrinking = intervals.ResidualIntervals(DummyRegressor(), [0.8]).fit(np.zeros((300, 1)), truth[::-1], strata)
    assert (np.diff(shrinking.widths_[:, 0]) >= 0).all(), "no stratum has narrower intervals than the one before"


def test_intervals_have_the_scale_of_their_rows(intervals: Any) -> None:
    random = np.random.default_rng(0)
    scale = np.repeat([1.0, 10.0], 200)
    truth = random.normal(size=400) * scale
    fitted = intervals.ResidualIntervals(DummyRegressor(), [0.8]).fit(np.zeros((400, 1)), truth, scale=scale)
    bounds = fitted.predict_interval(np.zeros((2, 1)), scale=np.array([1.0, 10.0]))
    assert bounds[:, 1] - bounds[:, 0] == pytest.approx([2.56, 25.6], rel=0.15)


def test_few_rows_give_the_wide_intervals_of_a_t_distribution(intervals: Any) -> None:
    random = np.random.default_rng(0)
    held = []
    for _ in range(300):
        known, new = random.normal(size=10), random.normal(size=20)
        fitted = intervals.ResidualIntervals(DummyRegressor(), [0.95]).fit(np.zeros((10, 1)), known)
        low, high = fitted.predict_interval(np.zeros((1, 1)))[0]
        held.append(np.mean((new >= low) & (new <= high)))
    assert 0.93 < np.mean(held) < 0.99


@pytest.mark.parametrize(
    ("coverage", "rows", "message"),
    [([1.5], 100, "a share between 0 and 1, not 1.5"), ([0.95], 1, "at least 2 rows")],
)
def test_intervals_that_cannot_be_are_refused(coverage: list[float], rows: int, message: str, intervals: Any) -> None:
    with pytest.raises(ValueError, match=message):
        intervals.ResidualIntervals(DummyRegressor(), coverage).fit(np.zeros((rows, 1)), np.arange(rows))
    with pytest.raises(ValueError, match="intervals for one target"):
        intervals.ResidualIntervals(DummyRegressor()).fit(np.zeros((rows, 1)), np.zeros((rows, 2)))


def test_intervals_mean_nothing_to_classes(tmp_path: Any) -> None:
    project = Project(tmp_path, project_name="Classes", estimators="fast")
    project.edit("params/train.yaml", ("intervals: null", "intervals: {class: ResidualIntervals}"))
    assert "'intervals' means nothing to a classification" in project.python("check", code=1)


@pytest.mark.slow
def test_two_numbers_are_predicted_and_one_with_intervals(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.edit("params/search.yaml", ("trials: 20", "trials: 6"))
    project.repro()
    metrics = json.loads((project.path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert metrics["r2"] > 0.7
    project.python("predict", "data/raw/mpg.csv", "said.csv")
    assert list(pd.read_csv(project.path / "said.csv")) == ["prediction_mpg", "prediction_horsepower"]
    assert "a script can be written for" in project.python("script", code=1)
    project.edit("params/data.yaml", ('target: ["mpg", "horsepower"]', "target: mpg"))
    project.edit("params/train.yaml", ("intervals: null", "intervals: {class: ResidualIntervals}"))
    project.repro()
    metrics = json.loads((project.path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert 0.65 < metrics["interval_80_held"] <= 1 and metrics["interval_95_held"] >= metrics["interval_80_held"]
    assert "Prediction intervals for" in (project.path / "reports/report.html").read_text(encoding="utf-8")
    project.python("predict", "data/raw/mpg.csv", "said.csv")
    said = pd.read_csv(project.path / "said.csv")
    assert list(said) == ["prediction", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert (said["lower_95"] <= said["lower_80"]).all() and (said["lower_80"] < said["prediction"]).all()
    from fastapi.testclient import TestClient

    monkeypatch.chdir(project.path)
    pipeline = project.module("prediction.pipeline").PredictionPipeline.load("models/package")
    settings = project.module("parts.serve.settings").Settings()
    with TestClient(project.module("parts.serve.app").make_app(pipeline, settings)) as client:
        rows = json.loads((project.path / "models/package/example.json").read_text(encoding="utf-8"))
        answer = client.post("/predict", json={"rows": rows}).json()["predictions"][0]
    assert list(answer) == list(said)
