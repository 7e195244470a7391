"""The recipe for clusters: how they are numbered and judged, what new rows get, and a project that is run."""

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, FeatureAgglomeration, KMeans, SpectralClustering
from sklearn.metrics import adjusted_rand_score, mutual_info_score, silhouette_score
from sklearn.mixture import GaussianMixture
from stamped import Project

pytestmark = pytest.mark.slow

# Three heaps of 60, 40 and 20 points, far apart.
SIZES, CENTRES = (60, 40, 20), ((0, 0), (20, 0), (0, 20))
FEW = "kmeans, agglomerative, hdbscan"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, not run."""
    return Project(tmp_path_factory.mktemp("clusters"), project_name="Grouped", recipe="clustering", estimators=FEW)


@pytest.fixture(scope="module")
def clusters(project: Project) -> Any:
    """The module of the task."""
    return project.module("components.clusters")


@pytest.fixture(scope="module")
def judge(project: Project) -> Any:
    """The module of the metrics."""
    return project.module("components.cluster_metrics")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample that has been run; tests that change it work on copies."""
    project = Project(tmp_path_factory.mktemp("wines"), project_name="Wines", recipe="clustering", estimators=FEW)
    project.edit("params/search.yaml", ("trials: 160", "trials: 24"), ("seconds: 60", "seconds: 600"))
    project.repro()
    return project


def heaps(seed: int = 0, sizes: tuple[int, ...] = SIZES) -> tuple[np.ndarray, np.ndarray]:
    """Points, and the heap of each: 0 is the largest."""
    random = np.random.default_rng(seed)
    truth = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return np.asarray(CENTRES)[truth] + random.normal(size=(len(truth), 2)), truth


@pytest.mark.parametrize(
    "estimator",
    [
        KMeans(3, n_init=3, random_state=0),
        GaussianMixture(3, random_state=0),
        AgglomerativeClustering(3),
        SpectralClustering(3, random_state=0),
        HDBSCAN(min_cluster_size=10, copy=True),
    ],
    ids=lambda one: type(one).__name__,
)
def test_clusters_are_numbered_by_size_and_new_rows_get_theirs(clusters: Any, estimator: Any) -> None:
    points, truth = heaps()
    model = clone(clusters.Clusters(estimator)).fit(points, np.empty((len(points), 0)))
    said = model.predict(points)
    assert adjusted_rand_score(truth, said) > 0.95
    assert [int((said == one).sum()) for one in range(3)] == pytest.approx(SIZES, abs=4)
    new, where = heaps(1)
    assert (model.predict(new) == where).mean() > 0.95


def test_what_cannot_predict_gives_rows_of_training_what_it_gave_them(clusters: Any) -> None:
    points, _ = heaps()
    for estimator in (AgglomerativeClustering(5, linkage="average"), HDBSCAN(min_cluster_size=10, copy=True)):
        own = clone(estimator).fit(points).labels_
        said = clusters.Clusters(estimator).fit(points).predict(points)
        assert adjusted_rand_score(own, said) == pytest.approx(1)
        assert ((own < 0) == (said == clusters.NOISE)).all()


def test_a_row_far_from_all_dense_ones_is_noise_and_goes_somewhere_without_noise(clusters: Any) -> None:
    points, _ = heaps()
    alone = np.vstack([points, [[60.0, 60.0]]])
    far = np.array([[-40.0, -40.0], [61.0, 60.0], [0.0, 0.0]])
    dense = clusters.Clusters(HDBSCAN(min_cluster_size=10, copy=True)).fit(alone)
    assert dense.predict(far).tolist() == [-1, -1, 0]
    assert clusters.Clusters(AgglomerativeClustering(3)).fit(points).predict(far)[0] == 0


def test_all_noise_is_said_to_be_noise(clusters: Any) -> None:
    points = np.random.default_rng(0).uniform(size=(40, 2))
    model = clusters.Clusters(HDBSCAN(min_cluster_size=30, copy=True)).fit(points)
    assert set(model.predict(points).tolist()) == {-1}


def test_of_many_rows_some_speak_for_the_others(clusters: Any) -> None:
    points, truth = heaps(sizes=(600, 400, 200))
    model = clusters.Clusters(AgglomerativeClustering(3), most_rows=100).fit(points)
    assert len(model.estimator_.labels_) == 100
    assert adjusted_rand_score(truth, model.predict(points)) > 0.95


