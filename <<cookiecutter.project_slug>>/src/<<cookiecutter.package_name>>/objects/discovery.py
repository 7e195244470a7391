"""Which classes a short name in the params can mean: scikit-learn's, Optuna's, this project's, and those of
the packages named in `params/registry.yaml`.

scikit-learn's own `all_estimators` knows scikit-learn alone, so this module walks packages itself. Walking
takes seconds, so what was found is kept in `.cache/discovery.json` until a version or a module of this project changes.
"""

import contextlib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
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

import numpy as np

from ..errors import UserError, nearest
from ..files import read_json, write_json
from ..parts import modules
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
    "task",
    "cleaning",
    "metric",
    "chart",
)
# Kinds of what can only be the value of a parameter. A type and a function are named with `import`.
VALUES = ("value", "type", "function")
ESTIMATORS = ("classifier", "regressor", "clusterer", "outlier_detector", "estimator")
PACKAGE = __name__.split(".")[0]
ALWAYS = ("sklearn", "optuna")
DISTRIBUTIONS = {"sklearn": "scikit-learn"}  # by the name of the package that is imported
# What prediction does without; see the extra `train` in pyproject.toml.
FOR_TRAINING = ("optuna",)
CACHE = Path(".cache/discovery.json")
IMPORT_PATH = re.compile(r"((?!__)[A-Za-z_]\w*\.)+(?!__)[A-Za-z_]\w*", re.ASCII)

# Built-in types that a parameter may ask for, such as the `dtype` of an encoder.
TYPES = {f"builtins.{one.__name__}": one for one in (bool, int, float, complex, str, bytes, object, list, tuple, dict)}
# Base classes of plain values that a parameter may hold.
VALUE_BASES = {
    "optuna.distributions.BaseDistribution",
    "pandas._libs.tslibs.offsets.BaseOffset",
    "pandas._libs.tslibs.timedeltas._Timedelta",
    "pandas.api.extensions.ExtensionDtype",
    "sklearn.gaussian_process.kernels.Kernel",
}
# Modules whose functions compute and do nothing else. NumPy has others as well, so its functions are named one by one.
COMPUTING = (
    f"{PACKAGE}.components",
    f"{PACKAGE}.custom",
    "scipy.spatial.distance",
    "scipy.special",
    "scipy.stats",
    "sklearn.feature_selection",
    "sklearn.metrics",
    "sklearn.preprocessing",
)
METRIC_ENDINGS = ("_score", "_error", "_loss", "_deviance")
NUMPY = """
    all any argmax argmin argsort around asarray average clip corrcoef count_nonzero cumprod cumsum diff flip max mean
    median min nan_to_num nanmax nanmean nanmedian nanmin nanpercentile nanquantile nanstd nansum nanvar percentile prod
    ptp quantile ravel real round sort std sum unwrap var where
"""

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
    names = (*ALWAYS, *homes(), *packages)
    key = {name: _version(name) for name in (*names, __name__)} | {"python": sys.version}
    if cache is not None and cache.exists():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            kept = read_json(cache)
            if kept["key"] == key:
                return [Entry(**one) for one in kept["entries"]]
    entries = sorted({entry for name in names for entry in _walk(name)})
    if cache is not None:
        with contextlib.suppress(OSError, UserError):  # a service's folder may be one that nobody can write to
            write_json(cache, {"key": key, "entries": [asdict(entry) for entry in entries]})
    return entries


def kinds_of(entries: Iterable[Entry]) -> list[str]:
    """Return the core's kinds, and those that classes of parts declare."""
    return list(dict.fromkeys([*KINDS, *(entry.kind for entry in entries)]))


