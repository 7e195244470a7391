"""Infer the schema of a table: what each column is, from all of its values, overruled by `params/data.yaml`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ...errors import UserError, nearest
from ...schema import RULES, Column, Schema, convert, without_marks
from ..reading.header import numbered
from .blanks import USUAL, blank_of, counts
from .cells import TRUTH, is_scalar, to_text
from .identifiers import is_id, tells_of
from .kinds import MOST_CATEGORIES, Kind, Locale, kind_of, locale_of, of_dtype, of_format
from .numbers import to_number
from .oddities import odd_rows, spellings

LEAST_REFUSED = 0.02  # of the rows: marks for a missing class that are refused
MOST_UNLABELLED = 0.2
MOST_DATES = 20  # that are compared with each other


def infer(
    frame: pd.DataFrame,
    target: str | list[str],
    task: Any,
    overrides: Mapping[str, Mapping[str, Any]],
    missing: Sequence[str] | None = None,
    decimal: str | None = None,
) -> Schema:
    """Return the schema of a table as it was read.

    Parameters
    ----------
    frame : pd.DataFrame of shape (rows, columns)
        The table, its texts stripped. Texts that stand for a missing value may still be there.
    target : the column to predict, or several.
    task : the task's object in plain values.
    overrides : for some columns, what the owner says: `{"Location": {"role": "group"}}`.
    missing : the texts that stand for a missing value; the usual ones if None.
    decimal : the decimal mark, where the owner names it.

    Raises
    ------
    UserError
        If the target or an overridden column is not in the table, or a column cannot be read as the owner says.
    """
    overrides = {  # a weight is a number, whatever the column looks like
        name: {"dtype": "number", **override} if override.get("role") == "weight" else override
        for name, override in overrides.items()
    }
    names, schema = list(frame.columns), Schema(target, task, [], missing=None if missing is None else list(missing))
    _refuse_absent(names, schema, overrides)
    seen = counts(frame, [mark for mark in (USUAL if missing is None else missing) if mark])
    schema.columns = [Column(name, "feature", "category") for name in names]
    frame = without_marks(frame, schema)
    by_topic, dates = _fill_columns(frame, schema, overrides, _kinds(frame, overrides, decimal), seen)
    schema.notes = _joined(by_topic) + odd_rows(frame, schema)
    schema.warnings = [note for note in schema.notes if note.startswith("left out")]
    schema.notes += _choose_time(dates, schema, overrides)
    if isinstance(schema.target, str):
        signals = _signals(frame, schema, frame[schema.target], overrides)
        schema.notes += signals
        schema.warnings += signals
    return schema


def _fill_columns(
    frame: pd.DataFrame,
    schema: Schema,
    overrides: Mapping[str, Mapping[str, Any]],
    kinds: Mapping[str, Kind],
    seen: Mapping[str, Mapping[str, int]],
) -> tuple[dict[str, list[str]], dict[str, pd.Series]]:
    """Fill in the columns of a schema; return notes by topic, and the columns of dates.

    Parameters
    ----------
    kinds : the kind of each column.
    seen : by column, how often each text stands there that means a missing value.
    """
    missing = schema.missing
    others = {
        mark for name, kind in kinds.items() if kind.dtype in ("number", "datetime") for mark in seen.get(name, {})
    }
    schema.columns, by_topic, dates = [], dict[str, list[str]](), dict[str, pd.Series]()
    for name in frame.columns:
        kind, override = kinds[name], overrides.get(name, {})
        column = _column(frame[name], kind, override)
        if kind.dtype == "category" and missing is None:
            column.blank = blank_of(name, len(frame), seen, int(frame[name].isna().sum()), others)
        if name in schema.targets:
            column.role = "target"
            schema.answers.append(column)
            _refuse_marks(column, seen.get(name, {}), len(frame), missing)
            notes = _notes(frame[name], column, kind, override)
        else:
            typed = convert(frame[name], column)
            notes = _seen(frame[name], typed, column, kind, override)
            if column.dtype == "datetime":
                dates[name] = typed
            schema.columns.append(column)
        for topic, note in notes:
            by_topic.setdefault(topic, []).append(note)
    return by_topic, dates


def _refuse_absent(names: list[str], schema: Schema, overrides: Mapping[str, Any]) -> None:
    absent = [name for name in schema.targets if name not in names]
    if absent:
        hint = nearest(absent[0], names) or f"; it has {', '.join(names[:10])}, …"
        if names == numbered(len(names)):
            hint = (
                f": it is read without a header, so its columns are {names[0]} to {names[-1]}; write the target's, "
                f"such as {names[-1]} for the last one"
            )
        raise UserError(f"the table has no column {absent[0]!r}{hint}", "data.yaml", "target")
    for name in overrides:
        if name not in names:
            raise UserError(f"the table has no column {name!r}{nearest(name, names)}", "data.yaml", "columns", name)


def _kinds(frame: pd.DataFrame, overrides: Mapping[str, Mapping[str, Any]], decimal: str | None) -> dict[str, Kind]:
    """Return the kind of each column; what is ambiguous is decided by the columns that are not."""
    present = {name: frame[name].dropna() for name in frame.columns}
    kinds: dict[str, Kind] = {}
    for name, values in present.items():
        override = overrides.get(name, {})
        kinds[name] = of_format(values, override["format"]) if "format" in override else kind_of(values)
    locale = locale_of(kinds)
    locale = locale if decimal is None else Locale(decimal, locale.dayfirst)
    for name, values in present.items():
        override = overrides.get(name, {})
        if "format" in override:
            continue
        if kinds[name].other and locale != Locale():
            kinds[name] = kind_of(values, locale)
        if "dtype" in override and not kinds[name].is_nested:
            kinds[name] = of_dtype(values, override["dtype"], kinds[name], locale)
    return kinds


def _column(values: pd.Series, kind: Kind, override: Mapping[str, Any]) -> Column:
    rules = {key: value for key, value in override.items() if key in RULES[3:]}
    column = Column(str(values.name), "feature", kind.dtype, kind.form, kind.numbers, rules=rules)
    column.unit, column.width = kind.unit, kind.width
    return column


def _seen(
    values: pd.Series, typed: pd.Series, column: Column, kind: Kind, override: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Fill in what was seen in a column, and its role; return notes by topic."""
    name = column.name
    if kind.is_nested:
        cell = next(cell for cell in values.dropna() if not is_scalar(cell))
        what = f"its cells are no single values but each a {type(cell).__name__}"
        if override.get("role", "ignore") != "ignore":
            raise UserError(f"{name}: {what}; write them as columns of their own", "data.yaml", "columns", name)
        column.role, column.missing = "ignore", 1.0
        return [("ignored", f"{name} ({what})")]
    present, seen = values.dropna(), typed.dropna()
    column.missing = (len(typed) - len(seen)) / len(typed) if len(typed) else 0.0
    column.unique = int(seen.nunique())
    column.boolean = column.dtype == "number" and _is_boolean(present)
    if column.dtype == "number" and len(seen):
        column.min, column.max = float(seen.min()), float(seen.max())
    if column.dtype == "category" and column.unique <= MOST_CATEGORIES:
        column.categories = sorted(map(str, seen.unique()))
    notes = _notes(values, column, kind, override, typed)
    column.unread = float((typed.isna().to_numpy() & values.notna().to_numpy()).mean()) if len(typed) else 0.0
    if "role" in override:
        column.role = override["role"]
        return notes
    if column.unique == 0:
        column.role = "ignore"
        return [("ignored", f"{name} ({f'every value is {column.expected}' if len(present) else 'empty'})")]
    if column.unique == 1 and column.missing == 0:
        column.role = "ignore"
        return [("ignored", f"{name} (constant)")]
    if is_id(name, seen, column.unique, column.dtype) and len(present) == len(seen):
        column.role = "id"
        return [*notes, ("id", name)]
    return notes


