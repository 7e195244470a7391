"""From a tree of nodes to Python objects, and from Python objects back to YAML."""

import functools
import inspect
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from ..errors import UserError, nearest
from .discovery import find_all, kinds_of, load
from .grammar import MISSING, Grammar, parameters
from .kinds import PACKAGE
from .nodes import Columns, Import, Object, OneOf, Steps, named
from .reader import Where, dump, parse

Dtypes = Mapping[str, str]


def build(node: Any, values: Mapping[str, Any] | None = None, dtypes: Dtypes | None = None, prefix: str = "") -> Any:
    """The Python object that a node describes.

    Parameters
    ----------
    node : an object, steps, or a value that may hold such.
    values : a trial's values by dotted name; what is absent keeps its default.
    dtypes : the columns of the table and their dtypes, which `columns:` chooses from; None leaves every
        choice of columns empty, which is enough to check that the objects can be built.
    prefix : the dotted name of `node` itself.

    Raises
    ------
    UserError
        If a class does not accept its parameters, with file and line.
    """
    values, dot = values or {}, f"{prefix}." if prefix else ""
    if isinstance(node, Object):
        target = load(node.path, node.where)
        given = {name: build(one, values, dtypes, f"{dot}{name}") for name, one in node.params.items()}
        for name, domain in node.space.items():
            if dot + name in values:
                label = values[dot + name]
                given[name] = domain.choices[domain.labels.index(label)] if domain.kind == "choice" else label
        return call(target, given, node)
    if isinstance(node, Steps):
        return pipeline(steps(node, values, dtypes, prefix))
    if isinstance(node, OneOf):
        label = values.get(prefix, node.items[0][0])
        return build(dict(node.items)[label], values, dtypes, f"{dot}{label}")
    if isinstance(node, Import):
        return load(node.path, node.where)
    if isinstance(node, list):
        items = [(next(iter(one)), next(iter(one.values()))) if named(one) else (None, one) for one in node]
        return [
            (name, build(one, values, dtypes, f"{dot}{name}")) if name else build(one, values, dtypes, f"{dot}{index}")
            for index, (name, one) in enumerate(items)
        ]
    if isinstance(node, dict):
        return {key: build(one, values, dtypes, f"{dot}{key}") for key, one in node.items()}
    return node


def steps(
    node: Steps, values: Mapping[str, Any] | None = None, dtypes: Dtypes | None = None, prefix: str = ""
) -> list[tuple[str, Any]]:
    """The named transformers of `node`, in order; neighbours with `columns` become one ColumnTransformer."""
    values, dot = values or {}, f"{prefix}." if prefix else ""
    built: list[tuple[str, Any]] = []
    beside: list[tuple[str, Any, list[str]]] = []
    for name, item in (*node.items, ("", None)):
        if isinstance(item, Steps) and item.columns is not None:
            beside.append((name, build(item, values, dtypes, dot + name), select(item.columns, dtypes or {}, item)))
            continue
        if beside:
            label = "columns" if not any(one == "columns" for one, _ in built) else f"columns_{len(built)}"
            chosen = [(one, transformer, names) for one, transformer, names in beside if names or dtypes is None]
            built.append((label, ColumnTransformer(chosen, remainder="drop", verbose_feature_names_out=False)))
            beside = []
        if name:
            made = build(item, values, dtypes, dot + name)
            if made is not None:
                built.append((name, made))
    return built


def pipeline(named_steps: Sequence[tuple[str, Any]]) -> Any:
    """A scikit-learn pipeline, or imbalanced-learn's where a step resamples rows."""
    if any(hasattr(step, "fit_resample") for _, step in named_steps):
        from imblearn.pipeline import Pipeline as ResamplingPipeline

        return ResamplingPipeline(list(named_steps))
    return Pipeline(list(named_steps)) if named_steps else "passthrough"


