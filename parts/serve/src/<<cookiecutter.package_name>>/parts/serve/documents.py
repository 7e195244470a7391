"""What the service says of itself: the schema of requests and answers, from the schema of the rows."""

import re
from collections.abc import Collection
from typing import Any

from fastapi import FastAPI

from ...schema import Column, Schema
from .bodies import CSV, JSON, PARQUET, TYPES
from .watch import HEADER

Document = dict[str, Any]
PROBABILITY = "probability_"  # columns that begin so are given together
TEXT: Document = {"type": "string"}
NUMBER = r"^ *(-?[0-9]+(\.[0-9]+)?|true|false)? *$"
ZONE = re.compile(r":\d\d(\.\d+)?[-+](?!00:?00$)\d\d")  # of a time: the inputs of browsers know none
PROBLEM: Document = {
    "type": "object",
    "properties": {
        "row": {"type": ["integer", "null"], "description": "From 1; null for the request as a whole."},
        "column": {"type": ["string", "null"]},
        "reason": TEXT,
    },
    "required": ["row", "column", "reason"],
}
PROBLEMS: Document = {"type": "array", "items": PROBLEM}
ERROR: Document = {"type": "object", "properties": {"detail": PROBLEMS}, "required": ["detail"]}
ERRORS = {
    400: "The body cannot be read.",
    401: "The key is missing or wrong.",
    408: "The request did not arrive in time.",
    413: "The body is too large, or has too many rows or columns.",
    415: "The content type is none that is read.",
    422: "Rows are refused: each with its number, column and reason.",
    503: "The service is not ready, or is busy.",
}


def columns(schema: Schema, example: list[Document]) -> list[Document]:
    """Describe the columns that a row needs; `kind` is how a form asks for a value."""
    return [
        {
            "name": column.name,
            "dtype": column.dtype,
            "kind": _kind(column, example),
            "format": column.format if column.dtype == "datetime" else None,
            "can_be_missing": column.missing > 0,
            "categories": column.categories,
            "min": column.min,
            "max": column.max,
        }
        for column in schema.needed
    ]


def request(schema: Schema, example: list[Document], max_rows: int) -> Document:
    """The body of `/predict` in OpenAPI's terms."""
    needed = schema.needed
    cells = {column.name: _cell(column) for column in needed}
    # Not "required": what one row leaves out is missing there, as null is.
    row = {"type": "object", "properties": cells}
    lists = {name: {"type": "array", "items": cell, "minItems": 1} for name, cell in cells.items()}
    columns = {
        "type": "object",
        "properties": lists,
        "required": list(lists),
        "additionalProperties": {"type": "array"},
    }
    rows = {"type": "array", "items": row, "minItems": 1, "description": f"At most {max_rows:,}."}
    body = {
        "oneOf": [
            {"type": "object", "properties": {"rows": rows}, "required": ["rows"], "additionalProperties": False},
            {
                "type": "object",
                "description": "Lists of one length.",
                "properties": {"columns": columns},
                "required": ["columns"],
                "additionalProperties": False,
            },
        ]
    }
    names = [column.name for column in needed]
    as_columns = {"columns": {name: [row.get(name) for row in example] for name in names}}
    examples = {"rows": {"value": {"rows": example}}, "columns": {"value": as_columns}} if example else {}
    binary = {"type": "string", "format": "binary"}
    content = {JSON: {"schema": body, "examples": examples}, CSV: {"schema": TEXT}, PARQUET: {"schema": binary}}
    return {"required": True, "content": {kind: content[kind] for kind in TYPES}}


def answer(columns: Document) -> Document:
    """The answer of `/predict`; `columns` are those of the predictions, each with the schema of its values."""
    said = {name: one for name, one in columns.items() if not name.startswith(PROBABILITY)}
    shares = {name.removeprefix(PROBABILITY): one for name, one in columns.items() if name.startswith(PROBABILITY)}
    if shares:
        said["probabilities"] = {"type": "object", "properties": shares}
    one = {"type": "object", "properties": said, "required": list(said)}
    return {
        "type": "object",
        "properties": {
            "predictions": {"type": "array", "items": {"anyOf": [one, {"type": "null"}]}},
            "refused": PROBLEMS | {"description": "Rows that have no prediction (`bad_rows: skip`), and why."},
            "warnings": PROBLEMS,
        },
        "required": ["predictions", "refused", "warnings"],
    }


def responses(*codes: int, **described: Document) -> dict[int | str, Document]:
    """The responses of a path: `ok` is the schema of its answer, the others are errors."""
    found: dict[int | str, Document] = {
        code: {"description": ERRORS[code], "content": {JSON: {"schema": ERROR}}} for code in codes
    }
    if "ok" in described:
        found[200] = {"description": "Done.", "content": {JSON: {"schema": described["ok"]}}}
    return found


def ask_for_key(app: FastAPI, no_key: Collection[str]) -> None:
    """Say in the OpenAPI document that the paths which are not open need a key."""
    written = app.openapi()
    schemes = {"key": {"type": "apiKey", "in": "header", "name": HEADER}}
    written.setdefault("components", {})["securitySchemes"] = schemes
    for path, methods in written["paths"].items():
        if path not in no_key:
            for operation in methods.values():
                operation["security"] = [{"key": []}]


def _kind(column: Column, example: list[Document]) -> str:
    """One of boolean, choice, number, date, datetime, text and code (a text of one line)."""
    if column.boolean:
        return "boolean"
    if column.categories:
        return "choice"
    if column.dtype == "number" and any(isinstance(row.get(column.name), str) for row in example):
        return "code"  # a number in a format of its own, which a field for numbers would not take
    if column.dtype != "datetime":
        return {"number": "number", "text": "text"}.get(column.dtype, "code")
    if column.format and column.format != "ISO8601":
        return "datetime" if re.search(r"%[HIMScXT]", column.format) else "date"
    # ISO 8601 has both; the example is written as the table is.
    written = [str(row.get(column.name)) for row in example]
    if any(ZONE.search(one) for one in written):
        return "code"
    return "datetime" if any(":" in one for one in written) else "date"


def _cell(column: Column) -> Document:
    kinds: dict[str, Document] = {
        "number": {"anyOf": [{"type": ["number", "boolean", "null"]}, {"type": "string", "pattern": NUMBER}]},
        "category": {"type": ["string", "number", "boolean", "null"]},
        "text": {"type": ["string", "number", "boolean", "null"]},
        "datetime": {"type": ["string", "number", "null"], "description": f"A date, as {column.format or 'ISO 8601'}."},
    }
    cell = dict(kinds[column.dtype])
    if column.dtype == "number" and (column.format or column.unit):
        cell = {"type": ["number", "boolean", "string", "null"], "description": f"A text as {column.format}."}
    if column.categories:
        cell["description"] = f"Known: {', '.join(column.categories)}."
    elif column.boolean:
        cell["description"] = "True or false."
    elif column.min is not None:
        cell["description"] = f"In training from {column.min:g} to {column.max:g}."
    return cell
