"""The service: a model behind HTTP."""

import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ...components.validation import Checked, Refused
from ...objects.reader import read
from ...prediction.pipeline import PredictionPipeline, Predictions
from ...steps.cleaning import Uncleanable
from ...steps.task import task_of
from . import documents
from .batches import Batches
from .bodies import PARQUET, SMALL, TYPES, UNPACKED, BadBody, Received, table
from .metrics import Metrics
from .pages import HeadAsGet, Shielded, add_pages
from .settings import Settings, key, read_settings
from .watch import Problem, Watched, error, errors, problem

LOG = logging.getLogger(__name__)
MOST_WARNINGS = 100


def make_app(
    pipeline: PredictionPipeline, settings: Settings, data: Mapping[str, Any] | None = None, key: str | None = None
) -> FastAPI:
    """Make the service of a pipeline.

    Parameters
    ----------
    data : `read` and `missing` of `params/data.yaml`, for bodies of CSV.
    key : the value that requests have to bring in the header `X-API-Key`; None lets everybody in.
    """
    schema = pipeline.schema
    example = [] if pipeline.example is None else json.loads(pipeline.example.to_json(orient="records"))
    task = task_of(schema)
    columns = task.answers(pipeline.model)
    counted, state = Metrics(), {"ready": False}
    batches = Batches(pipeline, settings.max_rows)
    received = Received(UNPACKED * settings.max_bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if pipeline.example is not None:  # what is loaded at the first call is loaded now
            try:
                await batches.run(pipeline.example)
            except Exception as failure:  # other rows may well be predicted
                LOG.warning(json.dumps({"warning": "the example cannot be predicted", "error": type(failure).__name__}))
        state["ready"] = True
        yield
        state["ready"] = False

    app = FastAPI(
        title=", ".join(schema.targets) or task.name,
        description=f"Predicts {', '.join(schema.targets)}, a {task.name}." if schema.targets else f"A {task.name}.",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # it would load its scripts from another host
        redoc_url=None,
    )
    # More threads than there are processors make each answer late, and none earlier.
    threads = anyio.CapacityLimiter(os.cpu_count() or 1)

    app.add_middleware(HeadAsGet)
    app.add_middleware(Watched, counted=counted, key=key)
    app.add_middleware(Shielded)
    add_pages(app)

    @app.post(
        "/predict",
        summary="Predict rows",
        responses=documents.responses(400, 401, 408, 413, 415, 422, 503, ok=documents.answer(columns)),
        openapi_extra={"requestBody": documents.request(schema, example, settings.max_rows)},
    )
    async def predict(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            return error(415, f"the content type is one of {', '.join(TYPES)}")
        try:
            async with received.body(request, settings.max_bytes) as body:
                read_body = partial(table, body, kind, schema, data or {}, settings.max_rows, settings.max_bytes)
                is_quick = len(body) < SMALL and kind != PARQUET
                rows = read_body() if is_quick else await anyio.to_thread.run_sync(read_body, limiter=threads)
                found = await batches.run(rows)
        except BadBody as bad:
            return error(bad.status, bad.reason, bad.row, bad.column)
        except Refused as refusal:
            return errors(422, [problem(None, one.column, one.reason) for one in refusal.findings])
        except Uncleanable as failure:
            LOG.warning(json.dumps({"warning": "rows cannot be cleaned", "error": failure.message}))
            return error(422, f"the rows cannot be cleaned by {failure.name}: look for cells of an unusual kind")
        refused = _problems(found.checked, "refuse")
        counted.rows(len(found.table), int(found.checked.refused.sum()))
        request.state.told = {"rows": len(found.table), "refused": int(found.checked.refused.sum())}
        if refused and pipeline.validation.bad_rows == "refuse":
            return errors(422, refused)
        answer = {
            "predictions": _answers(found, list(columns)),
            "refused": refused,
            "warnings": _problems(found.checked, "warn")[:MOST_WARNINGS],
        }
        return JSONResponse(answer)

    @app.get("/schema", summary="What a row needs", responses=documents.responses(401))
    async def told_schema() -> dict[str, Any]:
        return {
            "target": ", ".join(schema.targets),
            "task": task.name,
            "labels": schema.labels,
            "columns": documents.columns(schema, example),
            "example": example,
        }

    @app.get("/health/live", summary="Whether the process answers")
    async def live() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/health/ready", summary="Whether it can predict", responses=documents.responses(503))
    async def ready() -> Response:
        return JSONResponse({"status": "ready"}) if state["ready"] else error(503, "the service is not ready")

    @app.get("/metrics", summary="Counters for Prometheus", response_class=Response, responses=documents.responses(401))
    async def metrics() -> Response:
        return Response(counted.text(), media_type=counted.kind)

    if key is not None:
        documents.ask_for_key(app)
    return app


def from_params() -> FastAPI:
    """The service of the project in this folder; each worker process makes its own."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    settings, data = read_settings(Path("params")), read(Path("params/data.yaml"))[0]
    return make_app(PredictionPipeline.load(settings.model), settings, data, key())


def _answers(found: Predictions, columns: list[str]) -> list[Any]:
    """An object for each row, or None for one that is refused; probabilities stand together in it."""
    shares = [name for name in columns if name.startswith(documents.PROBABILITY)]
    plain = [name for name in columns if name not in shares]
    said = zip(*(found.table[name].tolist() for name in plain), strict=True)
    answers: list[Any] = [dict(zip(plain, one, strict=True)) for one in said]
    if shares:
        labels = [name.removeprefix(documents.PROBABILITY) for name in shares]
        for answer, row in zip(answers, found.table[shares].to_numpy().tolist(), strict=True):
            answer["probabilities"] = dict(zip(labels, row, strict=True))
    return [None if bad else one for bad, one in zip(found.checked.refused.tolist(), answers, strict=True)]


def _problems(checked: Checked, policy: str) -> list[Problem]:
    whole = [
        problem(None, one.column, one.reason) for one in checked.findings if one.policy == policy and not len(one.rows)
    ]
    return whole + [problem(row + 1, column, reason) for row, column, reason in checked.problems(policy)]
