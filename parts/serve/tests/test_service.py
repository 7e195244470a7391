"""The service: what it answers, and what it makes of requests that nobody should send."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from << cookiecutter.package_name >> import parts
from << cookiecutter.package_name >>.components.validation import Refused, Validation
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.serve.settings import Settings, key, read_settings
from << cookiecutter.package_name >>.prediction.observers import Observers
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline, Predictions
from << cookiecutter.package_name >>.schema import Column, Schema
from << cookiecutter.package_name >>.steps.task import task_of

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx", reason="httpx, with which a service is asked, is not installed")

from fastapi.testclient import TestClient

from << cookiecutter.package_name >>.parts.serve import documents
from << cookiecutter.package_name >>.parts.serve.app import Service, make_app
from << cookiecutter.package_name >>.parts.serve.batches import Batches
from << cookiecutter.package_name >>.parts.serve.pages import PAGES

SMALL = Settings(max_rows=50, max_bytes=20_000)
Client = Callable[..., Any]


def _kept(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


@pytest.fixture(scope="module")
def pipeline(fitted: Any, schema: Schema, shown: list[dict[str, Any]]) -> PredictionPipeline:
    """A fitted model, without columns that only your own table has."""
    return PredictionPipeline(schema, fitted, featurize=_kept, example=pd.DataFrame(shown))


@pytest.fixture(scope="module")
def client(pipeline: PredictionPipeline) -> Iterator[Client]:
    """The service."""
    with TestClient(make_app(pipeline, SMALL), raise_server_exceptions=False) as asked:
        yield asked


@pytest.fixture
def rows(raw: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Ten rows that the model has not seen."""
    return list(json.loads(raw.drop(columns=schema.targets).iloc[100:110].to_json(orient="records")))


def _reason(response: Any, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["detail"][0]["reason"])


def test_a_service_that_is_started_twice_at_once_starts_once(pipeline: PredictionPipeline) -> None:
    service, starts = Service(pipeline, SMALL, {}), []

    class Counted(Observers):
        def __enter__(self) -> "Counted":
            starts.append("start")
            return self

    service.observers = Counted()
    app = make_app(pipeline, SMALL)

    async def start() -> None:
        async with service.lifespan(app):
            await asyncio.sleep(0.1)

    async def twice() -> None:
        await asyncio.gather(start(), start())

    asyncio.run(twice())
    assert starts == ["start"] and not service.is_ready
    asyncio.run(start())
    assert starts == ["start"] * 2, "after its end it can be started again"


def test_rows_columns_csv_and_parquet_are_predicted_alike(
    client: Any, pipeline: PredictionPipeline, rows: list[dict[str, Any]]
) -> None:
    frame = pd.DataFrame(rows)
    expected = pipeline.predict(frame)["prediction"].tolist()
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    answers = [
        client.post("/predict", json={"rows": rows}),
        client.post("/predict", json={"columns": {name: [row[name] for row in rows] for name in rows[0]}}),
        client.post("/predict", content=frame.to_csv(index=False), headers={"Content-Type": "text/csv; charset=utf-8"}),
        client.post("/predict", content=parquet.getvalue(), headers={"Content-Type": "application/vnd.apache.parquet"}),
    ]
    for one in answers:
        assert one.status_code == 200, one.text
        assert [said["prediction"] for said in one.json()["predictions"]] == pytest.approx(expected)
    if pipeline.schema.labels == ["no", "yes"]:
        said = answers[0].json()["predictions"][0]
        assert sum(said["probabilities"].values()) == pytest.approx(1)


def test_an_error_says_which_field_of_which_row(client: Any, rows: list[dict[str, Any]]) -> None:
    rows[3]["size"] = "tall"
    response = client.post("/predict", json={"rows": rows})
    assert response.status_code == 422
    assert response.json()["detail"] == [{"row": 4, "column": "size", "reason": "'tall' is no number"}]


def test_bad_rows_can_be_skipped(pipeline: PredictionPipeline, rows: list[dict[str, Any]]) -> None:
    rows[3]["size"] = "tall"
    with TestClient(make_app(replace(pipeline, validation=Validation(bad_rows="skip")), SMALL)) as client:
        said = client.post("/predict", json={"rows": rows}).json()
    assert [one is None for one in said["predictions"]] == [number == 3 for number in range(len(rows))]
    assert said["refused"] == [{"row": 4, "column": "size", "reason": "'tall' is no number"}]


