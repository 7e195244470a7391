"""Which of this project's modules a module needs, and whether they have changed."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = __name__.split(".")[0]
ROOT = Path(__file__).parent.parent
NAMED = ("components", "custom", "parts")  # rooms of classes that the params name


def closure(file: Path) -> set[Path]:
    """`file` and all modules of this project that it imports, directly or not; packages count with their `__init__`."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _imported(one)
    return found


def fingerprint(file: Path) -> str:
    """Return a hash of a module and of this project's modules that it imports, without comments and docstrings."""
    trees = [_dumped(one.read_text(encoding="utf-8")) for one in sorted(closure(file))]
    return hashlib.sha256("".join(trees).encode()).hexdigest()[:16]


def fingerprints(paths: Iterable[str]) -> dict[str, str]:
    """For each import path that lies in a room of named classes: a hash of the code that it needs.

    The plan of a model holds these, so that editing one transformer re-tunes the models that use it and no other.
    Editing its comments or docstrings re-tunes none.
    """
    hashes = {}
    for path in sorted(paths):
        module = path.rpartition(".")[0]
        if module.startswith(tuple(f"{PACKAGE}.{room}." for room in NAMED)):
            spec = importlib.util.find_spec(module)
            if spec and spec.origin:
                hashes[path] = fingerprint(Path(spec.origin))
    return hashes


def _imported(file: Path) -> list[Path]:
    """The modules of this project that `file` names in its import statements."""
    package = (PACKAGE, *file.relative_to(ROOT).parent.parts)
    names = _named(file.read_text(encoding="utf-8"), package)
    return [found for name in names if name[0] == PACKAGE for found in _files(name[1:])]


@cache
def _named(text: str, package: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The modules, and what could be modules, that a module's text imports."""
    found: list[tuple[str, ...]] = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            found += [module, *((*module, alias.name) for alias in node.names)]
        elif isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
    return found


@cache
def _dumped(text: str) -> str:
    """Return the syntax tree of a module's text as text, without comments and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node, clean=False
        ):
            del node.body[0]
    return ast.dump(tree)


def _files(parts: tuple[str, ...]) -> list[Path]:
    """The module file for dotted parts, with the `__init__` of each package above it."""
    path = ROOT.joinpath(*parts)
    own = [path.with_suffix(".py")] if parts and path.with_suffix(".py").exists() else []
    above = [ROOT.joinpath(*parts[:end]) / "__init__.py" for end in range(len(parts) + 1)]
    return own + [file for file in above if file.exists()]
