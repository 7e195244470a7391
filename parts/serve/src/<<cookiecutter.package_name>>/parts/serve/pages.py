"""The pages of the service: files that are the same for every model, and the headers that keep them apart from others.

They hold nothing of the model. What they show they ask the service for, with the key if there is one.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response

FOLDER = Path(__file__).with_name("pages")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGES = {
    "/": "try.html",
    "/docs": "docs.html",
    **{f"/assets/{name}": name for name in ("style.css", "key.js", "fields.js", "try.js", "docs.js")},
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
SENT = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Shielded:
    """The service with `HEADERS` on every answer."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                theirs = [pair for pair in message.get("headers", []) if pair[0].lower() not in SENT]
                message = {**message, "headers": [*theirs, *SENT.items()]}
            await send(message)

        await self.app(scope, receive, sent)


class HeadAsGet:
    """The service with an answer to HEAD wherever there is one to GET: the same without its body."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked = {**scope, "method": "GET"}
        try:
            await self.app(asked, receive, sent)
        finally:
            scope["route"] = asked.get("route")  # for the log and the counters


def add_pages(app: FastAPI) -> None:
    """Serve the pages and what they load."""
    for path, name in PAGES.items():
        file = FOLDER / name
        app.get(path, include_in_schema=False)(_sender(file.read_bytes(), KINDS[file.suffix]))


def _sender(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def send() -> Response:
        return Response(content, media_type=kind)

    return send
