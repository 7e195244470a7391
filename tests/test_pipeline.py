"""Stamped projects run: what runs again after which edit, what survives a kill, and which tables and classes work."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import httpx
import mlflow
import numpy as np
import pandas as pd
import pytest
from moto.server import ThreadedMotoServer
from stamped import NO_REQUESTS, NO_SEARCH, QUIET, TOOLS, Project, environment

pytestmark = pytest.mark.slow

ALL = ["plan", "load", "split", "tune@logistic_regression", "tune@random_forest", "train", "evaluate", "package"]
MODELS = ["logistic_regression", "random_forest"]
TUNE = [stage for stage in ALL if "tune" in stage]
SMALL = (("trials: 100", "trials: 4"), ("seconds: 240", "seconds: 600"))  # two trials a model
GREEDY = "class: GreedySelection\n  params: {size: 25, refit: true}"
QUICK = ("n_estimators: 100", "n_estimators: 10")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on penguins that has been run; tests work on copies of it."""
    project = Project(
        tmp_path_factory.mktemp("done"), project_name="Done", estimators="logistic_regression, random_forest"
    )
    project.edit("params/search.yaml", *SMALL)
    project.edit("params/models/random_forest.yaml", QUICK)
    assert project.repro() == ALL
    return project


@pytest.fixture
def project(done: Project, tmp_path: Path) -> Project:
    """A copy of that project."""
    return done.copy(tmp_path)


def tuned(project: Project) -> list[str]:
    """The models that are tuned again."""
    return [stage for stage in project.repro(*TUNE) if "tune" in stage]


def would_tune(project: Project) -> list[str]:
    """The models that would be tuned again; only the plan is made."""
    project.repro("plan")
    return [stage for stage in project.repro("--dry", *TUNE) if "tune" in stage]


def test_a_second_run_does_nothing(project: Project) -> None:
    assert project.repro() == []


def test_what_it_writes_is_kept_out_of_git(project: Project) -> None:
    changed = project.run("git", "status", "--porcelain").split()[1::2]
    assert sorted(changed) == [
        "dvc.lock",
        "params/models/random_forest.yaml",
        "params/search.yaml",
        "reports/",
    ]


def test_the_report_opens_offline(project: Project) -> None:
    page = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    for request in ("src=", "<link", "<script", "@import", "url(http"):
        assert request not in page
    for section in ("Leaderboard", "random_forest", "Confusion matrix", "make run"):
        assert section in page


def test_the_metrics_are_dvc_metrics(project: Project) -> None:
    shown = json.loads(project.run("dvc", "metrics", "show", "--json"))
    metrics = shown[""]["data"]["reports/metrics.json"]["data"]
    assert metrics["accuracy"] > 0.9 and 0 < metrics["log_loss"] < 0.5


def test_the_summary_names_the_models_and_the_report(project: Project) -> None:
    said = project.python("summary")
    assert "random_forest" in said and str(project.path / "reports" / "report.html") in said
    assert "note:" not in said
    with project.edited("models/final/result.json", ('"unfitted": []', '"unfitted": ["random_forest, trial 2"]')):
        assert "note: 1 more had been chosen, and could not be fitted within the seconds" in project.python("summary")
    beside = json.loads((project.path / "reports" / "baseline.json").read_text(encoding="utf-8"))
    assert f"The dummy model there: {beside['metric']} {beside['baseline']:.4g}" in said
    with project.edited("reports/baseline.json", (f'"score": {beside["score"]}', f'"score": {beside["baseline"]}')):
        assert "note: the final model is not better than the dummy model on the held-out" in project.python("summary")
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    last = board["models"][-1]
    found = f'"score": {last["score"]},\n      "state": "ok"'
    with project.edited("reports/leaderboard.json", (found, '"score": null,\n      "state": "out of time"')):
        assert f"note: no trial of {last['model']} finished in time: raise `seconds` of" in project.python("summary")
    with project.edited("reports/leaderboard.json", (found, '"score": null,\n      "state": "too many rows: so many"')):
        said = project.python("summary")
        assert f"note: the seconds of {last['model']} do not suffice for so many rows" in said


