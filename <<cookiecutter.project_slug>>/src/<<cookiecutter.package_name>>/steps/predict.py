"""Predict: what a fitted model says of new rows."""

from typing import Any

import pandas as pd

from ..schema import Schema
from .featurize import featurize
from .outputs import outputs
from .preprocess import preprocess


def prepare(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Features as the model wants them, from a table as it was read: the same code in training and prediction."""
    return featurize(preprocess(frame, schema))[list(schema.features)]


def predict(model: Any, features: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Predictions with the index of `features`.

    Returns
    -------
    A table with the column `prediction` and, from a classifier that knows them, `probability_<class>` for each class.
    """
    predictions = pd.DataFrame({"prediction": model.predict(features)}, index=features.index)
    if schema.task == "classification" and hasattr(model, "predict_proba"):
        said = outputs(model, features, schema.labels)
        assert said.probabilities is not None
        for column, label in enumerate(schema.labels):
            predictions[f"probability_{label}"] = said.probabilities[:, column]
    return predictions
