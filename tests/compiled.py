"""Compiled modules for stamped projects: what Python would compile anew in each project is compiled once."""

import hashlib
import importlib.util
import py_compile
import sys
from pathlib import Path

compiled: dict[bytes, bytes] = {}  # the content of compiled files, by the checksum of their sources


def write(folder: Path) -> None:
    """Write the compiled files of all modules below a folder.

    They hold a checksum of their source, so Python notices every edit, and corrects the name of the source in them.
    """
    if sys.dont_write_bytecode:
        return
    for source in folder.rglob("*.py"):
        file = Path(importlib.util.cache_from_source(str(source)))
        key = hashlib.sha256(source.read_bytes()).digest()
        if key in compiled:
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(compiled[key])
        else:
            py_compile.compile(str(source), str(file), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)
            compiled[key] = file.read_bytes()
