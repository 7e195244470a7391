"""Predict: what a fitted model says of new rows."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from ..errors import UserError
from ..schema import Schema
from .cleaning import clean_rows
from .featurize import featurize
from .preprocess import featurized, preprocess
from .task import task_of

Featurize = Callable[[pd.DataFrame], pd.DataFrame]


def prepare(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Features as the model wants them, from a table as it was read: the same code in training and prediction."""
    return features(preprocess(clean_rows(frame, schema), schema), schema)


def features(typed: pd.DataFrame, schema: Schema, by: Featurize | None = None) -> pd.DataFrame:
    """The model's features of a typed table, in its order.

    Parameters
    ----------
    by : makes new columns; the project's own `featurize` if None.

    Raises
    ------
    UserError
        If a feature is not made.
    """
    made = featurized(typed, by or featurize)
    absent = [name for name in schema.features if name not in made]
    if absent:
        raise UserError(f"featurize gives no column {', '.join(map(repr, absent))}, which the model needs")
    return made[list(schema.features)]


def predict(model: Any, features: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Predictions with the index of `features`.

    Returns
    -------
    A table with the columns that the task gives: `prediction` and, from a classifier that knows them,
    `probability_<class>` for each class.
    """
    return task_of(schema).predict(model, features)