def test_clusters_of_columns_are_refused(clusters: Any) -> None:
    with pytest.raises(ValueError, match="FeatureAgglomeration does not give each row a cluster"):
        clusters.Clusters(FeatureAgglomeration(2)).fit(heaps()[0])


def test_clusters_of_several_models_are_not_averaged(clusters: Any) -> None:
    task = clusters.Clustering()
    assert task.mean([1.0], 1).predict(np.array([[2.0], [-1.0]])).tolist() == [2, -1]
    for refused in (lambda: task.mean([0.5, 0.5], 1), lambda: task.ensemble([], [], None)):
        with pytest.raises(Exception, match="clusters of several models cannot be averaged"):
            refused()


def test_the_reference_space_is_of_one_scale(clusters: Any) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": [*random.normal(30_000, 5_000, 998), 9e9, np.nan],
            "when": pd.date_range("2024-01-01", periods=1000),
            "same": 1.0,
            "kind": pd.Series(["a"] * 600 + ["b"] * 395 + ["c", "d", "e", "f", None]),
            "note": ["red apple", "old stone"] * 500,
        }
    )
    space = clusters.ReferenceSpace(["note"]).fit(frame)
    points = space.transform(frame)
    income, when, same = points[:, 0], points[:, 1], points[:, 2]
    assert np.isfinite(points).all() and np.abs(income).max() < 3 and income[-1] == 0
    assert income.std() == pytest.approx(1, abs=0.15) and when.std() == pytest.approx(0.8, abs=0.15)
    assert (same == 0).all()
    kinds = points[:, 3:6]  # a, b, and all the others
    assert kinds.sum(axis=0).tolist() == [600, 395, 5] and (kinds.sum(axis=1) == 1).all()
    words = points[:, 6:]
    assert ((words[0] - words[1]) ** 2).sum() == pytest.approx(2, abs=0.1)
    unseen = space.transform(frame.head(1).assign(kind="new", note="something else"))
    assert unseen[0, 3:6].tolist() == [0, 0, 1]


def test_metrics_are_scikit_learns_where_there_is_no_noise(judge: Any) -> None:
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

    points, truth = heaps()
    assert judge.mean_silhouette_score(points, truth) == pytest.approx(silhouette_score(points, truth))
    assert judge.davies_bouldin_error(points, truth) == pytest.approx(davies_bouldin_score(points, truth))
    assert judge.calinski_harabasz_ratio_score(points, truth) == pytest.approx(calinski_harabasz_score(points, truth))


def test_noise_makes_every_metric_worse_by_its_share(judge: Any) -> None:
    points, truth = heaps()
    noisy = np.where(np.arange(len(truth)) < 30, -1, truth)
    inside = noisy != -1
    share = inside.mean()
    clean = silhouette_score(points[inside], truth[inside])
    assert judge.mean_silhouette_score(points, noisy) == pytest.approx(share * clean)
    of_rest = judge.davies_bouldin_error(points[inside], truth[inside])
    assert judge.davies_bouldin_error(points, noisy) == pytest.approx(of_rest / share)
    of_rest = judge.calinski_harabasz_ratio_score(points[inside], truth[inside])
    assert judge.calinski_harabasz_ratio_score(points, noisy) == pytest.approx(of_rest * share)


@pytest.mark.parametrize("labels", [np.zeros(120), np.arange(120), np.full(120, -1), np.arange(120) % 2 - 1])
def test_what_is_no_clustering_has_the_worst_score(judge: Any, labels: np.ndarray) -> None:
    points, _ = heaps()
    assert judge.mean_silhouette_score(points, labels.astype(int)) == -1
    assert judge.davies_bouldin_error(points, labels.astype(int)) == np.inf
    assert judge.likelihood_gain_score(points, labels.astype(int)) == -np.inf
    assert judge.calinski_harabasz_ratio_score(points, labels.astype(int)) == 0


def test_the_gain_in_likelihood_finds_stretched_clusters_that_the_silhouette_takes_for_one(judge: Any) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1, 2], 100)
    points = np.column_stack([rng.normal(scale=3, size=300) + 4 * (truth > 1), rng.normal(size=300) + 4 * truth])
    points[:, 0] += 2 * points[:, 1]
    halves = (truth > 1).astype(int)
    found = {name: getattr(judge, name) for name in ("likelihood_gain_score", "mean_silhouette_score")}
    assert found["likelihood_gain_score"](points, truth) > max(0, found["likelihood_gain_score"](points, halves))
    assert found["mean_silhouette_score"](points, truth) < found["mean_silhouette_score"](points, halves)
    assert found["likelihood_gain_score"](points, rng.integers(0, 3, 300)) < 0