def _is_boolean(present: pd.Series) -> bool:
    """Whether all values are true or false, as such or as text."""
    if pd.api.types.is_bool_dtype(present):
        return True
    if present.empty or pd.api.types.is_numeric_dtype(present) or pd.api.types.is_datetime64_any_dtype(present):
        return False
    if str(present.iloc[0]).lower() not in TRUTH:
        return False
    return bool(to_text(present).str.lower().isin(TRUTH).all())


def _notes(
    values: pd.Series, column: Column, kind: Kind, override: Mapping[str, Any], typed: pd.Series | None = None
) -> list[tuple[str, str]]:
    """Return what there is to say about how a column is read, by topic."""
    name, notes = column.name, [("", f"{column.name}: {note}") for note in kind.notes]
    typed = convert(values, column) if typed is None else typed
    is_read = typed.notna().to_numpy()
    is_lost = ~is_read & values.notna().to_numpy()
    if is_lost.any():
        lost = values[is_lost]
        notes.append(("", _unread(name, column, lost)))
        if {"min", "max"} & set(column.rules) and column.dtype == "number":
            row, what = lost.index[0] + 1, str(lost.iloc[0])[:40]
            rule = ", ".join(f"{key}: {value}" for key, value in column.rules.items() if key != "missing")
            raise UserError(
                f"{name}: the value {what!r} (row {row}) is no number, so it breaks the rule {rule}; "
                f"{len(lost)} such values in all. Correct them, or list them under `missing`",
                *("data.yaml", "columns", name),
            )
    if (column.format or kind.other) and "format" not in override and is_read.any():
        first = int(is_read.argmax())
        notes += _format_notes(name, column, kind, str(values.iloc[first]), typed.iloc[first])
    if column.blank is not None:
        notes.append(
            (
                "",
                f"{name}: {column.blank!r} is taken as a {'class' if column.role == 'target' else 'category'} of its "
                f"own, not as a missing value (`missing: [{column.blank}]` in params/data.yaml makes it one)",
            )
        )
    notes += [("", note) for note in spellings(name, typed, column)]
    if column.dtype == "category" and pd.api.types.is_string_dtype(values) and not kind.notes:
        notes += _mixed(name, values.dropna())
    return notes


