"""Find the header among the first rows of a table, and whether there is one."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from .encodings import Unreadable

Row = Sequence[str]

BLANK = {"", "na", "n/a", "nan", "null", "none", "?", "-", "."}
FIGURE = re.compile(
    r"[-+\u2212(]?\s*[^\w\s]?\s*\d[\d.,'\u2019\s:/+\u2212-]*([eE][-+]?\d+)?\s*[^\w\s]?\)?|\d{4}-\d\d?-\d\d?T[\d:.Z+-]+"
)
FEW = 5  # rows from which values that recur are counted
YEARS = range(1900, 2101)


def names_of(header: Row) -> list[str]:
    """Return the names of the columns as pandas gives them: an empty one is called after its position, from 0."""
    return [name.strip() or f"Unnamed: {position}" for position, name in enumerate(header)]


def numbered(width: int) -> list[str]:
    """Return the names of the columns of a table without a header: `column_1`, `column_2`, ..."""
    return [f"column_{position + 1}" for position in range(width)]


def places(width: int, known: Sequence[str], given: Sequence[str] | None = None) -> list[str]:
    """Return the names of the columns of a table without a header, in which the target may be left out.

    Parameters
    ----------
    width : int
        How many columns it has.
    known : sequence of str
        The columns that training saw beside the target, in order; none while a model is made.
    given : sequence of str, default=None
        The names that the owner gives to all columns.

    Raises
    ------
    Unreadable
        If there are fewer or more columns.
    """
    names = numbered(max(width, len(known))) if given is None else [str(name) for name in given]
    by_position = set(known) <= set(names) or all(re.fullmatch(r"column_\d+", name) for name in known)
    if width == len(known) and by_position:
        return list(known)
    if width < len(known) and by_position:
        raise Unreadable(
            f"has {width} columns and no header; it needs {len(known)} without the target, in the order of training"
        )
    if len(names) != width:
        raise Unreadable(f"has {width} columns, and the option `names` has {len(names)}; give each column a name")
    return names


def header_in(rows: Sequence[Row]) -> int:
    """Return which row is the header, below titles and comments: the first that is as wide as the table.

    Parameters
    ----------
    rows : list of lists of str
        The first rows of a table; none is empty.
    """
    widths = Counter(len(row) for row in rows)
    width = widths.most_common(1)[0][0]
    for number, row in enumerate(rows[:-1]):
        if not _is_title(row, width) and not _is_comment(rows, number, width):
            return number
    return 0


def _is_title(row: Row, width: int) -> bool:
    filled = [position for position, cell in enumerate(row) if cell.strip()]
    if width < 2 or not filled:
        return width > 1
    return filled[0] == 0 and len(filled) <= max(1, width // 3) and (len(row) < width - 1 or len(row) == 1 or width > 2)


def _is_comment(rows: Sequence[Row], number: int, width: int) -> bool:
    row = rows[number]
    if not row or not row[0].startswith("#"):
        return False
    return len(row) not in (width, width - 1) or (row[0].startswith("# ") and not is_data(rows[number + 1 :]))


def is_data(rows: Sequence[Row]) -> bool:
    """Whether the first row looks like the others, and not like names of columns.

    Numbers where the others have numbers, and values that recur below, speak for data; texts above numbers, and new
    texts above a few categories, for names. Numbers with a constant step, such as years, are names.

    Parameters
    ----------
    rows : list of lists of str
        The row in question, and those below it.
    """
    first, *below = rows
    body = [row for row in below if list(row) != list(first)]
    names = [name.strip() for name in first]
    figures = [name for name in names if FIGURE.fullmatch(name)]
    twice = len(set(figures)) < len(figures)
    data = header = 0
    steps = _has_constant_step(names)
    for position, cell in enumerate(names):
        column = [row[position].strip() for row in body if position < len(row)]
        column = [one for one in column if one.lower() not in BLANK]
        vote = _vote(cell, column, steps) if column and cell.lower() not in BLANK else 0
        data, header = data + (vote > 0), header + (vote < 0)
    return data > header or (twice and header == 0)


def _vote(cell: str, column: list[str], steps: bool) -> int:
    """Return 1 if a cell looks like those below it, -1 if it looks like a name, 0 if it may be either."""
    figures = [one for one in column if FIGURE.fullmatch(one)]
    if len(figures) >= 0.9 * len(column):
        if not FIGURE.fullmatch(cell):
            return -1
        if steps and (_is_year(cell) and sum(map(_is_year, figures)) < len(figures) / 2):
            return 0
        return 1 if _fits(cell, figures) else 0 if steps else -(len(figures) > 2 * FEW)
    if _shape(cell) in _common_shape(column):
        return 1
    if len(column) < FEW:
        return 0
    distinct = set(column)
    if len(distinct) > len(column) / 2:
        return 0  # free text says nothing
    return 1 if cell in distinct else -1


def _shape(cell: str) -> str:
    """Return a code's form: `A12` and `A7` are A and a number."""
    return re.sub(r"\d+", "9", cell)


def _common_shape(column: list[str]) -> set[str]:
    """Return the forms of codes and dates that stand in nearly all of a column's cells."""
    shapes = Counter(map(_shape, column))
    common = {shape for shape, count in shapes.items() if "9" in shape and count > 1}
    return common if sum(shapes[shape] for shape in common) >= 0.9 * len(column) else set()


def _is_year(cell: str) -> bool:
    return bool(re.fullmatch(r"\d{4}", cell)) and int(cell) in YEARS


def _has_constant_step(names: list[str]) -> bool:
    """Whether the numbers among names grow by one step, as years, wavelengths or positions do."""
    numbers = [value for name in names if (value := _number(name)) is not None]
    if len(numbers) < 2:
        return False
    step = numbers[1] - numbers[0]
    return step > 0 and all(
        abs(after - before - step) <= 1e-6 * max(abs(after), 1) for before, after in pairwise(numbers)
    )


def _fits(cell: str, figures: list[str]) -> bool:
    """Whether a number is written like those below it and is about as large."""
    numbers = [value for one in figures if (value := _number(one)) is not None]
    value = _number(cell)
    if value is None or len(numbers) < len(figures):
        return True
    if not cell.strip("+-").isdigit() or len(numbers) < 2 * FEW:
        return True
    if not any(one.strip("+-").isdigit() for one in figures):
        return False
    span = max(numbers) - min(numbers)
    return min(numbers) - span <= value <= max(numbers) + span


def _number(text: str) -> float | None:
    found = re.fullmatch(r"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?", text)
    return float(text.replace(",", ".")) if found else None
