"""Scores that look too good are questioned, and ordinary tables are left in peace."""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from stamped import Project

ROWS = 400


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project, whose modules are imported."""
    return Project(tmp_path_factory.mktemp("doubted"), project_name="Doubted", estimators="logistic_regression")


class Rows:
    """Columns of made-up tables."""

    def __init__(self, rows: int = ROWS) -> None:
        self.rng, self.rows = np.random.default_rng(0), rows

    def noise(self) -> np.ndarray:
        """Numbers that tell nothing."""
        return self.rng.normal(size=self.rows)

    def classes(self, number: int = 2) -> np.ndarray:
        """Classes by chance."""
        return self.rng.choice(
            [f"class {letter}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[:number]], self.rows
        )

    def table(self, y: Any, **columns: Any) -> pd.DataFrame:
        """A table with two columns of noise."""
        return pd.DataFrame({**columns, "noise": self.noise(), "more": self.noise(), "y": y})

    def entities(self, number: int = 50) -> tuple[np.ndarray, np.ndarray]:
        """The entity of each row, in random order, and its class."""
        of = self.rng.integers(0, number, self.rows)
        return of, self.rng.choice(["ill", "well"], number)[of]


def _schema(project: Project, frame: pd.DataFrame, target: Any, **columns: Any) -> tuple[pd.DataFrame, Any]:
    """A table's typed rows and schema, as the stage `load` makes them."""
    several = isinstance(target, list)
    numbers = several or pd.api.types.is_float_dtype(frame[target])
    task = {"class": f"{project.package}.components.tasks.{'Regression' if numbers else 'Classification'}"}
    schema = project.module("steps.typing.infer").infer(frame, target, task, columns)
    typed = project.module("steps.preprocess").preprocess(frame, schema)
    rows = project.module("steps.task").task_of(schema).rows(typed, schema)
    if schema.role("time"):
        rows = rows.sort_values(schema.role("time")[0], kind="stable", ignore_index=True)
    schema.features = {column.name: column.dtype for column in schema.columns if column.role in schema.inputs}
    return rows, schema


def _found(
    project: Project, frame: pd.DataFrame, split: str = "random", target: Any = "y", **columns: Any
) -> list[Any]:
    rows, schema = _schema(project, frame, target, **columns)
    order = np.arange(len(rows)) if split == "time" else np.random.default_rng(1).permutation(len(rows))
    cut = len(rows) * 4 // 5
    found: list[Any] = project.module("steps.suspicions").suspicions(rows, schema, order[:cut], order[cut:])
    return found


def _renamed(rows: Rows) -> pd.DataFrame:
    y = rows.classes()
    return rows.table(y, x=np.where(y == "class a", "won", "lost"))


def _renamed_many(rows: Rows) -> pd.DataFrame:
    y = rows.classes(30)
    return rows.table(y, x=[f"{one}!" for one in y])


def _numbered(rows: Rows) -> pd.DataFrame:
    codes = rows.rng.permutation(30)[np.unique(y := rows.classes(30), return_inverse=True)[1]]
    return rows.table(y, x=codes)


def _many_to_one(rows: Rows) -> pd.DataFrame:
    x = rows.rng.integers(0, 12, rows.rows)
    return rows.table(rows.rng.permutation(["a", "b", "c"] * 4)[x], x=[f"code {one}" for one in x])


def _threshold(rows: Rows) -> pd.DataFrame:
    x = rows.noise()
    return rows.table(np.where(x > 0.3, "high", "low"), x=x)


def _present(rows: Rows) -> pd.DataFrame:
    y = rows.classes()
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows.rng.integers(0, 300, rows.rows), unit="D")
    closed = pd.Series(days.strftime("%Y-%m-%d"), dtype="str").where(
        (y == "class a") & (rows.rng.random(rows.rows) < 0.8)
    )
    return rows.table(y, x=closed, begun=days)


def _absent(rows: Rows) -> pd.DataFrame:
    y = rows.classes(3)
    return rows.table(y, x=np.where(y == "class b", np.nan, rows.noise()))


def _row_number(rows: Rows) -> pd.DataFrame:
    return rows.table(np.where(np.arange(rows.rows) < 150, "old", "new"), x=np.arange(rows.rows))


