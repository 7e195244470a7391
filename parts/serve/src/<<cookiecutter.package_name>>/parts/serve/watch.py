"""What stands around each request: the key, the counters, the log, and a wall before what fails inside."""

import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from datetime import UTC, datetime
from typing import Any

from fastapi.responses import JSONResponse

from .bodies import Aborted
from .metrics import Metrics
from .pages import PAGES

HEADER = "X-API-Key"
OPEN = (*PAGES, "/health/live", "/health/ready")  # paths that need no key: nothing of the model is there
CLIENT_CLOSED = 499  # never sent: what nginx logs where the client has gone before it was answered
LOG = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Problem = dict[str, Any]


class Unanswered(Exception):
    """A request that gets no predictions: the status of the answer, and what is wrong."""

    def __init__(self, status: int, problems: list[Problem]) -> None:
        super().__init__(status)
        self.status, self.problems = status, problems


class Watched:
    """The service with a watch on its requests.

    It speaks ASGI itself: FastAPI's own way to do this takes a millisecond for each request.

    Parameters
    ----------
    app : the service.
    counted : where requests are counted.
    key : what the header `X-API-Key` has to hold; None lets everybody in.
    no_key : paths that everybody may ask for.
    """

    def __init__(
        self, app: Callable[..., Awaitable[None]], counted: Metrics, key: str | None, no_key: Collection[str] = OPEN
    ) -> None:
        self.app, self.counted, self.key, self.no_key = app, counted, key, no_key

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self.key is not None and scope["path"] not in self.no_key and not _opens(scope, self.key):
                await error(401, f"a key is needed in the header {HEADER}")(scope, receive, sent)
            else:
                await self.app(scope, receive, sent)
        except Aborted:
            status = status or CLIENT_CLOSED
        except Exception as failure:
            # What an exception says may hold data: its kind and its place are enough to find it.
            place = failure.__traceback__
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
            LOG.error(json.dumps({"error": type(failure).__name__, "where": where}))
            if not status:
                await error(500, "the service has failed; its log says where")(scope, receive, sent)
        seconds = time.perf_counter() - began
        path = getattr(scope.get("route"), "path", "unknown")
        self.counted.request(scope["method"], path, status, seconds)
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "method": scope["method"], "path": path, "status": status}
        LOG.info(json.dumps(line | {"ms": round(1000 * seconds, 1)} | scope.get("state", {}).get("told", {})))


def problem(row: int | None, column: str | None, reason: str) -> Problem:
    """One thing that is wrong with a request; rows count from 1."""
    return {"row": row, "column": column, "reason": reason}


def errors(status: int, problems: list[Problem]) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"detail": problems}, status)


def error(status: int, reason: str, row: int | None = None, column: str | None = None) -> JSONResponse:
    """An answer that says one thing that is wrong."""
    return errors(status, [problem(row, column, reason)])


def _opens(scope: Message, key: str) -> bool:
    given = [value for name, value in scope["headers"] if name == HEADER.lower().encode()]
    # Of several, which one counts would depend on who reads them.
    return len(given) == 1 and hmac.compare_digest(given[0], key.encode())
