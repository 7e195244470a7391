"""AutoGluon with the preset that the job names."""

import tempfile

import pandas as pd
from common import Job, Predict, run

METRICS = {"neg_log_loss": "log_loss", "roc_auc": "roc_auc", "neg_root_mean_squared_error": "root_mean_squared_error"}


def fit(features: pd.DataFrame, target: pd.Series, job: Job) -> tuple[Predict, str]:
    """Fit within the seconds. AutoGluon takes text and dates as they are."""
    from autogluon.tabular import TabularPredictor

    classes = "binary" if target.nunique() == 2 else "multiclass"
    predictor = TabularPredictor(
        label=job["target"],
        problem_type="regression" if job["task"] == "regression" else classes,
        eval_metric=METRICS[job["metric"]],
        path=tempfile.mkdtemp(dir="."),
        verbosity=2,
    ).fit(
        features.assign(**{job["target"]: target}),
        presets=job["preset"],
        time_limit=job["seconds"],
        num_cpus=job["cores"],
        num_gpus=0,
    )

    def predict(test: pd.DataFrame) -> pd.DataFrame:
        if job["task"] == "regression":
            return predictor.predict(test).to_frame("prediction")
        return predictor.predict_proba(test, as_multiclass=True)

    return predict, str(predictor.model_best)


if __name__ == "__main__":
    run(fit, ["autogluon.tabular", "lightgbm", "xgboost", "xgboost-cpu", "catboost", "torch", "fastai", "ray"])
