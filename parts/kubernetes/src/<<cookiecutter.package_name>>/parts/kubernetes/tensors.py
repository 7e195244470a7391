"""The Open Inference Protocol as tables: one tensor for each column, in requests and in answers.

An input has the name of a column, the shape [n] or [n, 1] for n rows, and one of the protocol's datatypes. What is
missing is null. Whether the values suit the column is not decided here: they take the way that every request takes.
"""

from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from ...schema import Column, Schema
from ..serve.bodies import BadBody, frame_of, parsed

Document = dict[str, Any]
INTEGERS = {
    f"{kind}{bits}": (0 if kind == "UINT" else -(2 ** (bits - 1)), 2 ** (bits if kind == "UINT" else bits - 1) - 1)
    for kind in ("INT", "UINT")
    for bits in (8, 16, 32, 64)
}
FLOATS = ("FP16", "FP32", "FP64")
NEEDS = {
    "BOOL": "true, false or null",
    "BYTES": "texts or null",
    **dict.fromkeys(FLOATS, "numbers or null"),
    **{name: f"whole numbers from {least} to {most}, or null" for name, (least, most) in INTEGERS.items()},
}
MOST_NAME = 100  # characters of a name that an error repeats


def rows_of_v1(body: bytes, schema: Schema, max_rows: int) -> pd.DataFrame:
    """Read the rows of a request of the protocol's version 1: an object with the key `instances`.

    Raises
    ------
    BadBody
        If it is something else, or has too many rows.
    """
    sent = parsed(body, max_rows)
    if not isinstance(sent, dict) or set(sent) != {"instances"}:
        raise BadBody(422, "an object is needed with the one key 'instances'")
    rows = sent["instances"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadBody(422, "'instances' needs a list of objects, each with the columns of a row")
    return frame_of({"rows": rows}, schema, max_rows)


class Request:
    """What a request of the protocol's version 2 asks for beside its rows, once they are read.

    Parameters
    ----------
    schema : Schema
        The schema of the rows that the model learned from.
    outputs : collection of str
        The names of the model's outputs.
    max_rows : int
        The most rows of a request.
    """

    def __init__(self, schema: Schema, outputs: Collection[str], max_rows: int) -> None:
        self.schema, self.outputs, self.max_rows = schema, list(outputs), max_rows
        self.id: str | None = None

    def rows(self, body: bytes) -> pd.DataFrame:
        """Read the rows, and note the request's `id` and which outputs it wants.

        Raises
        ------
        BadBody
            If something is not as the protocol has it, or there are too many rows.
        """
        sent = parsed(body, self.max_rows)
        if not isinstance(sent, dict) or "inputs" not in sent:
            raise BadBody(422, "an object is needed with the key 'inputs'")
        if not _is_text(sent.get("id", "")):
            raise BadBody(422, "'id' needs a text")
        self.id = sent.get("id")
        self.outputs = _wanted(sent.get("outputs"), self.outputs)
        columns = _columns(sent["inputs"])
        known = [column.name for column in self.schema.needed]
        if not set(columns) & set(known):
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            raise BadBody(422, f"no input has the name of a column that the model needs: {shown}")
        return frame_of({"columns": columns}, self.schema, self.max_rows)


def inputs(schema: Schema) -> list[Document]:
    """Describe the tensors that the model takes."""
    return [{"name": column.name, "datatype": _datatype_of(column), "shape": [-1]} for column in schema.needed]


def example(schema: Schema, rows: list[Document]) -> list[Document]:
    """Write rows as inputs, with the datatypes that the model names."""
    made: dict[str, Any] = {"BYTES": str, "BOOL": bool}
    found = []
    for tensor in inputs(schema):
        write = made.get(tensor["datatype"], lambda value: value)
        values = [row.get(tensor["name"]) for row in rows]
        data = [None if value is None else write(value) for value in values]
        found.append(tensor | {"shape": [len(rows)], "data": data})
    return found


def outputs(columns: Mapping[str, Document]) -> list[Document]:
    """Describe the tensors that the model gives; `columns` has the JSON Schema of each."""
    return [{"name": name, "datatype": datatype(schema), "shape": [-1]} for name, schema in columns.items()]


def tensors(table: pd.DataFrame, refused: list[bool], columns: Mapping[str, Document]) -> list[Document]:
    """Write predictions as tensors.

    Parameters
    ----------
    table : DataFrame
        The predictions.
    refused : list of bool
        The rows that have none; null stands in their place.
    columns : mapping
        The columns to write, each with the JSON Schema of its values.
    """
    found = []
    for name, schema in columns.items():
        kind = datatype(schema)
        values = [None if bad else value for bad, value in zip(refused, table[name].tolist(), strict=True)]
        if kind == "BYTES":
            values = [None if value is None else str(value) for value in values]
        found.append({"name": name, "shape": [len(values)], "datatype": kind, "data": values})
    return found


def datatype(schema: Document) -> str:
    """Return the protocol's datatype for values of a JSON Schema."""
    labels = schema.get("enum")
    if labels:
        kinds = {type(label) for label in labels}
        if kinds == {bool}:
            return "BOOL"
        if kinds == {int}:
            return "INT64"
        return "FP64" if kinds <= {int, float} else "BYTES"
    return {"number": "FP64", "integer": "INT64", "boolean": "BOOL"}.get(str(schema.get("type")), "BYTES")


def _datatype_of(column: Column) -> str:
    if column.boolean:
        return "BOOL"
    return "FP64" if column.dtype == "number" and not column.format and not column.unit else "BYTES"


def _wanted(asked: Any, known: list[str]) -> list[str]:
    """Return the names of the outputs that a request wants: all, where it says nothing."""
    if asked is None:
        return known
    if not isinstance(asked, list) or not all(
        isinstance(output, dict) and isinstance(output.get("name"), str) for output in asked
    ):
        raise BadBody(422, "'outputs' needs a list of objects with a 'name'")
    names = {output["name"] for output in asked}
    unknown = sorted(names - set(known))
    if unknown:
        raise BadBody(422, f"there is no output {unknown[0][:MOST_NAME]!r}; there are: {', '.join(known[:20])}")
    return [name for name in known if name in names] or known


def _columns(sent: Any) -> dict[str, list[Any]]:
    """Return the values of each input."""
    if not isinstance(sent, list) or not sent or not all(isinstance(tensor, dict) for tensor in sent):
        raise BadBody(422, "'inputs' needs a list of objects, one for each column")
    columns: dict[str, list[Any]] = {}
    for tensor in sent:
        name = tensor.get("name")
        if not _is_text(name):
            raise BadBody(422, "each input needs a 'name', that of a column")
        if name in columns:
            raise BadBody(422, "two inputs have this name", column=name[:MOST_NAME])
        columns[name] = _values(tensor, name[:MOST_NAME])
    if len({len(values) for values in columns.values()}) > 1:
        raise BadBody(422, "the inputs differ in their number of rows")
    return columns


def _values(tensor: Document, name: str) -> list[Any]:
    """Return the values of an input, a cell for each row."""
    kind, shape, data = tensor.get("datatype"), tensor.get("shape"), tensor.get("data")
    if not isinstance(kind, str) or kind not in NEEDS:
        raise BadBody(422, f"'datatype' is one of {', '.join(sorted(NEEDS))}", column=name)
    if (
        not isinstance(shape, list)
        or not all(type(size) is int for size in shape)
        or not (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))
    ):
        raise BadBody(422, "'shape' needs to be [n] or [n, 1], where n is the number of rows", column=name)
    if not isinstance(data, list):
        raise BadBody(422, "'data' needs a list; binary data is not read", column=name)
    if len(shape) == 2 and data and all(isinstance(cell, list) and len(cell) == 1 for cell in data):
        data = [cell[0] for cell in data]
    if len(data) != shape[0]:
        raise BadBody(422, f"'data' has {len(data):,} values, and 'shape' says {shape[0]:,}", column=name)
    for row, value in enumerate(data):
        if value is not None and not _suits(value, kind):
            raise BadBody(422, f"{kind} needs {NEEDS[kind]}", row + 1, name)
    return data


def _suits(value: Any, kind: str) -> bool:
    """Return whether a value of JSON is one of a datatype."""
    if kind == "BYTES":
        return isinstance(value, str)
    if kind == "BOOL" or isinstance(value, bool):
        return kind == "BOOL" and isinstance(value, bool)
    if kind in FLOATS:
        return isinstance(value, int | float)
    least, most = INTEGERS[kind]
    return isinstance(value, int) and least <= value <= most


def _is_text(value: Any) -> bool:
    """Return whether this is a text that can be written again; JSON can hold halves of characters."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
