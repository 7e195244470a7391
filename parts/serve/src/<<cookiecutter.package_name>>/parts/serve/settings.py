"""How the model is served, from `params/serve.yaml` and the environment."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...objects.grammar import Grammar
from ...objects.params.keys import mapping, text, whole
from ...objects.params.values import read

KEY = "API_KEY"
KEYS = mapping(
    {
        "host": text("The address to listen on.", default="127.0.0.1"),
        "port": whole("The port to listen on.", default=8000, maximum=65535),
        "workers": whole("Processes, each with the model in memory.", default=1),
        "max_rows": whole("Rows of one request.", default=10_000),
        "max_bytes": whole(
            "Bytes of one request's body; unpacked or parsed, it may be ten times as large.", default=10_000_000
        ),
        "max_seconds": whole("Seconds in which a request has to arrive, from its first byte to its last.", default=30),
        "max_connections": whole("Connections that each process keeps open.", default=200),
        "model": text(
            "A model's folder, or an address that a part opens, such as `registry:prod`.", default="models/package"
        ),
    }
)
DEFAULTS = {name: key["default"] for name, key in KEYS["properties"].items()}


@dataclass(frozen=True)
class Settings:
    """Where the service listens, in how many processes, and what a client may use: the keys of `params/serve.yaml`."""

    host: str = DEFAULTS["host"]
    port: int = DEFAULTS["port"]
    workers: int = DEFAULTS["workers"]
    max_rows: int = DEFAULTS["max_rows"]
    max_bytes: int = DEFAULTS["max_bytes"]
    max_seconds: int = DEFAULTS["max_seconds"]
    max_connections: int = DEFAULTS["max_connections"]
    model: str = DEFAULTS["model"]


def read_settings(folder: Path) -> Settings:
    """Return what `params/serve.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible.
    """
    return Settings(**read(folder, "serve", KEYS, Grammar())[0])


def key() -> str | None:
    """Return the key that requests have to bring, or None where the environment sets none.

    Raises
    ------
    UserError
        If the environment sets a key that is empty, or that a header cannot bring unchanged.
    """
    found = os.environ.get(KEY)
    if found is None:
        return None
    if not found.strip():
        raise UserError(f"{KEY} is set and empty, which would let everybody in: give it a value, or unset it")
    if not re.fullmatch(r"[\x20-\x7e]+", found) or found != found.strip():
        raise UserError(f"{KEY} may hold ASCII characters only, and no space at its ends: a header brings no others")
    return found
