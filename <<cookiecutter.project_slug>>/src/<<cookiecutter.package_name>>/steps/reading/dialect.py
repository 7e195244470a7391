"""Find out how a CSV file is written: its encoding, its separator, where its header is and what it names."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

from .encodings import WESTERN, Headless, Unreadable, encoding_of
from .header import header_in, is_data, names_of, numbered, places

SAMPLE = 1 << 18  # bytes from which a dialect is judged, or more if lines are long
SAMPLED_LINES = 3
MOST_ROWS = 200
SEPARATORS = (",", ";", "\t", "|")
DECIMAL = re.compile(r"\s*[-+]?[\d.]*,\d+\s*%?\s*")
# With these options the owner says where rows begin or what they are called: all is left to pandas.
OWN = {"index_col", "usecols", "quotechar", "quoting", "escapechar", "lineterminator", "dialect", "engine"}
# By default the csv module refuses cells of more than 131,072 characters, which are legal.
csv.field_size_limit(2**31 - 1)


class Dialect(NamedTuple):
    """How a CSV file is written.

    `start` lines of text come before the first row of values. `names` are the columns', None where the owner's options
    leave them to pandas. `trailing` says that each line ends in a separator. `rows` are the first rows, the header
    among them.
    """

    encoding: str
    errors: str
    separator: str
    start: int
    names: list[str] | None
    trailing: bool
    rows: list[list[str]]


def dialect_of(file: IO[bytes], suffix: str, read: Mapping[str, Any], known: Sequence[str] = ()) -> Dialect:
    """Return how a file is written.

    Parameters
    ----------
    file : binary file
        The file, at its beginning; it can be rewound.
    suffix : str
        The ending of its name, such as ".csv".
    read : mapping
        Options for pandas' reader, which overrule what is found.
    known : sequence of str, default=()
        The columns that training saw beside the target, in order: a first row that has some of them is a header.

    Raises
    ------
    Unreadable
        If it cannot be told; the text completes "the file ..." and names the option to write.
    """
    encoding = read.get("encoding") or encoding_of(file)
    _check_encoding(encoding)
    errors = read.get("encoding_errors") or ("replace" if encoding == WESTERN and "encoding" not in read else "strict")
    file.seek(0)
    lines = first_lines(file, encoding)
    if not "".join(lines).strip():
        raise Unreadable("is empty")
    named = re.fullmatch(r"sep=(.)\s*", lines[0].lstrip("\ufeff"))
    own = read.get("sep") or read.get("delimiter")
    separator = own or (named and named[1]) or ("\t" if suffix == ".tsv" else separator_of(lines[bool(named) :]))
    return _with_names(Dialect(encoding, errors, separator, int(bool(named)), None, False, []), lines, read, known)


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise Unreadable(f"cannot be read: Python knows no encoding {encoding!r}") from None


def first_lines(file: IO[bytes], encoding: str) -> list[str]:
    """Return the first whole lines of a file, at most `SAMPLE` bytes of them but for long ones."""
    blocks, size, ends, complete = [], 0, 0, True
    while block := file.read(SAMPLE):
        blocks.append(block)
        size, ends = size + len(block), ends + block.count(b"\n") + block.count(b"\r")
        if size >= SAMPLE and ends >= SAMPLED_LINES:
            complete = False
            break
    # Not `splitlines`: that also splits at characters, such as U+2028, which are text in a CSV file.
    lines = list(io.StringIO(b"".join(blocks).decode(encoding, errors="ignore"), newline=""))
    return lines if complete else lines[:-1]


def _with_names(found: Dialect, lines: list[str], read: Mapping[str, Any], known: Sequence[str]) -> Dialect:
    """Return a dialect with the place of the header and the names of the columns."""
    skipped = read.get("skiprows") or 0
    drop = set(range(skipped)) if isinstance(skipped, int) else {*skipped}
    if read.get("comment"):
        drop |= {number for number, line in enumerate(lines) if line.startswith(read["comment"])}
    numbers, rows = _rows(lines, found.separator, found.start, drop)
    if not rows:
        raise Unreadable("is empty")
    if OWN & read.keys() or isinstance(read.get("header"), list) or len(found.separator) > 1:
        return found._replace(rows=rows)
    given = read.get("names")
    if "header" not in read and given is None:
        place = header_in(rows)
        if is_data(rows[place:]) and not set(names_of(rows[place])) & set(known):
            raise Headless(rows[place], len(rows[place]))
    elif read.get("header") is None:
        width = max(len(row) for row in rows)
        names = numbered(width) if given is None else [str(name) for name in given]
        if _names(rows[0]) != names[: len(rows[0])] and not set(_names(rows[0])) <= set(known):
            trailing = width > 1 and all(len(row) == width and not row[-1].strip() for row in rows)
            names = places(width - trailing, known, given)
            return found._replace(names=names, trailing=trailing, rows=rows)
        place = 0  # A table without a header that is sent with the names that it got.
    else:
        place = min(int(read["header"]), len(rows) - 1)
    header, body = rows[place], rows[place + 1 :]
    trailing = bool(body) and _is_trailing(header, body)
    if trailing and not header[-1].strip():
        header = header[:-1]
    _check(header, body, numbers[place])
    names = names_of(header) if given is None or read.get("header") is None else places(len(header), (), given)
    return found._replace(start=numbers[place], names=names, trailing=trailing, rows=rows[place:])


def _names(row: Sequence[str]) -> list[str]:
    return [cell.strip() for cell in row]


def _rows(lines: list[str], separator: str, start: int, drop: set[int]) -> tuple[list[int], list[list[str]]]:
    """Return the first rows that are not empty, and the number of the line on which each one ends."""
    kept = [(number, line) for number, line in enumerate(lines) if number >= start and number not in drop]
    reader = csv.reader((line for _, line in kept), delimiter=separator[:1], skipinitialspace=True)
    numbers, rows = [], []
    try:
        for row in reader:
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
                numbers.append(kept[reader.line_num - 1][0] + 1)
            if len(rows) == MOST_ROWS:
                break
    except csv.Error as error:
        raise Unreadable(f"cannot be cut into cells ({error})") from None
    return numbers, rows


def _is_trailing(header: list[str], body: list[list[str]]) -> bool:
    """Whether each line ends in a separator after which nothing comes."""
    width = len(header) + bool(header[-1].strip())
    return width > 1 and all(len(row) == width and not row[-1].strip() for row in body)


def _check(header: list[str], body: list[list[str]], line: int) -> None:
    """Refuse a header with a name twice or with too few names, and comments between the rows."""
    names = _names(header)
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise Unreadable(
            f"has two columns that are called {twice[0]!r} (line {line}); give each column a name of its own"
        )
    if body and len(body[0]) > len(header) + 1:
        raise Unreadable(
            f"has {len(body[0])} cells in its first row, and its header names {len(header)} columns; "
            "give each column a name"
        )
    if any(row[0].startswith("#") and len(row) != len(header) for row in body):
        raise Unreadable('has comments between its rows; write `read: {comment: "#"}`')


def separator_of(lines: list[str]) -> str:
    """Return the separator that cuts the first lines into equally many cells and leaves no other one in them."""
    best, merit = ",", (-1.0, 1)
    for candidate in (*SEPARATORS, " "):
        rows = _sampled(lines, candidate)
        if candidate == " " and (merit[1] > 1 or len(rows) < 3):
            break
        counts = Counter(len(row) for row in rows)
        width, agreeing = counts.most_common(1)[0] if counts else (1, 0)
        wide = [row for row in rows if len(row) == width]
        # Titles and comments may come before the header, which may be one short of the rows.
        if width < 2 or agreeing < (0.95 if candidate == " " else 0.7) * len(rows):
            continue
        header = rows[header_in(rows)]
        if len(header) not in (width, width - 1) or len(header) < 2:
            continue
        cells = [cell for row in wide for cell in row]
        others = [one for one in SEPARATORS if one != candidate]
        left = sum(any(one in cell for one in others) and not DECIMAL.fullmatch(cell) for cell in cells)
        found = (-round(left / len(cells), 1), len(header))
        if merit[1] == 1 or found > merit:
            best, merit = candidate, found
    return best


def _sampled(lines: list[str], separator: str) -> list[list[str]]:
    """Return the first fifty rows as a separator cuts them."""
    try:
        rows = csv.reader(lines[:50], delimiter=separator, skipinitialspace=True)
        return [row for row in rows if row and (len(row) > 1 or row[0].strip())]
    except csv.Error:
        return []
