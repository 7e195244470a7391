"""The service against bodies, headers and connections that are meant to harm it."""

import io
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from << cookiecutter.package_name >>.parts.serve.settings import Settings
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.steps.load import load
from << cookiecutter.package_name >>.steps.preprocess import preprocess
from << cookiecutter.package_name >>.steps.task import task_of
from << cookiecutter.package_name >>.steps.typing.dates import to_datetime
from << cookiecutter.package_name >>.steps.typing.infer import infer

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx", reason="httpx, with which a service is asked, is not installed")

import uvicorn
from fastapi.testclient import TestClient

from << cookiecutter.package_name >>.parts.serve.app import make_app
from << cookiecutter.package_name >>.parts.serve.parquet import BadParquet, ParquetBounds, read_parquet
from << cookiecutter.package_name >>.parts.serve.protocol import LimitedProtocol, Limits

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
SETTINGS = Settings(max_rows=2_000, max_bytes=1_000_000)
ROWS = pd.DataFrame({"size": [1.5, 20.25], "kind": ["a", "b"]})


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


class _Forest:
    """A model that predicts classes and no probabilities."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, X: pd.DataFrame) -> Any:
        return self.model.predict(X)


@pytest.fixture(scope="module")
def pipeline() -> PredictionPipeline:
    """A forest, which computes with 32 bits and fails with larger numbers."""
    size = np.linspace(0, 40, 60)
    raw = pd.DataFrame(
        {"size": size, "kind": np.where(size % 3 > 1, "a", "b"), "big": np.where(size > 10, "yes", "no")}
    )
    task = f"{PredictionPipeline.__module__.partition('.')[0]}.components.tasks.Classification"
    schema = infer(raw, "big", {"class": task}, {"size": {"role": "feature"}})
    schema.features = {column.name: column.dtype for column in schema.needed}
    table = task_of(schema).rows(preprocess(raw, schema), schema)
    schema.labels = ["no", "yes"]
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["kind"]), remainder="passthrough")
    model = make_pipeline(encode, RandomForestClassifier(10, random_state=0)).fit(table[["size", "kind"]], table["big"])
    return PredictionPipeline(schema, _Forest(model), featurize=_kept, example=raw.head(2).drop(columns="big"))


@pytest.fixture(scope="module")
def send(pipeline: PredictionPipeline) -> Iterator[Callable[..., Any]]:
    """Send a body to the service."""
    with TestClient(make_app(pipeline, SETTINGS), raise_server_exceptions=False) as client:
        yield lambda body, kind: client.post("/predict", content=body, headers={"Content-Type": kind})


def _problem(response: Any) -> tuple[int, Any, str]:
    told = response.json()["detail"][0]
    return response.status_code, told["column"], told["reason"]


def _parquet(columns: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def _texts(size: int, rows: int) -> pa.Array:
    """One text of so many bytes for all rows."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int32")), pa.array(["x" * size]))


BOMBS = {
    "one text for all rows": _parquet({"size": [1.0] * 2_000, "kind": _texts(100_000, 2_000)}),
    "texts that pack well": _parquet(
        {"size": [1.0] * 20, "kind": ["x" * 1_000_000] * 20}, use_dictionary=False, compression="zstd"
    ),
    "rows of nothing": _parquet({"size": pa.nulls(500_000, pa.float64()), "kind": ["a"] * 500_000}),
    "columns": _parquet({"size": [1.0], "kind": ["a"], **{f"x{number}": [1] for number in range(10_001)}}),
}


@pytest.mark.parametrize("name", BOMBS)
def test_parquet_that_unpacks_to_too_much_is_refused_before_it_is_decoded(name: str, send: Callable[..., Any]) -> None:
    bounds = ParquetBounds(SETTINGS.max_rows, 10_000, 10 * SETTINGS.max_bytes)
    before = pa.total_allocated_bytes()
    began = time.process_time()
    with pytest.raises(BadParquet) as refused:
        read_parquet(BOMBS[name], {"size", "kind"}, bounds)
    assert refused.value.too_large
    assert time.process_time() - began < 1
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert send(BOMBS[name], PARQUET).status_code == 413


