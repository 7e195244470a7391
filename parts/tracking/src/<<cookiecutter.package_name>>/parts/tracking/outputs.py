"""What is noted of searches for trackers."""

from pathlib import Path

FOLDERS = ()
ROOM = Path(".cache/tracking")


def written() -> list[Path]:
    """Return the folder of these notes."""
    return [ROOM]
