"""Fingerprints of this project's code: what a stage uses of it, and whether that has changed.

A fingerprint stands for a module's syntax tree without comments and docstrings, so rewording those re-runs no stage.
It is the same in every version of Python that the project supports.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import UserError

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT.name
# The modules that each stage runs: `tune` starts `search` as a process of its own.
STAGES = {
    "load": ("load",),
    "split": ("split",),
    "tune": ("tune", "search"),
    "train": ("train",),
    "evaluate": ("evaluate",),
    "package": ("package",),
}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
Parts = tuple[str, ...]  # of a dotted name


def stage_code() -> dict[str, dict[str, str]]:
    """Return the fingerprint of each file that a stage uses, by stage and by the file's path in the package.

    A stage uses what its modules import, directly or not, inside functions as well. Classes that the params name are
    not imported but loaded by their names: `fingerprints` covers those, so editing one model re-tunes no other.
    """
    code = Code()
    return {
        stage: code.fingerprints(*(ROOT / f"stages/{module}.py" for module in modules))
        for stage, modules in STAGES.items()
    }


def fingerprints(paths: Iterable[str]) -> dict[str, str]:
    """Return, for each import path that lies in this project, the fingerprint of the code that it needs.

    The plan of a model holds these, so editing one transformer re-tunes the models that use it and no other.
    """
    code = Code()
    files = {path: code.modules.get(tuple(path.split(".")[:-1])) for path in sorted(paths)}
    return {path: code.fingerprint(file) for path, file in files.items() if file is not None}


def fingerprint(file: Path) -> str:
    """Return one fingerprint for a module and all files of this project that it uses."""
    return Code().fingerprint(file)


class Code:
    """The files of the package as they are on disk now; each is read once.

    Attributes
    ----------
    modules : dict of tuple of str to Path
        The file of each module and package, by the parts of its dotted name.
    """

    def __init__(self) -> None:
        files = [file for file in ROOT.rglob("*") if file.suffix != ".pyc" and file.is_file()]
        self.modules = {_name(file): file for file in files if file.suffix == ".py"}
        self._data = [file for file in files if file.suffix != ".py"]
        self._read: dict[Path, tuple[str, set[Path]]] = {}

    def fingerprint(self, file: Path) -> str:
        """Return one fingerprint for a file and all files that it uses."""
        return _hash(repr(self.fingerprints(file)).encode())

    def fingerprints(self, *files: Path) -> dict[str, str]:
        """Return the fingerprint of each file in the closure of `files`, by its path in the package."""
        return {file.relative_to(ROOT).as_posix(): self._of(file)[0] for file in sorted(self.closure(*files))}

    def closure(self, *files: Path) -> set[Path]:
        """Return `files` with all files that they use, directly or not.

        A module uses the modules that it imports, the packages in which these and itself lie, and those data files in
        its folder or below that its text names, such as a template or a style sheet.
        """
        found: set[Path] = set()
        waiting = set(files)
        while waiting:
            found |= waiting
            waiting = set().union(*(self._of(file)[1] for file in waiting)) - found
        return found

    def _of(self, file: Path) -> tuple[str, set[Path]]:
        """Return a file's own fingerprint, and the files that it uses directly."""
        if file not in self._read:
            content = file.read_bytes()
            text = content.decode("utf-8", errors="replace")
            own, used = _hash(content), set()
            if file.suffix == ".py":
                own, names = self._parsed(file, text)
                used = {self.modules[name] for name in names if name in self.modules}
            used |= {data for data in self._data if data.name in text and data.is_relative_to(file.parent)}
            self._read[file] = own, used
        return self._read[file]

    @staticmethod
    def _parsed(file: Path, text: str) -> tuple[str, set[Parts]]:
        try:
            return _parsed(text, file.relative_to(ROOT.parent).parent.parts)
        except SyntaxError as error:
            name = file.relative_to(ROOT.parent.parent)
            raise UserError(f"{name}, line {error.lineno}: this is no Python: {error.msg}") from None


@cache
def _parsed(text: str, package: Parts) -> tuple[str, set[Parts]]:
    """Return the fingerprint of a module in this package, and the names of all modules that it may import."""
    tree = ast.parse(text)
    names = {package, *_imported(tree, package)}
    return _hash(_dumped(tree).encode()), {name[:end] for name in names for end in range(1, len(name) + 1)}


def _imported(tree: ast.Module, package: Parts) -> Iterator[Parts]:
    """Yield the names of the modules that are imported, and of what is imported from them, which may be modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = (*base, *(node.module.split(".") if node.module else ()))
            yield from ((*module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)


def _dumped(node: Any) -> str:
    """Return a syntax tree as text, without docstrings and empty fields: versions of Python differ in the latter."""
    if isinstance(node, list):
        return f"[{','.join(map(_dumped, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    known = (f"{name}={_dumped(value)}" for name, value in fields.items() if value not in (None, []))
    return f"{type(node).__name__}({','.join(known)})"


def _name(file: Path) -> Parts:
    """Return the parts of a module's dotted name."""
    parts = file.relative_to(ROOT.parent).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
