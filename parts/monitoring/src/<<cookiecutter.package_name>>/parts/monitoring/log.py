"""Read the log of predictions."""

from datetime import datetime

import pandas as pd

from .components import PredictionLog


def read_log(log: PredictionLog, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Return the logged rows from `since` up to, but not including, `until`, in the order in which they were logged.

    Parameters
    ----------
    log : PredictionLog
        The object in `params/monitoring.yaml`, which `read_monitoring(folder).log` has.
    since, until : datetime, default=None
        With a time zone; without one, UTC is meant. None for no limit.

    Returns
    -------
    A table with the columns `input.<column>`, `prediction` or `prediction.<target>`, `probability.<class>`,
    `logged_at` (UTC), `request_id`, `row` and `model_version`; empty if nothing was logged.

    Raises
    ------
    UserError
        If the log cannot be read.
    """
    return log.read(since, until)
