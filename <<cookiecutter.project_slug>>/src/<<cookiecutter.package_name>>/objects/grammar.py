"""The grammar: what may stand in the params, checked and turned into a tree of nodes.

An object is a mapping with a `class`; its `params` are what it is built with and its `space` is what the search
may change, in the same place. A parameter's value may be an object again. `one_of` and `optional` choose between
objects, `steps` puts them one behind another, `columns` says which columns a list of steps is for, and `import`
names a function or a type. Everything is checked here, before any data is read.
"""

import inspect
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import nearest
from .discovery import ESTIMATORS, KINDS, either, load, resolve
from .reader import Where

DTYPES = ("number", "category", "datetime", "text")
NODE_KEYS = ("class", "columns", "steps", "one_of", "optional", "import")
STEPS = (*ESTIMATORS, "transformer", "resampler")
# What the value of a parameter may be: built from a class, or named with `import`.
INNER = (*STEPS, "splitter", "sampler", "pruner", "metric", "value", "function")
IMPORTED = (*STEPS, "metric", "type", "function")
MISSING = inspect.Parameter.empty


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


@dataclass(frozen=True)
class Grammar:
    """Parses params with the short names of these packages."""

    packages: tuple[str, ...] = ()

    def object(self, data: Any, where: Where, kinds: Iterable[str] = KINDS, also: Iterable[str] = ()) -> Object:
        """An object, e.g. `{class: KFold, params: {n_splits: 5}}`.

        Parameters
        ----------
        data, where : the plain value and its place.
        kinds : the kinds of class that make sense here.
        also : further keys that the caller reads itself.

        Raises
        ------
        UserError
            For an unknown key, class or parameter, an empty domain, a `when` that can never hold.
        """
        kinds = tuple(kinds)
        where.mapping(data, {"class", "params", "space", *also}, need=["class"])
        path = resolve(data["class"], self.packages, where.at("class"), kinds)
        target = load(path, where.at("class"), kinds)
        names, open_ended = parameters(target)
        params = {
            name: self.value(value, where.at("params", name))
            for name, value in where.at("params").mapping(data.get("params") or {}).items()
        }
        space = {
            name: self.domain(value, where.at("space", name))
            for name, value in where.at("space").mapping(data.get("space") or {}).items()
        }
        for section, given in (("params", params), ("space", space)):
            for name in given:
                hint = nearest(name, names)
                if name not in names and not (open_ended and "did you mean" not in hint):
                    owner = path.rpartition(".")[2]
                    raise where.at(section, name).error(f"{name!r} is not a parameter of {owner}{hint}")
        for name in space:
            if isinstance(params.get(name), Object | OneOf | Steps):
                raise where.at("space", name).error(f"{name!r} is an object: its space belongs inside it")
        thing = Object(path, params, space, where)
        _check_when(thing, target)
        return thing

    def value(self, data: Any, where: Where) -> Any:
        """A parameter's value: a scalar, a list, a mapping, or a node."""
        if isinstance(data, dict):
            if any(key in data for key in NODE_KEYS):
                return self.node(data, where, INNER)
            return {key: self.value(one, where.at(key)) for key, one in data.items()}
        if isinstance(data, list):
            return [self.value(one, where.at(index)) for index, one in enumerate(data)]
        return data

    def node(self, data: Any, where: Where, kinds: Iterable[str] = KINDS) -> Any:
        """Whatever may stand where an object may."""
        if not isinstance(data, dict) or not any(key in data for key in NODE_KEYS):
            raise where.error(f"an object is needed here: a mapping with one of {', '.join(NODE_KEYS)}")
        if "class" in data:
            return self.object(data, where, kinds)
        if "one_of" in data:
            where.mapping(data, ["one_of"])
            place, alternatives = where.at("one_of"), data["one_of"]
            if not isinstance(alternatives, list) or not alternatives:
                raise place.error("'one_of' needs a list of at least one object")
            return OneOf(self._items(alternatives, place, kinds), where)
        if "optional" in data:
            where.mapping(data, ["optional"])
            node = self.node(data["optional"], where.at("optional"), kinds)
            return OneOf(((_label(node), node), ("none", None)), where)
        if "import" in data:
            if "function" not in kinds:
                raise where.error(f"'import' names a function or a type: {either(kinds)} is needed here")
            where.mapping(data, ["import"])
            load(str(data["import"]), where.at("import"), IMPORTED)
            return Import(str(data["import"]), where)
        return self.steps(data, where)

    def steps(self, data: Any, where: Where) -> Steps:
        """A list of steps, e.g. `{steps: [{scale: {class: StandardScaler}}]}`, perhaps for some `columns` alone."""
        where.mapping(data, ["columns", "steps"], need=["steps"])
        if not isinstance(data["steps"], list):
            raise where.at("steps").error("'steps' needs a list: its order matters, and a mapping has none")
        columns = _columns(data["columns"], where.at("columns")) if "columns" in data else None
        return Steps(self._items(data["steps"], where.at("steps"), STEPS), columns, where)

    def domain(self, data: Any, where: Where) -> Domain:
        """A domain, e.g. `{float: [0.01, 1], log: true}`, `{int: [1, 9]}` or `{choice: [a, b]}`."""
        where.mapping(data, ["float", "int", "choice", "log", "step", "when"])
        kinds = [kind for kind in ("float", "int", "choice") if kind in data]
        if len(kinds) != 1:
            raise where.error("a space needs exactly one of float: [low, high], int: [low, high], choice: [...]")
        kind, values = kinds[0], data[kinds[0]]
        when = {
            name: allowed if isinstance(allowed, list) else [allowed]
            for name, allowed in where.at("when").mapping(data.get("when") or {}).items()
        }
        if kind == "choice":
            for key in ("log", "step"):
                if key in data:
                    raise where.at(key).error(f"a choice has no {key!r}")
            if not isinstance(values, list) or not values:
                raise where.at(kind).error("'choice' needs a list of at least one value")
            domain = Domain(kind, choices=tuple(values), when=when)
            if len({repr(label) for label in domain.labels}) < len(values):
                raise where.at(kind).error("'choice' names a value twice")
            if any(isinstance(one, dict) and any(key in one for key in NODE_KEYS) for one in values):
                raise where.at(kind).error("a choice between objects is written under params, with 'one_of'")
            return domain
        return _range(kind, values, data, when, where)

    def _items(self, data: list[Any], where: Where, kinds: Iterable[str]) -> tuple[tuple[str, Any], ...]:
        """List items, each a node or `name: node`; a name that is not given is derived."""
        items: dict[str, Any] = {}
        for index, one in enumerate(data):
            place = where.at(index)
            if isinstance(one, dict) and len(one) == 1 and not any(key in one for key in NODE_KEYS):
                name, inner = next(iter(one.items()))
                place = place.at(name)
                if isinstance(inner, dict) and len(inner) and not any(key in inner for key in NODE_KEYS):
                    hint = nearest(next(iter(inner)), NODE_KEYS)
                    raise place.error(f"{name!r} holds no object: it needs one of {', '.join(NODE_KEYS)}{hint}")
                node = self.node(inner, place, kinds)
            else:
                node = self.node(one, place, kinds)
                name = _label(node)
            if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", name) or "__" in name:
                raise place.error(f"{name!r} cannot name a step: use letters, digits, single underscores, hyphens")
            if name in items:
                raise place.error(f"two items are called {name!r}: give one a name, `- another_name: {{...}}`")
            items[name] = node
        return tuple(items.items())


