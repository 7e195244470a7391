"""The command `nested`."""

import argparse

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add("nested", _nested, help="repeat the whole search on each outer split of params/split.yaml", alone=True)


def _nested(given: argparse.Namespace) -> None:
    from .estimate import main

    main()
