"""The paths of the Open Inference Protocol (v1 and v2), by which KServe and its clients ask for predictions.

They are further doors to the service of the part `serve`: its limits, its checks of rows, its key and its counters.
"""

import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from ..serve.app import Answer, Service, objects
from ..serve.bodies import JSON
from ..serve.documents import ERRORS, responses
from ..serve.watch import Problem, Unanswered, problem
from . import tensors
from .settings import model_name

OPEN = ("/v2/health/live", "/v2/health/ready")
VERSION = "MODEL_VERSION"  # in the environment: the version of the model that the image holds
SHOWN = 3  # problems in the sentence of an error; `detail` has all

Documents = dict[str, Any]
Failures = dict[int | str, Documents]


class Inference:
    """What answers requests of the protocol.

    Parameters
    ----------
    service : Service
        The service that predicts.
    name : str
        The model's name in addresses.
    """

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name
        self.version = os.environ.get(VERSION) or None

    async def server(self) -> dict[str, Any]:
        """Say what the server is."""
        return {"name": self.name, "version": "1", "extensions": []}

    async def live(self) -> dict[str, bool]:
        """Answer as long as the process does."""
        return {"live": True}

    async def ready(self) -> Response:
        """Say whether rows can be predicted."""
        return JSONResponse({"ready": self.service.is_ready}, 200 if self.service.is_ready else 503)

    async def models(self) -> dict[str, list[str]]:
        """List the one model."""
        return {"models": [self.name]}

    async def model(self, name: str) -> Response:
        """Describe the tensors that the model takes and gives."""
        about: Documents = {"name": self.name, "platform": "python"}
        if self.version:
            about["versions"] = [self.version]
        about["inputs"] = tensors.inputs(self.service.schema)
        about["outputs"] = tensors.outputs(self.service.columns)
        return self._of(name) or JSONResponse(about)

    async def model_ready(self, name: str) -> Response:
        """Say whether the model can predict."""
        is_ready = self.service.is_ready
        return self._of(name) or JSONResponse({"name": self.name, "ready": is_ready}, 200 if is_ready else 503)

    async def infer(self, name: str, request: Request) -> Response:
        """Answer a request of version 2."""
        service = self.service
        asked = tensors.Request(service.schema, service.columns, service.settings.max_rows)
        answer = await self._answer(name, request, asked.rows)
        if isinstance(answer, Response):
            return answer
        wanted = {output: service.columns[output] for output in asked.outputs}
        found = answer.predictions
        content: Documents = {"model_name": self.name, "id": asked.id or str(uuid4())}
        if self.version:
            content["model_version"] = self.version
        # A parameter of the protocol is a text or a number, so lists are texts of JSON.
        notes = {"refused": answer.refused, "warnings": answer.warnings}
        parameters = {key: json.dumps(problems) for key, problems in notes.items() if problems}
        if parameters:
            content["parameters"] = parameters
        content["outputs"] = tensors.tensors(found.table, found.checked.refused.tolist(), wanted)
        return JSONResponse(content)

    async def predict(self, name: str, request: Request) -> Response:
        """Answer a request of version 1."""
        service = self.service
        read_body = partial(tensors.rows_of_v1, schema=service.schema, max_rows=service.settings.max_rows)
        answer = await self._answer(name, request, read_body)
        if isinstance(answer, Response):
            return answer
        content: Documents = {"predictions": objects(answer.predictions, list(service.columns))}
        notes = {"refused": answer.refused, "warnings": answer.warnings}
        return JSONResponse(content | {key: problems for key, problems in notes.items() if problems})

    async def _answer(
        self, name: str, request: Request, read_body: Callable[[bytes], pd.DataFrame]
    ) -> Answer | Response:
        """Return the service's answer, or the response that says why there is none."""
        unknown = self._of(name)
        if unknown is not None:
            return unknown
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != JSON:
            return _failed(415, [problem(None, None, f"the content type has to be {JSON}; binary data is not read")])
        try:
            return await self.service.answer(request, read_body)
        except Unanswered as unanswered:
            return _failed(unanswered.status, unanswered.problems)

    def _of(self, name: str) -> Response | None:
        """Return the response to whoever asks for another model."""
        if name == self.name:
            return None
        return _failed(404, [problem(None, None, f"there is no model {name[:100]!r}; there is {self.name!r}")])


