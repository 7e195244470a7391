"""The command `track`."""

import argparse

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    commands.add(
        "track", _track, help="send what the trackers of params/tracking.yaml lack of the last runs", alone=True
    )


def _track(given: argparse.Namespace) -> None:
    from ...errors import UserError
    from .follow import track

    try:
        done = track()
    except FileNotFoundError as error:
        raise UserError(f"there is no search yet: `make run` makes one ({error.filename} is missing)") from None
    if not done.trackers:
        raise UserError("no tracker is named here as the pipeline ran last: such as [{class: MLflow}]", "tracking.yaml")
    for sentence in done.lost:
        print(f"note: {sentence}")
    if done.lacking:
        raise UserError("; ".join(done.lacking))
    print(f"{', '.join(done.trackers)}: all {done.runs} runs are there")
