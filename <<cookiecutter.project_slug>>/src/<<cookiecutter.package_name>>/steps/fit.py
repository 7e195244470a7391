"""Fit: a model's preprocessing and estimator as one scikit-learn estimator, fitted to raw rows and raw labels."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import has_fit_parameter

from ..errors import UserError
from ..objects.build import build, pipeline, steps
from ..objects.model import Model
from .task import Task

# What these predict is the class of the largest probability. All their trees need not be asked twice.
MOST_PROBABLE = frozenset(
    [
        "catboost.CatBoostClassifier",
        "lightgbm.LGBMClassifier",
        "xgboost.XGBClassifier",
        "sklearn.ExtraTreesClassifier",
        "sklearn.HistGradientBoostingClassifier",
        "sklearn.RandomForestClassifier",
    ]
)

# These pass on to what they are around whatever arguments their `fit` gets.
PASSING_ON = frozenset(["FixedThresholdClassifier", "TransformedTargetRegressor", "TunedThresholdClassifierCV"])


class Wrapper(ABC, MetaEstimatorMixin, BaseEstimator):
    """Around a pipeline of preprocessing and estimator: turns raw targets into what the estimator takes, and back.

    Parameters
    ----------
    estimator : an estimator for what `encode` gives.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @abstractmethod
    def encode(self, y: Any) -> Any:
        """Learn from raw targets what is needed to turn them, and give what the estimator takes."""

    def fit(self, X: Any, y: Any, sample_weight: np.ndarray | None = None) -> Any:
        """Learn to turn the targets, then fit the estimator."""
        self.estimator_ = clone(self.estimator).fit(X, self.encode(y), **weighting(self.estimator, sample_weight))
        return self


class LabelEncoded(ClassifierMixin, Wrapper):
    """A classifier that takes and gives labels as they are in the table.

    The encoder is fitted with the estimator, inside each fold, and saved with it: some estimators only take
    codes from 0, and a label must never depend on what stood in other rows.

    Parameters
    ----------
    estimator : a classifier for codes.
    """

    def encode(self, y: Any) -> np.ndarray:
        """Codes of shape (n_samples,)."""
        self.encoder_ = LabelEncoder()
        codes = self.encoder_.fit_transform(np.asarray(y))
        self.classes_ = self.encoder_.classes_
        return np.asarray(codes)

    def predict(self, X: Any) -> np.ndarray:
        """Labels, shape (n_samples,)."""
        codes = np.asarray(self.estimator_.predict(X)).ravel().astype(int)
        return np.asarray(self.encoder_.inverse_transform(codes))

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (n_samples, n_classes), in the order of `classes_`."""
        return np.asarray(self.estimator_.predict_proba(X))

    def predict_both(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """What `predict` and `predict_proba` give, for which the rows are transformed once."""
        inner, rows = self.estimator_, X
        if isinstance(inner, Pipeline) and not any(hasattr(step, "fit_resample") for _, step in inner.steps):
            inner, rows = inner[-1], transform(inner[:-1], X)
        probabilities = np.asarray(inner.predict_proba(rows))
        if f"{type(inner).__module__.split('.')[0]}.{type(inner).__name__}" in MOST_PROBABLE:
            codes = np.asarray(inner.classes_)[np.argmax(probabilities, axis=1)].astype(int)
        else:
            codes = np.asarray(inner.predict(rows)).ravel().astype(int)
        return np.asarray(self.encoder_.inverse_transform(codes)), probabilities

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "decision_function"))
    def decision_function(self, X: Any) -> np.ndarray:
        """The estimator's own decision values."""
        return np.asarray(self.estimator_.decision_function(X))


def assemble(model: Model, values: Mapping[str, Any], dtypes: Mapping[str, str], task: Task) -> Any:
    """The unfitted estimator for a model with one trial's values.

    Parameters
    ----------
    model : the estimator, its preprocessing and their spaces.
    values : a trial's values; `{}` for the defaults.
    dtypes : the feature columns and their dtypes.
    task : what is to be predicted.

    Raises
    ------
    UserError
        If the preprocessing leaves no column.
    """
    preprocess = steps(model.preprocess, values, dtypes, "preprocess")
    if preprocess and preprocess[0][0] == "columns" and not preprocess[0][1].transformers:
        raise UserError(f"the preprocessing of {model.name} takes none of the columns {', '.join(list(dtypes)[:10])}")
    return task.wrap(pipeline([*preprocess, ("model", task.adapt(build(model.estimator, values, dtypes)))]))


def takes_several_targets(estimator: Any) -> bool:
    """Whether scikit-learn knows of an estimator that it can be fitted to several targets at once."""
    if isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return isinstance(estimator, BaseEstimator) and bool(get_tags(estimator).target_tags.multi_output)


def takes_weights(estimator: Any) -> bool:
    """Return whether an estimator, and the one that it is built around, can be fitted with row weights."""
    inner = getattr(estimator, "regressor", getattr(estimator, "estimator", None))
    if hasattr(inner, "fit") and not takes_weights(inner):
        return False
    return has_fit_parameter(estimator, "sample_weight") or type(estimator).__name__ in PASSING_ON


