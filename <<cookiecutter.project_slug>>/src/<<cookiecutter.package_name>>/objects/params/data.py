"""`params/data.yaml`: where the rows come from, what is to be predicted, and what the columns are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import nearest
from ...schema import DTYPES, ROLES, dtype_of_format
from ...steps.task import Task
from ..build import build, fixed
from ..grammar import Grammar
from ..nodes import Object, plain
from ..reader import Where
from ..reader import read as read_yaml
from ..sources import resolved
from .keys import by_name, choice, either, items, mapping, node, number, or_null, text
from .values import read

COLUMN = mapping(
    {
        "role": choice(ROLES, "What the column is for."),
        "dtype": choice(DTYPES, "What its cells are."),
        "format": {
            "description": 'How its dates are written (`"%d.%m.%Y"`), or the number 1234.5 (`"1.234,5"`), or times '
            "(`h:m:s`)."
        },
        "min": number("The least number that it may hold."),
        "max": number("The largest number that it may hold."),
        "categories": items(
            {"type": ["string", "number", "boolean", "null"]},
            "The categories that it may hold.",
            minItems=1,
            needs="a list of at least one value",
        ),
        "missing": number("The largest share of missing values.", minimum=0, maximum=1),
    }
)
KEYS = mapping(
    {
        "source": either(
            text(),
            by_name({}),
            description="A path, a URL or a database, or a mapping that a part of the project reads.",
            needs="text",
        ),
        "target": either(
            text(),
            items(text(), uniqueItems=True),
            {"type": "null"},
            description="The column to predict; a list for several, null for a task that has none.",
            needs="text, or a list of texts for several",
        ),
        "task": node(
            "task",
            description="`classification`, `regression` or another task in small letters, or an object.",
            named=True,
            raw=True,
        ),
        "positive": {
            "type": ["string", "number", "boolean", "null"],
            "description": "Of two classes, the positive one in metrics and charts; by default the last in order.",
            "default": None,
            "x-needs": "the name of one class",
        },
        "read": or_null(by_name({}, "Further arguments of pandas' reader; for a database `table` or `query`."), {}),
        "missing": or_null(
            items(
                {"type": "string"},
                "The texts that stand for a missing value, instead of the usual ones.",
                needs="a list of texts (numbers in quotes)",
            )
        ),
        "clean": either(
            node("cleaning"),
            items(node("cleaning")),
            {"type": "null"},
            description="What cleans the table as it was read: an object, or a list of them in their order.",
            default=[],
        ),
        "columns": or_null(by_name(COLUMN, "What overrules the inferred schema, by the name of the column."), {}),
    },
    ["source", "target", "task"],
)


def read_data(folder: Path, grammar: Grammar) -> tuple[dict[str, Any], Task]:
    """Return what `params/data.yaml` says as plain values, and the task.

    Raises
    ------
    UserError
        If it is wrong, with file and line.
    """
    data, where = read(folder, "data", KEYS, grammar)
    node = _task(data["task"], where.at("task"), grammar)
    task = build(node)
    targets = _targets(data["target"], where.at("target"), task)
    _check_columns(data["columns"], where.at("columns"), targets, task)
    clean = data["clean"] if isinstance(data["clean"], list) else [data["clean"]]
    values = data | {
        "target": data["target"] if data["target"] is not None else [],
        "task": plain(node),
        "clean": plain(clean),
    }
    return values | resolved(data["source"], where.at("source")), task


def read_task(folder: Path, grammar: Grammar) -> dict[str, Any]:
    """Return the task of `params/data.yaml` in plain values."""
    data, where = read_yaml(folder / "data.yaml", folder.resolve().parent)
    written: dict[str, Any] = plain(_task(where.mapping(data, need=["task"])["task"], where.at("task"), grammar))
    return written


def with_role(data: Mapping[str, Any], role: str) -> list[str]:
    """Return the columns to which `params/data.yaml` gives a role."""
    return [name for name, rules in data["columns"].items() if rules.get("role") == role]


def _task(data: Any, where: Where, grammar: Grammar) -> Object:
    """Read the task: an object, or the name of its class in small letters."""
    if isinstance(data, str) and "." not in data:
        known = {entry.name.lower(): entry.name for entry in grammar.entries if entry.kind == "task"}
        if data not in known:
            raise where.error(f"unknown task {data!r}{nearest(data, known)}")
        data = known[data]
    task = fixed({"class": data} if isinstance(data, str) else data, where, ["task"], grammar)
    if any(isinstance(value, Object | dict) for value in task.params.values()):
        raise where.at("params").error("the parameters of a task are plain values")
    return task


def _targets(data: Any, where: Where, task: Task) -> list[str]:
    """Return the target columns, as many as the task takes."""
    names = [data] if isinstance(data, str) else data or []
    fewest, most = task.targets
    if len(names) < fewest or (most is not None and len(names) > most):
        counts: dict[int | None, str] = {0: "no target: write null", 1: "one target", None: "at least one target"}
        expected = counts.get(most, f"at most {most} targets")
        raise where.error(f"a {task.name} has {expected}, not {data!r}")
    return names


def _check_columns(columns: dict[str, Any], where: Where, targets: list[str], task: Task) -> None:
    for name, rules in columns.items():
        place = where.at(name)
        if name in targets and set(rules) != {"format"}:
            raise place.error(f"{name!r} is the target, which has no role besides; it can have a format")
        _check_bounds(rules, place, _dtype(rules, place))
    for role in ("time", "weight") if "group" in task.keys else ("time", "weight", "group"):
        twice = with_role({"columns": columns}, role)[1:]
        if twice:
            raise where.at(twice[0]).error(
                f"{twice[0]!r} is the second column with the role {role!r}: there can be only one"
            )


def _dtype(rules: dict[str, Any], where: Where) -> str | None:
    """Return the dtype that the rules of a column name or imply, if they do."""
    if "format" not in rules:
        return rules.get("dtype")
    implied = dtype_of_format(rules["format"])
    if implied is None or rules.get("dtype", implied) != implied:
        kind = "" if implied is None else f" of a {rules['dtype']}"
        raise where.at("format").error(
            f'{rules["format"]!r} is no format{kind}: for dates write one such as "%d.%m.%Y" or ISO8601, for '
            'numbers write 1234.5 as they do, such as "1.234,5", for times and durations h:m:s'
        )
    return implied


def _check_bounds(rules: dict[str, Any], where: Where, dtype: str | None) -> None:
    """Refuse rules that contradict each other or the dtype of their column."""
    if "min" in rules and "max" in rules and rules["min"] > rules["max"]:
        raise where.at("min").error(f"min ({rules['min']}) is above max ({rules['max']})")
    for key in ("min", "max"):
        if key in rules and dtype not in (None, "number"):
            raise where.at(key).error(f"{key!r} is a rule for numbers, and this column is a {dtype}")
    if rules.get("role") == "time" and dtype in ("text", "category"):
        raise where.at("role").error(f"the time is a datetime or a number, and this column is a {dtype}")
    if rules.get("role") == "weight" and dtype not in (None, "number"):
        raise where.at("role").error(f"a weight is a number, and this column is a {dtype}")
    if "categories" in rules and dtype in ("number", "datetime"):
        raise where.at("categories").error(f"'categories' is a rule for categories, and this column is a {dtype}")
