"""The service by Azure Functions: one function for all routes, whose answers are the service's."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.schema import Schema

pytest.importorskip("azure.functions", reason="the extra `azure` is not installed")
pytest.importorskip("fastapi", reason="the extra `azure` is not installed")

import azure.functions as azure

from << cookiecutter.package_name >>.parts.serverless_azure import handler

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def ask(fitted: Any, schema: Schema, shown: list[dict[str, Any]]) -> Iterator[Ask]:
    """Ask a function app with a fitted model, without columns that only your own table has."""
    pipeline = PredictionPipeline(schema, fitted, featurize=lambda frame: frame, example=pd.DataFrame(shown))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path.cwd())
        patch.setattr(PredictionPipeline, "load", classmethod(lambda cls: pipeline))
        app = handler.make_function_app(ROOT)
    loop, context = asyncio.new_event_loop(), type("Context", (), {"invocation_id": "1"})()
    call = app.get_functions()[0].get_user_function()

    def asked(method: str, path: str, body: Any = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = azure.HttpRequest(method=method, url=f"https://app.example{path}", headers=headers, body=content)
        return loop.run_until_complete(call(request, context))

    yield asked
    loop.run_until_complete(app.middleware.notify_shutdown())
    app.startup_task_done = False  # or its end would do so again, in a loop that is gone
    loop.close()


def test_it_is_ready_and_predicts(ask: Ask, shown: list[dict[str, Any]]) -> None:
    assert ask("GET", "/health/ready").status_code == 200
    answer = ask("POST", "/predict", {"rows": shown})
    assert answer.status_code == 200, answer.get_body()
    assert len(json.loads(answer.get_body())["predictions"]) == len(shown)


def test_wrong_requests_are_refused(ask: Ask) -> None:
    assert ask("GET", "/nothing").status_code == 404
    assert ask("POST", "/predict", {"rows": 1}).status_code == 422


def test_it_is_never_open_to_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("API_KEY", raising=False)
    monkeypatch.setenv("SERVE_ACCESS", "service")
    with pytest.raises(SystemExit, match="no API_KEY is set"):
        handler.make_function_app(ROOT)
