"""What `make drift` writes; the log of predictions stays."""

from pathlib import Path

FOLDERS = ()
RESULT, REPORT = Path("monitoring/drift.json"), Path("monitoring/drift.html")


def written() -> list[Path]:
    """Return the result and the report of the last comparison."""
    return [RESULT, REPORT]
