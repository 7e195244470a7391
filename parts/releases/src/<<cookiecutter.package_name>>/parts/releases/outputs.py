"""What fetching registered models leaves."""

from pathlib import Path

FOLDERS = ()
CACHE = Path(".cache/registry")


def written() -> list[Path]:
    """Return the folder of fetched models."""
    return [CACHE]