def _copy(rows: Rows) -> pd.DataFrame:
    y = rows.noise() * 10
    return rows.table(y, x=1.1 * y + 0.01 * rows.noise())


def _rounded(rows: Rows) -> pd.DataFrame:
    y = rows.noise() * 10
    return rows.table(y, x=y.round(-1))


def _binned(rows: Rows) -> pd.DataFrame:
    y = rows.noise() * 10
    return rows.table(y, x=pd.cut(y, [-99, -8, 0, 5, 99], labels=["D", "A", "C", "B"]).astype(str))


REVEALING = [
    _renamed, _renamed_many, _numbered, _many_to_one, _threshold, _present, _absent, _row_number, _copy, _rounded, _binned,
]  # fmt: skip


@pytest.mark.parametrize("make", REVEALING, ids=lambda make: make.__name__)
def test_a_column_that_reveals_the_target_is_named(make: Callable[[Rows], pd.DataFrame], project: Project) -> None:
    found = _found(project, make(Rows(1200)))
    assert [one["text"].partition(" gives")[0] for one in found] == ["x"]
    assert found[0]["yaml"] == {"params/data.yaml": "columns: {x: {role: ignore}}"}


def _fingerprints(rows: Rows) -> pd.DataFrame:
    of, y = rows.entities()
    marks = {name: rows.rng.normal(size=50)[of] + 0.05 * rows.noise() for name in "abc"}
    return rows.table(y, who=[f"P{one:03}" for one in of], **marks)


def _by_name_alone(rows: Rows) -> pd.DataFrame:
    of, y = rows.entities()
    return rows.table(y, who=[f"P{one:03}" for one in of])


def _by_number(rows: Rows) -> pd.DataFrame:
    of, y = rows.entities()
    return rows.table(y, who=1000 + 7 * of, mark=rows.rng.normal(size=50)[of])


def _of_numbers(rows: Rows) -> pd.DataFrame:
    of, _ = rows.entities()
    marks = {name: rows.rng.normal(size=50)[of] + 0.05 * rows.noise() for name in "abc"}
    return rows.table(rows.rng.normal(size=50)[of] + 0.2 * rows.noise(), who=[f"P{one:03}" for one in of], **marks)


@pytest.mark.parametrize(
    "make", [_fingerprints, _by_name_alone, _by_number, _of_numbers], ids=lambda make: make.__name__
)
def test_several_rows_of_an_entity_ask_for_a_split_by_group(make: Callable[[Rows], Any], project: Project) -> None:
    frame = make(Rows())
    (found,) = _found(project, frame)
    assert found["text"].startswith("Each who has 8 rows on average")
    assert found["yaml"]["params/data.yaml"] == "columns: {who: {role: group}}"
    assert ("StratifiedGroupKFold" in found["yaml"]["params/split.yaml"]) == (frame["y"].dtype != float)
    assert not _found(project, frame, who={"role": "group"})


def _walk(rows: Rows) -> np.ndarray:
    return np.asarray(np.cumsum(rows.noise()))


def _dated(rows: Rows) -> pd.DataFrame:
    return rows.table(_walk(rows), day=pd.date_range("2022-01-01", periods=rows.rows))


def _dated_classes(rows: Rows) -> pd.DataFrame:
    y = np.where(np.sin(np.arange(rows.rows) / 15) > 0, "wet", "dry")
    frame = rows.table(y, day=pd.date_range("2022-01-01", periods=rows.rows).astype(str))
    return frame.sample(frac=1, random_state=0, ignore_index=True)


def _parts(rows: Rows) -> pd.DataFrame:
    days = pd.date_range("2019-01-01", periods=rows.rows, freq="4D")
    return rows.table(_walk(rows), year=days.year, month=days.month, day=days.day)


def _unnamed_order(rows: Rows) -> pd.DataFrame:
    return rows.table(_walk(rows), load=_walk(rows), wind=_walk(rows), other=_walk(rows))


