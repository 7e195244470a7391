"""What the values of a column are: numbers, dates, categories or free text, and how they are written."""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pandas as pd

from .cells import TRUTH, WHOLE, canonical, is_scalar, to_text
from .dates import ISO, dates_of, is_month, numeric_dates, undated
from .durations import DURATIONS, duration_form
from .numbers import FORMATS, PLAIN, Numbers, is_word, numbers_of, plain, taken_apart, to_number, unit_of

MOST_CATEGORIES = 50
EXACT = 2**53  # whole numbers beyond it are not exact as floats
SAMPLE = 1000
MOST_STRAYS = 0.05
MOST_SPELLINGS = 10
SPACES = re.compile(r"\s+")
CODE = re.compile(r"[+-]?0\d+")
DIGITS = re.compile(r"[+-]?\d+")
TRIPLES = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})?)")


@dataclass(frozen=True)
class Locale:
    """What the columns of a table say about each other: the decimal mark, and whether the day comes first."""

    decimal: str | None = None
    dayfirst: bool | None = None


@dataclass
class Kind:
    """What a column is; `form`, `unit`, `numbers` and `width` as in `schema.Column`.

    `decimal` and `dayfirst` are evidence for other columns; `other` is a format that reads every value as well.
    """

    dtype: str
    form: str | None = None
    unit: str | None = None
    numbers: bool = False
    width: int | None = None
    decimal: str | None = None
    dayfirst: bool | None = None
    other: str | None = None
    is_nested: bool = False
    notes: list[str] = field(default_factory=list)


def kind_of(present: pd.Series, locale: Locale = Locale()) -> Kind:
    """Return what the values of a column are that are not missing."""
    if present.empty:
        return Kind("number")
    if pd.api.types.is_datetime64_any_dtype(present):
        return Kind("datetime")
    if pd.api.types.is_bool_dtype(present) or pd.api.types.is_timedelta64_dtype(present):
        return Kind("number")
    if pd.api.types.is_numeric_dtype(present):
        return _of_numbers(present)
    if present.dtype != "str":
        found = _of_objects(present)
        if found:
            return found
        present = to_text(present)
    return of_texts(present, locale)


def of_format(present: pd.Series, form: str) -> Kind:
    """Return the kind that a column has in a format that its owner names."""
    if form in FORMATS:
        texts = [text for text in _distinct(to_text(present)) if not is_word(text)]
        cells = [cell for cell in map(taken_apart, texts) if cell is not None]
        unit = unit_of(cells) if cells else None
        return Kind("number", None if form == PLAIN and not unit else form, unit or None)
    return Kind("number", form) if form in DURATIONS else Kind("datetime", form)


def of_dtype(present: pd.Series, dtype: str, inferred: Kind, locale: Locale) -> Kind:
    """Return the kind of a column whose dtype its owner names."""
    if dtype == inferred.dtype:
        return inferred
    if dtype == "number":
        texts = _distinct(to_text(present))
        found = _with_strays(texts, pd.Series(1, index=texts), locale, most=0.5) if texts else None
        return found or Kind("number")
    if dtype == "datetime":
        written = to_text(present, numbers=True)
        known = _distinct(written)
        dates = dates_of(written, known, locale.dayfirst)
        return Kind("datetime", dates.form if dates else numeric_dates(known) or ISO)
    return _of_words(to_text(present).value_counts(), dtype)


