"""The log of predictions and the metrics of the service: what is kept and counted, and that no request fails of it."""

import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.monitoring import writer
from << cookiecutter.package_name >>.parts.monitoring.components import DatabaseLog, ParquetLog, PredictionLog
from << cookiecutter.package_name >>.parts.monitoring.log import read_log
from << cookiecutter.package_name >>.parts.monitoring.params import read_monitoring
from << cookiecutter.package_name >>.parts.monitoring.rows import Rows
from << cookiecutter.package_name >>.parts.monitoring.writer import FAILED, FULL, NO_ROOM, WRITTEN, Writer
from << cookiecutter.package_name >>.prediction.observers import Observers, observers
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline, Predictions
from << cookiecutter.package_name >>.schema import Schema

prometheus = pytest.importorskip("prometheus_client", reason="the extra `serve` is not installed")
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
Counted = dict[str, int]


@pytest.fixture(scope="module")
def pipeline(fitted: Any, schema: Schema, shown: list[dict[str, Any]]) -> PredictionPipeline:
    """A fitted model, without columns that only your own table has."""
    return PredictionPipeline(
        schema, fitted, featurize=lambda frame: frame, example=pd.DataFrame(shown), version="model-1"
    )


@pytest.fixture(scope="module")
def found(pipeline: PredictionPipeline) -> Predictions:
    """Predictions of some rows."""
    assert pipeline.example is not None
    return pipeline.run(pipeline.example)


@pytest.fixture
def started(pipeline: PredictionPipeline, tmp_path: Path) -> Callable[..., tuple[Observers, Path]]:
    """Make the observers of a project with this log."""

    def make(log: str, origin: str = "service", registry: Any = None) -> tuple[Observers, Path]:
        folder = tmp_path / "params"
        shutil.copytree(ROOT / "params", folder, dirs_exist_ok=True)
        (folder / "monitoring.yaml").write_text(f"log: {log}\n", encoding="utf-8")
        return observers(pipeline, origin, folder, registry or prometheus.CollectorRegistry()), folder

    return make


def sinks(folder: Path) -> dict[str, str]:
    """The logs that a project can have, below a folder."""
    return {
        "parquet": f"{{class: ParquetLog, params: {{folder: '{folder}/days', batches: true}}}}",
        "database": f"{{class: DatabaseLog, params: {{url: 'sqlite:///{folder}/log.db', batches: true}}}}",
    }


@pytest.mark.parametrize("sink", ["parquet", "database"])
def test_each_predicted_row_is_logged_once(
    sink: str, started: Any, found: Predictions, pipeline: PredictionPipeline, tmp_path: Path
) -> None:
    observed, folder = started(sinks(tmp_path)[sink])
    before = datetime.now(UTC)
    with observed:
        observed.predicted(found, "one")
        observed.predicted(found, "two")
    log = read_monitoring(folder).log
    assert log is not None
    rows = read_log(log, before)
    assert len(rows) == 2 * len(found.table) == rows["row"].max() * 2
    assert rows["request_id"].value_counts().to_dict() == {"one": len(found.table), "two": len(found.table)}
    assert set(rows.columns) == set(Rows(pipeline).columns)
    assert set(rows["model_version"]) == {"model-1"}
    name = next(column.name for column in pipeline.schema.needed if column.dtype == "number")
    assert rows[f"input.{name}"].tolist()[: len(found.table)] == pytest.approx(
        found.checked.frame[name].tolist(), nan_ok=True
    )
    answer = "prediction" if "prediction" in found.table else next(one for one in found.table if "prediction" in one)
    logged = rows[answer.replace("prediction_", "prediction.")].tolist()[: len(found.table)]
    assert list(map(str, logged)) == list(map(str, found.table[answer].tolist()))
    assert read_log(log, before + timedelta(days=1)).empty and read_log(log, None, before).empty


@pytest.mark.parametrize("sink", ["parquet", "database"])
def test_a_model_with_other_columns_logs_into_the_same_place(sink: str, tmp_path: Path) -> None:
    log = ParquetLog(f"{tmp_path}/days") if sink == "parquet" else DatabaseLog(f"sqlite:///{tmp_path}/log.db")
    text = {"request_id": "a", "row": 1, "model_version": "1"}
    for number, names in enumerate([["a"], ["a", "b %(c)s: d"], ["e.f"]]):
        at = pd.Timestamp(NOW + timedelta(hours=number)).as_unit("us")
        log.write(pd.DataFrame([{f"input.{name}": number + 0.5 for name in names} | {"logged_at": at} | text]))
    rows = log.read()
    assert rows["input.a"].tolist()[:2] == [0.5, 1.5]
    assert rows["input.b %(c)s: d"].tolist()[1] == 1.5 and rows["input.e.f"].tolist()[2] == 2.5
    assert len(log.read(NOW + timedelta(hours=1), NOW + timedelta(hours=2))) == 1