@pytest.mark.parametrize(
    ("make", "text", "role"),
    [
        (_dated, "Rows near each other in time (day)", None),
        (_dated_classes, "Rows near each other in time (day)", None),
        (_parts, "Rows near each other in time (year, month, day)", "columns: {year: {role: time}}"),
        (_unnamed_order, "The rows are ordered by something", None),
    ],
)
def test_rows_in_the_order_of_time_ask_for_a_split_by_time(
    make: Callable[[Rows], Any], text: str, role: str | None, project: Project
) -> None:
    frame = make(Rows())
    (found,) = _found(project, frame)
    assert found["text"].startswith(text) and found["yaml"].get("params/data.yaml") == role
    assert (
        "TimeHoldout" in found["yaml"]["params/split.yaml"] and "TimeSeriesSplit" in found["yaml"]["params/split.yaml"]
    )
    assert not _found(project, frame, split="time")


def _categories(rows: Rows) -> dict[str, Any]:
    """Ordinary columns, and a score that they explain in part."""
    rng, size = rows.rng, rows.rows
    columns = {
        "city": rng.choice([f"city {n}" for n in range(40)], size),
        "brand": rng.choice([f"brand {n}" for n in range(15)], size),
        "island": rng.choice(["north", "south", "west"], size),
        "age": rng.integers(18, 80, size),
        "months": rng.integers(1, 60, size),
        "month": rng.integers(1, 13, size),
        "rooms": rng.integers(1, 9, size),
        "income": rng.normal(size=size),
    }
    score = columns["age"] / 20 + columns["rooms"] / 3 + columns["income"]
    return columns | {"score": score + rng.normal(size=40)[pd.factorize(columns["city"])[0]] + rng.normal(size=size)}


def _clean_classes(rows: Rows) -> pd.DataFrame:
    columns = _categories(rows)
    return rows.table(np.where(columns.pop("score") > 5, "yes", "no"), **columns)


def _clean_numbers(rows: Rows) -> pd.DataFrame:
    columns = _categories(rows)
    return rows.table(columns.pop("score").astype(float), **columns)


def _sorted(rows: Rows) -> pd.DataFrame:
    return _clean_classes(rows).sort_values("y", kind="stable", ignore_index=True)


def _dates_by_chance(rows: Rows) -> pd.DataFrame:
    return rows.table(rows.classes(), day=pd.date_range("2022-01-01", periods=rows.rows))


def _drift_that_is_explained(rows: Rows) -> pd.DataFrame:
    weight = np.linspace(3, 0, rows.rows) + rows.noise()
    return rows.table(
        weight + 0.2 * rows.noise(), weight=weight, model_year=np.linspace(1970, 1982, rows.rows).astype(int)
    )


def _missing_by_chance(rows: Rows) -> pd.DataFrame:
    return rows.table(rows.classes(), x=np.where(rows.rng.random(rows.rows) < 0.3, np.nan, rows.noise()))


def _strong(rows: Rows) -> pd.DataFrame:
    x = rows.noise()
    return rows.table(np.where(x + 0.2 * rows.noise() > 0, "high", "low"), x=x)


def _strong_number(rows: Rows) -> pd.DataFrame:
    x = rows.noise()
    return rows.table(x + 0.2 * rows.noise(), x=x)


def _entities_by_chance(rows: Rows) -> pd.DataFrame:
    of, _ = rows.entities()
    return rows.table(rows.classes(), who=[f"P{one}" for one in of])


def _count(rows: Rows) -> pd.DataFrame:
    return rows.table(rows.classes(), x=np.arange(rows.rows))


def _rare(rows: Rows) -> pd.DataFrame:
    return rows.table(np.where(np.arange(rows.rows) % 40 == 0, "yes", "no"), x=rows.rng.integers(0, 20, rows.rows))


def _small(rows: Rows) -> pd.DataFrame:
    return _renamed(rows).head(15)


CLEAN = [
    _clean_classes, _clean_numbers, _sorted, _dates_by_chance, _drift_that_is_explained, _missing_by_chance, _strong,
    _strong_number, _entities_by_chance, _count, _rare, _small,
]  # fmt: skip


@pytest.mark.parametrize("rows", [300, 1500])
@pytest.mark.parametrize("make", CLEAN, ids=lambda make: make.__name__)
def test_an_ordinary_table_raises_no_suspicion(make: Callable[[Rows], Any], rows: int, project: Project) -> None:
    assert _found(project, make(Rows(rows))) == []


