"""Names that become part of a path, of a stage of DVC, or of a command: of models, preprocessings, stages, packages."""

import re
from collections.abc import Iterable

LONGEST = 64
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")
RULE = (
    f"a name has letters, digits, - and _, at most {LONGEST} of them, begins and ends with a letter or digit, and is "
    "none that Windows keeps for itself"
)
# No file can be called so on Windows, whatever its extension.
DEVICES = {"aux", "con", "nul", "prn", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}


def is_name(name: object) -> bool:
    """Return whether a name is safe as the name of a file, as a word of a shell, and as a key of DVC."""
    return (
        isinstance(name, str)
        and len(name) <= LONGEST
        and NAME.fullmatch(name) is not None
        and name.lower() not in DEVICES
    )


def twin(name: str, others: Iterable[str]) -> str | None:
    """Return the first of the other names that some file systems take for the same one, or None."""
    return next((other for other in others if other.casefold() == name.casefold()), None)
