"""Where a stage fits: the workers that its plan names."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..forks import settle
from ..objects.discovery import load
from ..objects.reader import Where


@contextmanager
def named(plan: dict[str, Any], where: Where) -> Iterator[Any]:
    """The workers of `plan`, not yet started, and their environment; none is left when the block ends.

    Libraries look at the environment when they are loaded: import those that compute inside the block.
    """
    workers = load(plan["workers"]["class"], where, ["workers"])(**plan["workers"].get("params", {}))
    settle(workers.environment)
    try:
        yield workers
    finally:
        workers.stop()


def start(workers: Any, where: Where) -> None:
    """Start the workers: with the libraries that are imported by now, and before these have computed anything.

    Raises
    ------
    UserError
        If they do not start.
    """
    try:
        workers.start(fork=True)
    except (OSError, ImportError) as error:
        raise where.error(f"{type(workers).__name__} does not start: {error}") from None
