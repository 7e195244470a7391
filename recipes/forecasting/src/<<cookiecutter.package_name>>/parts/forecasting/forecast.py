"""`make forecast`: what follows the table, predicted by the final model after it has learned from all rows."""

import copy
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...components.forecast import Forecast
from ...errors import UserError
from ...files import read_json
from ...prediction.batch import predict_file, write_file
from ...prediction.pipeline import MODEL, PredictionPipeline
from ...steps.cleaning import clean_table
from ...steps.ensemble import refitted
from ...steps.load import load, options_for
from ...steps.predict import features, predict
from ...steps.task import task_of

PLAN = Path("plan/data.json")


def forecast(output: str, steps: int | None = None, source: str | None = None, model: str = MODEL) -> str:
    """Let the final model learn from every row of the table, then predict the rows that follow.

    The configurations and their weights stay those of the last run; only the members are fitted again.

    Parameters
    ----------
    output : str
        The file to write: .csv, .parquet or .jsonl.
    steps : int, optional
        How many steps to predict; the task's horizon if None.
    source : str, optional
        A table of the rows to predict, for models that use columns which only the user can know beforehand.
    model : str
        As for `PredictionPipeline.load`.

    Returns
    -------
    str
        A sentence that says what was written.

    Raises
    ------
    UserError
        If there is no run, nothing follows the table, or the table is refused.
    """
    if not PLAN.exists():
        raise UserError("there is no finished run yet: `make run` makes one")
    pipeline = PredictionPipeline.load(model)
    task = task_of(copy.deepcopy(pipeline.schema))
    if not isinstance(task, Forecast):
        raise UserError(
            f"nothing follows the rows of a {task.name}: `make predict FROM=new.csv` predicts the rows of a table"
        )
    frame = known(pipeline, task)
    asked = task.upcoming(frame, steps) if source is None else None
    rows = features(frame, pipeline.schema, pipeline.featurize)
    again = replace(pipeline, model=refitted(pipeline.model, rows, frame[pipeline.schema.target], task))
    if asked is None:
        plan = read_json(PLAN)
        read = options_for(str(source), plan["read"], plan["source"])
        count = predict_file(again, str(source), output, read=read, missing=plan["missing"])
    else:
        table = predict(again.model, features(asked, again.schema, again.featurize), again.schema)
        write_file(table, output)
        count = len(table)
    return f"{count:,} forecasts by a model that has learned from all {len(frame):,} rows: {output}"


def known(pipeline: PredictionPipeline, task: Forecast) -> pd.DataFrame:
    """Return the rows of the project's table, as it is by now, typed as the model's rows were."""
    plan = read_json(PLAN)
    schema = copy.deepcopy(pipeline.schema)
    raw = clean_table(load(plan["source"], plan["read"], plan["missing"]), schema.clean)
    absent = [name for name in schema.targets if name not in raw]
    if absent:
        raise UserError(f"the table has no column {absent[0]!r}, which the model predicts", "data.yaml", "source")
    frame = task.rows(pipeline.preprocess(raw, schema), schema, plan["positive"])
    for note in schema.notes[len(pipeline.schema.notes) :]:
        print(f"note: {note}", file=sys.stderr)
    return frame
