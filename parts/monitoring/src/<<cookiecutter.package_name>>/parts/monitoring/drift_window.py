"""The rows that are compared with training: a stretch of the log, or a table that the packaged model predicts."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import UserError
from ...objects.reader import read
from ...prediction.pipeline import PredictionPipeline
from ...steps.load import load, options_for
from ...steps.predict import features
from ...steps.task import task_of
from .log import read_log

EMPTY: dict[str, Any] = {"number": float("nan"), "datetime": pd.NaT, "category": None, "text": None}
INPUT, PREDICTION, PROBABILITY = "input.", "prediction", "probability"


@dataclass(frozen=True)
class Window:
    """Rows that are compared with those of training.

    Attributes
    ----------
    source : where they come from, for readers.
    rows : as they were read, with the columns by which labels may find them.
    features : typed and featurized.
    predictions : as `predict` gives them, empty where a row was refused.
    times : when each row was predicted, or what its own time is; None if that is not known.
    absent : features that the source does not have, which are not compared.
    refused : how many rows were not predicted.
    logged : whether it is a stretch of the log.
    versions : the versions of the model that predicted, with their rows.
    others : how many rows another version than the packaged one predicted, whose predictions are left out.
    """

    source: str
    rows: pd.DataFrame
    features: pd.DataFrame
    predictions: pd.DataFrame
    times: pd.Series | None
    absent: list[str] = field(default_factory=list)
    refused: int = 0
    logged: bool = False
    versions: dict[str, int] = field(default_factory=dict)
    others: int = 0


def from_table(pipeline: PredictionPipeline, source: str) -> Window:
    """Read a table as `make predict` does, and let the packaged model predict it.

    A table that has predictions already, such as the file of `make forecast`, keeps them.

    Raises
    ------
    UserError
        If it cannot be read, or the model refuses it.
    """
    rows = read_table(pipeline, source)
    answers = list(task_of(pipeline.schema).answers(pipeline.model))
    known = {column.name for column in pipeline.schema.columns}
    made = [name for name in answers if name in rows and name not in known]
    if any(name.startswith(PREDICTION) for name in made):
        typed, absent = _prepared(pipeline, rows)
        return Window(source, rows, typed, rows[made], _times(pipeline, typed), absent)
    found = pipeline.run(rows)
    typed = features(found.checked.frame, pipeline.schema, pipeline.featurize)
    refused = int(found.checked.refused.sum())
    table = found.table.reindex(rows.index) if len(found.table) < len(rows) else found.table
    return Window(source, rows, typed, table, _times(pipeline, found.checked.frame), refused=refused)


def from_log(
    pipeline: PredictionPipeline, log: Any, days: int, since: datetime | None, until: datetime | None
) -> Window:
    """Read a stretch of the log; the last `days` days if neither its start nor its end is given.

    Raises
    ------
    UserError
        If the log cannot be read, or nothing was logged then.
    """
    if since is None and until is None:
        since = datetime.now(UTC) - timedelta(days=days)
    logged = read_log(log, since, until).reset_index(drop=True)
    stretch = " ".join(f"{word} {at:%Y-%m-%d %H:%M}" for word, at in (("since", since), ("until", until)) if at)
    if logged.empty:
        raise UserError(
            f"the log has no predictions {stretch}: name another stretch (make drift SINCE=2026-01-31), or a table of "
            "new rows (make drift DATA=new.csv)"
        )
    names = [str(name) for name in logged]
    own = {name: name.removeprefix(INPUT) for name in names if name.startswith(INPUT)}
    rows = logged[list(own)].rename(columns=own)
    typed, absent = _featurized(pipeline, rows)
    said = {
        name: name.replace(".", "_", 1)
        for name in names
        if name == PREDICTION or name.startswith((f"{PREDICTION}.", f"{PROBABILITY}."))
    }
    more = logged[[name for name in names if name not in own and name not in said and name not in rows]]
    versions = {str(name): int(count) for name, count in logged["model_version"].value_counts().items()}
    predictions = logged[list(said)].rename(columns=said)
    return Window(
        f"the log, {stretch}",
        pd.concat([rows, more], axis=1),
        typed,
        # Those of another model are not comparable with the hold-out of this one.
        predictions.where(logged["model_version"] == pipeline.version),
        pd.to_datetime(logged["logged_at"], utc=True),
        absent,
        logged=True,
        versions=versions,
        others=len(logged) - versions.get(pipeline.version, 0),
    )


def read_table(pipeline: PredictionPipeline, source: str) -> pd.DataFrame:
    """Read a table by the project's own code, with the options of `params/data.yaml` if it is of the same kind."""
    data = read(Path("params/data.yaml"))[0]
    seen = [column.name for column in pipeline.schema.columns]
    try:
        return load(source, options_for(source, data.get("read"), data.get("source")), data.get("missing"), seen)
    except UserError as error:
        # The table is the command's, not that of params/data.yaml.
        raise UserError(error.message, *(error.place if error.place[:1] != ("data.yaml",) else ())) from None


def _prepared(pipeline: PredictionPipeline, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the features of rows of which columns may be left out, and which these are."""
    absent = [column.name for column in pipeline.schema.needed if column.name not in rows]
    typed = pipeline.prepare(rows.assign(**dict.fromkeys(absent, None)) if absent else rows)
    return typed, [name for name in absent if name in typed]


def _featurized(pipeline: PredictionPipeline, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the features of rows from the log, which are typed already, and which columns it lacks."""
    needed = pipeline.schema.needed
    absent = [column.name for column in needed if column.name not in rows]
    empty = {
        name: pd.Series(EMPTY[column.dtype], index=rows.index) for column in needed if (name := column.name) in absent
    }
    typed = features(rows.assign(**empty), pipeline.schema, pipeline.featurize)
    return typed, [name for name in absent if name in typed]


def _times(pipeline: PredictionPipeline, typed: pd.DataFrame) -> pd.Series | None:
    """Return the column of times: with the role `time`, or else the only one of dates."""
    dates = [name for name, dtype in pipeline.schema.features.items() if dtype == "datetime" and name in typed]
    named = [name for name in pipeline.schema.role("time") if name in typed]
    chosen = named or (dates if len(dates) == 1 else [])
    return typed[chosen[0]] if chosen else None
