"""Drift: what is alike raises no alarm, what differs does, and labels find their rows or are refused."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.monitoring.drift_columns import ColumnDrift, compare_columns
from << cookiecutter.package_name >>.parts.monitoring.drift_domain import tell_apart
from << cookiecutter.package_name >>.parts.monitoring.drift_params import Limits
from << cookiecutter.package_name >>.parts.monitoring.drift_tests import psi_of, shift_of_numbers
from << cookiecutter.package_name >>.parts.monitoring.labels import join
from << cookiecutter.package_name >>.parts.monitoring.params import read_monitoring
from << cookiecutter.package_name >>.schema import Column, Schema

DTYPES = {"size": "number", "kind": "category", "seen": "datetime", "text": "text"}
SCHEMA = Schema("paid", {"class": "none"}, [Column("id", "id", "category"), Column("day", "feature", "datetime")])


def rows(count: int, seed: int) -> pd.DataFrame:
    """Rows of one and the same population."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": random.normal(size=count),
            "kind": random.choice(["a", "b", "c"], count, p=[0.6, 0.3, 0.1]),
            "seen": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 90, count), unit="D"),
            "text": ["x" * length for length in random.integers(1, 30, count)],
        }
    )


def found(window: pd.DataFrame, reference: pd.DataFrame | None = None) -> dict[str, ColumnDrift]:
    """What is found of each column."""
    reference = rows(2000, 0) if reference is None else reference
    return {column.name: column for column in compare_columns(reference, window, DTYPES, Limits())}


def test_the_settings_of_this_project_are_read() -> None:
    assert read_monitoring(ROOT / "params").drift.limits.alpha > 0


def test_many_rows_that_are_alike_raise_no_alarm() -> None:
    assert not any(column.alarms for column in found(rows(100_000, 1), rows(100_000, 2)).values())


def test_a_tiny_difference_that_a_test_sees_in_many_rows_raises_no_alarm() -> None:
    window = rows(100_000, 1).assign(size=lambda table: table["size"] + 0.05)
    column = found(window, rows(100_000, 2))["size"]
    assert column.p_value is not None and column.p_value < 1e-6
    assert column.alarms == []


def test_the_index_of_few_rows_is_large_by_chance_and_the_threshold_with_it() -> None:
    reference, window = np.random.default_rng(0).normal(size=2000), np.random.default_rng(1).normal(size=50)
    shift = shift_of_numbers(reference, window, 0.01)
    assert shift.chance > 0.1
    assert shift.psi < shift.threshold
    assert shift_of_numbers(reference, np.random.default_rng(1).normal(size=5000), 0.01).threshold < 0.05


def test_the_index_of_equal_shares_is_nothing() -> None:
    assert psi_of(np.array([10, 20]), np.array([10, 20])) == pytest.approx(0)


def test_what_differs_raises_the_alarm_of_its_column_alone() -> None:
    window = rows(1000, 1)
    window["size"] += 0.5
    assert {name: column.alarms for name, column in found(window).items() if column.alarms} == {"size": ["values"]}


def test_new_categories_are_named_and_missing_values_counted() -> None:
    window = rows(1000, 1)
    window.loc[:199, "kind"] = "new"
    window.loc[:299, "text"] = None
    columns = found(window)
    assert columns["kind"].new == {"new": 200}
    assert "unseen" in columns["kind"].alarms
    assert columns["text"].missing == pytest.approx(0.3)
    assert "missing" in columns["text"].alarms


def test_dates_go_on_without_an_alarm() -> None:
    window = rows(1000, 1)
    window["seen"] += pd.Timedelta(days=400)
    column = found(window)["seen"]
    assert column.alarms == []
    assert column.range == ("2027-02-05", "2027-05-05")


def test_a_classifier_sees_a_relation_that_no_column_shows() -> None:
    reference, window = rows(2000, 0), rows(1000, 1)
    reference["other"], window["other"] = reference["size"], -window["size"]
    dtypes = {"size": "number", "other": "number"}
    domain = tell_apart(reference, window, dtypes, Limits())
    assert domain is not None and domain.alarm and domain.auc > 0.9
    assert not any(column.alarms for column in compare_columns(reference, window, dtypes, Limits()))
    same = tell_apart(reference, rows(1000, 2).assign(other=lambda table: table["size"]), dtypes, Limits())
    assert same is not None and not same.alarm


def test_labels_find_their_rows_whatever_their_order_and_type() -> None:
    table = pd.DataFrame({"id": [1, 2, 3], "day": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"])})
    labels = pd.DataFrame({"id": ["3", "1.0", "9"], "paid": ["yes", "no", "no"]})
    joined = join(table, labels, ["id"], SCHEMA)
    assert joined.targets["paid"].to_dict() == {0: "no", 2: "yes"}
    assert (joined.waiting, joined.others) == (1, 1)
    days = pd.DataFrame({"day": ["2026-01-02"], "paid": ["yes"]})
    assert join(table, days, ["day"], SCHEMA).targets["paid"].to_dict() == {1: "yes"}


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ({"number": [1], "paid": ["no"]}, "the labels have no column 'id'"),
        ({"id": [1], "payed": ["no"]}, "the labels have no column 'paid'"),
        ({"id": [1, None], "paid": ["no", "no"]}, "1 of 2 labels have no key: 'id' is empty, first in row 2"),
        ({"id": [1, 1], "paid": ["no", "yes"]}, "several labels have the key '1' ('id'; rows 1, 2)"),
        ({"id": [7], "paid": ["no"]}, "none of the 1 labels belongs to a row: 'id' is 7"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: dict[str, list[object]], problem: str) -> None:
    with pytest.raises(UserError) as error:
        join(pd.DataFrame({"id": [1, 2]}), pd.DataFrame(labels), ["id"], SCHEMA)
    assert str(error.value).startswith(problem)


def test_of_rows_that_are_there_twice_a_log_gives_the_last() -> None:
    table = pd.DataFrame({"id": [1, 1]})
    labels = pd.DataFrame({"id": [1], "paid": ["no"]})
    assert join(table, labels, ["id"], SCHEMA, latest=True).targets.index.tolist() == [1]
    with pytest.raises(UserError, match="several rows have the key '1'"):
        join(table, labels, ["id"], SCHEMA)
