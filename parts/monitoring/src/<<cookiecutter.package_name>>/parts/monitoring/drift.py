"""`make drift`: compare a window of new rows with the rows of training, and write what was found."""

import subprocess  # nosec B404 # no shell
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from ...errors import UserError, nearest
from ...files import write_json, write_text
from ...prediction.pipeline import PredictionPipeline
from ...steps.task import task_of
from .drift_columns import compare_columns
from .drift_domain import tell_apart
from .drift_found import Found, alarms_of
from .drift_params import Drift
from .drift_performance import Performance, measure
from .drift_predictions import aligned, compare_predictions, lacking, scorable
from .drift_reference import Reference, read_reference
from .drift_report import page
from .drift_window import Window, from_log, from_table, read_table
from .labels import join, truth_of
from .outputs import REPORT, RESULT
from .params import read_monitoring

PARAMS = Path("params")
DRIFTED = 3  # the exit code; 1 and 2 are those of errors


@dataclass(frozen=True)
class Asked:
    """What the command line asks for: a table or a stretch of the log, and labels with their key."""

    data: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    labels: str | None = None
    key: list[str] | None = None


def drift(asked: Asked) -> Found:
    """Compare, and write `monitoring/drift.json` and `monitoring/drift.html`.

    Raises
    ------
    UserError
        If the params are wrong, or the rows, the labels or the run's results cannot be had. No result of an earlier
        comparison is left then.
    """
    for path in (RESULT, REPORT):
        path.unlink(missing_ok=True)
    monitoring = read_monitoring(PARAMS)
    settings = monitoring.drift
    pipeline = PredictionPipeline.load(params=PARAMS)
    reference = read_reference(pipeline)
    if asked.data is not None:
        window = from_table(pipeline, asked.data)
    elif monitoring.log is None:
        raise UserError(
            "which rows? Nothing is logged (`log: null` in params/monitoring.yaml): name a table of new rows, "
            "make drift DATA=new.csv"
        )
    else:
        window = from_log(pipeline, monitoring.log, settings.days, asked.since, asked.until)
    found = compare(pipeline, reference, window, settings, asked)
    REPORT.parent.mkdir(exist_ok=True)
    write_text(REPORT, page(found, settings.limits))
    write_json(RESULT, found.to_json())
    return found


def compare(
    pipeline: PredictionPipeline, reference: Reference, window: Window, settings: Drift, asked: Asked | None = None
) -> Found:
    """Return what is found in a window.

    Raises
    ------
    UserError
        If it has too few rows, or the labels do not fit.
    """
    asked, rows = asked or Asked(), len(window.features)
    task = task_of(pipeline.schema)
    fewest = settings.fewest(task.independent)
    if rows < fewest:
        raise UserError(
            f"{window.source}: {rows} rows are too few to tell drift from chance, {fewest} are needed (`minimum_rows` "
            "in params/monitoring.yaml)"
        )
    dtypes, notes = _compared(reference, window, settings)
    columns = compare_columns(reference.features, window.features, dtypes, settings.limits)
    domain = tell_apart(reference.features, window.features, dtypes, settings.limits)
    predictions = _predictions(pipeline, reference, window)
    shifts = []
    if predictions is not None and task.independent:  # forecasts move with the season and the trend
        shifts = compare_predictions(reference.predictions, predictions, settings.limits)
    performance = _performance(pipeline, reference, window, predictions, settings, asked, notes)
    found = Found(
        window.source,
        rows,
        len(reference.features),
        window.refused,
        window.versions,
        columns,
        shifts,
        domain,
        performance,
        notes,
    )
    found.alarms = alarms_of(found)
    return found


def starts_retraining(found: Found) -> bool:
    """Return whether the rule in `params/monitoring.yaml` asks for a retraining, given these alarms."""
    return not {*read_monitoring(PARAMS).drift.retrain}.isdisjoint(found.alarms)


