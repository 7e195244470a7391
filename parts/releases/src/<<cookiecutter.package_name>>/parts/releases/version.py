"""A version of the model, as every registry knows it."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Version:
    """A registered model.

    Parameters
    ----------
    name : such as v1.2.0.
    commit : of git, from which the model was made.
    made : when it was registered, with a time zone.
    metrics : of `reports/metrics.json` in that commit.
    """

    name: str
    commit: str
    made: datetime
    metrics: dict[str, float] = field(default_factory=dict)
