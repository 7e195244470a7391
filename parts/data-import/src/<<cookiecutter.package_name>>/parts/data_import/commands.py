"""The command `data`."""

import argparse
from pathlib import Path

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    data = commands.add(
        "data", _data, help="import the table that params/data.yaml names in another repository", alone=True
    )
    data.add_argument("--update", action="store_true", help="also take what its branch or tag means by now")


def _data(given: argparse.Namespace) -> None:
    from .sources import bring

    done = bring(Path("params"), given.update)
    if done:
        print(done)
