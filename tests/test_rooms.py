"""The table of lines per room in docs/rooms.md is true to five percent."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "<<cookiecutter.project_slug>>" / "src" / "<<cookiecutter.package_name>>"
PAGE = (ROOT / "docs" / "rooms.md").read_text(encoding="utf-8")
FIGURES = {
    name: int(lines.replace(",", ""))
    for name, lines in re.findall(r"^\| \**`?([^|`*]+?)`?\** \| \**([\d,]+)", PAGE, re.M)
}
PARTS = sorted(path.parent.name for path in (ROOT / "parts").glob("*/src"))


def lines_of(*folders: Path, pattern: str = "**/*.py") -> int:
    return sum(
        len(file.read_text(encoding="utf-8").splitlines()) for folder in folders for file in folder.glob(pattern)
    )


def test_every_room_and_part_with_code_is_in_the_tables() -> None:
    rooms = {f"{path.name}/" for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert set(FIGURES) == rooms | set(PARTS) | {"modules beside them", "in all"}


@pytest.mark.parametrize("name", sorted(FIGURES))
def test_the_lines_of_a_room_are_as_the_table_says(name: str) -> None:
    if name.endswith("/"):
        lines = lines_of(PACKAGE / name)
    elif name in PARTS:
        lines = lines_of(ROOT / "parts" / name, pattern="**/src/**/*.py")
    elif name == "modules beside them":
        lines = lines_of(PACKAGE, pattern="*.py")
    else:
        lines = lines_of(PACKAGE)
    assert FIGURES[name] == pytest.approx(lines, rel=0.05, abs=10)
