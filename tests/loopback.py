"""A server on loopback that answers like the parts of GitHub's and GitLab's API that reviews need, and remembers it all."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

TOKEN = "a-token"


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


class Loopback:
    """Comments, pull requests and pictures of one repository, on both hosts; `requests` are those that had the token."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[Request] = []
        self.refused: list[str] = []
        self.comments: list[dict[str, Any]] = []
        self.pulls: list[dict[str, Any]] = []
        self.heads: dict[str, str] = {}
        self.blobs = 0
        self.uploads: list[bytes] = []

    @property
    def writes(self) -> list[Request]:
        """The requests that change something."""
        return [one for one in self.requests if one.method != "GET"]

    def answer(self, asked: Request) -> Any:
        """The answer to a request, None where there is no such address."""
        comments = r"/repos/ada/shop/issues/\d+/comments|/projects/7/merge_requests/\d+/notes"
        one_comment = r"(?:/repos/ada/shop/issues/comments|/projects/7/merge_requests/\d+/notes)/(\d+)"
        pulls = r"/repos/ada/shop/pulls|/projects/7/merge_requests"
        routes: dict[tuple[str, str], Callable[..., Any]] = {
            ("GET", comments): lambda: self._page(self.comments, asked),
            ("POST", comments): lambda: self._add(self.comments, asked.body),
            ("PATCH PUT", one_comment): lambda number: self.comments[int(number) - 1].update(asked.body) or {},
            ("GET", pulls): lambda: [one for one in self.pulls if one["branch"] == self._branch(asked.query)],
            ("POST", pulls): lambda: self._add(self.pulls, {**asked.body, "branch": self._branch(asked.body)}),
            ("PATCH PUT", rf"(?:{pulls})/(\d+)"): lambda number: self.pulls[int(number) - 1].update(asked.body) or {},
            ("POST", "/repos/ada/shop/git/blobs"): self._blob,
            ("POST", "/repos/ada/shop/git/trees"): lambda: {"sha": "tree"},
            ("POST", "/repos/ada/shop/git/commits"): lambda: {"sha": f"commit{self.blobs}"},
            ("GET", "/repos/ada/shop/git/matching-refs/heads/(.*)"): lambda name: [
                {"ref": f"refs/heads/{key}", "object": {"sha": sha}} for key, sha in self.heads.items() if name in key
            ],
            ("POST", "/repos/ada/shop/git/refs"): lambda: (
                self.heads.update({asked.body["ref"].removeprefix("refs/heads/"): asked.body["sha"]}) or {}
            ),
            ("PATCH", "/repos/ada/shop/git/refs/heads/(.*)"): lambda name: (
                self.heads.update({name: asked.body["sha"]}) or {}
            ),
            ("POST", "/projects/7/uploads"): lambda: self._upload(asked.body),
        }
        for (methods, pattern), route in routes.items():
            found = re.fullmatch(pattern, asked.path)
            if found and asked.method in methods.split():
                return route(*found.groups())
        return None

    def _page(self, entries: list[Any], asked: Request) -> list[Any]:
        size, page = int(asked.query["per_page"]), int(asked.query["page"])
        return entries[size * (page - 1) : size * page]

    def _add(self, entries: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, Any]:
        number = len(entries) + 1
        address = f"{self.url}/requests/{number}"
        entries.append({**body, "id": number, "number": number, "iid": number, "html_url": address, "web_url": address})
        return entries[-1]

    def _branch(self, words: dict[str, str]) -> str:
        return words.get("source_branch") or words["head"].rpartition(":")[2]

    def _blob(self) -> dict[str, str]:
        self.blobs += 1
        return {"sha": f"blob{self.blobs}"}

    def _upload(self, body: bytes) -> dict[str, str]:
        self.uploads.append(body)
        return {"url": f"/uploads/{len(self.uploads)}/picture.png"}


@contextmanager
def loopback() -> Iterator[Loopback]:
    """The server for a while."""

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if body and "json" in self.headers.get("Content-Type", ""):
                body = json.loads(body)
            address = urlsplit(self.path)
            asked = Request(self.command, address.path, dict(parse_qsl(address.query)), body)
            given = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization", "").removeprefix("Bearer ")
            if asked.path == "/identity":
                answer: Any = {"value": f"token for {asked.query['audience']}"}
            elif given != TOKEN:
                there.refused.append(f"{asked.method} {asked.path}")
                self.send_error(401)
                return
            else:
                there.requests.append(asked)
                answer = there.answer(asked)
            if answer is None:
                self.send_error(404)
                return
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Loopback(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