def test_requests_that_wait_together_get_their_own_answers(
    pipeline: PredictionPipeline, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [pd.DataFrame([row]) for row in rows]
    frames[2] = frames[2].assign(size="tall")  # refused
    frames[4] = frames[4].assign(kind=7)  # a number where others have text, and no category that training saw
    frames[5] = frames[5].drop(columns="size")  # refused as a table
    frames[6] = pd.concat(frames[6:9], ignore_index=True)
    sizes: list[int] = []
    run = PredictionPipeline.run

    def counted(self: PredictionPipeline, frame: pd.DataFrame) -> Predictions:
        sizes.append(len(frame))
        return run(self, frame)

    monkeypatch.setattr(PredictionPipeline, "run", counted)

    async def together() -> list[Any]:
        batches = Batches(pipeline, 50)
        return await asyncio.gather(*(batches.run(frame) for frame in frames), return_exceptions=True)

    answers = asyncio.run(together())
    independent = task_of(pipeline.schema).independent
    assert (max(sizes) > 3) is independent, "some of them were predicted together, or each alone"
    for number, (frame, answer) in enumerate(zip(frames, answers, strict=True)):
        if number == 5:
            assert isinstance(answer, Refused)
            continue
        alone = run(pipeline, frame)
        pd.testing.assert_frame_equal(answer.table.reset_index(drop=True), alone.table.astype(answer.table.dtypes))
        for policy in ("refuse", "warn"):
            assert answer.checked.problems(policy) == alone.checked.problems(policy)
    assert answers[2].checked.refused.all() and not answers[3].checked.refused.any()


def test_one_that_fails_inside_does_not_spoil_the_others(
    pipeline: PredictionPipeline, rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = PredictionPipeline.run

    def failing(self: PredictionPipeline, frame: pd.DataFrame) -> Predictions:
        if (frame["count"] == 99).any():
            raise ZeroDivisionError
        return run(self, frame)

    monkeypatch.setattr(PredictionPipeline, "run", failing)
    frames = [pd.DataFrame([row | ({"count": 99} if number == 3 else {})]) for number, row in enumerate(rows)]

    async def together() -> list[Any]:
        batches = Batches(pipeline, 50)
        return await asyncio.gather(*(batches.run(frame) for frame in frames), return_exceptions=True)

    answers = asyncio.run(together())
    assert [isinstance(answer, ZeroDivisionError) for answer in answers] == [number == 3 for number in range(10)]
    assert all(len(answer.table) == 1 for number, answer in enumerate(answers) if number != 3)


BODIES: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "no JSON"),
    "no json": (b"{rows", 400, "no JSON"),
    "nested": (b"[" * 9_000, 400, "no JSON"),
    "nested in a cell": (b'{"rows": [{"size": ' + b"[" * 6_000 + b"]" * 6_000 + b"}]}", 400, "nested too deeply"),
    "not a number": (b'{"rows": [{"size": NaN}]}', 400, "NaN is no number of JSON"),
    "infinite": (b'{"rows": [{"size": -Infinity}]}', 400, "-Infinity is no number of JSON"),
    "no unicode": (b'{"rows": [{"size": "\xff"}]}', 400, "no JSON"),
    "digits": (b'{"rows": [{"size": ' + b"9" * 9_000 + b"}]}", 400, "no JSON"),
    "a list": (b"[]", 422, "'rows' or 'columns'"),
    "null": (b"null", 422, "'rows' or 'columns'"),
    "both": (b'{"rows": [], "columns": {}}', 422, "'rows' or 'columns'"),
    "rows that are none": (b'{"rows": [1, 2]}', 422, "a list of objects"),
    "no rows": (b'{"rows": []}', 422, "there are no rows"),
    "no columns": (b'{"columns": {}}', 422, "there are no rows"),
    "columns of no lists": (b'{"columns": {"size": 1}}', 422, "an object of lists"),
    "columns of two lengths": (b'{"columns": {"size": [1], "count": [1, 2]}}', 422, "differ in length"),
    "a list in a cell": (b'{"rows": [{"size": [1]}]}', 422, "a number, a text, true, false or null"),
    "half a character": (b'{"rows": [{"kind": "\\ud800"}]}', 422, "the text is no Unicode"),
    "half a character in a name": (b'{"rows": [{"\\ud800": 1}]}', 422, "the model needs this column"),
    "too many rows": (b'{"rows": [' + b"{}," * 50 + b"{}]}", 413, "51 rows are too many"),
    "too large": (b'{"rows": [{"note": "' + b"x" * 30_000 + b'"}]}', 413, "larger than 20,000 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_nobody_should_send_is_refused(name: str, client: Any) -> None:
    body, status, reason = BODIES[name]
    assert reason in _reason(
        client.post("/predict", content=body, headers={"Content-Type": "application/json"}), status
    )


@pytest.mark.parametrize("value", ["1e999", "-1e308", "1e308", "9" * 310, "-0.0", "true", '"1"', '"\\u0000"', "null"])
@pytest.mark.parametrize("column", ["size", "kind", "day", "note"])
def test_no_value_makes_it_fail(column: str, value: str, client: Any, rows: list[dict[str, Any]]) -> None:
    row = json.dumps(rows[0] | {column: "HERE"}).replace('"HERE"', value)
    response = client.post("/predict", content=f'{{"rows": [{row}]}}', headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 422), response.text


def test_other_content_types_and_bodies_that_are_not_theirs_are_refused(client: Any) -> None:
    for kind in ("text/xml", "", "multipart/form-data", "application/x-www-form-urlencoded"):
        assert "the content type is one of" in _reason(
            client.post("/predict", content=b"{}", headers={"Content-Type": kind}), 415
        )
    for kind in ("text/csv", "application/vnd.apache.parquet"):
        for body in (b"", b"\x00\x01\x02", b"PAR1" * 9, b'a,a\n1,"2'):
            response = client.post("/predict", content=body, headers={"Content-Type": kind})
            assert response.status_code in (400, 422), response.text


def test_a_body_without_a_length_is_cut_off(client: Any) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1_000

    assert "larger than" in _reason(
        client.post("/predict", content=parts(), headers={"Content-Type": "application/json"}), 413
    )


def test_a_key_is_needed_where_there_is_one(pipeline: PredictionPipeline, rows: list[dict[str, Any]]) -> None:
    known = "open sesame"
    with TestClient(make_app(pipeline, SMALL, key=known)) as client:
        for given in ({}, {"X-API-Key": ""}, {"X-API-Key": f"{known} "}, {"X-API-Key": "ä"}):
            headers = {name: value.encode() for name, value in given.items()}
            assert "a key is needed" in _reason(client.post("/predict", json={"rows": rows}, headers=headers), 401)
        twice = [("X-API-Key", known), ("X-API-Key", known)]
        assert client.get("/schema", headers=twice).status_code == 401
        assert client.post("/predict", json={"rows": rows}, headers={"X-API-Key": known}).status_code == 200


def test_without_the_key_nothing_of_the_model_is_told(pipeline: PredictionPipeline) -> None:
    app = make_app(pipeline, SMALL, key="open sesame")
    with TestClient(app) as client:
        paths = {route.path for route in app.routes if "GET" in getattr(route, "methods", ())}
        opened = {path for path in paths if client.get(path).status_code == 200}
        of_parts = {path for _, module in parts.behind("routes") for path in module.OPEN}
        assert opened == {*PAGES, "/health/live", "/health/ready", *of_parts}
        told = "".join(client.get(path).text for path in opened)
        assert not [name for name in ("outcome", "plum", "classification") if name in told]
        document = client.get("/openapi.json", headers={"X-API-Key": "open sesame"}).json()
    assert document["paths"]["/schema"]["get"]["security"] == [{"key": []}]
    assert "security" not in document["paths"]["/health/live"]["get"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [("", "is set and empty"), (" \t", "is set and empty"), ("ä", "ASCII"), ("a ", "no space at its ends")],
)
def test_a_key_that_protects_nothing_is_refused(value: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", value)
    with pytest.raises(UserError, match=reason):
        key()


def test_every_answer_keeps_other_sites_and_their_scripts_out(client: Any) -> None:
    answers = [client.get(path) for path in (*PAGES, "/schema", "/openapi.json", "/none", "/metrics")]
    answers += [client.post("/predict", content=b"{"), client.put("/schema"), client.head("/health/live")]
    for one in answers:
        policy = one.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http" not in policy
        assert one.headers["x-content-type-options"] == "nosniff"
        assert one.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, name in PAGES.items() if name.endswith(".html")])
def test_a_page_loads_only_what_the_service_has(path: str, name: str, client: Any) -> None:
    page = client.get(path)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert not re.search(r"https?:|<style|\son\w+=|\sstyle=|<script(?! type=\"module\" src=)", page.text)
    for asset in re.findall(r'(?:href|src)="(assets/[^"]+)"', page.text):
        assert client.get(f"/{asset}").status_code == 200


def test_what_can_be_got_can_be_asked_for_its_head(client: Any) -> None:
    for path in ("/health/live", "/health/ready", "/schema", "/", "/openapi.json", "/metrics"):
        got, head = client.get(path), client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]
    assert client.head("/predict").status_code == 405 and client.head("/none").status_code == 404
    assert 'method="HEAD",path="/health/live",status="200"' in client.get("/metrics").text