MODEL, FOREST = "params/models/logistic_regression.yaml", "params/models/random_forest.yaml"


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (FOREST, "# Trees", "# Many trees", []),
        (MODEL, "  C: 1.0\n  max_iter: 1000\n", "  max_iter: 1000\n  C: 1.0\n", []),
        (FOREST, "min_samples_leaf: 2", "min_samples_leaf: 3", ["tune@random_forest"]),
        (FOREST, "max_samples: {float: [0.5, 1.0]}", "max_samples: {float: [0.6, 1.0]}", ["tune@random_forest"]),
        (
            "params/preprocess/scaled_onehot.yaml",
            "min_frequency: 0.01",
            "min_frequency: 0.02",
            ["tune@logistic_regression"],
        ),
    ],
    ids=["comment", "order of keys", "value", "space", "preprocessing"],
)
def test_an_edit_tunes_the_models_that_it_changes(
    project: Project, file: str, old: str, new: str, expected: list[str]
) -> None:
    project.edit(file, (old, new))
    assert would_tune(project) == expected


def test_reordering_steps_runs_again_what_uses_them(project: Project) -> None:
    # DVC compares mappings without their order: this left a stale model where steps were a mapping.
    file = project.path / "params" / "preprocess" / "ordinal.yaml"
    head, *blocks = file.read_text(encoding="utf-8").split("\n  - columns:")
    file.write_text("\n  - columns:".join([head, *reversed([one.rstrip() for one in blocks])]) + "\n", encoding="utf-8")
    assert would_tune(project) == ["tune@random_forest"]


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("report/page.py", "evaluate"),
        ("steps/train.py", "train"),
        ("steps/split.py", "split"),
    ],
)
def test_editing_a_module_runs_the_stages_that_use_it(project: Project, module: str, first: str) -> None:
    path = project.path / "src" / project.package / module
    path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = True\n", encoding="utf-8")
    ran = project.repro()
    assert ran[:2] == ["plan", first]
    # Their outputs are the same as before, so nothing else has to run.
    assert len(ran) <= {"evaluate": 2, "train": 4, "split": 8}[first], ran


def test_editing_what_is_custom_tunes_the_models_that_use_it(project: Project) -> None:
    own = project.path / "src" / project.package / "custom" / "clip.py"
    own.write_text(
        "import numpy as np\n"
        "from sklearn.base import BaseEstimator, TransformerMixin\n\n\n"
        "class Clip(TransformerMixin, BaseEstimator):\n"
        "    def __init__(self, limit: float = 3.0):\n"
        "        self.limit = limit\n\n"
        "    def fit(self, X, y=None):\n"
        "        self.n_features_in_ = np.shape(X)[1]\n"
        "        return self\n\n"
        "    def transform(self, X):\n"
        "        return np.clip(X, -self.limit, self.limit)\n",
        encoding="utf-8",
    )
    project.edit(
        "params/preprocess/scaled_onehot.yaml",
        (
            "    steps:\n      - impute:",
            "    steps:\n      - clip: {class: Clip, space: {limit: {float: [1.0e+3, 1.0e+5]}}}\n      - impute:",
        ),
        # SimpleImputer comes after it, so the missing values are still there.
    )
    assert tuned(project) == ["tune@logistic_regression"]
    own.write_text(own.read_text(encoding="utf-8").replace("np.clip(X,", "1 * np.clip(X,"), encoding="utf-8")
    assert tuned(project) == ["tune@logistic_regression"]
    text = own.read_text(encoding="utf-8") + "# a comment\n"
    own.write_text(text.replace("    def __init__", '    """Cuts off."""\n\n    def __init__'), encoding="utf-8")
    assert tuned(project) == [], "a docstring and a comment change no score"