def test_parquet_that_ends_the_process_that_opens_it_does_not_end_the_service(send: Callable[..., Any]) -> None:
    """The statistics of `kind` do not fit its schema any more, on which pyarrow calls `std::terminate`."""
    whole = _parquet({"size": [1.5], "kind": ["a"]}, compression="none")
    body = whole.replace(b"%\x02\x18\x04kind", b"%\x03\x18\x04kind")
    assert body != whole
    assert send(body, PARQUET).status_code == 400
    assert send(whole, PARQUET).status_code == 200


def test_the_process_that_decodes_parquet_ends_with_the_service() -> None:
    program = (
        "import sys; from << cookiecutter.package_name >>.parts.serve.decoding import Decoder\n"
        "print(Decoder()._running()[0].pid, flush=True); sys.stdin.read()"
    )
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    service = subprocess.Popen([sys.executable, "-c", program], **pipes)
    assert service.stdout is not None
    helper = int(service.stdout.readline())
    service.kill()
    service.wait()
    for _ in range(200):
        if not _is_alive(helper):
            return
        time.sleep(0.1)
    pytest.fail("it goes on")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"  # a zombie has ended


def test_a_long_text_is_no_date_at_once() -> None:
    began = time.process_time()
    assert to_datetime(pd.Series(["x" * 5_000_000], dtype="str"), None).isna().all()
    assert time.process_time() - began < 1


def test_texts_that_share_their_beginnings_are_refused(send: Callable[..., Any]) -> None:
    options = {"use_dictionary": False, "column_encoding": {"kind": "DELTA_BYTE_ARRAY"}}
    body = _parquet({"size": [1.0] * 200, "kind": ["x" * 300_000] * 200}, **options)
    assert len(body) < 100_000
    assert _problem(send(body, PARQUET))[:2] == (422, "kind")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([b"\xff", b"a"]),
        pa.array([[1], [2]]),
        pa.array([{"a": 1}, {"a": 2}]),
        pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8())),
        pa.array([1, 2], pa.duration("s")),
        pa.array([1, 2], pa.time32("s")),
        pa.array([2**61, 0], pa.timestamp("ms")),
        pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()),
        pa.array([0, 0], pa.timestamp("us", "No/Where")),
        pa.array([b"0" * 16] * 2, pa.uuid()),
        pa.Array.from_buffers(
            pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], "int32")), pa.py_buffer(b"\xff\xff")]
        ),
    ],
    ids=lambda values: str(values.type),
)
@pytest.mark.parametrize("column", ["size", "kind"])
def test_parquet_of_values_that_no_cell_holds_is_refused_by_column(
    column: str, values: pa.Array, send: Callable[..., Any]
) -> None:
    body = _parquet({"size": [1.0, 2.0], "kind": ["a", "b"], column: values})
    assert _problem(send(body, PARQUET))[:2] == (422, column)


@pytest.mark.parametrize(
    "options",
    [
        *({"compression": name} for name in ("none", "snappy", "gzip", "brotli", "zstd", "lz4")),
        {"data_page_version": "2.0"},
        {"use_dictionary": False},
        {"row_group_size": 1},
    ],
    ids=str,
)
def test_honest_parquet_is_read_whatever_wrote_it(
    options: dict[str, Any], send: Callable[..., Any], pipeline: PredictionPipeline
) -> None:
    body = _parquet({" kind": ["a", "b"], "size": [1.5, 20.25], "more": [[1], [2]]}, **options)
    answers = send(body, PARQUET).json()["predictions"]
    assert [one["prediction"] for one in answers] == pipeline.predict(ROWS)["prediction"].tolist() == ["no", "yes"]


@pytest.mark.parametrize("mark", [b",", b";"])
def test_csv_of_many_columns_takes_time_in_proportion(mark: bytes, send: Callable[..., Any]) -> None:
    names = [b"size", b"kind", *(b"x%d" % number for number in range(6_000))]
    body = b"\n".join([mark.join(names), mark.join([b"1.5", b"a", *[b"7"] * 6_000])])
    began = time.process_time()
    assert send(body, CSV).status_code == 200
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b",".join(b"x%d" % number for number in range(100_000)) + b"\n1,2", 413, "100,000 columns are too many"),
        (b"size,kind\n" + b"," * 900_000, 413, "columns are too many"),
        (b"size,kind," + b",".join(b"x%d" % number for number in range(2_000)) + b"\n" + b"1\n" * 9_000, 413, "cells"),
        (b"size,kind\n" + b"1,a\n" * 200_000, 413, "more than 2,000 rows"),
        (b"size,kind\n1,2,3,4", 400, "4 cells in its first row"),
        (b"size,kind\n" + b"\n" * 900_000, 400, "no rows"),
        (b'size,kind\n1,"' + b"a" * 900_000, 400, "cannot be read"),
        (b"size,kind\n1,\x00", 400, "binary data"),
        (b"size,kind\n12,\x00", 400, "binary data"),
        (b"size,size\n1,2", 400, "two columns that are called 'size'"),
    ],
    ids=lambda value: value[:12] if isinstance(value, bytes) else None,
)
def test_csv_that_would_become_too_large_or_is_none_is_refused(
    body: bytes, status: int, reason: str, send: Callable[..., Any]
) -> None:
    began = time.process_time()
    found = _problem(send(body, CSV))
    assert found[0] == status and reason in found[2]
    assert time.process_time() - began < 2