def retrain() -> None:
    """Run `make retrain` as a command of its own, after which this one says what it said.

    Raises
    ------
    UserError
        If it fails.
    """
    package = __name__.partition(".")[0]
    if subprocess.run([sys.executable, "-m", package, "retrain"], stdin=subprocess.DEVNULL).returncode:  # nosec B603
        raise UserError("there is drift, and `make retrain` has failed; what it printed says why")


def _compared(reference: Reference, window: Window, settings: Drift) -> tuple[dict[str, str], list[str]]:
    """Return the columns that are compared with their dtypes, and notes on the others."""
    unknown = [name for name in settings.ignore if name not in reference.dtypes]
    if unknown:
        raise settings.where.at("ignore").error(
            f"there is no feature {unknown[0]!r}{nearest(unknown[0], reference.dtypes)}"
        )
    left = {*settings.ignore, *window.absent}
    dtypes = {name: dtype for name, dtype in reference.dtypes.items() if name not in left}
    notes = [f"not in {window.source}, so not compared: {', '.join(window.absent)}"] if window.absent else []
    notes += [f"not compared (`ignore`): {', '.join(settings.ignore)}"] if settings.ignore else []
    if window.refused:
        notes.append(f"{window.refused:,} rows were refused by params/predict.yaml and have no prediction")
    if window.others:
        notes.append(
            f"{window.others:,} rows were predicted by another version than the packaged one, and their predictions "
            "are left out"
        )
    return dtypes, notes


def _predictions(pipeline: PredictionPipeline, reference: Reference, window: Window) -> pd.DataFrame | None:
    """Return the window's predictions in the form of the hold-out's, without rows that were refused."""
    known = window.predictions[window.predictions.notna().all(axis=1)]
    if known.empty or known.columns.empty:
        return None
    made = aligned(known, reference.predictions, pipeline.schema)
    return None if lacking(made, reference.predictions) else made


def _performance(
    pipeline: PredictionPipeline,
    reference: Reference,
    window: Window,
    predictions: pd.DataFrame | None,
    settings: Drift,
    asked: Asked,
    notes: list[str],
) -> Performance | None:
    """Return how good the predictions were, if there are labels: in a table of their own, or in the window itself."""
    schema, source = pipeline.schema, asked.labels or settings.labels
    if source is not None:
        if not schema.targets:
            raise UserError(f"there are no labels for a {task_of(schema).name}: nothing is known to be true")
        joined = join(
            window.rows, read_table(pipeline, source), _key(schema.role("id"), settings, asked), schema, window.logged
        )
        targets = joined.targets
        notes += [f"{joined.others:,} labels belong to no row of the window"] if joined.others else []
    elif schema.targets and all(name in window.rows for name in schema.targets):
        targets = window.rows[schema.targets].dropna()
    else:
        return None
    if predictions is None:
        return None
    targets = targets.loc[targets.index.intersection(predictions.index)]
    if len(targets) < settings.fewest(task_of(schema).independent):
        notes.append(f"{len(targets)} rows have a label, too few to say how good the predictions were")
        return None
    table = scorable(truth_of(targets, schema, reference.predictions), predictions, reference.predictions)
    times = None if window.times is None else window.times.loc[table.index]
    found = measure(
        table, reference.predictions, task_of(schema), reference.metrics, reference.baseline, times, settings.limits
    )
    if found is None:
        notes.append("none of the project's metrics can be computed of truth and predictions alone")
        return None
    return replace(found, waiting=len(window.features) - len(table))


def _key(identifiers: Sequence[str], settings: Drift, asked: Asked) -> list[str]:
    key = asked.key or settings.key
    if key is None and len(identifiers) == 1:
        return list(identifiers)
    if key is None:
        raise UserError(
            "by which column do labels find their rows? make drift LABELS=labels.csv KEY=id, or `key` in "
            "params/monitoring.yaml"
        )
    return key
