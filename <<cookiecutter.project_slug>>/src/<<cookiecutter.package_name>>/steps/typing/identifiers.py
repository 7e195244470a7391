"""Columns that tell rows apart and nothing else: identifiers and row numbers."""

import re

import numpy as np
import pandas as pd

FEWEST = 20
UNNAMED = re.compile(r"(?i)unnamed(: *\d+)?$")
# Says by itself that a column of unique whole numbers tells rows apart; `Paid` and `Grid` end in no word `id`.
STRONG = re.compile(r"(^|[^A-Za-z])(id|ID|Id|uuid|UUID|guid|GUID)$|[a-z](Id|ID)$|^(id|ID|Id)[A-Z_ ]")
# Says so only together with numbers that follow each other.
WEAK = re.compile(r"(?i)(^|[^a-z])(key|index|idx|number|no|nr|num|code|#)\.?$|^row")
MOST_RUNS = 0.5


def is_id(name: str, seen: pd.Series, unique: int, dtype: str) -> bool:
    """Return whether a column is an identifier, from its name and its typed values that are not missing."""
    if UNNAMED.match(name):
        return True
    if len(seen) < FEWEST or dtype in ("datetime", "text") or unique < len(seen):
        return False
    if dtype != "number":
        return True
    if not bool((seen % 1 == 0).all()):
        return False
    return bool(STRONG.search(name)) or (bool(WEAK.search(name)) and _is_dense(seen))


def row_number(values: pd.Series) -> bool:
    """Return whether a column of numbers counts the rows: unique whole numbers that nearly follow each other."""
    seen = values.dropna()
    if len(seen) < FEWEST or len(seen) < len(values) or not _is_dense(seen):
        return False
    return bool((seen % 1 == 0).all()) and seen.nunique() == len(seen)


def tells_of(values: pd.Series, answer: pd.Series) -> bool:
    """Return whether the target changes far less often in the order of a column's values than by chance."""
    known = values.notna() & answer.notna()
    order = values[known].sort_values(kind="stable").index
    codes = pd.factorize(answer[order])[0]
    if len(codes) < FEWEST:
        return False
    shares = np.bincount(codes) / len(codes)
    if len(shares) > len(codes) / 3:
        numbers = pd.to_numeric(answer[order], errors="coerce").to_numpy(dtype=float)
        if np.isnan(numbers).any() or numbers.var() == 0:
            return False
        ratio = float((np.diff(numbers) ** 2).mean() / (2 * numbers.var()))
        return ratio < MOST_RUNS
    changes = np.count_nonzero(np.diff(codes))
    expected = (len(codes) - 1) * (1 - float((shares**2).sum()))
    return bool(expected >= 5 and changes < MOST_RUNS * expected)


def _is_dense(seen: pd.Series) -> bool:
    return float(seen.max() - seen.min()) < 1.5 * len(seen)
