"""Observers: what parts are told of predictions, behind the door `predictions`.

An observer never holds up a prediction, and one that fails does not fail it.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from ..components.validation import Finding
from ..parts import behind
from .pipeline import PredictionPipeline, Predictions

LOG = logging.getLogger(__name__)


class Observer:
    """What is told of predictions; as a context manager, it starts and ends with whatever predicts."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Finish what is under way."""

    def predicted(self, found: Predictions, request_id: str) -> None:
        """Take predictions that were given to whoever asked for them; rows that were refused have none.

        Parameters
        ----------
        found : Predictions
            It is not to be changed.
        request_id : str
            What the rows of one request, or of one table, have in common.
        """

    def refused(self, findings: Sequence[Finding], rows: int) -> None:
        """Take the reasons for which rows were refused.

        Parameters
        ----------
        findings : sequence of Finding
            Those with the policy "refuse".
        rows : int
            How many rows the request had; all of them are refused by a finding that names none.
        """


class Observers(Observer):
    """Several observers as one; what one of them raises is logged once and goes no further."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers, self._stack, self._failures = list(observers), ExitStack(), set[str]()

    def __enter__(self) -> Self:
        for observer in self._observers:
            self._stack.enter_context(observer)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def predicted(self, found: Predictions, request_id: str) -> None:
        """Tell each of them."""
        for observer in self._observers:
            self._tell(observer.predicted, found, request_id)

    def refused(self, findings: Sequence[Finding], rows: int) -> None:
        """Tell each of them."""
        for observer in self._observers:
            self._tell(observer.refused, findings, rows)

    def _tell(self, told: Callable[..., None], *what: Any) -> None:
        try:
            told(*what)
        except Exception as failure:  # what it says may hold data
            kind = f"{type(failure).__name__} in {told.__qualname__}"
            if kind not in self._failures:
                self._failures.add(kind)
                LOG.warning(json.dumps({"warning": "predictions are not observed", "error": kind}))


def observers(pipeline: PredictionPipeline, origin: str, params: Path, registry: Any = None) -> Observers:
    """Return the observers of this project's parts, not yet started.

    Parameters
    ----------
    pipeline : PredictionPipeline
        What predicts.
    origin : str
        "service" or "batch".
    params : Path
        The project's params.
    registry : prometheus_client.CollectorRegistry, default=None
        Where a service counts.

    Raises
    ------
    UserError
        If the params ask for an observer that cannot be had.
    """
    made = (part.observer(pipeline, origin, params, registry) for _, part in behind("predictions"))
    return Observers([one for one in made if one is not None])
