"""What the columns of the table are: inferred from the data, overruled by `params/data.yaml`, kept for prediction."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from .errors import UserError, nearest

ROLES = ("feature", "id", "group", "time", "ignore")
DTYPES = ("number", "category", "datetime", "text")
RULES = ("role", "dtype", "min", "max", "categories", "missing")

# An integer column is taken for an identifier only if its name says so: counts and years are unique as well.
ID_NAME = re.compile(r"(^|[^a-z])(id|uuid|guid|key|index|number|no|nr|code)$|[a-z]Id$|^unnamed", re.IGNORECASE)
MOST_CATEGORIES = 50
MOST_CLASSES = 200
TRUTH = {"true": 1.0, "false": 0.0}


@dataclass
class Column:
    """One column of the input: its role, its dtype, and what was seen in it.

    `numbers` says that its categories are numbers in the table, `boolean` that its numbers are true and false there.
    `unread` is the share of values that are no number or no date in a column of such, and count as missing. `rules` are
    the owner's own from `params/data.yaml`: `min`, `max`, `categories`, `missing` (the largest share).
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


@dataclass
class Schema:
    """The columns of the input in order, the target, and the features after `featurize` with their dtypes.

    `target` is the name of a column, or a list of names where the params have a list; `task` is the object of
    `params/data.yaml` in plain values; `inputs` are the roles of the columns that the model is given.
    """

    target: str | list[str]
    task: Any
    columns: list[Column]
    features: dict[str, str] = field(default_factory=dict)
    labels: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=lambda: ["feature", "time"])

    @property
    def targets(self) -> list[str]:
        """The names of the target columns."""
        return [self.target] if isinstance(self.target, str) else list(self.target)

    @property
    def needed(self) -> list[Column]:
        """The columns that the model needs of a row."""
        return [column for column in self.columns if column.role in self.inputs]

    def role(self, role: str) -> list[str]:
        """The names of the columns with this role."""
        return [column.name for column in self.columns if column.role == role]

    def to_json(self) -> dict[str, Any]:
        """The schema as plain values; the features as pairs, because a mapping's order is lost in a file."""
        return asdict(self) | {"features": [list(pair) for pair in self.features.items()]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Schema":
        """The schema that `to_json` wrote."""
        columns = [Column(**column) for column in value["columns"]]
        return cls(**{**value, "columns": columns, "features": dict(value["features"])})


def infer(
    frame: pd.DataFrame, target: str | list[str], task: Any, overrides: Mapping[str, Mapping[str, Any]]
) -> Schema:
    """The schema of a table as it was read.

    Parameters
    ----------
    frame : the table, text stripped and missing values marked.
    target : the column to predict, or several.
    task : the task's object in plain values.
    overrides : for some columns, what the owner says: `{"Location": {"role": "group"}}`.

    Raises
    ------
    UserError
        If the target or an overridden column is not in the table.
    """
    names, schema = list(frame.columns), Schema(target, task, [])
    absent = [name for name in schema.targets if name not in names]
    if absent:
        hint = nearest(absent[0], names) or f"; it has {', '.join(names[:10])}, …"
        numbers = sum(bool(re.fullmatch(r"[-+.\d]+", name)) for name in names) > len(names) / 2
        if numbers and names != [str(number) for number in range(len(names))]:
            hint += (
                ". Its first line looks like data: for a file without a header write `read: {header: null}`, "
                "which names the columns 0, 1, 2, …"
            )
        raise UserError(f"the table has no column {absent[0]!r}{hint}", "data.yaml", "target")
    for name in overrides:
        if name not in names:
            raise UserError(f"the table has no column {name!r}{nearest(name, names)}", "data.yaml", "columns", name)
    columns = schema.columns
    for name in names:
        if name in schema.targets:
            continue
        column, note = _infer_column(frame[name], overrides.get(name, {}))
        columns.append(column)
        schema.notes += [note] if note else []
    if not any(column.role == "time" for column in columns):
        dated = [
            c
            for c in columns
            if c.dtype == "datetime" and c.role == "feature" and "role" not in overrides.get(c.name, {})
        ]
        if dated:
            max(dated, key=lambda column: column.unique).role = "time"
    for role in ("group", "time"):
        several = [column.name for column in columns if column.role == role]
        if len(several) > 1:
            raise UserError(
                f"{' and '.join(several)} both have the role {role}; one column can", "data.yaml", "columns"
            )
    return schema


def convert(values: pd.Series, column: Column) -> pd.Series:
    """A column's values in the one form that its dtype has: float, text or time stamp; what does not fit is missing."""
    if column.dtype == "number":
        return to_number(values)
    if column.dtype == "datetime":
        return to_datetime(values, column.format)
    if column.numbers and not pd.api.types.is_numeric_dtype(values):
        return to_text(values.map(_number, na_action="ignore"))
    return to_text(values)


def to_number(values: pd.Series) -> pd.Series:
    """Numbers as floats; true and false as 1 and 0; what is infinite is missing."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("int64").where(values.notna()).astype("float64")
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    else:
        # Lists and arrays, and not the methods of a Series: of one row, as in a service, these take far longer.
        cells = values.to_numpy(dtype=object)
        known = [
            one if empty else TRUTH.get(str(one).lower(), one) for one, empty in zip(cells, _empty(cells), strict=True)
        ]
        numbers = np.array(pd.to_numeric(_objects(known), errors="coerce"), dtype="float64")
    numbers[~np.isfinite(numbers)] = np.nan
    return pd.Series(numbers, values.index, name=values.name)


def to_text(values: pd.Series) -> pd.Series:
    """Text; whole numbers without a decimal point, so that 1.0 and 1 are one category whatever stands in other rows."""
    if values.dtype == "str":
        return values
    cells = values.to_numpy(dtype=object)
    texts = [None if empty else _text(one) for one, empty in zip(cells, _empty(cells), strict=True)]
    return pd.Series(pd.array(_objects(texts), dtype="str"), values.index, name=values.name)


def to_datetime(values: pd.Series, form: str | None) -> pd.Series:
    """Time stamps without a time zone, those with one in UTC."""
    if pd.api.types.is_numeric_dtype(values):
        values = to_text(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stamps = pd.to_datetime(values, errors="coerce", format=form or "ISO8601", utc=True)
    return stamps.dt.tz_localize(None).astype("datetime64[us]")


def _empty(cells: np.ndarray) -> np.ndarray:
    return np.asarray(pd.isna(cells))


def _objects(values: list[Any]) -> np.ndarray:
    """An array of just these objects, also where they are lists."""
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _number(value: Any) -> Any:
    """What the text of a number means; anything else as it is."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def dtype_of(values: pd.Series) -> str:
    """The dtype of a column that `featurize` made."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    return "number" if pd.api.types.is_numeric_dtype(values) else "category"


def _infer_column(values: pd.Series, said: Mapping[str, Any]) -> tuple[Column, str | None]:
    name, note = str(values.name), None
    present = values.dropna()
    dtype, form = _dtype(present)
    if "dtype" in said:
        dtype = said["dtype"]
        form = date_format(present) if dtype == "datetime" else None
    rules = {key: value for key, value in said.items() if key in RULES[2:]}
    column = Column(name, "feature", dtype, form, pd.api.types.is_numeric_dtype(values), rules=rules)
    column.boolean = dtype == "number" and _is_boolean(present)
    typed = convert(values, column)
    seen = typed.dropna()
    lost = len(present) - len(seen)
    if lost:
        example = present[typed[present.index].isna()].iloc[0]
        note = f"{name}: {lost} values are no {dtype} (such as {str(example)[:40]!r}) and count as missing"
    column.missing = float(typed.isna().mean()) if len(typed) else 0.0
    column.unread = lost / len(typed) if len(typed) else 0.0
    column.unique = int(seen.nunique())
    if dtype == "number" and len(seen):
        column.min, column.max = float(seen.min()), float(seen.max())
    if dtype == "category" and column.unique <= MOST_CATEGORIES:
        column.categories = sorted(map(str, seen.unique()))
    if "role" in said:
        column.role = said["role"]
    elif column.unique == 0:
        column.role, note = "ignore", f"{name} is empty: ignored"
    elif column.unique == 1 and column.missing == 0:
        column.role, note = "ignore", f"{name} is constant: ignored"
    elif _is_id(name, seen, dtype):
        column.role, note = (
            "id",
            f"{name} looks like an identifier: no feature (role: feature in params/data.yaml makes it one)",
        )
    if dtype == "category" and column.role == "feature" and pd.api.types.is_string_dtype(present):
        numeric = to_number(present).notna().mean()
        if 0.5 < numeric < 1:
            odd = present[to_number(present).isna()].iloc[0]
            note = (
                f"{name}: {numeric:.0%} of the values are numbers, others are text such as {odd!r}: "
                "taken as a category (dtype: number makes the others missing)"
            )
    return column, note


def _is_boolean(present: pd.Series) -> bool:
    """Whether all values are true or false, as such or as text."""
    if pd.api.types.is_bool_dtype(present):
        return True
    if present.empty or pd.api.types.is_numeric_dtype(present) or pd.api.types.is_datetime64_any_dtype(present):
        return False
    return bool(to_text(present).str.lower().isin(TRUTH).all())


def _dtype(present: pd.Series) -> tuple[str, str | None]:
    """The dtype of a column from its values that are not missing, and the format of its dates."""
    if present.empty or pd.api.types.is_bool_dtype(present) or pd.api.types.is_numeric_dtype(present):
        return "number", None
    if pd.api.types.is_datetime64_any_dtype(present):
        return "datetime", None
    text = to_text(present)
    if to_number(text).notna().all():
        return "number", None
    form = date_format(text)
    if form:
        return "datetime", form
    words = text.str.count(r"\s+").mean() + 1
    unique = text.nunique()
    if unique > MOST_CATEGORIES and (words >= 4 or (words >= 2 and unique > 0.3 * len(text))):
        return "text", None
    return "category", None


def date_format(present: pd.Series) -> str | None:
    """The format in which (nearly) all of these texts are dates, or None.

    Of day-first and month-first the one that reads more values wins, and month-first where both read all.
    """
    if pd.api.types.is_datetime64_any_dtype(present) or present.empty:
        return None
    text = to_text(present)
    sample = text.iloc[:: max(1, len(text) // 1000)]
    if not sample.str.contains(r"\d").all() or not sample.str.contains(r"\d[-/:. ]\S*\d|[A-Za-z]{3}").mean() > 0.9:
        return None
    candidates = ["ISO8601"] if sample.str.match(r"\d{4}-\d\d").all() else []
    for dayfirst in (False, True):
        for one in sample.iloc[:3]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                guess = guess_datetime_format(one, dayfirst=dayfirst)
            candidates += [guess] if guess and guess not in candidates else []
    fits = {form: float(to_datetime(sample, form).notna().mean()) for form in candidates}
    form = max(fits, key=lambda one: fits[one], default=None)
    if form is None or fits[form] < 0.95 or to_datetime(text, form).notna().mean() < 0.95:
        return None
    return form


def _is_id(name: str, seen: pd.Series, dtype: str) -> bool:
    if re.match(r"(?i)^unnamed", name):
        return True
    if len(seen) < 20 or seen.nunique() < len(seen) or dtype in ("datetime", "text"):
        return False
    if dtype == "number":
        return bool((seen % 1 == 0).all()) and bool(ID_NAME.search(name))
    return True
