"""The flavor that copies the whole model for MLflow; `components/flavors.py` says what a flavor is."""

from pathlib import Path
from typing import Any

from ...objects.allowed import About


class MLflow:
    """MLflow: the prediction pipeline as a model that `mlflow models serve` serves, for rows as they are in the table.

    It brings the model's folder, the params and this project's code, all of which whoever loads it runs. Needs the
    extra `mlflow`.
    """

    kind = "flavor"
    suffix, suits, tolerance = ".mlflow", ("exports",), 1e-9
    needs = "mlflow"

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write a folder."""
        from .mlflow import save

        assert about.features is not None  # nosec B101 # a fact for the type checker
        save(path, about.folder, thing, about.features)

    def load(self, path: Path, about: About) -> Any:
        """Read it by MLflow itself."""
        from .mlflow import load

        return load(path)
