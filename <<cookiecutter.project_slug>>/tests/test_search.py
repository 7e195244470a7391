"""What a search finds, keeps and shares, and what the final model makes of it; on small models of scikit-learn's."""

import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import table as shared
from conftest import typed
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from << cookiecutter.package_name >>.components import tasks
from << cookiecutter.package_name >>.components.ensembles import BestSingle, GreedySelection, Stacking, Voting, within_chance
from << cookiecutter.package_name >>.components.metrics import mean_cost_loss
from << cookiecutter.package_name >>.components.samples import RandomSample
from << cookiecutter.package_name >>.components.workers import InProcess, Processes
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.budget import Share, share_for, shares_in
from << cookiecutter.package_name >>.objects.build import from_yaml
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.metrics import Outputs, metric
from << cookiecutter.package_name >>.objects.model import Model
from << cookiecutter.package_name >>.objects.nodes import Object
from << cookiecutter.package_name >>.objects.plan import Plan
from << cookiecutter.package_name >>.objects.reader import Where, parse
from << cookiecutter.package_name >>.prediction.artifact import Described, load, save
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps import training_set
from << cookiecutter.package_name >>.steps.candidates import Result, candidates
from << cookiecutter.package_name >>.steps.ensemble import Ensemble, models
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.fold import Job
from << cookiecutter.package_name >>.steps.members import fit_order
from << cookiecutter.package_name >>.steps.predict import predict
from << cookiecutter.package_name >>.steps.quick import quick
from << cookiecutter.package_name >>.steps.search import Search
from << cookiecutter.package_name >>.steps.study import few_left, give_up, open_study, owner
from << cookiecutter.package_name >>.steps.task import task_of
from << cookiecutter.package_name >>.steps.train import Trained, _better_alone, train
from << cookiecutter.package_name >>.steps.training_set import TrainingSet, scored

PREPROCESS = """
steps:
  - columns: {dtype: number}
    steps:
      - impute: {class: SimpleImputer}
      - scale: {class: StandardScaler}
"""
SPACES = {
    "LogisticRegression": "{class: LogisticRegression, space: {C: {float: [1.0e-3, 10.0], log: true}}}",
    "Ridge": "{class: Ridge, space: {alpha: {float: [1.0e-3, 1.0e+3], log: true}}}",
    "KNeighbors": "{class: KNeighbors%s, params: {n_neighbors: 9}, space: {n_neighbors: {int: [2, 20]}}}",
}
ENSEMBLES = {
    "GreedySelection": lambda schema, refit: GreedySelection(size=8, bags=3, refit=refit),
    "Voting": lambda schema, refit: Voting(size=3, refit=refit),
    "Stacking": lambda schema, refit: Stacking(from_yaml(f"class: {_linear(schema)}"), size=3, refit=refit),
    "BestSingle": lambda schema, refit: BestSingle(refit=refit),
}
WHERE = Where("test.yaml")
ERRORS = ("neg_mean_squared_error", "neg_root_mean_squared_error", "neg_mean_absolute_error")
QUICK = ("neg_log_loss", "roc_auc", "accuracy", *ERRORS)


def _linear(schema: Schema) -> str:
    return "LogisticRegression" if schema.labels else "Ridge"


def _model(name: str, schema: Schema) -> Model:
    """A model of two of the columns."""
    text = SPACES[name] % ("Classifier" if schema.labels else "Regressor") if "Ne" in name else SPACES[name]
    steps, where = parse(PREPROCESS)
    return Model(name.lower(), Grammar().object(parse(text)[0], WHERE), Grammar().steps(steps, where), [])


def _metric(schema: Schema) -> Any:
    return metric("neg_log_loss" if schema.labels else "neg_root_mean_squared_error", WHERE, Grammar())


