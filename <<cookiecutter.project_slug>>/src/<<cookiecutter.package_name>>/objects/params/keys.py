"""Declare the keys of a params file once: what may stand there, its default, and what it means.

A declaration is a JSON Schema made by the functions below. `values.read` checks a file with it, `json_schema` writes it
for editors, and the template's documentation lists it. Four keywords are this project's own:

===========  ==========================================================================================================
`x-object`   the kinds of class that an object of the grammar may have here
`x-named`    whether the name of its class may stand for the object
`x-raw`      whether `values.read` leaves the object for its caller to read
`x-needs`    what an error says is needed here, where that does not follow from the schema
===========  ==========================================================================================================
"""

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]
MOST = 10**9  # of an amount, such as seconds
SEEDS = 2**32 - 1  # the largest `random_state`
OWN = ("named", "raw", "needs")


def text(description: str = "", **more: Any) -> Schema:
    """Declare text that is not empty."""
    return _declared({"type": "string", "minLength": 1}, description, more)


def number(description: str, **more: Any) -> Schema:
    """Declare a number."""
    return _declared({"type": "number"}, description, more)


def amount(description: str = "", **more: Any) -> Schema:
    """Declare a number above 0."""
    return number(description, exclusiveMinimum=0, maximum=MOST, **more)


def whole(description: str, least: int = 1, **more: Any) -> Schema:
    """Declare a whole number of at least `least`."""
    return _declared({"type": "integer", "minimum": least}, description, more)


def flag(description: str, **more: Any) -> Schema:
    """Declare true or false."""
    return _declared({"type": "boolean"}, description, more)


def choice(values: Iterable[str], description: str = "", **more: Any) -> Schema:
    """Declare one of several words."""
    return _declared({"type": "string", "enum": list(values)}, description, more)


def items(of: Schema, description: str = "", **more: Any) -> Schema:
    """Declare a list."""
    return _declared({"type": "array", "items": of}, description, more)


def mapping(keys: dict[str, Schema], required: Iterable[str] = (), description: str = "", **more: Any) -> Schema:
    """Declare a mapping with these keys and no others."""
    closed = {"type": "object", "properties": keys, "required": list(required), "additionalProperties": False}
    return _declared(closed, description, more)


def by_name(values: Schema, description: str = "", **more: Any) -> Schema:
    """Declare a mapping of any names to values of one kind."""
    return _declared({"type": "object", "additionalProperties": values}, description, more)


def node(*kinds: str, description: str = "", **more: Any) -> Schema:
    """Declare an object of the grammar, `{class: ..., params: {...}}`, whose class is of one of these kinds."""
    return _declared({"x-object": list(kinds)}, description, more)


def either(*forms: Schema, description: str = "", **more: Any) -> Schema:
    """Declare a value that may have several forms."""
    return _declared({"anyOf": list(forms)}, description, more)


def or_null(schema: Schema, default: Any = None) -> Schema:
    """Declare a value that may be null, which stands for the default."""
    inner = {key: value for key, value in schema.items() if key != "description"}
    return either(inner, {"type": "null"}, description=schema.get("description", ""), default=default)


def _declared(schema: Schema, description: str, more: Schema) -> Schema:
    own = {f"x-{key}" if key in OWN else key: value for key, value in more.items()}
    return schema | ({"description": description} if description else {}) | own
