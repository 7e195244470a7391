"""Addresses of models: a folder, or whatever else a part of this project opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UserError
from ..parts import behind


@contextmanager
def opened(uri: str | Path, params: Path) -> Iterator[Path]:
    """Yield the folder of the model at an address; a copy from elsewhere is removed when the block ends.

    Parameters
    ----------
    uri : str or Path
        A model's folder, or an address that a part opens.
    params : Path
        The project's params, which may say more about the address.

    Raises
    ------
    UserError
        If there is no model, or nothing opens such an address.
    """
    for _, part in behind("addresses"):
        if part.opens(str(uri)):
            with part.opened(str(uri), params) as folder:
                yield folder
            return
    if not Path(uri).is_dir() and ":" in str(uri):
        raise UserError(f"nothing in this project opens {uri}: `make parts` shows what can be added")
    yield Path(uri)
