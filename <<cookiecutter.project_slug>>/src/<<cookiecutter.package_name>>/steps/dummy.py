"""Dummy: a model that looks at no feature, which is what any model has to beat."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor


def dummy(features: pd.DataFrame, target: pd.Series, labels: Sequence[Any]) -> Any:
    """A fitted dummy: the shares of the classes, or the mean where `labels` is empty."""
    model = DummyClassifier(strategy="prior") if labels else DummyRegressor()
    return model.fit(features, target.to_numpy())
