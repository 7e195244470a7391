"""Names that become part of a path, of a stage of DVC, or of a command: of models, preprocessings, stages, packages."""

import re
from collections.abc import Iterable, Mapping

from .errors import UserError

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


def requirements(versions: Mapping[str, str]) -> list[str]:
    """Return the packages of a model's `environment.json` as requirements for pip, without Python itself.

    Raises
    ------
    UserError
        If one is no package with a version: pip would read it as an option, an address or something else.
    """
    from packaging.version import InvalidVersion, Version

    found = []
    for name, version in versions.items():
        if name == "python":
            continue
        try:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
                raise InvalidVersion
            found.append(f"{name}=={Version(version)}")
        except (InvalidVersion, TypeError):
            raise UserError(
                f"environment.json: {name!r}: {version!r} is no package with a version: `make run` writes it anew"
            ) from None
    return found
