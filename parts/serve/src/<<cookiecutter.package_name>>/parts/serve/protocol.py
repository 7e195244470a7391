"""The HTTP protocol of the service: uvicorn's, with limits on what a client may send before the application sees it.

uvicorn offers two parsers. h11 limits the size of a request's head, but it is written in Python and answers about half
as many requests per second. httptools is fast and has no limits at all: it joins the pieces of a header in time that
grows with the square of its length. This module adds the limits to httptools.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MOST_URL = 8_192  # bytes
MOST_HEADERS = 100
MOST_HEAD = 32_768  # bytes of the request line and all headers
# A chunk of one byte is sent in six, so that five bytes of framing for each byte of a body are honest.
FRAMING = 8
MOST_WAITING = 50  # requests that wait on one connection for the answer to the one before
HEAD_SECONDS = 10.0


@dataclass(frozen=True)
class Limits:
    """What a client may use.

    Parameters
    ----------
    seconds : int
        Time in which a request has to arrive whole, from its first byte to its last.
    connections : int
        Connections that one process keeps open.
    """

    seconds: int
    connections: int


class LimitedProtocol(HttpToolsProtocol):
    """One connection. What exceeds a limit is answered with an error, and the connection is closed.

    Everything that is not part of a body counts as head: the request line, headers, the framing and extensions of
    chunks, and trailers. A connection has to send the head of its first request within ten seconds.

    Parameters
    ----------
    limits : Limits
        The limits that the owner sets.
    **options : Any
        What uvicorn gives to a protocol.
    """

    def __init__(self, limits: Limits, **options: Any) -> None:
        super().__init__(**options)
        self.limits = limits
        self.refusal: tuple[int, str] | None = None
        self.deadline: asyncio.TimerHandle | None = None
        self.arriving = self.is_done = False
        self.in_head = True
        self.received = self.body_size = self.head_size = 0

    def connection_made(self, transport: Any) -> None:
        """Accept a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(503, "the service has too many connections; try again later")
            return
        self._expect_within(min(HEAD_SECONDS, self.limits.seconds))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived, unless the connection is about to be closed."""
        if self.is_done or self.transport.is_closing():
            return
        was_in_head = self.in_head
        self.received += len(data)
        super().data_received(data)
        if self.is_done or self.transport.is_closing():
            return
        if self.received - (1 + FRAMING) * self.body_size > MOST_HEAD:
            self._refuse(431, f"the headers are larger than {MOST_HEAD:,} bytes")
        elif len(self.pipeline) > MOST_WAITING:
            self.transport.close()
        elif not self.arriving:
            if self._answering():
                self._expect_nothing()
            elif self.deadline is None:  # Empty lines between two requests do not keep a connection alive.
                self._expect_within(HEAD_SECONDS)
        elif self.deadline is None or was_in_head != self.in_head:
            limit = self.limits.seconds
            self._expect_within(min(HEAD_SECONDS, limit) if self.in_head else limit)

    def on_message_begin(self) -> None:
        """Count anew for each request; the rest of the block in which it begins is not counted."""
        self.arriving = self.in_head = True
        self.received = self.body_size = self.head_size = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the URL."""
        if len(self.url) + len(url) > MOST_URL:
            self._stop_parsing(414, f"the URL is longer than {MOST_URL:,} bytes")
        self.head_size += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer comes too late to be one and is dropped."""
        if not self.in_head:
            return
        self.head_size += len(name) + len(value)
        if len(self.headers) >= MOST_HEADERS:
            self._stop_parsing(431, f"there are more than {MOST_HEADERS} headers")
        if self.head_size > MOST_HEAD:
            self._stop_parsing(431, f"the headers are larger than {MOST_HEAD:,} bytes")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self.in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self.body_size += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the request has arrived."""
        self.arriving = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be parsed, or what exceeded a limit while it was parsed."""
        status, reason = self.refusal or (400, "this is not an HTTP request")
        self._refuse(status, reason)

    def _answering(self) -> bool:
        """Whether the answer to the last request whose head has arrived is not complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _stop_parsing(self, status: int, reason: str) -> None:
        self.refusal = status, reason
        raise ValueError(reason)

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self.deadline = self.loop.call_later(seconds, self._late)

    def _expect_nothing(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    def _late(self) -> None:
        if self.arriving:
            self._refuse(408, "the request did not arrive in time")
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: str) -> None:
        """Answer with an error and close the connection; answers to earlier requests are sent before."""
        if self.transport.is_closing():
            return
        has_cycle = self.arriving and not self.in_head
        if not has_cycle and self._answering():
            self.is_done, self.cycle.keep_alive = True, False
            self._expect_nothing()
            return
        if not has_cycle or (self._answering() and not self.pipeline and not self.cycle.response_started):
            body = json.dumps({"detail": [{"row": None, "column": None, "reason": reason}]}).encode()
            head = [b"content-type: application/json", b"content-length: %d" % len(body), b"connection: close"]
            self.transport.write(STATUS_LINE[status] + b"\r\n".join([*head, b"", body]))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()
