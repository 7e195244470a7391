"""The command `script`."""

import argparse
import sys

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    script = commands.add(
        "script", _script, help="print the final model as a script that needs scikit-learn alone", alone=True
    )
    script.add_argument("output", nargs="?", help="the file to write instead")


def _script(given: argparse.Namespace) -> None:
    from .script import script, write_script

    if given.output is None:
        print(script(), end="")
    else:
        write_script(given.output)
        print(f"the final model as a script: {given.output}", file=sys.stderr)