def select(columns: Columns, dtypes: Dtypes, node: Steps) -> list[str]:
    """The names of the columns that `columns` means, in the table's order."""
    place = node.where.at("columns")
    for name in (*(columns.names or ()), *columns.without) if dtypes else ():
        if name not in dtypes:
            raise place.error(f"the table has no feature column {name!r}{nearest(name, dtypes)}")
    if columns.names is not None:
        return [name for name in dtypes if name in columns.names]
    return [
        name
        for name, dtype in dtypes.items()
        if dtype in columns.dtypes
        and name not in columns.without
        and (columns.pattern is None or re.search(columns.pattern, name))
    ]


def call(target: Any, given: dict[str, Any], node: Object) -> Any:
    """`target(**given)`, with lists as tuples where the class wants tuples, and errors that name the line."""
    if not inspect.isclass(target):
        return functools.partial(target, **given)
    defaults, _ = parameters(target)
    for name, value in given.items():
        if isinstance(value, list) and isinstance(defaults.get(name), tuple):
            given[name] = tuple(value)
    _check_types(target, given, node)
    try:
        made = target(**given)
        if not hasattr(made, "get_params"):
            # Optuna's samplers and some splitters forget what they were built with; `to_yaml` needs it.
            vars(made)["_given"] = given
        return made
    except UserError:
        raise
    except Exception as error:
        needed = [name for name, default in defaults.items() if default is MISSING and name not in given]
        problem = f"it needs {', '.join(needed)} under params" if needed else " ".join(str(error).split())
        raise node.where.error(f"{node.name} cannot be built: {problem}") from error


def _check_types(target: type, given: Mapping[str, Any], node: Object) -> None:
    """Compare arguments of this project's own classes with their annotations: int, float, bool and str."""
    if not target.__module__.startswith(f"{PACKAGE}."):
        return
    for name, parameter in inspect.signature(target).parameters.items():
        needed = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(
            parameter.annotation
        )
        if needed and name in given and not _is_of_type(given[name], parameter.annotation):
            raise node.where.at("params", name).error(f"{name!r} of {node.name} is {needed}, not {given[name]!r}")
        if needed and name == "random_state" and name in given and not 0 <= given[name] < 2**32:
            raise node.where.at("params", name).error(f"'random_state' is from 0 to 4294967295, not {given[name]!r}")


