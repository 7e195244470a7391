"""Exports and flavors: models of a table with columns of every kind say the same wherever they are stored."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stamped import Project

slow = pytest.mark.slow
KINDS = ["text", "integer", "boolean", "number", "labels"]
# What training needs and prediction does without.
TRAINING = ["dask", "distributed", "dvc", "gto", "jinja2", "matplotlib", "mlflow", "optuna", "pyarrow", "pytest"]
# What a command says that lacks a package of the extra `train`.
SETUP = "this environment has what prediction needs and no more. Run `make setup`, or install the extra 'train'"
WITHOUT = """
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {training} else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
SERVING = """
import json
from pathlib import Path
import pandas as pd
from fastapi.testclient import TestClient
from {package}.__main__ import main
from {package}.prediction.pipeline import PredictionPipeline
from {package}.parts.serve.app import make_app
from {package}.parts.serve.settings import read_settings
main(["predict", "new.csv", "new.out.csv", "--model", "model"])
service = make_app(PredictionPipeline.load("model"), read_settings(Path("params")))
with TestClient(service) as client:
    rows = json.loads(Path("model/example.json").read_text())
    answer = client.post("/predict", json={{"rows": rows}})
    binary = client.post("/predict", content=b"PAR1", headers={{"Content-Type": "application/vnd.apache.parquet"}})
    offered = list(client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"])
print(json.dumps([answer.json(), binary.status_code, offered]))
"""
Packaged = tuple[Project, Path, Any, Any, pd.DataFrame]


def every_type(rows: int = 90) -> pd.DataFrame:
    """A table with a column of every type, and targets of every kind."""
    random = np.random.default_rng(0)
    share = random.normal(size=rows)
    flag, colour = random.random(rows) < 0.5, random.choice(["red", "green", "blue"], rows)
    signal = share + flag + (colour == "red")
    words = ["old", "oak", "door", "fell", "foot", "twice", "left"]
    seconds = pd.to_timedelta(random.integers(0, 300_000, rows), unit="s")
    moments = pd.Timestamp("2024-01-01T10:00") + seconds
    level = np.digitize(signal, [0.5, 1.5])
    return pd.DataFrame(
        {
            "whole": random.integers(0, 9, rows),
            "whole gaps": pd.Series(random.integers(0, 50, rows)).where(random.random(rows) > 0.2),
            "share": share,
            "flag": flag,
            "flag gaps": pd.Series(random.random(rows) < 0.5).astype(object).where(random.random(rows) > 0.2),
            "answer": random.choice(["yes", "no"], rows),
            "colour": colour,
            "code": random.choice(["007", "010", "X19", "100"], rows),
            "note": [" ".join(random.choice(words, 5)) for _ in range(rows)],
            "day": moments.strftime("%Y-%m-%d"),
            "moment": moments.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
            "place": [f"place {number}" for number in random.permutation(rows)],
            "empty": None,
            "constant": 3,
            "text": np.array(["low", "mid", "high"])[level],
            "integer": level,
            "boolean": signal > 1,
            "number": signal * 10,
        }
    )


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Packaged]]:
    """A function that trains and stores a model for a target, once each."""
    folder = tmp_path_factory.mktemp("exports")
    every_type().to_csv(folder / "every.csv", index=False)
    known: dict[str, Packaged] = {}

    def give(kind: str) -> Packaged:
        if kind not in known:
            known[kind] = _packaged(folder, kind)
        return known[kind]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield give


def _packaged(folder: Path, kind: str) -> Packaged:
    recipe = {"number": "tabular-regression", "labels": "multilabel"}.get(kind, "tabular-classification")
    target = ["boolean", "flag"] if kind == "labels" else kind
    # Trees of a forest are summed in the order in which threads come, and half of them is the threshold of a label.
    model = {"number": "ridge"}.get(kind, "logistic_regression")
    project = Project(folder, project_name=f"exports {kind}", recipe=recipe, estimators=model)
    task, schema_of = project.module("steps.task").task_of, project.module("steps.typing.infer").infer
    project.stage("plan")
    files = project.module("files")
    plan = files.read_json(project.path / "plan" / "data.json")
    raw = project.module("steps.load").load(str(folder / "every.csv"))
    others = [one for one in ("text", "integer", "boolean", "number") if one not in target]
    columns = {"note": {"dtype": "text"}} | {one: {"role": "ignore"} for one in others}
    schema = schema_of(raw, target, plan["task"], columns)
    schema.inputs += task(schema).keys
    rows = task(schema).rows(project.module("steps.preprocess").preprocess(raw, schema), schema)
    schema.features = {column.name: column.dtype for column in schema.needed}
    grammar = project.module("objects.grammar").Grammar()
    where = project.module("objects.reader").Where(model)
    chosen = project.module("objects.plan").read_model(project.path / "params", model, grammar, where, task(schema))
    fitting = project.module("steps.fit")
    features = rows[list(schema.features)]
    fitted = fitting.fit(fitting.assemble(chosen, {}, schema.features, task(schema)), features, rows[schema.target])
    return project, folder / "every.csv", fitted, schema, raw


def stored(packaged: Packaged, folder: Path, flavors: dict[str, Any] | None = None) -> Any:
    """Store a model, with an example, and give what `About` says of it."""
    project, _, model, schema, raw = packaged
    store = project.module("prediction.artifact")
    named = project.module("files").read_json(project.path / "plan" / "train.json")["named"]
    named = [*named, *(f"{type(one).__module__}.{type(one).__qualname__}" for one in (flavors or {}).values())]
    rows = project.module("steps.example").example(raw, schema)
    features = project.module("steps.predict").prepare(raw, schema)
    store.save(folder, model, store.Described(schema, "", {}, rows), named, features, flavors)
    examples = project.module("steps.predict").prepare(pd.DataFrame(rows), schema)
    return store.About(named, folder.resolve(), examples)


