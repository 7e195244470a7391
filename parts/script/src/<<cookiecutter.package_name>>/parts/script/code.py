"""Python source: constructors of objects as one would write them, and code of this project with all that it needs."""

import ast
import importlib
import inspect
import math
from collections.abc import Collection
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from ...errors import UserError
from ...objects.build import arguments, to_plain
from ...objects.grammar import MISSING, parameters

PACKAGE = __name__.split(".")[0]
PLAIN = f"{__package__}.plain"
WIDTH = 120
EXPERIMENTAL = {
    "IterativeImputer": "enable_iterative_imputer",
    "HalvingGridSearchCV": "enable_halving_search_cv",
    "HalvingRandomSearchCV": "enable_halving_search_cv",
}


class Name(str):
    """A name in the script, where anything else is a value."""


@dataclass(frozen=True)
class Brackets:
    """A call or a collection: what stands before its items, the items with their prefixes, what stands after."""

    head: str
    items: list[tuple[str, Any]]
    tail: str


class Sources:
    """What a script imports, and the code of this project that it holds.

    Parameters
    ----------
    twins : the classes of `components/` for which their twins of `plain.py` are taken.
    stated : names of `plain.py` that the script states itself.
    """

    def __init__(self, twins: Collection[str], stated: Collection[str]) -> None:
        self.twins, self.stated = twins, stated
        self.imports: set[str] = set()
        self._code: dict[str, tuple[str, int, str]] = {}
        self._owners: dict[str, str] = {}
        self._needs: dict[str, dict[str, None]] = {}  # the modules whose code that of a module needs, in order

    def add(self, module: str, name: str) -> str:
        """Take over what `name` means in a module of this project, and what that needs; the name itself.

        Raises
        ------
        UserError
            If another module's thing has the same name.
        """
        if module == PLAIN and name in self.stated:
            return name
        source = Path(str(importlib.import_module(module).__file__)).read_text(encoding="utf-8")
        known = _defined(ast.parse(source))
        node = known[name]
        if isinstance(node, ast.Import | ast.ImportFrom):
            return self._import(module, name, node)
        if name in self._code and self._code[name][0] == module:
            return name
        self._claim(module, name)
        self._code[name] = module, node.lineno, _segment(source, node)
        for needed in sorted({one.id for one in ast.walk(node) if isinstance(one, ast.Name)} & known.keys() - {name}):
            self.add(module, needed)
        return name

    def code(self) -> list[str]:
        """Return the code of this project, of each module in its own order.

        A module comes after those that it needs: a class may be derived from one of theirs.
        """
        needs = {module: self._needs.get(module, {}) for module, _, _ in self._code.values()} | self._needs
        modules = list(TopologicalSorter(needs).static_order())
        return [text for *_, text in sorted(self._code.values(), key=lambda one: (modules.index(one[0]), one[1]))]

    def use(self, thing: Any) -> str:
        """The name under which a class or a function is known in the script."""
        module, _, name = to_plain(thing)["import"].rpartition(".")
        if module.split(".")[0] == PACKAGE:
            return self.add(PLAIN if name in self.twins else thing.__module__, thing.__name__)
        return self.take(module, name)

    def take(self, module: str, name: str) -> str:
        """What is called `name` in another package's module, imported; by its whole path if the name is taken."""
        if self._owners.setdefault(name, module) != module:
            self.imports.add(f"import {module}")
            return f"{module}.{name}"
        if module.startswith("sklearn.") and name in EXPERIMENTAL:
            # Importing it is scikit-learn's own way to make the class importable. Nothing uses the name, and what is
            # imported `as` itself is meant to be there.
            enabled = EXPERIMENTAL[name]
            self.imports.add(f"from sklearn.experimental import {enabled} as {enabled}")
        self.imports.add(f"from {module} import {name}")
        return name

    def packages(self) -> set[str]:
        """The top names of all imports."""
        return {line.split()[1].split(".")[0] for line in self.imports}

    def _import(self, module: str, name: str, node: ast.Import | ast.ImportFrom) -> str:
        alias = next(one for one in node.names if (one.asname or one.name.split(".")[0]) == name)
        written = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if isinstance(node, ast.Import):
            self.imports.add(f"import {written}")
            return name
        if node.level:
            base = module.split(".")[: -node.level]
            origin = ".".join([*base, node.module] if node.module else base)
            if alias.asname:
                raise UserError(f"{module} imports {alias.name!r} as {alias.asname!r}: import it by its own name")
            self._needs.setdefault(module, {})[origin] = None
            return self.add(origin, alias.name)
        self._claim(str(node.module), name)
        self.imports.add(f"from {node.module} import {written}")
        return name

    def _claim(self, module: str, name: str) -> None:
        if self._owners.setdefault(name, module) != module:
            raise UserError(f"{module} and {self._owners[name]} both have a {name!r}: give one another name")


