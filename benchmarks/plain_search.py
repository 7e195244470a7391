"""What one would write by hand: an Optuna loop around a scikit-learn pipeline, with a pruner, in one process.

`python plain_search.py table.csv model trials` prints what it found as JSON. It makes the trials that a stamped project
makes: the same preprocessing, spaces, start points, sampler, pruner, folds and hold-out. The parameters are named and
ordered as they are there, because the sampler draws them in that order. `seconds` is the time of the search alone, from
the first trial on: imports and reading are left out.
"""

import json
import sys
import warnings
from time import perf_counter

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int
from optuna.trial import TrialState
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, QuantileTransformer, StandardScaler

SCALE, RARE = "preprocess.number.scale", "preprocess.category.encode.min_frequency"

# Of each model: the space, and the points to try before sampling.
SPACES = {
    "logistic_regression": (
        {
            SCALE: Choice(["standard", "normal"]),
            RARE: Choice([0.002, 0.01, 0.05]),
            "C": Float(1e-3, 1e3, log=True),
            "class_weight": Choice([None, "balanced"]),
        },
        [{SCALE: "standard", RARE: 0.01, "C": c, "class_weight": None} for c in (1.0, 0.1, 0.02, 10.0)],
    ),
    "hist_gradient_boosting": (
        {
            "l2_regularization": Float(1e-3, 30.0, log=True),
            "learning_rate": Float(0.005, 0.3, log=True),
            "max_features": Float(0.3, 1.0),
            "max_leaf_nodes": Int(3, 128, log=True),
            "min_samples_leaf": Int(2, 129, log=True),
        },
        [
            {"learning_rate": 0.06, "max_features": 1.0, "max_leaf_nodes": 31, "min_samples_leaf": 10},
            {
                "l2_regularization": 1.0,
                "learning_rate": 0.05,
                "max_features": 0.5,
                "max_leaf_nodes": 6,
                "min_samples_leaf": 5,
            },
            {
                "l2_regularization": 5.0,
                "learning_rate": 0.03,
                "max_features": 0.6,
                "max_leaf_nodes": 15,
                "min_samples_leaf": 20,
            },
            {
                "l2_regularization": 0.1,
                "learning_rate": 0.1,
                "max_features": 0.8,
                "max_leaf_nodes": 31,
                "min_samples_leaf": 40,
            },
        ],
    ),
}


def model(name, values, numbers, categories):
    """An unfitted pipeline with these values."""
    if name == "logistic_regression":
        scaled = values[SCALE] == "standard"
        normal = QuantileTransformer(n_quantiles=200, output_distribution="normal", random_state=0)
        impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        number = Pipeline([("impute", impute), ("scale", StandardScaler() if scaled else normal)])
        category = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=values[RARE], max_categories=50, sparse_output=False
        )
        rest = {key: value for key, value in values.items() if key not in (SCALE, RARE)}
        estimator = LogisticRegression(max_iter=1000, random_state=0, **rest)
    else:
        number = "passthrough"
        category = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2)
        estimator = HistGradientBoostingClassifier(max_iter=400, early_stopping=True, random_state=0, **values)
    front = ColumnTransformer([("number", number, numbers), ("category", category, categories)])
    return Pipeline([("front", front), ("model", estimator)])


def search(name, X, y, folds, trials):
    """The study of a model."""
    space, starts = SPACES[name]
    numbers = list(X.select_dtypes("number"))
    categories = [column for column in X if column not in numbers]
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0, group=True, n_startup_trials=8),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1),
    )
    for point in starts:
        study.enqueue_trial(point)
    for number in range(trials):
        known = starts[number] if number < len(starts) else space
        trial = study.ask({key: space[key] for key in space if key in known})
        scores = []
        for learn, check in folds:
            fitted = model(name, trial.params, numbers, categories).fit(X.iloc[learn], y[learn])
            scores.append(-log_loss(y[check], fitted.predict_proba(X.iloc[check])))
            trial.report(float(np.mean(scores)), len(scores) - 1)
            # After the last fold nothing is saved by stopping.
            if len(scores) < len(folds) and trial.should_prune():
                study.tell(trial, state=TrialState.PRUNED)
                break
        else:
            study.tell(trial, float(np.mean(scores)))
    return study


def main():
    """Read, split, search."""
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = pd.read_csv(sys.argv[1])
    X, y = table.drop(columns="target"), table["target"].map({"no": 0, "yes": 1}).to_numpy()
    learn = np.sort(next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(X, y))[0])
    X, y = X.iloc[learn].reset_index(drop=True), y[learn]
    folds = list(StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(X, y))
    began = perf_counter()
    study = search(sys.argv[2], X, y, folds, int(sys.argv[3]))
    seconds = perf_counter() - began
    pruned = sum(trial.state == TrialState.PRUNED for trial in study.trials)
    found = {"score": study.best_value, "trials": len(study.trials), "pruned": pruned, "seconds": seconds}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