def test_nested_cross_validation_repeats_the_search_on_each_outer_split(project: Project) -> None:
    said = project.python("nested", code=1)
    assert "params/split.yaml" in said and "an outer splitter is needed" in said
    with (project.path / "params" / "split.yaml").open("a") as file:
        file.write("\nouter: {class: StratifiedKFold, params: {n_splits: 2}}\n")
    assert "dvc repro split" in project.python("nested", code=1), "the plan is that of before the edit"
    project.stage("plan")
    assert tuned(project) == [], "the outer splitter is for the nested search alone"
    said = project.python("nested")
    assert "outer split 2 of 2" in said and "log_loss" in said
    result = json.loads((project.path / "reports" / "nested.json").read_text(encoding="utf-8"))
    assert result["accuracy"]["mean"] > 0.9 and len(result["log_loss"]["folds"]) == 2
    splits = [
        json.loads((project.path / f".cache/nested/{number}/data/processed/split.json").read_text()) for number in "01"
    ]
    assert [one["held_out"] for one in splits] == [172, 172] and {one["train"] for one in splits} == {172}


def test_raising_the_budget_goes_on_from_the_trials_that_are_there(project: Project) -> None:
    project.edit("params/search.yaml", ("trials: 4", "trials: 6"))
    assert tuned(project) == TUNE
    history = pd.read_csv(project.path / "models" / "tuned" / "random_forest" / "trials.csv")
    assert history["start"].tolist() == ["defaults", "seed 1", "seed 2"]
    assert len(list((project.path / ".cache" / "studies" / "random_forest").iterdir())) == 1


def test_a_changed_share_goes_on_from_the_trials_that_are_there(project: Project) -> None:
    before = [pd.read_csv(project.path / "models" / "tuned" / name / "trials.csv") for name in MODELS]
    project.edit("params/search.yaml", ("shares: {train: 0.5}", "shares: {random_forest: 2}"))
    assert tuned(project) == TUNE
    after = [pd.read_csv(project.path / "models" / "tuned" / name / "trials.csv") for name in MODELS]
    assert [len(one) for one in after] == [2, 3]
    assert [one["seconds"].tolist()[:2] for one in after] == [one["seconds"].tolist() for one in before]


def test_two_runs_from_nothing_find_the_same(project: Project) -> None:
    files = [project.path / "reports" / name for name in ("leaderboard.json", "metrics.json")]
    before = [file.read_bytes() for file in files]
    for folder in (".cache/studies", "models", "reports"):
        shutil.rmtree(project.path / folder)
    for name in MODELS:
        project.stage("tune", "--model", name)
    project.stage("train")
    project.stage("evaluate")
    assert [file.read_bytes() for file in files] == before


def test_other_final_models_are_made_of_the_same_searches(project: Project) -> None:
    def final(*edits: tuple[str, str]) -> tuple[dict[str, Any], pd.DataFrame]:
        with project.edited("params/train.yaml", *edits):
            assert [stage for stage in project.repro("train") if "tune" in stage] == []
            project.python("predict", "data/raw/penguins.csv", "predictions.csv", "--model", "models/final")
        board = json.loads((project.path / "reports" / "leaderboard.json").read_text())
        return next(one for one in board["models"] if one["chosen"]), pd.read_csv(project.path / "predictions.csv")

    truth = pd.read_csv(project.path / "data" / "raw" / "penguins.csv")["species"]
    stacking = "class: Stacking\n  params: {size: 3, final_estimator: {class: LogisticRegression}}"
    chosen, said = final(
        (GREEDY, stacking),
        ("calibration: null", "calibration: {class: CalibratedClassifierCV, params: {method: sigmoid}}"),
    )
    assert (chosen["class"], len(chosen["members"])) == ("Stacking", 3)
    assert (said["prediction"] == truth).mean() > 0.95
    assert np.allclose(said.filter(like="probability_").sum(axis=1), 1)
    chosen, said = final((GREEDY, "class: BestSingle\n  params: {model: random_forest}"))
    assert (chosen["model"], chosen["class"]) == ("random_forest", "RandomForestClassifier")
    assert (said["prediction"] == truth).mean() > 0.95
    project.edit("params/train.yaml", ("threshold: null", "threshold: {class: TunedThresholdClassifierCV}"))
    said = project.run("dvc", "repro", "train", code=255)
    assert "error: params/train.yaml:" in said and "a threshold is for two classes, and there are 3" in said
    assert "Traceback" not in said


