"""Trust: which types a model's file may hold. They are scikit-learn's, this project's, and those that its params name.

What a file holds never decides by itself what is imported. Functions are not trusted unless the params name them: a
file that somebody has tampered with cannot call what it likes.
"""

import importlib
import inspect
from collections.abc import Iterable
from typing import Any

PACKAGE = __name__.split(".")[0]
TRUSTED = ("sklearn", PACKAGE)
# Values, which run nothing: what a model learned from a text is a sparse matrix.
HARMLESS = (
    "collections.OrderedDict",
    "numpy.dtype",
    *(f"scipy.sparse._{kind}.{kind}_{form}" for kind in ("coo", "csc", "csr", "dia") for form in ("array", "matrix")),
)


def trusted_packages(named: Iterable[str]) -> set[str]:
    """The packages whose classes a model may hold; `named` are the import paths that the params name."""
    return {*TRUSTED, *(path.split(".")[0] for path in named)}


def is_trusted(name: str, named: Iterable[str]) -> bool:
    """Whether an import path is that of a class of a trusted package, or of something that the params name."""
    named = list(named)
    if name in HARMLESS:
        return True
    packages = trusted_packages(named)
    if name.split(".")[0] not in packages:
        return False
    thing = imported(name)
    # A module has classes of other packages, too, which it imports: these are not what it is trusted for.
    own = inspect.isclass(thing) and thing.__module__.split(".")[0] in packages
    return own or any(imported(path) is thing for path in named)


def imported(path: str) -> Any:
    """What an import path names."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
