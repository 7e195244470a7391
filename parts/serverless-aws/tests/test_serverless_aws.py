"""The service as a function of AWS Lambda: events, answers, and when it is ready."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.schema import Schema

pytest.importorskip("fastapi", reason="the extra `lambda` is not installed")
pytest.importorskip("mangum", reason="the extra `lambda` is not installed")

from << cookiecutter.package_name >>.parts.serve.app import make_app
from << cookiecutter.package_name >>.parts.serve.settings import Settings
from << cookiecutter.package_name >>.parts.serverless_aws import adapter

Handler = Callable[[Any, Any], dict[str, Any]]


@pytest.fixture(scope="module")
def handler(fitted: Any, schema: Schema, shown: list[dict[str, Any]]) -> Handler:
    """The function with a fitted model, without columns that only your own table has."""
    pipeline = PredictionPipeline(schema, fitted, featurize=lambda frame: frame, example=pd.DataFrame(shown))
    return adapter.make_handler(make_app(pipeline, Settings(max_rows=50, max_bytes=20_000)))


def _event(method: str, path: str, body: Any = None) -> dict[str, Any]:
    http = {"method": method, "path": path, "sourceIp": "192.0.2.1"}
    headers = {"content-type": "application/json"}
    event = {"version": "2.0", "rawQueryString": "", "headers": headers, "requestContext": {"http": http}}
    return event if body is None else event | {"body": json.dumps(body), "isBase64Encoded": False}


def test_it_is_ready_when_it_is_made(handler: Handler) -> None:
    for _ in range(2):
        assert handler(_event("GET", "/health/ready"), None)["statusCode"] == 200


def test_rows_are_predicted(handler: Handler, shown: list[dict[str, Any]]) -> None:
    answer = handler(_event("POST", "/predict", {"rows": shown}), None)
    assert answer["statusCode"] == 200, answer["body"]
    assert len(json.loads(answer["body"])["predictions"]) == len(shown)


@pytest.mark.parametrize("event", [{}, [], None, "text", {"Records": []}, {"version": "2.0", "requestContext": {}}])
def test_what_is_no_request_is_refused(handler: Handler, event: Any) -> None:
    answer = handler(event, None)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["detail"][0]["reason"]


def test_an_answer_that_lambda_cannot_return_is_refused(
    handler: Handler, shown: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MOST_BYTES", 100)
    assert handler(_event("POST", "/predict", {"rows": shown}), None)["statusCode"] == 413
