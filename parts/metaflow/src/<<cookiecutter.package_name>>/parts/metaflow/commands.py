"""The commands `metaflow-write` and `metaflow-take`."""

import argparse
import importlib

from ...commands import Commands, extra


def add(commands: Commands) -> None:
    """Add the commands."""
    commands.add("metaflow-write", _write, help="write the pipeline as a flow of Metaflow: flow.py", alone=True)
    take = commands.add("metaflow-take", _take, help="take over what a run of the flow made", alone=True)
    take.add_argument("number", metavar="run", nargs="?", help="its number; the latest that succeeded if none is given")


def _write(given: argparse.Namespace) -> None:
    with extra("metaflow"):
        importlib.import_module("metaflow")
    from .write import write_flow

    print(write_flow())


def _take(given: argparse.Namespace) -> None:
    with extra("metaflow"):
        importlib.import_module("metaflow")
    from .take import take

    print(take(given.number))