def without_training(program: str, project: Project, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder as if the packages that prediction does without were not installed."""
    words = [sys.executable, "-c", WITHOUT.format(training=TRAINING) + program]
    environment = os.environ | {"PYTHONPATH": str(project.path / "src")}
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    "kind", ["text", "number", "labels", pytest.param("integer", marks=slow), pytest.param("boolean", marks=slow)]
)
def test_mlflow_predicts_columns_of_every_type_as_the_pipeline_does(
    kind: str, packaged: Callable[[str], Packaged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = packaged(kind)
    project, table, model, _, raw = found
    monkeypatch.chdir(project.path)
    about = stored(found, tmp_path / "model")
    flavor = project.module("parts.export_mlflow.components").MLflow()
    project.module("prediction.artifact").put(model, tmp_path / "model.mlflow", flavor, about)
    served = flavor.load(tmp_path / "model.mlflow", about)
    pipeline = project.module("prediction.pipeline").PredictionPipeline.load(tmp_path / "model")
    read = pd.read_csv(table)
    changed = read.assign(colour="unseen", share=np.nan, answer=None, day="2031-02-03", whole=-7)
    typed = read.assign(day=pd.to_datetime(read["day"]), moment=pd.to_datetime(read["moment"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rows in (
            *(read, raw, read.convert_dtypes(), read.astype(object), typed, changed, read.iloc[4:5]),
            read.astype({"colour": "category", "whole": "int8", "share": "float32"}),
            read.set_index(np.arange(len(read))[::-1] + 5),
        ):
            pd.testing.assert_frame_equal(served.predict(rows), pipeline.predict(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_each_flavor_stores_a_model_of_every_type_of_column(
    kind: str, packaged: Callable[[str], Packaged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = packaged(kind)
    project, _, model, schema, raw = found
    monkeypatch.chdir(project.path)
    flavors, onnx = project.module("components.flavors"), project.module("parts.export_onnx.components")
    expected = project.module("steps.predict").predict(
        model, project.module("steps.predict").prepare(raw, schema), schema
    )
    chosen = [flavors.Skops(), flavors.Joblib(), *([onnx.Onnx()] if kind != "labels" else [])]
    for flavor in chosen:
        parts = dict.fromkeys(
            [one for one in ("transformers", "label_encoder", "model") if one in flavor.suits], flavor
        )
        about = stored(found, tmp_path / type(flavor).__name__, parts)
        again, _ = project.module("prediction.artifact").load(about.folder, about.named)
        said = project.module("steps.predict").predict(
            again, project.module("steps.predict").prepare(raw, schema), schema
        )
        pd.testing.assert_frame_equal(said, expected, rtol=1e-3, atol=1e-3)


def test_an_export_that_fails_costs_no_other_and_not_the_model(
    packaged: Callable[[str], Packaged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = packaged("text")
    project = found[0]
    monkeypatch.chdir(project.path)
    about = stored(found, tmp_path / "model")
    mlem, flavors = project.module("parts.export_mlem.components"), project.module("components.flavors")

    def load(self: Any, path: Path, about: Any) -> Any:
        raise ValueError("column 'share' is lost")

    broken = type("Broken", (flavors.Joblib,), {"suffix": ".broken", "load": load})
    failed = project.module("stages.package")._export(
        about.folder, [mlem.MLEM("nowhere/python"), broken(), flavors.Joblib()], about.named
    )
    assert failed[0].startswith("MLEM: model.mlem cannot be stored by MLEM: RuntimeError: there is no nowhere/python")
    assert failed[1:] == ["Broken: ValueError: column 'share' is lost"]
    assert [one.name for one in (about.folder / "exports").iterdir()] == ["model.joblib"]


def test_prediction_and_the_service_do_without_what_trains(
    packaged: Callable[[str], Packaged], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = packaged("text")
    project, table, model, schema, raw = found
    monkeypatch.chdir(project.path)
    stored(found, tmp_path / "model")
    for folder in ("params", "plan"):
        shutil.copytree(project.path / folder, tmp_path / folder)
    shutil.copy(table, tmp_path / "new.csv")
    done = without_training(SERVING.format(package=project.package), project, tmp_path)
    assert done.returncode == 0, done.stderr
    answer, binary, offered = json.loads(done.stdout)
    assert answer["predictions"][0]["prediction"] in schema.labels
    assert (binary, offered) == (415, ["application/json", "text/csv"]), "Parquet is the extra `parquet`"
    said = pd.read_csv(tmp_path / "new.out.csv")["prediction"].tolist()
    features = project.module("steps.predict").prepare(raw, schema)
    assert said == project.module("steps.predict").predict(model, features, schema)["prediction"].tolist()


@pytest.mark.parametrize(
    ("words", "missing", "remedy"),
    [
        (["", "check"], "optuna", SETUP),
        ([".stages.load"], "pyarrow", SETUP),
        (["", "registry"], "gto", "add the extra 'train' to pyproject.toml and run `make setup`"),
    ],
)
def test_where_prediction_alone_is_installed_training_says_what_it_lacks(
    words: list[str], missing: str, remedy: str, packaged: Callable[[str], Packaged], tmp_path: Path
) -> None:
    project = packaged("text")[0]
    for folder in ("params", "plan"):
        shutil.copytree(project.path / folder, tmp_path / folder)
    (tmp_path / "data").mkdir()
    shutil.copytree(project.path / "data" / "raw", tmp_path / "data" / "raw")
    module = project.package + words[0]
    program = (
        f"import runpy\nsys.argv[1:] = {words[1:]}\nrunpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    done = without_training(program, project, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(f"error: {missing} is not installed: {remedy}\n")
