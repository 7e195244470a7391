"""Which classes a short name in the params can mean: scikit-learn's, Optuna's, this project's, and those of
the packages named in `params/registry.yaml`.

scikit-learn's own `all_estimators` knows scikit-learn alone, so this module walks packages itself. Walking
takes seconds, so what was found is kept in `.cache/registry.json` until a version or a custom module changes.
"""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import io
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import UserError, nearest
from ..files import read_json, write_json
from .reader import Where

KINDS = (
    "classifier",
    "regressor",
    "clusterer",
    "outlier_detector",
    "transformer",
    "resampler",
    "estimator",
    "splitter",
    "sampler",
    "pruner",
    "storage",
    "workers",
    "ensemble",
    "validation",
    "flavor",
    "registry",
    "tracker",
    "task",
    "runner",
    "rule",
    "metric",
    "chart",
)
PACKAGE = __name__.split(".")[0]
ALWAYS = ("sklearn", "optuna", f"{PACKAGE}.custom", f"{PACKAGE}.report.charts")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # by the name of the package that is imported
# What prediction does without; see the extra `train` in pyproject.toml.
FOR_TRAINING = ("optuna",)
CACHE = Path(".cache/registry.json")

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
    names = (*ALWAYS, *packages)
    key = {name: _version(name) for name in names} | {"python": sys.version}
    if cache is not None and cache.exists():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            kept = read_json(cache)
            if kept["key"] == key:
                return [Entry(**one) for one in kept["entries"]]
    entries = sorted({entry for name in names for entry in _walk(name)})
    if cache is not None:
        with contextlib.suppress(OSError):  # a service's folder may be one that nobody can write to
            write_json(cache, {"key": key, "entries": [asdict(entry) for entry in entries]})
    return entries


def resolve(name: Any, packages: Iterable[str], where: Where, kinds: Iterable[str] = KINDS) -> str:
    """The import path that `name` means: a short name from the registry, or an import path already.

    Raises
    ------
    UserError
        If nothing of these kinds has that name, or more than one has.
    """
    if not isinstance(name, str):
        raise where.error(f"a class is named by text, not by {name!r}")
    if "." in name:
        kind = kind_of(load(name, where))
        # What has no kind of its own may still serve: its package knows better than the registry.
        if kind is not None and kind not in set(kinds):
            raise where.error(f"{name!r} is {_a(kind)}, and {_a(_either(kinds))} is needed here")
        return name
    allowed = set(kinds)
    entries = find_all(packages)
    found = [entry for entry in entries if entry.name == name]
    fitting = sorted({entry.path for entry in found if entry.kind in allowed})
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise where.error(f"{name!r} is ambiguous: write {' or '.join(fitting)}")
    if found:
        raise where.error(f"{name!r} is {_a(found[0].kind)}, and {_a(_either(kinds))} is needed here")
    if allowed <= {"sampler", "pruner", "storage"} and importlib.util.find_spec("optuna") is None:
        raise ModuleNotFoundError("No module named 'optuna'", name="optuna")  # `stages.run` says what brings it
    hint = nearest(name, (entry.name for entry in entries if entry.kind in allowed))
    raise where.error(
        f"no {_either(kinds)} is called {name!r}{hint or '; see: make list'} "
        "(classes of other packages: name the package in params/registry.yaml, or write the whole import path)"
    )


def load(path: str, where: Where) -> Any:
    """The class or function that an import path names.

    Raises
    ------
    UserError
        If it cannot be imported.
    """
    module_name, _, name = path.rpartition(".")
    # scikit-learn hides its experimental classes until these are imported.
    for enabled in (
        "",
        "sklearn.experimental.enable_iterative_imputer",
        "sklearn.experimental.enable_halving_search_cv",
    ):
        if enabled and not path.startswith("sklearn."):
            continue
        if enabled:
            importlib.import_module(enabled)
        try:
            return getattr(importlib.import_module(module_name), name)
        except ModuleNotFoundError as error:
            missing = (error.name or module_name).split(".")[0]
            if missing == module_name.split(".")[0] and importlib.util.find_spec(missing) is None:
                raise where.error(
                    f"{path!r} needs the package {missing!r}, which is not installed: "
                    "add it to pyproject.toml and run `make setup`"
                ) from None
            raise where.error(f"there is no module {error.name!r}, which {path!r} needs") from None
        except AttributeError:
            continue
        except Exception as error:
            raise where.error(f"importing {module_name!r} fails: {type(error).__name__}: {error}") from error
    raise where.error(f"{module_name!r} has no {name!r}{nearest(name, dir(importlib.import_module(module_name)))}")


