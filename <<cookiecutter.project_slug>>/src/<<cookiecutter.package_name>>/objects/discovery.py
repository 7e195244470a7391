"""Which classes a short name in the params can mean: scikit-learn's, Optuna's, this project's, and those of
the packages named in `params/registry.yaml`.

scikit-learn's own `all_estimators` knows scikit-learn alone, so this module walks packages itself. Walking
takes seconds, so what was found in a package is kept in `.cache/discovery.json` until its version or, of this project,
a module changes.
"""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import io
import pkgutil
import re
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import UserError, nearest
from ..files import read_json, write_json
from ..parts import modules
from .kinds import KINDS, PACKAGE, TYPES, VALUES, either, kind_of, named_kinds, with_article
from .reader import Where

ALWAYS = ("sklearn", "optuna")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # by the name of the package that is imported
# What prediction does without; see the extra `train` in pyproject.toml.
FOR_TRAINING = ("optuna",)
CACHE = Path(".cache/discovery.json")
IMPORT_PATH = re.compile(r"((?!__)[A-Za-z_]\w*\.)+(?!__)[A-Za-z_]\w*", re.ASCII)

# Modules that say nothing of use and cost something: tests, a module that prints a poem, bridges to clusters
# that are not installed, and scikit-learn's bundled externals.
SKIPPED = {"tests", "testing", "test", "conftest", "this", "dask", "spark", "externals", "datasets", "rabit"}


@dataclass(frozen=True, order=True)
class Entry:
    """One thing that the params can name: `path` is its public import path."""

    name: str
    path: str
    kind: str
    package: str


def homes() -> list[str]:
    """Return the import paths of the rooms of this project that hold classes which the params can name."""
    return [f"{PACKAGE}.components", f"{PACKAGE}.custom", *modules("components")]


def find_all(packages: Iterable[str] = (), cache: Path | None = CACHE) -> list[Entry]:
    """Every class, metric and chart of scikit-learn, Optuna, this project and `packages`, sorted by name.

    Parameters
    ----------
    packages : import names, e.g. `["lightgbm", "sklego"]`.
    cache : where to keep what was found, or None to walk anew.

    Raises
    ------
    UserError
        If a package is not installed, or one of this project's own modules fails to import.
    """
    packages = tuple(packages)
    for package in packages:
        problem = _foreign(f"{package}.x") if package else "is no name"
        with contextlib.suppress(ValueError, ImportError):
            top = package.partition(".")[0]
            if not problem and importlib.util.find_spec(top) is None:
                problem = f"needs the package {top!r}, which is not installed"
        if problem:
            raise UserError(f"{package!r} {problem}: write the import name of a package", "registry.yaml", "packages")
    kept = _kept(cache)
    read = f"{sys.version} {_version(__name__)}"  # by which Python and which reader
    found: dict[str, Any] = {}
    for name in (*ALWAYS, *homes(), *packages):
        version = f"{_version(name)} {read}"
        same = kept.get(name, {}).get("version") == version
        found[name] = kept[name] if same else {"version": version, "entries": [asdict(entry) for entry in _walk(name)]}
    if cache is not None and found != kept:
        with contextlib.suppress(OSError, UserError):  # a service's folder may be one that nobody can write to
            write_json(cache, found)
    return sorted({Entry(**entry) for package in found.values() for entry in package["entries"]})


def _kept(cache: Path | None) -> dict[str, Any]:
    """Return what was found before, by package; nothing if the file is not as `find_all` writes it."""
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        kept: dict[str, Any] = read_json(cache) if cache is not None else {}
        if all({*entry} == {"name", "path", "kind", "package"} for one in kept.values() for entry in one["entries"]):
            return kept
    return {}


def kinds_of(entries: Iterable[Entry]) -> list[str]:
    """Return the core's kinds, and those that classes of parts declare."""
    return list(dict.fromkeys([*KINDS, *(entry.kind for entry in entries)]))


