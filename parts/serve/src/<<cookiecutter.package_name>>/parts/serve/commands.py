"""The command `serve`."""

import argparse
import os

from ...commands import Commands, count, extra, port
from ...stages import threads


def add(commands: Commands) -> None:
    """Add the command."""
    serve = commands.add("serve", _serve, help="serve the model over HTTP (the extra `serve`)")
    serve.add_argument("--host", help="the address to listen at (params/serve.yaml)")
    serve.add_argument("--port", type=port, help="the port to listen at (params/serve.yaml)")
    serve.add_argument("--workers", type=count, help="how many processes (params/serve.yaml)")


def _serve(given: argparse.Namespace) -> None:
    # Set before anything is imported that starts threads.
    os.environ.update(threads(rows=1) | os.environ)
    with extra("serve"):
        from .run import serve
    serve(given.host, given.port, given.workers)