def test_a_costlier_mistake_moves_the_threshold(tmp_path: Path) -> None:
    mixed(200).drop(columns="price").to_csv(tmp_path / "table.csv", index=False)
    project = Project(
        tmp_path,
        project_name="Costs",
        data=str(tmp_path / "table.csv"),
        target="risk",
        estimators="logistic_regression",
    )
    project.edit("params/search.yaml", ("trials: 100", "trials: 2"))
    for stage in ("plan", "load", "split"):
        project.stage(stage)
    project.stage("tune", "--model", "logistic_regression")
    shares = {}
    for scoring in (
        "balanced_accuracy",
        "{class: mean_cost_loss, params: {matrix: [[0, 1], [50, 0]]}}",
        "{class: mean_cost_loss, params: {matrix: [[0, 50], [1, 0]]}}",
    ):
        node = f"threshold: {{class: TunedThresholdClassifierCV, params: {{scoring: {scoring}}}}}"
        with project.edited("params/train.yaml", ("threshold: null", node)):
            project.stage("plan")
            project.stage("train")
            project.python("predict", str(tmp_path / "table.csv"), "predictions.csv", "--model", "models/final")
        said = pd.read_csv(project.path / "predictions.csv")
        # The classes are high and low; a row is a true class, so the second row is what a missed `low` costs.
        shares[scoring[-9:]] = (said["prediction"] == "low").mean()
    plain, missed, alarmed = shares.values()
    assert missed > plain > alarmed


def test_trials_of_other_code_are_not_gone_on_from(project: Project) -> None:
    fit = f"src/{project.package}/steps/fit.py"
    project.edit(
        fit,
        (
            "self.estimator, transformed, np.asarray(targets)",
            "self.estimator, transformed[::9], np.asarray(targets)[::9]",
        ),
    )
    result = project.path / "models" / "tuned" / "random_forest" / "result.json"
    before = json.loads(result.read_text())["folds"]
    assert tuned(project) == TUNE
    assert json.loads(result.read_text())["folds"] != before


