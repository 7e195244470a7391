"""Find the table among the sheets of an Excel file, with the standard library alone."""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple
from xml.etree import ElementTree

from .encodings import Headless, Unreadable
from .header import header_in, is_data, names_of, places

MOST_ROWS = 200
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
# With these options the owner says where rows begin or what they are called: all is left to pandas.
OWN = {"names", "index_col", "usecols", "skiprows", "comment"}


class Sheet(NamedTuple):
    """A sheet: its name, the rows above the first one of values, and the names of its columns.

    `names` is None where the owner's options leave them to pandas.
    """

    name: str
    start: int
    names: list[str] | None


def sheet_of(file: IO[bytes], read: Mapping[str, Any], known: Sequence[str] = ()) -> Sheet:
    """Return where the table of an .xlsx file is.

    Parameters
    ----------
    file : binary file
        The file, which can be rewound.
    read : mapping
        Options for pandas' reader, which overrule what is found.
    known : sequence of str, default=()
        The columns that training saw beside the target, in order.

    Raises
    ------
    Unreadable
        If several sheets hold tables, or there seems to be no header; the text names the option to write.
    """
    with zipfile.ZipFile(file) as archive:
        sheets = _sheets(archive)
        texts = _texts(archive)
        tables = {name: list(_rows(archive, path, texts)) for name, path in sheets.items()}
    name = _chosen(tables, read)
    rows = tables[name]
    filled = [(number, row) for number, row in enumerate(rows) if any(cell.strip() for cell in row)]
    if not filled:
        raise Unreadable(f"has nothing on its sheet {name!r}")
    header = read.get("header", "infer")
    if OWN & read.keys() or isinstance(header, list):
        return Sheet(name, 0, None)
    width = max(len(row) for _, row in filled)
    whole = [[*row, *[""] * (width - len(row))] for _, row in filled]
    if header is None:
        return Sheet(name, filled[0][0], places(width, known))
    if isinstance(header, int):
        row = rows[header] if header < len(rows) else []
        return Sheet(name, header + 1, _named(name, [*row, *[""] * (width - len(row))]))
    place = header_in(whole)
    if is_data(whole[place:]) and not set(names_of(whole[place])) & set(known):
        raise Headless(whole[place], width)
    return Sheet(name, filled[place][0] + 1, _named(name, whole[place]))


def _named(sheet: str, header: list[str]) -> list[str]:
    while header and not header[-1].strip():
        header = header[:-1]
    names = names_of(header)
    twice = [one for number, one in enumerate(names) if one in names[:number]]
    if twice:
        raise Unreadable(
            f"has two columns that are called {twice[0]!r} on its sheet {sheet!r}; give each column a name of its own"
        )
    return names


def _chosen(tables: Mapping[str, list[list[str]]], read: Mapping[str, Any]) -> str:
    names, given = list(tables), read.get("sheet_name")
    if isinstance(given, int) and not isinstance(given, bool) and -len(names) <= given < len(names):
        return names[given]
    if given in names:
        return str(given)
    if given is not None:
        raise Unreadable(f"has no sheet {given!r}; its sheets are {', '.join(names)}")
    wide = [name for name, rows in tables.items() if sum(len(row) > 1 for row in rows) > 1]
    if len(wide) > 1:
        raise Unreadable(
            f"has tables on several sheets ({', '.join(wide)}); choose one with `read: {{sheet_name: {wide[0]}}}`"
        )
    return (wide or names)[0]


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the path of each visible sheet by its name."""
    related = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    paths = {one.get("Id"): str(one.get("Target")) for one in related}
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    found = {}
    for one in book.iter():
        if one.tag.endswith("}sheet") and "worksheets" in paths.get(one.get(RELATION), ""):
            path = paths[one.get(RELATION)]
            found[str(one.get("name"))] = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    if not found:
        raise Unreadable("has no sheets")
    return found


def _texts(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    root = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    return ["".join(part.text or "" for part in one.iter() if part.tag.endswith("}t")) for one in root]


def _rows(archive: zipfile.ZipFile, path: str, texts: list[str]) -> Iterator[list[str]]:
    """Yield the first rows of a sheet, and an empty one for each that the file leaves out."""
    last = 0
    with archive.open(path) as file:
        for _, row in ElementTree.iterparse(file):
            if not row.tag.endswith("}row"):
                continue
            number = int(row.get("r") or last + 1)
            if number > last + MOST_ROWS:
                return
            yield from ([] for _ in range(number - last - 1))
            cells: dict[int, str] = {}
            for cell in row:
                cells[_position(cell.get("r"), len(cells))] = _value(cell, texts)
            while cells and not cells[max(cells)].strip():
                del cells[max(cells)]
            yield [cells.get(position, "") for position in range(max(cells, default=-1) + 1)]
            row.clear()
            last = number
            if last >= MOST_ROWS:
                return


def _position(reference: str | None, otherwise: int) -> int:
    """Return the column, from 0, of a cell such as `AB12`."""
    position = 0
    for letter in re.sub(r"\d", "", reference or ""):
        position = 26 * position + ord(letter) - 64
    return position - 1 if position else otherwise


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(part.text or "" for part in cell.iter() if part.tag.endswith("}t"))
    value = next((part.text or "" for part in cell if part.tag.endswith("}v")), "")
    return texts[int(value)] if cell.get("t") == "s" and value.isdigit() and int(value) < len(texts) else value
