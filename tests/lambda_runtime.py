"""Lambda's side of a function on this machine's loopback: the Runtime API, which awslambdaric asks for events."""

import base64
import json
import os
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MOST_BYTES = 6 * 1024 * 1024 + 100  # of an answer, as Lambda has it
PATH = "/2018-06-01/runtime"


class Function:
    """A function that was started by the Runtime Interface Client, and takes one event after the other."""

    def __init__(
        self, process: subprocess.Popen[str], events: "queue.Queue[bytes]", answers: "queue.Queue[Any]"
    ) -> None:
        self.process, self.events, self.answers = process, events, answers

    def invoke(self, event: Any) -> Any:
        """Return what the function answers to an event; fails the test if the function fails."""
        self.events.put(event if isinstance(event, bytes) else json.dumps(event).encode())
        kind, body = self.said()
        assert kind == "response", body
        assert len(body) <= MOST_BYTES, "Lambda would fail with such an answer"
        return json.loads(body)

    def said(self) -> tuple[str, str]:
        """Return what the function says next: `response` or `error`, and its text; fails if its process has ended."""
        for _ in range(120):
            with suppress(queue.Empty):
                kind, body = self.answers.get(timeout=0.5)
                return kind, body
            assert self.process.poll() is None, f"the process has ended with {self.process.returncode}"
        raise AssertionError("the function does not answer")


@contextmanager
def running(python: str, folder: Path, handler: str, log: Path, **environment: str) -> Iterator[Function]:
    """Start a function as Lambda does: in its folder, with the client of the Runtime API and nothing else."""
    events: queue.Queue[bytes] = queue.Queue()
    answers: queue.Queue[Any] = queue.Queue()

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            event = events.get()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", "1-2-3")
            self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:1:function:shop:live")
            self.send_header("Content-Type", "application/json")  # without it the client ends by a signal
            self.send_header("Content-Length", str(len(event)))
            self.end_headers()
            self.wfile.write(event)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answers.put((self.path.rpartition("/")[2], body.decode()))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    given = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "JOBLIB_MULTIPROCESSING": "0",
        "OMP_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": os.environ["PATH"],
        "HOME": "/nowhere",
        **environment,
    }
    with log.open("w") as file:
        words = [python, "-m", "awslambdaric", handler]
        process = subprocess.Popen(words, cwd=folder, env=given, stdout=file, stderr=file, text=True)
        try:
            yield Function(process, events, answers)
        finally:
            process.kill()
            process.wait()
            server.shutdown()


def rest(method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str) -> Any:
    """Return an event of a REST API: payload 1.0."""
    own = {"Content-Type": kind, "Host": "a.execute-api.example", **headers}
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": own,
        "multiValueHeaders": {name: [value] for name, value in own.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "prod", "identity": {"sourceIp": "192.0.2.1"}, "httpMethod": method, "path": path},
        **_body(body),
    }


def http(method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str) -> Any:
    """Return an event of an HTTP API: payload 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": kind, "host": "a.execute-api.example"} | {k.lower(): v for k, v in headers.items()},
        "requestContext": {
            "apiId": "a",
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"},
        },
        **_body(body),
    }


def url(method: str, path: str, body: bytes | None = None, kind: str = "application/json", **headers: str) -> Any:
    """Return an event of a function URL: payload 2.0, and bodies that are no text come as base64, as everywhere."""
    event = http(method, path, body, kind, **headers)
    event["headers"]["host"] = "a.lambda-url.example"
    event["requestContext"] |= {"domainName": "a.lambda-url.example", "authentication": None, "accountId": "anonymous"}
    return event


def _body(body: bytes | None) -> dict[str, Any]:
    if body is None:
        return {"isBase64Encoded": False}
    try:
        return {"body": body.decode(), "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