def written(thing: Any, sources: Sources) -> Any:
    """What constructs `thing`: text, or `Brackets` for `laid_out`. Arguments that have their default are left out.

    Raises
    ------
    UserError
        For what has no constructor that can be written down.
    """
    if isinstance(thing, Name):
        return str(thing)
    if isinstance(thing, np.generic):
        thing = thing.item()
    if isinstance(thing, float) and not math.isfinite(thing):
        return f'float("{thing}")'
    if isinstance(thing, str):
        return quoted(thing)
    if thing is None or isinstance(thing, bool | int | float):
        return repr(thing)
    if isinstance(thing, np.ndarray):
        sources.imports.add("import numpy as np")
        return Brackets("np.array(", [("", written(thing.tolist(), sources))], ")")
    if isinstance(thing, list):
        return Brackets("[", [("", written(one, sources)) for one in thing], "]")
    if isinstance(thing, tuple):
        return Brackets("(", [("", written(one, sources)) for one in thing], ",)" if len(thing) == 1 else ")")
    if isinstance(thing, dict):
        pairs = [(f"{laid_out(written(key, sources))}: ", written(one, sources)) for key, one in thing.items()]
        return Brackets("{", pairs, "}")
    if isinstance(thing, type | FunctionType | np.ufunc):
        return sources.use(thing)
    if hasattr(thing, "_score_func"):
        return _written_scorer(thing, sources)
    if isinstance(thing, Pipeline) and thing.memory is None and len(thing.steps):
        return _written_pipeline(thing, sources)
    if isinstance(thing, ColumnTransformer) and thing.transformer_weights is None:
        return _written_columns(thing, sources)
    if type(thing).__module__ == "builtins":
        raise UserError(f"{thing!r} cannot be written as Python")
    return Brackets(f"{sources.use(type(thing))}(", _arguments(thing, sources), ")")


def laid_out(node: Any, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """Source of `node` in lines of at most 120 characters.

    Parameters
    ----------
    indent : of the line that it begins in.
    before, after : how many characters stand in that line before it, and after it.
    """
    line = _flat(node)
    if isinstance(node, str) or indent + before + len(line) + after <= WIDTH or not node.items:
        return line
    inner = indent + 4
    joined = ", ".join(prefix + _flat(item) for prefix, item in node.items)
    call = len(node.head) > 1
    if call and len(node.items) > 1 and inner + len(joined) <= WIDTH:
        return f"{node.head}\n{' ' * inner}{joined}\n{' ' * indent}{node.tail}"
    comma = "," if len(node.items) > 1 else ""
    lines = [
        f"{' ' * inner}{prefix}{laid_out(item, inner, len(prefix), len(comma))}{comma}" for prefix, item in node.items
    ]
    return "\n".join([node.head, *lines, " " * indent + node.tail])


def quoted(text: str) -> str:
    """A string literal in double quotes."""
    plain = repr(text)
    if plain.startswith('"') or '"' in text:
        return plain
    return f'"{plain[1:-1]}"'


def twins() -> set[str]:
    """The classes of `plain.py`."""
    module = importlib.import_module(PLAIN)
    return {name for name, thing in vars(module).items() if inspect.isclass(thing) and thing.__module__ == PLAIN}


def _flat(node: Any) -> str:
    if isinstance(node, str):
        return node
    return node.head + ", ".join(prefix + _flat(item) for prefix, item in node.items) + node.tail


def _arguments(thing: Any, sources: Sources) -> list[tuple[str, Any]]:
    """The arguments that are not the defaults; leading ones that are always needed go without their names."""
    defaults = parameters(type(thing))[0]
    given = {"estimator": thing.estimator} if isinstance(thing, FrozenEstimator) else arguments(thing)
    items, leading = [], True
    for name in (*(one for one in defaults if one in given), *(one for one in given if one not in defaults)):
        needed = defaults.get(name, MISSING) is MISSING and name in defaults
        leading = leading and (needed or name == "func")
        if needed or name not in defaults or repr(given[name]) != repr(defaults[name]):
            items.append(("" if leading else f"{name}=", written(given[name], sources)))
    return items


def _written_pipeline(pipeline: Pipeline, sources: Sources) -> Any:
    """Its steps, whose names nothing here asks for."""
    steps = [("", written(step, sources)) for _, step in pipeline.steps]
    if len(steps) == 1:
        return steps[0][1]
    return Brackets(f"{sources.take(type(pipeline).__module__, 'make_pipeline')}(", steps, ")")


def _written_columns(transformer: ColumnTransformer, sources: Sources) -> Brackets:
    pairs = [("", written((step, columns), sources)) for _, step, columns in transformer.transformers]
    others = [one for one in _arguments(transformer, sources)[1:] if one[0] != "verbose_feature_names_out="]
    return Brackets(f"{sources.take('sklearn.compose', 'make_column_transformer')}(", [*pairs, *others], ")")


def _written_scorer(scorer: Any, sources: Sources) -> Brackets:
    items = [("", sources.use(scorer._score_func))]
    if scorer._response_method != "predict":
        items.append(("response_method=", written(scorer._response_method, sources)))
    if scorer._sign < 0:
        items.append(("greater_is_better=", "False"))
    items += [(f"{name}=", written(value, sources)) for name, value in scorer._kwargs.items()]
    return Brackets(f"{sources.take('sklearn.metrics', 'make_scorer')}(", items, ")")


def _defined(tree: ast.Module) -> dict[str, ast.stmt]:
    """What a module's names stand for."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.split(".")[0]: node for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {one.id: node for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return found


def _segment(source: str, node: ast.stmt) -> str:
    """The lines of a definition, its decorators among them."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])
