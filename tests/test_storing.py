"""Every estimator that `make list` offers is stored and loaded by skops and joblib, or refused before the search."""

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from stamped import ROOT, Project
from threadpoolctl import threadpool_limits

PACKAGES = sorted(yaml.safe_load((ROOT / "recipes" / "packages.yaml").read_text(encoding="utf-8")))
KINDS = ("classifier", "regressor", "clusterer", "outlier_detector", "estimator")
FLAVORS = ("Skops", "Joblib")
LINEAR = "{class: sklearn.linear_model.LogisticRegression}"
RIDGE = "{class: sklearn.linear_model.Ridge}"
BOOSTING = "{class: lightgbm.LGBMClassifier, params: {n_estimators: 3, verbose: -1}}"
# The parameters without which a class cannot be built or fitted.
NEEDED = {
    "ClassifierChain": f"estimator: {LINEAR}",
    "ConfusionBalancer": f"estimator: {LINEAR}",
    "DecayEstimator": f"model: {RIDGE}",
    "FixedThresholdClassifier": f"estimator: {LINEAR}",
    "GridSearchCV": f"estimator: {LINEAR}, param_grid: {{C: [1, 2]}}",
    "GroupedClassifier": f"estimator: {LINEAR}, groups: 0",
    "GroupedPredictor": f"estimator: {RIDGE}, groups: 0",
    "GroupedRegressor": f"estimator: {RIDGE}, groups: 0",
    "HalvingGridSearchCV": f"estimator: {LINEAR}, param_grid: {{C: [1, 2]}}",
    "HalvingRandomSearchCV": f"estimator: {LINEAR}, param_distributions: {{C: [1, 2]}}",
    "HierarchicalClassifier": f"estimator: {LINEAR}, groups: 0",
    "HierarchicalRegressor": f"estimator: {RIDGE}, groups: 0",
    "LGBMModel": "objective: binary, n_estimators: 3",
    "OneVsOneClassifier": f"estimator: {LINEAR}",
    "OneVsRestClassifier": f"estimator: {BOOSTING}",
    "OutlierClassifier": "model: {class: sklearn.ensemble.IsolationForest}",
    "OutputCodeClassifier": f"estimator: {LINEAR}",
    "PCAOutlierDetection": "n_components: 2, threshold: 0.1",
    "RandomizedSearchCV": f"estimator: {LINEAR}, param_distributions: {{C: [1, 2]}}, n_iter: 2",
    "RegressionOutlierDetector": f"model: {RIDGE}, column: 0",
    "SelfTrainingClassifier": f"estimator: {LINEAR}",
    "StackingClassifier": f"estimators: [{{a: {LINEAR}}}, {{b: {BOOSTING}}}]",
    "StackingRegressor": f"estimators: [{{a: {RIDGE}}}]",
    "SubjectiveClassifier": f"estimator: {LINEAR}, prior: {{0: 0.5, 1: 0.5}}",
    "Thresholder": f"model: {LINEAR}, threshold: 0.5",
    "TunedThresholdClassifierCV": f"estimator: {BOOSTING}, thresholds: 5",
    "VotingClassifier": f"estimators: [{{a: {LINEAR}}}, {{b: {BOOSTING}}}]",
    "VotingRegressor": f"estimators: [{{a: {RIDGE}}}]",
    "ZeroInflatedRegressor": f"classifier: {LINEAR}, regressor: {RIDGE}",
}
# What no flavor can store, or skops cannot, and a part of what `make check` says of it.
NOT_SKOPS = {"sklearn.cluster.Birch": "`parts: {model: {class: Joblib}}` in params/package.yaml can"}
REFUSED = {
    "sklego.dummy.RandomRegressor": "predicts something else each time",
    **dict.fromkeys(
        [
            "sklego.meta.DecayEstimator",
            *(f"sklego.meta.Grouped{kind}" for kind in ("Classifier", "Predictor", "Regressor")),
            *(f"sklego.meta.Hierarchical{kind}" for kind in ("Classifier", "Regressor")),
        ],
        "no flavor of this project can; use another class",
    ),
}
# Not for two classes or one number in a table of a few columns: ranking, several targets, a cluster of machines,
# packages that are not installed. No search gets as far as storing one of these.
UNFIT = set(
    """
    ClassifierChain RegressorChain MultiOutputClassifier MultiOutputRegressor MultiTaskElasticNet MultiTaskElasticNetCV
    MultiTaskLasso MultiTaskLassoCV OrdinalClassifier IsotonicRegression CCA PLSCanonical FrozenEstimator
    CatBoostRanker HnswEstimator LGBMRanker XGBRanker DaskLGBMClassifier DaskLGBMRanker DaskLGBMRegressor
    ParamSearch OptunaParamSearch SingleColumnTransformer Pipeline ValueDifferenceMetric ProbWeightRegression
    UMAPOutlierDetection HierarchicalPredictor ResidualIntervals CatBoost
    """.split()
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stamped project, in whose folder the tests are."""
    made = Project(tmp_path_factory.mktemp("storing"), project_name="Storing", parts="export-onnx")
    with contextlib.chdir(made.path):
        yield made


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, two classes and a number of 80 rows."""
    X = np.random.default_rng(1).integers(1, 4, (80, 4)).astype(float)
    return X, np.arange(80) % 2, X @ [1.0, 2.0, 0.5, 0.1] + np.linspace(0, 1, 80)


def _model(project: Project, path: str) -> Any:
    """A model of this class, without preprocessing."""
    grammar, reader = project.module("objects.grammar"), project.module("objects.reader")
    written = f"{{class: {path}, params: {{{NEEDED.get(path.rpartition('.')[2], '')}}}}}"
    data, where = reader.parse(written)
    node = grammar.Grammar().object(data, where, KINDS)
    return project.module("objects.model").Model("one", node, grammar.Steps((), None, where), [])


def _fitted(project: Project, node: Any, rows: Any) -> Any:
    X, codes, numbers = rows
    for y in (codes, numbers):
        with contextlib.suppress(Exception):
            made = project.module("objects.build").build(node)
            made.fit(X, y)
            return made
    return None


@pytest.mark.parametrize("package", [pytest.param("sklearn", marks=pytest.mark.slow), *PACKAGES])
def test_every_estimator_is_stored_or_refused_by_check(package: str, project: Project, rows: Any) -> None:
    registry, attempts = project.module("objects.discovery"), project.module("objects.attempts")
    offered = [one for one in registry.find_all(PACKAGES) if one.package == package and one.kind in KINDS]
    assert offered or package == "category_encoders"
    for entry in offered:
        if entry.name in UNFIT:
            continue
        with threadpool_limits(1), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            model = _model(project, entry.path)
            fitted = _fitted(project, model.estimator, rows)
            assert fitted is not None, f"{entry.path} cannot be fitted: it belongs into UNFIT or NEEDED"
            named = sorted(project.module("objects.nodes").classes(model.estimator))
            about = project.module("objects.allowed").About(named)
            for name in FLAVORS:
                flavor = getattr(project.module("components.flavors"), name)()
                refusal = (NOT_SKOPS if name == "Skops" else {}).get(entry.path) or REFUSED.get(entry.path)
                if refusal:
                    with pytest.raises(project.module("errors").UserError) as caught:
                        attempts.try_storing(model, {"model": flavor}, named)
                    assert refusal in caught.value.message, entry.path
                    continue
                attempts.try_storing(model, {"model": flavor}, named)
                _check_stored(fitted, flavor, about, rows[0], entry.path)


def _check_stored(fitted: Any, flavor: Any, about: Any, X: np.ndarray, path: str) -> None:
    file = Path(f"one{flavor.suffix}")
    flavor.save(fitted, file, about)
    again = flavor.load(file, about)
    file.unlink()
    if hasattr(fitted, "predict"):
        assert np.allclose(fitted.predict(X), again.predict(X)), f"{path} by {type(flavor).__name__}"


def test_an_estimator_without_a_converter_to_a_graph_is_refused_before_the_search(project: Project) -> None:
    attempts, onnx = project.module("objects.attempts"), project.module("parts.export_onnx.components").Onnx()
    for path, refusal in (("sklearn.linear_model.LogisticRegression", ""), ("sklego.mixture.GMMClassifier", "Skops")):
        model = _model(project, path)
        if not refusal:
            attempts.try_storing(model, {"model": onnx}, [path])
            continue
        with pytest.raises(project.module("errors").UserError, match=f"cannot be stored by Onnx.*{refusal}"):
            attempts.try_storing(model, {"model": onnx}, [path])


@pytest.mark.parametrize(
    ("path", "params", "reason"),
    [
        ("lightgbm.DaskLGBMClassifier", "", "No clients found"),
        (
            "sklearn.ensemble.VotingClassifier",
            "voting: soft, estimators: [{a: {class: sklearn.linear_model.RidgeClassifier}}]",
            "predict_proba",
        ),
    ],
)
def test_an_estimator_that_cannot_be_fitted_is_noted_before_the_search(
    path: str, params: str, reason: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NEEDED, path.rpartition(".")[2], params)
    (note,) = project.module("objects.attempts").try_storing(_model(project, path), {}, [path])
    assert f"{path.rpartition('.')[2]} could not be fitted to a small made-up table" in note and reason in note


@pytest.mark.parametrize("forever", ["while True:\n            pass", "time.sleep(60)"])
def test_a_fit_that_does_not_end_is_noted_after_some_seconds(
    forever: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"endless_{len(forever)}"
    (project.path / "src" / project.package / "custom" / f"{name}.py").write_text(
        "import time\n\nfrom sklearn.dummy import DummyClassifier\n\n\nclass Endless(DummyClassifier):\n"
        f"    def fit(self, X, y):\n        {forever}\n",
        encoding="utf-8",
    )
    attempts, path = project.module("objects.attempts"), f"{project.package}.custom.{name}.Endless"
    monkeypatch.setattr(attempts, "SECONDS", 0.2)
    (note,) = attempts.try_storing(_model(project, path), {}, [path])
    assert "it takes longer than 0.2 seconds" in note


def test_check_finds_an_estimator_that_cannot_be_stored_with_its_file(project: Project) -> None:
    project.edit("params/search.yaml", ("  - logistic_regression\n", "  - grouped\n"))
    (project.path / "params" / "models" / "grouped.yaml").write_text(
        f"class: sklego.meta.GroupedClassifier\nparams: {{groups: 0, estimator: {LINEAR}}}\npreprocess: scaled_onehot\n",
        encoding="utf-8",
    )
    said = project.python("check", code=1)
    assert "params/models/grouped.yaml" in said and "cannot be stored by Skops" in said
