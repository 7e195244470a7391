"""The flavor that copies the whole model for MLEM; `components/flavors.py` says what a flavor is."""

from pathlib import Path
from typing import Any

from ...errors import UserError
from ...objects.allowed import About


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
        from .mlem import save

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
