"""The steps do what their names say, and nothing leaks from the rows that a model must not see."""

import json
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from << cookiecutter.package_name >>.components.workers import InProcess
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.metrics import metric
from << cookiecutter.package_name >>.objects.model import Model
from << cookiecutter.package_name >>.objects.plan import Plan
from << cookiecutter.package_name >>.objects.reader import Where
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.candidates import Result
from << cookiecutter.package_name >>.steps.evaluate import scores
from << cookiecutter.package_name >>.steps.fit import assemble, parts, transform
from << cookiecutter.package_name >>.steps.fold import Job
from << cookiecutter.package_name >>.steps.load import load
from << cookiecutter.package_name >>.steps.predict import predict, prepare
from << cookiecutter.package_name >>.steps.search import Search
from << cookiecutter.package_name >>.steps.study import open_study
from << cookiecutter.package_name >>.steps.task import task_of
from << cookiecutter.package_name >>.steps.training_set import TrainingSet


def search(model: Model, plan: Plan, table: pd.DataFrame, schema: Schema, trials: int, journal: Path) -> Result:
    """A search with two folds."""
    rows, scorer = np.arange(len(table)), metric(plan.slices["train"]["metric"], Where("search.yaml"), Grammar())
    folds = [(rows[:60], rows[60:]), (rows[:80], rows[80:])]
    job = Job(str(journal), model, TrainingSet.from_table(table, schema, folds, scorer))
    sampler, pruner = optuna.samplers.RandomSampler(seed=0), optuna.pruners.NopPruner()
    return Search(job, open_study("search", sampler, pruner, storage=journal), InProcess(), trials).run()


def test_load_reads_ugly_text(tmp_path: Path) -> None:
    (tmp_path / "ugly.csv").write_bytes("\ufeff name , size\n a ,1\n b , \n?,3\n".encode())
    frame = load(str(tmp_path / "ugly.csv"))
    assert list(frame.columns) == ["name", "size"]
    assert frame["name"].tolist()[:2] == ["a", "b"] and frame["name"].isna().tolist() == [False, False, True]
    assert frame["size"].isna().tolist() == [False, True, False]


def test_load_refuses_two_columns_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "twice.csv").write_text("a,b, a\n1,2,3\n")
    with pytest.raises(UserError, match=r"two columns that are called 'a' \(line 1\)"):
        load(str(tmp_path / "twice.csv"))


def test_raw_labels_or_numbers_go_in_and_come_out(fitted: object, table: pd.DataFrame, schema: Schema) -> None:
    predictions = predict(fitted, table[list(schema.features)].iloc[90:], schema)
    assert predictions.index.tolist() == list(range(90, 120))
    if schema.labels == ["no", "yes"]:
        assert set(predictions["prediction"]) <= {"yes", "no"}
        assert np.allclose(predictions[["probability_no", "probability_yes"]].sum(axis=1), 1)
    else:
        assert predictions.notna().all(axis=None)


def test_prediction_prepares_rows_as_training_does(
    raw: pd.DataFrame, table: pd.DataFrame, schema: Schema, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Yours may need columns of your own table.
    monkeypatch.setattr("<< cookiecutter.package_name >>.steps.predict.featurize", lambda frame: frame)
    shuffled = raw.drop(columns=schema.targets)[["note", "day", "kind", "count", "size"]]
    pd.testing.assert_frame_equal(prepare(shuffled, schema), table[list(schema.features)])


def test_a_prediction_needs_no_other_row_and_survives_what_it_has_never_seen(
    fitted: object, table: pd.DataFrame, schema: Schema
) -> None:
    features = table[list(schema.features)].iloc[90:]
    alone = predict(fitted, features.iloc[[0]], schema)
    pd.testing.assert_frame_equal(alone, predict(fitted, features, schema).iloc[[0]])
    strange = features.iloc[[0]].assign(kind="never seen", note="", size=np.nan)
    assert predict(fitted, strange, schema).notna().all(axis=None)


def test_transformers_learn_from_training_rows_alone(model: Model, table: pd.DataFrame, schema: Schema) -> None:
    split = parts(assemble(model, {}, schema.features, task_of(schema)))
    if split is None:
        pytest.skip("its preprocessing resamples rows, and is fitted with the estimator")
    features = table[list(schema.features)]
    transformers, _ = split.prepare(features.iloc[:60], table[schema.target].iloc[:60])
    before = np.asarray(transform(transformers, features.iloc[60:61]), dtype=float)
    transform(transformers, features.iloc[61:].assign(size=1e6))
    assert np.array_equal(
        before, np.asarray(transform(transformers, features.iloc[60:61]), dtype=float), equal_nan=True
    )


def test_a_search_is_gone_on_from_where_it_was_cut_off(
    model: Model, plan: Plan, table: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.log"
    first = search(model, plan, table, schema, 2, journal)
    assert (first.trials, first.best, first.state) == (2, first.best, "ok")
    with journal.open("a") as file:
        file.write('{"op_code": 4, "half a li')
    both = search(model, plan, table, schema, 3, journal)
    assert both.trials == 3
    assert both.score is not None and first.score is not None and both.score >= first.score


def test_the_first_trial_is_the_defaults(
    model: Model, plan: Plan, table: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    assert search(model, plan, table, schema, 1, tmp_path / "journal.log").best == "defaults"


def test_every_metric_can_be_computed(fitted: object, table: pd.DataFrame, schema: Schema, plan: Plan) -> None:
    written = [plan.slices["evaluate"]["metric"], *plan.slices["evaluate"]["metrics"]]
    metrics = [metric(one, Where("evaluate.yaml"), Grammar()) for one in written]
    held_out = table.iloc[90:]
    task, features, seen = task_of(schema), held_out[list(schema.features)], table.iloc[:90]
    said, truth = task.outputs(fitted, features), task.encode(held_out[schema.target])
    known = seen[list(schema.features)], seen[schema.target]
    found = scores(metrics, task, said, truth, features, *known, fitted)
    assert json.dumps(found) and None not in found.values()
