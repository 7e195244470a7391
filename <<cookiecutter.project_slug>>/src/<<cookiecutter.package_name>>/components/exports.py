"""Exports: flavors of copies of the whole model, for others to use; `flavors.py` says what a flavor is."""

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..store import About


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
        from ..export.mlflow import save

        assert about.features is not None  # nosec B101 # a fact for the type checker
        save(path, about.folder, thing, about.features)

    def load(self, path: Path, about: About) -> Any:
        """Read it by MLflow itself."""
        from ..export.mlflow import load

        return load(path)


class MLEM:
    """MLEM: the whole model for features, which whoever loads it runs. It is saved in an environment of MLEM's own.

    Parameters
    ----------
    python : the interpreter of that environment.
    """

    kind = "flavor"
    suffix, suits, tolerance = ".mlem", ("exports",), 1e-9

    def __init__(self, python: str = ".venv-mlem/bin/python") -> None:
        self.python = python

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write what MLEM writes, which is loaded there and compared."""
        from ..export.mlem import save

        assert about.features is not None  # nosec B101 # a fact for the type checker
        save(thing, path, about.features, self.python)

    def load(self, path: Path, about: About) -> Any:
        """It is for MLEM to load.

        Raises
        ------
        UserError
            Always.
        """
        raise UserError(f"{path} is for MLEM to load")
