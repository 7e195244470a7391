"""Preprocess: bring every column into the form that its dtype has, without learning anything from the rows."""

import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ..errors import UserError
from ..schema import MOST_CLASSES, Column, Schema, convert, to_number, to_text, without_marks
from .task import task_of
from .typing.cells import canonical
from .typing.kinds import EXACT, spelling_of

TARGET = ("data.yaml", "target")
MANY_NUMBERS = 24  # classes that are all numbers


def preprocess(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The columns of the schema, typed and in its order; a target that is there is kept as it is.

    Used in training and in prediction alike.

    Raises
    ------
    UserError
        If a column that the model needs is not in the table.
    """
    needed = {column.name for column in schema.needed}
    absent = [column.name for column in schema.columns if column.name not in frame and column.name in needed]
    if absent:
        raise UserError(f"the table has no column {', '.join(map(repr, absent))}, which the model needs")
    frame = without_marks(frame, schema)
    typed = {c.name: convert(frame[c.name], c) for c in schema.columns if c.name in frame}
    typed |= {name: frame[name] for name in schema.targets if name in frame}
    return task_of(schema).typed(pd.DataFrame({name: one.array for name, one in typed.items()}, index=frame.index))


def featurized(frame: pd.DataFrame, featurize: Callable[[pd.DataFrame], pd.DataFrame]) -> pd.DataFrame:
    """The typed table with the columns that the owner's function adds; what is infinite there is missing.

    Raises
    ------
    UserError
        If the function fails, or does not keep every row.
    """
    file, name = _named(featurize)
    made = called(featurize, frame)
    if not isinstance(made, pd.DataFrame) or len(made) != len(frame):
        raise UserError(f"{file}: {name} must keep every row")
    added = [str(name) for name in made if name not in frame and pd.api.types.is_numeric_dtype(made[name])]
    return made.assign(**{name: made[name].replace([np.inf, -np.inf], np.nan) for name in added}) if added else made


def called(function: Callable[..., Any], *given: Any) -> Any:
    """Return what one of the owner's functions returns.

    Raises
    ------
    UserError
        If it fails, with its file and line.
    """
    file, name = _named(function)
    try:
        return function(*given)
    except Exception as error:
        lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == file]
        place = f"{file}:{lines[0]}" if lines else file
        raise UserError(f"{place}: {name} fails: {type(error).__name__}: {error}") from error


def _named(function: Callable[..., Any]) -> tuple[str, str]:
    """The file and the name of a function, or of whatever can be called."""
    code = getattr(function, "__code__", None)
    return (code.co_filename, code.co_name) if code else (type(function).__module__, type(function).__name__)


def rows_with_target(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows that have all their targets, of which the schema then tells.

    Raises
    ------
    UserError
        If a target is all missing.
    """
    for name in schema.targets:
        blank = schema.answer(name).blank
        if blank is not None:
            frame = frame.assign(**{name: to_text(frame[name], blank=blank)})
        if frame[name].isna().all():
            raise UserError(f"every row of {name!r} is missing", *TARGET)
    kept = frame[frame[schema.targets].notna().all(axis=1)]
    if len(kept) < len(frame):
        names, lost = " and ".join(schema.targets), len(frame) - len(kept)
        schema.warn(f"{lost} of {len(frame)} rows ({lost / len(frame):.1%}) have no {names} and are left out")
    if kept.empty:
        raise UserError(f"no row has all of {', '.join(schema.targets)}", *TARGET)
    return kept.copy()


def number_rows(kept: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows with their targets as floats.

    Raises
    ------
    UserError
        If a target is no number, or the same in every row.
    """
    for name in schema.targets:
        column = schema.answer(name)
        numbers = convert(kept[name], column) if column.dtype == "number" else to_number(kept[name])
        if numbers.isna().any():
            bad = kept[name][numbers.isna()]
            raise UserError(
                f"{name!r} should hold numbers in a regression, but {len(bad)} of its values are none, "
                f"such as {str(bad.iloc[0])[:40]!r} (row {bad.index[0] + 1})",
                *TARGET,
            )
        kept[name] = numbers
        column.min, column.max = float(numbers.min()), float(numbers.max())
        _refuse_constant(kept[name])
    return kept


def label_rows(kept: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows with their classes in one type.

    Raises
    ------
    UserError
        If there are too many classes, or there is one.
    """
    name = str(schema.target)
    kept[name] = to_label(kept[name])
    _refuse_constant(kept[name])
    unique = kept[name].nunique()
    if unique > MOST_CLASSES or unique > len(kept) / 2 > 5:
        raise UserError(
            f"{name!r} has {unique} different values in {len(kept)} rows, too many for classes; "
            "for numbers write `task: regression`",
            *TARGET,
        )
    return kept


def _refuse_constant(values: pd.Series) -> None:
    if values.nunique() == 1:
        raise UserError(f"{values.name!r} is {str(values.iloc[0])!r} in every row: there is nothing to learn", *TARGET)


def labels(target: pd.Series, positive: Any = None) -> list[Any]:
    """The classes in order; of two, the positive one last.

    Raises
    ------
    UserError
        If `positive` is none of them.
    """
    found = sorted(target.unique().tolist())
    if positive is None:
        return found
    chosen = [label for label in found if str(label) == str(positive)]
    if len(found) != 2 or not chosen:
        raise UserError(
            f"{positive!r} is not one of two classes; the target has {', '.join(map(str, found[:10]))}",
            "data.yaml",
            "positive",
        )
    return [*(label for label in found if label not in chosen), *chosen]


def validate(frame: pd.DataFrame, schema: Schema) -> None:
    """Check the typed table against the owner's rules.

    Raises
    ------
    UserError
        For the first rule that is broken, with the rows.
    """
    for column in schema.columns:
        if not column.rules:
            continue
        values = frame[column.name]
        share = float(values.isna().mean())
        if share > column.rules.get("missing", 1.0):
            _broken(column.name, f"{share:.1%} of the values are missing, and {column.rules['missing']:.1%} may be")
        broken = breaks_rules(values, column)
        if broken.any():
            rows = ", ".join(str(row + 1) for row in frame.index[broken][:3])
            _broken(
                column.name,
                f"the value {str(values[broken].iloc[0])!r} breaks the rule {rules(column)}; "
                f"rows {rows} ({int(broken.sum())} in all)",
            )


def breaks_rules(values: pd.Series, column: Column) -> pd.Series:
    """Which of a typed column's values break the owner's rules for single values."""
    broken = pd.Series(False, index=values.index)
    bound = next((key for key in ("min", "max") if key in column.rules), None)
    if bound and column.dtype != "number":
        raise UserError(
            f"{column.name!r} is a {column.dtype}, and {bound!r} is a rule for numbers",
            "data.yaml",
            "columns",
            column.name,
        )
    if "min" in column.rules:
        broken |= values < column.rules["min"]
    if "max" in column.rules:
        broken |= values > column.rules["max"]
    if "categories" in column.rules:
        allowed = {str(one) for one in column.rules["categories"]}
        allowed |= set(map(canonical, allowed)) if column.numbers else set()
        broken |= values.notna() & ~values.map(str, na_action="ignore").isin(allowed)
    return broken


def rules(column: Column) -> str:
    """The owner's rules for single values as text."""
    return ", ".join(f"{rule}: {value}" for rule, value in column.rules.items() if rule != "missing")


def check_weights(frame: pd.DataFrame, schema: Schema) -> None:
    """Check the weights of the rows that have a target, and note that there are weights.

    Parameters
    ----------
    frame : DataFrame
        The typed table, with the targets as they were read.

    Raises
    ------
    UserError
        If a weight is missing, negative or no finite number, or all of them are 0.
    """
    for name in schema.role("weight"):
        weights = frame.loc[frame[schema.targets].notna().all(axis=1), name]
        bad = weights[~(weights >= 0)]  # an infinite weight was read as missing
        if len(bad):
            what = "missing or no number" if bad.isna().iloc[0] else f"{bad.iloc[0]:g}"
            more = f" ({len(bad)} such rows in all)" if len(bad) > 1 else ""
            _broken(name, f"the weight in row {bad.index[0] + 1} is {what}{more}; weights are finite numbers from 0 on")
        if not weights.any():
            _broken(name, "every weight is 0, so no row counts")
        schema.warn(f"the rows are weighted by {name}, in fitting and in every metric")


def duplicates(frame: pd.DataFrame) -> list[str]:
    """A note if many rows stand in the table more than once: the hold-out then knows the answers."""
    share = float(frame.duplicated().mean())
    if share < 0.01:
        return []
    return [
        f"{share:.0%} of the rows are copies of others, so the held-out rows are not new to the model: leave the "
        "copies out, or give what they share the role group"
    ]


def many_numbers(frame: pd.DataFrame, schema: Schema) -> list[str]:
    """Return a note if the classes are dozens of numbers, which looks like a regression."""
    notes = []
    for name in schema.targets:
        classes = frame[name].dropna().astype(str).drop_duplicates()
        if len(classes) >= MANY_NUMBERS and pd.to_numeric(classes, errors="coerce").notna().all():
            notes.append(
                f"the target {name} has {len(classes)} classes, and all of them are numbers: if they are amounts, a "
                "recipe that predicts a number fits better"
            )
    return notes


def to_label(values: pd.Series) -> pd.Series:
    """Return class labels of one type: integers, booleans or text; codes such as 007 stay text."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_integer_dtype(values):
        return values
    if pd.api.types.is_float_dtype(values) and (values % 1 == 0).all() and values.abs().max() <= EXACT:
        return values.astype("int64")
    texts = to_text(values)
    texts = to_text(texts, numbers=spelling_of(texts.dropna().unique().tolist())[0])
    known = set(texts.unique())
    if known <= {"True", "False"}:
        return texts == "True"
    if all(re.fullmatch(r"0|-?[1-9]\d{0,17}", text) for text in known):
        return texts.astype("int64")
    return texts


def _broken(name: str, problem: str) -> Any:
    raise UserError(f"{name}: {problem}", "data.yaml", "columns", name)
