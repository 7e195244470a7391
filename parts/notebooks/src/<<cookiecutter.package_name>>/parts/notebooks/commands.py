"""The commands `notebooks`, `pair` and `badges`."""

import argparse

from ...commands import Commands, extra


def add(commands: Commands) -> None:
    """Add the commands."""
    notebooks = commands.add("notebooks", _notebooks, help="run notebooks and write them as pages", alone=True)
    notebooks.add_argument("names", nargs="*", help="of notebooks/<name>.py; all of them if none is given")
    notebooks.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter, as in YAML")
    commands.add(
        "pair", _pair, help="write the .ipynb of each notebook, or take over what was edited there", alone=True
    )
    badges = commands.add(
        "badges", _badges, help="write badges into README.md that open the notebooks in a browser", alone=True
    )
    badges.add_argument("repository", nargs="?", help="owner/name on GitHub (the git remote `origin`)")


def _notebooks(given: argparse.Namespace) -> None:
    from ...errors import UserError
    from ...objects.reader import parse

    with extra("notebooks"):
        from .pages import execute
    values = {}
    for word in given.param:
        name, sign, value = word.partition("=")
        if not sign:
            raise UserError(f"a parameter is written as name=value, not {word!r}")
        values[name] = parse(value, f"the parameter {name}")[0]
    for page in execute(given.names, values):
        print(page.resolve())


def _pair(given: argparse.Namespace) -> None:
    with extra("notebooks"):
        from .pages import pair
    print("\n".join(map(str, pair())))


def _badges(given: argparse.Namespace) -> None:
    with extra("notebooks"):
        from .badges import write
    print(f"README.md and notebooks/ open from https://github.com/{write(given.repository)}: commit and push them")
