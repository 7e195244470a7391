"""Read the table, infer and check its schema, type it, featurize it."""

import traceback

import numpy as np
import pandas as pd

from ..errors import UserError
from ..files import read_json, replacing, write_json
from ..profile import profile
from ..schema import infer
from ..steps.featurize import featurize
from ..steps.load import load
from ..steps.preprocess import duplicates, labels, leaks, preprocess, target_rows, validate
from . import run


def main() -> None:
    """`plan/data.json` and the source -> `data/interim`."""
    plan = read_json("plan/data.json")
    raw = load(plan["source"], plan["read"], plan["missing"])
    schema = infer(raw, plan["target"], plan["task"], plan["columns"])
    frame = target_rows(preprocess(raw, schema), schema)
    validate(frame, schema)
    time = schema.role("time")
    if time:
        frame = frame.sort_values(time[0], kind="stable", ignore_index=True)
    schema.notes += leaks(frame, schema) + duplicates(frame)
    if schema.task == "classification":
        schema.labels = labels(frame[schema.target], plan["positive"])
    known = {column.name: column for column in schema.columns}
    rows = len(frame)
    frame = _featurize(frame)
    if len(frame) != rows or schema.target not in frame:
        raise UserError("steps/featurize.py: featurize must keep every row and the target")
    for name in frame.columns:
        if name == schema.target or (name in known and known[name].role not in ("feature", "time")):
            continue
        schema.features[name] = known[name].dtype if name in known else _dtype(frame[name])
    if not schema.features:
        raise UserError("no column is a feature: there is nothing to learn from", "data.yaml", "columns")
    with replacing("data/interim") as folder:
        folder.mkdir()
        frame.to_parquet(folder / "table.parquet", index=False)
        write_json(folder / "schema.json", schema.to_json())
        write_json(folder / "profile.json", profile(frame, schema))
    print(f"{len(frame)} rows, {len(schema.features)} features, target {schema.target}")
    for note in schema.notes:
        print(f"note: {note}")


def _featurize(frame: pd.DataFrame) -> pd.DataFrame:
    """The owner's own code: what goes wrong there is said with its line."""
    try:
        made = featurize(frame)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        place = next(f"{one.filename}:{one.lineno}" for one in frames if one.filename.endswith("featurize.py"))
        raise UserError(f"{place}: featurize fails: {type(error).__name__}: {error}") from error
    numbers = made.select_dtypes("number").columns.difference(frame.columns)
    return made.assign(**{name: made[name].replace([np.inf, -np.inf], np.nan) for name in numbers})


def _dtype(values: pd.Series) -> str:
    if pd.api.types.is_datetime64_any_dtype(values):
        return "datetime"
    return "number" if pd.api.types.is_numeric_dtype(values) else "category"


if __name__ == "__main__":
    run(main)
