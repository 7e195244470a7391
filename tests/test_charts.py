"""Charts for those who use the predictions, and the table of predictions, of made-up models: no pipeline is run."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import partial_dependence
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import confusion_matrix, mean_absolute_error, precision_score, recall_score
from stamped import Project

ROWS = 400


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("charts"), project_name="Charted", estimators="fast")


@pytest.fixture(scope="module")
def charts(project: Project) -> Any:
    return project.module("components.charts")


def evaluation(project: Project, y: np.ndarray, model: Any, features: pd.DataFrame, **facts: Any) -> Any:
    """What charts are drawn of: a fitted model of numbers whose columns all matter alike."""
    task, labels = project.module("components.tasks").Regression(), facts.pop("labels", [])
    if labels:
        task = project.module("components.tasks").Classification()
    dtypes = {name: "number" if pd.api.types.is_numeric_dtype(one) else "category" for name, one in features.items()}
    dtypes |= facts.pop("dtypes", {})
    schema = project.module("schema").Schema("y", None, [], dtypes, labels)
    said = task.bind(schema).outputs(model, features)
    equal = pd.DataFrame({"feature": features.columns, "mean": np.arange(features.shape[1], 0, -1), "std": 0.0})
    known = {
        "task": task,
        "schema": schema,
        "model": model,
        "features": features,
        "learned": None,
        "target": "y",
        "y_true": y,
        "y_pred": said.predicted,
        "y_proba": said.probabilities,
        "labels": labels,
        "member": "",
        "metric": "mean_absolute_error",
        "higher_is_better": False,
        "row_numbers": 1000 + np.arange(len(y)),
        "score": lambda rows: float(mean_absolute_error(y[rows], said.predicted[rows])),
    }
    asked = ("history", "hyperparameters", "learning_curve", "shap_values", "left_out")
    return project.module("report.drawing").Evaluation(
        **(dict.fromkeys(asked) | known | {"importances": lambda: equal} | facts)
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(0).normal(size=(ROWS, 2)), columns=["a", "b"])


@pytest.fixture(scope="module")
def two_classes(project: Project, table: pd.DataFrame) -> Any:
    y = (table["a"] + np.random.default_rng(1).normal(size=ROWS) > 1).to_numpy().astype(int)
    return evaluation(project, y, LogisticRegression().fit(table, y), table, labels=[0, 1])


@pytest.mark.parametrize("threshold", [0.0, 0.07, 0.5, 1.0])
def test_a_threshold_finds_what_scikit_learn_says_that_it_finds(
    charts: Any, two_classes: Any, threshold: float
) -> None:
    row = charts.decision_thresholds(two_classes, 1, 5).data.set_index("threshold").loc[threshold]
    truth, flagged = two_classes.y_true, two_classes.y_proba[:, 1] >= threshold
    _, wrong, missed, _ = confusion_matrix(truth, flagged).ravel()
    assert row["share flagged"] == flagged.mean() and row["recall"] == recall_score(truth, flagged)
    assert row["cost"] == wrong + 5 * missed
    assert row["precision"] == precision_score(truth, flagged) if flagged.any() else np.isnan(row["precision"])


def test_thresholds_have_costs_only_if_they_are_given(charts: Any, two_classes: Any) -> None:
    with_costs = charts.decision_thresholds(two_classes, false_positive=1, false_negative=5)
    best = with_costs.data["cost"].min()
    assert f"is cheapest on the hold-out: {best:g} instead of" in with_costs.caption
    assert "cost" not in charts.decision_thresholds(two_classes).data


def test_each_class_has_its_scores(charts: Any, two_classes: Any) -> None:
    data = charts.class_scores(two_classes).data.set_index("class")
    assert data.loc[1, "precision"] == precision_score(two_classes.y_true, two_classes.y_pred)
    assert data.loc[0, "recall"] == recall_score(two_classes.y_true, two_classes.y_pred, pos_label=0)
    assert data["rows"].sum() == ROWS


def test_rows_count_by_their_weights(charts: Any, two_classes: Any) -> None:
    weights = np.arange(ROWS) % 4 + 1.0
    weighted = replace(two_classes, weights=weights)
    truth, flagged = two_classes.y_true, two_classes.y_proba[:, 1] >= 0.3
    row = charts.decision_thresholds(weighted, 1, 5).data.set_index("threshold").loc[0.3]
    assert row["precision"] == pytest.approx(precision_score(truth, flagged, sample_weight=weights))
    assert row["recall"] == pytest.approx(recall_score(truth, flagged, sample_weight=weights))
    assert row["share flagged"] == pytest.approx(np.average(flagged, weights=weights))
    scores = charts.class_scores(weighted).data.set_index("class")
    expected = precision_score(truth, two_classes.y_pred, sample_weight=weights)
    assert scores.loc[1, "precision"] == pytest.approx(expected) and scores["rows"].sum() == ROWS


def test_partial_dependence_is_scikit_learns(project: Project, charts: Any, table: pd.DataFrame) -> None:
    y = (3 * table["a"] - table["b"]).to_numpy()
    model = LinearRegression().fit(table, y)
    data = charts.partial_dependence(evaluation(project, y, model, table), seconds=1000).data
    own = data[data["column"] == "a"]
    known = partial_dependence(model, table, ["a"], kind="average", custom_values={"a": own["value"].to_numpy()})
    assert own["mean"].to_numpy() == pytest.approx(known["average"][0])


def test_a_slow_model_gets_a_smaller_partial_dependence(project: Project, charts: Any, table: pd.DataFrame) -> None:
    y = table["a"].to_numpy()
    known = evaluation(project, y, LinearRegression().fit(table, y), table)
    drawn = charts.partial_dependence(known, seconds=0)
    assert "for 10 rows" in drawn.caption and drawn.data["column"].unique().tolist() == ["a"]


def test_the_worst_part_of_the_rows_stands_first(project: Project, charts: Any, table: pd.DataFrame) -> None:
    bad = np.arange(ROWS) < 40
    features = table.assign(part=np.where(bad, "bad", "good"), number=np.where(bad, 7, 8), hole=table["b"].where(~bad))
    y = table["a"].to_numpy() + np.where(features["part"] == "bad", 9, 0)
    known = evaluation(project, y, Second().fit(), features)
    data = charts.error_segments(known).data
    named = [("part", "= bad"), ("number", "= 7"), ("hole", "missing")]
    assert list(zip(data["column"], data["part"], strict=True))[:3] == named
    assert data["rows"].tolist()[:3] == [40] * 3 and data.loc[0, "mean_absolute_error"] == pytest.approx(9)
    assert set(data.loc[data["column"] == "a", "rows"]) == {100}


def test_values_that_may_name_persons_are_in_no_chart(project: Project, charts: Any, table: pd.DataFrame) -> None:
    names = [f"person {number}" for number in range(ROWS)]
    few = np.where(np.arange(ROWS) < 9, "rare", "common")
    features = table.assign(name=names, note=names, few=few)
    known = evaluation(project, table["a"].to_numpy() + 1, Second().fit(), features, dtypes={"note": "text"})
    for chart in (charts.error_segments(known), charts.partial_dependence(known), charts.worst_rows(known)):
        shown = chart.data.to_csv() + chart.caption
        assert "person" not in shown and "rare" not in shown


def test_the_worst_rows_have_the_numbers_of_the_table(project: Project, charts: Any, table: pd.DataFrame) -> None:
    y = table["a"].to_numpy().copy()
    y[[7, 3]] += [50, 20]
    data = charts.worst_rows(evaluation(project, y, Second().fit(), table)).data
    assert data["row"].tolist() == [1007, 1003] and data["truth"].tolist() == y[[7, 3]].tolist()
    with pytest.raises(ValueError, match="no row is predicted wrongly"):
        charts.worst_rows(evaluation(project, table["a"].to_numpy(), Second().fit(), table))


def test_what_does_not_apply_says_so(project: Project, charts: Any, table: pd.DataFrame) -> None:
    y = np.arange(ROWS) % 3
    three = evaluation(project, y, LogisticRegression().fit(table, y), table, labels=[0, 1, 2])
    assert charts.decision_thresholds(three) is None
    assert len(charts.class_scores(three).data) == 3
    with pytest.raises(ValueError, match="there are no classes"):
        charts.class_scores(evaluation(project, y, Second().fit(), table))


def test_a_decorator_is_no_chart(project: Project) -> None:
    found = {entry.name for entry in project.module("objects.discovery").find_all() if entry.kind == "chart"}
    assert {"worst_rows", "roc_curve"} <= found and "styled" not in found


def test_two_classes_have_one_roc_auc(project: Project) -> None:
    metric = project.module("objects.metrics").metric
    given = ["neg_log_loss", "roc_auc", "roc_auc_ovr", "roc_auc_ovo_weighted", "f1", "f1_macro"]
    kept = project.module("report.contents")._without_copies([metric(one, None, None) for one in given])
    assert [one.name for one in kept] == ["log_loss", "roc_auc", "f1", "f1_macro"]


class Second:
    """A model that predicts the column a."""

    def fit(self) -> "Second":
        return self

    def predict(self, features: pd.DataFrame) -> np.ndarray:
        return features["a"].to_numpy(dtype=float)
