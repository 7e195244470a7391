"""What one would write in an hour: a TPE search over one HistGradientBoosting with five folds, then a refit."""

from time import perf_counter

import numpy as np
import optuna
import pandas as pd
from common import Job, Predict, predictions_of, preparer, run
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

# As many values of a category as the boosting takes; the rarest of a column with more count as missing.
MOST_LEVELS = 255
# The first trial: scikit-learn's defaults, or what comes next to them in the space.
DEFAULTS = {
    "learning_rate": 0.1,
    "max_iter": 100,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 20,
    "l2_regularization": 1e-3,
    "max_features": 1.0,
}


def fit(features: pd.DataFrame, target: pd.Series, job: Job) -> tuple[Predict, str]:
    """Start trials until the seconds are over, finish the last one, and refit the best on all rows."""
    began = perf_counter()
    prepare = preparer(features)
    levels = {
        name: list(values.value_counts().index[:MOST_LEVELS])
        for name, values in prepare(features).select_dtypes("category").items()
    }

    def prepared(frame: pd.DataFrame) -> pd.DataFrame:
        found = prepare(frame)
        return found.assign(**{name: found[name].cat.set_categories(kept) for name, kept in levels.items()})

    rows = prepared(features)
    splitter = KFold if job["task"] == "regression" else StratifiedKFold
    folds = splitter(5, shuffle=True, random_state=job["seed"])

    def objective(trial: optuna.Trial) -> float:
        # Folds at the same time, a thread each: threads that share a small fold wait for each other.
        options = {"cv": folds, "scoring": job["metric"], "n_jobs": job["cores"]}
        return float(np.mean(cross_val_score(_model(trial, job), rows, target, **options)))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=job["seed"]))
    study.enqueue_trial(DEFAULTS)
    study.optimize(objective, timeout=job["seconds"] - (perf_counter() - began))
    best = _model(study.best_trial, job).fit(rows, target)
    return lambda test: predictions_of(best, prepared(test), job["task"]), f"best of {len(study.trials)} trials"


def _model(
    trial: optuna.Trial | optuna.trial.FrozenTrial, job: Job
) -> HistGradientBoostingClassifier | HistGradientBoostingRegressor:
    kind = HistGradientBoostingRegressor if job["task"] == "regression" else HistGradientBoostingClassifier
    return kind(
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.3, log=True),
        max_iter=trial.suggest_int("max_iter", 50, 500, log=True),
        max_leaf_nodes=trial.suggest_int("max_leaf_nodes", 4, 128, log=True),
        min_samples_leaf=trial.suggest_int("min_samples_leaf", 2, 100, log=True),
        l2_regularization=trial.suggest_float("l2_regularization", 1e-3, 30.0, log=True),
        max_features=trial.suggest_float("max_features", 0.3, 1.0),
        random_state=job["seed"],
    )


if __name__ == "__main__":
    run(fit, ["optuna"])
