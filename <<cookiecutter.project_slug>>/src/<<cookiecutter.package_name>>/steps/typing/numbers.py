"""Numbers written as text: separators of all countries, currencies, units, percentages, signs and durations.

A format is written as the number 1234.5 is: `1.234,5` has a dot between thousands and a decimal comma.
"""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from .cells import FEW, TRUTH
from .durations import DURATIONS, SHORT, seconds, short_seconds

PLAIN = "1234.5"
# In the order of preference where several fit.
FORMATS = (PLAIN, "1,234.5", "1.234,5", "1234,5", "1 234.5", "1 234,5", "1'234.5", "1'234,5", "12,34,567.8")
_CURRENCIES = (
    "USD EUR GBP JPY CHF CAD AUD NZD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY RUB UAH INR PKR CNY HKD TWD KRW SGD "
    "THB IDR MYR PHP VND BRL MXN ARS CLP COP PEN ZAR EGP NGN KES ILS SAR AED QAR KWD BTC ETH Rs Rs. kr kr. Kr Kr. Kč "
    "Ft zł lei Fr Fr. SFr. RM Rp S/ R$ US$ A$ C$ HK$ NZ$ NT$ S$ MX$ AU$ CA$ $ € £ ¥ ₹ ₩ ₽ ₺ ₴ ₫ ₪ ฿ ₱ ₦ ₡ ₲ ₵ ₸ ¢"
)
CURRENCIES = _CURRENCIES.split()
# Units that may be left out in some cells; any other has to stand in all of them.
KNOWN_UNITS = {"%", "‰", *(currency.lower().rstrip(".") for currency in CURRENCIES)}
_MILLIONS, _BILLIONS = ("M", "m", "mn", "Mio", "Mio."), ("B", "bn", "Mrd", "Mrd.")
SCALES = {"": 1.0, "k": 1e3, "K": 1e3, **dict.fromkeys(_MILLIONS, 1e6), **dict.fromkeys(_BILLIONS, 1e9)}
SCALED = "k M B"  # the unit of a column that mixes them
# Words that say that there is no number.
_WORDS = (
    "n.a. na n/a n.d. nd none nil null nan unknown missing blank empty tbd tba k.a. s/o . .. * - -- --- — … x ? ?? "
    "pending error undefined #n/a #value! #ref! #div/0! #name? #null! #num! #nv"
)
_PHRASES = ("not available", "not applicable", "not recorded", "no data", "keine angabe", "not known", "n. a.")
WORDS = frozenset((*_WORDS.split(), *_PHRASES))

_SIGNS = str.maketrans(
    dict.fromkeys("−–‒‐‑－﹣", "-")
    | dict.fromkeys("\xa0\u202f\u2009\u2007\u2008\u200a\u2002\u2003\u205f\u3000\t", " ")
    | dict.fromkeys("’‘ʼ`´′", "'")
    | {"\u200e": None, "\u200f": None, "\ufeff": None, "\u200b": None, "\uff0c": ",", "\uff0e": ".", "\uff05": "%"}
)
_CURRENCY = "|".join(re.escape(one) for one in sorted(CURRENCIES, key=len, reverse=True))
_UNIT = r"%|‰|[°º]?[^\W\d_]{1,12}[²³23]?(?:/[^\W\d_]{1,6}[²³23]?)?\.?|[°º]"
_CELL = re.compile(
    r"(?P<about>(?:[<>~≈≤≥≲≳]=?|ca\.?|c\.|approx\.?|±|\+/-)\s*)?(?P<open>\()?\s*(?P<first>[+-])?\s*"
    rf"(?:(?P<before>{_CURRENCY})\s*)?(?P<second>[+-])?\s*"
    r"(?P<body>(?:\d[\d.,' ]*\d|\d)[.,]?|[.,]\d+)(?P<power>[eE][+-]?\d+)?\s*"
    rf"(?P<after>{_CURRENCY}|{_UNIT})?\s*(?P<last>[+-])?\s*(?P<close>\))?\s*(?P<late>{_CURRENCY}|%)?"
)
_CODE = re.compile(r"0\d+")
_NO_CENTS = re.compile(r"(?<=\d)[.,]-{1,2}(?=$|\s)")  # 12.- and 12,-- are 12


@dataclass(frozen=True)
class Cell:
    """A text taken apart: its digits with separators, its sign and power, and its unit."""

    body: str
    sign: int
    power: str
    unit: str
    scale: str
    about: bool


