"""What `make retrain` writes."""

from pathlib import Path

FOLDERS = ()
RESULT, REPORT = Path("reports/retrain.json"), Path("reports/retrain.md")


def written() -> list[Path]:
    """Return the result and the report."""
    return [RESULT, REPORT]