def test_long_lines_are_read_here_and_on_the_command_line(send: Callable[..., Any], tmp_path: Any) -> None:
    body = b"size,kind\n1.5," + b"a" * 400_000 + b"\n20.25,b\n"
    assert len(send(body, CSV).json()["predictions"]) == 2
    (tmp_path / "long.csv").write_bytes(body)
    assert load(str(tmp_path / "long.csv"))["kind"].str.len().tolist() == [400_000, 1]
    wide = tmp_path / "wide.csv"
    wide.write_text(",".join(f"{'x' * 600}{number}" for number in range(300)) + "\n" + "1," * 299 + "1\n")
    assert load(str(wide)).shape == (1, 300)


@pytest.mark.parametrize("value", ["-1e308", "1e308", "1e39", '"1e308"', "9" * 300])
def test_a_row_that_the_model_fails_with_is_refused_by_column(value: str, send: Callable[..., Any]) -> None:
    rows = ",".join(['{"size": 1.5, "kind": "a"}', f'{{"size": {value}, "kind": "a"}}'] * 20)
    found = send(f'{{"rows": [{rows}]}}', JSON)
    assert found.status_code == 422
    assert {(one["row"] % 2, one["column"]) for one in found.json()["detail"]} == {(0, "size")}


@pytest.mark.parametrize("value", ["-0.0", "5e-324", "1e30", str(2**63), str(-(2**64)), "true", "null"])
def test_odd_numbers_are_predicted(value: str, send: Callable[..., Any]) -> None:
    assert send(f'{{"rows": [{{"size": {value}, "kind": "a"}}]}}', JSON).status_code == 200


def test_json_of_too_many_objects_is_refused_before_they_are_made(send: Callable[..., Any]) -> None:
    for body in (b'{"rows": [' + b"{}," * 300_000 + b"{}]}", b'{"columns": {"size": [' + b"[]," * 300_000 + b"1]}}"):
        assert send(body, JSON).status_code == 413
    text = json.dumps({"rows": [{"size": 1, "kind": "{" * 100_000}]})
    assert send(text, JSON).status_code == 200


def test_a_name_that_is_there_twice_is_refused(send: Callable[..., Any]) -> None:
    assert _problem(send(b'{"rows": [{"size": 1, "kind": "a", "size": 20}]}', JSON))[:2] == (422, "size")


