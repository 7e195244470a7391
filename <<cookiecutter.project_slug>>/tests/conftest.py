"""A small table of the project's task, and the project's own params.

`table.py` has one for classes or numbers; a recipe for something else brings its own in `own_table.py`.
"""

from pathlib import Path

import pandas as pd
import pytest

from << cookiecutter.package_name >>.objects.plan import Plan, compile_params
from << cookiecutter.package_name >>.schema import Schema, infer
from << cookiecutter.package_name >>.steps.preprocess import preprocess
from << cookiecutter.package_name >>.steps.task import Task, task_of

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
def schema(plan: Plan, raw: pd.DataFrame) -> Schema:
    """The schema of `raw`, features and classes included."""
    found = infer(raw, tables.TARGET, plan.slices["data"]["task"], tables.COLUMNS)
    found.inputs += task_of(found).keys
    found.features = {column.name: column.dtype for column in found.needed}
    task_of(found).rows(preprocess(raw, found), found)  # which finds the classes
    found.notes.clear()
    return found


@pytest.fixture(scope="session")
def task(schema: Schema) -> Task:
    """The project's task, bound to `raw`."""
    return task_of(schema)


@pytest.fixture(scope="session")
def table(raw: pd.DataFrame, plan: Plan, task: Task) -> pd.DataFrame:
    """`raw`, typed."""
    found = infer(raw, tables.TARGET, plan.slices["data"]["task"], tables.COLUMNS)
    return task.rows(preprocess(raw, found), found)
