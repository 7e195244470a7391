"""FLAML with its default list of estimators."""

import pandas as pd
from common import Job, Predict, predictions_of, preparer, run

METRICS = {"neg_log_loss": "log_loss", "roc_auc": "roc_auc", "neg_root_mean_squared_error": "rmse"}


def fit(features: pd.DataFrame, target: pd.Series, job: Job) -> tuple[Predict, str]:
    """Search and fit within the seconds, the preparation of text and dates included."""
    from flaml import AutoML

    prepare = preparer(features)
    automl = AutoML()
    automl.fit(
        prepare(features),
        target,
        task=job["task"],
        metric=METRICS[job["metric"]],
        time_budget=job["seconds"],
        n_jobs=job["cores"],
        seed=job["seed"],
        verbose=0,
    )
    return lambda test: predictions_of(automl, prepare(test), job["task"]), str(automl.best_estimator)


if __name__ == "__main__":
    run(fit, ["flaml", "lightgbm", "xgboost", "xgboost-cpu", "catboost"])
