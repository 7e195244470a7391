"""Outputs: what a fitted model says of some rows, and the truth, in the form that metrics take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..objects.metrics import Outputs


def outputs(model: Any, features: pd.DataFrame, labels: Sequence[Any]) -> Outputs:
    """A model's outputs for metrics: labels as codes in the order of `labels`; numbers where `labels` is empty.

    A class that the model has not seen gets the probability 0.
    """
    predicted = np.asarray(model.predict(features))
    if not labels:
        return Outputs(predicted.ravel())
    seen = [list(labels).index(label) for label in model.classes_.tolist()]
    codes = np.asarray([list(labels).index(label) for label in predicted.ravel().tolist()], dtype=int)
    if hasattr(model, "predict_proba"):
        probabilities = np.zeros((len(codes), len(labels)))
        probabilities[:, seen] = model.predict_proba(features)
        return Outputs(codes, probabilities)
    if not hasattr(model, "decision_function"):
        return Outputs(codes)
    decisions = np.asarray(model.decision_function(features))
    if decisions.ndim == 1:
        return Outputs(codes, None, decisions if len(labels) > 2 or seen[-1] == 1 else -decisions)
    aligned = np.full((len(codes), len(labels)), decisions.min() - 1)
    aligned[:, seen] = decisions
    return Outputs(codes, None, aligned)


def encoded(target: pd.Series, labels: Sequence[Any]) -> np.ndarray:
    """The truth in the form of `outputs`: codes in the order of `labels`, or numbers, shape (n,)."""
    if not labels:
        return target.to_numpy(dtype=float)
    return target.map({label: code for code, label in enumerate(labels)}).to_numpy(dtype=int)
