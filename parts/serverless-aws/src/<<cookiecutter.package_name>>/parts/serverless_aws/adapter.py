"""Events of AWS Lambda as requests to the service, and its answers as what Lambda returns."""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from mangum import Mangum
from mangum.handlers import APIGateway, HTTPGateway

from ..serve.watch import problem

LOG = logging.getLogger(__name__)
MOST_BYTES = 6_000_000  # Lambda returns 6 MB at most, and fails where an answer is larger
Answer = dict[str, Any]


def make_handler(app: FastAPI) -> Callable[[Any, Any], Answer]:
    """Start the service, and return the function that answers Lambda's events with it.

    The service starts here, once: it predicts its example and is ready then. Mangum would start and stop it with each
    request.

    Parameters
    ----------
    app : FastAPI
        The service.

    Returns
    -------
    A function of the event and its context. It answers events of API Gateway (REST APIs and HTTP APIs) and of function
    URLs; to all others, and to those that cannot be read, it answers 400.
    """
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)  # in which Mangum runs the requests, too
    loop.run_until_complete(app.router.lifespan_context(app).__aenter__())
    answer_event = Mangum(app, lifespan="off")

    def handler(event: Any, context: Any) -> Answer:
        if not isinstance(event, dict) or not _is_request(event, context, answer_event):
            return _refused(400, "the event is no request of API Gateway or of a function URL")
        try:
            answer = answer_event(event, context)
        except Exception as failure:  # what it says may hold data
            LOG.error(json.dumps({"error": type(failure).__name__, "where": "event"}))
            return _refused(400, "the request cannot be read from the event")
        if _is_too_large(answer):
            return _refused(413, "the answer is larger than Lambda can return: send fewer rows in one request")
        return answer

    return handler


def _is_request(event: dict[str, Any], context: Any, adapter: Mangum) -> bool:
    return any(kind.infer(event, context, adapter.config) for kind in (APIGateway, HTTPGateway))


def _is_too_large(answer: Answer) -> bool:
    if len(answer["body"]) < MOST_BYTES // 6:  # JSON writes a character in six bytes at most
        return False
    return len(json.dumps(answer, ensure_ascii=False).encode()) > MOST_BYTES


def _refused(status: int, reason: str) -> Answer:
    body = json.dumps({"detail": [problem(None, None, reason)]})
    headers = {"content-type": "application/json", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
