"""What a window is compared with: the rows that the packaged model learned from, and its predictions of unseen rows."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...errors import UserError
from ...files import read_json
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, distinct, metric
from ...objects.reader import Where
from ...prediction.pipeline import PredictionPipeline
from ...project.locked import read_plan
from ...steps.predict import predict

LEARNED, PREDICTED = Path("data/processed/train.parquet"), Path("reports/predictions.parquet")
BASELINE = Path("reports/baseline.json")
WHERE = Where("plan/evaluate.json")


@dataclass(frozen=True)
class Reference:
    """The rows of training and the predictions of unseen rows.

    Attributes
    ----------
    features : what the model learned from, typed and featurized.
    dtypes : the dtype of each feature.
    predictions : as `steps.predictions.to_table` makes them, of the hold-out; without one, out of fold. Of clusters
        those of the training rows: they have no truth to overfit, and each fold would number its clusters anew.
    metrics : those of the project that are computed of truth and predictions alone, the metric of the search first.
    baseline : what the dummy model reaches, by the name of the metric.
    """

    features: pd.DataFrame
    dtypes: dict[str, str]
    predictions: pd.DataFrame
    metrics: list[Metric]
    baseline: dict[str, float]


def read_reference(pipeline: PredictionPipeline) -> Reference:
    """Read what the last run wrote of the packaged model.

    Raises
    ------
    UserError
        If it is not there, or of another model.
    """
    for path in (LEARNED, PREDICTED, BASELINE):
        if not path.is_file():
            raise UserError(
                f"{path} is not here, and new rows are compared with it: `make pull` fetches it, `make run` makes it"
            )
    dtypes = dict(pipeline.schema.features)
    learned = pd.read_parquet(LEARNED)
    absent = [name for name in dtypes if name not in learned]
    if absent:
        raise UserError(
            f"{LEARNED} has no column {absent[0]!r}, which the packaged model learned from: the two are of different "
            "runs, and `make run` makes both anew"
        )
    baseline = read_json(BASELINE)
    known = {baseline["metric"]: float(baseline["baseline"])} if baseline["baseline"] is not None else {}
    rows = learned[list(dtypes)]
    predictions = (
        pd.read_parquet(PREDICTED) if pipeline.schema.targets else predict(pipeline.model, rows, pipeline.schema)
    )
    return Reference(rows, dtypes, predictions, _metrics(), known)


def _metrics() -> list[Metric]:
    plan = read_plan("evaluate")
    found = distinct(metric(written, WHERE, Grammar()) for written in (plan["metric"], *plan["metrics"]))
    return [one for one in found if not one.asks and not one.judges_rows_alone]
