"""The service: a model behind HTTP."""

import json
import logging
import os
import re
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pandas as pd
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ... import parts
from ...components.validation import Checked, Refused
from ...objects.reader import read
from ...prediction.observers import Observers, observers
from ...prediction.pipeline import PredictionPipeline, Predictions
from ...steps.cleaning import Uncleanable
from ...steps.task import task_of
from . import documents
from .batches import Batches
from .bodies import PARQUET, SMALL, TYPES, UNPACKED, BadBody, Received, table
from .metrics import Metrics
from .pages import HeadAsGet, Shielded, add_pages
from .settings import Settings, key, read_settings
from .watch import OPEN, Problem, Unanswered, Watched, error, errors, problem

LOG = logging.getLogger(__name__)
MOST_WARNINGS = 100
REQUEST_ID = "X-Request-ID"


@dataclass(frozen=True)
class Answer:
    """What is answered to a request, whatever the protocol.

    Parameters
    ----------
    predictions : Predictions
        Of all rows, also of those that are refused.
    refused, warnings : list of Problem
        What is wrong with rows that have no prediction, and what is odd about others.
    request_id : str
        What the client, a proxy, or else the service calls the request.
    """

    predictions: Predictions
    refused: list[Problem]
    warnings: list[Problem]
    request_id: str


class Service:
    """What answers requests.

    Parameters
    ----------
    pipeline : PredictionPipeline
        The model, and what is done with rows before it.
    settings : Settings
        What requests may ask for.
    data : `read` and `missing` of `params/data.yaml`, for bodies of CSV.
    params : the folder in which parts find their settings; None if no part is told of predictions.
    """

    def __init__(
        self, pipeline: PredictionPipeline, settings: Settings, data: Mapping[str, Any], params: Path | None = None
    ) -> None:
        self.pipeline, self.settings, self.data = pipeline, settings, data
        self.schema, self.task = pipeline.schema, task_of(pipeline.schema)
        self.columns = self.task.answers(pipeline.model)
        shown = pipeline.example
        self.example = [] if shown is None else json.loads(shown.to_json(orient="records"))
        self.batches, self.received = Batches(pipeline, settings.max_rows), Received(UNPACKED * settings.max_bytes)
        self.counted, self.is_started, self.is_ready = Metrics(), False, False
        self.observers = Observers()
        if params is not None:
            self.observers = observers(pipeline, "service", params, self.counted.registry)
        # More threads than there are processors make each answer late, and none earlier.
        self.threads = anyio.CapacityLimiter(os.cpu_count() or 1)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Load what is loaded at the first call, before there is one."""
        if self.is_started:  # a server may start an application with each of its first requests, as Azure's does
            yield
            return
        self.is_started = True
        if self.pipeline.example is not None:
            try:
                await self.batches.run(self.pipeline.example)
            except Exception as failure:  # other rows may well be predicted
                LOG.warning(json.dumps({"warning": "the example cannot be predicted", "error": type(failure).__name__}))
        with self.observers:
            self.is_ready = True
            yield
            self.is_started = self.is_ready = False

    async def predict(self, request: Request) -> Response:
        """Answer with the predictions of the rows in the body, or with what is wrong with it."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            return error(415, f"the content type is one of {', '.join(TYPES)}")
        rows, size = self.settings.max_rows, self.settings.max_bytes
        read_body = partial(table, kind=kind, schema=self.schema, data=self.data, max_rows=rows, max_bytes=size)
        try:
            answer = await self.answer(request, read_body, quick=kind != PARQUET)
        except Unanswered as unanswered:
            return errors(unanswered.status, unanswered.problems)
        predictions = objects(answer.predictions, list(self.columns))
        content = {"predictions": predictions, "refused": answer.refused, "warnings": answer.warnings}
        return JSONResponse(content, headers={REQUEST_ID: answer.request_id})

    async def answer(self, request: Request, read_body: Callable[[bytes], pd.DataFrame], quick: bool = True) -> Answer:
        """Predict the rows of a request: the same limits, checks and counters for every protocol.

        Parameters
        ----------
        request : Request
            The request.
        read_body : callable
            Makes a table of the body, or raises `BadBody`.
        quick : bool, default=True
            Whether a small body is read in no time.

        Raises
        ------
        Unanswered
            If there are no predictions, with what is wrong.
        """
        try:
            found = await self._found(request, read_body, quick)
        except BadBody as bad:
            raise Unanswered(bad.status, [problem(bad.row, bad.column, bad.reason)]) from None
        except Refused as refusal:
            raise Unanswered(422, [problem(None, one.column, one.reason) for one in refusal.findings]) from None
        except Uncleanable as failure:
            LOG.warning(json.dumps({"warning": "rows cannot be cleaned", "error": failure.message}))
            reason = f"the rows cannot be cleaned by {failure.name}: look for cells of an unusual kind"
            raise Unanswered(422, [problem(None, None, reason)]) from None
        refused, count = _problems(found.checked, "refuse"), int(found.checked.refused.sum())
        self.counted.rows(len(found.table), count)
        request.state.told = {"rows": len(found.table), "refused": count}
        if refused:
            self.observers.refused([one for one in found.checked.findings if one.policy == "refuse"], len(found.table))
        if refused and self.pipeline.validation.bad_rows == "refuse":
            raise Unanswered(422, refused)
        request_id = _request_id(request)
        self.observers.predicted(found, request_id)
        return Answer(found, refused, _problems(found.checked, "warn")[:MOST_WARNINGS], request_id)

    async def _found(self, request: Request, read_body: Callable[[bytes], pd.DataFrame], quick: bool) -> Predictions:
        """Read the body and predict its rows; a large one is read in a thread of its own."""
        async with self.received.body(request, self.settings.max_bytes) as body:
            read = partial(read_body, body)
            is_quick = quick and len(body) < SMALL
            rows = read() if is_quick else await anyio.to_thread.run_sync(read, limiter=self.threads)
            try:
                return await self.batches.run(rows)
            except Refused as refusal:
                self.observers.refused(refusal.findings, len(rows))
                raise

    async def row_schema(self) -> dict[str, Any]:
        """Describe what a row needs."""
        return {
            "target": ", ".join(self.schema.targets),
            "task": self.task.name,
            "labels": self.schema.labels,
            "columns": documents.columns(self.schema, self.example),
            "example": self.example,
        }

    async def live(self) -> dict[str, str]:
        """Answer as long as the process does."""
        return {"status": "alive"}

    async def ready(self) -> Response:
        """Answer whether rows can be predicted."""
        return JSONResponse({"status": "ready"}) if self.is_ready else error(503, "the service is not ready")

    async def metrics(self) -> Response:
        """Answer with the counters, for Prometheus."""
        return Response(self.counted.text(), media_type=self.counted.kind)


