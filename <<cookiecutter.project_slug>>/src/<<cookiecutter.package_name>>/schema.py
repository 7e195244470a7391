"""Schema: what the columns of the table are, and how their cells are read; kept with the model for prediction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pandas as pd

from .steps.typing.blanks import USUAL, emptied, is_mark, marks_of
from .steps.typing.cells import FEW, over_texts, to_text
from .steps.typing.dates import EPOCHS, example_of, in_format, is_format, to_datetime
from .steps.typing.durations import DURATIONS
from .steps.typing.numbers import FORMATS, to_number

ROLES = ("feature", "id", "group", "time", "weight", "ignore")
DTYPES = ("number", "category", "datetime", "text")
RULES = ("role", "dtype", "format", "min", "max", "categories", "missing")
MOST_CLASSES = 200


@dataclass
class Column:
    """One column of the input: its role, its dtype, how its cells are written, and what was seen in it.

    Attributes
    ----------
    format : how dates are written (see `steps/typing/dates.py`), or numbers (see `steps/typing/numbers.py`); None for
        time stamps, ISO dates and plain numbers.
    unit : the currency or unit that the texts of numbers may have.
    boolean : whether its numbers are true and false in the table.
    numbers : whether categories that are numbers are written in one way: `1.0`, `1` and `"1"` are one.
    width : the digits of codes with leading zeros, which a code that arrives as a number has lost.
    blank : the category that a missing cell stands for, such as `None`.
    missing : the share of missing values.
    unread : the share of values that are no number or date in a column of such, and count as missing.
    rules : the owner's rules from `params/data.yaml`: `min`, `max`, `categories`, `missing` (the largest share).
    """

    name: str
    role: str
    dtype: str
    format: str | None = None
    numbers: bool = False
    boolean: bool = False
    missing: float = 0.0
    unread: float = 0.0
    unique: int = 0
    min: float | None = None
    max: float | None = None
    categories: list[str] | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    unit: str | None = None
    width: int | None = None
    blank: str | None = None

    @property
    def expected(self) -> str:
        """What a cell should have been, for a message: `no number`, `no date such as 31.12.2025 (%d.%m.%Y)`."""
        if self.dtype == "number":
            return f"no number written as {self.format}" if self.format else "no number"
        if self.dtype == "datetime":
            form = f" ({self.format})" if self.format else ""
            return f"no date such as {example_of(self.format)}{form}"
        return "no text"


@dataclass
class Schema:
    """The columns of the input in order, the target, and the features after `featurize` with their dtypes.

    Attributes
    ----------
    target : the name of a column, or a list of names where the params have a list.
    task : the object of `params/data.yaml` in plain values.
    answers : the target columns: how their cells are read.
    missing : the texts that stand for a missing value; the usual ones if None.
    inputs : the roles of the columns that the model is given.
    clean : the objects of `params/data.yaml` that clean rows as they were read, in plain values.
    warnings : those of the notes that the summary of a run repeats, such as what is left out.
    """

    target: str | list[str]
    task: Any
    columns: list[Column]
    features: dict[str, str] = field(default_factory=dict)
    labels: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=lambda: ["feature", "time"])
    answers: list[Column] = field(default_factory=list)
    missing: list[str] | None = None
    warnings: list[str] = field(default_factory=list)
    clean: list[Any] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        """The names of the target columns."""
        return [self.target] if isinstance(self.target, str) else list(self.target)

    @property
    def needed(self) -> list[Column]:
        """The columns that the model needs of a row."""
        return [column for column in self.columns if column.role in self.inputs]

    @property
    def marks(self) -> frozenset[str]:
        """The texts that stand for a missing value."""
        return marks_of(tuple(USUAL) if self.missing is None else ("", *self.missing))

    def role(self, role: str) -> list[str]:
        """The names of the columns with this role."""
        return [column.name for column in self.columns if column.role == role]

    def weights(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the weights of rows, shape (rows,), from the column with the role `weight`; None if there is none."""
        names = self.role("weight")
        return frame[names[0]].to_numpy(dtype=float) if names else None

    def warn(self, note: str) -> None:
        """Put a note first, and into the summary of a run."""
        self.notes.insert(0, note)
        self.warnings.append(note)

    def answer(self, name: str) -> Column:
        """The target column of this name."""
        return next((column for column in self.answers if column.name == name), Column(name, "target", "category"))

    def to_json(self) -> dict[str, Any]:
        """The schema as plain values; the features as pairs, because a mapping's order is lost in a file."""
        return asdict(self) | {"features": [list(pair) for pair in self.features.items()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Schema":
        """The schema that `to_json` wrote."""
        columns, answers = ([Column(**one) for one in value.get(key, [])] for key in ("columns", "answers"))
        known = {one.name for one in fields(cls)}
        found = {key: one for key, one in value.items() if key in known}
        return cls(**{**found, "columns": columns, "answers": answers, "features": dict(value["features"])})


def convert(values: pd.Series, column: Column) -> pd.Series:
    """Return a column in the one form that its dtype has: float, text or time stamp; what does not fit is missing.

    A cell is read by the schema alone: whatever the other rows hold, and whether it arrives as text or as a number.
    """
    if column.dtype == "number":
        return to_number(values, column.format, column.unit)
    if column.dtype == "datetime":
        return to_datetime(values, column.format)
    return to_text(values, column.numbers, column.width, column.blank)


def without_marks(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return a table in which cells of the schema's columns that stand for a missing value, such as NA, are missing."""
    marks = schema.marks
    if len(frame) <= FEW and not any(is_mark(cell, marks) for cell in frame.to_numpy(dtype=object).ravel()):
        return frame
    names = [column.name for column in schema.columns if column.name in frame]
    columns = {name: frame[name] for name in names}
    texts = {name: values for name, values in columns.items() if values.dtype == "str"} if len(frame) > FEW else {}
    marked = over_texts(texts, lambda values: values.isin(marks))
    may_hold = {name: values for name, values in columns.items() if name not in marked or marked[name].any()}
    made = {name: emptied(values, marks) for name, values in may_hold.items()}
    changed = {name: values for name, values in made.items() if values is not columns[name]}
    return frame.assign(**changed) if changed else frame


def dtype_of(values: pd.Series) -> str:
    """The dtype of a column that `featurize` made."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    return "number" if pd.api.types.is_numeric_dtype(values) else "category"


def dtype_of_format(form: Any) -> str | None:
    """Return the dtype that a column has in a format of `params/data.yaml`; None for what is no format."""
    if form in (*FORMATS, *DURATIONS):
        return "number"
    return "datetime" if isinstance(form, str) and (form in EPOCHS or is_format(form)) else None


__all__ = [
    "DTYPES",
    "MOST_CLASSES",
    "ROLES",
    "RULES",
    "Column",
    "Schema",
    "convert",
    "dtype_of",
    "dtype_of_format",
    "in_format",
    "to_datetime",
    "to_number",
    "to_text",
    "without_marks",
]