def _format_notes(name: str, column: Column, kind: Kind, text: str, value: Any) -> list[tuple[str, str]]:
    if column.dtype == "number":
        shown = f"{name} ({text!r} is {value:g}{' seconds' if ':' in str(column.format) else ''})"
        if kind.other:
            return [
                (
                    "",
                    f"{name}: {text!r} is read as {value:g}, and could be read another way: write "
                    f"`columns: {{{name}: {{format: {_quoted(kind.other)}}}}}` in params/data.yaml if that is right",
                )
            ]
        return [("number", shown)]
    if kind.other:
        return [
            (
                "",
                f"{name}: {text!r} is read as {value:%Y-%m-%d}, and could have the day and the month the other way "
                f"round: write `columns: {{{name}: {{format: {_quoted(kind.other)}}}}}` in params/data.yaml if so",
            )
        ]
    return [("date", f"{name} ({text!r} is {value:%Y-%m-%d})")] if column.format != "ISO8601" else []


def _unread(name: str, column: Column, lost: pd.Series) -> str:
    shown = repr(str(lost.iloc[0])[:40])
    if len(lost) == 1:
        return f"{name}: one value is {column.expected} ({shown}) and counts as missing"
    return f"{name}: {len(lost)} values are {column.expected} (such as {shown}) and count as missing"


