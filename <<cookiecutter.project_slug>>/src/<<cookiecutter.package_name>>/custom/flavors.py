"""Flavors: how the parts of a model's folder are stored; `exports.py` has those of copies of the whole.

Each has

- `suffix` of its files;
- `suits`, the names under which `params/package.yaml` may have it: the parts, and `exports`;
- `tolerance`, the most by which a stored model's outputs may differ from the model's own (of numbers: a share of them);
- `save(thing, path, about)`, which writes a new file or folder;
- `load(path, about)`, which gives back what does the same as `thing`, with `predict` where that is a model. It must not
  run code that the params do not name.

What has been saved is loaded again and compared at once.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import joblib
import skops.io
from joblib.numpy_pickle import NumpyUnpickler

from ..errors import UserError
from ..store import About
from ..trust import imported, is_trusted, trusted_packages

ALL = ("transformers", "label_encoder", "model", "exports")


class Skops:
    """skops: types of trusted packages alone, no code. What this project uses unless told otherwise."""

    suffix, suits, tolerance = ".skops", ALL, 0.0

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write one file."""
        skops.io.dump(thing, path)

    def load(self, path: Path, about: About) -> Any:
        """Read one file.

        Raises
        ------
        UserError
            If it holds what is not trusted.
        """
        unknown = skops.io.get_untrusted_types(file=path)
        refuse(path, (name for name in unknown if not is_trusted(name, about.named)))
        return skops.io.load(path, trusted=unknown)


class Joblib:
    """joblib: a pickle, which other Python programs read with `joblib.load`, and so whatever it holds is run there.

    Here it is read with the trust that skops has: classes of trusted packages, and the functions by which scikit-learn
    and NumPy put themselves together.
    """

    suffix, suits, tolerance = ".joblib", ALL, 0.0

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write one file."""
        joblib.dump(thing, path)

    def load(self, path: Path, about: About) -> Any:
        """Read one file.

        Raises
        ------
        UserError
            If it holds what is not trusted.
        """
        with path.open("rb") as file:
            return _Unpickler(path, file, about.named).load()


class Onnx:
    """ONNX: each fitted estimator as a graph that many runtimes run, for rows as the transformers give them.

    `model.onnx/` holds a graph for each estimator, with the input `features` of shape (rows, columns), and
    `ensemble.skops`, which makes one prediction of theirs. Needs the extra `onnx`.

    Parameters
    ----------
    tolerance : the most by which probabilities, or as a share numbers, may differ: graphs count in single precision.
    """

    suffix, suits = ".onnx", ("model",)
    rest = "ensemble.skops"

    def __init__(self, tolerance: float = 1e-3) -> None:
        if tolerance < 0:
            raise ValueError(f"tolerance is a number above 0, not {tolerance}")
        self.tolerance = tolerance

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write a folder with a graph for each estimator."""
        from ..export.onnx import drawn

        Skops().save(drawn(thing, path), path / self.rest, about)

    def load(self, path: Path, about: About) -> Any:
        """Read it; onnxruntime runs graphs and no code of theirs."""
        from ..export.onnx import opened

        return opened(Skops().load(path / self.rest, about), path)


def refuse(path: Path, names: Iterable[str]) -> None:
    """Raise a UserError if there is any name."""
    for name in names:
        raise UserError(f"{path} holds {name}, which no object in params/ names: it is not loaded")


# By these NumPy, SciPy, pandas and Python itself put values together; none of them runs what it is given.
VALUES = frozenset(
    [
        "builtins.bytearray",
        "builtins.complex",
        "builtins.frozenset",
        "builtins.object",
        "builtins.set",
        "builtins.slice",
        "collections.defaultdict",
        "copyreg._reconstructor",
        "joblib.numpy_pickle.NumpyArrayWrapper",
        "numpy.bool",
        "numpy.float32",
        "numpy.float64",
        "numpy.int32",
        "numpy.int64",
        "numpy.uint8",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.numeric._frombuffer",
        "numpy.core.numeric._frombuffer",
        "numpy.ndarray",
        "numpy.random._mt19937.MT19937",
        "numpy.random._pcg64.PCG64",
        "numpy.random.bit_generator.SeedSequence",
        "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
        "numpy.random._pickle.__bit_generator_ctor",
        "numpy.random._pickle.__generator_ctor",
        "numpy.random._pickle.__randomstate_ctor",
    ]
)


class _Unpickler(NumpyUnpickler):
    """joblib's own reader, which imports what is trusted and nothing else."""

    def __init__(self, path: Path, file: Any, named: list[str]) -> None:
        super().__init__(str(path), file, ensure_native_byte_order=True)
        self.path, self.named = path, named

    def find_class(self, module: str, name: str) -> Any:
        found = f"{module}.{name}"
        of_cython = name == "newObj" or name.startswith("__pyx_unpickle_")  # how compiled classes are put together
        if found not in VALUES and not (of_cython and module.split(".")[0] in trusted_packages(self.named)):
            refuse(self.path, [found] if "." in name or not is_trusted(found, self.named) else [])
        return imported(found)