def _is_of_type(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool or kind is str:
        return kind is type(value)
    if kind is int:
        return isinstance(value, int | np.integer)
    return isinstance(value, int | float | np.number) and not math.isnan(value)


def check(node: Any) -> None:
    """Build every object once with its defaults and once at each end of its space, and let it check itself.

    scikit-learn says which parameters are impossible before any data is seen.

    Raises
    ------
    UserError
        For the first parameter that a class refuses, with file and line.
    """
    if isinstance(node, Object):
        for value in node.params.values():
            check(value)
        _check_params(node, {}, node.where)
        for name, domain in node.space.items():
            ends = domain.labels if domain.kind == "choice" else [domain.low, domain.high]
            for end in ends:
                _check_params(node, {name: end}, node.where.at("space", name))
    elif isinstance(node, Steps | OneOf):
        for _, item in node.items:
            check(item)
    elif isinstance(node, list | dict):
        for item in node.values() if isinstance(node, dict) else node:
            check(item)


def fixed(data: Any, where: Where, kinds: Iterable[str], grammar: Grammar) -> Object:
    """Read an object that is not searched, and check that it can be built.

    Parameters
    ----------
    data : Any
        The object as the params have it.
    where : Where
        Its place, for errors.
    kinds : iterable of str
        The kinds that its class may have, such as `["ensemble"]`.
    grammar : Grammar
        Reads it.

    Raises
    ------
    UserError
        If it has a space, or its class does not accept its parameters.
    """
    found = unsearched(data, where, kinds, grammar)
    check(found)
    return found


def unsearched(data: Any, where: Where, kinds: Iterable[str], grammar: Grammar) -> Object:
    """Read an object, and refuse a space in it; it may be one that cannot be built yet."""
    found = grammar.object(data, where, kinds)
    if found.space:
        raise found.where.at("space").error("only models and their preprocessing are searched: this space has no use")
    return found


def _check_params(node: Object, values: dict[str, Any], where: Any) -> None:
    made = build(node, values)
    if isinstance(made, BaseEstimator) and hasattr(made, "_parameter_constraints"):
        try:
            made._validate_params()
        except ValueError as error:
            named = [name for name in node.params if f"'{name}'" in str(error)]
            place = node.where.at("params", named[0]) if named and not values else where
            raise place.error(" ".join(str(error).split())) from None


def from_yaml(text: str, packages: Sequence[str] = ()) -> Any:
    """The Python object that YAML text describes, built with its defaults.

    >>> from_yaml("{class: Ridge, params: {alpha: 2.0}}")
    Ridge(alpha=2.0)
    """
    data, where = parse(text)
    kinds = (*kinds_of(find_all(packages)), "value")
    return build(Grammar(tuple(packages)).node(data, where, kinds))


def to_yaml(thing: Any) -> str:
    """YAML text that `from_yaml` turns into an object with the same parameters.

    Works for whatever keeps its constructor's arguments under their own names, as scikit-learn's classes do;
    parameters that have their default value are left out.

    Raises
    ------
    UserError
        For a parameter that YAML cannot hold, such as a lambda or a random generator.
    """
    return dump(to_plain(thing))


def to_plain(thing: Any, name: str = "this object") -> Any:
    """What `to_yaml` writes, as plain mappings, lists and scalars."""
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing.item() if isinstance(thing, np.generic) else thing
    if isinstance(thing, np.generic | np.ndarray):
        return to_plain(thing.tolist(), name)
    if isinstance(thing, list | tuple):
        if thing and all(isinstance(one, tuple) and len(one) == 2 and _is_object(one[1]) for one in thing):
            return [{one[0]: to_plain(one[1], name)} for one in thing]
        return [to_plain(one, name) for one in thing]
    if isinstance(thing, dict):
        return {key: to_plain(one, name) for key, one in thing.items()}
    if isinstance(thing, type | FunctionType | np.ufunc) or (callable(thing) and hasattr(thing, "__name__")):
        return {"import": _import_path(thing, name)}
    if not _is_object(thing):
        raise UserError(f"{name} holds {thing!r}, which YAML cannot hold")
    defaults, _ = parameters(type(thing))
    params = {}
    for key, value in arguments(thing).items():
        if not _same(value, defaults.get(key, MISSING)):
            params[key] = to_plain(value, f"{key!r} of {type(thing).__name__}")
    return {"class": _import_path(type(thing), name)} | ({"params": params} if params else {})


def arguments(thing: Any) -> dict[str, Any]:
    """The constructor's arguments of an object that keeps them.

    Raises
    ------
    UserError
        If it does not keep them and was not built by `build`, as with Optuna's samplers.
    """
    if hasattr(thing, "_given"):
        return dict(thing._given)
    try:
        if hasattr(thing, "get_params"):
            return dict(thing.get_params(deep=False))
        return {name: getattr(thing, name) for name in parameters(type(thing))[0]}
    except TypeError:  # The get_params of CatBoost takes no `deep`.
        return dict(thing.get_params())
    except AttributeError as error:
        name = type(thing).__name__
        raise UserError(f"{name} does not keep the parameter {error.name!r}: write it in YAML by hand") from None


def _is_object(thing: Any) -> bool:
    module = type(thing).__module__.split(".")[0]
    return (
        not isinstance(thing, type)
        and module not in ("builtins", "numpy")
        and (not callable(thing) or hasattr(thing, "get_params"))
    )


def _import_path(thing: Any, name: str) -> str:
    """The shortest public path from which `thing` can be imported."""
    module, label = getattr(thing, "__module__", None) or "numpy", thing.__name__
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        candidate = ".".join(parts[:end])
        if any(part.startswith("_") for part in parts[:end]) and end < len(parts):
            continue
        try:
            if getattr(__import__(candidate, fromlist=["_"]), label, None) is thing:
                return f"{candidate}.{label}"
        except ImportError:
            break
    raise UserError(f"{name} holds {thing!r}, which has no import path")


def _same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    if isinstance(value, float) and isinstance(default, float) and math.isnan(value) and math.isnan(default):
        return True
    try:
        return type(value) is type(default) and bool(value == default)
    except (TypeError, ValueError):
        return False
