"""The service: a model behind HTTP."""

import hmac
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from ..custom.validation import Checked, Refused
from ..objects.reader import read
from ..pipeline import PredictionPipeline, Predictions
from . import documents
from .batches import Batches
from .bodies import TYPES, BadBody, table
from .metrics import Metrics
from .settings import Settings, key, read_settings

HEADER = "X-API-Key"
OPEN = ("/", "/health/live", "/health/ready", "/openapi.json", "/docs")  # paths that need no key
PAGE = Path(__file__).with_name("page.html")
MOST_WARNINGS = 100
SMALL = 16_384  # bytes of a body that is read at once: to ask a thread to would take longer
LOG = logging.getLogger(__name__)
Problem = dict[str, Any]


def make_app(
    pipeline: PredictionPipeline, settings: Settings, data: Mapping[str, Any] | None = None, key: str | None = None
) -> FastAPI:
    """The service of a pipeline.

    Parameters
    ----------
    data : `read` and `missing` of `params/data.yaml`, for bodies of CSV.
    key : what the header `X-API-Key` has to hold; None lets everybody in.
    """
    schema = pipeline.schema
    example = [] if pipeline.example is None else json.loads(pipeline.example.to_json(orient="records"))
    probabilities = bool(schema.labels) and hasattr(pipeline.model, "predict_proba")
    counted, state = Metrics(), {"ready": False}
    batches = Batches(pipeline, settings.max_rows)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if pipeline.example is not None:  # what is loaded at the first call is loaded now
            await anyio.to_thread.run_sync(pipeline.run, pipeline.example)
        state["ready"] = True
        yield
        state["ready"] = False

    app = FastAPI(
        title=f"{schema.target}",
        description=f"Predicts {schema.target}, a {schema.task}.",
        version="1",
        lifespan=lifespan,
        redoc_url=None,
    )
    # More threads than there are processors make each answer late, and none earlier.
    threads = anyio.CapacityLimiter(os.cpu_count() or 1)

    @app.middleware("http")
    async def watched(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        try:
            if key is not None and request.url.path not in OPEN and not _opens(request.headers.get(HEADER), key):
                response: Response = _error(401, "a key is needed in the header X-API-Key")
            else:
                response = await call_next(request)
        except Exception as error:
            # What an exception says may hold data: its kind and its place are enough to find it.
            place = error.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
            LOG.error(json.dumps({"error": type(error).__name__, "where": where}))
            response = _error(500, "the service has failed; its log says where")
        seconds = time.perf_counter() - began
        route = request.scope.get("route")
        path = getattr(route, "path", "unknown")
        counted.request(request.method, path, response.status_code, seconds)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "method": request.method, "path": path, "status": response.status_code}
        line["ms"] = round(1000 * seconds, 1)
        LOG.info(json.dumps(line | getattr(request.state, "told", {})))
        return response

    @app.post(
        "/predict",
        summary="Predict rows",
        responses=documents.responses(400, 401, 413, 415, 422, ok=documents.answer(schema, probabilities)),
        openapi_extra={"requestBody": documents.request(schema, example, settings.max_rows)},
    )
    async def predict(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            return _error(415, f"the content type is one of {', '.join(TYPES)}")
        body = await _body(request, settings.max_bytes)
        if body is None:
            return _error(413, f"the body is larger than {settings.max_bytes:,} bytes")
        read_body = partial(table, body, kind, schema, data or {}, settings.max_rows, settings.max_bytes)
        try:
            rows = read_body() if len(body) < SMALL else await anyio.to_thread.run_sync(read_body, limiter=threads)
            found = await batches.run(rows)
        except BadBody as error:
            return _error(error.status, error.reason, error.row, error.column)
        except Refused as error:
            return _errors(422, [_problem(None, one.column, one.reason) for one in error.findings])
        refused = _problems(found.checked, "refuse")
        counted.rows(len(found.table), int(found.checked.refused.sum()))
        request.state.told = {"rows": len(found.table), "refused": int(found.checked.refused.sum())}
        if refused and pipeline.validation.bad_rows == "refuse":
            return _errors(422, refused)
        answer = {
            "predictions": _answers(found, probabilities, schema.labels),
            "refused": refused,
            "warnings": _problems(found.checked, "warn")[:MOST_WARNINGS],
        }
        return JSONResponse(answer)

    @app.get("/schema", summary="What a row needs", responses=documents.responses(401))
    async def told_schema() -> dict[str, Any]:
        return {
            "target": schema.target,
            "task": schema.task,
            "labels": schema.labels,
            "columns": documents.columns(schema),
            "example": example,
        }

    @app.get("/health/live", summary="Whether the process answers")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", summary="Whether it can predict", responses=documents.responses(503))
    async def ready() -> Response:
        return JSONResponse({"status": "ready"}) if state["ready"] else _error(503, "the service is not ready")

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response, responses=documents.responses(401))
    async def metrics() -> Response:
        return Response(counted.text(), media_type=counted.kind)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(PAGE.read_text(encoding="utf-8"))

    return app


def from_params() -> FastAPI:
    """The service of the project in this folder; each worker process makes its own."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    settings, data = read_settings(Path("params")), read(Path("params/data.yaml"))[0]
    return make_app(PredictionPipeline.load(settings.model), settings, data, key())


async def _body(request: Request, limit: int) -> bytes | None:
    """The body, or None as soon as it is larger than the limit."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > limit:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            return None
        parts.append(part)
    return b"".join(parts)


def _opens(given: str | None, key: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), key.encode())


def _answers(found: Predictions, probabilities: bool, labels: list[Any]) -> list[Any]:
    refused = found.checked.refused.tolist()
    said = found.table["prediction"].tolist()
    if not probabilities:
        return [None if bad else {"prediction": one} for bad, one in zip(refused, said, strict=True)]
    names = [str(label) for label in labels]
    rows = found.table[[f"probability_{label}" for label in labels]].to_numpy().tolist()
    return [
        None if bad else {"prediction": one, "probabilities": dict(zip(names, row, strict=True))}
        for bad, one, row in zip(refused, said, rows, strict=True)
    ]


def _problems(checked: Checked, policy: str) -> list[Problem]:
    whole = [
        _problem(None, one.column, one.reason) for one in checked.findings if one.policy == policy and not len(one.rows)
    ]
    return whole + [_problem(row + 1, column, reason) for row, column, reason in checked.problems(policy)]


def _problem(row: int | None, column: str | None, reason: str) -> Problem:
    return {"row": row, "column": column, "reason": reason}


def _error(status: int, reason: str, row: int | None = None, column: str | None = None) -> JSONResponse:
    return _errors(status, [_problem(row, column, reason)])


def _errors(status: int, problems: list[Problem]) -> JSONResponse:
    return JSONResponse({"detail": problems}, status)