def parameters(target: Any) -> tuple[dict[str, Any], bool]:
    """The parameters of a class or function with their defaults, and whether it takes others as well."""
    found: dict[str, Any] = {}
    open_ended = False
    builders = [one for one in target.__mro__ if "__init__" in vars(one)] if inspect.isclass(target) else [target]
    for number, one in enumerate(builders):
        signature = inspect.signature(one)
        kinds = {parameter.kind for parameter in signature.parameters.values()}
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                found.setdefault(parameter.name, parameter.default)
        hands_on = inspect.Parameter.VAR_KEYWORD in kinds
        open_ended = open_ended or (number == 0 and hands_on)
        # What a class hands on by **kwargs, its parents name: so do XGBoost's.
        if not hands_on:
            break
    return found, open_ended


def dimensions(node: Any, prefix: str = "") -> list[Dimension]:
    """Every parameter that a search over `node` may change, each after those that it depends on."""
    found: list[Dimension] = []
    _collect(node, prefix, (), found)
    return found


def _collect(node: Any, prefix: str, when: tuple[tuple[str, tuple[Any, ...]], ...], found: list[Dimension]) -> None:
    dot = f"{prefix}." if prefix else ""
    if isinstance(node, Object):
        for name, value in node.params.items():
            _collect(value, f"{dot}{name}", when, found)
        defaults = parameters(load(node.path, node.where))[0] | node.params
        searched = {name for name, value in node.params.items() if isinstance(value, OneOf)} | set(node.space)
        for name in _in_order(node.space):
            domain = node.space[name]
            needs = tuple(
                (f"{dot}{other}", tuple(allowed)) for other, allowed in domain.when.items() if other in searched
            )
            found.append(Dimension(f"{dot}{name}", domain, defaults.get(name, MISSING), when + needs))
    elif isinstance(node, Steps):
        for name, item in node.items:
            _collect(item, f"{dot}{name}", when, found)
    elif isinstance(node, OneOf):
        if len(node.items) > 1:
            labels = tuple(label for label, _ in node.items)
            found.append(Dimension(prefix, Domain("choice", choices=labels), labels[0], when))
        for label, alternative in node.items:
            _collect(alternative, f"{dot}{label}", (*when, (prefix, (label,))) if len(node.items) > 1 else when, found)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            name = next(iter(item)) if named(item) else str(index)
            _collect(item[name] if named(item) else item, f"{dot}{name}", when, found)
    elif isinstance(node, dict):
        for key, item in node.items():
            _collect(item, f"{dot}{key}", when, found)


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