def test_names_mean_nothing_to_the_service_and_its_documents() -> None:
    names = ["</title><script>alert(1)</script>", "__proto__", "elements", "", '"', "\u202e", "a\nb"]
    columns = [Column(name, "feature", "category", categories=["<b>", "__proto__"]) for name in names]
    columns[0] = Column(names[0], "feature", "number", boolean=True, min=0, max=1)
    schema = Schema("</script>", {"class": "x"}, columns)
    example = [dict.fromkeys(names, "<b>")]
    assert [one["kind"] for one in documents.columns(schema, example)] == ["boolean", *["choice"] * 6]
    body = documents.request(schema, example, 9)["content"]["application/json"]
    assert list(body["schema"]["oneOf"][0]["properties"]["rows"]["items"]["properties"]) == names
    assert json.loads(json.dumps(body)) == body


@pytest.mark.parametrize(
    ("form", "value", "kind"),
    [
        ("%d/%m/%Y", "31/12/2024", "date"),
        ("%d/%m/%Y %H:%M", "31/12/2024 10:00", "datetime"),
        ("ISO8601", "2024-12-31", "date"),
        ("ISO8601", "2024-12-31 10:00:00", "datetime"),
        (None, "2024-12-31T00:00:00.000", "datetime"),
        ("ISO8601", "2024-12-31T10:00:00+02:00", "code"),
    ],
)
def test_a_date_is_asked_for_as_the_table_has_it(form: str | None, value: str, kind: str) -> None:
    schema = Schema("y", {"class": "x"}, [Column("day", "feature", "datetime", format=form)])
    assert documents.columns(schema, [{"day": value}])[0]["kind"] == kind


