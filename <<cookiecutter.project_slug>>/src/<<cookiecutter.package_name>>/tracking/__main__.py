"""What a run starts: `python -m <package>.tracking [<model>]`. Whatever goes wrong here stops no run."""

import os
import sys

from ..locked import read_plan
from ..stages import run


def main() -> None:
    """Follow the search of one model; without a model, send what the run has left, if trackers are named at all."""
    from .sending import PLAN

    if not PLAN.exists() or not read_plan(PLAN.stem)["trackers"]:
        return
    from .follow import follow, track

    os.nice(19)  # the search needs the machine more
    if len(sys.argv) > 1:
        follow(sys.argv[1])
        return
    done = track()
    for sentence in (*done.lacking, *done.lost):
        print(f"warning: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
