"""Example rows: made up unless the params ask for real ones, and such that the model takes them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.params.package import read_package
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.example import ROWS, example, real_rows
from << cookiecutter.package_name >>.steps.preprocess import preprocess
from << cookiecutter.package_name >>.steps.typing.infer import infer

PEOPLE = pd.DataFrame(
    {
        "email": [f"person{number}@example.org" for number in range(60)] * 2,
        "remark": [f"What person number {number} said of the house" for number in range(120)],
        "birth": pd.date_range("1960-01-01", periods=120, freq="50D").strftime("%d.%m.%Y"),
        "seen": pd.date_range("2024-01-01", periods=120, freq="7h").strftime("%Y-%m-%d %H:%M:%S"),
        "code": [f"{number % 70:02d}/A{number:03d}" for number in [*range(60), *range(60)]],
        "salary": [1000.5 + 37.25 * number for number in range(120)],
        "children": [number % 4 for number in range(120)],
        "member": [number % 2 == 0 for number in range(120)],
        "told": ["TRUE", "false"] * 60,
        "size": [1.0, -1e308, 1e308, None] * 30,
        "outcome": [number % 3 for number in range(120)],
    }
)


@pytest.fixture(scope="module")
def people(plan: Any) -> Schema:
    """The schema of a table of people."""
    return infer(PEOPLE, "outcome", plan.slices["data"]["task"], {"remark": {"dtype": "text"}})


def test_made_up_rows_hold_no_text_and_no_date_of_the_table(people: Schema) -> None:
    rows = pd.DataFrame(example(PEOPLE, people))
    assert len(rows) == ROWS and list(rows) == [column.name for column in people.needed]
    for name in ("email", "remark", "code", "salary"):
        assert not set(rows[name]) & set(PEOPLE[name]), name
    assert rows["email"].str.fullmatch(r"[a-z]{6}\d+@[a-z]{7}\.[a-z]{3}").all()
    assert rows["code"].str.fullmatch(r"\d\d/[A-Z]\d\d\d").all()


def test_made_up_rows_lie_in_the_ranges_and_are_typed_without_loss(people: Schema) -> None:
    rows = pd.DataFrame(example(PEOPLE, people))
    typed, table = preprocess(rows, people)[[one.name for one in people.needed]], preprocess(PEOPLE, people)
    assert typed.notna().all(axis=None)
    for name in ("birth", "seen", "salary", "children", "size"):
        assert typed[name].between(table[name].min(), table[name].max()).all(), name
    assert {type(one) for one in example(PEOPLE, people)[0].values()} <= {str, int, float, bool}
    assert {row["member"] for row in example(PEOPLE, people)} == {True, False}
    assert {row["told"] for row in example(PEOPLE, people)} == {True, False}
    assert all(isinstance(row["children"], int) for row in example(PEOPLE, people))


def test_real_rows_are_those_of_the_table(people: Schema) -> None:
    whole = PEOPLE.dropna().head(ROWS)  # those without gaps come first
    assert [row["remark"] for row in real_rows(PEOPLE, people)] == whole["remark"].tolist()


def test_real_rows_are_stored_only_where_the_params_say_so(tmp_path: Path) -> None:
    for name in ("package.yaml", "registry.yaml"):
        (tmp_path / name).write_text(Path("params", name).read_text(encoding="utf-8"), encoding="utf-8")
    path = tmp_path / "package.yaml"
    text = path.read_text(encoding="utf-8")
    assert read_package(tmp_path)["example"] == "generated"
    for value, found in (("real", "real"), (None, "generated")):
        line = f"example: {value}" if value else ""
        path.write_text(text.replace("example: generated", line), encoding="utf-8")
        assert read_package(tmp_path)["example"] == found
    path.write_text(text.replace("example: generated", "example: none"), encoding="utf-8")
    with pytest.raises(UserError, match="unknown example 'none'; possible here: generated, real"):
        read_package(tmp_path)
