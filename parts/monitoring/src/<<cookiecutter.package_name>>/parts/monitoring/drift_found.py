"""What was found in a window: the drift of each column, the alarms, and the verdict in words."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from .drift_columns import ColumnDrift
from .drift_domain import Domain
from .drift_performance import Performance

MOST_NAMED = 5


@dataclass
class Found:
    """What was found in a window; `alarms` is a subset of `drift_params.ALARMS`."""

    source: str
    rows: int
    reference_rows: int
    refused: int
    versions: dict[str, int]
    columns: list[ColumnDrift]
    predictions: list[ColumnDrift]
    domain: Domain | None
    performance: Performance | None
    notes: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        if not self.alarms:
            return f"no drift in {self.rows:,} rows of {self.source}"
        return f"drift in {self.rows:,} rows of {self.source}: {'; '.join(reasons(self))}"

    def to_json(self) -> dict[str, Any]:
        """Return what was found as plain values."""
        return {
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "drift": bool(self.alarms),
            "alarms": self.alarms,
            "sentence": self.sentence,
            "source": self.source,
            "rows": self.rows,
            "reference_rows": self.reference_rows,
            "refused": self.refused,
            "model_versions": self.versions,
            "notes": self.notes,
            "columns": [column.to_json() for column in self.columns],
            "predictions": [column.to_json() for column in self.predictions],
            "domain": None if self.domain is None else asdict(self.domain),
            "performance": None if self.performance is None else asdict(self.performance),
        }


def reasons(found: Found) -> list[str]:
    """Return the alarms in words."""
    lines = []
    for kind, what in (
        ("values", "other values in"),
        ("missing", "other missing shares in"),
        ("unseen", "new categories in"),
    ):
        names = [column.name for column in found.columns if kind in column.alarms]
        lines += [f"{what} {_some(names)}"] if names else []
    names = [column.name for column in found.predictions if column.alarms]
    lines += [f"other predictions ({_some(names)})"] if names else []
    if found.domain is not None and found.domain.alarm:
        by = f", by {_some(list(found.domain.columns))}" if found.domain.columns else ""
        lines.append(f"a classifier tells the rows from those of training (AUC {found.domain.auc:.2f}{by})")
    scored = found.performance
    if scored is not None and scored.alarm:
        here, before = scored.window.value, scored.holdout.value
        lines.append(f"{scored.metric} is {here:.4g}, and was {before:.4g} on the hold-out")
    return lines


def alarms_of(found: Found) -> list[str]:
    """Return the kinds of drift that were found, by name."""
    kinds = {kind for column in found.columns for kind in column.alarms}
    if any(column.alarms for column in found.predictions):
        kinds.add("predictions")
    if found.domain is not None and found.domain.alarm:
        kinds.add("domain")
    if found.performance is not None and found.performance.alarm:
        kinds.add("performance")
    return sorted(kinds)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
