"""What nested cross-validation writes."""

from pathlib import Path

FOLDERS = ()
RESULT, RUNS = Path("reports/nested.json"), Path(".cache/nested")


def written() -> list[Path]:
    """Return the result, and what was kept of the runs."""
    return [RESULT, RUNS]
