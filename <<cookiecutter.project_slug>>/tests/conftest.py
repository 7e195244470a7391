"""A small table of the project's task, with all that makes real tables ugly, and the project's own params."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from << cookiecutter.package_name >>.objects.plan import Plan, compile_params
from << cookiecutter.package_name >>.schema import Schema, infer
from << cookiecutter.package_name >>.steps.preprocess import preprocess
from << cookiecutter.package_name >>.steps.task import Task, task_of

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
    """120 rows: numbers with gaps, categories, a date, a text, and a target that follows from them."""
    random = np.random.default_rng(0)
    rows = 120
    size = random.normal(50, 10, rows)
    kind = random.choice(["a", "b", "NO"], rows)
    signal = size / 10 + 2 * (kind == "b") + random.normal(0, 0.5, rows)
    words = np.array(["red apple", "green pear", "blue plum", "old stone", "new brick"])
    notes = [" ".join(random.choice(words, 3)) for _ in range(rows)]
    table = pd.DataFrame(
        {
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
            "count": random.integers(0, 5, rows),
            "kind": pd.Series(kind).where(random.random(rows) > 0.1),
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%d/%m/%Y"),
            "note": notes,
            "outcome": signal,
        }
    )
    if plan.slices["data"]["task"]["class"].endswith(".Classification"):
        table["outcome"] = np.where(signal > np.median(signal), "yes", "no")
    return table


@pytest.fixture(scope="session")
def schema(plan: Plan, raw: pd.DataFrame) -> Schema:
    """The schema of `raw`, features and classes included."""
    found = infer(raw, "outcome", plan.slices["data"]["task"], {"note": {"dtype": "text"}})
    found.features = {column.name: column.dtype for column in found.columns}
    task_of(found).rows(preprocess(raw, found), found)  # which finds the classes
    return found


@pytest.fixture(scope="session")
def task(schema: Schema) -> Task:
    """The project's task, bound to `raw`."""
    return task_of(schema)


@pytest.fixture(scope="session")
def table(raw: pd.DataFrame, schema: Schema, task: Task) -> pd.DataFrame:
    """`raw`, typed."""
    return task.rows(preprocess(raw, schema), schema)
