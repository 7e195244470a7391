"""Series: rows with the index (series, time), the steps between their stamps, and what is known of stamps."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import to_text

DAY = pd.Timedelta(days=1)
WINDOW = 12  # stamps of which a frequency is told: enough to see a weekend
WINDOWS = 200
MOST_LEVELS = 50  # of a text that can be a covariate
SEASONS = {"B": 5, "W": 52, "MS": 12, "ME": 12, "BMS": 12, "BME": 12, "QS": 4, "QE": 4, "BQS": 4, "BQE": 4}
LEVELS = {"month": range(1, 13), "quarter": range(1, 5), "day": range(1, 32), "weekday": range(7), "hour": range(24)}


def indexed(X: pd.DataFrame, time: str, group: str | None) -> pd.DataFrame:
    """The covariates of some rows, with the index (series, time); without a group column all are of the series ''."""
    names = to_text(X[group]).fillna("").to_numpy(dtype=object) if group else np.full(len(X), "", dtype=object)
    index = pd.MultiIndex.from_arrays([names, pd.DatetimeIndex(X[time])], names=["series", "time"])
    return X.drop(columns=[time, group] if group else [time]).set_index(index)


def series_of(index: pd.Index) -> dict[str, pd.DatetimeIndex]:
    """The stamps of each series."""
    stamps = pd.DatetimeIndex(index.get_level_values(1))
    rows = pd.Series(np.arange(len(index))).groupby(np.asarray(index.get_level_values(0), dtype=object)).indices
    return {str(name): stamps[positions] for name, positions in rows.items()}


def frequency_of(stamps: pd.Series | pd.Index) -> str | None:
    """The frequency of stamps as pandas calls it, such as `D` or `MS`: that of most short stretches; None for none."""
    times = pd.DatetimeIndex(pd.unique(pd.DatetimeIndex(stamps))).sort_values()
    if len(times) < 3:
        return None
    whole = pd.infer_freq(times)
    if whole is not None:
        return str(whole)
    starts = np.unique(np.linspace(0, max(0, len(times) - WINDOW), WINDOWS).astype(int))
    found = [pd.infer_freq(times[start : start + WINDOW]) for start in starts]
    known = pd.Series([str(one) for one in found if one is not None], dtype=object)
    return str(known.mode().iloc[0]) if len(known) else None


def offset(frequency: str) -> Any:
    """pandas' offset of a frequency.

    Raises
    ------
    ValueError
        If pandas knows no such frequency.
    """
    try:
        return pd.tseries.frequencies.to_offset(frequency)
    except ValueError:
        raise ValueError(
            f"frequency: {frequency!r} is no frequency; write D for days, h for hours, W-SUN for weeks that end on "
            "Sundays, MS or ME for the first or last days of months, QS, YS, B for working days, 15min, ..."
        ) from None


def within_days(frequency: str) -> bool:
    """Whether the steps are shorter than a day, so that stamps have a time of the day."""
    step = offset(frequency)
    return isinstance(step, pd.offsets.Tick) and pd.Timedelta(step) < DAY


def season_of(frequency: str) -> int:
    """How many steps a season has by default: hours go by the day, days by the week, months by the year."""
    step = offset(frequency)
    if within_days(frequency):
        return max(1, round(DAY / pd.Timedelta(step)))
    if isinstance(step, pd.offsets.Day):
        return 7 if step.n == 1 else 1
    name = step.name.split("-")[0].lstrip("0123456789")
    return max(1, SEASONS.get(name, 1) // step.n)


def parts_of(frequency: str) -> tuple[str, ...]:
    """The parts of the calendar that tell steps of a season apart."""
    if within_days(frequency):
        return ("hour", "weekday")
    season = season_of(frequency)
    return {5: ("weekday",), 7: ("weekday",), 12: ("month",), 52: ("month",), 4: ("quarter",)}.get(season, ())


def following(end: str, steps: int, frequency: str) -> pd.DatetimeIndex:
    """The stamps that follow one."""
    last = pd.Timestamp(end)
    return pd.date_range(last, periods=steps + 1, freq=offset(frequency))[-steps:] if steps else pd.DatetimeIndex([])


@dataclass(frozen=True)
class Problem:
    """Why rows cannot be forecast: `of` is what is at fault, `series` or `time`; `rows` are their positions."""

    of: str
    reason: str
    rows: np.ndarray


def counted(index: pd.Index, ends: Mapping[str, str], frequency: str) -> tuple[np.ndarray, list[Problem]]:
    """How many steps after the end of its series each row is, from 1 on, and what is wrong with those that have 0.

    Parameters
    ----------
    index : of the rows, (series, time).
    ends : the last stamp that is known of each series.
    """
    steps, problems = np.zeros(len(index), dtype=int), []
    names = np.asarray(index.get_level_values(0), dtype=object)
    stamps = pd.DatetimeIndex(index.get_level_values(1))

    def note(of: str, reason: str, rows: np.ndarray) -> None:
        if len(rows):
            problems.append(Problem(of, reason, rows))

    for name in pd.unique(names):
        own = np.flatnonzero(names == name)
        if name not in ends:
            known = f"{', '.join(map(repr, list(ends)[:5]))}{', …' if len(ends) > 5 else ''}"
            note("series", f"is a series that the model has not seen; it knows {known}", own)
            continue
        end, asked = pd.Timestamp(ends[name]), stamps[own]
        empty, past = np.asarray(asked.isna()), np.asarray(asked <= end)
        note("time", "is empty, and says when", own[empty])
        note("time", f"is not after {end}, where the training rows end: only what follows is forecast", own[past])
        later = own[~empty & ~past]
        if len(later):
            grid = pd.date_range(end, stamps[later].max(), freq=offset(frequency))
            steps[later] = np.maximum(grid.get_indexer(stamps[later]), 0)
            between = later[steps[later] == 0]
            coming = ", ".join(map(str, following(ends[name], 2, frequency))) if len(between) else ""
            reason = f"is between two steps: the frequency is {frequency}, and after {end} come {coming}, …"
            note("time", reason, between)
    return steps, problems


def steps_ahead(index: pd.Index, ends: Mapping[str, str], frequency: str) -> np.ndarray:
    """The same, where all rows have to be ahead.

    Raises
    ------
    UserError
        If a row cannot be forecast.
    """
    steps, problems = counted(index, ends, frequency)
    for one in problems:
        series, stamp = index[one.rows[0]]
        what = repr(series) if one.of == "series" else f"{stamp}{named(series)}"
        raise UserError(f"{what} {one.reason}")
    return steps


def calendar(stamps: pd.DatetimeIndex, parts: Sequence[str], yearly: int, time_zone: str | None = None) -> np.ndarray:
    """What the calendar says of stamps, as numbers of shape (stamps, columns).

    Parameters
    ----------
    parts : of `month`, `quarter`, `day`, `weekday`, `hour`: a column for each of its values, 1 where a stamp has it.
    yearly : pairs of sine and cosine of the time of the year: one for a smooth wave, more for finer shapes.
    time_zone : stamps are in UTC, and their parts are those of this zone; None for stamps as they are.
    """
    local = stamps if time_zone is None else stamps.tz_localize("UTC").tz_convert(time_zone).tz_localize(None)
    columns = [(np.asarray(getattr(local, part)) == level).astype(float) for part in parts for level in LEVELS[part]]
    share = (local.dayofyear - 1 + (local - local.normalize()) / DAY).to_numpy(dtype=float) / 365.25
    for number in range(1, yearly + 1):
        columns += [np.sin(2 * np.pi * number * share), np.cos(2 * np.pi * number * share)]
    return np.column_stack(columns) if columns else np.empty((len(stamps), 0))


def learn_covariates(X: pd.DataFrame) -> dict[str, Any]:
    """What `covariates` needs to know: of numbers the mean and the spread, of texts the levels, if there are few."""
    learned: dict[str, Any] = {}
    for name in X.columns:
        values = X[name]
        if pd.api.types.is_numeric_dtype(values):
            spread = float(values.std(ddof=0))
            mean = float(values.mean()) if values.notna().any() else 0.0
            learned[str(name)] = [mean, spread if spread > 0 else 1.0]
        elif not pd.api.types.is_datetime64_any_dtype(values) and values.nunique() <= MOST_LEVELS:
            learned[str(name)] = [str(one) for one in values.value_counts().index]
    return learned


def covariates(X: pd.DataFrame, learned: Mapping[str, Any]) -> np.ndarray:
    """Covariates as numbers around 0, shape (rows, columns): a missing one is the mean, a text that is new is none."""
    columns: list[np.ndarray] = []
    for name, known in learned.items():
        if known and isinstance(known[0], float):
            columns.append(((X[name].astype(float) - known[0]) / known[1]).fillna(0.0).to_numpy(dtype=float))
        else:
            texts = X[name].astype(object).to_numpy()
            columns += [(texts == level).astype(float) for level in known]
    return np.column_stack(columns) if columns else np.empty((len(X), 0))


def named(series: Hashable, start: str = " of ") -> str:
    """The end of a phrase: ` of 'north'`, or nothing for the only series of a table without groups."""
    return f"{start}{str(series)!r}" if str(series) else ""
