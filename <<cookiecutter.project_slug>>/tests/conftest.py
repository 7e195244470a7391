"""A small table of the project's task, and the project's own params.

`table.py` has one for classes or numbers; a recipe for something else brings its own in `own_table.py`.
"""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from << cookiecutter.package_name >>.objects.model import Model, model_from
from << cookiecutter.package_name >>.objects.plan import Plan, compile_params
from << cookiecutter.package_name >>.prediction.artifact import Described, save
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.example import example
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.preprocess import preprocess
from << cookiecutter.package_name >>.steps.task import task_of
from << cookiecutter.package_name >>.steps.typing.infer import infer

try:
    import own_table as tables
except ModuleNotFoundError:
    import table as tables

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def in_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in the project's folder, as the stages do."""
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="session")
def plan() -> Plan:
    """What `params/` compiles to."""
    return compile_params(ROOT / "params")


@pytest.fixture(scope="session")
def raw(plan: Plan) -> pd.DataFrame:
    """A table as it is read."""
    return tables.table(plan.slices["data"]["task"]["class"].rpartition(".")[2])


@pytest.fixture(scope="session")
def known(plan: Plan, raw: pd.DataFrame) -> tuple[Schema, pd.DataFrame]:
    """The schema of `raw`, features and classes included, and its rows, typed."""
    return typed(raw, tables.TARGET, tables.COLUMNS, plan.slices["data"]["task"])


@pytest.fixture(scope="session")
def schema(known: tuple[Schema, pd.DataFrame]) -> Schema:
    """That schema."""
    return known[0]


@pytest.fixture(scope="session")
def table(known: tuple[Schema, pd.DataFrame]) -> pd.DataFrame:
    """Those rows."""
    return known[1]


@pytest.fixture(scope="session")
def asked(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Rows that a model of the first 90 rows can be asked about."""
    return task_of(schema).askable(table[list(schema.features)].iloc[:90])


@pytest.fixture(scope="session")
def model(plan: Plan) -> Model:
    """The first of the models that compete that has something to search."""
    models = [model_from(plan.slices[f"models/{name}"]) for name in plan.slices["train"]["models"]]
    return next((one for one in models if one.space), models[0])


@pytest.fixture(scope="session")
def fitted(model: Model, table: pd.DataFrame, schema: Schema) -> Any:
    """That model, fitted to the first 90 rows."""
    learned = table.iloc[:90]
    estimator = assemble(model, {}, schema.features, task_of(schema))
    return fit(estimator, learned[list(schema.features)], learned[schema.target])


@pytest.fixture(scope="session")
def shown(raw: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Example rows."""
    return task_of(schema).example(example(raw, schema), raw)


@pytest.fixture(scope="session")
def folder(
    fitted: Any, asked: pd.DataFrame, schema: Schema, shown: list[dict[str, Any]], plan: Plan, tmp_path_factory: Any
) -> Path:
    """The folder in which that model is stored."""
    made: Path = tmp_path_factory.mktemp("made") / "model"
    save(made, fitted, Described(schema, "members: []\n", {}, shown), plan.slices["train"]["named"], asked)
    return made


@pytest.fixture
def saved(folder: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to change."""
    return Path(shutil.copytree(folder, tmp_path / "model"))


@pytest.fixture
def named(plan: Plan) -> list[str]:
    """What the params name."""
    return list(plan.slices["train"]["named"])


def typed(raw: pd.DataFrame, target: Any, columns: Any, task: Any) -> tuple[Schema, pd.DataFrame]:
    """The schema of a table as it is read, and its rows as models learn from them."""
    schema = infer(raw, target, task, columns)
    schema.inputs += task_of(schema).keys
    schema.features = {column.name: column.dtype for column in schema.needed}
    return schema, task_of(schema).rows(preprocess(raw, schema), schema)
