"""Write the final model as a script, on arrays with scikit-learn alone, or on tables of pandas where it has to be."""

import contextlib
import hashlib
import importlib.metadata
import subprocess  # nosec B404 # no shell
import sys
import textwrap
from pathlib import Path
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from ...files import read_json
from ...objects.build import arguments
from . import plain
from .code import PACKAGE, WIDTH, Brackets, Name, Sources, laid_out, twins, written
from .final import Final
from .fitting import main
from .reading import Way, columns, constants, training

HEAD = "The final model of the project"  # how a script begins, by which it is known later
STATED = ("ENCODING", "SEPARATOR", "MISSING", "LABELS", "FEATURES", "TARGET")
SPLITTERS = ("NoHoldout", "PredefinedColumn", "StratifiedHoldout")
PLACES = {"number": "NUMBERS", "category": "CATEGORIES", "datetime": "DATES", "text": "TEXTS"}


def write(final: Final, frames: bool, loads: bool, why: str) -> str:
    """The script; for `frames` and `loads` see `Way`.

    Parameters
    ----------
    why : why it needs pandas, if it does.
    """
    way = Way(final, frames, loads, Sources(SPLITTERS if frames else twins(), STATED))
    way.sources.imports |= {"import numpy as np", "from typing import Any"}
    models, places = _models(way)
    functions = [models, training(way), main(way)]
    read = columns(way)
    stated = [*constants(way), *places]
    beginning = "\n".join([*_head(way, why), "", *_imports(way.sources.imports), "", *stated])
    return "\n\n\n".join([beginning, *way.sources.code(), read, *functions, 'if __name__ == "__main__":\n    main()\n'])


def positioned(pipeline: Any, features: dict[str, str], floats: Any) -> Any:
    """A pipeline for arrays: columns by position, and numbers as floats out of an array that holds texts as well.

    Parameters
    ----------
    features : the columns that it is given, with their dtypes.
    floats : the transformer that makes floats, None where the array has only these.
    """
    if not isinstance(pipeline, Pipeline) or not pipeline.steps or not isinstance(pipeline[0], ColumnTransformer):
        return pipeline
    names = list(features)
    rows = []
    for name, transformer, chosen in pipeline[0].transformers:
        dtypes = {one: features[one] for one in names if one in chosen}
        inner = positioned(transformer, dtypes, floats)
        if floats is not None and set(dtypes.values()) == {"number"}:
            steps = inner.steps if isinstance(inner, Pipeline) else [(name, inner)] if inner != "passthrough" else []
            inner = (type(inner) if isinstance(inner, Pipeline) else Pipeline)([("floats", floats), *steps])
        rows.append((name, inner, [names.index(one) for one in chosen]))
    first = ColumnTransformer(**{**arguments(pipeline[0]), "transformers": rows})
    return type(pipeline)([(pipeline.steps[0][0], first), *pipeline.steps[1:]])


def _models(way: Way) -> tuple[str, list[str]]:
    """The function that gives the unfitted models, and the constants for the places of columns that they use."""
    floats = None if way.all_numbers else FunctionTransformer(plain.floats)
    used: dict[str, Any] = {}
    models = {}
    for name, pipeline in way.final.members.items():
        made = pipeline if way.frames else positioned(pipeline, way.final.schema.features, floats)
        models[name] = written(_with_names(made, _places(way), used), way.sources)
    lines = [
        "def models() -> list[Any]:",
        f'    """The models, not fitted{", in the order of WEIGHTS" * (len(models) > 1 and not way.final.learned)}."""',
        *_shared(list(models.values())),
        "    return [",
    ]
    for name, node in models.items():
        lines += [f"        # {name}", f"        {laid_out(node, 8, 0, 1)},"]
    stated = [f"{name} = {laid_out(written(used[name], way.sources), before=len(name) + 3)}" for name in sorted(used)]
    return "\n".join([*lines, "    ]"]), stated


