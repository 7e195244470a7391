"""Compare the columns of a window with those of the reference: shares of values, of missing and of unseen ones."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from .drift_params import Limits
from .drift_tests import Shift, adjusted, share_test, shift_of_categories, shift_of_numbers, unseen_test

MOST_NAMED = 20  # new categories of a column
FEWEST = 5  # values of a column that say anything


@dataclass
class ColumnDrift:
    """What is found of one column.

    Attributes
    ----------
    dtype : "number", "category", "datetime" or "text"; of a text the length in characters is compared, of a date the
        range alone, because dates go on.
    shift : None where there is nothing to compare, such as a column without values.
    p_value : of the test, corrected for all columns.
    missing, missing_before : the share of missing values in the window and in the reference.
    missing_p : the corrected p-value of their difference.
    unseen, unseen_expected : the share of values that are new categories, and what is to be expected without drift.
    unseen_p : the corrected p-value of that.
    new : the new categories with the number of their rows, the most frequent first.
    range, range_before : of dates and numbers, the smallest and the largest.
    alarms : which limits are exceeded: "values", "missing", "unseen".
    """

    name: str
    dtype: str
    rows: int
    shift: Shift | None = None
    p_value: float | None = None
    missing: float = 0.0
    missing_before: float = 0.0
    missing_p: float = 1.0
    unseen: float | None = None
    unseen_expected: float | None = None
    unseen_p: float | None = None
    new: dict[str, int] = field(default_factory=dict)
    range: tuple[str, str] | None = None
    range_before: tuple[str, str] | None = None
    alarms: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return what is found as plain values."""
        found = asdict(self)
        if self.shift is not None:
            found["shift"]["effect"] = self.shift.effect
        return found


def compare_columns(
    reference: pd.DataFrame, window: pd.DataFrame, dtypes: Mapping[str, str], limits: Limits
) -> list[ColumnDrift]:
    """Compare the columns of two tables, both typed alike.

    Parameters
    ----------
    dtypes : the dtype of each column that is compared.
    limits : from which effect on a difference counts, and how rarely chance may look like one.

    Returns
    -------
    What is found of each column, in the order of `dtypes`.
    """
    level = limits.alpha / 2 / max(len(dtypes), 1)  # half is the test's
    found = [_compare(name, dtype, reference[name], window[name], level) for name, dtype in dtypes.items()]
    _correct(found)
    for column in found:
        column.alarms = _alarms(column, limits)
    return found


def has_drifted(shift: Shift, p_value: float, limits: Limits) -> bool:
    """Return whether the PSI exceeds what chance gives by the limit, and chance rarely gives as much."""
    return shift.effect >= limits.psi and (shift.psi > shift.threshold or p_value < limits.alpha / 2)


def lengths(values: pd.Series) -> pd.Series:
    """Return the lengths of texts in characters, missing where the text is."""
    return values.map(lambda text: float(len(str(text))), na_action="ignore").astype(float)


def _compare(name: str, dtype: str, before: pd.Series, after: pd.Series, level: float) -> ColumnDrift:
    known, now = before.dropna(), after.dropna()
    column = ColumnDrift(str(name), dtype, len(after))
    column.missing, column.missing_before = (
        1 - len(part) / max(len(whole), 1) for part, whole in ((now, after), (known, before))
    )
    column.missing_p = share_test((len(before) - len(known), len(before)), (len(after) - len(now), len(after)))
    if dtype in ("number", "datetime"):
        column.range, column.range_before = _range(now, dtype), _range(known, dtype)
    if dtype == "category":
        known, now = known.astype(str), now.astype(str)
        _look_for_unseen(column, known, now)
    if dtype == "datetime" or min(len(known), len(now)) < FEWEST:
        return column
    if dtype == "category":
        column.shift = shift_of_categories(known, now, level)
    else:
        numbers = [(lengths(part) if dtype == "text" else part).to_numpy(dtype=float) for part in (known, now)]
        column.shift = shift_of_numbers(numbers[0], numbers[1], level)
    return column


def _look_for_unseen(column: ColumnDrift, before: pd.Series, after: pd.Series) -> None:
    new = after[~after.isin(before.unique())].value_counts()
    column.new = {str(name): int(count) for name, count in new.head(MOST_NAMED).items()}
    if len(before) and len(after):
        column.unseen = float(new.sum() / len(after))
        column.unseen_expected, column.unseen_p = unseen_test(int(new.sum()), len(after), before)


def _range(values: pd.Series, dtype: str) -> tuple[str, str] | None:
    if values.empty:
        return None
    ends = values.min(), values.max()
    if dtype == "number":
        return f"{float(ends[0]):.4g}", f"{float(ends[1]):.4g}"
    return f"{ends[0]:%Y-%m-%d}", f"{ends[1]:%Y-%m-%d}"


def _correct(columns: Sequence[ColumnDrift]) -> None:
    """Correct the p-values of each kind for the number of columns."""
    tested = [column for column in columns if column.shift is not None]
    for column, value in zip(tested, adjusted([one.shift.p_value for one in tested if one.shift]), strict=True):
        column.p_value = value
    for column, value in zip(columns, adjusted([one.missing_p for one in columns]), strict=True):
        column.missing_p = value
    categories = [column for column in columns if column.unseen_p is not None]
    for column, value in zip(categories, adjusted([one.unseen_p or 0.0 for one in categories]), strict=True):
        column.unseen_p = value


def _alarms(column: ColumnDrift, limits: Limits) -> list[str]:
    alarms = []
    if column.shift is not None and has_drifted(column.shift, column.p_value or 0.0, limits):
        alarms.append("values")
    if abs(column.missing - column.missing_before) >= limits.missing and column.missing_p < limits.alpha:
        alarms.append("missing")
    more = (column.unseen or 0.0) - (column.unseen_expected or 0.0)
    if column.unseen_p is not None and more >= limits.unseen and column.unseen_p < limits.alpha:
        alarms.append("unseen")
    return alarms