def test_nothing_is_logged_by_default(started: Any, found: Predictions, tmp_path: Path) -> None:
    observed, folder = started("null")
    with observed:
        observed.predicted(found, "one")
    assert read_monitoring(folder).log is None
    assert [path.name for path in tmp_path.iterdir()] == ["params"]


def test_columns_are_left_out_and_unknown_ones_refused(
    started: Any, found: Predictions, pipeline: PredictionPipeline, tmp_path: Path
) -> None:
    name = pipeline.schema.needed[0].name
    rows = Rows(pipeline, [name], share=0.5)
    made = pd.concat([rows.made(found, "one", NOW) for _ in range(200)])
    assert f"input.{name}" not in made
    assert 0.3 < len(made) / (200 * len(found.table)) < 0.7
    with pytest.raises(UserError, match=r"params/monitoring.yaml:1: 'leave_out' has 'nothing', which is no column"):
        started(f"{{class: ParquetLog, params: {{folder: '{tmp_path}/days', leave_out: [nothing]}}}}")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ("ParquetLog, params: {share: 0}", "share is a number above 0"),
        ("ParquetLog, params: {folder: 'params/data.yaml/days'}", "is a file"),
        ("ParquetLog, params: {folder: 'nowhere://days'}", "cannot be opened"),
        # pragma: allowlist nextline secret
        ("DatabaseLog, params: {url: 'postgresql://ada:secret@db/x'}", "MONITORING_DATABASE_PASSWORD can hold it"),
        ("DatabaseLog, params: {url: 'nothing://db/x'}", "address cannot be used"),
    ],
)
def test_a_wrong_log_is_refused_with_its_line(params: str, reason: str, started: Any) -> None:
    with pytest.raises(UserError, match=f"params/monitoring.yaml:1: .*{reason}"):
        started(f"{{class: {params}}}")


