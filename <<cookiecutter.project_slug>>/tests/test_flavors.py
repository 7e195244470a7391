"""Each flavor on each model that competes: a stored model says the same, and untrusted classes are not loaded."""

import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, tables, typed

from << cookiecutter.package_name >>.components.flavors import Joblib, Skops
from << cookiecutter.package_name >>.components.splitters import NoHoldout
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.files import read_json, write_json
from << cookiecutter.package_name >>.objects.allowed import imported, is_trusted
from << cookiecutter.package_name >>.objects.discovery import find_all
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.nodes import classes
from << cookiecutter.package_name >>.objects.params.models import read_model
from << cookiecutter.package_name >>.objects.params.package import read_package
from << cookiecutter.package_name >>.objects.plan import Plan, compile_params
from << cookiecutter.package_name >>.objects.reader import Where, read
from << cookiecutter.package_name >>.prediction.artifact import Described, compare, load, save
from << cookiecutter.package_name >>.prediction.manifest import seal
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.apart import PARTS
from << cookiecutter.package_name >>.steps.ensemble import Folds
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.predict import predict
from << cookiecutter.package_name >>.steps.task import task_of

MODELS = sorted(path.stem for path in (ROOT / "params/models").glob("*.yaml"))
COMPETING = read(ROOT / "params/search.yaml")[0]["models"]
# Those of the project's own modules and of its parts, too.
FLAVORS = [entry.path for entry in find_all([]) if entry.kind == "flavor" and "model" in imported(entry.path).suits]
# What a model is made of does not depend on how long it learns.
FEW = {"n_estimators": 5, "iterations": 5, "max_iter": 20}


def _flavors(path: str, schema: Schema) -> dict[str, Any]:
    flavor = imported(path)()
    if hasattr(flavor, "needs"):
        pytest.importorskip(flavor.needs, reason=f"{flavor.needs} is not installed")
    chosen = {part: flavor for part in PARTS if part in flavor.suits}
    if set(chosen) == {"model"} and schema.task["class"].rpartition(".")[2] not in ("Classification", "Regression"):
        pytest.skip("a flavor for estimators alone is for models of one class or one number a row")
    return chosen


def _named(flavors: dict[str, Any]) -> list[str]:
    return sorted({f"{type(one).__module__}.{type(one).__qualname__}" for one in flavors.values()})


def _shortened(estimator: Any) -> Any:
    """Return an estimator that learns for less time."""
    params = {name: value for name, value in estimator.get_params().items() if type(value) is int}
    limits = {name: FEW.get(name.rpartition("__")[2], value) for name, value in params.items()}
    return estimator.set_params(**{name: most for name, most in limits.items() if most < params[name]})


@pytest.fixture(scope="module")
def raw(raw: pd.DataFrame) -> pd.DataFrame:
    """The table with many words, if it has any: a model that has learned them holds a sparse matrix."""
    if "note" not in raw:
        return raw
    words = np.random.default_rng(0).choice([f"word{number}" for number in range(300)], (len(raw), 8))
    return raw.assign(note=[" ".join(row) for row in words])


@pytest.fixture(scope="module")
def known(plan: Plan, raw: pd.DataFrame) -> tuple[Schema, pd.DataFrame]:
    """The schema of that table, and its rows, typed."""
    return typed(raw, tables.TARGET, tables.COLUMNS, plan.slices["data"]["task"])


@pytest.fixture(scope="module")
def schema(known: tuple[Schema, pd.DataFrame]) -> Schema:
    """The schema of that table."""
    return known[0]


@pytest.fixture(scope="module")
def table(known: tuple[Schema, pd.DataFrame]) -> pd.DataFrame:
    """Its rows."""
    return known[1]


