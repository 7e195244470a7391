"""Evaluate the trained model on the held-out rows and write the report."""

import os

from ..files import read_json
from ..forks import settle
from ..objects.budget import share_for, shares_in
from ..project.locked import read_plan
from . import run_stage, threads

SHARE = 0.1  # of the searches' seconds, for importances, partial dependence and the learning curve together


def main() -> None:
    """`models/final` and the held-out rows -> metrics, plots and `reports/report.html`."""
    rows = read_json("data/processed/split.json")["train"]
    settle(threads(rows) | os.environ)
    from ..report.contents import write

    write(SHARE * _seconds(rows))


def _seconds(rows: int) -> float:
    """Return the seconds of the searches and the final fit together; infinity where none are set."""
    train, schema = read_plan("train"), read_json("data/interim/schema.json")
    slices = [train, *(read_plan(f"models/{name}") for name in train["models"])]
    shares = [share_for(rows, shares_in(slice_, schema)) for slice_ in slices]
    return sum(share.limit for share in shares if share is not None)


if __name__ == "__main__":
    run_stage(main)