def kind_of(thing: Any) -> str | None:
    """The kind of a class or function, or None if the params have no use for it."""
    if not inspect.isclass(thing) or thing.__name__.startswith(("_", "Base")):
        return None
    if hasattr(thing, "truth") and hasattr(thing, "outputs"):
        return "task"  # also where a method is not written yet: building it says which
    if inspect.isabstract(thing):
        return None
    if thing.__name__ == "Pipeline":
        return "estimator"  # it is what its last step is
    bases = {base.__name__ for base in thing.__mro__}
    # Whatever derives from Optuna's classes has imported it; prediction does without.
    optuna = sys.modules.get("optuna")
    if optuna is not None:
        if issubclass(thing, optuna.samplers.BaseSampler):
            return "sampler"
        if issubclass(thing, optuna.pruners.BasePruner):
            return "pruner"
        if issubclass(thing, optuna.storages.BaseStorage):
            return "storage"
    if hasattr(thing, "choose"):
        return "ensemble"
    if hasattr(thing, "start") and hasattr(thing, "bring"):
        return "runner"
    if hasattr(thing, "check") and not hasattr(thing, "fit"):
        return "validation"
    if hasattr(thing, "save") and hasattr(thing, "suits"):
        return "flavor"
    if hasattr(thing, "held") and hasattr(thing, "take_back"):
        return "registry"
    if hasattr(thing, "judge"):
        return "rule"
    if hasattr(thing, "send") and hasattr(thing, "known"):
        return "tracker"
    if hasattr(thing, "submit") and hasattr(thing, "share"):
        return "workers"
    if hasattr(thing, "split") and hasattr(thing, "get_n_splits"):
        return "splitter"
    if hasattr(thing, "fit_resample"):
        return "resampler"
    if not hasattr(thing, "fit"):
        return None
    # CatBoost's classes are no scikit-learn estimators and say what they are in an attribute.
    declared = getattr(thing, "_estimator_type", None)
    for kind, mixin in (
        ("classifier", "ClassifierMixin"),
        ("regressor", "RegressorMixin"),
        ("clusterer", "ClusterMixin"),
        ("outlier_detector", "OutlierMixin"),
    ):
        if mixin in bases or declared == kind:
            return kind
    return "transformer" if hasattr(thing, "transform") else "estimator"


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
            kind = kind_of(thing) or _kind_of_function(thing, package, own)
            if not kind or thing.__name__ != name:
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


def _kind_of_function(thing: Any, package: str, own: bool) -> str | None:
    if not inspect.isfunction(thing):
        return None
    if "Chart" in str(inspect.signature(thing).return_annotation) and own:
        return "chart"
    if (package == "sklearn" and thing.__module__.startswith("sklearn.metrics")) or own:
        # scikit-learn's convention: a metric is a function whose name ends so.
        return "metric" if thing.__name__.endswith(("_score", "_error", "_loss", "_deviance")) else None
    return None


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
        return " ".join(importlib.metadata.version(name) for name in _distributions().get(package, [package]))
    return "absent"


@lru_cache
def _distributions() -> dict[str, list[str]]:
    read: Callable[[], Any] = importlib.metadata.packages_distributions
    return dict(read())


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _either(kinds: Iterable[str]) -> str:
    kinds = tuple(kinds)
    return "class" if kinds == KINDS or len(kinds) > 4 else " or ".join(kinds)