@pytest.fixture(scope="module")
def asked(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows that a model of the first 90 rows can be asked about."""
    return task_of(schema).askable(table[list(schema.features)].iloc[:90])


@pytest.fixture(scope="module")
def made(table: pd.DataFrame, schema: Schema) -> Any:
    """A function that gives a fitted model of the pool, and what it is made of by import paths."""
    known: dict[str, tuple[Any, list[str]]] = {}

    def give(name: str) -> tuple[Any, list[str]]:
        if name not in known:
            try:
                model = read_model(ROOT / "params", name, Grammar(), Where(name), task_of(schema))
            except UserError as error:
                pytest.skip(error.message)
            estimator = _shortened(assemble(model, {}, schema.features, task_of(schema)))
            fitted = fit(estimator, table[list(schema.features)].iloc[:90], table[schema.target].iloc[:90])
            named = classes(model.estimator) | classes(model.preprocess) | {schema.task["class"]}
            known[name] = fitted, sorted(named)
        return known[name]

    return give


@pytest.mark.parametrize("flavor", FLAVORS)
@pytest.mark.parametrize("name", COMPETING)
def test_a_model_that_was_stored_says_the_same(
    name: str, flavor: str, made: Any, asked: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    model, named = made(name)
    flavors = _flavors(flavor, schema)
    named = [*named, *_named(flavors)]
    save(tmp_path / "model", model, Described(schema, "", {}, []), named, asked, flavors)  # and compared
    again, _ = load(tmp_path / "model", named)
    if schema.labels:
        assert (predict(again, asked, schema)["prediction"] == predict(model, asked, schema)["prediction"]).all()


@pytest.mark.parametrize("flavor", FLAVORS)
def test_an_ensemble_of_fold_models_says_the_same(
    flavor: str, made: Any, asked: pd.DataFrame, schema: Schema, tmp_path: Path
) -> None:
    first, named = made(MODELS[0])
    second, others = made(MODELS[1])
    task = task_of(schema)
    try:
        combine = task.mean([0.25, 0.75], task.to_scores(task.outputs(first, asked)).shape[1])
    except UserError as error:
        pytest.skip(error.message)
    model = task.ensemble(["first", "second"], [Folds([first, second]), second], combine)
    flavors = _flavors(flavor, schema)
    named = [*named, *others, *_named(flavors)]
    save(tmp_path / "model", model, Described(schema, "", {}, []), named, asked, flavors)
    compare(model, load(tmp_path / "model", named)[0], asked, schema, flavors["model"].tolerance, "here")
    whole = getattr(second, "estimator_", second)
    assert model.members[1] is second and len(getattr(whole, "steps", "of one piece")) > 1


@pytest.mark.parametrize("name", COMPETING)
def test_labels_and_probabilities_asked_together_are_those_asked_apart(
    name: str, made: Any, table: pd.DataFrame, schema: Schema
) -> None:
    if not schema.labels:
        pytest.skip("these are for a classification")
    model, features = made(name)[0], table[list(schema.features)]
    labels, probabilities = model.predict_both(features)
    assert labels.tolist() == model.predict(features).tolist()
    assert np.allclose(probabilities, model.predict_proba(features), rtol=0, atol=1e-12)  # sums of threads


@pytest.mark.parametrize("together", [False, True])
def test_what_is_predicted_is_what_the_report_measures(
    together: bool, made: Any, asked: pd.DataFrame, schema: Schema
) -> None:
    task, model = task_of(schema), made(MODELS[0])[0]
    if together:
        try:
            combine = task.mean([0.5, 0.5], task.to_scores(task.outputs(model, asked)).shape[1])
        except UserError as error:
            pytest.skip(error.message)
        model = task.ensemble(["first", "second"], [model, made(MODELS[1])[0]], combine)
    said, measured = predict(model, asked, schema), task.outputs(model, asked).predicted
    single = "prediction" in said
    raw = said["prediction"] if single else said[[f"prediction_{name}" for name in schema.targets]]
    found = np.asarray(raw) if not schema.targets else task.encode(raw)
    assert np.allclose(found, measured)


def test_what_says_something_else_is_found(made: Any, table: pd.DataFrame, asked: pd.DataFrame, schema: Schema) -> None:
    task, rows = task_of(schema), table.iloc[:90]
    one, other = made(MODELS[0])[0], fit(task.wrap(task.dummy()), rows[list(schema.features)], rows[schema.target])
    with pytest.raises(UserError, match="there does not say what the model says"):
        compare(one, other, asked, schema, 1e-3, "there")


@pytest.fixture(scope="module")
def original(made: Any, asked: pd.DataFrame, schema: Schema, tmp_path_factory: Any) -> tuple[Path, list[str]]:
    """A model that is stored by joblib, and what may be named to load it."""
    model, named = made(MODELS[1])
    flavors = dict.fromkeys(PARTS, Joblib())
    folder, named = tmp_path_factory.mktemp("stored") / "model", [*named, *_named(flavors)]
    save(folder, model, Described(schema, "", {}, []), named, asked, flavors)
    return folder, named


@pytest.fixture
def stored(original: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy of it."""
    return Path(shutil.copytree(original[0], tmp_path / "model")), original[1]


@pytest.mark.parametrize("nested", [False, True])
def test_a_pickle_that_calls_something_is_not_obeyed(
    nested: bool, stored: tuple[Path, list[str]], tmp_path: Path
) -> None:
    folder, named = stored

    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "opened"),)

    # In an array of objects, joblib keeps a pickle within the pickle.
    joblib.dump(np.array([Evil()], dtype=object) if nested else Evil(), folder / "model.joblib")
    seal(folder)
    with pytest.raises(UserError, match=r"holds (posix|os|nt).mkdir, which is no part of a model and which no object"):
        load(folder, named)
    (folder / "model.joblib").write_bytes(pickle.dumps(Evil()))
    seal(folder)
    with pytest.raises(UserError, match="which no object in params/ names"):
        load(folder, named)
    assert not (tmp_path / "opened").exists()