def weighting(estimator: Any, weights: np.ndarray | None) -> dict[str, Any]:
    """Return the arguments of `fit` that give row weights to an estimator, or to the last step of a pipeline."""
    if weights is None:
        return {}
    last = f"{estimator.steps[-1][0]}__" if isinstance(estimator, Pipeline) else ""
    return {f"{last}sample_weight": weights}


def fit(estimator: Any, X: pd.DataFrame, y: Any, weights: np.ndarray | None = None) -> Any:
    """Return a fitted copy of an estimator of `assemble`; `weights` of shape (rows,) reach its last step."""
    return _fitted(estimator, X, np.asarray(y), weights)


def _fitted(estimator: Any, X: Any, y: np.ndarray, weights: np.ndarray | None) -> Any:
    """Return a fitted copy of an estimator.

    A classifier that stops early holds rows of each class out, which scikit-learn refuses for a class of one row and
    where it would hold out fewer rows than there are classes. Such a row is given twice, and more rows are held out.
    """
    made = clone(estimator)
    if not _stops_early(made) or not is_classifier(made):
        return made.fit(X, y, **weighting(made, weights))
    columns = y.reshape(len(y), -1).T
    found = [np.unique(column, return_index=True, return_counts=True) for column in columns]
    alone = np.unique(np.concatenate([first[counts == 1] for _, first, counts in found]))
    if len(alone):
        rows = np.concatenate([np.arange(len(y)), alone])
        X, y = _safe_indexing(X, rows), y[rows]
        weights = None if weights is None else weights[rows]
    classes = max(len(values) for values, _, _ in found)
    for name, value in made.get_params().items():
        if name.rpartition("__")[2] == "validation_fraction" and isinstance(value, float) and value * len(y) < classes:
            made.set_params(**{name: min(classes / len(y), 0.5)})
    return made.fit(X, y, **weighting(made, weights))


def _stops_early(estimator: Any) -> bool:
    """Whether an estimator, or one inside it, ends its fit by rows that it holds out."""
    if not hasattr(estimator, "get_params"):
        return False
    params = estimator.get_params()
    for name, value in params.items():
        before, sign, last = name.rpartition("__")
        decides = last == "early_stopping" or (
            last == "n_iter_no_change" and f"{before}{sign}early_stopping" not in params
        )
        if decides and value:
            return True
    return False


@dataclass(frozen=True)
class Parts:
    """An estimator of `assemble`, taken apart: the preprocessing, the estimator behind it, and the wrapper of both."""

    preprocess: Any
    estimator: Any
    wrapper: Wrapper | None

    def prepare(self, X: pd.DataFrame, y: Any) -> tuple[Any, Any]:
        """Return the fitted preprocessing, and the rows transformed by it as training sees them."""
        preprocess = clone(self.preprocess)
        return preprocess, preprocess.fit_transform(X, self._encoded(y)[1]) if len(preprocess.steps) else X

    def fit(self, preprocess: Any, transformed: Any, y: Any, weights: np.ndarray | None = None) -> Any:
        """Fit the estimator to rows that a fitted preprocessing has transformed; return the whole."""
        whole, targets = self._encoded(y)
        estimator = _fitted(self.estimator, transformed, np.asarray(targets), weights)
        fitted = Pipeline([*preprocess.steps, ("model", estimator)])
        if whole is None:
            return fitted
        whole.estimator_ = fitted
        return whole

    def rest(self, fitted: Any) -> Any:
        """Return the part of a fitted whole that takes transformed rows."""
        return fitted[-1] if self.wrapper is None else _behind(fitted)

    def _encoded(self, y: Any) -> tuple[Any, Any]:
        """Return a wrapper that has seen the targets, if there is one, and the targets that the estimator takes."""
        if self.wrapper is None:
            return None, np.asarray(y)
        whole = clone(self.wrapper)
        return whole, whole.encode(np.asarray(y))


def parts(estimator: Any) -> Parts | None:
    """Take an estimator of `assemble` apart; return None where its parts belong together.

    They do where a step changes the number of rows, and where a task has put something else around the pipeline.
    """
    wrapper = estimator if isinstance(estimator, Wrapper) else None
    whole = estimator if wrapper is None else wrapper.estimator
    if not isinstance(whole, Pipeline) or any(hasattr(step, "fit_resample") for _, step in whole.steps):
        return None
    return Parts(whole[:-1], whole[-1], wrapper)


def behind(model: Any, X: pd.DataFrame, transformed: dict[tuple[int, ...], Any]) -> tuple[Any, Any]:
    """What of a fitted whole takes transformed rows, and the rows for it.

    Parameters
    ----------
    transformed : rows by the transformers that made them. Models that have the same ones find them there.
    """
    whole = model.estimator_ if isinstance(model, Wrapper) else model
    steps = getattr(whole, "steps", [])[:-1]
    if not steps or any(hasattr(step, "fit_resample") for _, step in steps):
        return model, X
    key = tuple(id(step) for _, step in steps)
    if key not in transformed:
        transformed[key] = whole[:-1].transform(X)
    return whole[-1] if whole is model else _behind(model), transformed[key]


def transform(transformers: Any, X: pd.DataFrame) -> Any:
    """Transform rows as prediction sees them."""
    return transformers.transform(X) if len(transformers.steps) else X


def _behind(whole: Wrapper) -> Any:
    """Return a fitted whole without its preprocessing."""
    rest = copy(whole)
    rest.estimator_ = whole.estimator_[-1]
    return rest