def test_bodies_together_have_a_limit(pipeline: PredictionPipeline) -> None:
    held = 10 * SETTINGS.max_bytes
    with TestClient(make_app(pipeline, SETTINGS)) as client:
        for _ in range(2 * held // 900_000):  # each is given back
            body = b'{"rows": [{"size": 1, "kind": "' + b"x" * 900_000 + b'"}]}'
            assert client.post("/predict", content=body, headers={"Content-Type": JSON}).status_code == 200


MARKS = [
    b'"',
    b"{",
    b"}",
    b"[",
    b",",
    b":",
    b"\\ud800",
    b"1e999",
    b"-1e308",
    b"NaN",
    b"\0",
    b"\xff",
    b"\n",
    b";",
    b"PAR1",
]


def _changed(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.choice([1, 2, 5, 20])):
        place = chance.randrange(len(changed))
        kind = chance.randrange(4)
        if kind == 0:
            changed[place] = chance.randrange(256)
        elif kind == 1:
            changed[place:place] = chance.choice(MARKS)
        elif kind == 2:
            changed[place:place] = changed[place : place + 20] * chance.choice([1, 500])
        else:
            del changed[place + 1 : place + chance.choice([2, 50])]
    return bytes(changed)


@pytest.mark.parametrize("kind", [JSON, CSV, PARQUET])
def test_no_damaged_body_makes_the_service_fail(kind: str, send: Callable[..., Any]) -> None:
    chance = random.Random(0)
    whole = {
        JSON: json.dumps({"rows": ROWS.to_dict("records")}).encode(),
        CSV: ROWS.to_csv(index=False).encode(),
        PARQUET: _parquet({"size": [1.5, 20.25], "kind": ["a", "b"]}, compression="none"),
    }[kind]
    for _ in range(40):
        body = _changed(whole, chance)
        began = time.process_time()
        assert send(body, kind).status_code < 500, body
        assert time.process_time() - began < 2, body


@pytest.fixture(scope="module")
def port(pipeline: PredictionPipeline) -> Iterator[int]:
    """A service that listens: two seconds for a request, eight connections."""
    options = {"http": partial(LimitedProtocol, Limits(2, 8)), "ws": "none", "log_level": "critical"}
    server = uvicorn.Server(uvicorn.Config(make_app(pipeline, SETTINGS), port=0, **options))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def _ask(port: int, *parts: bytes) -> bytes:
    """Send parts until the service hangs up, and return what it says."""
    said = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        try:
            for part in parts:
                client.sendall(part)
            while block := client.recv(65_536):
                said += block
        except ConnectionError:
            pass
    return said


GET = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_MUCH: dict[str, tuple[list[bytes], bytes]] = {
    "one header": ([GET + b"X: ", *[b"x" * 100_000] * 100], b"431"),
    "a header of 40 kB": ([GET + b"X: " + b"x" * 40_000 + b"\r\n\r\n"], b"431"),
    "headers": ([GET + b"X: y\r\n" * 101 + b"\r\n"], b"431"),
    "url": ([b"GET /" + b"x" * 10_000], b"414"),
    "chunk extension": ([CHUNKED + b"1;" + b"x" * 1_000_000], b"431"),
    "trailers": ([CHUNKED + b"2\r\n{}\r\n0\r\nX: ", *[b"x" * 100_000] * 20], b"431"),
    "empty lines": ([b"\r\n" * 20_000], b"431"),
    "slow head": ([b"GET / HT"], b"408"),
    "slow body": ([POST + b"Content-Length: 100\r\n\r\n{"], b"408"),
    "declared body": ([POST + b"Content-Length: 99999999\r\n\r\n"], b"413"),
    "endless body": ([CHUNKED, *[b"10000\r\n" + b"x" * 65_536 + b"\r\n"] * 50], b"413"),
    "two lengths": ([POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}"], b"400"),
    "garbage": ([b"\x16\x03\x01\x02\x00\x01"], b"400"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_is_too_much_is_refused_and_cut_off(name: str, port: int) -> None:
    parts, status = TOO_MUCH[name]
    assert _ask(port, *parts)[9:12] in (status, b"")  # nothing: the connection was reset while much was being sent
    assert _ask(port, GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_small_headers_tiny_chunks_and_pipelines_are_served(port: int) -> None:
    last = GET + b"X: " + b"x" * 20_000 + b"\r\nConnection: close\r\n\r\n"
    assert _ask(port, (GET + b"\r\n") * 20 + last).count(b"200 OK") == 21
    body = b'{"rows": [{"size": 1.5, "kind": "a"}]}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert b'"prediction":"no"' in _ask(port, CHUNKED + chunks + b"0\r\n\r\n")
    assert b"100 Continue" in _ask(port, POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}")


def test_a_request_is_answered_before_what_follows_it_is_refused(port: int) -> None:
    assert _ask(port, GET + b"\r\nGET /" + b"x" * 10_000).count(b"200 OK") == 1


def test_connections_beyond_the_limit_are_refused_and_others_still_served(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as first:
        others = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(12)]
        assert b"503" in others[-1].recv(100)
        first.sendall(GET + b"\r\n")
        assert first.recv(100).startswith(b"HTTP/1.1 200 OK")
        for other in others:
            other.close()
    time.sleep(0.2)
    assert _ask(port, GET + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 200 OK")


def test_an_aborted_upload_is_no_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(POST + b"Content-Length: 1000\r\n\r\n{")
        time.sleep(0.2)
    time.sleep(0.2)
    counts = _ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b'status="499"' in counts and b'status="500"' not in counts
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