def test_a_killed_search_loses_no_finished_trial(project: Project) -> None:
    project.edit("params/search.yaml", ("trials: 4", "trials: 24"))
    project.edit("params/models/random_forest.yaml", ("n_estimators: 10", "n_estimators: 60"))
    project.run("dvc", "repro", "split")
    project.stage("plan")
    studies = project.path / ".cache" / "studies" / "random_forest"
    old = set(studies.iterdir())
    search = subprocess.Popen(
        [TOOLS / "python", "-m", f"{project.package}.stages.tune", "--model", "random_forest"],
        cwd=project.path,
        env={**os.environ, **QUIET},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    table = _wait_for(lambda: next(iter(set(studies.iterdir()) - old)) / "trials.csv", search)
    os.killpg(search.pid, signal.SIGKILL)
    search.wait()
    before = pd.read_csv(table)
    project.stage("tune", "--model", "random_forest")
    after = pd.read_csv(project.path / "models" / "tuned" / "random_forest" / "trials.csv")
    finished = after[after["state"] != "fail"]
    assert finished["seconds"].tolist()[: len(before)] == before["seconds"].tolist(), "finished trials were lost"
    assert len(finished) == 12
    assert finished["start"].dropna().tolist() == ["defaults", "seed 1", "seed 2"]


@pytest.mark.parametrize("sleep", ["time.sleep(60)", "while True: pass"])
def test_the_seconds_are_a_hard_limit(project: Project, sleep: str) -> None:
    own = project.path / "src" / project.package / "custom" / "slow.py"
    own.write_text(
        "import time\n\nfrom sklearn.dummy import DummyClassifier\n\n\n"
        "class Slow(DummyClassifier):\n"
        "    def fit(self, X, y):\n"
        f"        {sleep}\n",
        encoding="utf-8",
    )
    (project.path / "params" / "models" / "slow.yaml").write_text("class: Slow\n", encoding="utf-8")
    project.edit(
        "params/search.yaml",
        # The first two and the final fit have a second each, and `slow` has five.
        ("seconds: 600", "seconds: 8"),
        ("shares: {train: 0.5}", "shares: {slow: 5}"),
        ("  - random_forest", "  - random_forest\n  - slow"),
    )
    project.run("dvc", "repro", "split")
    began = time.monotonic()
    said = project.stage("tune", "--model", "slow", warm=False)
    assert time.monotonic() - began < 20, "five seconds after the imports, which take their time on a busy machine"
    assert project.running() == []
    assert "no trial finished within 5 s" in said
    result = json.loads((project.path / "models" / "tuned" / "slow" / "result.json").read_text())
    assert (result["state"], result.get("score")) == ("out of time", None)
    assert "models/final is trained on 275 rows" in project.stage("train"), "the others go on"


def test_a_model_that_fails_with_its_defaults_is_named_and_left_out(project: Project) -> None:
    (project.path / "params" / "models" / "naive.yaml").write_text("class: GaussianNB\npreprocess: native\n")
    project.edit("params/search.yaml", ("  - random_forest", "  - random_forest\n  - naive"))
    said = project.run("dvc", "repro")
    assert "params/models/naive.yaml: GaussianNB fails with its defaults: ValueError: Input X contains NaN" in said
    assert "fails with its defaults" in project.python("summary")
    project.edit("params/train.yaml", (GREEDY, "class: BestSingle\n  params: {model: naive}"))
    assert "there is no model to train (naive: fails" in project.run("dvc", "repro", code=255)


def test_ugly_values_do_not_stop_a_run(tmp_path: Path) -> None:
    frame = mixed(120).assign(huge=2**62 + np.arange(120) * 7, wild=np.r_[np.inf, -np.inf, np.arange(118)])
    frame.loc[5, "risk"] = "only once"
    frame.drop(columns="price").to_csv(tmp_path / "table.csv", index=False)
    project = Project(tmp_path, project_name="Ugly", data=str(tmp_path / "table.csv"), target="risk", estimators="fast")
    project.edit("params/search.yaml", ("trials: 20", "trials: 2"), ("seconds: 60", "seconds: 600"))
    assert project.repro()[-1] == "package"


def test_predictions_are_the_labels_of_the_table(project: Project) -> None:
    project.python("predict", "data/raw/penguins.csv", "predictions.csv")
    predictions = pd.read_csv(project.path / "predictions.csv")
    truth = pd.read_csv(project.path / "data" / "raw" / "penguins.csv")["species"]
    assert (predictions["prediction"] == truth).mean() > 0.95
    assert {f"probability_{label}" for label in truth.unique()} < set(predictions.columns)


def test_a_model_is_published_to_s3_and_predicts_from_there(project: Project, tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        with environment(AWS_ENDPOINT_URL=address, **keys):
            assert "cannot be written to" in project.python("publish", "s3://models/penguins", code=1)
            boto3.client("s3").create_bucket(Bucket="models")
            version = project.python("publish", "s3://models/penguins").strip()
            project.edit("params/publish.yaml", ("storage: null", "storage: s3://models/penguins"))
            assert project.python("publish").strip() == version
            said: list[bytes] = []
            for model in ("s3://models/penguins", version, "models/package"):
                project.python("predict", "data/raw/penguins.csv", f"{tmp_path}/said.csv", "--model", model)
                said.append((tmp_path / "said.csv").read_bytes())
            assert said[0] == said[1] == said[2]
            assert "there is no model at" in project.python(
                "predict", "data/raw/penguins.csv", "said.csv", "--model", "s3://models/none", code=1
            )
    finally:
        server.stop()


def test_how_the_model_is_stored_is_chosen_in_its_params(project: Project) -> None:
    expected = _predicted(project, "before.csv")
    project.edit("params/package.yaml", ("exports: []", "exports: [{class: Joblib}, {class: MLflow}]"))
    assert project.repro() == ["plan", "package"], "a copy for others is no reason to train"
    package = project.path / "models" / "package"
    served = mlflow.pyfunc.load_model(str(package / "exports" / "model.mlflow"))
    rows = pd.read_csv(project.path / "data" / "raw" / "penguins.csv", na_values=["", "."])
    assert served.predict(rows)["prediction"].tolist() == expected
    project.edit("params/package.yaml", ("  model: {class: Skops}", "  model: {class: Onnx}"))
    project.edit("params/package.yaml", ("label_encoder: {class: Skops}", "label_encoder: {class: Joblib}"))
    assert project.repro() == ["plan", "train", "evaluate", "package"]
    assert list(package.glob("model.onnx/*.onnx")) and (package / "label_encoder.joblib").exists()
    assert _predicted(project, "after.csv") == expected
    graph = next(package.glob("model.onnx/*.onnx"))
    graph.write_bytes(graph.read_bytes()[:-1])
    said = project.python("predict", "data/raw/penguins.csv", "damaged.csv", code=1)
    assert f"model.onnx/{graph.name} is damaged" in said


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="MLEM's last release is for Python 3.11 at most")
def test_mlem_saves_the_model_in_an_environment_of_its_own(project: Project) -> None:
    project.edit("params/package.yaml", ("exports: []", "exports: [{class: MLEM}]"))
    said = project.run(str(TOOLS / "dvc"), "repro", code=255)
    assert "there is no .venv-mlem/bin/python" in said and "`make mlem` makes .venv-mlem" in said
    project.run("make", "mlem", f"PYTHON={sys.executable}", "UV=")
    assert project.repro() == ["package"]
    saved = project.path / "models" / "package" / "exports" / "model.mlem"
    assert "object_type: model" in saved.read_text(encoding="utf-8"), "it was loaded there, and said the same"


def _predicted(project: Project, output: str) -> list[str]:
    project.python("predict", "data/raw/penguins.csv", output)
    return pd.read_csv(project.path / output)["prediction"].tolist()


def test_with_nothing_held_out_the_same_pipeline_learns_from_all_rows(project: Project) -> None:
    project.edit(
        "params/split.yaml",
        ("  class: StratifiedHoldout\n  params: {test_size: 0.2, random_state: 0}", "  class: NoHoldout"),
    )
    assert project.repro() == ALL[:1] + ALL[2:]
    rows = json.loads((project.path / "data" / "processed" / "split.json").read_text(encoding="utf-8"))
    assert (rows["train"], rows["held_out"]) == (344, 0)
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text(encoding="utf-8"))
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["log_loss"] == pytest.approx(board["models"][0]["score"], rel=0.02), (
        "both are of the same predictions"
    )
    assert "On rows left out of its folds" in project.python("summary")
    report = (project.path / "reports" / "report.html").read_text(encoding="utf-8")
    assert "Nothing is held out" in report and "Scores by cross-validation" in report