@dataclass
class Numbers:
    """How the numbers of a column are written.

    Attributes
    ----------
    form : one of `FORMATS`, or of `durations.DURATIONS`.
    unit : the currency, percent sign or unit, in lower case; None where there is none.
    decimal : the decimal mark, where the cells show beyond doubt which it is.
    ambiguous : the other format that reads every cell as well; None where there is none.
    notes : what the owner should know.
    """

    form: str
    unit: str | None = None
    decimal: str | None = None
    ambiguous: str | None = None
    notes: list[str] = field(default_factory=list)


def to_number(values: pd.Series, form: str | None = None, unit: str | None = None) -> pd.Series:
    """Return a column as floats; truth values are 1 and 0, durations and times of day are seconds.

    Parameters
    ----------
    values : pd.Series of shape (rows,)
        Numbers, texts, booleans, durations or times. What is none of them, or not finite, is missing.
    form : str, optional
        How texts write a number: one of `FORMATS` or of `durations.DURATIONS`.
    unit : str, optional
        The unit that texts may have.

    Returns
    -------
    pd.Series of dtype float64 and shape (rows,)
    """
    kind = values.dtype.kind
    if kind == "M":
        return values.astype("int64").where(values.notna()).astype("float64")
    if kind == "m":
        return values.dt.total_seconds().astype("float64")
    if kind in "biuf" and not isinstance(values.dtype, pd.CategoricalDtype):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    else:
        numbers = _parsed(values, reader(form, unit), form is None)
    numbers[~np.isfinite(numbers)] = np.nan
    return pd.Series(numbers, values.index, name=values.name)


def reader(form: str | None, unit: str | None = None) -> Callable[[str], float]:
    """Return the function that reads one text; NaN for what is no number in that format."""
    if form in DURATIONS:
        return short_seconds if form == SHORT else seconds
    if form is None:
        return plain
    strict, decimal = _strict(form), form[-2]

    def read(text: str) -> float:
        cell = taken_apart(text)
        if cell is None:
            return plain(text) if text.lower() in TRUTH else np.nan
        scale = SCALES[cell.scale]
        if unit == SCALED:
            scale = SCALES.get(cell.unit, np.nan)
        elif cell.unit and _unit_name(cell.unit) != unit:
            return np.nan
        if not strict.fullmatch(cell.body):
            return np.nan
        whole, _, rest = cell.body.partition(decimal)
        digits = re.sub(r"\D", "", whole) or "0"
        return cell.sign * scale * float(f"{digits}.{rest or 0}{cell.power}")

    return read


def plain(text: str) -> float:
    """Return the number that a text is without any format, or NaN."""
    try:
        return float(text) if "_" not in text else np.nan
    except ValueError:
        return TRUTH.get(text.lower(), np.nan)


def taken_apart(text: str) -> Cell | None:
    """Return the parts of a number written as text, or None where it is none."""
    found = _CELL.fullmatch(_NO_CENTS.sub("", text.translate(_SIGNS).strip()))
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    signs = [found[name] for name in ("first", "second", "last") if found[name]]
    units = [found[name] for name in ("before", "after", "late") if found[name]]
    scale = ""
    if found["before"] and found["after"] in SCALES:
        scale = units.pop(1)  # $1.2M
    if len(signs) + bool(found["open"]) > 1 or len(units) > 1 or found["last"] == "+":
        return None
    negative = bool(found["open"]) or signs == ["-"]
    return Cell(
        found["body"], -1 if negative else 1, found["power"] or "", (units or [""])[0], scale, bool(found["about"])
    )


def numbers_of(texts: Sequence[str], decimal: str | None = None) -> Numbers | None:
    """Return how the numbers of a column are written, from its distinct texts; None where they are no numbers.

    Parameters
    ----------
    texts : sequence of str
        The distinct values of the column, without those that say that nothing is known (see `is_word`).
    decimal : str, optional
        The decimal mark of other columns, which decides where both readings are possible.
    """
    cells = [(text, taken_apart(text)) for text in texts]
    found = [cell for _, cell in cells if cell is not None]
    if not found or len(found) < len(texts) or any(_CODE.fullmatch(cell.body) for cell in found):
        return None
    unit = unit_of(found)
    if unit is None:
        return None
    fits = [form for form in FORMATS if all(map(_strict(form).fullmatch, (cell.body for cell in found)))]
    if not fits:
        return None
    form, other = _form_of(fits, [cell.body for cell in found], decimal)
    shown = {cell.body for cell in found if re.search(r"\D", cell.body)}
    sure = form[-2] if shown and other is None else None
    made = Numbers(form, unit or None, sure, other)
    if any(cell.about for cell in found):
        made.notes.append("the marks before some numbers, such as < or ~, are left out")
    if unit in KNOWN_UNITS and any(not cell.unit for cell in found):
        made.notes.append(f"cells without {unit!r} are read as if they had it")
    return made