def add(app: FastAPI, service: Service) -> None:
    """Add the paths of the protocol to the service."""
    inference = Inference(service, model_name(Path("params")))
    shown = service.example
    body = _body(REQUEST, {"inputs": tensors.example(service.schema, shown)} if shown else None)
    rows = _body(INSTANCES, {"instances": shown} if shown else None)
    errors = responses(401, 408) | {
        code: {"description": ERRORS.get(code, "There is no such model."), "content": ERROR}
        for code in (400, 404, 413, 415, 422, 503)
    }
    unknown: Failures = {404: errors[404]}
    unready: Failures = {503: {"description": ERRORS[503], "content": READY}}
    asked: list[tuple[str, str, Callable[..., Awaitable[Any]], Failures]] = [
        ("/v2", "The server, in the Open Inference Protocol", inference.server, {}),
        ("/v2/health/live", "Whether the process answers", inference.live, {}),
        ("/v2/health/ready", "Whether it can predict", inference.ready, unready),
        ("/v2/models", "The models", inference.models, {}),
        ("/v2/models/{name}", "The tensors that the model takes and gives", inference.model, unknown),
        ("/v2/models/{name}/ready", "Whether the model can predict", inference.model_ready, unknown | unready),
        ("/v1/models", "The models, in version 1", inference.models, {}),
        ("/v1/models/{name}", "Whether it can predict, in version 1", inference.model_ready, unknown | unready),
    ]
    infer, predict = "/v2/models/{name}/infer", "/v1/models/{name}:predict"
    common: dict[str, Any] = {"description": "", "responses": errors, "response_model": None}
    # Before /v1/models/{name}, which would answer for :predict what is allowed there.
    app.post(infer, summary="Predict tensors", openapi_extra=body, **common)(inference.infer)
    app.post(predict, summary="Predict rows, in version 1", openapi_extra=rows, **common)(inference.predict)
    for path, summary, answers, failures in asked:
        kept_out: Failures = {} if path in OPEN else responses(401)
        app.get(path, summary=summary, description="", response_model=None, responses=failures | kept_out)(answers)


def _body(schema: Documents, example: Documents | None) -> Documents:
    """Describe the body of a request for the service's documentation."""
    examples = {} if example is None else {"examples": {"rows of training": {"value": example}}}
    return {"requestBody": {"required": True, "content": {JSON: {"schema": schema, **examples}}}}


def _failed(status: int, problems: list[Problem]) -> Response:
    """Return an error as the protocol has it, with all problems beside it."""
    shown = [_sentence(found) for found in problems[:SHOWN]]
    if len(problems) > SHOWN:
        shown.append(f"and {len(problems) - SHOWN:,} more")
    return JSONResponse({"error": "; ".join(shown), "detail": problems}, status)


def _sentence(found: Problem) -> str:
    places = [f"row {found['row']}"] if found["row"] else []
    places += [f"column {found['column']!r}"] if found["column"] else []
    return ": ".join([*filter(None, [", ".join(places)]), str(found["reason"])])


TEXT: Documents = {"type": "string"}
REQUEST: Documents = {
    "type": "object",
    "description": "One input for each column; null is what is missing.",
    "properties": {
        "id": TEXT,
        "parameters": {"type": "object"},
        "inputs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "name": TEXT,
                    "shape": {"type": "array", "items": {"type": "integer"}, "description": "[n] or [n, 1]."},
                    "datatype": {"enum": sorted(tensors.NEEDS)},
                    "parameters": {"type": "object"},
                    "data": {"type": "array"},
                },
                "required": ["name", "shape", "datatype", "data"],
            },
        },
        "outputs": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": TEXT}, "required": ["name"]},
        },
    },
    "required": ["inputs"],
}
INSTANCES: Documents = {
    "type": "object",
    "properties": {"instances": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
    "required": ["instances"],
    "additionalProperties": False,
}
ERROR: Documents = {JSON: {"schema": {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}}}
READY: Documents = {
    JSON: {"schema": {"type": "object", "properties": {"ready": {"type": "boolean"}}, "required": ["ready"]}}
}
