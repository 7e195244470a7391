"""What a run starts: `python -m <package>.parts.tracking [<model>]`. Whatever goes wrong here stops no run."""

import os
import sys

from ...stages import run
from .planned import planned


def main() -> None:
    """Follow the search of one model; without a model, send what the run has left, if trackers are named at all."""
    if not planned():
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
