"""scripts/smoke.py against services that are not as they should be; test_container.py asks a real one."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from conftest import ROOT

SMOKE = ROOT / "parts" / "container" / "scripts" / "smoke.py"
ROWS = [{"size": 1.5, "city": "Rome"}, {"size": None, "city": "Paris"}]
GOOD: dict[str, Any] = {
    "/health/ready": (200, {"status": "ready"}),
    "/schema": (200, {"example": ROWS}),
    "/predict": (200, {"predictions": [{"prediction": 0}, {"prediction": "x"}]}),
}
Asked = list[tuple[str, Any, str | None]]


@contextmanager
def serving(answers: dict[str, Any]) -> Iterator[tuple[str, Asked]]:
    """The address of a service that gives these answers, and what it was asked: path, body, key."""
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            asked.append((self.path, body, self.headers.get("X-API-Key")))
            status, content = answers[self.path]
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET

        def log_message(self, *words: object) -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def smoke(url: str, *words: str, **environment: str) -> tuple[int, str]:
    """The exit code and what is said."""
    done = subprocess.run([sys.executable, str(SMOKE), url, *words], capture_output=True, text=True, env=environment)
    return done.returncode, done.stdout + done.stderr


def test_a_service_that_predicts_passes() -> None:
    with serving(GOOD) as (url, asked):
        # A proxy that is named for other addresses is not asked for this machine.
        code, said = smoke(
            f"{url}/", API_KEY="open sesame", HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9"
        )
    assert (code, said) == (0, f'{url} is ready and predicts its example: 2 rows, the first {{"prediction": 0}}\n')
    assert asked[-1] == ("/predict", {"rows": ROWS}, "open sesame")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"/health/ready": (503, {"detail": []})}, "was not ready after 0 seconds (it answers 503: "),
        ({"/health/ready": (404, b"no such page")}, "was not ready after 0 seconds (it answers 404: no such page)"),
        ({"/schema": (401, {})}, "asks for a key, and API_KEY of this environment is not the one"),
        ({"/schema": (200, {"example": []})}, "/schema gives no example to predict (200: "),
        ({"/schema": (200, b"<html>")}, "/schema gives no example to predict (200: <html>)"),
        ({"/predict": (422, {"detail": "row 1"})}, '/predict refuses the example of 2 rows (422: {"detail": "row 1"})'),
        ({"/predict": (500, b"oh")}, "/predict refuses the example of 2 rows (500: oh)"),
        ({"/predict": (200, {"predictions": [{"a": 1}, None]})}, "/predict answers 1 of the 2 rows of the example"),
        ({"/predict": (200, {"predictions": [{"a": 1}]})}, "/predict answers 1 of the 2 rows of the example"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_service_that_does_not_fails(wrong: dict[str, Any], says: str) -> None:
    with serving(GOOD | wrong) as (url, _):
        code, said = smoke(url, "--wait", "0")
    assert code == 1 and said.startswith(f"error: {url}"), said
    assert says in said


def test_nothing_that_listens_and_no_address_are_said() -> None:
    with serving(GOOD) as (url, _):
        pass
    assert smoke(url, "--wait", "0")[1].startswith(f"error: {url} was not ready after 0 seconds (nothing answers: ")
    assert smoke("127.0.0.1:8000") == (
        1,
        "error: '127.0.0.1:8000' is no address of a service; write it as http://host:port\n",
    )
