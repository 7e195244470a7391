"""Several labels a row: sets and columns go in and come out, folds keep the labels' shares, thresholds decide."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier
from stamped import Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, not run."""
    return Project(tmp_path_factory.mktemp("multilabel"), project_name="Labels", recipe="multilabel", estimators="fast")


@pytest.fixture(scope="module")
def sets(project: Project) -> Any:
    """The module of the task."""
    return project.module("components.label_sets")


def bound(project: Project, sets: Any, target: Any, frame: pd.DataFrame, **params: Any) -> tuple[Any, pd.DataFrame]:
    """The task bound to a table, and the table's rows."""
    path = f"{project.package}.components.label_sets.Multilabel"
    schema = project.module("schema").Schema(target, {"class": path, "params": params}, [])
    task = project.module("steps.task").task_of(schema)
    rows = task.rows(frame, schema)
    return task.bind(schema), rows


def test_sets_go_in_and_come_out(project: Project, sets: Any) -> None:
    frame = pd.DataFrame({"x": [0.0, 1, 2, 3] * 10, "y": pd.array(["b; a", None, "a;a", "c"] * 10, dtype="str")})
    task, rows = bound(project, sets, "y", frame, delimiter=";")
    assert task.names == ["a", "b", "c"] and len(rows) == 40, "an empty cell is the empty set"
    assert task.encode(rows["y"]).tolist()[:4] == [[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]
    model = task.wrap(task.adapt(KNeighborsClassifier(1))).fit(rows[["x"]], np.asarray(rows["y"]))
    said = task.predict(model, rows[["x"]])
    assert said["prediction"].tolist()[:4] == ["a;b", "", "a", "c"]
    assert said["probability_b"].tolist()[:4] == [1, 0, 0, 0]


def test_columns_of_two_values_go_in_and_come_out(project: Project, sets: Any) -> None:
    frame = pd.DataFrame({"x": [0.0, 1, 2, 3] * 10, "ill": ["no", "yes"] * 20, "old": [0, 0, 1, 1] * 10})
    task, rows = bound(project, sets, ["ill", "old"], frame)
    assert task.encode(rows[["ill", "old"]]).tolist()[:4] == [[0, 0], [1, 0], [0, 1], [1, 1]]
    model = task.wrap(task.adapt(KNeighborsClassifier(1))).fit(rows[["x"]], np.asarray(rows[["ill", "old"]]))
    said = task.predict(model, rows[["x"]])
    assert said["prediction_ill"].tolist()[:4] == ["no", "yes", "no", "yes"]
    assert said["prediction_old"].tolist()[:4] == [0, 0, 1, 1] and set(task.answers(model)) == set(said.columns)


@pytest.mark.parametrize(
    ("target", "frame", "message"),
    [
        ("y", {"y": ["a", "a"]}, "'y' holds one label, 'a': write what stands between labels"),
        (["y", "z"], {"y": [0, 1, 2], "z": [0, 1, 0]}, "'y' holds 0, 1, 2: a label's column holds one of two values"),
        (["y", "z"], {"y": [0, 1, 1], "z": [1, 1, 1]}, "'z' holds 1: a label's column"),
    ],
)
def test_what_are_no_labels_is_refused(
    target: Any, frame: dict[str, Any], message: str, project: Project, sets: Any
) -> None:
    with pytest.raises(project.module("errors").UserError, match=message):
        bound(project, sets, target, pd.DataFrame(frame))


def test_a_label_that_no_training_row_has_gets_the_probability_0(project: Project, sets: Any) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": ["a", "b"] * 19 + ["a|c", "c"]})
    task, rows = bound(project, sets, "y", frame)
    learned = rows.iloc[:38]
    for estimator in (LogisticRegression(), KNeighborsClassifier()):
        model = task.wrap(task.adapt(estimator)).fit(learned[["x"]], np.asarray(learned["y"]))
        shares = model.predict_proba(rows[["x"]])
        assert shares.shape == (40, 3) and (shares[:, 2] == 0).all()
    decided = task.outputs(task.wrap(task.adapt(RidgeClassifier())).fit(learned[["x"]], learned["y"]), rows[["x"]])
    assert decided.probabilities is None and task.to_scores(decided).shape == (40, 3)


def test_folds_keep_the_share_of_each_label(project: Project) -> None:
    splitters = project.module("components.label_splitters")
    random = np.random.default_rng(0)
    labels = (random.random((500, 4)) < [0.5, 0.2, 0.05, 0.02]).astype(int)
    seen = []
    for learn, score in splitters.IterativeKFold(5).split(labels, labels):
        assert len(np.intersect1d(learn, score)) == 0 and len(learn) + len(score) == 500
        assert np.abs(labels[score].sum(axis=0) - labels.sum(axis=0) / 5).max() <= 2
        seen.append(score)
    assert np.array_equal(np.sort(np.concatenate(seen)), np.arange(500))
    learn, held_out = next(splitters.IterativeHoldout(0.2).split(labels, labels))
    assert abs(len(held_out) - 100) <= 3 and labels[held_out].sum(axis=0).min() >= 1
    with pytest.raises(ValueError, match="several labels a row"):
        next(splitters.IterativeKFold(5).split(labels, labels[:, 0]))


def test_the_log_loss_of_labels_is_the_mean_of_scikit_learns(project: Project) -> None:
    metrics = project.module("components.label_metrics")
    random = np.random.default_rng(0)
    truth, share = random.integers(0, 2, (50, 3)), random.random((50, 3))
    each = [log_loss(truth[:, one], share[:, one]) for one in range(3)]
    assert metrics.label_log_loss(truth, share) == pytest.approx(np.mean(each))
    truth[:, 0] = 0
    assert np.isfinite(metrics.label_log_loss(truth, share)) and np.isfinite(metrics.label_roc_auc_score(truth, share))


def test_each_label_gets_the_threshold_that_is_best_for_it(sets: Any) -> None:
    share = np.column_stack([np.linspace(0, 1, 100), np.linspace(0, 0.2, 100)])
    truth = np.column_stack([np.arange(100) >= 70, np.arange(100) >= 50]).astype(int)
    combine = sets.WeightedLabels([1.0], 2).fit(share, truth)
    tuned = sets.LabelThresholds(combine).fit(share, truth)
    assert tuned.best_thresholds_ == pytest.approx([0.7, 0.1], abs=0.02)
    assert (tuned.predict(share) == truth).mean() > 0.97 and (combine.predict(share)[:, 1] == 0).all()


def test_no_graph_is_made_of_it(project: Project, sets: Any, tmp_path: Any) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "y": ["a", "b"] * 20})
    task, rows = bound(project, sets, "y", frame)
    model = task.wrap(task.adapt(KNeighborsClassifier())).fit(rows[["x"]], np.asarray(rows["y"]))
    with pytest.raises(project.module("errors").UserError, match="a graph is made of a model of one class"):
        project.module("parts.export_onnx.onnx").drawn(model, tmp_path / "graphs")


