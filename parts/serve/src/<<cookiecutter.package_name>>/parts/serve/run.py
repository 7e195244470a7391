"""Run the service with uvicorn, in one process or several."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import cast

import uvicorn

from ...files import temporary
from .app import from_params
from .metrics import FOLDER
from .protocol import LimitedProtocol, Limits
from .settings import KEY, key, read_settings

PATIENCE = 30  # seconds that requests under way have when the service is stopped
PACKAGE = __name__.rpartition(".")[0]


def serve(host: str | None = None, port: int | None = None, workers: int | None = None) -> None:
    """Serve until stopped; what is not given, `params/serve.yaml` says.

    SIGTERM and Ctrl-C end it after the requests that are under way.
    """
    settings = read_settings(Path("params"))
    host, port, workers = host or settings.host, port or settings.port, workers or settings.workers
    if key() is None and host not in ("127.0.0.1", "localhost", "::1"):
        print(f"note: anybody who can reach {host} can ask this service; {KEY} in its environment asks for a key")
    with temporary() as shared:
        if workers > 1:
            os.environ.setdefault(FOLDER, str(shared))
        # Here what is wrong with the model is said once, and before any process waits for requests.
        app = from_params()
        print(f"http://{host}:{port}/ is the model, http://{host}:{port}/docs its documentation", flush=True)
        # uvicorn calls it as it would call a class, and sends it to the other processes.
        protocol = partial(LimitedProtocol, Limits(settings.max_seconds, settings.max_connections))
        uvicorn.run(
            app if workers == 1 else f"{PACKAGE}.app:from_params",
            factory=workers > 1,
            host=host,
            port=port,
            workers=workers,
            http=cast(type[asyncio.Protocol], protocol),
            ws="none",
            access_log=False,
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=PATIENCE,
        )