def test_the_only_date_gives_the_target_away_by_standing_in_the_rows_of_one_class(project: Project) -> None:
    frame = _present(Rows()).drop(columns="begun")
    (found,) = _found(project, frame)
    assert found["text"].startswith("x gives y away: where it has a value, the class is always the same")
    assert not _found(project, frame.assign(x=pd.date_range("2024-01-01", periods=ROWS).strftime("%Y-%m-%d")))


def test_several_targets_are_looked_at_and_none_is_fine(project: Project) -> None:
    rows = Rows()
    frame = rows.table(rows.noise(), x=(second := rows.noise()), z=2 * second)
    assert [one["text"][:14] for one in _found(project, frame, target=["y", "z"])] == ["x gives z away"]
    schema = project.module("schema").Schema([], {}, [])
    assert project.module("steps.suspicions").suspicions(frame, schema, np.arange(300), np.arange(300, 400)) == []


def test_the_questions_cost_little(project: Project) -> None:
    rows = Rows(10_000)
    frame = rows.table(rows.classes(), **{f"x{n}": rows.noise() for n in range(40)}, **{f"k{n}": rows.rng.integers(0, 900, 10_000) for n in range(8)})  # fmt: skip
    typed, schema = _schema(project, frame, "y")
    order, begun = rows.rng.permutation(10_000), time.process_time()
    project.module("steps.suspicions").suspicions(typed, schema, order[2000:], order[:2000])
    assert time.process_time() - begun < 3  # about 0.85 s of one core; the limit leaves room for a busy machine


def test_of_two_dates_the_beginning_is_the_time(project: Project) -> None:
    rows = Rows()
    begun = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows.rng.integers(0, 300, ROWS), unit="D")
    born = pd.Timestamp("1960-01-01") + pd.to_timedelta(rows.rng.integers(0, 9000, ROWS), unit="D")
    ended = begun + pd.to_timedelta(rows.rng.integers(1, 90 * 24, ROWS), unit="h")
    _, schema = _schema(project, rows.table(rows.classes(), born=born, ended=ended, begun=begun), "y")
    assert schema.role("time") == ["begun"]
    note = "begun is the time column, by which the rows are sorted, not born or ended"
    assert any(one.startswith(note) for one in schema.notes)


def test_neither_the_month_of_a_date_nor_its_copy_is_the_time(project: Project) -> None:
    rows = Rows()
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows.rng.integers(0, 300, ROWS), unit="D")
    parts = {"month": day.to_period("M").start_time, "week": day.to_period("W").start_time, "day": day}
    _, schema = _schema(project, rows.table(rows.classes(), **parts, same=day.strftime("%d %b %Y")), "y")
    assert schema.role("time") == ["day"]


def test_a_counter_with_the_role_time_is_no_feature(project: Project) -> None:
    inputs = project.module("stages.load")._time_as_feature
    for values, keys, role in ((range(ROWS), (), []), (pd.date_range("2024", periods=ROWS), (), ["time"])):
        _, schema = _schema(project, Rows().table(Rows().classes(), step=values), "y", step={"role": "time"})
        assert inputs(schema, keys) == role
        assert any(note.startswith("step orders the rows and is no feature") for note in schema.notes) == (not role)


def test_the_summary_shows_the_yaml_and_fits(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {name: project.path / name for name in ("reports", "models/final", "data/processed", "data/interim")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    one = {
        "model": "m",
        "score": 0.99,
        "std": 0.01,
        "trials": 2,
        "chosen": True,
        "state": "ok",
        "members": [{"model": "m"}],
    }
    written = {
        "reports/leaderboard.json": {"metric": "accuracy", "models": [one]},
        "reports/metrics.json": {f"a_metric_with_a_long_name_{n}": 0.5 for n in range(8)},
        "models/final/result.json": {"seconds": {"m": 1.0}, "held_out": 80},
        "data/interim/schema.json": {"warnings": ["left out: " + "a column, " * 40]},
        "data/processed/split.json": {"suspicions": _found(project, _fingerprints(Rows()))},
    }
    for file, value in written.items():
        (project.path / file).write_text(json.dumps(value), encoding="utf-8")
    monkeypatch.chdir(project.path)
    lines = project.module("report.summary").lines()
    assert max(map(len, lines[:-1])) <= 100
    assert "      columns: {who: {role: group}}" in lines
    assert any(line.startswith("On the held-out rows (possibly optimistic, see the notes):") for line in lines)
