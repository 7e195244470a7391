"""Find columns that by themselves say what the target is: a code, a copy or a range of it, or a missing value."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .alike import Table, Values, diversity, likeness, neighbours, sharers, values_of
from .typing.identifiers import row_number

FEWEST = 20  # rows below which nothing can be told from chance
REVEALING = 0.98  # likeness of the classes of rows that share a value
COPIED = 0.995  # the same of numbers
LEAST_PRESENT = 0.3
PURE = 0.995
KNOWN_CODES = 20  # a column of more values than this may as well name entities


@dataclass(frozen=True)
class Suspicion:
    """What was seen in a table, and for each file of the params the YAML to write if it is true."""

    text: str
    yaml: dict[str, str] = field(default_factory=dict)


def leaks(table: Table, known: Iterable[str] = ()) -> Iterator[Suspicion]:
    """Yield a suspicion for each feature that by itself says what a target is.

    Parameters
    ----------
    table : Table
        The typed table, or a sample of its rows in their order.
    known : names of columns
        Columns that are suspected of something else already.
    """
    rng, times = np.random.default_rng(0), table.schema.role("time")
    for name, column in table.columns.items():
        if name in known:
            continue
        for target, answer in table.answers.items():
            how = _by_missing(column, answer)
            if not how and name not in times:  # that the target follows the time is no leak
                how = _by_value(column, answer, rng)
            if how:
                yield _suspicion(name, target, how, table)
                break


def key(name: str) -> str:
    """Return a column's name as a key of YAML, quoted if need be."""
    words = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")
    plain = name.isidentifier() and name.isascii() and name.lower() not in words
    return name if plain else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _suspicion(name: str, target: str, how: str, table: Table) -> Suspicion:
    """Return the suspicion; a column that numbers the rows, or may name entities, has a text of its own."""
    values = table.frame[name]
    advice = "leave it out unless it is known when you predict"
    if pd.api.types.is_numeric_dtype(values) and row_number(values):
        how, advice = "it numbers the rows, whose order goes with the target", "leave it out if new rows go on counting"
    elif table.columns[name].unique > max(KNOWN_CODES, 2 * table.answers[target].unique) and how.startswith("rows"):
        advice += "; if it names what rows belong to, such as a customer, give it `role: group` instead"
    yaml = {"params/data.yaml": f"columns: {{{key(name)}: {{role: ignore}}}}"}
    return Suspicion(f"{name} gives {target} away: {how}; {advice}", yaml)


def _by_missing(column: Values, answer: Values) -> str | None:
    """Return in which way the target follows from whether a column has a value."""
    missing = np.isnan(column.numbers)
    if min(missing.sum(), (~missing).sum()) < max(10, 0.05 * len(missing)):
        return None
    if answer.ordered:
        within = sum(answer.numbers[rows].var() * rows.sum() for rows in (missing, ~missing))
        explained = 1 - within / max(len(missing) * answer.numbers.var(), 1e-12)
        return "whether it has a value nearly says the number" if explained > 0.7 else None
    usual = np.bincount(answer.numbers.astype(int)) / len(answer.numbers)
    for rows, state in ((~missing, "has a value"), (missing, "has none")):
        shares = np.bincount(answer.numbers[rows].astype(int), minlength=len(usual)) / rows.sum()
        label = int(shares.argmax())
        if shares[label] >= PURE and usual[label] <= 0.9 and usual[label] ** rows.sum() < 1e-6:
            return f"where it {state}, the class is always the same"
    return None


def _by_value(column: Values, answer: Values, rng: np.random.Generator) -> str | None:
    """Return in which way the target follows from a column's values."""
    present = np.flatnonzero(~np.isnan(column.numbers))
    if len(present) < max(FEWEST, LEAST_PRESENT * len(column.numbers)):
        return None
    part, known = column.part(present), answer.part(present)
    if len(np.unique(known.numbers)) < 2 or len(np.unique(part.numbers)) < 2:
        return None
    limit = COPIED if answer.ordered else REVEALING
    first, second = sharers(part, rng)
    if len(first) >= 0.5 * len(present):
        if likeness(known, first, second) >= limit:
            return "rows with the same value of it have the same target"
    elif part.ordered and _followed(known, *neighbours(part, rng)) >= limit:
        return "the target follows its values nearly without exception"
    if answer.ordered and part.unique <= len(present) / 4 and _is_binned(part, known, rng):
        return "each of its values goes with a range of the target"
    return None


def _followed(answer: Values, first: np.ndarray, second: np.ndarray) -> float:
    """Return the likeness of rows in an order, as a share of what is possible if each class stands in one place."""
    found = likeness(answer, first, second)
    if answer.ordered:
        return found
    changes = len(np.unique(answer.numbers)) - 1
    most = 1 - changes / len(first) / max(diversity(answer), 1e-12)
    return found / most if most > 0.5 else found


def _is_binned(column: Values, answer: Values, rng: np.random.Generator) -> bool:
    """Return whether the values of a column are ranges of the target."""
    codes = values_of(pd.Series(column.numbers), ordered=False)
    if np.bincount(codes.numbers.astype(int)).max() > 0.95 * len(codes.numbers):
        return False
    return _followed(codes, *neighbours(answer, rng)) >= REVEALING
