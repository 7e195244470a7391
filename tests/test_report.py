"""The report of a stamped project: what it computes beside the metrics, and the page for each shape of a final model."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from stamped import TOOLS, Project

pytestmark = pytest.mark.slow

MODEL = """
class: ExtraTreesClassifier
params: {n_estimators: 5}
space:
  n_estimators: {choice: [5, 10, 20]}
  class_weight: {choice: [null, balanced]}
  bootstrap: {choice: [true, false]}
  max_samples: {float: [0.2, 0.9], when: {bootstrap: [true]}}
  min_samples_leaf: {int: [1, 50], log: true}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, not run."""
    return Project(tmp_path_factory.mktemp("report"), project_name="Reported", estimators="fast")


@pytest.fixture
def explain(project: Project, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that looks behind the final model."""
    monkeypatch.chdir(project.path)
    return project.module("steps.explain")


@pytest.fixture
def model(project: Project, explain: Any) -> Any:
    """A model whose space has every kind of domain."""
    (project.path / "params" / "models" / "trees.yaml").write_text(MODEL, encoding="utf-8")
    grammar, where = project.module("objects.grammar").Grammar(), project.module("objects.reader").Where("search.yaml")
    task = project.module("components.tasks").Classification()
    return project.module("objects.plan").read_model(Path("params"), "trees", grammar, where, task)