def resolve(name: Any, find: Callable[[], Iterable[Entry]], where: Where, kinds: Iterable[str] = KINDS) -> str:
    """Return the import path that `name` means: a short name of what `find` finds, or an import path already.

    Raises
    ------
    UserError
        If nothing of these kinds has that name, or more than one has.
    """
    if not isinstance(name, str):
        raise where.error(f"a class is named by text, not by {name!r}")
    if "." in name:
        load(name, where, kinds)
        return name
    allowed = set(kinds)
    entries = list(find())
    found = [entry for entry in entries if entry.name == name]
    fitting = sorted({entry.path for entry in found if entry.kind in allowed})
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise where.error(f"{name!r} is ambiguous: write {' or '.join(fitting)}")
    if found:
        raise where.error(f"{name!r} is {with_article(found[0].kind)}, and {either(kinds)} is needed here")
    if allowed <= {"sampler", "pruner", "storage"} and importlib.util.find_spec("optuna") is None:
        raise ModuleNotFoundError("No module named 'optuna'", name="optuna")  # `stages.run` says what brings it
    hint = nearest(name, (entry.name for entry in entries if entry.kind in allowed))
    raise where.error(
        f"no {named_kinds(kinds)} is called {name!r}{hint or '; see: make list'} "
        "(classes of other packages: name the package in params/registry.yaml, or write the whole import path)"
    )


def load(path: str, where: Where, kinds: Iterable[str] | None = None) -> Any:
    """Return the class or function that an import path names, without calling it.

    Parameters
    ----------
    path : str
        An import path, such as `"sklearn.svm.SVC"`.
    where : Where
        The place of `path`, for errors.
    kinds : iterable of str, optional
        The kinds of class or function that may stand there; any that the params know if None.

    Raises
    ------
    UserError
        If it cannot be imported, is of another kind, or is of no kind that the params know. A module of the standard
        library and a file of the project outside its package are refused without being imported.
    """
    needed = "a class" if kinds is None else either(kinds)
    problem = _foreign(path)
    if problem:
        raise where.error(f"{path!r} {problem}, and {needed} is needed here")
    try:
        thing = _imported(path)
    except ModuleNotFoundError as error:
        module_name = path.rpartition(".")[0]
        missing = (error.name or module_name).split(".")[0]
        if missing == module_name.split(".")[0] and importlib.util.find_spec(missing) is None:
            raise where.error(
                f"{path!r} needs the package {missing!r}, which is not installed: "
                "add it to pyproject.toml and run `make setup`"
            ) from None
        raise where.error(f"there is no module {error.name!r}, which {path!r} needs") from None
    except AttributeError as error:
        raise where.error(str(error)) from None
    except Exception as error:
        name = path.rpartition(".")[0]
        raise where.error(f"importing {name!r} fails: {type(error).__name__}: {error}") from error
    kind = kind_of(thing)
    if kind is None or (kinds is not None and kind not in tuple(kinds)):
        what = (
            f"is {with_article(kind)}"
            if kind
            else f"is no class{' or function' if callable(thing) else ''} that params can use"
        )
        raise where.error(f"{path!r} {what}, and {needed} is needed here")
    return thing


@lru_cache(maxsize=1024)
def _imported(path: str) -> Any:
    module_name, _, name = path.rpartition(".")
    module = importlib.import_module(module_name)
    # scikit-learn hides its experimental classes until these are imported, and raises ImportError when asked for them.
    if name == "IterativeImputer" or name.startswith("Halving"):
        for hidden in ("enable_iterative_imputer", "enable_halving_search_cv"):
            importlib.import_module(f"sklearn.experimental.{hidden}")
    if not hasattr(module, name):
        raise AttributeError(f"{module_name!r} has no {name!r}{nearest(name, dir(module))}")
    return getattr(module, name)


def _foreign(path: str) -> str | None:
    """Return why an import path must not even be imported, or None if it may be."""
    if path in TYPES:
        return None
    if not IMPORT_PATH.fullmatch(path):
        return "is no import path"
    top = path.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "is part of Python's standard library"
    if top == PACKAGE or top in sys.modules:
        return None
    with contextlib.suppress(ValueError, ImportError):
        spec = importlib.util.find_spec(top)
        if spec is None:
            return None  # importing it says what is missing
        places = [Path(one).resolve() for one in (spec.submodule_search_locations or [spec.origin or ""]) if one]
        installed = [Path(sysconfig.get_path(one)).resolve() for one in ("purelib", "platlib")]
        here = Path.cwd().resolve()
        for place in places:
            if place.is_relative_to(here) and not any(place.is_relative_to(one) for one in installed):
                return f"is a file of this project outside of {PACKAGE}.custom, which is where its own classes belong"
    return None


