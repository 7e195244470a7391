"""Packages that the params name and that are not installed.

`python -m <package>.objects.missing` prints the extras of pyproject.toml that bring them.
"""

import ast
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from .names import is_name
from .reader import read

PACKAGE = Path(__file__).parent.parent
HOMES = ("components/*.py", "custom/*.py", "parts/*/components.py", "parts/*/components/*.py")


def missing(params: Path) -> dict[str, str]:
    """Return the packages that the params name and that are not installed.

    Returns
    -------
    dict of str to str
        By import name, the extra of pyproject.toml that brings the package; empty if none does.
    """
    needs = _needs()
    named = sorted({name for file in _files(params) for name in _packages(_value(file), needs)})
    absent = [name for name in named if name not in sys.modules and importlib.util.find_spec(name) is None]
    extras = _extras(params.resolve().parent / "pyproject.toml") if absent else {}
    return {name: next((extra for dist, extra in extras.items() if _brings(dist, name)), "") for name in absent}


def refuse_missing(params: Path) -> None:
    """Refuse params that name several packages that are not installed, or one that an extra brings.

    Raises
    ------
    UserError
        With all of the packages, and the one command that installs them.
    """
    found = missing(params)
    extras, others = sorted({*found.values()} - {""}), [name for name, extra in found.items() if not extra]
    if len(found) < 2 and not extras:
        return  # the place that names the one package says what to do
    how = ["add what brings " + ", ".join(others) + " to `dependencies` in pyproject.toml"] if others else []
    how += ["run `make setup`" + (f", which brings the extras {', '.join(extras)}" if extras else "")]
    raise UserError(f"params/ needs packages that are not installed ({', '.join(found)}): {', then '.join(how)}")


def _files(params: Path) -> Iterator[Path]:
    """The files that a run reads: of the models, those that compete."""
    yield from sorted(params.glob("*.yaml"))
    yield from sorted(params.glob("preprocess/*.yaml"))
    search = _value(params / "search.yaml")
    models = search.get("models") if isinstance(search, dict) else None
    for name in models if isinstance(models, list) else []:
        if is_name(name) and (params / "models" / f"{name}.yaml").is_file():
            yield params / "models" / f"{name}.yaml"


def _value(file: Path) -> Any:
    try:
        return read(file)[0]
    except UserError:
        return None  # whoever needs the file says what is wrong with it


def _needs() -> dict[str, list[str]]:
    """Return the packages in the attribute `needs` of classes, by their short names; nothing is imported."""
    found = {}
    for one in (part for home in HOMES for file in sorted(PACKAGE.glob(home)) for part in _classes(file)):
        for line in one.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "needs":
                needs = ast.literal_eval(line.value)
                needs = [needs] if isinstance(needs, str) else needs
                found[one.name] = [name.partition(".")[0] for name in needs]
    return found


def _classes(file: Path) -> list[ast.ClassDef]:
    text = file.read_text(encoding="utf-8")
    try:
        return [one for one in ast.parse(text).body if isinstance(one, ast.ClassDef)] if "needs = " in text else []
    except SyntaxError:
        return []  # whoever imports the file says what is wrong with it


def _packages(value: Any, needs: dict[str, list[str]]) -> Iterator[str]:
    """The packages that the classes and imports in a value come from, and those that these need."""
    if isinstance(value, list):
        for item in value:
            yield from _packages(item, needs)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key in ("class", "import") and isinstance(inner, str):
            names = [inner.partition(".")[0]] if "." in inner else needs.get(inner, [])
            yield from (name for name in names if name.isidentifier())
        elif key == "packages" and isinstance(inner, list):
            yield from (one.partition(".")[0] for one in inner if isinstance(one, str) and one.isidentifier())
        else:
            yield from _packages(inner, needs)


def _extras(file: Path) -> dict[str, str]:
    """By the name of a distribution, the extra that asks for it."""
    if not file.is_file():
        return {}
    written = tomllib.loads(file.read_text(encoding="utf-8"))["project"].get("optional-dependencies", {})
    found = {}
    for extra, requirements in written.items():
        for requirement in requirements:
            found[re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")] = extra
    return found


def _brings(distribution: str, package: str) -> bool:
    """Whether a distribution is called as the package that is imported from it, or nearly so: xgboost-cpu."""
    name = package.lower().replace("_", "-")
    return distribution == name or distribution == f"{name}-cpu"


if __name__ == "__main__":
    print(",".join(sorted({*missing(Path("params")).values()} - {""})))
