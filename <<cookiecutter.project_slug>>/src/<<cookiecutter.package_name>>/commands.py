"""The commands of `python -m <package>`: the core's are in `__main__.py`, those of a part in its `commands.py`."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

Run = Callable[[argparse.Namespace], None]


class Commands:
    """A parser to which commands are added, each with its arguments and the function that runs it."""

    def __init__(self, program: str) -> None:
        self._parser = argparse.ArgumentParser(prog=program, description="The project's commands.")
        self._choices = self._parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(self, name: str, run: Run, help: str, alone: bool = False) -> argparse.ArgumentParser:
        """Add a command and return its parser, which takes its arguments.

        Parameters
        ----------
        name : str
            The word on the command line.
        run : callable
            Runs the command; it is given the parsed arguments. It imports what it needs itself, so that the other
            commands start quickly.
        help : str
            One line for `--help`.
        alone : bool, default=False
            Whether no other command or stage may be at work in this project, because the command changes it or reads
            what a run is about to replace.
        """
        parser = self._choices.add_parser(name, help=help)
        parser.set_defaults(run=run, alone=alone)
        return parser

    def run(self, words: Sequence[str] | None = None) -> None:
        """Run one command; `words` are those of the command line if None."""
        given = self._parser.parse_args(words)
        if not given.alone:
            given.run(given)
            return
        from .locks import alone

        with alone(given.command):
            given.run(given)


def port(text: str) -> int:
    """Parse the number of a port, as argparse wants it."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a whole number from 1 to 65535, not {text!r}")
    return int(text)


def count(text: str) -> int:
    """Parse a number of processes, rows or steps, as argparse wants it."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number above 0 is needed, not {text!r}")
    return int(text)


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Say which extra brings a package that is not installed.

    Raises
    ------
    UserError
        In place of ModuleNotFoundError.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        from .errors import UserError

        raise UserError(
            f"{error.name} is not installed: add the extra {name!r} to pyproject.toml and run `make setup`"
        ) from None