def _shared(models: list[Any]) -> list[str]:
    """The lines that name the preprocessing which several models have; in these, the name takes its place."""
    fronts = [node.items[0][1] for node in models if isinstance(node, Brackets) and len(node.items) > 1]
    again = [front for front in fronts if isinstance(front, Brackets) and fronts.count(front) > 1]
    found: list[str] = []
    for number, front in enumerate(one for place, one in enumerate(again) if one not in again[:place]):
        name = "columns" if not number else f"columns_{number + 1}"
        found.append(f"    {name} = {laid_out(front, 4, len(name) + 3)}")
        for node in models:
            if isinstance(node, Brackets) and node.items[:1] == [("", front)]:
                node.items[0] = "", name
    return ["    # Shared by models that are copied before they are fitted.", *found] if found else []


def _places(way: Way) -> dict[str, list[Any]]:
    """The columns of each dtype, by what they are called in a ColumnTransformer."""
    features = list(way.final.schema.features.items())
    return {
        constant: [name if way.frames else place for place, (name, its) in enumerate(features) if its == dtype]
        for dtype, constant in PLACES.items()
    }


def _with_names(thing: Any, places: dict[str, list[Any]], used: dict[str, Any]) -> Any:
    """The same pipeline, with a constant's name where a ColumnTransformer takes all columns of a dtype."""
    if isinstance(thing, Pipeline):
        return type(thing)([(name, _with_names(step, places, used)) for name, step in thing.steps])
    if not isinstance(thing, ColumnTransformer):
        return thing
    rows = []
    for name, transformer, chosen in thing.transformers:
        constant = next((one for one, all_of_it in places.items() if all_of_it == chosen), None)
        if constant:
            used[constant] = chosen
        rows.append((name, transformer, Name(constant) if constant else chosen))
    return ColumnTransformer(**{**arguments(thing), "transformers": rows})


def _head(way: Way, why: str) -> list[str]:
    """The comment that says where the script comes from and what it needs."""
    final, source = way.final, way.final.data["source"]
    versions = read_json("models/final/environment.json")
    owners = importlib.metadata.packages_distributions()
    packages = {"sklearn", "numpy", "scipy", *way.sources.packages()} | ({"pyarrow"} if way.frames else set())
    names = sorted({name for package in packages for name in owners.get(package, [])})
    needs = ", ".join(f"{name} {versions.get(name) or importlib.metadata.version(name)}" for name in names)
    rows = f"{len(final.train) + len(final.held_out)} rows"
    known = Path(source).is_file()
    md5 = f", md5 {hashlib.md5(Path(source).read_bytes(), usedforsecurity=False).hexdigest()}" if known else ""
    seedless = sorted({type(one[-1]).__name__ for one in final.members.values() if _is_seedless(one[-1])})
    lines = [
        f"{HEAD} {PACKAGE} as a script of its own: it predicts {final.schema.target}.",
        "",
        f"Made from {_commit()}, {source} ({rows}{md5}).",
        f"Needs {needs}.",
        *([f"It needs pandas: {why}."] if way.frames else []),
        *(f"{name} has no seed: where it draws random numbers, predictions differ between runs." for name in seedless),
        "The parameters were found by the project's search, as were the weights, if any; all else is learned here.",
    ]
    return [f"# {part}".rstrip() for line in lines for part in textwrap.wrap(line, WIDTH - 2) or [""]]


def _imports(imports: set[str]) -> list[str]:
    """The imports in isort's order."""
    joined: dict[str, set[str]] = {}
    lines = []
    for line in imports:
        if line.startswith("from"):
            _, module, _, name = line.split(maxsplit=3)
            joined.setdefault(module, set()).add(name)
        else:
            lines.append(line)
    for module, names in joined.items():
        line = f"from {module} import {', '.join(sorted(names, key=_case))}"
        if len(line) > WIDTH:
            line = f"from {module} import (\n" + "".join(f"    {name},\n" for name in sorted(names, key=_case)) + ")"
        lines.append(line)
    own = [line for line in lines if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    others = [line for line in lines if line not in own]
    return [*sorted(own, key=_rank), *([""] if own else []), *sorted(others, key=_rank)]


def _rank(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.split()[1].lower()


def _case(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _is_seedless(estimator: Any) -> bool:
    params = arguments(estimator)
    return "random_state" in params and params["random_state"] is None


def _commit() -> str:
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)  # nosec B603, B607
        return f"commit {asked.stdout.strip()}"
    return "no commit"
