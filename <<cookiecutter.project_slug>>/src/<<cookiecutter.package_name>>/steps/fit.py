"""Fit: a model's preprocessing and estimator as one scikit-learn estimator, fitted to raw rows and raw labels."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.metaestimators import available_if

from ..errors import UserError
from ..objects.build import build, pipeline, steps
from ..objects.model import Model

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


class LabelEncoded(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A classifier that takes and gives labels as they are in the table.

    The encoder is fitted with the estimator, inside each fold, and saved with it: some estimators only take
    codes from 0, and a label must never depend on what stood in other rows.

    Parameters
    ----------
    estimator : a classifier for codes.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: Any) -> "LabelEncoded":
        """Fit the encoder, then the estimator."""
        self.encoder_, codes = encode(y)
        self.estimator_ = clone(self.estimator).fit(X, codes)
        self.classes_ = self.encoder_.classes_
        return self

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


def assemble(model: Model, values: Mapping[str, Any], dtypes: Mapping[str, str], task: str) -> Any:
    """The unfitted estimator for a model with one trial's values.

    Parameters
    ----------
    model : the estimator, its preprocessing and their spaces.
    values : a trial's values; `{}` for the defaults.
    dtypes : the feature columns and their dtypes.
    task : "classification" or "regression".

    Raises
    ------
    UserError
        If the preprocessing leaves no column.
    """
    front = steps(model.preprocess, values, dtypes, "preprocess")
    if front and front[0][0] == "columns" and not front[0][1].transformers:
        raise UserError(f"the preprocessing of {model.name} takes none of the columns {', '.join(list(dtypes)[:10])}")
    whole = pipeline([*front, ("model", build(model.estimator, values, dtypes))])
    return LabelEncoded(whole) if task == "classification" else whole


def encode(y: Any) -> tuple[LabelEncoder, np.ndarray]:
    """A fitted label encoder, and the labels as codes of shape (n_samples,)."""
    encoder = LabelEncoder()
    return encoder, encoder.fit_transform(np.asarray(y))


def fit(estimator: Any, X: pd.DataFrame, y: Any) -> Any:
    """A fitted copy of what `assemble` gave."""
    return clone(estimator).fit(X, np.asarray(y))


@dataclass(frozen=True)
class Parts:
    """What `assemble` gave, taken apart: what stands before the estimator, and the estimator."""

    front: Any
    estimator: Any
    encodes: bool

    def prepare(self, X: pd.DataFrame, y: Any) -> tuple[Any, Any]:
        """All that stands before the estimator, fitted, and the rows transformed by it as training sees them."""
        front = clone(self.front)
        return front, front.fit_transform(X, self._codes(y)) if len(front.steps) else X

    def fit(self, front: Any, transformed: Any, y: Any) -> Any:
        """The whole, from a fitted `front` and the rows that it transformed."""
        estimator = clone(self.estimator).fit(transformed, self._codes(y))
        return self._whole(Pipeline([*front.steps, ("model", estimator)]), y)

    def rest(self, fitted: Any) -> Any:
        """Of a fitted whole, what takes transformed rows."""
        if not self.encodes:
            return fitted[-1]
        rest = LabelEncoded(self.estimator)
        rest.encoder_, rest.classes_, rest.estimator_ = fitted.encoder_, fitted.classes_, fitted.estimator_[-1]
        return rest

    def _codes(self, y: Any) -> np.ndarray:
        return encode(y)[1] if self.encodes else np.asarray(y)

    def _whole(self, fitted: Any, y: Any) -> Any:
        if not self.encodes:
            return fitted
        whole = LabelEncoded(Pipeline([*self.front.steps, ("model", self.estimator)]))
        whole.encoder_, whole.estimator_ = encode(y)[0], fitted
        whole.classes_ = whole.encoder_.classes_
        return whole


def parts(estimator: Any) -> Parts | None:
    """The parts of what `assemble` gave, or None where a step changes the number of rows: these belong together."""
    encodes = isinstance(estimator, LabelEncoded)
    whole = estimator.estimator if encodes else estimator
    if any(hasattr(step, "fit_resample") for _, step in whole.steps):
        return None
    return Parts(whole[:-1], whole[-1], encodes)


def behind(model: Any, X: pd.DataFrame, transformed: dict[tuple[int, ...], Any]) -> tuple[Any, Any]:
    """What of a fitted whole takes transformed rows, and the rows for it.

    Parameters
    ----------
    transformed : rows by the transformers that made them. Models that have the same ones find them there.
    """
    whole = model.estimator_ if isinstance(model, LabelEncoded) else model
    steps = getattr(whole, "steps", [])[:-1]
    if not steps or any(hasattr(step, "fit_resample") for _, step in steps):
        return model, X
    key = tuple(id(step) for _, step in steps)
    if key not in transformed:
        transformed[key] = whole[:-1].transform(X)
    if whole is model:
        return whole[-1], transformed[key]
    rest = copy(model)
    rest.estimator_ = whole[-1]
    return rest, transformed[key]


def transform(transformers: Any, X: pd.DataFrame) -> Any:
    """Rows transformed as prediction sees them."""
    return transformers.transform(X) if len(transformers.steps) else X
