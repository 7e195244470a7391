"""Read the table, infer and check its schema, type it, featurize it."""

import pandas as pd

from ..errors import UserError
from ..files import replacing_folder, write_json
from ..objects.sources import check_origin
from ..project.locked import read_plan
from ..schema import Schema, dtype_of
from ..steps.cleaning import clean_table
from ..steps.example import example, real_rows
from ..steps.featurize import featurize
from ..steps.load import decimal_of, load
from ..steps.preprocess import check_weights, duplicates, featurized, preprocess, validate
from ..steps.profile import profile
from ..steps.task import task_of
from ..steps.typing.infer import infer
from . import run_stage

# Made-up rows go with the model; real ones do only if params/package.yaml says so.
EXAMPLES = {"example.json": example, "rows.json": real_rows}


def main() -> None:
    """`plan/data.json` and the source -> `data/interim`."""
    plan = read_plan("data")
    check_origin(plan["source"], plan.get("origin"))
    read = load(plan["source"], plan["read"], [])
    raw = clean_table(read, plan["clean"])
    lost = len(read) - len(raw)
    del read
    schema = infer(raw, plan["target"], plan["task"], plan["columns"], plan["missing"], decimal_of(plan["read"]))
    schema.clean = plan["clean"]
    if lost:
        names = ", ".join(one["class"].rpartition(".")[2] for one in schema.clean)
        schema.warn(f"{lost} of {lost + len(raw)} rows are left out by {names} (`clean` in params/data.yaml)")
    task = task_of(schema)
    schema.inputs = ["feature", *_time_as_feature(schema, task.keys), *task.keys]
    shown = {name: task.example(make(raw, schema), raw) for name, make in EXAMPLES.items()}
    frame = preprocess(raw, schema)
    check_weights(frame, schema)
    frame = task.rows(frame, schema, plan["positive"])
    del raw  # of a large table one copy is enough
    validate(frame, schema)
    time = schema.role("time")
    if time:
        frame = frame.sort_values(time[0], kind="stable")
    # What is left out or sorted here keeps the number by which a person finds it in the data.
    numbers = pd.Index(frame.index + 1, name="row")
    frame = frame.reset_index(drop=True)
    schema.notes += task.hints(frame, schema) + duplicates(frame)
    known = {column.name: column for column in schema.columns}
    frame = featurized(frame, featurize)
    if not {*schema.targets, *schema.role("weight")} <= set(frame):
        raise UserError("steps/featurize.py: featurize must keep the target and the weights")
    for name in frame.columns:
        if name in schema.targets or (name in known and known[name].role not in schema.inputs):
            continue
        schema.features[name] = known[name].dtype if name in known else dtype_of(frame[name])
    if not schema.features:
        raise UserError("no column is a feature: there is nothing to learn from", "data.yaml", "columns")
    frame.index = numbers
    with replacing_folder("data/interim") as folder:
        folder.mkdir()
        frame.to_parquet(folder / "table.parquet")
        write_json(folder / "schema.json", schema.to_json())
        write_json(folder / "profile.json", profile(frame, schema))
        for name, rows in shown.items():
            write_json(folder / name, rows)
    print(f"{len(frame)} rows, {len(schema.features)} features, target {', '.join(schema.targets) or 'none'}")
    for note in schema.notes:
        print(f"note: {note}")


def _time_as_feature(schema: Schema, keys: tuple[str, ...]) -> list[str]:
    """Return the role of the time if it is given to the model: dates are, whose parts recur; a counter only orders."""
    counters = [column.name for column in schema.columns if column.role == "time" and column.dtype != "datetime"]
    if not counters or "time" in keys:
        return [] if "time" in keys else ["time"]
    schema.notes.append(
        f"{counters[0]} orders the rows and is no feature, because new rows have values that no model has seen; "
        "where it should be one, add a copy of it in steps/featurize.py"
    )
    return []


if __name__ == "__main__":
    run_stage(main)
