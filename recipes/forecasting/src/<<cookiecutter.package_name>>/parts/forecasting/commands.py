"""The command `forecast`."""

import argparse
import sys

from ...commands import Commands, count


def add(commands: Commands) -> None:
    """Add the command `forecast`."""
    ahead = commands.add(
        "forecast", _forecast, help="predict what follows the table, with a model refitted on all of it", alone=True
    )
    ahead.add_argument("output", nargs="?", default="forecast.csv", help="the file to write (%(default)s)")
    ahead.add_argument("--horizon", type=count, help="how many steps to predict (the horizon in params/data.yaml)")
    ahead.add_argument("--source", help="a table of the rows to predict, with the covariates that the model uses")
    ahead.add_argument("--model", default="models/package", help="a model's folder or address (%(default)s)")


def _forecast(given: argparse.Namespace) -> None:
    from .forecast import forecast

    print(forecast(given.output, given.horizon, given.source, given.model), file=sys.stderr)