def _mixed(name: str, present: pd.Series) -> list[tuple[str, str]]:
    numbers = to_number(present.iloc[:: max(1, len(present) // 2000)])
    share = numbers.notna().mean()
    if not 0.5 < share < 1:
        return []
    odd = present[numbers[numbers.isna()].index].iloc[0]
    return [
        (
            "",
            f"{name}: {share:.0%} of the values are numbers, others are text such as {odd!r}: taken as a category "
            "(dtype: number makes the others missing)",
        )
    ]


def _refuse_marks(column: Column, marks: Mapping[str, int], rows: int, missing: Sequence[str] | None) -> None:
    """Refuse a target in which marks for a missing value are so frequent that they may be a class."""
    total = sum(marks.values())
    least = max(3, (LEAST_REFUSED if column.dtype == "category" else MOST_UNLABELLED) * rows)
    if missing is not None or column.blank is not None or total < least:
        return
    shown = ", ".join(f"{mark!r}" for mark in marks)
    listed = ", ".join(_quoted(mark) for mark in marks)
    kept = ", ".join(_quoted(mark) for mark in USUAL if mark and mark not in marks)
    raise UserError(
        f"{column.name!r} is {shown} in {total} of {rows} rows. Where that means that it is not known, write "
        f"`missing: [{listed}]`, and those rows are left out; where it is a class, write `missing: [{kept}]`",
        *("data.yaml", "target"),
    )


def _choose_time(
    dates: Mapping[str, pd.Series], schema: Schema, overrides: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Give a date the role of the time if the owner gives it to none; return a note on which one it is."""
    columns, notes = schema.columns, []
    if not any(column.role == "time" for column in columns):
        dated = [
            column
            for column in columns
            if column.dtype == "datetime" and column.role == "feature" and "role" not in overrides.get(column.name, {})
        ]
        if dated:
            chosen = _beginning(dates, dated)
            chosen.role = "time"
            others = [column.name for column in dated if column is not chosen]
            more = f", not {' or '.join(others)} (`role: time` in params/data.yaml chooses another)" if others else ""
            notes.append(f"{chosen.name} is the time column, by which the rows are sorted{more}")
    for role in ("group", "time"):
        several = [column.name for column in columns if column.role == role]
        if len(several) > 1:
            raise UserError(
                f"{' and '.join(several)} both have the role {role}; one column can", "data.yaml", "columns"
            )
    return notes


def _beginning(dates: Mapping[str, pd.Series], dated: list[Column]) -> Column:
    """Return the date at which what a row describes began: of the most complete dates the earlier one.

    A date of long before, such as a birth, is another matter: it differs from the others by more than these span. So is
    the month or the week that another date lies in. Of dates that are the same the first one is taken.
    """
    least = min(column.missing for column in dated)
    complete = [column for column in dated if column.missing <= least + 0.01]
    times = {column.name: to_number(dates[column.name]) for column in complete}
    if len(complete) <= MOST_DATES:
        complete = [one for one in complete if not any(_holds(one, other, times) for other in complete)]
    complete.sort(key=lambda column: times[column.name].median(), reverse=True)
    chosen = max(complete, key=lambda column: column.unique > 1)
    for column in complete:
        later = times[chosen.name]
        low, high = later.quantile([0.05, 0.95])
        gap = (later - times[column.name]).median()
        if column.unique > 1 and gap <= high - low and not later.equals(times[column.name]):
            chosen = column
    return chosen


def _holds(column: Column, other: Column, times: Mapping[str, pd.Series]) -> bool:
    """Return whether a column has the beginnings of the periods, such as months, that the dates of another lie in."""
    if column.unique < 2 or other.unique < 2 * column.unique:
        return False
    periods, within = times[column.name].to_numpy(), times[other.name].to_numpy()
    known = ~(np.isnan(periods) | np.isnan(within))
    begins = np.unique(periods[known])
    of = np.searchsorted(begins, within[known], side="right") - 1
    return bool(known.any() and (of >= 0).all() and (begins[of] == periods[known]).all())


def _signals(
    frame: pd.DataFrame, schema: Schema, answer: pd.Series, overrides: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return notes on identifiers whose order tells of the target."""
    return [
        f"{column.name} is left out as an identifier, but its order goes with {schema.target}: if it is known when you "
        "predict, write `role: feature` for it in params/data.yaml"
        for column in schema.columns
        if column.role == "id"
        and "role" not in overrides.get(column.name, {})
        and tells_of(convert(frame[column.name], column), answer)
    ]


def _joined(by_topic: Mapping[str, list[str]]) -> list[str]:
    """Return one note for each topic that several columns share, and the others as they are."""
    starts = {
        "ignored": "left out: ",
        "id": "left out as identifiers (role: feature in params/data.yaml makes one a feature): ",
        "number": "read as numbers: ",
        "date": "read as dates: ",
    }
    shared = [f"{start}{_listed(by_topic[topic])}" for topic, start in starts.items() if topic in by_topic]
    return shared + by_topic.get("", [])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'