def is_word(text: str) -> bool:
    """Return whether a text says that there is no value, such as `unknown`."""
    return text.casefold() in WORDS


def _strict(form: str) -> re.Pattern[str]:
    return _STRICT[form]


def _pattern(form: str) -> re.Pattern[str]:
    decimal = re.escape(form[-2])
    rest = rf"(?:{decimal}\d*)?"
    if form.startswith("12,34"):
        return re.compile(rf"[1-9]\d?(?:,\d\d)*,\d{{3}}{rest}|\d+{rest}|{decimal}\d+")
    if len(form) == len(PLAIN):
        return re.compile(rf"\d+{rest}|{decimal}\d+")
    mark = re.escape(form[1])
    return re.compile(rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+{rest}|\d+{rest}|{decimal}\d+")


_STRICT = {form: _pattern(form) for form in FORMATS}


def unit_of(cells: list[Cell]) -> str | None:
    """Return the one unit of some cells, "" for none, or None where they have several that differ."""
    units = Counter(cell.unit for cell in cells)
    if set(units) == {""}:
        return ""
    if set(units) <= SCALES.keys() and len(units) > 1:
        return SCALED
    named = {_unit_name(unit) for unit in units if unit}
    if len(named) > 1:
        return None
    unit = named.pop()
    # House numbers such as 12 and 12a are no numbers of one unit.
    return unit if not units[""] or unit in KNOWN_UNITS else None


def _unit_name(unit: str) -> str:
    """Return a unit without what differs between its spellings: kg, Kg and kg. are one, and so are room and rooms."""
    name = unit.lower().rstrip(".")
    return name[:-1] if len(name) > 3 and name.endswith("s") else name


def _form_of(fits: list[str], bodies: list[str], decimal: str | None) -> tuple[str, str | None]:
    """Return the format to use, and another that reads all as well with another decimal mark."""
    marks = {mark for body in bodies for mark in re.findall(r"\D", body)}
    # A format that needs no mark that is not there is the simplest.
    fits = [form for form in fits if len(form) == len(PLAIN) or form[1] in marks] or fits
    others = [form for form in fits if form[-2] != fits[0][-2] and {form[-2], fits[0][-2]} & marks]
    if not marks or not others:
        return fits[0], None
    if decimal is not None:
        return next((form for form in fits if form[-2] == decimal), fits[0]), None
    whole = [body for body in bodies if body.isdigit()]
    if fits[0] == PLAIN and len(bodies) >= 20 and len(whole) >= 0.05 * len(bodies):
        # Numbers with three decimals are hardly ever whole; those below 1,000 have no mark between thousands.
        return others[0], fits[0]
    return fits[0], others[0]


def _parsed(values: pd.Series, read: Callable[[str], float], is_plain: bool) -> np.ndarray:
    """Return cells of any type as floats; each text is read once, however many rows have it."""
    if values.dtype == "str" and len(values) > FEW:
        if is_plain:
            cast = _cast(values)
            if cast is not None:
                return cast
        codes, texts = pd.factorize(values)
        known = np.array([*map(read, texts.tolist()), np.nan], dtype=float)
        return known[codes]
    cells = values.to_numpy(dtype=object).tolist()
    return np.array([read(cell) if type(cell) is str else _number(cell, read) for cell in cells], dtype=float)


def _cast(values: pd.Series) -> np.ndarray | None:
    """Return texts that all are plain numbers as floats; None if some are not, or pyarrow is not installed."""
    try:
        import pyarrow as pa  # prediction needs no pyarrow
        import pyarrow.compute as pc
    except ModuleNotFoundError:
        return None
    try:
        found = pc.cast(pa.array(values.array, from_pandas=True), pa.float64())
    except pa.ArrowInvalid:
        # This is how pyarrow says that a text is no plain number; the caller then reads the texts one by one.
        return None
    return np.array(found.to_numpy(zero_copy_only=False), dtype=float)


def _number(cell: Any, read: Callable[[str], float]) -> float:
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return np.nan
    if isinstance(cell, str):
        return read(cell)
    if isinstance(cell, bool | int | float | np.number | np.bool_ | Decimal):
        try:
            return float(cell)
        except (OverflowError, ValueError, TypeError):
            return np.nan
    if isinstance(cell, datetime.time):
        return cell.hour * 3600 + cell.minute * 60 + cell.second + cell.microsecond / 1e6
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    if isinstance(cell, np.timedelta64):
        return float(pd.Timedelta(cell).total_seconds())
    return np.nan
