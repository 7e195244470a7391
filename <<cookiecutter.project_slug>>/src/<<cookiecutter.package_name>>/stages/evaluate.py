"""Evaluate the trained model on the held-out rows and write the report."""

import os

from ..files import read_json
from ..warm import settle
from . import run_stage, threads


def main() -> None:
    """`models/final` and the held-out rows -> metrics, plots and `reports/report.html`."""
    settle(threads(read_json("data/processed/split.json")["train"]) | os.environ)
    from ..report.contents import write

    write()


if __name__ == "__main__":
    run_stage(main)