def make_app(
    pipeline: PredictionPipeline,
    settings: Settings,
    data: Mapping[str, Any] | None = None,
    key: str | None = None,
    params: Path | None = None,
) -> FastAPI:
    """Make the service of a pipeline.

    Parameters
    ----------
    data : `read` and `missing` of `params/data.yaml`, for bodies of CSV.
    key : the value that requests have to bring in the header `X-API-Key`; None lets everybody in.
    params : the folder in which parts find their settings; None if no part is told of predictions.
    """
    service = Service(pipeline, settings, data or {}, params)
    targets, task = ", ".join(service.schema.targets), service.task.name
    app = FastAPI(
        title=targets or task,
        description=f"Predicts {targets}, a {task}." if targets else f"A {task}.",
        version="1",
        lifespan=service.lifespan,
        docs_url=None,  # it would load its scripts from another host
        redoc_url=None,
    )
    routes = [module for _, module in parts.behind("routes")]
    no_key = {*OPEN, *(path for module in routes for path in module.OPEN)}
    app.add_middleware(HeadAsGet)
    app.add_middleware(Watched, counted=service.counted, key=key, no_key=no_key)
    app.add_middleware(Shielded)
    add_pages(app)
    body = {"requestBody": documents.request(service.schema, service.example, settings.max_rows)}
    answers = documents.responses(400, 401, 408, 413, 415, 422, 503, ok=documents.answer(service.columns))
    kept_out = documents.responses(401)
    app.post("/predict", summary="Predict rows", description="", responses=answers, openapi_extra=body)(service.predict)
    app.get("/schema", summary="What a row needs", description="", responses=kept_out)(service.row_schema)
    app.get("/health/live", summary="Whether the process answers", description="")(service.live)
    unready = documents.responses(503)
    app.get("/health/ready", summary="Whether it can predict", description="", responses=unready)(service.ready)
    prometheus = app.get(
        "/metrics", summary="Counters for Prometheus", description="", response_class=Response, responses=kept_out
    )
    prometheus(service.metrics)
    for module in routes:
        module.add(app, service)
    if key is not None:
        documents.ask_for_key(app, no_key)
    return app


def from_params() -> FastAPI:
    """The service of the project in this folder; each worker process makes its own."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s", level=logging.INFO)
    params = Path("params")
    settings, data = read_settings(params), read(params / "data.yaml")[0]
    return make_app(PredictionPipeline.load(settings.model), settings, data, key(), params)


def _request_id(request: Request) -> str:
    """Return what a client or a proxy calls the request, or a new name where there is none that can be kept."""
    given = request.headers.get(REQUEST_ID, "")
    return given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid.uuid4().hex


def objects(found: Predictions, columns: list[str]) -> list[Any]:
    """An object for each row, or None for one that is refused; probabilities stand together in it."""
    shares = [name for name in columns if name.startswith(documents.PROBABILITY)]
    plain = [name for name in columns if name not in shares]
    said = zip(*(found.table[name].tolist() for name in plain), strict=True)
    answers: list[Any] = [dict(zip(plain, one, strict=True)) for one in said]
    if shares:
        labels = [name.removeprefix(documents.PROBABILITY) for name in shares]
        # By column: a table of some of the columns takes pandas longer to make than all answers to a few rows.
        rows = zip(*(found.table[name].tolist() for name in shares), strict=True)
        for answer, row in zip(answers, rows, strict=True):
            answer["probabilities"] = dict(zip(labels, row, strict=True))
    return [None if bad else one for bad, one in zip(found.checked.refused.tolist(), answers, strict=True)]


def _problems(checked: Checked, policy: str) -> list[Problem]:
    whole = [
        problem(None, one.column, one.reason) for one in checked.findings if one.policy == policy and not len(one.rows)
    ]
    return whole + [problem(row + 1, column, reason) for row, column, reason in checked.problems(policy)]
