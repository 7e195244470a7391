"""Dates written as text: which format a column has, and how a text in it is read."""

import datetime
import re
import unicodedata
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .cells import to_text
from .numbers import to_number

ISO = "ISO8601"
EPOCHS = {"unix s": "s", "unix ms": "ms"}
MONTHS = (
    "jan january januar janv janvier ene enero jän jänner gennaio gen janeiro januari",
    "feb february februar févr février febr febrero feber febbraio fevereiro februari fev",
    "mar march märz mrz mär mars marzo março maart mrt",
    "apr april avr avril abr abril aprile",
    "may mai mayo maggio maio mei maj mag",
    "jun june juni juin junio giugno junho giu",
    "jul july juli juil juillet julio luglio julho lug",
    "aug august août aoû agosto ago augustus augusti",
    "sep sept september septembre septiembre settembre setembro set",
    "oct october okt oktober octobre octubre ottobre outubro ott out",
    "nov november novembre noviembre novembro",
    "dec december dez dezember déc décembre dic diciembre dicembre dezembro",
)
ENGLISH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
MOST_MICROSECONDS = 2.5e17  # the year 9892
LONGEST = 200  # characters of a text that may be a date
FEWEST_DATES = 3  # distinct numbers that may be dates without separators

_TIMES = ("", "{gap}%H:%M", "{gap}%H:%M:%S", "{gap}%H:%M:%S.%f", "{gap}%I:%M %p", "{gap}%I:%M:%S %p")
_BEFORE = ("%d{s}%m{s}%Y", "%m{s}%d{s}%Y", "%d{s}%m{s}%y", "%m{s}%d{s}%y", "%Y{s}%m{s}%d", "%Y{s}%d{s}%m")
_NAMED = (
    "%d %b %Y",
    "%b %d %Y",
    "%d %b %y",
    "%Y %b %d",
    "%b %Y",
    "%Y %b",
    "%b %y",
    "%a %d %b %Y",
    "%a %b %d %Y",
)
_SHORT = ("%m{s}%Y", "%Y{s}%m")
_QUARTER = re.compile(r"(?:(?P<y1>\d{4})[\s/.-]*Q(?P<q1>[1-4])|Q(?P<q2>[1-4])[\s/.'-]*(?P<y2>\d{4}))", re.IGNORECASE)
_WEEK = re.compile(
    r"(?:(?P<y1>\d{4})[\s-]*(?:W|KW|CW)\s*(?P<w1>\d{1,2})(?:-?(?P<d1>[1-7]))?|(?:W|KW|CW)\s*(?P<w2>\d{1,2})[\s/-]*(?P<y2>\d{4}))",
    re.IGNORECASE,
)
QUARTERS, WEEKS = "%Y-Q%q", "%G-W%V"
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Dates:
    """How the dates of a column are written.

    Attributes
    ----------
    form : a format of `strptime`, `ISO8601`, `%Y-Q%q` for quarters or `%G-W%V` for weeks.
    dayfirst : whether the day stands before the month, where the cells show it; None otherwise.
    other : the format with day and month exchanged, where it reads every cell as well.
    """

    form: str
    dayfirst: bool | None = None
    other: str | None = None


def to_datetime(values: pd.Series, form: str | None) -> pd.Series:
    """Return a column as time stamps without a time zone; those with one are turned into UTC.

    A text in another format is read where it leaves no doubt: a year of four digits first, a month's name, or a day
    before dots. What is no date is missing.

    Parameters
    ----------
    values : pd.Series of shape (rows,)
    form : str or None
        A format of `strptime`, or one of those in `Dates`; None for ISO 8601.

    Returns
    -------
    pd.Series of dtype datetime64[us] and shape (rows,)
    """
    if form in EPOCHS:
        return _epochs(values, EPOCHS[form])
    if not pd.api.types.is_datetime64_any_dtype(values):
        values = to_text(values, numbers=values.dtype != "str")
        if values.dtype == "str":
            values = values.where(values.str.len() <= LONGEST)  # pandas takes a second for each megabyte
    stamps = _stamps(values, form or ISO)
    lost = stamps.isna() & values.notna()
    if lost.any() and values.dtype == "str":
        for other in _unambiguous(values[lost], form):
            stamps = stamps.fillna(_stamps(values.where(lost), other))
            lost = stamps.isna() & values.notna()
            if not lost.any():
                break
    return stamps


