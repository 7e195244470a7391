"""Outputs of classifiers, in the form that metrics take and in one that can be averaged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import expit, softmax

from ..objects.metrics import Outputs


def class_outputs(model: Any, features: Any, labels: Sequence[Any]) -> Outputs:
    """A classifier's outputs: labels as codes in the order of `labels`.

    A class that the model has not seen gets the probability 0.
    """
    seen, classes = [list(labels).index(label) for label in model.classes_.tolist()], np.arange(len(labels))

    def predicted() -> np.ndarray:
        y_pred = np.asarray(model.predict(features)).ravel().tolist()
        return np.asarray([list(labels).index(label) for label in y_pred], dtype=int)

    if hasattr(model, "predict_proba"):
        given = np.asarray(model.predict_proba(features))
        probabilities = np.zeros((len(given), len(labels)))
        probabilities[:, seen] = given
        return Outputs(predicted, probabilities, classes=classes)
    if not hasattr(model, "decision_function"):
        return Outputs(predicted, classes=classes)
    decisions = np.asarray(model.decision_function(features))
    if decisions.ndim == 1:
        decisions = decisions if len(labels) > 2 or seen[-1] == 1 else -decisions
        return Outputs(predicted, None, decisions, classes)
    aligned = np.full((len(decisions), len(labels)), decisions.min() - 1)
    aligned[:, seen] = decisions
    return Outputs(predicted, None, aligned, classes)


def class_probabilities(outputs: Outputs, classes: int) -> np.ndarray:
    """Outputs of one shape for all classifiers, which an ensemble can average.

    Returns
    -------
    Array of shape (n, classes): probabilities; where a model gives none, its decision values through the logistic
    function (several classes: softmax), or 1 for the class that it predicts.
    """
    if outputs.probabilities is not None:
        return outputs.probabilities
    if outputs.decisions is None:
        return np.asarray(np.eye(classes)[outputs.predicted])
    if outputs.decisions.ndim == 1:
        positive = expit(outputs.decisions)
        return np.column_stack([1 - positive, positive])
    return np.asarray(softmax(outputs.decisions, axis=1))
