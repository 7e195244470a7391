"""The part of a script that reads the table, makes features of it and splits it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...schema import Column
from ...steps import load as loading
from ...steps.featurize import featurize
from ...steps.reading.dialect import dialect_of
from ...steps.typing.blanks import USUAL, with_numbers
from .code import PACKAGE, PLAIN, Brackets, Sources, laid_out, quoted, written
from .final import Final, featurizes

# How a column is read: with `csv`, or as this project reads it.
KINDS = {"number": "number", "category": "category", "text": "category", "datetime": "date"}
LOADED = {"number": "to_number", "category": "to_text", "text": "to_text", "datetime": "to_datetime"}
FRAME = '''def features(table: {table}) -> pd.DataFrame:
    """The features as a table of pandas{what}."""
    frame = pd.DataFrame({{name: kind(table[name]) for name, kind in COLUMNS.items() if name in table}})
    frame = frame.astype({{name: "str" for name in frame if frame[name].dtype.kind == "O"}}){featurize}
    return frame[FEATURES]'''
FEATURIZE = """
    frame = featurize(frame).replace([float("inf"), -float("inf")], float("nan"))"""


@dataclass(frozen=True)
class Way:
    """How a script is written.

    `frames` says that it works on tables of pandas, and not on arrays; `loads` that it reads tables as this project
    does, with pandas and fsspec, and not with `csv`. `sources` collects what it imports and which code it copies.
    """

    final: Final
    frames: bool
    loads: bool
    sources: Sources

    @property
    def all_numbers(self) -> bool:
        """Whether the features can be an array of floats."""
        return not self.frames and set(self.final.schema.features.values()) == {"number"}

    @property
    def needs_folds(self) -> bool:
        """Whether models are fitted on the folds."""
        return bool(self.final.learned) or not self.final.refit

    def at(self, name: str, rows: str) -> str:
        """Some rows of the features."""
        return f"{name}.iloc[{rows}]" if self.frames else f"{name}[{rows}]"

    def features(self, path: str) -> str:
        """The features of the table at a path."""
        return self.floats(f"features({self.read(path)})")

    def floats(self, features: str) -> str:
        """Features as floats, where they all are numbers."""
        return f"{self.sources.add(PLAIN, 'floats')}({features})" if self.all_numbers else features

    def read(self, path: str) -> str:
        """The table at a path."""
        data = self.final.data
        columns = [column.name for column in self.final.schema.columns]
        headless = data["read"].get("header", 0) is None
        if self.loads:
            given = [data["read"], data["missing"], *([columns] if headless else [])]
            options = (laid_out(written(one, self.sources), before=-100_000) for one in given)
            return f"{self.sources.add(loading.__name__, 'load')}({path}, {', '.join(options)})"
        if headless:
            return (
                f"{self.sources.add(PLAIN, 'read_numbered')}({path}, {len(columns) + len(self.final.schema.targets)})"
            )
        return f"{self.sources.add(PLAIN, 'read')}({path})"

    def kind(self, dtype: str) -> str:
        """The function that reads columns of a dtype."""
        if self.loads:
            return self.sources.add(f"{PACKAGE}.schema", LOADED[dtype])
        return self.sources.add(PLAIN, KINDS[dtype])

    def column(self, column: Column) -> str:
        """The function that reads a column, told how its cells are written."""
        name = self.kind(column.dtype)
        how: dict[str, Any] = {}
        if column.dtype == "datetime" and (self.loads or column.format not in (None, "ISO8601")):
            how = {"form": column.format}
        elif column.dtype == "number" and self.loads:
            how = {"form": column.format, "unit": column.unit}
        elif column.dtype in ("category", "text"):
            how = {"numbers": column.numbers or None} | ({"blank": column.blank} if self.loads else {})
        how = {key: value for key, value in how.items() if value is not None}
        if not how:
            return name
        self.sources.imports.add("from functools import partial")
        return f"partial({name}, {', '.join(f'{key}={written(value, self.sources)}' for key, value in how.items())})"

    def values(self, column: Column) -> str:
        """A column of the rows that have a target, as an array."""
        return self.array(f"{self.column(column)}(table[{quoted(column.name)}])") + "[rows]"

    def array(self, values: str) -> str:
        """Values as an array, which a column of pandas is not."""
        return f"np.asarray({values})" if self.loads else values


def constants(way: Way) -> list[str]:
    """What the script states: the target, the classes, what is missing, how the file is written."""
    final = way.final
    found = [f"TARGET = {quoted(str(final.schema.target))}"]
    if final.labels:
        found.append(_stated("LABELS", written(final.labels, way.sources)))
    if not final.alone and not final.learned:
        found.append(_stated("WEIGHTS", written(final.weights, way.sources)))
    if not way.loads:
        marks = [("", quoted(one)) for one in _marks(final.data["missing"])]
        encoding, separator = _dialect(final.data)
        found.append(_stated("MISSING", Brackets("{", marks, "}")))
        found.append(f"ENCODING, SEPARATOR = {quoted(encoding)}, {quoted(separator)}")
    return found


def columns(way: Way) -> str:
    """How each column is read, and the function that makes features of a table of them."""
    schema = way.final.schema
    known = {column.name: column for column in schema.columns}
    wanted = list(known) if way.frames else list(schema.features)
    kinds = Brackets("{", [(f"{quoted(name)}: ", way.column(known[name])) for name in wanted], "}")
    if not way.frames:
        way.sources.add(PLAIN, "features")
        return _stated("FEATURES", kinds)
    way.sources.imports.add("import pandas as pd")
    own = featurizes()
    if own:
        way.sources.add(featurize.__module__, "featurize")
    function = FRAME.format(
        table="pd.DataFrame" if way.loads else way.sources.add(PLAIN, "Table"),
        what=", with what featurize adds" if own else "",
        featurize=FEATURIZE if own else "",
    )
    features = _stated("FEATURES", written(list(schema.features), way.sources))
    return f"{_stated('COLUMNS', kinds)}\n{features}\n\n\n{function}"


def training(way: Way) -> str:
    """The function that reads and splits the table."""
    final, schema = way.final, way.final.schema
    known = {column.name: column for column in schema.columns}
    time = schema.role("time")
    answer = schema.answer(str(schema.target))
    numbers = answer.numbers or answer.dtype == "number"
    if final.labels:
        answer = replace(answer, dtype="category", numbers=numbers, width=None)
    elif answer.dtype != "number":
        answer = replace(answer, dtype="number", format=None)
    target = way.array(f"{way.column(answer)}(table[TARGET])") + "[rows]"
    if final.labels and isinstance(final.labels[0], int):
        target += ".astype(int)"
    present = "table[TARGET].notna()" if way.loads else "[cell is not None for cell in table[TARGET]]"
    features = way.at(way.floats("features(table)"), "rows") + ".reset_index(drop=True)" * way.frames
    whom = "Features and target of the training rows, features of the held-out rows" + ", folds" * way.needs_folds
    lines = [
        "def training(path: str) -> tuple[Any, ...]:",
        f'    """{whom}."""',
        f"    table = {way.read('path')}",
        f"    rows = np.flatnonzero({present})",
        *([f'    rows = rows[np.argsort({way.values(known[time[0]])}, kind="stable")]'] if time else []),
        f"    X, y = {features}, {target}",
    ]
    groups = {key: _groups(splitter, known, schema.role("group")) for key, splitter in final.splitters.items()}
    if groups["holdout"]:
        lines.append(f"    groups = {way.values(groups['holdout'])}")
    lines += [
        f"    holdout = {laid_out(written(final.splitters['holdout'], way.sources), 4, 10)}",
        f"    train, held_out = map(np.sort, next(holdout.split(X, y{', groups' if groups['holdout'] else ''})))",
        f"    X, y, held_out = {way.at('X', 'train')}, y[train], {way.at('X', 'held_out')}",
    ]
    if not way.needs_folds:
        return "\n".join([*lines, "    return X, y, held_out"])
    lines.append(f"    cv = {laid_out(written(final.splitters['cv'], way.sources), 4, 5)}")
    if not groups["cv"]:
        lines.append("    folds = list(cv.split(X, y))")
    else:
        own = "groups" if groups["cv"] is groups["holdout"] else way.values(groups["cv"])
        lines.append(f"    folds = list(cv.split(X, y, {own}[train]))")
    return "\n".join([*lines, "    return X, y, held_out, folds"])


def _groups(splitter: Any, known: dict[str, Column], group: list[str]) -> Column | None:
    """The column that a splitter goes by."""
    name = getattr(splitter, "column", None) or next(iter(group), None)
    return known.get(str(name))


def _stated(name: str, node: Any) -> str:
    return f"{name} = {laid_out(node, before=len(name) + 3)}"


def _marks(missing: list[str] | None) -> list[str]:
    """The texts for missing values; of a number such as -999 also -999.0."""
    return sorted({*with_numbers(USUAL if missing is None else missing), ""})


def _dialect(data: dict[str, Any]) -> tuple[str, str]:
    """The encoding and the separator of the CSV file that the data come from."""
    source = Path(data["source"])
    with source.open("rb") as file:
        found = dialect_of(file, source.suffix, data["read"])
    return found.encoding, found.separator