def is_format(form: str) -> bool:
    """Return whether dates can be written so: in ISO 8601, or as `strptime` reads them."""
    if form in (ISO, QUARTERS):
        return True
    try:
        pd.to_datetime(["2025"], format=form, errors="coerce")
    except ValueError:
        return False
    return re.search(r"%[A-Za-z]", form) is not None


def in_format(stamp: datetime.datetime, form: str | None) -> str:
    """Return a time stamp as text in a format of `Dates`; ISO 8601 for None."""
    if form in (None, ISO):
        return stamp.isoformat(sep=" ") if stamp.time() != datetime.time() else f"{stamp:%Y-%m-%d}"
    if form in EPOCHS:
        return str(round(stamp.replace(tzinfo=datetime.UTC).timestamp() * (1000 if form == "unix ms" else 1)))
    return stamp.strftime(str(form).replace("%q", str((stamp.month + 2) // 3)))


def example_of(form: str | None) -> str:
    """Return a date in a format, for a message."""
    return in_format(datetime.datetime(2025, 12, 31, 18 if form and ("%H" in form or "%I" in form) else 0), form)


def dates_of(texts: pd.Series, known: Sequence[str], dayfirst: bool | None = None) -> Dates | None:
    """Return how the dates of a column are written; None where they are no dates.

    Parameters
    ----------
    texts : pd.Series of dtype str
        Values of the column in the order of the rows.
    known : sequence of str
        The distinct ones.
    dayfirst : bool, optional
        What other columns say, which decides where both readings are possible.
    """
    sample = pd.Series(list(known)[:: max(1, len(known) // 500)], dtype="str")
    if sample.empty or not sample.str.contains(r"\d").all():
        return None
    if sample.str.fullmatch(r"\d{4}-\d\d(-\d\d([T ].*)?)?").all() and _reads(sample, ISO) >= 0.95:
        return Dates(ISO)
    forms = _candidates(sample)
    fits = {form: _reads(sample, form) for form in forms}
    best = max(fits.values(), default=0.0)
    if best < 0.95:
        return _mixed(sample, fits)
    good = [form for form in forms if fits[form] == best]
    if _reads(pd.Series(list(known), dtype="str"), good[0]) < 0.95:
        return None
    return _chosen(good, texts, dayfirst)


def is_month(word: str) -> bool:
    """Return whether a word is the name of a month."""
    return _bare(word) in _MONTH


def undated(texts: Sequence[str]) -> str | None:
    """Return what to say of texts that look like dates and cannot be read as such; None for others."""
    if texts and all(re.fullmatch(r"\d{1,2}([/-])\d{1,2}\1\d{2,4}( .*)?", text) for text in texts):
        return "looks like dates, some with the day and some with the month first: it stays text; make them one form"
    if texts and all(re.search(r"\d", text) and any(map(is_month, _WORD.findall(text))) for text in texts):
        return "looks like dates that have no year or several forms: it stays text"
    return None


def numeric_dates(numbers: Sequence[str]) -> str | None:
    """Return the format of whole numbers that are dates, such as 20160131 and 201601; None where they are none."""
    known = list(dict.fromkeys(numbers))
    if len(known) < FEWEST_DATES or len({len(one) for one in known}) > 1:
        return None
    form = {8: "%Y%m%d", 6: "%Y%m"}.get(len(known[0]))
    if form is None or not all(re.match(r"(19|20)\d\d", one) for one in known):
        return None
    stamps = _stamps(pd.Series(known, dtype="str"), form)
    return form if stamps.notna().all() else None


def _candidates(sample: pd.Series) -> list[str]:
    """Return the formats that may read some texts, in the order of preference."""
    first = str(sample.iloc[0])
    if sample.str.fullmatch(_QUARTER).all():
        return [QUARTERS]
    if sample.str.fullmatch(_WEEK).all():
        return [WEEKS]
    if _months(first) != first or re.search(r"(?i)[a-z]{3}", _months(first)):
        return _named_candidates(first)
    found = re.match(r"\d{1,4}([-/. ])\d{1,4}(?:\1\d{1,4})?", first)
    if not found:
        return []
    mark, rest = found[1], first[found.end() :]
    parts = _BEFORE if found[0].count(mark) == 2 else _SHORT
    gap = "T" if rest.startswith("T") else ", " if rest.startswith(", ") else " "
    if not rest and parts is _SHORT and mark in ". ":
        return []  # 12.05 is a number
    times = _TIMES[1:] if rest else _TIMES[:1]
    return [part.format(s=mark) + time.format(gap=gap) for part in parts for time in times]


def _named_candidates(first: str) -> list[str]:
    times = _TIMES[1:] if ":" in first else _TIMES[:1]
    return [form + time.format(gap=" ") for form in _NAMED for time in times]


def _chosen(forms: list[str], texts: pd.Series, dayfirst: bool | None) -> Dates:
    """Return the format to use of those that read equally many texts."""
    form = forms[0]
    other = next((one for one in forms[1:] if _swapped(one) == form), None)
    shows = {"%d": True, "%m": False}.get(form[:2])
    if other is None:
        return Dates(form, shows if re.match(r"%[dm][-/. ]%[dm]", form) else None)
    dayfirst_form, monthfirst_form = (form, other) if form.index("%d") < form.index("%m") else (other, form)
    if form.startswith(("%d.", "%m.")):
        return Dates(dayfirst_form, True)
    if form.startswith("%Y"):
        return Dates(monthfirst_form)  # the year first: then the month
    stepped = _regular(texts, dayfirst_form, monthfirst_form)
    if stepped is not None:
        return Dates(dayfirst_form if stepped else monthfirst_form, None, monthfirst_form if stepped else dayfirst_form)
    # Dates with dashes whose year comes last are written day first far more often.
    first = form[2] == "-" if dayfirst is None else dayfirst
    chosen = (dayfirst_form, monthfirst_form) if first else (monthfirst_form, dayfirst_form)
    return Dates(chosen[0], None, chosen[1])


def _swapped(form: str) -> str:
    return form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")


def _regular(texts: pd.Series, dayfirst: str, monthfirst: str) -> bool | None:
    """Return whether the day-first reading is the one in order, or with the more regular steps; None for neither."""
    stamps = [_stamps(texts, form).dropna() for form in (dayfirst, monthfirst)]
    ordered = [len(own) > 3 and (own.is_monotonic_increasing or own.is_monotonic_decreasing) for own in stamps]
    if ordered[0] != ordered[1]:
        return ordered[0]
    shares = list(map(_regularity, stamps))
    if max(shares) < 0.8 or abs(shares[0] - shares[1]) < 0.02:
        return None
    return shares[0] > shares[1]


def _regularity(stamps: pd.Series) -> float:
    """Return the share of the commonest step between distinct stamps, in days or in months."""
    times = pd.DatetimeIndex(stamps.dropna().drop_duplicates().sort_values())
    if len(times) < 4:
        return 0.0
    days = np.diff(times.to_numpy().astype("datetime64[s]").astype("int64"))
    steps = [days]
    if len(set(times.day)) == 1:
        steps.append(np.diff(np.asarray(times.year * 12 + times.month)))
    return max(float(np.unique(step, return_counts=True)[1].max()) / len(step) for step in steps)


def _mixed(sample: pd.Series, fits: dict[str, float]) -> Dates | None:
    """Return the commonest of several formats in one column, where no text leaves a doubt."""
    forms = sorted(fits, key=lambda form: fits[form], reverse=True)[:1] or [ISO]
    form = forms[0] if fits.get(forms[0], 0.0) > 0 else ISO
    if "%d/%m" in form or "%m/%d" in form or "%d-%m-" in form or "%m-%d-" in form:
        return None
    read = to_datetime(sample, form)
    return Dates(form, None) if len(sample) >= FEWEST_DATES and read.notna().mean() >= 0.95 else None


def _unambiguous(values: pd.Series, form: str | None) -> list[str]:
    """Return formats without doubt that may read some texts."""
    found: list[str] = [ISO]
    for text in list(dict.fromkeys(values.tolist()))[:20]:
        if re.match(r"\d{4}[/.]\d", text):
            mark = text[4]
            found += [f"%Y{mark}%m{mark}%d", f"%Y{mark}%m{mark}%d %H:%M", f"%Y{mark}%m{mark}%d %H:%M:%S"]
        elif re.match(r"\d{1,2}\.\d{1,2}\.\d\d", text) and form != "%m.%d.%Y":
            found += ["%d.%m.%Y", "%d.%m.%y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"]
        elif re.search(r"[^\W\d_]{3}", text):
            found += [*_named_candidates(text), QUARTERS, WEEKS]
        elif re.fullmatch(r"(19|20)\d{6}", text):
            found.append("%Y%m%d")
    return [one for one in dict.fromkeys(found) if one != form]


def _reads(texts: pd.Series, form: str) -> float:
    return float(_stamps(texts, form).notna().mean())


def _stamps(values: pd.Series, form: str) -> pd.Series:
    """Return the stamps of texts in one format; another is missing."""
    if values.dtype == "str":
        if form == QUARTERS:
            values, form = _rewritten(values, _quarter), "%Y-%m-%d"
        elif form == WEEKS:
            values, form = _rewritten(values, _week), "%G-W%V-%u"
        elif "%b" in form or "%B" in form:
            values = _rewritten(values, _months)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stamps = pd.to_datetime(values, errors="coerce", format=form, utc=True)
    return stamps.dt.tz_localize(None).astype("datetime64[us]")


def _epochs(values: pd.Series, unit: str) -> pd.Series:
    scale = {"s": 1e6, "ms": 1e3}[unit]
    numbers = (to_number(values) * scale).round()
    return pd.to_datetime(numbers.where(numbers.abs() < MOST_MICROSECONDS), unit="us").astype("datetime64[us]")


def _rewritten(values: pd.Series, write: Any) -> pd.Series:
    codes, texts = pd.factorize(values)
    written = [write(text) for text in texts.tolist()]
    return pd.Series(pd.array([*written, None], dtype="str").take(codes), values.index, name=values.name)


def _quarter(text: str) -> str | None:
    found = _QUARTER.fullmatch(text)
    if not found:
        return None
    month = 3 * int(found["q1"] or found["q2"]) - 2
    return f"{found['y1'] or found['y2']}-{month:02d}-01"


def _week(text: str) -> str | None:
    found = _WEEK.fullmatch(text)
    return found and f"{found['y1'] or found['y2']}-W{int(found['w1'] or found['w2']):02d}-{found['d1'] or 1}"


def _months(text: str) -> str:
    """Return a text with English months of three letters, and single spaces for what stands between its parts."""
    words = _WORD.findall(text)
    for word in words:
        name = _MONTH.get(_bare(word))
        if name:
            text = text.replace(word, name, 1)
            break
    else:
        return text
    date, gap, time = [*re.split(r"(\s+(?=\d{1,2}:))", text, maxsplit=1), "", ""][:3]
    date = re.sub(r"(?<=\d)(st|nd|rd|th|º)\b", "", date)
    date = re.sub(r"\b(de|del|of|le)\b", " ", date, flags=re.IGNORECASE)
    return " ".join(re.split(r"[\s,./'’-]+", date.strip(" ,."))) + (f" {time.upper()}" if gap else "")


def _bare(word: str) -> str:
    """Return a word in lower case without accents."""
    return "".join(one for one in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(one))


_MONTH = {_bare(name): english for names, english in zip(MONTHS, ENGLISH, strict=True) for name in names.split()}
