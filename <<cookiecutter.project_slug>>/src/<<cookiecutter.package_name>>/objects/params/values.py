"""Check a params file with the declaration of its keys, fill in the defaults, and read its objects."""

import math
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

from ...errors import nearest
from ..build import fixed
from ..grammar import Grammar
from ..reader import LARGEST, Where
from ..reader import read as read_yaml
from .keys import MOST, Schema

TYPES = {"string": str, "number": int | float, "boolean": bool, "array": list, "object": dict, "null": type(None)}
WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def read(folder: Path, name: str, keys: Schema, grammar: Grammar) -> tuple[dict[str, Any], Where]:
    """Read a file of the params.

    Parameters
    ----------
    folder : Path
        The folder `params/`.
    name : str
        The file's name without `.yaml`.
    keys : Schema
        The declaration of its keys.
    grammar : Grammar
        Reads the objects in it.

    Returns
    -------
    dict and Where
        The values of all keys, with defaults, and objects as nodes; their place, for further errors.

    Raises
    ------
    UserError
        For the first thing that is wrong, with file, line and what would be right.
    """
    data, where = read_yaml(folder / f"{name}.yaml", folder.resolve().parent)
    if data is None and not keys["required"]:
        data = {}
    return checked(data, keys, where, grammar), where


def checked(value: Any, schema: Schema, where: Where, grammar: Grammar) -> Any:
    """Return a value with defaults filled in and objects read; refuse what its schema does not allow."""
    if "anyOf" in schema:
        form = next((one for one in schema["anyOf"] if _has_type(value, one)), None)
        if form is None:
            raise _refusal(value, schema, where)
        return deepcopy(schema.get("default")) if value is None else checked(value, form, where, grammar)
    if "x-object" in schema:
        return _object(value, schema, where, grammar)
    if schema.get("type") == "object":
        return _mapping(value, schema, where, grammar)
    if not _has_type(value, schema) or not all(_holds(value, schema)):
        raise _refusal(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        return _list(value, schema, where, grammar)
    return int(value) if schema.get("type") == "integer" else value


def _object(value: Any, schema: Schema, where: Where, grammar: Grammar) -> Any:
    if schema.get("x-raw"):
        return value
    if isinstance(value, str):
        if not schema.get("x-named"):
            raise where.error(f"{_name(where)} needs an object, such as {{class: {value}}}, not {value!r}")
        value = {"class": value}
    return fixed(value, where, schema["x-object"], grammar)


def _mapping(value: Any, schema: Schema, where: Where, grammar: Grammar) -> dict[str, Any]:
    keys: dict[str, Schema] | None = schema.get("properties")
    where.mapping(value, keys, schema.get("required", ()))
    if keys is None:
        rest = schema.get("additionalProperties", {})
        return {key: checked(one, rest, where.at(key), grammar) for key, one in value.items()}
    absent = {key: deepcopy(one["default"]) for key, one in keys.items() if "default" in one and key not in value}
    return {key: checked(one, keys[key], where.at(key), grammar) for key, one in (value | absent).items()}


def _list(value: list[Any], schema: Schema, where: Where, grammar: Grammar) -> list[Any]:
    found: list[Any] = []
    for index, one in enumerate(value):
        found.append(checked(one, schema["items"], where.at(index), grammar))
        if schema.get("uniqueItems") and found[-1] in found[:-1]:
            name = getattr(found[-1], "name", repr(found[-1]))
            raise where.at(index).error(f"{name} is named twice")
    return found


def _has_type(value: Any, schema: Schema) -> bool:
    """Return whether the type of a value is the one that its schema asks for."""
    if "anyOf" in schema:
        return any(_has_type(value, one) for one in schema["anyOf"])
    if "x-object" in schema:
        return isinstance(value, dict | str) if schema.get("x-named") else isinstance(value, dict)
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if isinstance(value, bool):
        return not kinds or "boolean" in kinds
    if kinds == ["integer"]:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < LARGEST)
    return not kinds or any(isinstance(value, TYPES[kind]) for kind in kinds)


def _holds(value: Any, schema: Schema) -> Iterator[bool]:
    """Yield whether a value of the right type keeps each of the limits in its schema."""
    if isinstance(value, str):
        yield len(value.strip()) >= schema.get("minLength", 0)
        yield value in schema.get("enum", [value])
        yield re.search(schema.get("pattern", ""), value) is not None
    elif isinstance(value, list):
        yield len(value) >= schema.get("minItems", 0)
    elif isinstance(value, int | float) and "type" in schema:
        yield math.isfinite(value)
        yield schema.get("minimum", value) <= value <= schema.get("maximum", value)
        yield value > schema.get("exclusiveMinimum", -math.inf)


def _refusal(value: Any, schema: Schema, where: Where) -> Exception:
    if "enum" in schema and "x-needs" not in schema:
        return where.error(f"unknown {where.path[-1]} {value!r}{nearest(value, schema['enum'])}")
    quoted = isinstance(value, int | float) and _has_type("", schema)
    hint = f"; put it in quotes: '{value}'" if quoted else ""
    return where.error(f"{_name(where)} needs {needed(schema)}, not {value!r:.80}{hint}")


def needed(schema: Schema) -> str:
    """Return what a schema asks for, in words."""
    if "x-needs" in schema:
        return str(schema["x-needs"])
    if "anyOf" in schema:
        return _either([needed(one) for one in schema["anyOf"]])
    if "x-object" in schema:
        return f"an object, such as {{class: ...}}{', or a name' if schema.get('x-named') else ''}"
    if "enum" in schema:
        return _either(list(map(repr, schema["enum"])))
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        return needed({"anyOf": [{"type": one} for one in kind]})
    noun = WORDS[kind]
    least, most = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if least is None:
        return noun
    above_0 = "exclusiveMinimum" in schema or (kind == "integer" and least == 1)
    if most is None or most == MOST:
        limit = "" if most is None else " and up to a billion"
        return f"{noun} above 0{limit}" if above_0 else f"{noun}, {least} or more{limit}"
    return f"{noun} from {least} to {most}"


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _name(where: Where) -> str:
    """Return what to call a place in a sentence."""
    if not where.path:
        return "this file"
    *outer, last = where.path
    return f"an item of {outer[-1]!r}" if isinstance(last, int) and outer else repr(last)
