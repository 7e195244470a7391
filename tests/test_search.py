"""A stamped project's search: how its budget is shared, its hard end, what a kill leaves, and where its fits can run."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from stamped import QUIET, TOOLS, Project

SEARCH = "params/search.yaml"
BUDGET = "trials: 100\n  seconds: 240\n  shares: {train: 0.5}"
WORKERS = "class: Processes\n  params: {n_workers: 2}"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample that is ready to be tuned."""
    project = Project(
        tmp_path_factory.mktemp("search"), project_name="Search", estimators="logistic_regression, random_forest"
    )
    project.edit(SEARCH, (BUDGET, "trials: 12\n  seconds: 240\n  shares: {random_forest: 2}"))
    project.edit("params/models/random_forest.yaml", ("n_estimators: 100", "n_estimators: 10"))
    return project


@pytest.fixture(scope="module")
def split(ready: Project) -> Project:
    """That project with its rows loaded and split."""
    for stage in ("plan", "load", "split"):
        ready.stage(stage)
    return ready


@pytest.fixture
def project(split: Project, tmp_path: Path) -> Project:
    """A copy of that project."""
    return split.copy(tmp_path)


@pytest.fixture
def compiled(ready: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """The slices of the plan."""
    monkeypatch.chdir(ready.path)
    return lambda: ready.module("objects.plan").compile_params(Path("params")).slices


def test_the_budget_is_shared_between_the_models_and_the_final_fit(
    ready: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    def budgets() -> list[Any]:
        slices = compiled()
        return [slices["models/logistic_regression"]["budget"], slices["models/random_forest"]["budget"]]

    # One part for the model and for the final fit, two for the forest; no trials for the final fit.
    assert budgets() == [
        [{"most_rows": None, "seconds": 60.0, "trials": 4}],
        [{"most_rows": None, "seconds": 120.0, "trials": 8}],
    ]
    assert compiled()["train"]["budget"] == [{"most_rows": None, "seconds": 60.0}]
    assert (
        "note: the budget: logistic_regression 60 s or 4 trials, random_forest 120 s or 8 trials; 60 s for fitting"
    ) in ready.python("check")
    with ready.edited(SEARCH, ("  - random_forest\n", "")):
        assert "the share of random_forest has no effect, because random_forest is not in" in ready.python("check")
    with ready.edited(SEARCH, ("trials: 12", "trials: 10"), ("seconds: 240", "seconds: null")):
        parts = [[{"most_rows": None, "trials": 4}], [{"most_rows": None, "trials": 7}]]
        assert budgets() == parts, "rounded up: no model goes without a trial"
        said = ready.python("check").splitlines()
        assert "note: the budget: logistic_regression 4 trials, random_forest 7 trials" in said
        assert compiled()["train"]["budget"] == [{"most_rows": None}]
    with ready.edited(SEARCH, ("trials: 12", "trials: null"), ("{random_forest: 2}", "{}")):
        assert budgets() == [[{"most_rows": None, "seconds": 80.0}]] * 2


@pytest.mark.parametrize(
    ("name", "dtype", "refusal"),
    [
        ("skrub.TableVectorizer", "number, category, datetime, text", None),
        ("skrub.MinHashEncoder", "category", None),
        ("sklego.preprocessing.ColumnCapper", "number", None),
        ("category_encoders.TargetEncoder", "category", "no flavor of this project can; use another class"),
        ("category_encoders.HashingEncoder", "category", "no flavor of this project can; use another class"),
        ("feature_engine.imputation.RandomSampleImputer", "number", "no flavor of this project can; use another class"),
    ],
)
def test_a_step_that_cannot_be_stored_is_refused_before_the_search(
    ready: Project, name: str, dtype: str, refusal: str | None
) -> None:
    written = f"steps: [{{columns: {{dtype: [{dtype}]}}, steps: [{{step: {{class: {name}}}}}]}}]"
    data, where = ready.module("objects.reader").parse(written)
    steps = ready.module("objects.grammar").Grammar().steps(data, where)
    estimator = ready.module("objects.grammar").Object("sklearn.svm.SVC", {}, {}, where)
    model = ready.module("objects.model").Model("one", estimator, steps, [])
    attempt = partial(ready.module("objects.attempts").try_storing, model, {}, [name])
    if refusal is None:
        attempt()
    else:
        with pytest.raises(ready.module("errors").UserError, match=f"{name} cannot be stored by Skops.*{refusal}"):
            attempt()


@pytest.mark.parametrize("flavor", ["Skops", "Joblib"])
def test_steps_of_scikit_learn_with_functions_and_helpers_are_stored(
    ready: Project, tmp_path: Path, flavor: str
) -> None:
    stored_by, about = getattr(ready.module("components.flavors"), flavor)(), ready.module("objects.allowed").About([])
    X = np.random.default_rng(0).normal(size=(40, 3))
    for written in (
        "{class: sklearn.feature_selection.SelectKBest, params: {k: 1}}",
        "class: sklearn.preprocessing.SplineTransformer",
        "class: sklearn.impute.IterativeImputer",
        "class: sklearn.cluster.FeatureAgglomeration",
    ):
        step = ready.module("objects.build").from_yaml(written)
        step.fit(X, X[:, 0] > 0)
        stored_by.save(step, tmp_path / "step", about)
        assert stored_by.load(tmp_path / "step", about).transform(X) == pytest.approx(step.transform(X))


def test_one_models_edit_changes_its_slice_alone_and_a_share_changes_budgets_alone(
    ready: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    before = compiled()
    with ready.edited("params/models/random_forest.yaml", ("min_samples_leaf: 2", "min_samples_leaf: 3")):
        after = compiled()
    assert [name for name in before if before[name] != after[name]] == ["models/random_forest"]
    with ready.edited(SEARCH, ("{random_forest: 2}", "{random_forest: 3}")):
        after = compiled()
    changed = {name: [key for key in before[name] if before[name][key] != after[name][key]] for name in before}
    assert {name: keys for name, keys in changed.items() if keys} == {
        "models/logistic_regression": ["budget"],
        "models/random_forest": ["budget"],
        "train": ["budget"],
    }


def test_a_models_pace_says_up_to_how_many_rows_it_competes(
    ready: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    def budgets() -> list[Any]:
        slices = compiled()
        names = ("models/random_forest", "models/logistic_regression", "train")
        return [slices[name]["budget"] for name in names]

    forest, space = "params/models/random_forest.yaml", "\nspace:"
    with ready.edited(forest, (space, "\nrows_per_second: 1.5\nspace:")):
        # Its 120 seconds suffice for 180 rows; with more, the others are alone.
        assert budgets() == [
            [{"most_rows": 180, "seconds": 120.0, "trials": 8}],
            [{"most_rows": 180, "seconds": 60.0, "trials": 4}, {"most_rows": None, "seconds": 120.0, "trials": 12}],
            [{"most_rows": 180, "seconds": 60.0}, {"most_rows": None, "seconds": 120.0}],
        ]
        assert "random_forest 120 s or 8 trials (up to 180 rows)" in ready.python("check")
        assert "budget_with_text" not in compiled()["train"], "what the features are makes no difference"
        with ready.edited(SEARCH, ("seconds: 240", "seconds: null")):
            assert [len(one) for one in budgets()] == [1, 1, 1], "trials know no pace"
        linear = "params/models/logistic_regression.yaml"
        with ready.edited(linear, ("rows_per_second: 5000", "rows_per_second: 2")):
            assert budgets() == [
                [
                    {"most_rows": 120, "seconds": 120.0, "trials": 8},
                    {"most_rows": None, "seconds": 160.0, "trials": 12},
                ],
                [{"most_rows": 120, "seconds": 60.0, "trials": 4}],
                [{"most_rows": 120, "seconds": 60.0}, {"most_rows": None, "seconds": 80.0}],
            ], "somebody has to compete"
    with ready.edited(forest, (space, "\nrows_per_second: {text: 1.5}\nspace:")):
        assert [len(one) for one in budgets()] == [1, 1, 1]
        assert compiled()["train"]["budget_with_text"] == [
            {"most_rows": 180, "seconds": 60.0},
            {"most_rows": None, "seconds": 120.0},
        ]
        assert "random_forest 120 s or 8 trials (up to 180 rows with free text)" in ready.python("check")
    with ready.edited(forest, (space, "\nrows_per_second: 1000\nspace:")):
        assert [len(one) for one in budgets()] == [1, 1, 1], "it never learns from more than are sampled"


@pytest.mark.slow
def test_a_model_whose_seconds_do_not_suffice_for_the_rows_leaves_them_to_the_others(project: Project) -> None:
    def result(name: str) -> Any:
        return json.loads((project.path / "models" / "tuned" / name / "result.json").read_text(encoding="utf-8"))

    project.edit("params/models/random_forest.yaml", ("\nspace:", "\nrows_per_second: 1.5\nspace:"))
    project.stage("plan")
    said = project.stage("tune", "--model", "random_forest")
    assert "random_forest: at its `rows_per_second` its seconds suffice for 180 rows, and there are 275; it is" in said
    found = result("random_forest")
    assert found["state"] == "too many rows: its seconds suffice for 180 rows, and there are 275"
    assert found["seconds"] == 0
    project.stage("tune", "--model", "logistic_regression")
    assert result("logistic_regression")["trials"] == 12
    assert "models/final is trained on 275 rows" in project.stage("train")
    project.edit(SEARCH, ("seconds: 240", "seconds: 480"))
    project.stage("plan")
    project.stage("tune", "--model", "random_forest")
    assert (result("random_forest")["state"], result("random_forest")["trials"]) == ("ok", 8), "it is brought in"


def test_a_model_may_learn_from_a_sample_of_its_own(ready: Project, compiled: Callable[[], dict[str, Any]]) -> None:
    def samples() -> list[int | None]:
        slices = compiled()
        models = ("logistic_regression", "random_forest")
        return [slices[f"models/{name}"].get("sample", {}).get("params", {}).get("rows") for name in models]

    assert samples() == [30000, 30000]
    own = "sample: {class: RandomSample, params: {rows: 90000}}"
    with ready.edited("params/models/random_forest.yaml", ("\nspace:", f"\n{own}\nspace:")):
        assert samples() == [30000, 90000]
    with ready.edited("params/models/random_forest.yaml", ("\nspace:", "\nsample: {class: RandomSample}\nspace:")):
        assert samples() == [30000, 10000], "the class's own"
    with ready.edited("params/models/random_forest.yaml", ("\nspace:", "\nsample: null\nspace:")):
        assert samples() == [30000, None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_stage_that_is_killed_leaves_its_trials_and_no_process(project: Project, kill: int, code: int) -> None:
    slow_down(project)
    search, table = started(project)
    os.kill(search.pid, kill)
    assert search.wait(10) == code
    assert project.running() == [], "workers outlived their search"
    before = pd.read_csv(table)
    assert len(before) >= 2
    project.stage("tune", "--model", "random_forest")
    after = pd.read_csv(project.path / "models" / "tuned" / "random_forest" / "trials.csv")
    finished = after[after["state"] != "fail"]
    assert finished["seconds"].tolist()[: len(before)] == before["seconds"].tolist(), "finished trials were lost"
    assert len(finished) == 8
    assert finished["start"].dropna().tolist() == ["defaults", "seed 1", "seed 2"]


@pytest.mark.slow
def test_a_search_goes_on_after_one_of_its_workers_died(project: Project) -> None:
    slow_down(project)
    search, _ = started(project)
    children = psutil.Process(search.pid).children()[0].children()
    workers = [one for one in children if "tracker" not in " ".join(one.cmdline())]
    assert len(workers) == 2
    max(workers, key=lambda one: one.cpu_times().user).kill()
    assert search.wait(60) == 0
    assert project.running() == []
    result = json.loads((project.path / "models" / "tuned" / "random_forest" / "result.json").read_text())
    assert (result["trials"], result["failed"], result["state"]) == (8, 0, "ok")


@pytest.mark.slow
def test_without_any_finished_trial_the_run_says_so(project: Project) -> None:
    own = project.path / "src" / project.package / "custom" / "slow.py"
    own.write_text(
        "import time\n\nfrom sklearn.dummy import DummyClassifier\n\n\n"
        "class Slow(DummyClassifier):\n"
        "    def fit(self, X, y):\n"
        "        time.sleep(60)\n",
        encoding="utf-8",
    )
    (project.path / "params" / "models" / "slow.yaml").write_text("class: Slow\n", encoding="utf-8")
    project.edit(
        SEARCH,
        ("trials: 12\n  seconds: 240\n  shares: {random_forest: 2}", "seconds: 9\n  shares: {slow: 7}"),
        ("  - logistic_regression\n  - random_forest\n", "  - slow\n"),
    )
    project.stage("plan")
    began = time.monotonic()
    said = project.stage("tune", "--model", "slow", warm=False)
    assert time.monotonic() - began < 35, "the only model has twenty seconds for its defaults, after its imports"
    assert project.running() == []
    assert "no trial finished within 20 s; it is left out (raise `seconds` of `budget` in params/search.yaml" in said
    said = project.run(str(TOOLS / "python"), "-m", f"{project.package}.stages.train", code=1)
    assert said.splitlines()[-1].endswith("there is no model to train (slow: out of time): raise 'seconds'")
    assert said.splitlines()[-1].startswith("error: params/search.yaml:")


@pytest.mark.slow
def test_the_same_seed_finds_the_same_wherever_the_fits_run(project: Project) -> None:
    found = {}
    with cluster(project) as (address, _):
        for name, workers in {
            "processes": "class: Processes\n  params: {n_workers: 2, trials: 4}",
            "in process": "class: InProcess\n  params: {trials: 4}",
            "dask": f"class: DaskCluster\n  params: {{address: {address}, trials: 4}}",
        }.items():
            with project.edited(SEARCH, (WORKERS, workers), ("trials: 12", "trials: 36")):
                project.stage("plan")
            project.stage("tune", "--model", "logistic_regression")
            result = json.loads((project.path / "models" / "tuned" / "logistic_regression" / "result.json").read_text())
            assert result["trials"] == 12
            for one in (result, *result["candidates"]):
                del one["seconds"]
                one.pop("preprocess_seconds", None)
                one.pop("prediction_time", None)
            found[name] = result
            shutil.rmtree(project.path / ".cache" / "studies")
    assert found["processes"] == found["in process"] == found["dask"]


@pytest.mark.slow
def test_a_search_goes_on_after_a_worker_of_its_cluster_died(project: Project) -> None:
    with cluster(project) as (address, workers):
        slow_down(project, (WORKERS, f"class: DaskCluster\n  params: {{address: {address}, trials: 2}}"))
        search, _ = started(project)
        workers[0].kill()
        assert search.wait(90) == 0
    result = json.loads((project.path / "models" / "tuned" / "random_forest" / "result.json").read_text())
    assert (result["trials"], result["failed"], result["state"]) == (8, 0, "ok")


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_named(project: Project) -> None:
    project.edit(SEARCH, (WORKERS, f"class: DaskCluster\n  params: {{address: 'tcp://127.0.0.1:{free_port()}'}}"))
    project.stage("plan")
    said = project.run(
        str(TOOLS / "python"), "-m", f"{project.package}.stages.tune", "--model", "random_forest", code=1
    )
    assert len(said.splitlines()) == 1, said
    assert said.startswith("error: ") and "DaskCluster does not start: " in said and "127.0.0.1" in said


@pytest.mark.slow
def test_trials_can_be_kept_in_a_database(project: Project) -> None:
    storage = "storage: {class: RDBStorage, params: {url: 'sqlite:///study.db'}}\n"
    project.edit(SEARCH, ("workers:\n", storage + "workers:\n"), (WORKERS, "class: InProcess"))
    project.stage("plan")
    project.stage("tune", "--model", "logistic_regression")
    first = pd.read_csv(project.path / "models" / "tuned" / "logistic_regression" / "trials.csv")
    project.edit(SEARCH, ("trials: 12", "trials: 15"))
    project.stage("plan")
    assert "Warning" not in project.stage("tune", "--model", "logistic_regression")
    both = pd.read_csv(project.path / "models" / "tuned" / "logistic_regression" / "trials.csv")
    assert (len(first), len(both)) == (4, 5)
    assert both["seconds"].tolist()[:4] == first["seconds"].tolist()
    assert not list((project.path / ".cache" / "studies").rglob("journal.log"))


def slow_down(project: Project, *edits: tuple[str, str]) -> None:
    """Make the fits of the forest long enough to be killed in the middle."""
    project.edit("params/models/random_forest.yaml", ("n_estimators: 10", "n_estimators: 500"))
    project.edit(SEARCH, *edits, ("class: MedianPruner", "class: NopPruner"), NO_PARAMS)
    project.stage("plan")


NO_PARAMS = ("  params: {n_startup_trials: 2, n_warmup_steps: 1}\n", "")


def started(project: Project) -> tuple[subprocess.Popen[bytes], Path]:
    """The search of the forest, and its table of trials as soon as that holds two."""
    search = subprocess.Popen(
        [TOOLS / "python", "-m", f"{project.package}.stages.tune", "--model", "random_forest"],
        cwd=project.path,
        env={**os.environ, **QUIET},
        start_new_session=True,
        # Where these tests run in the background, Ctrl-C is ignored, and would be here as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(1200):
        for found in (project.path / ".cache" / "studies" / "random_forest").glob("*/trials.csv"):
            if len(found.read_text(encoding="utf-8").splitlines()) > 2:
                assert search.poll() is None, "the search ended before it could be killed"
                return search, found
        assert search.poll() is None, "the search ended before it could be killed"
        time.sleep(0.05)
    raise AssertionError("no trial finished in 60 seconds")


def free_port() -> int:
    """A port of this machine's that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def cluster(project: Project) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """The address of a Dask scheduler on this machine, and its two workers, which can import the project."""
    address = f"tcp://127.0.0.1:{free_port()}"
    env = {**os.environ, **QUIET, "PYTHONPATH": str(project.path / "src")}

    def start(*words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words]
        return subprocess.Popen(
            command, cwd=project.path.parent, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard")
    workers = [
        start("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        for _ in range(2)
    ]
    try:
        from distributed import Client

        with Client(address, timeout="30s", set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address, workers
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()
