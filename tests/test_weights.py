"""Row weights count in fitting, in every metric and in what is around the final model, and are no feature."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as measures
from sklearn.dummy import DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from stamped import Project

ROWS = 90
PREPROCESS = "steps: [{columns: {dtype: number}, steps: [{scale: {class: StandardScaler}}]}]"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project, whose modules are imported."""
    return Project(tmp_path_factory.mktemp("weighted"), project_name="Weighted", estimators="logistic_regression")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Two features, a class that depends on them, and whole weights from 0 to 4."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 2))
    y = np.where(x[:, 0] + rng.normal(size=ROWS) > 0, "yes", "no")
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "w": rng.integers(0, 5, ROWS).astype(float), "y": y})


def _schema(project: Project, table: pd.DataFrame, task: str = "Classification") -> Any:
    """The schema of a table with the weights `w`."""
    path = {"class": f"{project.package}.components.tasks.{task}"}
    schema = project.module("steps.typing.infer").infer(table, "y", path, {"w": {"role": "weight"}})
    schema.features = {column.name: column.dtype for column in schema.needed}
    schema.labels = ["no", "yes"] if task == "Classification" else []
    return schema


def _model(project: Project, estimator: str) -> Any:
    parse, where = project.module("objects.reader").parse, project.module("objects.reader").Where("test.yaml")
    grammar = project.module("objects.grammar").Grammar()
    node, steps = grammar.object(parse(estimator)[0], where), grammar.steps(parse(PREPROCESS)[0], where)
    return project.module("objects.model").Model("model", node, steps, [])


def _metric(project: Project, name: str) -> Any:
    where = project.module("objects.reader").Where("test.yaml")
    return project.module("objects.metrics").metric(name, where, project.module("objects.grammar").Grammar())


@pytest.mark.parametrize("name", ["neg_log_loss", "roc_auc", "accuracy", "f1_macro", "balanced_accuracy"])
def test_a_whole_weight_counts_in_a_metric_like_so_many_rows(project: Project, table: pd.DataFrame, name: str) -> None:
    rng, weights = np.random.default_rng(1), table["w"].astype(int)
    shares = rng.dirichlet([1, 1], ROWS)
    truth = rng.integers(0, 2, ROWS)
    outputs = project.module("objects.metrics").Outputs
    metric, again = _metric(project, name), np.repeat(np.arange(ROWS), weights)

    def said(rows: Any) -> Any:
        return outputs(shares[rows].argmax(axis=1), shares[rows], classes=np.arange(2))

    repeated = metric.score(truth[again], said(again))
    assert metric.score(truth, said(slice(None)), weights=weights) == pytest.approx(repeated)
    assert metric.score(truth, said(slice(None))) != pytest.approx(repeated)
    fast = project.module("steps.quick").quick(name, truth, 2, weights)
    assert fast is None or fast(shares) == pytest.approx(repeated)


@pytest.mark.parametrize("name", ["neg_mean_absolute_error", "neg_mean_squared_error", "neg_root_mean_squared_error"])
def test_a_quick_metric_of_numbers_counts_weights(project: Project, table: pd.DataFrame, name: str) -> None:
    truth, said = np.random.default_rng(1).normal(size=(2, ROWS))
    outputs = project.module("objects.metrics").Outputs(said)
    fast = project.module("steps.quick").quick(name, truth, 1, table["w"])
    score = _metric(project, name).score(truth, outputs, weights=table["w"])
    assert fast(said[:, None]) == pytest.approx(score)


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(tol=1e-8), DecisionTreeClassifier(max_depth=3, random_state=0)]
)
def test_a_fold_is_fitted_and_scored_with_its_weights(project: Project, table: pd.DataFrame, estimator: Any) -> None:
    schema, rows = _schema(project, table), np.arange(ROWS)
    learn, score = rows[::2], rows[1::2]
    params = "tol: 1.0e-8" if isinstance(estimator, LogisticRegression) else "max_depth: 3, random_state: 0"
    model = _model(project, f"{{class: {type(estimator).__name__}, params: {{{params}}}}}")
    fold = project.module("steps.fold")
    metric = _metric(project, "neg_log_loss")
    data = project.module("steps.training_set").TrainingSet.from_table(table, schema, [(learn, score)], metric)
    job = fold.Job(str(estimator), model, data)
    plain = Pipeline([("scale", StandardScaler()), ("model", estimator)])
    part, other = table.iloc[learn], table.iloc[score]
    plain.fit(part[["a", "b"]], part["y"], model__sample_weight=part["w"])
    shares = plain.predict_proba(other[["a", "b"]])
    expected = -measures.log_loss(other["y"], shares, sample_weight=other["w"])
    assert list(schema.features) == ["a", "b"]
    assert fold.fit_fold(job, {}, 0).score == pytest.approx(expected)


def test_a_whole_weight_counts_in_fitting_like_so_many_rows(project: Project, table: pd.DataFrame) -> None:
    steps = project.module("steps.fit")
    schema = _schema(project, table.assign(y=table["a"] ** 2), "Regression")
    task = project.module("steps.task").task_of(schema)
    made = steps.assemble(
        _model(project, "{class: DecisionTreeRegressor, params: {max_depth: 4}}"), {}, schema.features, task
    )
    made.steps = made.steps[-1:]  # the scaling is the same for all rows
    X, y, weights = table[["a", "b"]], table["a"] ** 2, table["w"].to_numpy()
    again = np.repeat(np.arange(ROWS), weights.astype(int))
    plain = DecisionTreeRegressor(max_depth=4).fit(X.iloc[again], y.iloc[again])
    assert steps.fit(made, X, y, weights).predict(X) == pytest.approx(plain.predict(X))