def of_texts(texts: pd.Series, locale: Locale) -> Kind:
    """Return what a column of text holds."""
    numbers = _plain_numbers(texts)
    if numbers is not None:
        return _of_plain(texts, numbers, locale)
    codes, found = pd.factorize(texts)
    known = found.tolist()
    counts = pd.Series(np.bincount(codes), index=known)
    if len(known) <= MOST_SPELLINGS and set(map(str.lower, known)) <= TRUTH.keys():
        return Kind("number", numbers=True)
    values = [text for text in known if not is_word(text)]
    sample = values[:: max(1, len(values) // SAMPLE)]
    if values and sum(map(_has_digit, sample)) >= 0.5 * len(sample):
        form = duration_form(sample) and duration_form(values)
        if form:
            return Kind("number", form)
        in_order = texts if len(values) == len(known) else texts[texts.isin(values)]
        dates = dates_of(in_order, values, locale.dayfirst)
        if dates:
            return Kind("datetime", dates.form, dayfirst=dates.dayfirst, other=dates.other)
        kind = _with_strays(known, counts, locale) if _looks_numeric(sample) else None
        if kind:
            return kind
    return _of_words(counts, note=undated(sample))


def _of_numbers(present: pd.Series) -> Kind:
    values = present.to_numpy(dtype="float64", na_value=np.nan)
    whole = bool((values % 1 == 0).all())
    if whole and np.abs(values).max() >= EXACT and pd.api.types.is_integer_dtype(present):
        return Kind("category", numbers=True)
    if whole and values.min() >= 190001 and values.max() < 21_000_000:
        form = numeric_dates(to_text(present.drop_duplicates()).tolist())
        if form:
            return Kind("datetime", form)
    return Kind("number", numbers=True)


def _of_objects(present: pd.Series) -> Kind | None:
    """Return the kind of Python objects that are neither text nor a mix with text; None for all others."""
    cells = present.to_numpy()
    kinds = {type(cell) for cell in cells}
    if any(not is_scalar(cell) for cell in cells[:SAMPLE]) or any(
        issubclass(kind, bytes | bytearray | list | tuple | set | dict | np.ndarray) for kind in kinds
    ):
        nested = np.mean([not is_scalar(cell) for cell in cells])
        return Kind("category", is_nested=True) if nested > MOST_STRAYS else None
    if all(issubclass(kind, datetime.date | np.datetime64) for kind in kinds):
        return Kind("datetime")
    if all(issubclass(kind, datetime.time | datetime.timedelta | np.timedelta64 | bool | np.bool_) for kind in kinds):
        return Kind("number")
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        return of_texts(to_text(present), Locale())
    if all(issubclass(kind, int | float | np.number | Decimal) for kind in kinds):
        return Kind("number", numbers=True)
    return None


def _of_plain(texts: pd.Series, numbers: np.ndarray, locale: Locale) -> Kind:
    """Return the kind of texts that all are plain numbers."""
    is_code = texts.str.contains("^[+-]?0[0-9]+$", regex=True).to_numpy(dtype=bool)
    if is_code.any():
        code = texts.iloc[int(is_code.argmax())]
        return _of_words(texts.value_counts(), note=f"codes with leading zeros such as {code!r} stay text")
    sample = texts.iloc[:: max(1, len(texts) // SAMPLE)].tolist()
    if (numbers % 1 == 0).all() and all(map(DIGITS.fullmatch, sample)):
        if np.abs(numbers).max() >= EXACT:
            return Kind("category", numbers=True)
        may_be_dates = numbers.min() >= 190001 and numbers.max() < 21_000_000
        form = numeric_dates(texts.drop_duplicates().tolist()) if may_be_dates else None
        return Kind("datetime", form) if form else Kind("number", numbers=True)
    if all(map(TRIPLES.fullmatch, sample)) and texts.str.fullmatch(TRIPLES.pattern).all():
        found = numbers_of(texts.drop_duplicates().tolist(), locale.decimal)
        if found:
            return _formatted(found, sample)
    return Kind("number", numbers=True, decimal="." if any("." in text for text in sample) else None)


def _with_strays(known: Sequence[str], counts: pd.Series, locale: Locale, most: float = MOST_STRAYS) -> Kind | None:
    """Return the kind of numbers in some format, with words for missing ones and a few stray texts among them."""
    numbers = [text for text in known if taken_apart(text) is not None]
    words = [text for text in known if is_word(text)]
    strays = [text for text in known if taken_apart(text) is None and not is_word(text)]
    found = numbers_of(numbers, locale.decimal) if numbers else None
    if found is None or is_month(found.unit or ""):
        return None
    if strays:
        lost = counts[strays].sum() / counts.drop(words).sum()
        if lost > most or len(numbers) < 10 * len(strays):
            return None
    elif words and len(numbers) < 5:
        return None
    return _formatted(found, numbers)


def _formatted(found: Numbers, texts: Sequence[str]) -> Kind:
    is_plain = found.form == PLAIN and found.unit is None and not any(np.isnan(plain(text)) for text in texts)
    kind = Kind("number", None if is_plain else found.form, found.unit, numbers=is_plain, decimal=found.decimal)
    kind.other, kind.notes = found.ambiguous, found.notes
    return kind


def _of_words(counts: pd.Series, dtype: str | None = None, note: str | None = None) -> Kind:
    """Return the kind of categories or free text, and how cells that are numbers are written in it.

    Parameters
    ----------
    counts : how many rows have each text.
    """
    known = [str(text) for text in counts.index]
    if dtype is None:
        spaces = np.array([len(SPACES.findall(text)) for text in known])
        words, rows = float((spaces * counts.to_numpy()).sum() / counts.sum()) + 1, int(counts.sum())
        is_text = len(known) > MOST_CATEGORIES and (words >= 4 or (words >= 2 and len(known) > 0.3 * rows))
        dtype = "text" if is_text else "category"
    kind = Kind(dtype, notes=[note] if note else [])
    if dtype == "category":
        kind.numbers, kind.width = spelling_of(known)
    return kind


def spelling_of(known: Sequence[str]) -> tuple[bool, int | None]:
    """Return whether numbers may be written in one way, and how many digits whole numbers have that begin with 0."""
    written = {text: canonical(text) for text in known}
    kept = {text if WHOLE.fullmatch(text) or text.lower() in TRUTH else "" for text in known}
    differ = [text for text in known if text not in kept]
    canonical_ = [written[text] for text in differ] + list({written[text] for text in kept if text})
    numbers = len(set(canonical_)) == len(canonical_)
    digits = {len(text) for text in known if text.isdigit()}
    zeros = any(CODE.fullmatch(text) for text in known)
    return numbers, digits.pop() if zeros and len(digits) == 1 else None


def _plain_numbers(texts: pd.Series) -> np.ndarray | None:
    """Return the numbers, where all texts are plain ones."""
    first = texts.iloc[:20].tolist()
    if any(text.lower() in TRUTH or np.isnan(plain(text)) for text in first):
        return None
    numbers = to_number(texts).to_numpy()
    return None if np.isnan(numbers).any() else numbers


def _looks_numeric(sample: Sequence[str]) -> bool:
    return sum(taken_apart(text) is not None for text in sample) >= (1 - 2 * MOST_STRAYS) * len(sample) - 1


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _distinct(texts: pd.Series) -> list[str]:
    return [str(text) for text in texts.dropna().drop_duplicates()]


def locale_of(kinds: Mapping[str, Kind]) -> Locale:
    """Return what the columns with a clear format say to those without."""
    marks = [kind.decimal for kind in kinds.values() if kind.decimal and not kind.other]
    orders = [kind.dayfirst for kind in kinds.values() if kind.dayfirst is not None and not kind.other]
    decimal = max(set(marks), key=marks.count) if marks else None
    dayfirst = max(set(orders), key=orders.count) if orders else None
    if dayfirst is None and decimal == ",":
        dayfirst = True
    return Locale(decimal, dayfirst)