@pytest.fixture(scope="module")
def known(plan: Plan) -> tuple[Schema, pd.DataFrame]:
    """The small table, of classes where the project predicts such, else of numbers."""
    name = "Classification" if plan.slices["data"]["task"]["class"].endswith(".Classification") else "Regression"
    return typed(shared.table(name), shared.TARGET, shared.COLUMNS, {"class": f"{tasks.__name__}.{name}"})


@pytest.fixture(scope="module")
def schema(known: tuple[Schema, pd.DataFrame]) -> Schema:
    """Of the small table."""
    return known[0]


@pytest.fixture(scope="module")
def table(known: tuple[Schema, pd.DataFrame]) -> pd.DataFrame:
    """Its rows."""
    return known[1]


@pytest.fixture(scope="module")
def folds(table: pd.DataFrame) -> list[Any]:
    """Two."""
    rows = np.arange(len(table))
    return [(rows[rows % 2 == part], rows[rows % 2 != part]) for part in (0, 1)]


@pytest.fixture
def search(table: pd.DataFrame, schema: Schema, folds: list[Any], tmp_path: Path) -> Callable[..., Result]:
    """Search a model's space, by default in four random trials."""

    def run(name: str, key: str = "key", sample: Any = None, **words: Any) -> Result:
        return _search(_job(f"{tmp_path} {key}", _model(name, schema), table, schema, folds, sample), **words)

    return run


def _search(job: Job, **words: Any) -> Result:
    given: dict[str, Any] = {
        "sampler": optuna.samplers.RandomSampler(seed=0),
        "pruner": optuna.pruners.NopPruner(),
        "workers": InProcess(),
        "trials": 4,
    } | words
    of_study = {name: given.pop(name) for name in ("sampler", "pruner", "storage", "also_minimize") if name in given}
    study = open_study(f"{job.model.name} {job.key}", folder=given.get("folder"), **of_study)
    return Search(job, study, **given).run()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of Optuna's without a study: making its tables takes a second."""
    file: Path = tmp_path_factory.mktemp("database") / "study.db"
    optuna.storages.RDBStorage(f"sqlite:///{file}")
    return file


@pytest.fixture
def storage(database: Path, tmp_path: Path) -> optuna.storages.RDBStorage:
    """A copy of that database."""
    shutil.copy(database, tmp_path / "study.db")
    return optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    """Two worker processes."""
    workers = Processes(n_workers=2, trials=2)
    workers.start()
    yield workers
    workers.stop()


def _job(key: str, model: Model, table: pd.DataFrame, schema: Schema, folds: list[Any], sample: Any = None) -> Job:
    return Job(key, model, TrainingSet.from_table(table, schema, folds, _metric(schema)).sampled(sample))


@pytest.fixture(scope="module")
def trained(
    table: pd.DataFrame, schema: Schema, folds: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Trained]:
    """The final model of what two searches kept."""
    tuned, both = tmp_path_factory.mktemp("tuned"), [_model(name, schema) for name in (_linear(schema), "KNeighbors")]
    results = [_search(_job(one.name, one, table, schema, folds), folder=tuned / one.name) for one in both]
    known = candidates(results, both, tuned)

    def run(ensemble: Any, only: str | None = None, sample: int | None = None, **words: Any) -> Trained:
        few = [replace(one, sample=sample) for one in known if only in (None, one.model.name)]
        data = TrainingSet.from_table(table, schema, folds, _metric(schema))
        return train(few, ensemble, data, **{"workers": InProcess()} | words)

    return run


def _object(text: str, kind: str) -> Object:
    data, where = parse(text)
    return Grammar().object(data, where, [kind])


class Dying(InProcess):
    """A process of which has died by the time of the third call, which is noticed when it is given work."""

    calls = starts = 0

    def start(self, fork: bool = False) -> None:
        """Count."""
        self.starts += 1

    def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
        """Raise once."""
        self.calls += 1
        if self.calls == 3:
            raise BrokenExecutor
        return super().submit(function, *words)


