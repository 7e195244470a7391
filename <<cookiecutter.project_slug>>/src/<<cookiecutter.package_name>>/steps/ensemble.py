"""Ensemble: fitted models of which one prediction is made, as one estimator for raw rows that gives raw labels."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from .fit import behind, fit
from .task import Task


class Folds(BaseEstimator):
    """The models of one configuration that were fitted on the folds of a cross-validation; their outputs are averaged.

    Parameters
    ----------
    models : fitted estimators.
    """

    def __init__(self, models: list[Any]) -> None:
        self.models = models


class Ensemble(BaseEstimator):
    """Fitted members and the estimator that makes one prediction of their outputs.

    It is put together by `train` and cannot be fitted.

    Parameters
    ----------
    names : of the members.
    members : fitted estimators, or `Folds` of them.
    combine : a fitted estimator for arrays of shape (rows, members * k): the members' outputs side by side.
    task : what is predicted, bound to its table.
    """

    def __init__(self, names: list[str], members: list[Any], combine: Any, task: Task) -> None:
        self.names, self.members, self.combine, self.task = names, members, combine, task

    def fit(self, X: Any, y: Any) -> "Ensemble":
        """scikit-learn asks whether there is such a method, and does not call it.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError("an ensemble is put together of fitted members by the stage `train`")

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def outputs(self, X: Any) -> np.ndarray:
        """Return the members' outputs side by side, shape (rows, members * k)."""
        transformed: dict[tuple[int, ...], Any] = {}
        return np.hstack([_member_outputs(member, X, self.task, transformed) for member in self.members])


class EnsembleRegressor(RegressorMixin, Ensemble):
    """An ensemble of regressors; prediction intervals are part of its `combine`."""

    def predict(self, X: Any) -> np.ndarray:
        """Numbers, shape (rows,), or (rows, targets)."""
        y_pred = np.asarray(self.combine.predict(self.outputs(X)))
        return y_pred if isinstance(self.task.target_, list) else y_pred.ravel()

    @available_if(lambda self: hasattr(self.combine, "predict_interval"))
    def predict_interval(self, X: Any) -> np.ndarray:
        """The lower and the upper bound of each interval, shape (rows, 2 * intervals)."""
        return self.predict_both(X)[1]

    def predict_both(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return what `predict` and `predict_interval` return; the members predict once for both."""
        outputs = self.outputs(X)
        bounds = self.combine.predict_interval(outputs, **self.task.difficulty(X))
        return np.asarray(self.combine.predict(outputs)).ravel(), np.asarray(bounds)


class EnsembleClassifier(ClassifierMixin, Ensemble):
    """An ensemble of classifiers; calibration and a decision threshold are part of its `combine`."""

    @property
    def classes_(self) -> np.ndarray:
        """The labels as they are in the table."""
        return np.asarray(self.task.labels_)

    def predict(self, X: Any) -> np.ndarray:
        """Labels, shape (rows,)."""
        return self.classes_[np.asarray(self.combine.predict(self.outputs(X))).astype(int)]

    def predict_both(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return what `predict` and `predict_proba` return; the members predict once for both."""
        outputs = self.outputs(X)
        codes = np.asarray(self.combine.predict(outputs)).astype(int)
        return self.classes_[codes], np.asarray(self.combine.predict_proba(outputs))

    @available_if(lambda self: hasattr(self.combine, "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, shape (rows, classes), in the order of `classes_`."""
        return np.asarray(self.combine.predict_proba(self.outputs(X)))


class WeightedProbabilities(ClassifierMixin, BaseEstimator):
    """The weighted mean of members' probabilities, as a classifier of their outputs side by side.

    Parameters
    ----------
    weights : one for each member, of sum 1.
    classes : how many classes there are.
    """

    def __init__(self, weights: list[float], classes: int) -> None:
        self.weights, self.classes = weights, classes

    def fit(self, X: np.ndarray, y: np.ndarray) -> "WeightedProbabilities":
        """There is nothing to learn."""
        self.classes_ = np.arange(self.classes)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "classes_")

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of shape (rows, classes)."""
        apart = np.asarray(X).reshape(len(X), len(self.weights), self.classes)
        return np.einsum("rmc,m->rc", apart, np.asarray(self.weights))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The code of the most probable class, shape (rows,)."""
        return np.argmax(self.predict_proba(X), axis=1)


class WeightedMean(RegressorMixin, BaseEstimator):
    """The weighted mean of members' predictions, as a regressor of their outputs side by side: of each target's.

    Parameters
    ----------
    weights : one for each member, of sum 1.
    """

    def __init__(self, weights: list[float]) -> None:
        self.weights = weights

    def fit(self, X: np.ndarray, y: np.ndarray) -> "WeightedMean":
        """There is nothing to learn."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Shape (rows,), or (rows, targets)."""
        apart = np.asarray(X).reshape(len(X), len(self.weights), -1)
        found = np.einsum("rmt,m->rt", apart, np.asarray(self.weights))
        return found[:, 0] if found.shape[1] == 1 else found


def models(member: Any) -> list[Any]:
    """The fitted estimators of a member."""
    return list(member.models) if isinstance(member, Folds) else [member]


def refitted(model: Any, features: pd.DataFrame, target: Any, task: Task) -> Any:
    """Return a final model whose members have learned from other rows; how they are combined stays as it is.

    Parameters
    ----------
    model : estimator
        A final model; it is not changed.
    features, target : DataFrame and Series
        The rows to learn from.
    task : Task
        The task, bound to the table; it takes note of the rows.
    """
    task.see(features, target)

    def again(member: Any) -> Any:
        return fit(models(member)[0], features, target)

    if isinstance(model, Ensemble):
        return task.ensemble(model.names, [again(member) for member in model.members], model.combine)
    return again(model)


def _member_outputs(member: Any, X: Any, task: Task, transformed: dict[tuple[int, ...], Any]) -> np.ndarray:
    pairs = [behind(model, X, transformed) for model in models(member)]
    return np.mean([task.to_scores(task.outputs(estimator, rows)) for estimator, rows in pairs], axis=0)
