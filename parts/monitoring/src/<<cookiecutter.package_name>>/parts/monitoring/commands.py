"""The command `drift`."""

import argparse
import sys
from datetime import UTC, datetime

from ...commands import Commands


def add(commands: Commands) -> None:
    """Add the command."""
    drift = commands.add(
        "drift", _drift, help="compare new rows with those of training; exits with 3 if they have drifted"
    )
    drift.add_argument("--data", help="a table of new rows; without it, the log of predictions is read")
    drift.add_argument("--since", type=_moment, help="the start of a stretch of the log: 2026-01-31, 2026-01-31T12:00")
    drift.add_argument("--until", type=_moment, help="its end, which does not belong to it")
    drift.add_argument("--labels", help="a table with the targets of these rows, as far as they are known")
    drift.add_argument("--key", help="the columns by which labels find their rows: id, or series,date")


def _drift(given: argparse.Namespace) -> None:
    from ...errors import UserError
    from .drift import DRIFTED, REPORT, Asked, drift, retrain, starts_retraining

    if given.data and (given.since or given.until):
        raise UserError("--since and --until choose from the log, and --data names a table: give one or the other")
    key = [name.strip() for name in given.key.split(",") if name.strip()] if given.key else None
    found = drift(Asked(given.data or None, given.since, given.until, given.labels or None, key))
    print(f"{found.sentence}\n{REPORT} shows it", flush=True)
    if starts_retraining(found):
        retrain()
    if found.alarms:
        sys.exit(DRIFTED)


def _moment(text: str) -> datetime:
    """Parse a date or a time, UTC without a zone, as argparse wants it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a date such as 2026-01-31 is needed, not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