def _walk(package: str) -> Iterator[Entry]:
    own = package.startswith(f"{PACKAGE}.")
    best: dict[int, tuple[tuple[bool, int, str], Entry]] = {}
    for module in _modules(package, own):
        for name, thing in vars(module).items():
            if name.startswith("_") or not callable(thing):
                continue
            home = getattr(thing, "__module__", None) or ""
            if not (home == package or home.startswith(f"{package}.")):
                continue
            kind = kind_of(thing)
            if kind is None or kind in VALUES or thing.__name__ != name:
                continue
            if kind == "metric" and not own and package != "sklearn":
                continue
            # Of several public paths, the one that documentation uses: above the defining module, and short.
            path = f"{module.__name__}.{name}"
            rank = (not home.startswith(module.__name__), path.count("."), path)
            if id(thing) not in best or rank < best[id(thing)][0]:
                best[id(thing)] = (rank, Entry(name, path, kind, package.split(".")[0]))
    entries = [entry for _, entry in best.values()]
    if package == "sklearn":
        from sklearn.metrics import get_scorer_names

        scorers = set(get_scorer_names())
        entries = [entry for entry in entries if entry.name not in scorers]
        yield from (Entry(name, f"sklearn.metrics.get_scorer({name!r})", "metric", package) for name in scorers)
    yield from entries


def _modules(package: str, own: bool) -> Iterator[ModuleType]:
    """The public modules of a package that import; for this project's own, one that does not is an error."""
    try:
        root = _import(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        if package in FOR_TRAINING:
            return
        raise UserError(
            f"the package {package!r} is not installed: add it to pyproject.toml and run `make setup`",
            "registry.yaml",
            "packages",
        ) from None
    yield root
    if package == "optuna":
        yield from (_import("optuna.samplers"), _import("optuna.pruners"), _import("optuna.storages"))
        return
    if package == "sklearn":
        _import("sklearn.experimental.enable_iterative_imputer")
        _import("sklearn.experimental.enable_halving_search_cv")
    for info in _submodules(root):
        try:
            yield _import(info)
        except Exception as error:
            if own:
                raise UserError(
                    f"{info.replace('.', '/')}.py does not import: {type(error).__name__}: {error}"
                ) from error


def _submodules(root: ModuleType) -> Iterator[str]:
    for info in pkgutil.iter_modules(getattr(root, "__path__", []), f"{root.__name__}."):
        last = info.name.rpartition(".")[2]
        if last.startswith(("_", "test_")) or last in SKIPPED:
            continue
        yield info.name
        if info.ispkg:
            with contextlib.suppress(Exception):
                yield from _submodules(_import(info.name))


def _import(name: str) -> ModuleType:
    """Import without what some packages print or warn while being imported."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return importlib.import_module(name)


def _version(package: str) -> str:
    """What changes when a package's classes may have changed."""
    if package.startswith(f"{PACKAGE}."):
        spec = importlib.util.find_spec(package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        files = [file for folder in folders for file in sorted(Path(folder).rglob("*.py"))]
        if spec and not folders and spec.origin:
            files = [Path(spec.origin)]
        # Not when they were written: an image, packed and unpacked, rounds that.
        return " ".join(f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}" for file in files)
    return _distribution_versions(package)


@lru_cache
def _distribution_versions(package: str) -> str:
    if package in FOR_TRAINING and importlib.util.find_spec(package) is None:
        return "absent"
    # To list every distribution takes longer than everything else that is done here for a prediction.
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(DISTRIBUTIONS.get(package, package))
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return " ".join(importlib.metadata.version(name) for name in distributions().get(package, [package]))
    return "absent"


@lru_cache
def distributions() -> dict[str, list[str]]:
    """Return the names of the distributions that bring each top-level package; looking takes a second."""
    read: Callable[[], Any] = importlib.metadata.packages_distributions
    return dict(read())
