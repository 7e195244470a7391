"""Declare and read the section `drift:` of `params/monitoring.yaml`: when new rows have drifted, and what follows."""

from dataclasses import dataclass
from typing import Any

from ...objects.params.keys import choice, either, items, mapping, number, or_null, text, whole
from ...objects.reader import Where
from .. import names

ALARMS = ("values", "missing", "unseen", "predictions", "domain", "performance")
RETRAINING = "retrain"  # the part that trains again
FEWEST_ROWS, FEWEST_FORECASTS = 30, 6
KEY = either(text(), items(text(), minItems=1), needs="the name of a column, or a list of names")

DRIFT = mapping(
    {
        "days": whole("How many days of the log `make drift` looks at.", default=7),
        "minimum_rows": or_null(whole("Fewer rows than this are refused; null for 30, or 6 forecasts.", 5)),
        "ignore": or_null(items(text(), "Columns that are not compared.", uniqueItems=True), []),
        "labels": or_null(text("A table with the targets of past predictions, once they are known.")),
        "key": or_null(
            KEY | {"description": "The columns by which labels find their rows; null for the column with the role id."}
        ),
        "alpha": number(
            "How rarely rows without drift may raise each kind of alarm.", minimum=0.0001, maximum=0.2, default=0.01
        ),
        "psi": number("How far a column's PSI has to exceed what chance gives.", minimum=0, maximum=10, default=0.1),
        "missing": number("By how much the share of missing values has to change.", minimum=0, maximum=1, default=0.1),
        "unseen": number("How large the share of new categories has to be.", minimum=0, maximum=1, default=0.05),
        "auc": number("How well rows have to be told from those of training.", minimum=0.5, maximum=1, default=0.6),
        "lost": number(
            "Which share of what the model was better than the dummy model has to be lost.",
            minimum=0,
            maximum=10,
            default=0.2,
        ),
        "retrain": or_null(
            mapping(
                {
                    "when": items(
                        choice(ALARMS, needs=f"one of {', '.join(ALARMS)}"),
                        "The alarms of which any starts `make retrain`.",
                        uniqueItems=True,
                        minItems=1,
                    )
                },
                ["when"],
                "When `make drift` starts `make retrain`; null for never.",
            )
        ),
    },
    description="When new rows have drifted, and what follows.",
    default={},
)


@dataclass(frozen=True)
class Limits:
    """From which effect on a difference counts, and how rarely chance may look like one; see `DRIFT`."""

    alpha: float = 0.01
    psi: float = 0.1
    missing: float = 0.1
    unseen: float = 0.05
    auc: float = 0.6
    lost: float = 0.2


@dataclass(frozen=True)
class Drift:
    """The keys of `drift:`; `key` is a list of columns, or None; `retrain` the alarms that start a retraining."""

    days: int
    minimum_rows: int | None
    ignore: list[str]
    labels: str | None
    key: list[str] | None
    limits: Limits
    retrain: list[str]
    where: Where

    def fewest(self, independent: bool) -> int:
        """Return how many rows are compared at least; there are few forecasts, whose rows are not independent."""
        if self.minimum_rows is not None:
            return self.minimum_rows
        return FEWEST_ROWS if independent else FEWEST_FORECASTS


def drift_of(values: dict[str, Any], where: Where) -> Drift:
    """Return the section `drift:` of checked values.

    Raises
    ------
    UserError
        If it starts a retraining, and the part `retrain` is not there.
    """
    written = dict(values)
    key, retrain = written["key"], written["retrain"]
    if retrain is not None and RETRAINING not in names():
        raise where.at("retrain").error(
            f"`retrain` starts `make retrain`, which is in the part {RETRAINING!r}: `make add PART={RETRAINING}` adds "
            "it, and `retrain: null` does without"
        )
    limits = Limits(**{name: float(written[name]) for name in Limits.__dataclass_fields__})
    return Drift(
        days=written["days"],
        minimum_rows=written["minimum_rows"],
        ignore=written["ignore"],
        labels=written["labels"],
        key=[key] if isinstance(key, str) else key,
        limits=limits,
        retrain=[] if retrain is None else retrain["when"],
        where=where,
    )
