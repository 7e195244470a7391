"""Validation: what is done with new rows that are not like those that the model learned from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import Column, Schema, without_marks
from ..steps.preprocess import breaks_rules, preprocess, rules

Preprocess = Callable[[pd.DataFrame, Schema], pd.DataFrame]
POLICIES = ("refuse", "warn", "coerce")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a column: in some rows, or, where there are none, in the table as a whole."""

    column: str
    reason: str
    policy: str
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=int))
    values: pd.Series | None = None

    def of(self, row: int) -> str:
        """The reason, with the value in a row; rows count from 0."""
        if self.values is None:
            return self.reason
        return f"{str(self.values.iloc[row])[:40]!r} {self.reason}"


@dataclass(frozen=True)
class Checked:
    """A typed table and what was found in it; `refused` says of each row whether it is not to be predicted."""

    frame: pd.DataFrame
    findings: list[Finding]
    refused: np.ndarray

    def problems(self, policy: str = "refuse") -> list[tuple[int, str, str]]:
        """Row (from 0), column and reason of all cells to which a policy applies, by row."""
        found = [
            (int(row), one.column, one.of(row)) for one in self.findings if one.policy == policy for row in one.rows
        ]
        return sorted(found, key=lambda one: one[0])

    def without(self, problems: Sequence[tuple[str, str, np.ndarray]]) -> "Checked":
        """The same with more rows refused: column, reason, and positions among those that are not yet."""
        more = self._found(problems, "refuse")
        refused = self.refused.copy()
        for one in more:
            refused[one.rows] = True
        return Checked(self.frame, self.findings + more, refused)

    def with_warnings(self, problems: Sequence[tuple[str, str, np.ndarray]]) -> "Checked":
        """Return the same with warnings: column, reason, and positions among the rows that are not refused."""
        return Checked(self.frame, self.findings + self._found(problems, "warn"), self.refused)

    def _found(self, problems: Sequence[tuple[str, str, np.ndarray]], policy: str) -> list[Finding]:
        places = np.flatnonzero(~self.refused)
        return [Finding(name, why, policy, places[rows], self.frame.get(name)) for name, why, rows in problems]


class Refused(UserError):
    """A table that is refused as a whole, with the findings that are the reason."""

    def __init__(self, findings: list[Finding]) -> None:
        names = ", ".join(repr(one.column) for one in findings)
        super().__init__(f"the table is refused: {names}: {findings[0].reason} (policies: params/predict.yaml)")
        self.findings = findings


class Validation:
    """A policy for each way in which rows can differ from those of training.

    Each policy is `refuse` (the row is not predicted), `warn` (it is, and a warning says so) or `coerce` (it is, and
    nothing is said). What cannot be used counts as missing, as it did in training.

    Parameters
    ----------
    missing_columns : the model needs a column that the table has not; `refuse` refuses the table.
    extra_columns : the table has a column that training did not see; `refuse` refuses the table.
    wrong_types : a cell is no number or no date, in a column that had nothing else in training.
    unseen_categories : a cell holds a category that training did not see (columns of up to 50 categories).
    missing_values : a cell is empty, in a column that was never empty in training.
    broken_rules : a cell breaks the column's rules in params/data.yaml.
    bad_rows : `refuse` to predict anything where a row is refused, or `skip` such rows and predict the others.
    """

    kind = "validation"

    def __init__(
        self,
        missing_columns: str = "refuse",
        extra_columns: str = "coerce",
        wrong_types: str = "refuse",
        unseen_categories: str = "warn",
        missing_values: str = "warn",
        broken_rules: str = "refuse",
        bad_rows: str = "refuse",
    ) -> None:
        self.missing_columns, self.extra_columns = missing_columns, extra_columns
        self.wrong_types, self.unseen_categories = wrong_types, unseen_categories
        self.missing_values, self.broken_rules, self.bad_rows = missing_values, broken_rules, bad_rows
        for name, policy in vars(self).items():
            known = ("refuse", "skip") if name == "bad_rows" else POLICIES
            if policy not in known:
                raise ValueError(f"{name} is {' or '.join(known)}, not {policy!r}")

    def check(self, frame: pd.DataFrame, schema: Schema, preprocess: Preprocess = preprocess) -> Checked:
        """Type a table as it was read, and look for what is not as it was in training.

        Raises
        ------
        Refused
            If the table as a whole is refused.
        """
        frame = without_marks(frame, schema)
        findings = self._columns(frame, schema)
        refused = [one for one in findings if one.policy == "refuse"]
        if refused:
            raise Refused(refused)
        missing = {one.column: None for one in findings if one.reason == ABSENT}
        typed = preprocess(frame.assign(**missing) if missing else frame, schema)
        for column in schema.columns:
            if column.role in schema.inputs and column.name in frame:
                findings += self._cells(frame[column.name], typed[column.name], column)
        bad = np.zeros(len(frame), dtype=bool)
        for one in findings:
            if one.policy == "refuse":
                bad[one.rows] = True
        return Checked(typed, findings, bad)

    def _columns(self, frame: pd.DataFrame, schema: Schema) -> list[Finding]:
        known = {column.name for column in schema.columns} | set(schema.targets)
        needed = [column.name for column in schema.needed]
        absent = [Finding(name, ABSENT, self.missing_columns) for name in needed if name not in frame]
        return absent + [Finding(str(name), EXTRA, self.extra_columns) for name in frame if name not in known]

    def _cells(self, raw: pd.Series, typed: pd.Series, column: Column) -> list[Finding]:
        # Arrays, and not the methods of a Series: of one row, which a service is asked, these take far longer.
        empty, unread = pd.isna(raw.to_numpy()), pd.isna(typed.to_numpy())
        found: list[tuple[np.ndarray, str, str, pd.Series | None]] = []
        if column.unread == 0:
            found.append((unread & ~empty, f"is {column.expected}", self.wrong_types, raw))
        if column.missing == 0 and column.blank is None:
            found.append((empty, "the cell is empty, and none was in training", self.missing_values, None))
        if column.categories is not None:
            seen = frozenset(column.categories)
            unseen = ~unread & np.fromiter((one not in seen for one in typed.to_numpy()), bool, len(typed))
            found.append((unseen, "is a category that training did not see", self.unseen_categories, typed))
        if column.rules:
            broken = breaks_rules(typed, column).to_numpy()
            found.append((broken, f"breaks the rule {rules(column)}", self.broken_rules, typed))
        return [
            Finding(column.name, reason, policy, np.flatnonzero(cells), values)
            for cells, reason, policy, values in found
            if policy != "coerce" and cells.any()
        ]


ABSENT = "the model needs this column, and the table has none of that name"
EXTRA = "training did not see this column"
