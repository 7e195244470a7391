"""The tree of nodes that the grammar makes of the params, and how it is written again as plain values."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

from .reader import Where

DTYPES = ("number", "category", "datetime", "text")


@dataclass(frozen=True)
class Domain:
    """The values that the search may give one parameter.

    `when` maps the names of neighbouring parameters to the values that make this one matter.
    """

    kind: str
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()
    when: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def labels(self) -> list[Any]:
        """What Optuna stores for each choice: scalars as they are, the rest as JSON text."""
        scalar = (str, int, float, bool, type(None))
        return [one if isinstance(one, scalar) else json.dumps(one, sort_keys=True) for one in self.choices]

    def __contains__(self, value: Any) -> bool:
        if self.kind == "choice":
            return any(type(value) is type(one) and value == one for one in (*self.choices, *self.labels))
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or (self.kind == "int" and value != int(value)) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / self.step if self.step else 0
        return math.isclose(steps, round(steps), abs_tol=1e-9)


@dataclass(frozen=True)
class Import:
    """A function or a type, named by its import path."""

    path: str
    where: Where = field(compare=False, repr=False)


@dataclass(frozen=True)
class Object:
    """An instance of a class: `params` may hold nodes; `space` names some parameters and their domains."""

    path: str
    params: dict[str, Any]
    space: dict[str, Domain]
    where: Where = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """The short name of the class."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Columns:
    """Which columns: exactly these `names`, or all that fit the `dtypes` and the `pattern`."""

    names: tuple[str, ...] | None = None
    dtypes: tuple[str, ...] = DTYPES
    pattern: str | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Steps:
    """Nodes one behind another. Those that have `columns` and stand together work side by side."""

    items: tuple[tuple[str, "Node"], ...]
    columns: Columns | None
    where: Where = field(compare=False, repr=False)


@dataclass(frozen=True)
class OneOf:
    """Alternatives with their labels; the first is the default. None stands for leaving it out."""

    items: tuple[tuple[str, "Node | None"], ...]
    where: Where = field(compare=False, repr=False)


Node = Object | Steps | OneOf


@dataclass(frozen=True)
class Dimension:
    """One parameter of a search: its dotted name from the root, its domain, its default, when it matters.

    `default` is `MISSING` where the class has none. `when` holds pairs of a dimension's name and the labels
    that make this one matter; all must hold.
    """

    name: str
    domain: Domain
    default: Any
    when: tuple[tuple[str, tuple[Any, ...]], ...]


def named(value: Any) -> bool:
    """Whether a list's item is `name: object`, as in the `estimators` of a VotingClassifier."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(next(iter(value.values())), Node)


def plain(value: Any) -> Any:
    """A node written again as the plain mapping that it came from, classes by their import paths."""
    if isinstance(value, Object):
        written: dict[str, Any] = {"class": value.path}
        if value.params:
            written["params"] = {name: plain(one) for name, one in value.params.items()}
        if value.space:
            written["space"] = {name: _plain_domain(one) for name, one in value.space.items()}
        return written
    if isinstance(value, Steps):
        written = {"steps": [{name: plain(one)} for name, one in value.items]}
        return written if value.columns is None else {"columns": _plain_columns(value.columns)} | written
    if isinstance(value, OneOf):
        return (
            {"one_of": [{label: plain(one)} for label, one in value.items if one is not None]}
            if all(one is not None for _, one in value.items)
            else {"optional": plain(value.items[0][1])}
        )
    if isinstance(value, Import):
        return {"import": value.path}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def classes(value: Any) -> set[str]:
    """The import path of every class and import in a node."""
    if isinstance(value, Object):
        return {value.path}.union(*map(classes, value.params.values()))
    if isinstance(value, Import):
        return {value.path}
    if isinstance(value, Steps | OneOf):
        return set().union(*(classes(one) for _, one in value.items))
    if isinstance(value, list):
        return set().union(*map(classes, value))
    if isinstance(value, dict):
        return set().union(*map(classes, value.values()))
    return set()


def column_names(value: Any) -> list[tuple[Where, tuple[str, ...]]]:
    """The columns that a node names, and where it does."""
    if isinstance(value, Steps):
        chosen = value.columns
        own = [(value.where.at("columns"), (*(chosen.names or ()), *chosen.without))] if chosen else []
        return own + [one for _, item in value.items for one in column_names(item)]
    if isinstance(value, OneOf):
        return [one for _, item in value.items for one in column_names(item)]
    if isinstance(value, Object):
        return column_names(value.params)
    if isinstance(value, list | dict):
        return [one for item in (value.values() if isinstance(value, dict) else value) for one in column_names(item)]
    return []


def _plain_columns(columns: Columns) -> Any:
    if columns.names is not None:
        return list(columns.names)
    written: dict[str, Any] = {"dtype": list(columns.dtypes)}
    if columns.pattern:
        written["pattern"] = columns.pattern
    if columns.without:
        written["except"] = list(columns.without)
    return written


def _plain_domain(domain: Domain) -> dict[str, Any]:
    written: dict[str, Any] = {
        domain.kind: list(domain.choices) if domain.kind == "choice" else [domain.low, domain.high]
    }
    if domain.log:
        written["log"] = True
    if domain.step is not None:
        written["step"] = domain.step
    if domain.when:
        written["when"] = domain.when
    return written
