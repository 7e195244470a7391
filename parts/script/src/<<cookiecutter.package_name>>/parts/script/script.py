"""Make the script: choose how much of the script can do without pandas, write it, and try what can be tried."""

import re
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder

from ...errors import UserError
from ...files import replacing_file
from ...project.targets import check_target
from ...schema import Column
from ...steps.reading.dialect import dialect_of
from .code import PACKAGE, Sources, twins
from .final import Final, featurizes, final
from .write import HEAD, write

MOST_TRIED = 5000  # rows on which preprocessing is compared


def script() -> str:
    """The final model as the text of a script.

    The script's reading, split, folds and preprocessing are compared with what the pipeline wrote; where arrays will
    not do, it uses pandas.

    Raises
    ------
    UserError
        If there is no model, or if its rows, its folds or its preprocessing come out otherwise in a script.
    """
    made = final()
    if made.schema.role("weight"):
        raise UserError("a script of a model whose rows have weights is not supported: the script would ignore them")
    if made.schema.clean:
        raise UserError("a script of a model with `clean` in params/data.yaml is not supported: it would clean nothing")
    loading = _needs_loading(made)
    frames = loading or _needs_frames(made)
    found = ""
    for needs_frames, loads, why in ((False, False, frames), (True, False, loading), (True, True, "")):
        if why:
            continue
        reason = loading or frames or f"without it, {found}"
        try:
            text = write(made, needs_frames, loads, reason)
            found = _difference(text, made, needs_frames)
        except UserError:
            raise
        except Exception as error:
            found = f"the script fails ({type(error).__name__}: {' '.join(str(error).split())[:200]})"
        if not found:
            return text
    raise UserError(f"no script gives what the pipeline gives: {found}")


def write_script(output: str | Path) -> None:
    """Write the final model as a script to a file.

    Raises
    ------
    UserError
        As `script`, or if the file is not a `.py`, or would replace something other than such a script.
    """
    output = Path(output)
    if output.suffix != ".py":
        raise UserError(f"{output}: a script is written to a .py file")
    check_target(output, replaceable=_is_script(output))
    text = script()
    with replacing_file(output, wait=False) as new:
        new.write_text(text, encoding="utf-8")


def _is_script(path: Path) -> bool:
    """Whether a file is one that this command wrote."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(HEAD) + 2) == f"# {HEAD}".encode()


def _needs_loading(made: Final) -> str:
    """Why the table cannot be read by `csv`, if so."""
    data = made.data
    if "://" in data["source"] or not data["source"].endswith((".csv", ".tsv", ".txt")):
        return f"{data['source']} is no CSV file on this machine"
    others = [
        name
        for name, value in data["read"].items()
        if name not in ("sep", "delimiter", "encoding") and (name, value) != ("header", None)
    ]
    if others:
        return f"params/data.yaml reads the table with {', '.join(others)}"
    with open(data["source"], "rb") as file:
        found = dialect_of(file, Path(data["source"]).suffix, data["read"])
    if found.trailing or found.names is None or found.start > 1:
        return f"{data['source']} does not begin with its header and go on with its rows"
    formatted = [column.name for column in (*made.schema.columns, *made.schema.answers) if _is_formatted(column)]
    return f"{', '.join(formatted)} have cells in a format of their own" if formatted else ""


def _is_formatted(column: Column) -> bool:
    """Whether `csv` and the standard library do not suffice to read a column's cells."""
    if column.blank is not None:
        return True
    if column.dtype == "datetime":
        return not re.fullmatch(r"ISO8601|(%[YmdHMS][-/. :T]?)+", str(column.format or "ISO8601"))
    return column.dtype == "number" and (column.format is not None or column.unit is not None)


