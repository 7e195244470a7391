"""The flavor that stores fitted estimators as ONNX graphs; `components/flavors.py` says what a flavor is."""

from pathlib import Path
from typing import Any

from ...components.flavors import Skops
from ...objects.allowed import About


class Onnx:
    """ONNX: each fitted estimator as a graph that many runtimes run, for rows as the transformers give them.

    `model.onnx/` holds a graph for each estimator, with the input `features` of shape (rows, columns), and
    `ensemble.skops`, which makes one prediction of theirs. Needs the extra `onnx`.

    Parameters
    ----------
    tolerance : the most by which probabilities, or as a share numbers, may differ: graphs count in single precision.
    """

    kind = "flavor"
    suffix, suits = ".onnx", ("model",)
    rest = "ensemble.skops"
    needs = "skl2onnx"

    def __init__(self, tolerance: float = 1e-3) -> None:
        if tolerance < 0:
            raise ValueError(f"tolerance is a number above 0, not {tolerance}")
        self.tolerance = tolerance

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write a folder with a graph for each estimator."""
        from .onnx import drawn

        Skops().save(drawn(thing, path), path / self.rest, about)

    def load(self, path: Path, about: About) -> Any:
        """Read it; onnxruntime runs graphs and no code of theirs."""
        from .onnx import opened

        return opened(Skops().load(path / self.rest, about), path)
