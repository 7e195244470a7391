"""The command `publish`."""

import argparse
from pathlib import Path

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    publish = commands.add(
        "publish", _publish, help="copy the packaged model to a storage, as its latest version", alone=True
    )
    publish.add_argument("uri", nargs="?", help="a folder, s3://…, gs://…, az://… (`storage` of params/publish.yaml)")


def _publish(given: argparse.Namespace) -> None:
    from ...prediction.pipeline import MODEL
    from .settings import storage_of
    from .storage import publish

    print(publish(Path(MODEL), given.uri or storage_of(Path("params"))))