def _needs_frames(made: Final) -> str:
    """Why arrays will not do, if so."""
    if featurizes():
        return "featurize adds columns to a table of pandas"
    for name, pipeline in made.members.items():
        first = pipeline[0]
        if isinstance(first, ColumnTransformer):
            for _, transformer, columns in first.transformers:
                if not isinstance(columns, list):
                    return f"{name} chooses columns by a function"
                steps = [transformer[0]] if isinstance(transformer, Pipeline) else [transformer]
                if not all(_takes_arrays(step) for step in steps):
                    return f"{type(steps[0]).__name__} takes a table of pandas"
        elif not _takes_arrays(first) or (len(pipeline) > 1 and set(made.schema.features.values()) != {"number"}):
            return f"{type(first).__name__} takes the whole table"
        for _, step in pipeline.steps[1:]:
            if type(step).__module__.split(".")[0] == PACKAGE and type(step).__name__ not in twins():
                sources = Sources(twins(), ())
                sources.use(type(step))
                if "pandas" in sources.packages():
                    return f"{type(step).__name__} uses it"
    return ""


def _takes_arrays(step: Any) -> bool:
    module = type(step).__module__.split(".")[0]
    return isinstance(step, str) or module == "sklearn" or (module == PACKAGE and type(step).__name__ in twins())


def _difference(text: str, made: Final, frames: bool) -> str:
    """What comes out otherwise in the script than in the pipeline, as a reason for pandas; nothing is fitted but
    the preprocessing."""
    module = types.ModuleType("model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, "model.py", "exec"), vars(module))  # nosec B102 # the text that was just written, to compare it
        X, y, held_out, *folds = module.training(made.data["source"])
        columns = list(made.schema.features)
        parts = (X, made.train, "the training rows"), (held_out, made.held_out, "the held-out rows")
        for ours, theirs, what in parts[: 2 if len(made.held_out) else 1]:
            for position, (name, dtype) in enumerate(made.schema.features.items()):
                one = ours[name] if frames else pd.Series(ours[:, position])
                if len(one) != len(theirs) or not _same_column(one, theirs[name], dtype):
                    return f"{what} come out otherwise (column {name!r})"
        y_true = made.train[str(made.schema.target)]
        if not (np.allclose(y, y_true) if not made.labels else y.tolist() == y_true.map(type(made.labels[0])).tolist()):
            return "the target comes out otherwise"
        for found, expected in zip(folds[0] if folds else [], made.folds, strict=bool(folds)):
            if not all(map(np.array_equal, found, expected)):
                return "the folds come out otherwise"
        few = slice(0, MOST_TRIED)
        codes = LabelEncoder().fit_transform(y_true)[few] if made.labels else np.asarray(y_true)[few]
        for (name, pipeline), ours in zip(made.members.items(), module.models(), strict=True):
            if len(pipeline) == 1 or any(hasattr(step, "fit_resample") for _, step in pipeline.steps):
                continue
            theirs = pipeline[:-1].fit_transform(made.train[columns].iloc[few], codes)
            if not _same_array(ours[:-1].fit_transform(X[few], codes), theirs):
                return f"the preprocessing of {name} comes out otherwise"
    return ""


def _same_column(ours: Any, theirs: pd.Series, dtype: str) -> bool:
    if dtype == "number":
        return np.allclose(ours.astype(float), theirs, rtol=1e-12, atol=0, equal_nan=True)
    one, other = (
        values.astype("datetime64[us]") if dtype == "datetime" else values.astype("str") for values in (ours, theirs)
    )
    return one.reset_index(drop=True).equals(other.reset_index(drop=True))


def _same_array(ours: Any, theirs: Any) -> bool:
    if issparse(ours) and issparse(theirs):
        return ours.shape == theirs.shape and bool(abs(ours - theirs).max() < 1e-9)
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if ours.shape != theirs.shape:
        return False
    try:
        return np.allclose(ours.astype(float), theirs.astype(float), rtol=1e-9, atol=1e-9, equal_nan=True)
    except ValueError:
        return bool(((ours == theirs) | ((ours != ours) & (theirs != theirs))).all())