def test_a_threshold_is_chosen_by_weighted_rows(project: Project, table: pd.DataFrame) -> None:
    train = project.module("steps.train")
    shares = np.random.default_rng(3).uniform(size=ROWS)
    outputs, truth = np.column_stack([1 - shares, shares]), (table["y"] == "yes").to_numpy().astype(int)
    weights = table["w"].to_numpy()
    mean = project.module("steps.ensemble").WeightedProbabilities([1.0], 2).fit(outputs, truth)
    tuned = TunedThresholdClassifierCV(FrozenEstimator(mean), cv="prefit", refit=False)
    again = np.repeat(np.arange(ROWS), weights.astype(int))
    found = train._fit_around(tuned, outputs, truth, weights)
    assert found.best_threshold_ == pytest.approx(tuned.fit(outputs[again], truth[again]).best_threshold_, abs=0.02)
    assert found.scoring == "balanced_accuracy" and not found._curve_scorer._kwargs


def test_intervals_hold_a_share_of_the_weights(project: Project) -> None:
    rng = np.random.default_rng(0)
    truth, weights = rng.normal(size=4000) * np.repeat([1.0, 5.0], 2000), np.repeat([1.0, 0.0], 2000)
    middle = DummyRegressor(strategy="constant", constant=0.0)
    intervals = project.module("components.intervals").ResidualIntervals(middle, [0.8])
    bounds = intervals.fit(np.zeros((4000, 1)), truth, sample_weight=weights).predict_interval(np.zeros((1, 1)))
    assert bounds[0] == pytest.approx([-1.28, 1.28], abs=0.08)


def test_a_stacking_learns_from_weighted_rows(project: Project, table: pd.DataFrame) -> None:
    truth, weights = (table["y"] == "yes").to_numpy().astype(int), table["w"].to_numpy()
    outputs = np.random.default_rng(4).dirichlet([1, 1], (2, ROWS))
    stacking = project.module("components.ensembles").Stacking(LogisticRegression(), size=2)
    _, made = stacking.choose(outputs, truth, None, None, weights=weights)
    plain = LogisticRegression().fit(np.concatenate(outputs, axis=1), truth, sample_weight=weights)
    assert made.coef_ == pytest.approx(plain.coef_)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({3: -1.0}, "the weight in row 4 is -1"),
        ({3: np.nan, 8: np.nan}, "the weight in row 4 is missing or no number (2 such rows in all)"),
        ({3: "many"}, "the weight in row 4 is missing or no number"),
        ({3: np.inf}, "the weight in row 4 is missing or no number"),
        (dict.fromkeys(range(ROWS), 0.0), "every weight is 0"),
    ],
)
def test_bad_weights_are_refused(project: Project, table: pd.DataFrame, weights: dict[int, Any], said: str) -> None:
    bad = table.astype({"w": object})
    for row, weight in weights.items():
        bad.loc[row, "w"] = weight
    preprocess = project.module("steps.preprocess")
    with pytest.raises(project.module("errors").UserError) as error:
        schema = _schema(project, bad)
        preprocess.check_weights(preprocess.preprocess(bad, schema), schema)
    assert said in str(error.value) and "params/data.yaml" in str(error.value)


def test_a_row_to_predict_needs_no_weight(project: Project, table: pd.DataFrame) -> None:
    schema = _schema(project, table)
    rows = project.module("steps.preprocess").preprocess(table[["a", "b"]], schema)
    assert list(rows) == ["a", "b"] and [column.name for column in schema.needed] == ["a", "b"]


WEIGHTED = ("params/data.yaml", ("columns: {}", "columns: {body_mass_g: {role: weight}}"))


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ([("params/search.yaml", ("- logistic_regression", "- nearest_neighbors"))], "KNeighborsClassifier"),
        ([("params/evaluate.yaml", ("- accuracy", "- adjusted_rand_score"))], "the metric adjusted_rand_score takes no row weights"),
        ([("params/train.yaml", ("class: GreedySelection\n  params: {size: 25, refit: true}", "class: Stacking\n  params: {final_estimator: {class: KNeighborsClassifier}}"))], "KNeighborsClassifier takes no row weights"),
        ([("params/data.yaml", ("{role: weight}", "{role: weight, dtype: category}"))], "a weight is a number"),
        ([("params/data.yaml", ("weight}}", "weight}, island: {role: weight}}"))], "is the second column with the role 'weight'"),
    ],
)  # fmt: skip
def test_what_takes_no_weights_is_refused_by_name(project: Project, tmp_path: Path, edits: Any, said: str) -> None:
    twin = project.copy(tmp_path)
    for file, edit in [WEIGHTED, *edits]:
        twin.edit(file, edit)
    compiled, error = project.module("objects.plan").compile_params, project.module("errors").UserError
    with pytest.raises(error, match=said):
        compiled(twin.path / "params")


def test_a_task_without_weights_refuses_them(project: Project) -> None:
    weights, task = project.module("objects.weights"), project.module("steps.task").Task
    toy = type("Grouping", (task,), dict.fromkeys(task.__abstractmethods__))()
    with pytest.raises(project.module("errors").UserError, match="the rows of a grouping have no weights"):
        weights.check_weights("w", toy, [], [], {})
