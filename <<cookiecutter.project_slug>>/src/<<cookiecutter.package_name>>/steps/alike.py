"""Measure how alike the targets of rows are that stand next to each other, share a value or resemble each other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..schema import Schema

MOST_LEVELS = 20  # of a category whose values are compared one by one
QUERIES = 500


@dataclass(frozen=True)
class Values:
    """A column in numbers.

    Attributes
    ----------
    numbers : array of shape (rows,)
        Ranks between 0 and 1 if the values have an order, codes otherwise; NaN where a value is missing.
    ordered : whether the values have an order.
    unique : the number of different values.
    """

    numbers: np.ndarray
    ordered: bool
    unique: int

    def part(self, rows: np.ndarray) -> "Values":
        """Return the values of some rows."""
        return Values(self.numbers[rows], self.ordered, self.unique)


def values_of(column: pd.Series, ordered: bool) -> Values:
    """Return a typed column in numbers, as ranks if its values have an order."""
    if ordered:
        ranks = column.rank(method="average", pct=True).to_numpy(dtype=float)
        return Values(ranks, True, int(column.nunique()))
    codes, found = pd.factorize(column)
    return Values(np.where(codes < 0, np.nan, codes), False, len(found))


@dataclass(frozen=True)
class Table:
    """A typed table in numbers.

    Attributes
    ----------
    frame : the typed rows.
    schema : what the columns are.
    columns : the features by name.
    answers : the targets by name.
    """

    frame: pd.DataFrame
    schema: Schema
    columns: dict[str, Values]
    answers: dict[str, Values]

    @classmethod
    def of(cls, frame: pd.DataFrame, schema: Schema) -> "Table":
        """Return a typed table in numbers."""
        columns = {
            name: values_of(frame[name], kind in ("number", "datetime")) for name, kind in schema.features.items()
        }
        answers = {name: values_of(frame[name], _is_number(frame[name], schema)) for name in schema.targets}
        return cls(frame.reset_index(drop=True), schema, columns, answers)


def _is_number(values: pd.Series, schema: Schema) -> bool:
    is_numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return is_numeric and not schema.labels


def likeness(answer: Values, first: np.ndarray, second: np.ndarray) -> float:
    """Return how alike the answers of pairs of rows are: 1 if they are the same, 0 as by chance.

    Parameters
    ----------
    answer : Values
        The target of all rows, without missing values.
    first, second : arrays of shape (pairs,)
        The positions of the rows of each pair.
    """
    return float(1 - np.mean(difference(answer, first, second)))


def difference(answer: Values, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the difference of the answers of each pair of rows, 1 on average if they are paired by chance."""
    one, other = answer.numbers[first], answer.numbers[second]
    if answer.ordered:
        return np.asarray((one - other) ** 2 / max(2 * answer.numbers.var(), 1e-12))
    return np.asarray((one != other) / max(diversity(answer), 1e-12))


def diversity(answer: Values) -> float:
    """Return the probability that two rows by chance are of different classes."""
    shares = np.bincount(answer.numbers.astype(int)) / len(answer.numbers)
    return 1 - float((shares**2).sum())


def neighbours(column: Values, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of rows that follow each other in the order of a column; equal values in random order."""
    rows = rng.permutation(np.flatnonzero(~np.isnan(column.numbers)))
    rows = rows[np.argsort(column.numbers[rows], kind="stable")]
    return rows[:-1], rows[1:]


def sharers(column: Values, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of rows that share a value of a column."""
    first, second = neighbours(column, rng)
    same = column.numbers[first] == column.numbers[second]
    return first[same], second[same]


def embedded(columns: Sequence[Values]) -> np.ndarray:
    """Return rows as points, shape (rows, k), in which each column weighs about the same."""
    parts = []
    for column in columns:
        numbers = column.numbers
        if column.ordered:
            parts.append(np.nan_to_num((numbers - 0.5) * 12**0.5)[:, None])
        elif column.unique <= MOST_LEVELS:
            parts.append((numbers[:, None] == np.arange(column.unique)) * 1.0)
    rows = len(columns[0].numbers) if columns else 0
    return np.hstack(parts) if parts else np.empty((rows, 0))


def nearest(
    points: np.ndarray, groups: np.ndarray, rng: np.random.Generator, earlier: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return some rows, the row most like each, and the row most like each that is of another group.

    Parameters
    ----------
    points : array of shape (rows, k)
        Points that are near each other where rows are alike.
    groups : array of shape (rows,)
        The group of each row.
    earlier : bool, default=False
        Whether the row of another group has to be of one with a smaller number; rows of the first are not asked then.

    Returns
    -------
    tuple of three arrays of shape (queries,)
        Positions of rows.
    """
    asked = rng.permutation(np.flatnonzero(groups > groups.min()) if earlier else len(points))[:QUERIES]
    squares = (points**2).sum(axis=1)
    apart = squares[None, :] - 2 * points[asked] @ points.T
    apart[np.arange(len(asked)), asked] = np.inf
    closest = apart.argmin(axis=1)
    own, others = groups[asked][:, None], groups[None, :]
    apart[others >= own if earlier else others == own] = np.inf
    return asked, closest, apart.argmin(axis=1)
