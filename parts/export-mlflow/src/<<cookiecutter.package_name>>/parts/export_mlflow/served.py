"""What MLflow loads: a prediction pipeline for rows as they stand in the table; `mlflow.py` names this module."""

from pathlib import Path
from typing import Any

import pandas as pd

from ...prediction.pipeline import PredictionPipeline


class Served:
    """A prediction pipeline as MLflow calls it."""

    def __init__(self, pipeline: PredictionPipeline) -> None:
        self.pipeline = pipeline

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Predictions, and of a classifier that knows them probabilities, one for each row."""
        return self.pipeline.predict(frame)


def _load_pyfunc(path: str) -> Served:
    """The entry point that MLflow wants a `loader_module` to have."""
    return Served(PredictionPipeline.load(Path(path) / "model", Path(path) / "params"))