def test_a_process_that_is_dead_when_it_is_given_work_costs_no_trial(
    search: Callable[..., Result], schema: Schema
) -> None:
    dying = Dying()
    lost, whole = search("KNeighbors", "lost", workers=dying), search("KNeighbors", "whole")
    assert dying.starts == 1, "the processes are started anew"
    assert (lost.trials, lost.failed, lost.folds) == (whole.trials, 0, whole.folds)


def test_preprocessing_without_a_space_is_fitted_once_a_fold_and_scores_are_the_same(
    search: Callable[..., Result],
    table: pd.DataFrame,
    schema: Schema,
    folds: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fit_scaler, fits = StandardScaler.fit, []

    def counted(self: StandardScaler, X: Any, y: Any = None, sample_weight: Any = None) -> StandardScaler:
        fits.append(self)
        return fit_scaler(self, X, y, sample_weight)

    monkeypatch.setattr(StandardScaler, "fit", counted)
    result = search(_linear(schema))
    assert result.trials == 4 and len(fits) == len(folds)
    scorer, model, task = _metric(schema), _model(_linear(schema), schema), task_of(schema)
    features, target = table[list(schema.features)], table[schema.target]
    for one in result.candidates:
        for number, (learn, score) in enumerate(folds):
            estimator = assemble(model, one["values"], schema.features, task_of(schema))
            fitted = fit(estimator, features.iloc[learn], target.iloc[learn])
            said, truth = task.outputs(fitted, features.iloc[score]), task.encode(target.iloc[score])
            assert one["folds"][number] == scorer.score(truth, said)


def test_worker_processes_find_what_one_process_finds(search: Callable[..., Result], processes: Processes) -> None:
    found = []
    for workers in (InProcess(trials=2), processes):
        result = search("KNeighbors", workers=workers, sampler=optuna.samplers.TPESampler(seed=1), trials=6)
        found.append([(one["trial"], one["values"], one["folds"]) for one in result.candidates])
    assert found[0] == found[1]


def test_a_search_learns_from_the_sample_and_the_final_model_from_all_rows(
    table: pd.DataFrame,
    schema: Schema,
    folds: list[Any],
    search: Callable[..., Result],
    trained: Callable[..., Trained],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = _model("KNeighbors", schema)
    data = _job("sample", model, table, schema, folds, RandomSample(rows=30)).data
    assert [len(learn) for learn, _ in data.folds] == [30, 30]
    assert [len(score) for _, score in data.folds] == [60, 60]
    kept = search("KNeighbors", "sampled", RandomSample(rows=30), trials=1)
    assert kept.folds != search("KNeighbors", "whole", trials=1).folds
    folded, whole = (trained(BestSingle(refit=False), only="kneighbors", sample=rows).model for rows in (None, 30))
    assert isinstance(folded, Ensemble) and not isinstance(whole, Ensemble), "models of a sample are not kept"
    assert getattr(whole, "estimator_", whole)[-1].n_samples_fit_ == len(table)
    monkeypatch.setattr(training_set, "MOST_SCORED", 25)
    few = _job("few", model, table, schema, folds).data
    assert [len(score) for _, score in few.folds] == [25, 25]
    assert [list(score) for _, score in scored(folds)] == [list(score) for _, score in scored(folds)]


def test_of_very_many_rows_twenty_thousand_a_fold_are_scored() -> None:
    rows = np.arange(50_000)
    drawn = scored([(rows[:10_000], rows[10_000:]), (rows[10_000:], rows[:10_000])])
    assert [(len(learn), len(score)) for learn, score in drawn] == [(10_000, 20_000), (40_000, 10_000)]
    assert len(set(drawn[0][1])) == 20_000


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize("name", ENSEMBLES)
def test_an_ensemble_is_made_of_what_was_tried_and_survives_being_saved(
    name: str,
    refit: bool,
    trained: Callable[..., Trained],
    table: pd.DataFrame,
    schema: Schema,
    folds: list[Any],
    tmp_path: Path,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        final = trained(ENSEMBLES[name](schema, refit))
    assert len(final.folds) == len(folds) and np.isfinite(final.folds).all()
    assert final.weights is None or (np.isclose(sum(final.weights), 1) and min(final.weights) > 0)
    assert (final.weights is None) == (name == "Stacking")
    assert len(final.members) == {"BestSingle": 1, "Voting": 3, "Stacking": 3}.get(name, len(final.members))
    if hasattr(final.model, "members"):
        assert [len(models(one)) for one in final.model.members] == [1 if refit else len(folds)] * len(final.members)
    features = table[list(schema.features)]
    said = predict(final.model, features, schema)
    if schema.labels:
        assert set(said["prediction"]) == {"yes", "no"} and np.mean(said["prediction"] == table[schema.target]) > 0.6
        assert np.allclose(said[["probability_no", "probability_yes"]].sum(axis=1), 1)
    else:
        assert np.corrcoef(said["prediction"], table[schema.target])[0, 1] > 0.5
    save(tmp_path / "model", final.model, Described(schema, "", {}, []), [schema.task["class"]], features)
    again, kept = load(tmp_path / "model", [schema.task["class"]])
    pd.testing.assert_frame_equal(predict(again, features, kept), said)


def test_greedy_selection_is_not_worse_than_the_best_alone_on_the_rows_it_saw(
    trained: Callable[..., Trained],
) -> None:
    best, greedy = trained(BestSingle()), trained(GreedySelection(bags=1, hedge=0))
    assert np.mean(greedy.folds) >= np.mean(best.folds) - 1e-9


def test_configurations_are_equal_within_two_standard_errors_over_the_folds() -> None:
    best = np.array([0.9, 0.8, 0.7, 0.8])
    noisy, behind, unknown = best - [0.1, -0.05, 0.05, -0.02], best - [0.1, 0.11, 0.1, 0.09], np.full(4, np.nan)
    assert within_chance(np.array([best, noisy, behind, unknown])).tolist() == [0, 1]
    assert within_chance(np.array([[0.9], [0.9]])).tolist() == [0]  # one fold tells nothing of chance


@pytest.mark.parametrize(("hedge", "members"), [(0.0, [0]), (0.2, [0, 1]), (1.0, [0, 1])])
def test_a_part_of_the_weight_goes_to_those_that_may_be_as_good(hedge: float, members: list[int]) -> None:
    y_true = np.array([0.0, 1.0, 2.0, 3.0])
    outputs = np.stack([y_true, y_true + 1, y_true + 2])[:, :, None]
    fold_scores = np.array([[0.0, 0.0], [-2.0, 0.0], [-2.0, -2.0]])
    weights: list[list[float]] = []
    chosen, _ = GreedySelection(hedge=hedge).choose(
        outputs, y_true, lambda said: -float(np.abs(said[:, 0] - y_true).mean()), weights.append, fold_scores
    )
    assert chosen == members and np.isclose(sum(weights[0]), 1)
    assert np.isclose(weights[0][-1], hedge / 2 if hedge else 1)


def test_a_member_that_cannot_be_fitted_in_time_is_left_out(
    trained: Callable[..., Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    final = trained(Voting(size=3, refit=True), seconds=0)
    said = capsys.readouterr().out.splitlines()
    assert len(final.members) == 1 and final.weights == [1.0] and len(said) == 2
    assert "is left out: fitting it would take about" in said[0]
    assert [one in line for one, line in zip(final.unfitted, said, strict=True)] == [True, True]


def test_time_is_kept_for_storing_what_is_fitted(
    trained: Callable[..., Trained], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(trained(Voting(size=3, refit=True), seconds=600).members) == 3 and not capsys.readouterr().out
    monkeypatch.setattr("<< cookiecutter.package_name >>.steps.members.REST", 1)  # byte a second
    assert len(trained(Voting(size=3, refit=True), seconds=600).members) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and said[0].endswith("and 0.0 s are left")


def test_a_member_that_is_not_fitted_when_the_clock_ends_is_left_out(
    trained: Callable[..., Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    class Stuck(InProcess):
        """Two at a time, of which the second is never done."""

        def __init__(self) -> None:
            super().__init__()
            self.slots, self.calls = 2, 0

        def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
            self.calls += 1
            return Future() if self.calls == 2 else super().submit(function, *words)

    final = trained(Voting(size=2, refit=True), workers=Stuck(), seconds=1)
    said = capsys.readouterr().out.splitlines()
    assert len(final.members) == 1 and final.weights == [1.0]
    assert len(said) == 1 and said[0] == f"{final.unfitted[0]} is left out: it was not fitted in time"


class Late(InProcess):
    """Two fits at a time, of which the first ends after the second."""

    def __init__(self) -> None:
        super().__init__()
        self.slots, self.first = 2, threading.Event()

    def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
        """Hold the first call back until another one has been made and the clock has ended."""
        if self.first.is_set():
            return super().submit(function, *words)
        self.first.set()
        future: Future[Any] = Future()
        threading.Timer(1.5, lambda: future.set_result(function(*words))).start()
        return future


def test_the_best_member_is_waited_for_though_a_quicker_one_is_there(trained: Callable[..., Trained]) -> None:
    best = trained(BestSingle()).members[0].name
    final = trained(Voting(size=3, refit=True), workers=Late(), seconds=1)
    assert best in [one.name for one in final.members]


def test_what_is_left_of_an_ensemble_does_not_replace_a_better_member() -> None:
    outputs = np.array([[0.1], [0.9], [0.5]])[:, None]  # of three configurations for one row, best first

    def kept(truth: float, weights: list[float]) -> list[int]:
        return _better_alone([0, 1], [0, 1, 2], weights, outputs, lambda said: -float(np.abs(said - truth).max()))

    assert kept(truth=0.1, weights=[0.2, 0.6, 0.2]) == [0]
    assert kept(truth=0.5, weights=[0.4, 0.4, 0.2]) == [0, 1]


@pytest.mark.parametrize(
    ("times", "seconds", "order"),
    [
        ([5, 1, 1], 10, [0, 2, 1]),
        ([50, 1, 2], 10, [1, 2, 0]),
        ([50, 30, 20], 10, [2, 1, 0]),
    ],
    ids=["the best first, then by weight", "the best that is in time", "none is in time: the quickest"],
)
def test_the_best_member_that_can_be_fitted_in_time_is_fitted_first(
    times: list[float], seconds: float, order: list[int]
) -> None:
    assert fit_order([0, 1, 2], [0.3, 0.2, 0.5], times, seconds) == order


def test_members_are_fitted_by_worker_processes_as_by_one_process(
    trained: Callable[..., Trained], processes: Processes, table: pd.DataFrame, schema: Schema
) -> None:
    there = trained(Voting(size=3), workers=processes)
    here, features = trained(Voting(size=3)), table[list(schema.features)]
    assert there.weights == here.weights and there.folds == here.folds
    pd.testing.assert_frame_equal(predict(there.model, features, schema), predict(here.model, features, schema))


def test_calibration_and_threshold_learn_from_rows_that_no_member_had_seen(
    trained: Callable[..., Trained], table: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    if not schema.labels:
        pytest.skip("these are for a classification")
    features = table[list(schema.features)]
    calibration = _object("{class: CalibratedClassifierCV, params: {method: sigmoid}}", "classifier")
    plain = predict(trained(Voting(size=3)).model, features, schema)
    final = trained(Voting(size=3), around_it={"calibration": calibration}).model
    calibrated = predict(final, features, schema)
    assert np.allclose(calibrated[["probability_no", "probability_yes"]].sum(axis=1), 1)
    assert not np.allclose(calibrated["probability_yes"], plain["probability_yes"])

    def decided(scoring: str) -> tuple[Any, int]:
        node = _object(f"{{class: TunedThresholdClassifierCV, params: {{scoring: {scoring}}}}}", "classifier")
        model = trained(Voting(size=3), around_it={"calibration": calibration, "threshold": node}).model
        said = predict(model, features, schema)
        assert np.allclose(said["probability_yes"], calibrated["probability_yes"]), "it decides, and changes no share"
        return model, int((said["prediction"] == "yes").sum())

    model, _ = decided("balanced_accuracy")
    named = [schema.task["class"], "sklearn.metrics.balanced_accuracy_score"]
    save(tmp_path / "model", model, Described(schema, "", {}, []), named, features)
    again, kept = load(tmp_path / "model", named)
    pd.testing.assert_frame_equal(predict(again, features, kept), predict(model, features, schema))
    costly = "{class: mean_cost_loss, params: {matrix: [[0, %s], [%s, 0]]}}"
    misses, alarms = (decided(costly % costs)[1] for costs in ((1, 50), (50, 1)))
    assert misses > alarms, "where a miss costs more, more rows are called yes"


def test_what_mistakes_cost_is_a_metric() -> None:
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert mean_cost_loss(truth, said, matrix=[[0, 1], [5, 0]]) == 6 / 4
    assert mean_cost_loss(truth, truth, matrix=[[0, 1], [5, 0]]) == 0
    with pytest.raises(ValueError, match="a row and a column are needed for each class"):
        mean_cost_loss(np.array([2]), np.array([0]), matrix=[[0, 1], [5, 0]])


def test_what_a_search_keeps_goes_on_from_any_storage_of_optuna(
    search: Callable[..., Result], schema: Schema, storage: optuna.storages.RDBStorage, tmp_path: Path
) -> None:
    first = search(_linear(schema), storage=storage, trials=2)
    again = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    both = search(_linear(schema), storage=again, trials=4)
    assert (first.trials, both.trials) == (2, 4)
    assert {one["trial"] for one in first.candidates} < {one["trial"] for one in both.candidates}


class Killed(InProcess):
    """Is killed at the first fit."""

    def submit(self, function: Any, *words: Any) -> Any:
        """Never returns."""
        raise KeyboardInterrupt


def test_what_a_killed_search_left_in_a_shared_storage_is_given_up_by_itself_alone(
    search: Callable[..., Result], schema: Schema, storage: optuna.storages.RDBStorage, tmp_path: Path
) -> None:
    for machine in ("here", "there"):
        with pytest.raises(KeyboardInterrupt):
            search(_linear(schema), storage=storage, workers=Killed(), folder=tmp_path / machine)
    result = search(_linear(schema), storage=storage, folder=tmp_path / "here", trials=2)
    study = optuna.load_study(study_name=optuna.get_all_study_names(storage)[0], storage=storage)
    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["FAIL", "RUNNING", "COMPLETE", "COMPLETE"]
    assert "defaults" in [one["label"] for one in result.candidates]


def test_the_budget_is_shared_between_the_models_and_the_final_fit(plan: Plan) -> None:
    names, final = plan.slices["train"]["models"], plan.slices["train"]["budget"]
    budgets = [one for name in names for one in plan.slices[f"models/{name}"]["budget"]]
    if all("seconds" in one for one in budgets):
        assert any(note.startswith("the budget: ") for note in plan.notes)
        assert all(one["seconds"] > 0 for one in final)
    assert all(one.get("trials", 1) >= 1 and one.get("seconds", 1) > 0 for one in budgets)
    limits = [one["most_rows"] for one in final]
    assert limits == [*sorted(limits[:-1]), None], "for ever more rows, and in the end for any number"
    assert None in [one["most_rows"] for one in budgets], "somebody competes"


def test_the_first_part_of_the_budget_whose_rows_are_enough_is_meant() -> None:
    shares = [Share(100, 1.0), Share(200, 2.0)]
    assert [share_for(rows, shares) for rows in (100, 101, 201)] == [*shares, None]
    assert share_for(201, [*shares, Share(None, 3.0)]) == Share(None, 3.0)


@pytest.mark.parametrize(("dtypes", "used"), [(["number"], "plain"), (["number", "text"], "text")])
def test_a_table_with_free_text_may_have_a_budget_of_its_own(dtypes: list[str], used: str) -> None:
    schema = {"features": [[str(number), dtype] for number, dtype in enumerate(dtypes)]}
    plain, with_text = [{"most_rows": None, "seconds": 1.0}], [{"most_rows": None, "seconds": 2.0}]
    slice_ = {"budget": plain, "budget_with_text": with_text}
    assert shares_in(slice_, schema) == [Share(seconds={"plain": 1.0, "text": 2.0}[used])]
    assert shares_in({"budget": plain}, schema) == [Share(seconds=1.0)]


class Stuck(InProcess):
    """Never ends the first trial that it is given."""

    def __init__(self) -> None:
        super().__init__(trials=2)
        self.slots, self.first = 3, None

    def submit(self, function: Any, *words: Any) -> Any:
        """A future of the fit, or one that nobody keeps."""
        self.first = self.first or words[1]
        return Future() if words[1] is self.first else super().submit(function, *words)


def test_a_trial_that_waited_for_an_earlier_one_is_not_lost_when_the_clock_ends(
    search: Callable[..., Result], schema: Schema, tmp_path: Path
) -> None:
    seen: list[Result] = []
    words = {"workers": Stuck(), "deadline": time.monotonic() + 1.5, "folder": tmp_path / "kept"}
    result = search(_linear(schema), on_trial_end=lambda found, study: seen.append(found), **words)
    assert (result.state, result.trials, result.best) == ("ok", 1, "trial 1")
    assert [one.best for one in seen] == ["trial 1"]


@pytest.mark.parametrize("rows", [40, 12])
def test_a_class_of_one_row_keeps_models_that_stop_early_alive(rows: int) -> None:
    X, y = np.arange(2.0 * rows).reshape(rows, 2), np.arange(rows) % 4
    y[y == 3] = 0
    y[0] = 3
    for model in (
        HistGradientBoostingClassifier(early_stopping=True),
        SGDClassifier(early_stopping=True),
        GradientBoostingClassifier(n_iter_no_change=3, n_estimators=5),
        OneVsRestClassifier(HistGradientBoostingClassifier(early_stopping=True, max_iter=5)),
    ):
        assert set(fit(model, X, y).predict(X)) <= {0, 1, 2, 3}


class Ended(InProcess):
    """The process that fits ends by a signal each time."""

    def submit(self, function: Any, *words: Any) -> Any:
        """A future that knows the signal, as loky tells it."""
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("terminated; the exit codes of the workers are {SIGKILL(-9)}"))
        return future


@pytest.mark.parametrize("seconds", [60, -1])
def test_a_model_whose_process_is_killed_is_not_called_out_of_time(
    search: Callable[..., Result], schema: Schema, seconds: float
) -> None:
    now = time.monotonic()
    result = search(_linear(schema), workers=Ended(), deadline=now + seconds, first_deadline=now + 60)
    assert result.state == (
        "fails with its defaults: the process that fitted it was ended by SIGKILL, perhaps for want of memory"
    )


def test_the_first_trial_may_go_on_beyond_a_small_budget(search: Callable[..., Result], schema: Schema) -> None:
    now = time.monotonic()
    result = search(_linear(schema), deadline=now - 1, first_deadline=now + 60)
    assert (result.trials, result.best) == (1, "defaults")
    assert search(_linear(schema), "none", deadline=now - 1).trials == 0


def test_where_few_trials_are_left_to_the_clock_their_folds_do_not_wait_for_each_other() -> None:
    study = optuna.create_study()
    assert not few_left(study, 2, float("inf")) and few_left(study, 2, 100.0)
    trial = study.ask()
    trial.set_user_attr("seconds", 2.0)
    study.tell(trial, 0.0)
    # Sixteen seconds of work are eight such trials, which two workers do in eight seconds.
    assert [few_left(study, 2, seconds) for seconds in (7.9, 8.1)] == [True, False]


@pytest.mark.parametrize("label", QUICK)
def test_a_quick_metric_is_scikit_learns(label: str) -> None:
    random = np.random.default_rng(0)
    if label in ERRORS:
        truth, said = random.normal(size=50), random.normal(size=(50, 1))
        made = Outputs(said.ravel())
    else:
        truth, said = random.integers(0, 2, 50), random.dirichlet([0.3, 0.3], 50)
        said[0], truth[0] = (0.0, 1.0), 0
        made = Outputs(np.argmax(said, axis=1), said, classes=np.arange(2))
    own = quick(label, truth, said.shape[1])
    assert own is not None
    assert own(said) == pytest.approx(metric(label, Where("x"), Grammar()).score(truth, made))


def test_a_metric_without_a_quick_form_is_asked_of_scikit_learn() -> None:
    assert quick("f1_macro", np.array([0, 1]), 2) is None


def test_a_search_of_two_objectives_keeps_what_no_other_trial_beats_in_both(
    search: Callable[..., Result], table: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    folder = tmp_path / "tuned" / "kneighbors"
    result = search("KNeighbors", also_minimize="prediction_time", trials=6, folder=folder)
    kept = [(one["score"], -one["prediction_time"]) for one in result.candidates]
    beaten = {one for one in kept for other in kept if other != one and other[0] >= one[0] and other[1] >= one[1]}
    assert result.pruned == 0 and kept == sorted(kept, reverse=True) and not beaten
    assert result.score == max(score for score, _ in kept)
    model, limit = _model("KNeighbors", schema), min(-time for _, time in kept)
    assert len(candidates([result], [model], tmp_path / "tuned", max_prediction_time=limit)) == 1
    with pytest.raises(UserError, match="nothing predicts 1,000 rows within"):
        candidates([result], [model], tmp_path / "tuned", max_prediction_time=1e-9)


def test_of_a_shared_study_a_machine_keeps_the_trials_that_it_fitted(
    search: Callable[..., Result], schema: Schema, storage: optuna.storages.RDBStorage, tmp_path: Path
) -> None:
    search(_linear(schema), storage=storage, folder=tmp_path / "there", trials=3)
    here = search(_linear(schema), storage=storage, folder=tmp_path / "here", trials=5)
    assert here.trials == 5 and sorted(one["trial"] for one in here.candidates) == [3, 4]


def test_a_machine_that_joins_a_study_with_no_trials_left_fits_the_best_of_them_itself(
    search: Callable[..., Result], schema: Schema, storage: optuna.storages.RDBStorage, tmp_path: Path
) -> None:
    there = search(_linear(schema), storage=storage, folder=tmp_path / "there", trials=3)
    here = search(_linear(schema), storage=storage, folder=tmp_path / "here", trials=3)
    assert here.trials == 3 and [one["trial"] for one in here.candidates] == [there.candidates[0]["trial"]]
    name = f"outputs/{here.candidates[0]['trial']}.npy"
    assert np.array_equal(np.load(tmp_path / "here" / name), np.load(tmp_path / "there" / name))


def test_a_search_that_was_ended_leaves_no_running_trial_of_its_own_in_a_shared_storage(
    storage: optuna.storages.RDBStorage, tmp_path: Path
) -> None:
    study = optuna.create_study(storage=storage, study_name="model key")
    for folder in ("here", "there"):
        study.ask().set_user_attr("owner", owner(tmp_path / folder))
    give_up(storage, "model key", tmp_path / "here")
    assert [trial.state.name for trial in study.trials] == ["FAIL", "RUNNING"]
