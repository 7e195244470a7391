"""Ask a running service for one prediction of its own example: python scripts/smoke.py http://127.0.0.1:8000

It waits until the service is ready, a minute at most (--wait). Its key, if it asks for one, comes from the environment:
API_KEY. What is predicted is not judged: any answer for each row of the example will do, of any task. It needs nothing
but Python, so a deployment can run it on any machine that reaches the service.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any


class Unfit(Exception):
    """What is wrong with the service, in one sentence."""


def main(words: Sequence[str] | None = None) -> None:
    """Try the service; `words` are the command line's if None. The exit code is 1 if it does not predict."""
    parser = argparse.ArgumentParser(description="Ask a running service for one prediction of its own example.")
    parser.add_argument("url", help="where it listens: http://127.0.0.1:8000")
    parser.add_argument("--wait", type=float, default=60, help="seconds until it has to be ready (%(default)g)")
    given = parser.parse_args(words)
    url = given.url.rstrip("/")
    if not url.startswith(("http://", "https://")):
        sys.exit(f"error: {given.url!r} is no address of a service; write it as http://host:port")
    try:
        wait(url, given.wait)
        print(predicted(url))
    except Unfit as fault:
        sys.exit(f"error: {fault}")


def wait(url: str, seconds: float) -> None:
    """Wait until the service says that it is ready.

    Raises
    ------
    Unfit
        If it does not within these seconds.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            status, answer = ask(f"{url}/health/ready", timeout=5)
            if status == 200:
                return
            state = f"it answers {status}: {shown(answer)}"
        except OSError as error:
            state = f"nothing answers: {getattr(error, 'reason', error)}"
        if time.monotonic() > end:
            raise Unfit(f"{url} was not ready after {seconds:g} seconds ({state})")
        time.sleep(0.5)


def predicted(url: str) -> str:
    """A sentence on what the service predicts for its own example.

    Raises
    ------
    Unfit
        If it has none, or does not answer with a prediction for each of its rows.
    """
    try:
        status, schema = ask(f"{url}/schema")
        if status == 401:
            raise Unfit(f"{url} asks for a key, and API_KEY of this environment is not the one")
        rows = schema.get("example") if status == 200 and isinstance(schema, dict) else None
        if not rows:
            raise Unfit(f"{url}/schema gives no example to predict ({status}: {shown(schema)})")
        status, answer = ask(f"{url}/predict", {"rows": rows})
    except OSError as error:
        raise Unfit(f"{url} was ready and answers no more: {getattr(error, 'reason', error)}") from None
    answers = answer.get("predictions") if status == 200 and isinstance(answer, dict) else None
    if not isinstance(answers, list):
        raise Unfit(f"{url}/predict refuses the example of {len(rows)} rows ({status}: {shown(answer)})")
    if len(answers) != len(rows) or not all(answers):
        raise Unfit(f"{url}/predict answers {sum(map(bool, answers))} of the {len(rows)} rows of the example")
    return f"{url} is ready and predicts its example: {len(rows)} rows, the first {shown(answers[0])}"


def ask(url: str, body: Any = None, timeout: float = 60) -> tuple[int, Any]:
    """The status and the answer: what JSON says, or its text where it is no JSON.

    Raises
    ------
    OSError
        If there is no answer.
    """
    headers = {"Accept": "application/json"}
    if os.environ.get("API_KEY"):
        headers["X-API-Key"] = os.environ["API_KEY"]
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    try:
        with opener(url).open(urllib.request.Request(url, data, headers), timeout=timeout) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except http.client.HTTPException as error:
        raise OSError(f"what answers does not speak HTTP ({type(error).__name__})") from None
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text.decode(errors="replace")


def opener(url: str) -> urllib.request.OpenerDirector:
    """What opens an address: by the proxy that the environment names, but never to this machine itself."""
    here = urllib.parse.urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if here else []))


def shown(value: Any) -> str:
    """A value as a short text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]} ..."


if __name__ == "__main__":
    main()
