"""Flavors: how the fitted parts of a model are stored, and copies of the whole for others to use.

Each has

- `suffix` of its files;
- `suits`, the names under which `params/package.yaml` may have it: the parts, and `exports`;
- `tolerance`, the most by which a stored model's outputs may differ from the model's own (of numbers: a share of them);
- `save(thing, path, about)`, which writes a new file or folder;
- `load(path, about)`, which gives back what does the same as `thing`, with `predict` where that is a model. It must not
  run code that the params do not name.

What has been saved is loaded again and compared at once.
"""

import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any
from zipfile import ZipFile

import joblib
import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler

from ..errors import UserError
from ..objects.allowed import About, imported, is_trusted, may_be_called, trusted_packages
from ..objects.skops import io

# The nodes of a skops file whose class is not called. The class of any other, such as a list, is called with arguments
# from the file.
HELD = ("CachedNode", "FunctionNode", "JsonNode", "ObjectNode", "TypeNode")
ALL = ("transformers", "label_encoder", "model", "exports")


class Skops:
    """skops: classes that can be part of a model, and no code. The default flavor."""

    kind = "flavor"
    suffix, suits, tolerance = ".skops", ALL, 0.0

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write one file."""
        io.dump(thing, path)

    def load(self, path: Path, about: About) -> Any:
        """Read one file.

        Raises
        ------
        UserError
            If it holds something that is not trusted.
        """
        unknown = io.get_untrusted_types(file=path)
        refuse(path, (name for name in unknown if not is_trusted(name, about.named)))
        refuse(path, (f"a call of {name}" for name in _called(path) if not may_be_called(imported(name))))
        return io.load(path, trusted=unknown)


class Joblib:
    """joblib: a pickle. Other Python programs read it with `joblib.load`, which runs whatever the file says.

    Here it is read with the same trust as skops: classes that can be part of a model, and the functions with which
    scikit-learn and NumPy rebuild their values.
    """

    kind = "flavor"
    suffix, suits, tolerance = ".joblib", ALL, 0.0

    def save(self, thing: Any, path: Path, about: About) -> None:
        """Write one file."""
        joblib.dump(thing, path)

    def load(self, path: Path, about: About) -> Any:
        """Read one file.

        Raises
        ------
        UserError
            If it holds something that is not trusted.
        """
        with path.open("rb") as file:
            return _Unpickler(path, file, about.named).load()


def refuse(path: Path, names: Iterable[str]) -> None:
    """Raise a UserError that tells the first of the names, if there is one."""
    for name in names:
        raise UserError(
            f"{path} holds {name}, which is no part of a model and which no object in params/ names: it is not loaded"
        )


def _called(path: Path) -> list[str]:
    """Return the import paths of the classes that skops would call with arguments from the file."""
    with ZipFile(path) as archive:
        waiting = [json.loads(archive.read("schema.json"))]
    found = set()
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            if node.get("__loader__", "JsonNode") not in HELD:
                found.add(f"{node['__module__']}.{node['__class__']}")
            waiting.extend(node.values())
        elif type(node) is list:
            waiting.extend(node)
    return sorted(found)


# The function of copyreg, private there, with which pickle's protocols 0 and 1 call a constructor.
RECONSTRUCTOR = object().__reduce__()[0]
# NumPy, SciPy and Python rebuild plain values with these; none of them runs what it is given.
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
    """joblib's own reader, which imports and calls only what is trusted."""

    dispatch = NumpyUnpickler.dispatch.copy()

    def __init__(self, path: Path, file: Any, named: list[str]) -> None:
        super().__init__(str(path), file, ensure_native_byte_order=True)
        self.path, self.named = path, named
        self.makers: list[Any] = []  # functions and classes of `VALUES`
        self.compiled: list[Any] = []  # functions that rebuild compiled classes

    def find_class(self, module: str, name: str) -> Any:
        found = f"{module}.{name}"
        if found == "joblib.numpy_pickle.NumpyArrayWrapper":
            return _ArrayWrapper
        # Compiled classes are rebuilt by functions of these names.
        of_cython = name == "newObj" or name.startswith("__pyx_unpickle_")
        if found in VALUES:
            makers = self.makers
        elif of_cython and module.split(".")[0] in trusted_packages(self.named):
            makers = self.compiled
        else:
            refuse(self.path, [found] if "." in name or not is_trusted(found, self.named) else [])
            return imported(found)
        makers.append(imported(found))
        return makers[-1]

    def load_reduce(self) -> None:
        """Call a function or a class with arguments from the file."""
        called, given = self.stack[-2:]
        is_maker = any(called is one for one in self.makers)
        if not (is_maker or may_be_called(called) or any(called is one for one in self.compiled)):
            refuse(self.path, [f"a call of {getattr(called, '__name__', type(called).__name__)}"])
        if called is RECONSTRUCTOR:
            refuse(self.path, ["a call of a constructor"] if given[1] is not object else [])
        elif is_maker:
            # Some of them call what they are given, such as NumPy's functions for random generators.
            callables = [one for one in given if callable(one) and not any(one is maker for maker in self.makers)]
            names = [getattr(one, "__name__", type(one).__name__) for one in callables if not may_be_called(one)]
            refuse(self.path, (f"a call of {name}" for name in names))
        super().load_reduce()

    def load_build(self) -> None:
        """Set the attributes of an object; those of a class or a function stay as they are."""
        if isinstance(self.stack[-2], type | FunctionType | BuiltinFunctionType):
            refuse(self.path, [f"a change of {self.stack[-2].__name__}"])
        super().load_build()

    def load_old(self) -> None:
        """Refuse what only the first protocol of pickle has."""
        refuse(self.path, ["an object in the format of Python 1"])

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.INST[0]] = dispatch[pickle.OBJ[0]] = load_old


class _ArrayWrapper(NumpyArrayWrapper):
    """joblib keeps an array of objects as a pickle within the pickle, which is read as the outer one is."""

    def read_array(self, unpickler: Any, ensure_native_byte_order: bool) -> Any:
        if not isinstance(self.dtype, np.dtype):
            refuse(unpickler.path, [f"an array whose dtype is a {type(self.dtype).__name__}"])
        if not self.dtype.hasobject:
            return super().read_array(unpickler, ensure_native_byte_order)
        return _Unpickler(unpickler.path, unpickler.file_handle, unpickler.named).load()