def test_the_gain_in_likelihood_is_the_mutual_information_with_a_category(judge: Any) -> None:
    rng = np.random.default_rng(0)
    category, labels = np.repeat([0, 1, 2], 200), np.repeat([0, 1], 300)
    gain = judge.likelihood_gain_score(np.eye(4)[category], labels)
    assert gain == pytest.approx(mutual_info_score(category, labels) - np.log(2) - 1.5 * np.log(600) / 600)
    once = judge.likelihood_gain_score(rng.normal(size=(600, 1)), labels)
    flags = judge.likelihood_gain_score(np.column_stack([rng.normal(size=600), labels * 2.0]), labels)
    assert once < flags < 0.01, "two clusters by a column of two values are told by that column and by nothing else"


def test_noise_gains_no_likelihood(judge: Any) -> None:
    points, truth = heaps()
    noisy = np.where(np.arange(len(truth)) < 30, -1, truth)
    assert judge.likelihood_gain_score(points, noisy) < judge.likelihood_gain_score(points, truth)
    heap = np.random.default_rng(0).normal(size=(300, 5))
    far = (heap**2).sum(axis=1) > 4
    assert judge.likelihood_gain_score(heap, np.where(far, -1, (heap[:, 0] > 0).astype(int))) < 0


def test_a_silhouette_of_a_sample_is_near_that_of_all(judge: Any) -> None:
    points, truth = heaps(sizes=(600, 400, 200))
    few = judge.mean_silhouette_score(points, truth, sample_size=300)
    assert few == pytest.approx(silhouette_score(points, truth), abs=0.02)
    assert few == judge.mean_silhouette_score(points, truth, sample_size=300)


def test_heaps_are_stable_and_parts_of_one_heap_are_not(judge: Any) -> None:
    rows = pd.DataFrame(heaps()[0])
    new = pd.DataFrame(heaps(1)[0])

    def stability(learned: pd.DataFrame, asked: pd.DataFrame, n_clusters: int) -> float:
        model = KMeans(n_clusters, n_init=1, random_state=0).fit(learned)
        found = judge.stability_score(
            asked.to_numpy(), model.predict(asked), estimator=model, rows=asked, rows_train=learned
        )
        return float(found)

    assert stability(rows, new, 3) > 0.95
    uniform = [pd.DataFrame(np.random.default_rng(seed).normal(size=(120, 2))) for seed in (0, 1)]
    assert stability(uniform[0], uniform[1], 6) < 0.8


def test_profiles_say_what_a_cluster_has_more_of(project: Project) -> None:
    rows = pd.DataFrame(
        {
            "size": [1.0, 1.0, 3.0, 3.0],
            "kind": ["a", "a", "a", "b"],
            "when": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-01-03", None]),
        }
    )
    found = project.module("components.cluster_charts").profiles(rows, np.array([0, 0, 1, 1]))
    by = found.set_index(["cluster", "of"])["difference"]
    assert by[(0, "size")] == -1 and by[(1, "size")] == 1
    assert by[(1, "kind = b")] == pytest.approx(0.25 / np.sqrt(0.25 * 0.75))
    assert by[(0, "when")] < 0 < by[(1, "when")]


def test_the_sample_falls_into_its_cultivars(done: Project) -> None:
    predictions = done.path / "predictions.csv"
    done.python("predict", "data/raw/wines.csv", str(predictions))
    said, wines = pd.read_csv(predictions), pd.read_csv(done.path / "data" / "raw" / "wines.csv")
    assert pd.api.types.is_integer_dtype(said["prediction"])
    assert adjusted_rand_score(wines["cultivar"], said["prediction"]) > 0.7
    metrics = json.loads((done.path / "reports" / "metrics.json").read_text())
    assert metrics["mean_silhouette_score"] > 0.2 and metrics["stability_score"] > 0.6
    board = json.loads((done.path / "reports" / "leaderboard.json").read_text())["models"]
    assert all(one["state"] == "ok" for one in board)


