"""How the model is served, from `params/serve.yaml` and the environment."""

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path

from ...errors import UserError
from ...objects.reader import read

KEY = "API_KEY"
MOST = {"port": 65535}


@dataclass(frozen=True)
class Settings:
    """Where the service listens, in how many processes, and what a client may use.

    Parameters
    ----------
    host : str
        The address to listen on.
    port : int
        The port to listen on.
    workers : int
        Processes, each with the model in memory.
    max_rows : int
        Rows of one request.
    max_bytes : int
        Bytes of one request's body; unpacked or parsed, it may be ten times as large.
    max_seconds : int
        Seconds in which a request has to arrive, from its first byte to its last.
    max_connections : int
        Connections that each process keeps open.
    model : str
        A model's folder, or an address that a part opens, such as `registry:prod`.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    max_rows: int = 10_000
    max_bytes: int = 10_000_000
    max_seconds: int = 30
    max_connections: int = 200
    model: str = "models/package"


def read_settings(folder: Path) -> Settings:
    """What `params/serve.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible.
    """
    data, where = read(folder / "serve.yaml", folder.resolve().parent)
    known = {one.name: one.type for one in fields(Settings)}
    where.mapping(data or {}, known)
    for name, value in (data or {}).items():
        if known[name] is str:
            if not isinstance(value, str) or not value:
                raise where.at(name).error(f"{name!r} needs text, not {value!r}")
        elif isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST.get(name, value):
            most = f"from 1 to {MOST[name]}" if name in MOST else "above 0"
            raise where.at(name).error(f"{name!r} needs a whole number {most}, not {value!r}")
    return Settings(**(data or {}))


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