class Sink(PredictionLog):
    """A log that fails, waits, or has no room."""

    def __init__(self, fails: bool = False, waits: float = 0.0, room: bool = True) -> None:
        super().__init__(seconds=0.01)
        self.fails, self.waits, self.room, self.rows = fails, waits, room, 0

    def problem(self) -> str | None:
        return None

    def write(self, table: pd.DataFrame) -> None:
        time.sleep(self.waits)
        if self.fails:
            raise OSError("the disk is gone")
        self.rows += len(table)

    def trim(self) -> bool:
        return self.room

    def read(self, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
        return pd.DataFrame()


@pytest.mark.parametrize(
    ("sink", "fate"),
    [(Sink(), WRITTEN), (Sink(fails=True), FAILED), (Sink(waits=0.3), FULL), (Sink(room=False), NO_ROOM)],
)
def test_a_log_never_holds_up_or_fails_a_request(
    sink: Sink,
    fate: str,
    found: Predictions,
    pipeline: PredictionPipeline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(writer, "MOST_WAITING", 3 * len(found.table) if fate == FULL else 10**6)
    counted: Counted = {}
    logged = Writer(sink, Rows(pipeline), lambda what, rows: counted.update({what: counted.get(what, 0) + rows}))
    logged.start()
    began = time.perf_counter()
    for number in range(20):
        logged.put(found, str(number))
    assert time.perf_counter() - began < 0.2
    logged.end()
    assert sum(counted.values()) == 20 * len(found.table), "each row has one fate"
    assert counted[fate] > 0 and set(counted) <= {WRITTEN, fate}
    assert counted.get(WRITTEN, 0) == sink.rows
    assert len(caplog.records) == (fate != WRITTEN), "it is said once"


def test_a_log_that_comes_back_gets_the_rows(
    found: Predictions, pipeline: PredictionPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FIRST_PAUSE", 0.05)
    sink, counted = Sink(fails=True), list[str]()
    logged = Writer(sink, Rows(pipeline), lambda fate, rows: counted.append(fate))
    logged.start()
    logged.put(found, "one")
    time.sleep(0.1)
    sink.fails = False
    deadline = time.monotonic() + 10
    while not counted and time.monotonic() < deadline:
        time.sleep(0.01)
    logged.end()
    assert counted == [WRITTEN] and sink.rows == len(found.table)


def test_the_oldest_days_go_first_and_today_stays(
    found: Predictions, pipeline: PredictionPipeline, tmp_path: Path
) -> None:
    days, rows = tmp_path / "days", Rows(pipeline)
    today = datetime.now(UTC)
    (days / "date=2020-01-01").mkdir(parents=True)
    (days / "date=2020-01-01" / "notes.txt").write_text("mine")
    for age in (3, 2, 1, 0):
        ParquetLog(str(days)).write(rows.made(found, "one", today - timedelta(days=age)))
    size = next(days.glob("*/*.parquet")).stat().st_size
    assert ParquetLog(str(days), max_megabytes=3.5 * size / 1e6).trim()
    left = sorted(path.name for path in days.iterdir())
    assert left[0] == "date=2020-01-01" and len(left) == 4, "what the log has not written stays"
    assert not ParquetLog(str(days), max_megabytes=0.5 * size / 1e6).trim(), "today alone is more"
    assert ParquetLog(str(days)).read()["logged_at"].dt.date.unique().tolist() == [today.date()]


def test_a_table_keeps_the_newest_rows(tmp_path: Path) -> None:
    log = DatabaseLog(f"sqlite:///{tmp_path}/log.db", max_rows=3)
    for number in range(5):
        at = pd.Timestamp(NOW + timedelta(hours=number)).as_unit("us")
        log.write(pd.DataFrame([{"logged_at": at, "request_id": str(number), "row": 1, "model_version": "1"}]))
    log.trim()
    assert log.read()["request_id"].tolist() == ["2", "3", "4"]


def test_another_table_of_the_database_is_left_alone(tmp_path: Path) -> None:
    import sqlalchemy as sa

    with sa.create_engine(f"sqlite:///{tmp_path}/log.db").begin() as connection:
        connection.execute(sa.text("CREATE TABLE predictions (name TEXT)"))
    log = DatabaseLog(f"sqlite:///{tmp_path}/log.db")
    at = pd.Timestamp(NOW).as_unit("us")
    with pytest.raises(UserError, match="no log of predictions"):
        log.write(pd.DataFrame([{"logged_at": at, "request_id": "1", "row": 1, "model_version": "1"}]))


def test_batches_are_logged_where_the_params_say_so(
    started: Any, found: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed, folder = started(sinks(tmp_path)["parquet"], "batch")
    with observed:
        observed.predicted(found, "one")
    log = read_monitoring(folder).log
    assert log is not None and len(log.read()) == len(found.table)
    log_of_service = f"{{class: ParquetLog, params: {{folder: '{tmp_path}/other'}}}}"
    observed, _ = started(log_of_service, "batch")
    with observed:
        observed.predicted(found, "one")
    assert not (tmp_path / "other").exists()


def test_lambda_has_no_log(
    started: Any, found: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(os.environ, "AWS_LAMBDA_FUNCTION_NAME", "serve")
    observed, _ = started(sinks(tmp_path)["parquet"])
    with observed:
        observed.predicted(found, "one")
    assert not (tmp_path / "days").exists()
    assert "not logged in AWS Lambda" in caplog.text


def test_predictions_scores_and_reasons_are_counted(started: Any, found: Predictions, raw: pd.DataFrame) -> None:
    registry = prometheus.CollectorRegistry()
    observed, _ = started("null", registry=registry)
    with observed:
        observed.predicted(found, "one")
        observed.refused([one for one in [_finding()] if one.policy == "refuse"], 5)
    text = prometheus.generate_latest(registry).decode()
    values = {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}
    rows = sum(
        value for name, value in values.items() if name.startswith(("predictions_total", "prediction_values_count"))
    )
    assert rows >= len(found.table), "each row has a class, a number, or labels"
    scores = [value for name, value in values.items() if name.startswith("prediction_scores_count")]
    assert all(value == len(found.table) for value in scores)
    assert any(name.startswith("model_info{") and 'version="model-1"' in name for name in values)
    assert values['rejected_rows_total{column="other",reason="is odd"}'] == 2


def _finding() -> Any:
    import numpy as np

    from << cookiecutter.package_name >>.components.validation import Finding

    return Finding("a column that nobody knows", "is odd", "refuse", np.array([0, 3]))


def test_an_observer_that_fails_is_said_once(
    started: Any, found: Predictions, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed, _ = started("null")
    monkeypatch.setattr(Predictions, "table", property(lambda self: 1 / 0), raising=False)
    with observed:
        for _ in range(3):
            observed.predicted(found, "one")
    assert len(caplog.records) == 1 and "ZeroDivisionError" in caplog.text
