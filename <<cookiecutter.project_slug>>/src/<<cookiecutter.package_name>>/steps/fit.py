"""Fit: a model's preprocessing and estimator as one scikit-learn estimator, fitted to raw rows and raw labels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.metaestimators import available_if

from ..errors import UserError
from ..objects.build import build, pipeline, steps
from ..objects.model import Model


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


def fit_transformers(estimator: Any, X: pd.DataFrame, y: Any) -> tuple[Any, Any]:
    """All that stands before the estimator, fitted, and the rows transformed by it as training sees them."""
    whole = estimator.estimator if isinstance(estimator, LabelEncoded) else estimator
    front = clone(whole[:-1])
    codes = encode(y)[1] if isinstance(estimator, LabelEncoded) else np.asarray(y)
    return front, front.fit_transform(X, codes) if len(front.steps) else X


def transform(transformers: Any, X: pd.DataFrame) -> Any:
    """Rows transformed as prediction sees them."""
    return transformers.transform(X) if len(transformers.steps) else X