def test_a_column_that_is_not_there_is_refused_before_the_search(project: Project) -> None:
    project.edit("params/preprocess/ordinal.yaml", ("  - columns: {dtype: number}", "  - columns: [body_mas_g]"))
    said = project.run(str(TOOLS / "dvc"), "repro", code=255)
    assert "params/preprocess/ordinal.yaml:6: the table has no feature column 'body_mas_g'" in said
    assert "did you mean 'body_mass_g'?" in said and "Running stage 'tune" not in said


def test_the_service_takes_whatever_is_sent_and_ends_when_it_is_told_to(project: Project) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(TOOLS / "python"), "-m", project.package, "serve", "--port", str(port), "--workers", "2"]
    log = project.path / "service.log"
    with log.open("w") as file:
        service = subprocess.Popen(command, cwd=project.path, env={**os.environ, **QUIET}, stdout=file, stderr=file)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{address}/health/ready").status_code == 200:
                    break
            time.sleep(0.1)
        # The schema of a body cannot say all that makes a table valid, so what fits it may be refused. One worker: threads
        # that parse Python at the same time fail by chance in Python 3.11 ("AST constructor recursion depth mismatch").
        project.run(
            *(str(TOOLS / "st"), "run", f"{address}/openapi.json", "--max-examples", "60", "--workers", "1"),
            *("--exclude-checks", "positive_data_acceptance", "--seed", "1"),
        )
        rows = json.loads((project.path / "models" / "package" / "example.json").read_text())
        assert httpx.post(f"{address}/predict", json={"rows": rows}).json()["predictions"][0]["prediction"]
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0
    finally:
        service.kill()
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    assert len(lines) > 100 and not [line for line in lines if line.get("status", 500) >= 500]
    shutil.rmtree(project.path / "models" / "package")
    assert "manifest.json is missing: `make run` trains the model" in project.python("serve", code=1)


