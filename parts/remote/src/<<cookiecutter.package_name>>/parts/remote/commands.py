"""The command `remote`."""

import argparse

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    remote = commands.add("remote", _remote, help="run the pipeline on another machine (params/remote.yaml)")
    remote.add_argument("action", choices=["run", "status", "logs", "fetch", "stop"])
    remote.add_argument("job", nargs="?", help="of several jobs, the one that is meant; `stop all` ends all of them")
    remote.add_argument("--to", help="fetch: a folder to unpack into, instead of taking the outputs over")


def _remote(given: argparse.Namespace) -> None:
    from . import command

    if given.action == "status":
        command.status()
    elif given.action == "fetch":
        command.fetch(given.job, given.to)
    else:
        {"run": command.run, "logs": command.logs, "stop": command.stop}[given.action](given.job)
