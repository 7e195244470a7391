"""Sources of data: a path or an address in `params/data.yaml`, or a mapping that a part of this project reads."""

from pathlib import Path
from typing import Any

from ..parts import behind
from .reader import Where

RAW = "data/raw"  # where the files of the data are


def resolved(source: Any, where: Where) -> dict[str, Any]:
    """Return what the plan says of the source of the data.

    Parameters
    ----------
    source : str or dict
        What `params/data.yaml` says.
    where : Where
        The place of that.

    Returns
    -------
    `source`, the path or address to read, and where a part brings the file, `origin`, from where it does.

    Raises
    ------
    UserError
        If nothing reads such a source, or the part does not accept it.
    """
    if isinstance(source, str):
        return {"source": source}
    for _, part in behind("sources"):
        if part.opens(source):
            origin = part.checked(source, where)
            return {"source": part.path(origin), "origin": origin}
    raise where.error("nothing in this project reads such a source: `make parts` shows what can be added")


def check_origin(source: str, origin: Any) -> None:
    """Refuse a file that did not come from its origin; any file is accepted if that is None.

    Raises
    ------
    UserError
        If a part says so.
    """
    if origin is not None:
        for _, part in behind("sources"):
            if part.opens(origin):
                part.check(source, origin)


def bring_newest(params: Path) -> list[str]:
    """Let each part bring the newest version of the data that it imports; return what was done, as sentences."""
    done = [part.bring(params, update=True) for _, part in behind("sources")]
    return [sentence for sentence in done if sentence]