def resolve(name: Any, packages: Iterable[str], where: Where, kinds: Iterable[str] = KINDS) -> str:
    """The import path that `name` means: a short name, or an import path already.

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
    entries = find_all(packages)
    found = [entry for entry in entries if entry.name == name]
    fitting = sorted({entry.path for entry in found if entry.kind in allowed})
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise where.error(f"{name!r} is ambiguous: write {' or '.join(fitting)}")
    if found:
        raise where.error(f"{name!r} is {_a(found[0].kind)}, and {either(kinds)} is needed here")
    if allowed <= {"sampler", "pruner", "storage"} and importlib.util.find_spec("optuna") is None:
        raise ModuleNotFoundError("No module named 'optuna'", name="optuna")  # `stages.run` says what brings it
    hint = nearest(name, (entry.name for entry in entries if entry.kind in allowed))
    raise where.error(
        f"no {_named(kinds)} is called {name!r}{hint or '; see: make list'} "
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
            f"is {_a(kind)}" if kind else f"is no class{' or function' if callable(thing) else ''} that params can use"
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


def kind_of(thing: Any) -> str | None:
    """Return the kind of a class or function, or None if the params have no use for it.

    Only the class's own definition is looked at; nothing is called.
    """
    if isinstance(thing, type):
        return _kind_of_class(thing)
    return _kind_of_function(thing)


def _kind_of_class(thing: type) -> str | None:
    if any(thing is one for one in TYPES.values()) or _inherits(thing, "numpy.generic"):
        return "type"
    if re.match("_|Base[A-Z][a-z]", thing.__name__) or thing.__name__ == "Base":
        return None
    if _is_own(thing):
        kind = _own_kind(thing)
        if kind:
            return kind
    if inspect.isabstract(thing):
        return None
    bases = {f"{base.__module__}.{base.__qualname__}" for base in thing.__mro__}
    if bases & VALUE_BASES:
        return "value"
    # Optuna is imported where one of its classes is.
    for kind, base in (
        ("sampler", "optuna.samplers._base.BaseSampler"),
        ("pruner", "optuna.pruners._base.BasePruner"),
        ("storage", "optuna.storages._base.BaseStorage"),
    ):
        if base in bases:
            return kind
    if _has(thing, "split", "get_n_splits"):
        return "splitter"
    return _kind_of_estimator(thing)


def _own_kind(thing: type) -> str | None:
    """Return the kind that a class of this project declares (`kind = "ensemble"`), or None if it declares none."""
    kind = inspect.getattr_static(thing, "kind", None)
    if not isinstance(kind, str) or (inspect.isabstract(thing) and kind != "task"):
        return None  # an abstract task, also one where a method is not written yet: building it says which
    return kind


def _kind_of_estimator(thing: type) -> str | None:
    if not _has(thing, "get_params", "set_params"):
        return None
    if thing.__name__ == "Pipeline" and _has(thing, "fit"):
        return "estimator"  # it is what its last step is
    if _has(thing, "fit_resample"):
        return "resampler"
    if not _has(thing, "fit"):
        return None
    bases = {base.__name__ for base in thing.__mro__}
    # CatBoost's classes are no scikit-learn estimators and say what they are in an attribute.
    declared = inspect.getattr_static(thing, "_estimator_type", None)
    for kind, mixin in (
        ("classifier", "ClassifierMixin"),
        ("regressor", "RegressorMixin"),
        ("clusterer", "ClusterMixin"),
        ("outlier_detector", "OutlierMixin"),
    ):
        if mixin in bases or declared == kind:
            return kind
    return "transformer" if _has(thing, "transform") else "estimator"


def _kind_of_function(thing: Any) -> str | None:
    if isinstance(thing, np.ufunc):
        return "function"
    if not callable(thing) or not isinstance(getattr(thing, "__name__", None), str):
        return None
    name, home = thing.__name__, getattr(thing, "__module__", None) or ""
    if home == "numpy":
        return "function" if name in NUMPY.split() and getattr(np, name) is thing else None
    if not inspect.isfunction(thing) or name.startswith("_"):
        return None
    returned = inspect.signature(thing).return_annotation
    returned = str(getattr(returned, "__name__", returned)).removesuffix(" | None").rpartition(".")[2]
    if returned == "Chart" and _is_own(thing):
        return "chart"
    computes = any(home == one or home.startswith(f"{one}.") for one in COMPUTING)
    # scikit-learn's convention: a metric is a function whose name ends so, and which is told the truth first.
    if name.endswith(METRIC_ENDINGS) and (computes or next(iter(inspect.signature(thing).parameters), "") == "y_true"):
        return "metric"
    return "function" if computes else None


def _is_own(thing: Any) -> bool:
    """Whether a class or function is defined in this project."""
    return f"{thing.__module__}.".startswith(f"{PACKAGE}.")


def _has(thing: type, *names: str) -> bool:
    """Whether a class or one of its bases defines all these attributes; no descriptor or metaclass is asked."""
    return all(any(name in vars(base) for base in thing.__mro__) for name in names)


def _inherits(thing: type, name: str) -> bool:
    return any(f"{base.__module__}.{base.__qualname__}" == name for base in thing.__mro__)


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


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def either(kinds: Iterable[str]) -> str:
    """Name the kinds in a sentence: `an estimator, transformer or resampler`."""
    return _a(_named(kinds))


def _named(kinds: Iterable[str]) -> str:
    kinds = tuple(kinds)
    if set(ESTIMATORS) <= set(kinds):
        kinds = ("estimator", *(one for one in kinds if one not in ESTIMATORS))
    return "class" if len(kinds) > 5 else " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
