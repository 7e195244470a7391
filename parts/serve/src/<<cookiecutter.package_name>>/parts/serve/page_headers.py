"""Read the headers of a Parquet file's pages: how large each page becomes when it is unpacked, and its encoding.

The footer of a file says how large its columns are, but whoever wrote the file may have lied, and the library that
decodes pages believes their own headers. They are structures in Thrift's compact protocol.
"""

from dataclasses import dataclass
from typing import Any

MOST_DEPTH, MOST_FIELDS = 8, 32  # the format has three and eight
TRUE, FALSE, BYTE, I64, DOUBLE, BINARY, STRUCT = 1, 2, 3, 6, 7, 8, 12


@dataclass(frozen=True)
class Page:
    """The header of a page.

    Parameters
    ----------
    size : int
        Bytes of the page when it is unpacked.
    values : int
        How many values it says that it holds.
    encoding : int
        The number that the Parquet format gives to the encoding of its values.
    is_dictionary : bool
        Whether it holds the values to which other pages refer.
    """

    size: int
    values: int
    encoding: int
    is_dictionary: bool


def read_pages(body: memoryview, start: int, end: int, most: int) -> list[Page]:
    """Read the headers of the pages of one column chunk.

    Parameters
    ----------
    body : memoryview
        The file.
    start, end : int
        Where the chunk begins, and where it ends at the latest.
    most : int
        The most pages.

    Raises
    ------
    ValueError
        If they are not headers of pages, or too many.
    """
    pages: list[Page] = []
    cursor = _Cursor(body, start, end)
    while cursor.at < end:
        if len(pages) == most:
            raise ValueError("too many pages")
        fields = cursor.struct()
        parts = [fields[number] for number in (5, 7, 8) if isinstance(fields.get(number), dict)]
        about: dict[int, Any] = parts[0] if parts else {}
        given = fields.get(2), fields.get(3), about.get(1), about.get(4 if 8 in fields else 2)
        numbers = [number for number in given if isinstance(number, int) and number >= 0]
        if len(numbers) < len(given):
            raise ValueError("the header of a page is damaged")
        size, packed, values, encoding = numbers
        pages.append(Page(size, values, encoding, 7 in fields))
        cursor.at += packed
    return pages


class _Cursor:
    """A place in a file, from which values are read one after the other."""

    def __init__(self, body: memoryview, start: int, end: int) -> None:
        self.body, self.at, self.end = body, start, end

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a structure: its fields by their numbers."""
        if depth > MOST_DEPTH:
            raise ValueError("nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            if len(fields) == MOST_FIELDS:
                raise ValueError("too many fields")
            fields[number] = kind == TRUE if kind in (TRUE, FALSE) else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if BYTE < kind <= I64:
            return self._integer()
        if kind == STRUCT:
            return self.struct(depth + 1)
        sizes = {TRUE: 1, FALSE: 1, BYTE: 1, DOUBLE: 8}
        if kind != BINARY and kind not in sizes:
            raise ValueError("a kind of value that page headers do not have")
        size = sizes[kind] if kind in sizes else self._varint()
        self.at += size
        return None

    def _byte(self) -> int:
        if self.at >= self.end:
            raise ValueError("the header of a page ends too early")
        self.at += 1
        return self.body[self.at - 1]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number is too long")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
