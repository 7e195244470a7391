"""What a part is given to check its file in `params/`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...steps.task import Task
from ..grammar import Grammar
from .data import with_role


@dataclass(frozen=True)
class Context:
    """What the core has read in `params/` before it asks the parts.

    Parameters
    ----------
    folder : Path
        The folder of the params.
    grammar : Grammar
        Reads objects, with the packages that `params/registry.yaml` names.
    task : Task
        What is to be predicted.
    data : dict
        The slice of `params/data.yaml`.
    """

    folder: Path
    grammar: Grammar
    task: Task
    data: Mapping[str, Any]

    @property
    def weight(self) -> str | None:
        """The column with the role `weight`, if there is one."""
        return next(iter(with_role(self.data, "weight")), None)
