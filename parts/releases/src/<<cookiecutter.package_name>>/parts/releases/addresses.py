"""Addresses of registered models: `registry:prod`, `registry:v1.2.0`, `registry:latest`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEME = "registry:"


def opens(uri: str) -> bool:
    """Return whether an address is that of a registered model."""
    return uri.startswith(SCHEME)


@contextmanager
def opened(uri: str | Path, params: Path) -> Iterator[Path]:
    """Yield the folder of a registered model, which is kept in `.cache/registry`.

    Parameters
    ----------
    uri : str or Path
        `registry:` before a stage, a version or `latest`; `registry:prod@<git address>` asks another repository.
    params : Path
        The project's params, which name the registry.

    Raises
    ------
    UserError
        If there is no such version, or it cannot be fetched.
    """
    from .fetch import fetch

    which, _, repo = str(uri).removeprefix(SCHEME).partition("@")
    yield fetch(which, repo or None, params)
