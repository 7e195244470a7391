"""The command `compare`."""

import argparse

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    compare = commands.add(
        "compare", _compare, help="compare this project with a git revision: reports/review/report.md", alone=True
    )
    compare.add_argument("base", nargs="?", help="a branch, tag or commit (the branch that `origin` shows first)")
    compare.add_argument("--link", help="where the HTML report can be read")


def _compare(given: argparse.Namespace) -> None:
    from .report import FOLDER, write

    print(write(given.base, given.link))
    print(f"the report: {(FOLDER / 'report.md').resolve()}")