@pytest.mark.parametrize(
    ("recipe", "estimators", "ignored"),
    [
        ("tabular-classification", "thorough", ()),
        ("tabular-regression", "thorough", (NO_REQUESTS,)),
        ("clustering", "balanced", (NO_REQUESTS, NO_SEARCH)),
        ("forecasting", "balanced", (NO_REQUESTS, NO_SEARCH)),
        ("multilabel", "balanced", (NO_REQUESTS, NO_SEARCH)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_stamped_project_passes_its_own_tests(
    recipe: str, estimators: str, ignored: tuple[str, ...], tmp_path: Path
) -> None:
    project = Project(tmp_path, project_name="Own tests", recipe=recipe, estimators=estimators)
    assert " passed" in project.run(str(TOOLS / "pytest"), "-q", "-p", "no:cacheprovider", *ignored)


@pytest.mark.parametrize(
    ("file", "old", "new", "noticed"),
    [
        ("dvc.yaml", "      - plan/code/tune.json\n", "", "pipeline"),
        ("src/broken/objects/space.py", '{"defaults": _point(space, {})}', "{}", "steps"),
        ("src/broken/steps/fit.py", "self.encoder_.inverse_transform(codes)", "codes", "steps"),
        ("src/broken/steps/predict.py", "preprocess(clean_rows(frame, schema), schema)", "frame", "steps"),
        (
            "src/broken/objects/reader.py",
            "_yaml().load(text)",
            '__import__("yaml").safe_load(text)',
            "steps",
        ),
        ("params/models/random_forest.yaml", "class: RandomForestClassifier", "class: DummyClassifier", "params"),
    ],
)
def test_its_own_tests_fail_when_it_is_broken(
    file: str, old: str, new: str, noticed: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Project(tmp_path_factory.mktemp("broken"), project_name="Broken", estimators="random_forest")
    project.edit(file, (old, new))
    said = project.run(str(TOOLS / "pytest"), "-q", "-x", "-p", "no:cacheprovider", f"tests/test_{noticed}.py", code=1)
    assert "1 failed" in said or "1 error" in said


def mixed(rows: int) -> pd.DataFrame:
    """A table with all that real ones bring: gaps, text, dates, categories, an identifier, a constant, nothing."""
    random = np.random.default_rng(3)
    size, kind = random.normal(10, 3, rows), random.choice(["a", "b", "NO"], rows)
    signal_ = size + 3 * (kind == "b") + random.normal(0, 1, rows)
    return pd.DataFrame(
        {
            "Row Id": np.arange(rows),
            "size": np.where(random.random(rows) < 0.2, np.nan, size.round(3)),
            "kind": kind,
            "when": pd.date_range("2021-03-01", periods=rows).strftime("%Y-%m-%d"),
            "what": [" ".join(random.choice(["red", "old", "big", "car", "bus"], 5)) for _ in range(rows)],
            "same": "x",
            "price": signal_.round(2),
            "risk": np.where(signal_ > 11, "high", "low"),
        }
    )


FORMATS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    "csv": lambda frame, path: frame.to_csv(path, index=False, sep=";", encoding="utf-8-sig"),
    "tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "csv.gz": lambda frame, path: frame.to_csv(path, index=True),
    "parquet": lambda frame, path: frame.to_parquet(path),
    "feather": lambda frame, path: frame.to_feather(path),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
    "xlsx": lambda frame, path: frame.to_excel(path, index=False),
    "sqlite": lambda frame, path: frame.to_sql("rows", sqlite3.connect(path), index=False) and None,
}


@pytest.mark.parametrize("ending", FORMATS)
def test_a_table_of_every_format_is_read_alike(ending: str, tmp_path: Path) -> None:
    frame = mixed(60)
    FORMATS[ending](frame, tmp_path / f"my table.{ending}")
    project = Project(
        tmp_path, project_name="Formats", data=str(tmp_path / f"my table.{ending}"), target="risk", estimators="fast"
    )
    project.stage("plan")
    project.stage("load")
    read = pd.read_parquet(project.path / "data" / "interim" / "table.parquet")
    schema = json.loads((project.path / "data" / "interim" / "schema.json").read_text())
    assert dict(schema["features"]) == {
        "size": "number",
        "kind": "category",
        "when": "datetime",
        "what": "text",
        "price": "number",
    }
    assert {column["name"]: column["role"] for column in schema["columns"] if column["role"] in ("id", "ignore")} == {
        **({"Unnamed: 0": "id"} if ending == "csv.gz" else {}),
        "Row Id": "id",
        "same": "ignore",
    }
    assert read["risk"].tolist() == frame["risk"].tolist()
    assert np.allclose(read["size"], frame["size"], equal_nan=True)
    assert read["when"].dt.strftime("%Y-%m-%d").tolist() == frame["when"].tolist()
    assert read["kind"].tolist() == frame["kind"].tolist()


@pytest.mark.parametrize(
    ("recipe", "target", "estimators"),
    [
        ("tabular-classification", "risk", "LGBMClassifier, xgboost, catboost, GaussianMixtureNB, svm"),
        ("tabular-regression", "price", "LGBMRegressor, XGBRegressor, catboost, LADRegression, elastic_net"),
    ],
)
def test_classes_of_other_packages_compete_by_name(recipe: str, target: str, estimators: str, tmp_path: Path) -> None:
    mixed(150).drop(columns="price" if target == "risk" else "risk").to_csv(tmp_path / "table.csv", index=False)
    project = Project(
        tmp_path,
        project_name="Others",
        recipe=recipe,
        data=str(tmp_path / "table.csv"),
        target=target,
        estimators=estimators,
    )
    project.edit("params/search.yaml", ("trials: 100", "trials: 5"), ("seconds: 240", "seconds: 900"))
    project.repro()
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text())
    competed = [one for one in board["models"] if one["model"] != "ensemble"]
    assert len(competed) == 5 and all(one["state"] == "ok" for one in competed), board


def test_groups_stay_together_and_time_stays_in_order(tmp_path: Path) -> None:
    frame = mixed(200).assign(shop=np.repeat([f"shop {number}" for number in range(20)], 10))
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "table.csv", index=False)
    project = Project(
        tmp_path,
        project_name="Groups",
        data=str(tmp_path / "table.csv"),
        target="risk",
        estimators="logistic_regression",
    )
    project.edit("params/data.yaml", ("columns: {}", "columns:\n  shop: {role: group}\n  price: {role: ignore}"))
    assert "does not keep the groups of shop together" in project.python("check")
    project.edit(
        "params/split.yaml",
        (
            "class: StratifiedHoldout\n  params: {test_size",
            "class: GroupShuffleSplit\n  params: {n_splits: 1, test_size",
        ),
        ("\ncv:\n  class: StratifiedKFold", "\ncv:\n  class: StratifiedGroupKFold"),
    )
    for stage in ("plan", "load", "split"):
        project.stage(stage)
    train, holdout = (
        pd.read_parquet(project.path / "data" / "processed" / f"{part}.parquet") for part in ("train", "holdout")
    )
    assert not set(train["shop"]) & set(holdout["shop"])
    folds = np.load(project.path / "data" / "processed" / "folds.npz")
    for number in range(5):
        assert not set(train["shop"].iloc[folds[f"a_{number}"]]) & set(train["shop"].iloc[folds[f"b_{number}"]])
    project.edit(
        "params/split.yaml",
        ("class: GroupShuffleSplit\n  params: {n_splits: 1, test_size: 0.2, random_state: 0}", "class: TimeHoldout"),
        (
            "class: StratifiedGroupKFold\n  params: {n_splits: 5, shuffle: true, random_state: 0}",
            "class: TimeSeriesSplit",
        ),
    )
    for stage in ("plan", "split"):
        project.stage(stage)
    train, holdout = (
        pd.read_parquet(project.path / "data" / "processed" / f"{part}.parquet") for part in ("train", "holdout")
    )
    assert train["when"].max() < holdout["when"].min() and len(holdout) == 40


def _wait_for(find: Callable[[], Path], process: subprocess.Popen[bytes]) -> Path:
    """The file, as soon as it is there and holds two trials."""
    for _ in range(600):
        try:
            found = find()
            if len(found.read_text(encoding="utf-8").splitlines()) > 2:
                return found
        except (StopIteration, FileNotFoundError):
            pass
        assert process.poll() is None, "the search ended before it could be killed"
        time.sleep(0.05)
    raise AssertionError("no trial finished in 30 seconds")