def _range(kind: str, values: Any, data: dict[str, Any], when: dict[str, list[Any]], where: Where) -> Domain:
    number = int if kind == "int" else (int, float)
    place = where.at(kind)
    if not isinstance(values, list) or len(values) != 2:
        raise place.error(f"{kind!r} needs two numbers: [low, high]")
    low, high = values
    if any(isinstance(one, bool) or not isinstance(one, number) or not math.isfinite(one) for one in values):
        raise place.error(f"{kind!r} needs two {'whole ' if kind == 'int' else ''}numbers, not {values}")
    if not low < high:
        problem = f"low ({low}) is above high ({high})" if low > high else "both ends are the same"
        raise place.error(f"the range [{low}, {high}] is empty: {problem}")
    log, step = data.get("log", False), data.get("step")
    if not isinstance(log, bool):
        raise where.at("log").error(f"'log' is true or false, not {log!r}")
    if log and low <= 0:
        raise place.error(f"a logarithmic range starts above 0, not at {low}")
    if step is not None:
        if isinstance(step, bool) or not isinstance(step, number) or not 0 < step <= high - low:
            raise where.at("step").error(f"'step' needs a number above 0 and at most {high - low}, not {step!r}")
        if log:
            raise where.at("step").error("a range is either logarithmic or has a step")
    return Domain(kind, low, high, step, log, when=when)


def _columns(data: Any, where: Where) -> Columns:
    if isinstance(data, list):
        if not data or not all(isinstance(one, str) for one in data):
            raise where.error("a list of columns holds their names")
        return Columns(names=tuple(data))
    where.mapping(data, ["dtype", "pattern", "except"])
    dtypes = data.get("dtype", list(DTYPES))
    dtypes = dtypes if isinstance(dtypes, list) else [dtypes]
    for dtype in dtypes:
        if dtype not in DTYPES:
            raise where.at("dtype").error(f"unknown dtype {dtype!r}{nearest(dtype, DTYPES)}")
    pattern = data.get("pattern")
    try:
        re.compile(pattern or "")
    except (re.error, TypeError) as error:
        raise where.at("pattern").error(f"{pattern!r} is not a regular expression: {error}") from None
    without = data.get("except", [])
    if not isinstance(without, list):
        raise where.at("except").error("'except' needs a list of column names")
    return Columns(None, tuple(dtypes), pattern, tuple(map(str, without)))


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


def _label(node: Any) -> str:
    if isinstance(node, Steps):
        if node.columns is None:
            return "inner"
        return "listed" if node.columns.names else "_".join(node.columns.dtypes)
    if isinstance(node, OneOf):
        return node.items[0][0]
    return str(node.path.rpartition(".")[2])


def _check_when(thing: Object, target: Any) -> None:
    """Refuse a `when` that names no neighbour, or that can never hold."""
    defaults = parameters(target)[0] | thing.params
    for name, domain in thing.space.items():
        place = thing.where.at("space", name, "when")
        for other, allowed in domain.when.items():
            if other not in defaults:
                raise place.at(other).error(f"{other!r} is not a parameter of {thing.name}{nearest(other, defaults)}")
            value = defaults[other]
            if other in thing.space:
                possible = any(one in thing.space[other] for one in allowed)
            elif isinstance(value, OneOf):
                possible = any(one in dict(value.items) for one in allowed)
            else:
                possible = value in allowed
            if not possible:
                raise place.at(other).error(f"this never holds: {other!r} cannot be {' or '.join(map(str, allowed))}")
    if len(_in_order(thing.space)) < len(thing.space):
        raise thing.where.at("space").error("the 'when's of this space depend on each other in a circle")


def _in_order(space: dict[str, Domain]) -> list[str]:
    """The names of a space, each after those that its `when` asks for; those in a circle are left out."""
    order: list[str] = []
    while True:
        ready = [
            name
            for name, domain in space.items()
            if name not in order and all(other in order for other in domain.when if other in space)
        ]
        if not ready:
            return order
        order += ready
