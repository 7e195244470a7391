"""Read the JSON files of a model's folder, which can come from anybody: what has another form is refused by name."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UserError
from ..schema import DTYPES, ROLES, RULES, Schema, dtype_of_format

T = TypeVar("T")
SCALAR = (str, int, float, bool, type(None))
NUMBER = (int, float, type(None))
WIDEST = 10_000  # digits of a code


def read_schema(folder: Path) -> Schema:
    """Return the schema of a model.

    Raises
    ------
    UserError
        If `schema.json` is damaged.
    """

    def made(value: Any) -> Schema:
        _check_schema(value)
        return Schema.from_json(value)

    return _read(folder / "schema.json", made)


def read_example(folder: Path) -> list[dict[str, Any]]:
    """Return some rows as they stand in the table.

    Raises
    ------
    UserError
        If `example.json` is damaged.
    """

    def made(value: Any) -> list[dict[str, Any]]:
        _need(isinstance(value, list), "a list of rows is needed")
        for row in value:
            _need(isinstance(row, dict), "a row is a mapping of columns to values")
            _need(all(isinstance(one, SCALAR) for one in row.values()), "a cell is a text, a number, a truth or null")
        return list(value)

    return _read(folder / "example.json", made)


def read_environment(folder: Path) -> dict[str, str]:
    """Return the versions of the packages that a model was made with.

    Raises
    ------
    UserError
        If `environment.json` is damaged.
    """

    def made(value: Any) -> dict[str, str]:
        _need(isinstance(value, dict), "a mapping of packages to versions is needed")
        _need(all(isinstance(one, str) for one in value.values()), "a version is a text")
        return dict(value)

    return _read(folder / "environment.json", made)


def _read(path: Path, made: Callable[[Any], T]) -> T:
    """Return what `made` makes of a JSON file."""
    try:
        return made(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: the model is not complete") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is damaged: {type(error).__name__}: {reason}") from None


def _check_schema(value: Any) -> None:
    """Raise a ValueError for a schema that `Schema.to_json` cannot have written."""
    _need(isinstance(value, dict), "a mapping is needed")
    targets = value["target"] if isinstance(value["target"], list) else [value["target"]]
    _need(all(isinstance(one, str) for one in targets), "'target' is the name of a column, or a list of names")
    task = value["task"]
    _need(isinstance(task, dict) and isinstance(task.get("class"), str), "'task' needs a class")
    _need(isinstance(task.get("params", {}), dict), "the params of 'task' are a mapping")
    _need(isinstance(value["columns"], list), "'columns' is a list")
    for column in value["columns"]:
        _check_column(column)
    names = [column["name"] for column in value["columns"]]
    _need(len({*names}) == len(names), "a column is named twice")
    _need(isinstance(value["features"], list), "'features' is a list of pairs")
    for pair in value["features"]:
        _need(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str), "a feature is a name and a dtype")
        _need(pair[1] in DTYPES, f"{pair[1]!r} is no dtype")
    _need(isinstance(value.get("answers", []), list), "'answers' is a list")
    for column in value.get("answers", []):
        _check_column(column, (*ROLES, "target"))
    for key in ("notes", "inputs", "warnings", "missing"):
        found = value.get(key) or [] if key in ("warnings", "missing") else value[key]
        _need(isinstance(found, list) and all(isinstance(one, str) for one in found), f"{key!r} is a list")
    clean = value.get("clean", [])
    _need(isinstance(clean, list), "'clean' is a list")
    for one in clean:
        _need(isinstance(one, dict) and isinstance(one.get("class"), str), "a cleaning needs a class")
        _need(isinstance(one.get("params", {}), dict), "the params of a cleaning are a mapping")
    labels = value["labels"]
    # Of several columns, each has a list of its two values.
    _need(isinstance(labels, list) and [] not in labels, "'labels' is a list of labels")
    for label in (one for part in labels for one in (part if isinstance(part, list) else [part])):
        _need(isinstance(label, SCALAR), "a label is a text, a number or a truth")


def _check_column(column: Any, roles: Iterable[str] = ROLES) -> None:
    _need(isinstance(column, Mapping) and isinstance(column.get("name"), str), "a column has a name")
    name = column["name"]
    _need(column.get("role") in roles and column.get("dtype") in DTYPES, f"the column {name!r} has no role or no dtype")
    for key in ("missing", "unread", "unique", "min", "max"):
        _need(isinstance(column.get(key), NUMBER), f"{key!r} of the column {name!r} is no number")
    for key in ("format", "unit", "blank"):
        _need(isinstance(column.get(key), str | None), f"{key!r} of the column {name!r} is no text")
    form, width = column.get("format"), column.get("width")
    of_dtype = form is None or dtype_of_format(form) == column["dtype"]
    _need(of_dtype, f"{form!r} of the column {name!r} is no format of a {column['dtype']}")
    for key in ("boolean", "numbers"):
        _need(isinstance(column.get(key, False), bool), f"{key!r} of the column {name!r} is neither true nor false")
    _need(width is None or (type(width) is int and 0 < width <= WIDEST), f"'width' of the column {name!r} is none")
    categories, rules = column.get("categories"), column.get("rules", {})
    known = categories is None or (isinstance(categories, list) and all(isinstance(one, str) for one in categories))
    _need(known, f"'categories' of the column {name!r} are no texts")
    _need(isinstance(rules, dict) and {*rules} <= {*RULES}, f"'rules' of the column {name!r} are none")
    for key in ("min", "max", "missing"):
        _need(isinstance(rules.get(key), NUMBER), f"the rule {key!r} of the column {name!r} is no number")
    _need(isinstance(rules.get("categories"), list | None), f"the rule 'categories' of the column {name!r} is no list")


def _need(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
