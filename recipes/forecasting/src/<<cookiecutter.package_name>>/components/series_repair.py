"""Series repair: bring the series of a table to one row for each step, or say why that cannot be done."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import Schema, to_text
from .series import frequency_of, named, offset

PLACE = ("data.yaml", "task")
FEWEST_STEPS = 3  # that a series needs, to be learned from
MOST_NAMED = 3  # series in a message


@dataclass(frozen=True)
class SeriesRepair:
    """How the series of a table become regular; the fields are params of the task `Forecast`, and two columns."""

    time: str
    group: str | None
    horizon: int
    frequency: str | None
    gaps: str
    duplicates: str
    short_series: str

    def apply(self, frame: pd.DataFrame, schema: Schema, time_zone: str | None) -> tuple[pd.DataFrame, str]:
        """Return the rows of all series in the order of time, and their frequency; repairs are noted in the schema.

        Raises
        ------
        UserError
            If there is no time, or a series has duplicates, gaps or irregular steps that no repair is chosen for.
        """
        self._check_time(frame, schema)
        timeless = frame[self.time].isna()
        if timeless.any():
            zone = f"; a time that {time_zone} does not have, or has twice and the table once, counts as none"
            raise UserError(
                f"{int(timeless.sum())} rows have no {self.time}, such as row {frame.index[timeless][0] + 1}: leave "
                f"them out of the table, or give them their time{zone if time_zone else ''}",
                *PLACE,
            )
        names = to_text(frame[self.group]).fillna("") if self.group else pd.Series("", index=frame.index)
        parts = {str(name): part for name, part in frame.groupby(names.to_numpy(), sort=True)}
        parts = {name: self._single(part, name, schema) for name, part in parts.items()}
        frequency = self.frequency or self._infer_frequency([part[self.time] for part in parts.values()])
        parts = {name: self._regular(part, name, frequency, schema) for name, part in parts.items()}
        parts = self._long_enough(parts, schema)
        made = pd.concat(list(parts.values()), ignore_index=True)
        return made.sort_values(self.time, kind="stable", ignore_index=True), frequency

    def _check_time(self, frame: pd.DataFrame, schema: Schema) -> None:
        """Refuse a table without a column of dates or times."""
        if self.time and pd.api.types.is_datetime64_any_dtype(frame[self.time]):
            return
        if self.time:
            raise UserError(
                f"{self.time} holds no dates (such as {frame[self.time].iloc[0]!r}), and a forecast needs them: for "
                "years write `dtype: datetime`; replace a counter by dates, such as one day for each step (2000-01-01, "
                "2000-01-02, …), with `season_length` in the task if something repeats",
                "data.yaml",
                "columns",
                self.time,
            )
        counters = [
            column.name
            for column in schema.columns
            if column.dtype == "number" and column.unique > 2 and (frame[column.name].dropna() % 1 == 0).all()
        ]
        found = f"; {counters[0]} holds whole numbers: replace a counter by dates" if counters else ""
        raise UserError(
            "a forecast needs a column of dates or times: write `columns: {<name>: {role: time, dtype: datetime}}`"
            + found,
            "data.yaml",
            "columns",
        )

    def _long_enough(self, parts: dict[str, pd.DataFrame], schema: Schema) -> dict[str, pd.DataFrame]:
        """Return the series that are long enough to learn from and to be judged on a horizon."""
        fewest = self.horizon + FEWEST_STEPS if self.group else FEWEST_STEPS
        short = {name: len(part) for name, part in parts.items() if len(part) < fewest}
        if not short:
            return parts
        listed = shortened(f"{name!r} ({count} steps)" if name else f"{count} steps" for name, count in short.items())
        why = f"a horizon of {self.horizon} needs {fewest} steps of each series, {FEWEST_STEPS} of them to learn from"
        if self.short_series == "refuse" or len(short) == len(parts):
            leave = "write `short_series: leave_out` into the task to leave such series out, or "
            raise UserError(
                f"too short to be held out and learned from: {listed}; {why}: "
                f"{leave if self.group and len(short) < len(parts) else ''}write a shorter `horizon`",
                *PLACE,
            )
        schema.notes.append(f"left out, because {why}: {listed}")
        return {name: part for name, part in parts.items() if name not in short}

    def _single(self, part: pd.DataFrame, name: str, schema: Schema) -> pd.DataFrame:
        """A series in the order of time, with one row for each stamp."""
        part = part.sort_values(self.time, kind="stable")
        twice = part[self.time].duplicated(keep=False)
        if not twice.any():
            return part
        stamps = part.loc[twice, self.time]
        if self.duplicates == "refuse":
            raise UserError(
                f"{stamps.iloc[0]} is there {int((stamps == stamps.iloc[0]).sum())} times{named(name)} "
                f"({stamps.nunique()} such stamps in all). If the table has several series, give the column that tells "
                "them apart `role: group`; if its times are local and the clock was put back, write `time_zone` into "
                "the task; or write `duplicates: mean` or `duplicates: last`",
                *PLACE,
            )
        extra = int(part[self.time].duplicated().sum())
        schema.notes.append(f"{extra} rows{named(name)} share a time stamp: the {self.duplicates} of each is taken")
        last = part.groupby(self.time, sort=True, as_index=False).last()
        if self.duplicates == "mean":
            numbers = [str(column) for column in part if pd.api.types.is_numeric_dtype(part[column])]
            last[numbers] = part.groupby(self.time, sort=True)[numbers].mean().to_numpy()
        return last[list(part.columns)]

    def _infer_frequency(self, series: list[pd.Series]) -> str:
        """The frequency of the longest series."""
        lengths = [len(one) for one in series]
        found = frequency_of(series[int(np.argmax(lengths))])
        if found is None:
            raise UserError(
                "the time stamps have no regular step that could be told: write `frequency: D` (or h, W-SUN, MS, ...) "
                "into the task, or bring the rows to regular steps before",
                *PLACE,
            )
        return found

    def _regular(self, part: pd.DataFrame, name: str, frequency: str, schema: Schema) -> pd.DataFrame:
        """A series with a row for each step from its first to its last."""
        stamps = pd.DatetimeIndex(part[self.time])
        grid = pd.date_range(stamps[0], stamps[-1], freq=offset(frequency))
        odd = stamps[~stamps.isin(grid)]
        if len(odd):
            raise UserError(
                f"{odd[0]}{named(name)} is off the steps of the frequency {frequency} ({len(odd)} such stamps in all): "
                "write the right `frequency` into the task, or bring the rows to regular steps before, such as one sum "
                "or mean for each day",
                *PLACE,
            )
        lacking = grid.difference(stamps)
        if not len(lacking):
            return part
        if self.gaps == "refuse":
            listed = ", ".join(str(one.date()) if one == one.normalize() else str(one) for one in lacking[:3])
            raise UserError(
                f"{len(lacking)} of {len(grid)} steps{named(name)} are not there (or have no {schema.target}): "
                f"{listed}{', …' if len(lacking) > 3 else ''}. Write `gaps: interpolate` or `gaps: forward_fill` into "
                f"the task to fill them, or another `frequency` than {frequency}",
                *PLACE,
            )
        schema.notes.append(f"{len(lacking)} steps{named(name)} were not there and are filled ({self.gaps})")
        whole = part.set_index(self.time).reindex(grid.rename(self.time))
        if self.gaps == "interpolate":
            numbers = [str(column) for column in whole if pd.api.types.is_float_dtype(whole[column])]
            whole[numbers] = whole[numbers].interpolate(method="linear")
        return whole.ffill().reset_index()[list(part.columns)]


def shortened(names: Iterable[str]) -> str:
    """Return the first few names, and how many there are."""
    names = list(names)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{', '.join(names[:MOST_NAMED])}{more}"
