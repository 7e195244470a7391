"""What running and pairing notebooks writes."""

from pathlib import Path

NOTEBOOKS, PAGES = Path("notebooks"), Path("reports/notebooks")
FOLDERS = (PAGES.as_posix(),)
# What the cells of each notebook were when it was last paired.
PAIRED = Path(".cache/paired.json")


def written() -> list[Path]:
    """Return the pages of the notebooks that there are."""
    return [PAIRED, *(PAGES / f"{source.stem}.html" for source in sorted(NOTEBOOKS.glob("*.py")))]