def test_a_class_that_a_trusted_module_imports_from_elsewhere_is_not_trusted(named: list[str]) -> None:
    package = Skops.__module__.split(".")[0]
    assert is_trusted(f"{package}.steps.ensemble.Folds", named) and is_trusted("sklearn.pipeline.Pipeline", named)
    for name in (
        f"{package}.storage.Path",
        "sklearn.utils._testing.CalledProcessError",
        "sklearn.pipeline.chain",
        "os.system",
    ):
        assert not is_trusted(name, named)


def test_a_flavor_that_the_params_do_not_name_is_not_used(stored: tuple[Path, list[str]]) -> None:
    folder, named = stored
    with pytest.raises(
        UserError, match=r"the part '\w+' is stored by \S+Joblib, which params/package.yaml does not name"
    ):
        load(folder, [one for one in named if not one.endswith("Joblib")])
    manifest = read_json(folder / "manifest.json")
    for path in ("os.system", "pathlib.Path"):
        write_json(folder / "manifest.json", manifest | {"flavors": manifest["flavors"] | {"model": path}})
        with pytest.raises(UserError, match=f"is stored by {path}"):
            load(folder, named)


def test_parts_of_other_models_do_not_go_together(stored: tuple[Path, list[str]]) -> None:
    folder, named = stored
    joblib.dump({"steps": [[]], "of": [0, 0]}, folder / "transformers.joblib")
    seal(folder)
    with pytest.raises(UserError, match="is damaged: the parts are not of one model"):
        load(folder, named)


def test_nothing_held_out_leaves_all_rows_to_learn_from() -> None:
    learn, held_out = next(NoHoldout().split(np.zeros((7, 2))))
    assert learn.tolist() == list(range(7)) and held_out.tolist() == []


@pytest.mark.parametrize(
    "wrong, sentence",
    [
        ("parts: {model: {class: Jobli}}", "no flavor is called 'Jobli'; did you mean 'Joblib'"),
        ("parts: {modle: {class: Joblib}}", "'modle'"),
        ("exports: {class: Joblib}", "'exports' needs a list of flavors"),
        ("exports: [{class: Joblib}, {class: Joblib}]", "Joblib is named twice"),
    ],
)
def test_flavors_that_cannot_be_are_refused(wrong: str, sentence: str, tmp_path: Path) -> None:
    shutil.copytree("params", tmp_path / "params")
    (tmp_path / "params/package.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_package(tmp_path / "params")
    assert sentence in str(refused.value) and "params/package.yaml" in str(refused.value)


def test_a_wrong_flavor_is_no_part_of_a_plan(tmp_path: Path) -> None:
    shutil.copytree("params", tmp_path / "params")
    (tmp_path / "params/package.yaml").write_text("parts: {model: {class: Jobli}}", encoding="utf-8")
    with pytest.raises(UserError, match="no flavor is called 'Jobli'"):
        compile_params(tmp_path / "params")
