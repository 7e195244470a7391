"""Outputs: what a fitted model says of some rows, and the truth, in the form that metrics take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from ..objects.metrics import Outputs


def outputs(model: Any, features: Any, labels: Sequence[Any]) -> Outputs:
    """A model's outputs for metrics: labels as codes in the order of `labels`; numbers where `labels` is empty.

    A class that the model has not seen gets the probability 0.
    """
    if not labels:
        return Outputs(np.asarray(model.predict(features)).ravel())
    seen = [list(labels).index(label) for label in model.classes_.tolist()]

    def predicted() -> np.ndarray:
        said = np.asarray(model.predict(features)).ravel().tolist()
        return np.asarray([list(labels).index(label) for label in said], dtype=int)

    if hasattr(model, "predict_proba"):
        given = np.asarray(model.predict_proba(features))
        probabilities = np.zeros((len(given), len(labels)))
        probabilities[:, seen] = given
        return Outputs(predicted, probabilities)
    if not hasattr(model, "decision_function"):
        return Outputs(predicted)
    decisions = np.asarray(model.decision_function(features))
    if decisions.ndim == 1:
        return Outputs(predicted, None, decisions if len(labels) > 2 or seen[-1] == 1 else -decisions)
    aligned = np.full((len(decisions), len(labels)), decisions.min() - 1)
    aligned[:, seen] = decisions
    return Outputs(predicted, None, aligned)


def probable(said: Outputs, labels: Sequence[Any]) -> np.ndarray:
    """Outputs of one shape for all models, which an ensemble can average.

    Returns
    -------
    Array of shape (n, classes): probabilities; where a model gives none, its decision values through the logistic
    function (several classes: softmax), or 1 for the class that it predicts. Of shape (n, 1) in a regression.
    """
    if not labels:
        return said.predicted.reshape(-1, 1)
    if said.probabilities is not None:
        return said.probabilities
    if said.decisions is None:
        return np.eye(len(labels))[said.predicted]
    if said.decisions.ndim == 1:
        positive = expit(said.decisions)
        return np.column_stack([1 - positive, positive])
    return np.asarray(softmax(said.decisions, axis=1))


def encoded(target: pd.Series, labels: Sequence[Any]) -> np.ndarray:
    """The truth in the form of `outputs`: codes in the order of `labels`, or numbers, shape (n,)."""
    if not labels:
        return target.to_numpy(dtype=float)
    return target.map({label: code for code, label in enumerate(labels)}).to_numpy(dtype=int)