def test_its_report_shows_clusters_and_speaks_of_no_target(done: Project) -> None:
    page = (done.path / "reports" / "report.html").read_text(encoding="utf-8")
    for title in ("Clusters on a plane", "Profiles of the clusters", "Sizes of the clusters", "Silhouettes"):
        assert f"<h3>{title}</h3>" in page
    for title in ("How many clusters", "Stability of the clusters", "Clusters and cultivar"):
        assert f"<h3>{title}</h3>" in page
    assert "<dt>Target</dt>" not in page and "the target" not in page
    drawn = {path.stem for path in (done.path / "reports" / "plots").iterdir()}
    assert {"cluster_projection", "cluster_profiles", "number_of_clusters", "cluster_stability"} <= drawn
    numbers = pd.read_csv(done.path / "reports" / "plots" / "number_of_clusters.csv")
    assert set(numbers["model"]) == {"kmeans", "agglomerative"} and numbers["clusters"].between(2, 12).all()


def test_where_nothing_is_held_out_the_scores_are_those_of_the_folds(done: Project, tmp_path: Path) -> None:
    project = done.copy(tmp_path)
    held = "holdout:\n  class: ShuffleSplit\n  params: {n_splits: 1, test_size: 0.2, random_state: 0}"
    project.edit("params/split.yaml", (held, "holdout: {class: NoHoldout}"))
    project.edit("params/search.yaml", ("trials: 24", "trials: 6"))
    project.repro()
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text())["models"]
    chosen = next(one for one in board if one["chosen"])
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text())
    assert metrics["likelihood_gain_score"] == pytest.approx(chosen["score"])


def test_a_stored_model_says_what_the_pipeline_says(done: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done.path)
    load = done.module("prediction.pipeline").PredictionPipeline.load
    wines = pd.read_csv("data/raw/wines.csv").drop(columns="cultivar")
    packaged = load("models/package")
    said = packaged.predict(wines)
    model, schema = done.module("prediction.artifact").load(
        done.path / "models" / "final", json.loads((done.path / "plan" / "train.json").read_text())["named"]
    )
    assert schema.targets == [] and "cultivar" not in schema.features
    assert said["prediction"].tolist() == model.predict(packaged.prepare(wines)).tolist()
    assert set(said["prediction"]) >= {0, 1, 2}


@pytest.mark.parametrize("name", ["agglomerative", "hdbscan"])
def test_what_cannot_predict_is_stored_with_the_rows_that_do(name: str, done: Project, tmp_path: Path) -> None:
    project = done.copy(tmp_path)
    project.edit("params/train.yaml", ("model: null", f"model: {name}"))
    for stage in ("plan", "train", "evaluate", "package"):
        project.stage(stage)
    project.python("predict", "data/raw/wines.csv", "predictions.csv")
    said = pd.read_csv(project.path / "predictions.csv")["prediction"]
    assert set(said) >= {0, 1} and (said == -1).any() == (name == "hdbscan")


def test_the_service_answers_with_a_cluster(done: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.testclient import TestClient

    monkeypatch.chdir(done.path)
    pipeline = done.module("prediction.pipeline").PredictionPipeline.load("models/package")
    app = done.module("parts.serve.app").make_app(pipeline, done.module("parts.serve.settings").Settings())
    rows = json.loads((done.path / "models" / "package" / "example.json").read_text())
    with TestClient(app) as client:
        answer: httpx.Response = client.post("/predict", json={"rows": rows})
        assert answer.status_code == 200, answer.text
        said = [one["prediction"] for one in answer.json()["predictions"]]
        assert len(said) == len(rows) and all(isinstance(one, int) and one >= -1 for one in said)
        schema = json.dumps(client.get("/openapi.json").json())
    assert '"type": "integer"' in schema


def test_a_script_of_a_clustering_is_refused_in_a_sentence(done: Project) -> None:
    assert "a script can be written for" in done.python("script", code=1)


def test_an_ensemble_of_clusterings_is_refused(done: Project) -> None:
    new = ("class: BestSingle\n  params: {model: null, refit: true}", "class: Voting\n  params: {size: 2}")
    with done.edited("params/train.yaml", new):
        done.stage("plan")
        said = done.run("python", "-m", f"{done.package}.stages.train", code=1)
    done.stage("plan")
    assert "clusters of several models cannot be averaged" in said
