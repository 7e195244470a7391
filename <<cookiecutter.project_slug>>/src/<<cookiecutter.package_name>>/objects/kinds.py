"""What kind of class or function the params may name: an estimator, a splitter, a metric, ..."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

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


def with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def either(kinds: Iterable[str]) -> str:
    """Name the kinds in a sentence: `an estimator, transformer or resampler`."""
    return with_article(named_kinds(kinds))


def named_kinds(kinds: Iterable[str]) -> str:
    kinds = tuple(kinds)
    if set(ESTIMATORS) <= set(kinds):
        kinds = ("estimator", *(one for one in kinds if one not in ESTIMATORS))
    return "class" if len(kinds) > 5 else " or ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