def searched(project: Project, model: Any, trials: int, file: Path) -> optuna.Study:
    """A study in which the size of the leaves alone matters, and the table that a search would write of it."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    suggest = project.module("objects.space").suggest
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, -abs(suggest(trial, model.space)["min_samples_leaf"] - 4))
    study.tell(study.ask(), state=optuna.trial.TrialState.PRUNED)
    project.module("steps.study").history(study).to_csv(file, index=False)
    return study


def test_trials_are_read_back_as_they_were(project: Project, explain: Any, model: Any, tmp_path: Path) -> None:
    study = searched(project, model, 30, tmp_path / "trials.csv")
    read = explain._trials(explain.search(model, tmp_path / "trials.csv"))
    assert [one.params for one in read] == [one.params for one in study.trials[:-1]]
    assert [one.distributions for one in read] == [one.distributions for one in study.trials[:-1]]
    assert [one.value for one in read] == [one.value for one in study.trials[:-1]]


def test_the_parameter_that_mattered_is_found(project: Project, explain: Any, model: Any, tmp_path: Path) -> None:
    searched(project, model, 60, tmp_path / "trials.csv")
    found = explain.hyperparameters([explain.search(model, tmp_path / "trials.csv")])
    assert found.loc[0, "parameter"] == "min_samples_leaf" and found.loc[0, "importance"] > 0.5
    assert found["importance"].sum() == pytest.approx(1)


def test_a_search_with_few_trials_or_none_is_named(project: Project, explain: Any, model: Any, tmp_path: Path) -> None:
    searched(project, model, 3, tmp_path / "trials.csv")
    searches = [explain.search(model, tmp_path / name) for name in ("trials.csv", "no-such.csv")]
    found = explain.hyperparameters(searches)
    assert found["importance"].isna().all() and found["trials"].tolist() == [3, 0]
    with pytest.raises(ValueError, match=r"too few trials have finished to tell what mattered: trees \(3\)"):
        project.module("components.model_charts").hyperparameter_importance(
            evaluation(project, hyperparameters=lambda: found)
        )


def test_a_learning_curve_is_drawn_if_it_is_cheap(project: Project, explain: Any, model: Any) -> None:
    random = np.random.default_rng(0)
    features = pd.DataFrame({"a": random.normal(size=300), "b": random.normal(size=300)})
    target = pd.Series(np.where(features["a"] > 0, "yes", "no"))
    schema = project.module("schema").Schema("y", None, [], {"a": "number", "b": "number"}, ["no", "yes"])
    task = project.module("components.tasks").Classification().bind(schema)
    folds = [(np.arange(0, 200), np.arange(200, 300)), (np.arange(100, 300), np.arange(0, 100))]
    metric = project.module("objects.metrics").metric("neg_log_loss", None, None)
    data = project.module("steps.training_set").TrainingSet(features, target, folds, task, schema.features, metric)

    def curve(seconds_a_row: float, seconds: float = 30) -> pd.DataFrame:
        return explain.learning_curve(explain.Configuration(model, {}, seconds_a_row), data, seconds)

    found = curve(1e-6)
    assert found["rows"].tolist() == [20, 36, 64, 112, 200] and (found["mean"] > 0).all()
    with pytest.raises(ValueError, match="would take about 432 s, and its limit is 30 s"):
        curve(0.5)
    with pytest.raises(ValueError, match="took longer than was expected, and its limit is 1e-05 s"):
        curve(1e-9, seconds=1e-5)


def test_permutation_importance_is_scikit_learns(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    features = pd.DataFrame(random.normal(size=(400, 3)), columns=["much", "little", "nothing"])
    target = 3 * features["much"] + features["little"] + random.normal(size=400)
    fitted = LinearRegression().fit(features, target)
    metric = project.module("objects.metrics").metric("r2", None, None)
    task = project.module("components.tasks").Regression().bind(project.module("schema").Schema("y", None, []))
    asked = fitted, features, target, task, lambda said, truth, rows: metric.score(truth, said)
    found = project.module("steps.evaluate").permutation_importance(*asked)
    known = permutation_importance(fitted, features, target, scoring="r2", random_state=1)
    assert found["feature"].tolist() == ["much", "little", "nothing"]
    assert found["mean"].tolist() == pytest.approx(known["importances_mean"].tolist(), abs=0.1)
    assert len(project.module("steps.evaluate").permutation_importance(*asked, seconds=0)) == 3
    monkeypatch.setattr(project.module("steps.evaluate"), "CELLS_AT_ONCE", 1)
    few = project.module("steps.evaluate").permutation_importance(*asked, seconds=0)
    assert few["feature"].tolist() == ["much"] and few.attrs["left_out"] == 2


@pytest.mark.parametrize(
    ("made", "origin"),
    [("city_Rome", "city"), ("city_code_1", "city_code"), ("missingindicator_age", "age"), ("pca0", "pca0")],
)
def test_what_is_made_of_a_column_goes_by_its_name(explain: Any, made: str, origin: str) -> None:
    assert explain._origin(made, ["age", "city", "city_code"]) == origin


def test_shap_says_what_it_needs(explain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shap", None)
    with pytest.raises(ValueError, match="it needs the package shap, which is the extra `explain`"):
        explain.shap_values(None, None, None, 10)


def test_the_charts_of_a_search_are_drawn(project: Project) -> None:
    charts, to_svg = project.module("components.model_charts"), project.module("report.drawing").to_svg
    models = [f"model_{number}" for number in range(8)]
    tried = [(name, trial, 1 / (1 + trial) + 0.1, "") for name in models for trial in range(4)]
    history = pd.DataFrame([*tried, ("model_7", 5, 1e9, "")], columns=["model", "trial", "score", "label"])
    shares = pd.DataFrame({"model": models, "trials": 30, "parameter": "preprocess.a", "importance": 1.0})
    curve = pd.DataFrame({"rows": [10, 20], "mean": [0.5, 0.4], "std": [0.1, 0.1]})
    known = evaluation(
        project, history=lambda: history, hyperparameters=lambda: shares, learning_curve=lambda seconds: curve
    )
    assert "1 dot lies too far out" in charts.search_history(known).caption
    assert "The first 6 models" in charts.hyperparameter_importance(known).caption
    drawn = charts.learning_curve(known)
    assert "still falls" in drawn.caption and to_svg(drawn.figure, "curve").startswith("<svg")


def test_the_plan_checks_charts_without_matplotlib(project: Project) -> None:
    code = f"import sys, {project.package}.components.model_charts; sys.exit('matplotlib' in sys.modules)"
    project.run(str(TOOLS / "python"), "-c", code)


@pytest.mark.parametrize("weights", [[1.0], [0.7, 0.3], [None, None]], ids=["one", "ensemble", "stack"])
def test_the_page_tells_what_the_final_model_is_made_of(project: Project, weights: list[float | None]) -> None:
    page = project.module("report.page").render(context(weights))
    if len(weights) == 1:
        assert (
            "One of the configurations that were tried: <code>model_0</code>" in page
            and '<table class="members">' not in page
        )
    else:
        assert "ensemble of 2" in page and ("70\u202f%" if weights[0] else "stacked") in page
    assert "is at least <strong>0.265</strong>" in page
    # The message of a model that failed does not widen the table.
    assert '<span class="tag warn">fails with its defaults</span>' in page and "x" * 200 not in page


def test_what_could_not_be_fitted_in_time_is_told(project: Project) -> None:
    facts = context([1.0])
    assert "could not be fitted" not in project.module("report.page").render(facts)
    facts["chosen"]["unfitted"] = ["model_1, trial 2", "model_2, defaults"]
    page = project.module("report.page").render(facts)
    assert "2 more were chosen and could not be fitted" in page and "model_1, trial 2; model_2, defaults" in page


def test_make_dashboard_says_what_is_missing(project: Project) -> None:
    ready = project.path / ".venv" / ".ready"
    (ready.parent / "bin").mkdir(parents=True, exist_ok=True)
    ready.touch()
    assert "optuna-dashboard is not installed" in project.run("make", "dashboard", "UV=", code=2)
    (ready.parent / "bin" / "optuna-dashboard").symlink_to("/bin/true")
    assert "there is no search yet: make run makes one" in project.run("make", "dashboard", "UV=", code=2)


def evaluation(project: Project, **facts: Any) -> Any:
    """What charts are drawn of, with these facts."""
    known: dict[str, Any] = {
        "task": project.module("components.tasks").Regression(),
        "schema": None,
        "model": None,
        "features": None,
        "learned": None,
        "target": "y",
        "y_true": np.zeros(3),
        "y_pred": np.zeros(3),
        "y_proba": None,
        "labels": [],
        "member": "ridge, defaults",
        "metric": "max_error",
        "higher_is_better": False,
    }
    tables = dict.fromkeys(("importances", "history", "hyperparameters", "learning_curve", "shap_values", "left_out"))
    return project.module("report.drawing").Evaluation(**(known | tables | facts))


def context(weights: list[float | None]) -> dict[str, Any]:
    """The facts of a run whose final model has members of these weights."""
    row = {"class": "Ridge", "std": 0.1, "trials": 3, "pruned": 1, "failed": 0, "best": "defaults", "seconds": 2.0}
    row |= {"chosen": False, "members": [], "state": "ok", "score": 0.5}
    members = [
        {
            "model": f"model_{n}",
            "label": "defaults",
            "weight": weight,
            "score": 0.5,
            "values": {"a": None},
            "diagram": "",
        }
        for n, weight in enumerate(weights)
    ]
    failed = {"score": None, "std": None, "state": f"fails with its defaults: {'x' * 400}"}
    return {
        "project": {"name": "shop", "description": ""},
        "task": "classification",
        "target": "sold",
        "metric": "accuracy",
        "run": {"created": "", "commit": None, "python": "3.11", "packages": {}, "seconds": 1.0},
        "suspicions": [],
        "scores": [{"name": "accuracy", "value": 0.5, "higher_is_better": True, "baseline": 0.4}],
        "leaderboard": [
            row | {"model": "ensemble" if len(weights) > 1 else "model_0", "chosen": True, "members": members},
            row | {"model": "model_1"},
            row | {"model": "model_2"} | failed,
        ],
        "chosen": {
            "name": "model_0",
            "members": members,
            "rows": 100,
            "combined_by": "LogisticRegression",
            "folds": 5,
            "calibration": "CalibratedClassifierCV",
            "method": "sigmoid",
            "threshold": "TunedThresholdClassifierCV",
            "limit": 0.265,
            "limits": {},
            "unfitted": [],
            "intervals": [],
            "scoring": "balanced_accuracy",
            "labels": ["no", "yes"],
            "yaml": "members: []",
        },
    }
