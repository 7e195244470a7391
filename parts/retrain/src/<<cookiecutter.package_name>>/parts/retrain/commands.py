"""The command `retrain`."""

import argparse

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add(
        "retrain", _retrain, help="take new data, train, and judge the new model against the registered one", alone=True
    )


def _retrain(given: argparse.Namespace) -> None:
    from .retraining import retrain

    print(retrain())
