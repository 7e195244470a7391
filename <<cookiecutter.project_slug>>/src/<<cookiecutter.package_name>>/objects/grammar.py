"""The grammar: what may stand in the params, checked and turned into a tree of nodes.

An object is a mapping with a `class`; its `params` are what it is built with and its `space` is what the search
may change, in the same place. A parameter's value may be an object again. `one_of` and `optional` choose between
objects, `steps` puts them one behind another, `columns` says which columns a list of steps is for, and `import`
names a function or a type. Everything is checked here, before any data is read.
"""

import inspect
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import nearest
from .discovery import Entry, find_all, load, resolve
from .kinds import ESTIMATORS, KINDS, either
from .nodes import DTYPES, Columns, Dimension, Domain, Import, Object, OneOf, Steps, named
from .reader import Where

NODE_KEYS = ("class", "columns", "steps", "one_of", "optional", "import")
STEPS = (*ESTIMATORS, "transformer", "resampler")
# What the value of a parameter may be: built from a class, or named with `import`.
INNER = (*STEPS, "splitter", "sampler", "pruner", "metric", "value", "function")
IMPORTED = (*STEPS, "metric", "type", "function")
MISSING = inspect.Parameter.empty


@dataclass(frozen=True)
class Grammar:
    """Parses params with the short names of these packages."""

    packages: tuple[str, ...] = ()

    @cached_property
    def entries(self) -> list[Entry]:
        """What a short name can mean."""
        return find_all(self.packages)

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
        path = resolve(data["class"], lambda: self.entries, where.at("class"), kinds)
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
