"""The declarations of the params as JSON Schema files, with which editors complete and check the params.

Each file in `params/` names its schema in its first line. Class names complete from those that this project knows, and
any other text is allowed, because only `make check` knows what can be imported.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..files import write_json
from ..parts import behind
from .discovery import Entry, find_all
from .grammar import STEPS
from .kinds import ESTIMATORS
from .nodes import DTYPES
from .params import data, evaluate, models, package, packages, search, split, train
from .params.keys import Schema, amount, by_name, choice, either, flag, items, mapping, number, text

FILES = {
    "data": data.KEYS,
    "split": split.KEYS,
    "search": search.KEYS,
    "train": train.KEYS,
    "evaluate": evaluate.KEYS,
    "package": package.KEYS,
    "predict": package.PREDICT,
    "registry": packages.KEYS,
}
NODE: Schema = {"$ref": "#/$defs/node"}
STEPS_OF: Schema = {"$ref": "#/$defs/steps"}


def declared() -> dict[str, Schema]:
    """Return the declarations of the core's files and of the parts', by the name of the file in `params/`."""
    return FILES | {name: part.KEYS for name, part in behind("params")}


def write(folder: Path, known: Iterable[str]) -> None:
    """Write one schema for each kind of file in `params/`; `known` are the packages that have short names."""
    for name, schema in schemas(find_all(known)).items():
        write_json(folder / f"{name}.json", schema)


def schemas(entries: Iterable[Entry]) -> dict[str, Schema]:
    """Return the schemas by the name of the file that they describe; `entries` are the classes that can be named."""
    names = _Names(entries)
    found = {name: names.filled_in(keys) for name, keys in declared().items()}
    deep = {"$defs": _definitions(names)}
    found["preprocess"] = STEPS_OF | deep
    found["model"] = names.filled_in(_object(names.of(ESTIMATORS), models.BESIDE["properties"])) | deep
    return {name: {"$schema": "https://json-schema.org/draft/2020-12/schema"} | one for name, one in found.items()}


class _Names:
    """The names of classes, by their kind."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)

    def of(self, kinds: Iterable[str]) -> Schema:
        """Return the schema of the name of a class of one of these kinds."""
        kinds = list(kinds)
        known = sorted({entry.name for entry in self._entries if entry.kind in kinds})
        return either({"enum": known}, text(), description=f"A {' or '.join(kinds)} by name or import path.")

    def filled_in(self, schema: Any) -> Any:
        """Return a declaration with the schemas of its objects in the place of the project's own keywords."""
        if isinstance(schema, list):
            return [self.filled_in(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        found = {key: self.filled_in(one) for key, one in schema.items() if not key.startswith("x-")}
        if "x-object" in schema:
            name = self.of(schema["x-object"])
            thing = mapping({"class": name, "params": {"type": "object"}}, ["class"])
            found = (either(name, thing) if schema.get("x-named") else thing) | found
        elif "x-steps" in schema:
            found = either(text(), STEPS_OF) | {key: one for key, one in found.items() if key != "type"}
        return found


def _definitions(names: _Names) -> dict[str, Schema]:
    """Return the schemas of what the grammar reads inside models and preprocessings."""
    dtype = choice(DTYPES)
    chosen = {
        "dtype": either(dtype, items(dtype)),
        "pattern": text("A regular expression that the name must hold."),
        "except": items(text()),
    }
    columns = either(items(text()), mapping(chosen), description="Which columns these steps are for.")
    return {
        "domain": _domain(),
        "object": _object(names.of(STEPS)),
        "node": either(
            {"$ref": "#/$defs/object"},
            STEPS_OF,
            mapping({"one_of": _nodes("The alternatives; the first is the default.")}, ["one_of"]),
            mapping({"optional": NODE}, ["optional"]),
            mapping({"import": text()}, ["import"]),
        ),
        "steps": mapping({"columns": columns, "steps": _nodes("In this order.")}, ["steps"]),
    }


def _object(names: Schema, also: Schema | None = None) -> Schema:
    keys = {
        "class": names,
        "params": {"type": "object", "description": "What it is built with; a value may be an object again."},
        "space": by_name({"$ref": "#/$defs/domain"}, "What the search may change."),
    }
    return mapping(keys | (also or {}), ["class"])


def _domain() -> Schema:
    when = by_name({}, "Other parameters of the object, and the values with which this one matters.")
    beside = {"log": flag("Whether the range is logarithmic."), "step": amount(), "when": when}
    ends = {"minItems": 2, "maxItems": 2}
    return either(
        mapping({"float": items(number(""), "[low, high]", **ends)} | beside, ["float"]),
        mapping({"int": items({"type": "integer"}, "[low, high]", **ends)} | beside, ["int"]),
        mapping({"choice": {"type": "array", "minItems": 1}, "when": when}, ["choice"]),
    )


def _nodes(description: str) -> Schema:
    named = {"type": "object", "maxProperties": 1, "additionalProperties": NODE}
    return items(either(NODE, named), description)
