"""The commands `register`, `promote`, `rollback`, `registry` and `fetch`."""

import argparse
from pathlib import Path

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the commands."""
    register = commands.add("register", _register, help="make the model of the last run a version", alone=True)
    register.add_argument("--version", help="v1.2.3 (the next one)")
    promote = commands.add("promote", _promote, help="put a version into a stage", alone=True)
    promote.add_argument("stage", help="one of `stages` in params/releases.yaml")
    promote.add_argument("--version", help="a version, or a stage for what stands there (the last version)")
    rollback = commands.add(
        "rollback", _rollback, help="put the version into a stage that stood there before", alone=True
    )
    rollback.add_argument("stage", help="one of `stages` in params/releases.yaml")
    for command in (register, promote, rollback):
        command.add_argument("--no-push", action="store_true", help="leave the tag in this repository")
    commands.add("registry", _registry, help="list the versions, the stages that they stand in, and their metrics")
    fetch = commands.add("fetch", _fetch, help="get a registered model, and print its folder")
    fetch.add_argument("which", nargs="?", default="latest", help="a stage, a version, latest (%(default)s)")
    fetch.add_argument("--to", help="the folder to write it into (one in .cache/registry)")
    fetch.add_argument("--repo", help="the address of another git repository")


def _register(given: argparse.Namespace) -> None:
    from .actions import register

    print("\n".join(register(given.version, not given.no_push)))


def _promote(given: argparse.Namespace) -> None:
    from .actions import promote

    print("\n".join(promote(given.stage, given.version, not given.no_push)))


def _rollback(given: argparse.Namespace) -> None:
    from .actions import roll_back

    print("\n".join(roll_back(given.stage, not given.no_push)))


def _registry(given: argparse.Namespace) -> None:
    from .actions import table

    print("\n".join(table()))


def _fetch(given: argparse.Namespace) -> None:
    from .fetch import copy, fetch

    if given.to is None:
        print(fetch(given.which, given.repo))
    else:
        copy(given.which, Path(given.to), given.repo)
        print(given.to)
