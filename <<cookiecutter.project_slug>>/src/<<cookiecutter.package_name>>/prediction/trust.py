"""What a stored model may hold, as `params/` say it: git keeps these files, so no remote or storage can change them."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json, write_json
from ..objects.discovery import CACHE as ENTRIES
from ..objects.discovery import load
from ..objects.grammar import Grammar, parameters
from ..objects.metrics import metric
from ..objects.params.data import read_task
from ..objects.params.packages import read_grammar
from ..objects.reader import read
from ..steps.task import AROUND

CACHE = Path(".cache/trusted.json")


@dataclass(frozen=True)
class Trusted:
    """What a model may hold.

    Parameters
    ----------
    named : the import paths of the classes and functions that the params name for a model and its storing.
    task : the task's object in plain values.
    """

    named: list[str]
    task: dict[str, Any]


def read_trusted(folder: Path, grammar: Grammar | None = None) -> Trusted:
    """Return what models of these params may hold.

    Names are looked up without checking the params as a whole, because this is done at each prediction. What was found
    is kept in `.cache/trusted.json` until a file in `params/` or the project's code changes.

    Raises
    ------
    UserError
        If a file that names classes is missing or is no YAML.
    """
    grammar = grammar or read_grammar(folder)
    key = _key(folder)
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = read_json(CACHE)
        if kept["key"] == key:
            return Trusted(**kept["trusted"])
    task = read_task(folder, grammar)
    found = sorted({path for data in _data(folder, task) for path in _paths(data, grammar)} | _scorers(folder, grammar))
    trusted = Trusted(found, task)
    with suppress(OSError, UserError):  # a service's folder may be one that nobody can write to
        write_json(CACHE, {"key": key, "trusted": asdict(trusted)})
    return trusted


def _data(folder: Path, task: Any) -> Iterator[Any]:
    """Yield the values that name classes of models, and flavors of their parts."""
    root = folder.resolve().parent
    search, where = read(folder / "search.yaml", root)
    yield task
    yield read(folder / "data.yaml", root)[0].get("clean")
    yield read(folder / "train.yaml", root)[0]
    yield (read(folder / "package.yaml", root)[0] or {}).get("parts")
    for name in where.mapping(search, need=["models"])["models"]:
        model, place = read(folder / "models" / f"{name}.yaml", root)
        preprocess = place.mapping(model).get("preprocess")
        yield model
        if isinstance(preprocess, str):
            yield read(folder / "preprocess" / f"{preprocess}.yaml", root)[0]


def _paths(data: Any, grammar: Grammar) -> Iterator[str]:
    """Yield the import paths of the classes and functions that a value names, at any depth."""
    if isinstance(data, dict):
        for key in ("class", "import"):
            name = data.get(key)
            if isinstance(name, str) and "." in name:
                yield name
            elif isinstance(name, str):
                yield from (one.path for one in grammar.entries if one.name == name)
        data = list(data.values())
    for one in data if isinstance(data, list) else ():
        yield from _paths(one, grammar)


def _scorers(folder: Path, grammar: Grammar) -> set[str]:
    """Return the functions by which wrappers of the final model score, which its file holds."""
    train, where = read(folder / "train.yaml", folder.resolve().parent)
    found = set()
    for key, (kind, _) in AROUND.items():
        if train.get(key) is None:
            continue
        wrapper = grammar.object(train[key], where.at(key), [kind])
        defaults = parameters(load(wrapper.path, where.at(key)))[0]
        scoring = (train[key].get("params") or {}).get("scoring", defaults.get("scoring"))
        if isinstance(scoring, dict | str):
            function = metric(scoring, where.at(key, "params", "scoring"), grammar).scorer._score_func
            found.add(f"{function.__module__}.{function.__name__}")
    return found


def _key(folder: Path) -> str:
    """Return what changes when other classes may be meant: the params, the code, versions of packages."""
    found = hashlib.sha256()
    for file in (*sorted(folder.rglob("*.yaml")), ENTRIES):
        found.update(f"{file.as_posix()}\0".encode())
        with suppress(OSError):
            found.update(file.read_bytes())
    return found.hexdigest()
