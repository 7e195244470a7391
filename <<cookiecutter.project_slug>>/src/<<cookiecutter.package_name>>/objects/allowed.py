"""Decide which classes and functions a stored model may hold.

A file never decides by itself what is imported or called. It may hold plain values, classes that can be part of a model
(`PARTS_OF_MODELS`), and what the params name. Everything else is refused: other functions of trusted packages, and
classes that do something when they are built, such as a client of a server.
"""

import importlib
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import BaseEstimator

PACKAGE = __name__.split(".")[0]
# Stores the parts of a model for which the params name no flavor.
DEFAULT = f"{PACKAGE}.components.flavors.Skops"
TRUSTED = ("sklearn", PACKAGE)
# Where parts of models are defined.
OWN = tuple(f"{PACKAGE}.{room}." for room in ("components", "custom", "parts", "steps"))
CALLED = ("builtins", "collections", "numpy", "scipy", "sklearn")
# These hold values; building them does nothing else. A model that has learned from text holds a sparse matrix.
HARMLESS = (
    "collections.OrderedDict",
    "numpy.dtype",
    *(f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("coo", "csc", "csr", "dia") for form in ("array", "matrix")),
    # what transformers have as defaults, or choose columns by
    "numpy.mean",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.cluster._kmeans._kmeans_single_elkan",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    *(f"skrub._dataframe._common.is_{kind}" for kind in ("any_date", "bool", "categorical", "numeric", "string")),
    "skrub._table_vectorizer._created_by_predicate",
    "skrub.selectors._selectors._cardinality_below",
)
# The functions of these packages compute from arrays and do nothing else.
COMPUTING = ("sklearn.feature_selection.", "sklearn.metrics.")
# A class can be part of a model if it, or a class that it derives from, is listed here. Building one has no effect
# outside the process.
PARTS_OF_MODELS = frozenset(
    [
        "sklearn.base.BaseEstimator",
        # losses, links and solvers
        "sklearn._loss._loss.CyLossFunction",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss.link.BaseLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.loss.BaseLoss",
        "sklearn.linear_model._sgd_fast.LossFunction",
        "sklearn.neural_network._stochastic_optimizers.BaseOptimizer",
        # trees, neighbours and kernels
        "sklearn.cluster._birch._CFNode",
        "sklearn.cluster._birch._CFSubcluster",
        "sklearn.cluster._bisect_k_means._BisectingTree",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process.kernels.Hyperparameter",
        "sklearn.gaussian_process.kernels.Kernel",
        "sklearn.metrics._dist_metrics.DistanceMetric32",
        "sklearn.metrics._dist_metrics.DistanceMetric64",
        "sklearn.neighbors._ball_tree.BinaryTree32",
        "sklearn.neighbors._ball_tree.BinaryTree64",
        "sklearn.neighbors._kd_tree.BinaryTree32",
        "sklearn.neighbors._kd_tree.BinaryTree64",
        "sklearn.tree._tree.Tree",
        # what transformers keep
        "sklearn.impute._iterative._ImputerTriplet",
        "skrub._table_vectorizer.ShortReprDict",
        "skrub._utils.LRUDict",
        "skrub.selectors._base.Selector",
        # what stands around an estimator
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.metrics._scorer._BaseScorer",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.BaseCrossValidator",
        "sklearn.model_selection._split.BaseShuffleSplit",
        "sklearn.model_selection._split._CVIterableWrapper",
        "sklearn.model_selection._split._RepeatedSplits",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils._metadata_requests.MetadataRequest",
        "sklearn.utils._metadata_requests.MethodMetadataRequest",
        # other packages
        "catboost.core._CatBoostBase",
        "lightgbm.basic.Booster",
        "xgboost.core.Booster",
    ]
)


@dataclass(frozen=True)
class About:
    """What a flavor may want to know of a model.

    `named` are the import paths that the params name. For exports, `folder` is the model's, and `features` are some
    rows as the whole model takes them.
    """

    named: list[str] = field(default_factory=list)
    folder: Path = Path()
    features: pd.DataFrame | None = None


def trusted_packages(named: Iterable[str]) -> set[str]:
    """Return the packages whose classes a model may hold; `named` are the import paths that the params name."""
    return {*TRUSTED, *(path.split(".")[0] for path in named)}


def is_trusted(name: str, named: Iterable[str]) -> bool:
    """Return whether a stored model may hold the class or function with this import path."""
    named = list(named)
    if name in HARMLESS:
        return True
    package = name.split(".")[0]
    packages = trusted_packages(named)
    if package not in packages or (package == PACKAGE and not name.startswith(OWN)):
        return False
    thing = _found(name)
    if thing is None or hasattr(thing, "suits"):  # a flavor stores models and is no part of them
        return False
    if any(_found(path) is thing for path in named):
        return True
    if inspect.isfunction(thing):
        return thing.__module__.startswith(COMPUTING) and not thing.__name__.startswith("_")
    # A module also holds classes that it imports from elsewhere.
    own = inspect.isclass(thing) and thing.__module__.split(".")[0] in packages
    return own and any(f"{base.__module__}.{base.__qualname__}" in PARTS_OF_MODELS for base in thing.__mro__)


def may_be_called(thing: Any) -> bool:
    """Return whether a class may be called with arguments from a file.

    Trees, losses and arrays are rebuilt this way. Estimators are not: their attributes are set, and their constructors,
    which can be anybody's code, are never called. Nor are those of other packages, some of which read files.
    """
    return inspect.isclass(thing) and thing.__module__.split(".")[0] in CALLED and not issubclass(thing, BaseEstimator)


def imported(path: str) -> Any:
    """Return what an import path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _found(path: str) -> Any:
    """Return what an import path names, or None if it names nothing."""
    try:
        return imported(path)
    except (ImportError, AttributeError, ValueError):
        return None