@pytest.mark.parametrize(("form", "value", "kind"), [("1.234,5", "1.234,50", "code"), ("1.234,5", 1234.5, "number")])
def test_a_number_is_asked_for_as_the_example_has_it(form: str, value: Any, kind: str) -> None:
    schema = Schema("y", {"class": "x"}, [Column("price", "feature", "number", format=form)])
    assert documents.columns(schema, [{"price": value}])[0]["kind"] == kind


def test_an_example_that_cannot_be_predicted_does_not_stop_the_service(pipeline: PredictionPipeline) -> None:
    def narrow(frame: pd.DataFrame) -> pd.DataFrame:
        raise ValueError("this text is not of the kind that I know")

    with TestClient(make_app(replace(pipeline, featurize=narrow), SMALL)) as client:
        assert client.get("/health/ready").status_code == 200


def test_what_fails_inside_stays_inside(
    pipeline: PredictionPipeline, rows: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def predict(self, X: Any) -> Any:
            raise RuntimeError(f"the value was {X['size'].iloc[0]}")

    broken = replace(pipeline, model=Broken(), example=None)
    with TestClient(make_app(broken, SMALL)) as client, caplog.at_level("INFO"):
        response = client.post("/predict", json={"rows": rows})
    assert _reason(response, 500) == "the service has failed; its log says where"
    said = "\n".join(one.getMessage() for one in caplog.records if one.name.endswith("serve.watch"))
    assert "RuntimeError" in said and "the value was" not in said


def test_the_log_holds_no_data(client: Any, rows: list[dict[str, Any]], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    client.post("/predict?name=Ada", json={"rows": [rows[0] | {"note": "Ada Lovelace"}]})
    lines = [one.getMessage() for one in caplog.records if one.name.endswith("serve.watch")]
    assert lines and not [line for line in lines if "Ada" in line]
    assert {"method", "path", "status", "ms", "rows", "time"} <= set(json.loads(lines[-1]))


def test_it_says_what_it_needs(client: Any, pipeline: PredictionPipeline) -> None:
    said = client.get("/schema").json()
    assert [one["name"] for one in said["columns"]] == ["size", "count", "kind", "day", "note"]
    documented = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]["content"]
    for sent in documented["application/json"]["examples"].values():
        assert client.post("/predict", json=sent["value"]).status_code == 200
    assert client.get("/health/ready").json() == {"status": "ready"}
    assert 'requests_total{method="POST",path="/predict",status="200"}' in client.get("/metrics").text
    assert "<form" in client.get("/").text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("port: 0", "'port' needs a whole number from 1 to 65535, not 0"),
        ("port: 70000", "'port' needs a whole number from 1 to 65535, not 70000"),
        ("workers: two", "'workers' needs a whole number above 0, not 'two'"),
        ("host: 5", "'host' needs text, not 5"),
        ("hots: localhost", "did you mean 'host'"),
    ],
)
def test_settings_that_are_wrong_are_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "serve.yaml").write_text(text)
    with pytest.raises(UserError, match=reason):
        read_settings(tmp_path)


@pytest.mark.parametrize(
    ("given", "kept"), [("order-7:a", True), ("two words", False), ("x" * 129, False), (None, False)]
)
def test_an_answer_names_the_request(given: str | None, kept: bool, client: Any, rows: list[dict[str, Any]]) -> None:
    answers = [
        client.post("/predict", json={"rows": rows}, headers={"X-Request-ID": given} if given else {}) for _ in range(2)
    ]
    names = [answer.headers["X-Request-ID"] for answer in answers]
    assert names == [given, given] if kept else len({*names, given}) == 3