def test_a_stack_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    stack = "  class: Stacking\n  params: {final_estimator: {class: LogisticRegression}}"
    with project.edited("params/train.yaml", ("  class: GreedySelection\n  params: {size: 25, refit: true}", stack)):
        assert "Stacking cannot learn from what the members of a multilabel say" in project.python("check", code=1)


@pytest.mark.slow
def test_the_sample_runs_and_columns_do_too(project: Project) -> None:
    project.edit("params/search.yaml", ("trials: 20", "trials: 6"))
    project.repro()
    metrics = json.loads((project.path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert metrics["label_roc_auc_score"] > 0.6 and metrics["f1_macro"] > 0.45
    page = (project.path / "reports/report.html").read_text(encoding="utf-8")
    assert "Each label has a threshold of its own" in page and "multilabel report" in page
    project.python("predict", "data/raw/habits.csv", "said.csv")
    said = pd.read_csv(project.path / "said.csv")
    assert len(said) == 1000 and said.filter(like="probability_").shape[1] == 6
    project.python("notebooks", "errors")
    assert "One for another" in (project.path / "reports/notebooks/errors.html").read_text(encoding="utf-8")
    table = pd.read_csv(project.path / "data/raw/habits.csv")
    for name in ("active", "texting"):
        table[name] = np.where(table["habits"].fillna("").str.contains(name), "yes", "no")
    table.drop(columns="habits").to_csv(project.path / "data/raw/columns.csv", index=False)
    project.edit(
        "params/data.yaml",
        ('source: "data/raw/habits.csv"', "source: data/raw/columns.csv"),
        ('target: "habits"', "target: [active, texting]"),
    )
    project.repro()
    project.python("predict", "data/raw/columns.csv", "said.csv")
    said = pd.read_csv(project.path / "said.csv")
    assert set(said["prediction_texting"]) == {"yes", "no"} and "probability_active" in said
