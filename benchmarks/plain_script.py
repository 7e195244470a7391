"""What one would write by hand: scikit-learn and Optuna, four models, one process, no pipeline.

`python plain_script.py table.csv trials` prints the best cross-validated score of each model as JSON. It does the fits
that a stamped project's `balanced` preset does with the same number of trials: the same preprocessing, spaces, start
points, sampler, folds and hold-out. The parameters are named and ordered as they are there, because the sampler draws
them in that order.
"""

import json
import sys
import warnings

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import CategoricalDistribution as Choice
from optuna.distributions import FloatDistribution as Float
from optuna.distributions import IntDistribution as Int
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

SCALE, RARE = "preprocess.number.scale", "preprocess.category.encode.min_frequency"

# Of each model: the space, and the points to try before sampling.
SPACES = {
    "logistic_regression": (
        {
            SCALE: Choice(["standard", "normal", "range", "power"]),
            RARE: Choice([0.002, 0.01, 0.05]),
            "C": Float(1e-3, 1e3, log=True),
            "class_weight": Choice([None, "balanced"]),
        },
        [
            {SCALE: scale, RARE: 0.01, "C": c, "class_weight": None}
            for c, scale in ((1.0, "standard"), (10.0, "standard"), (0.02, "standard"), (0.1, "power"), (10.0, "power"))
        ],
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
    "random_forest": (
        {
            "max_features": Float(0.2, 1.0),
            "max_samples": Float(0.5, 1.0),
            "min_samples_leaf": Int(1, 20, log=True),
        },
        [
            {"min_samples_leaf": 2},
            {"max_features": 0.4, "max_samples": 0.8, "min_samples_leaf": 1},
            {"max_features": 0.6, "max_samples": 0.6, "min_samples_leaf": 5},
        ],
    ),
    "extra_trees": (
        {
            "max_features": Choice(["sqrt", 0.3, 0.5, 0.75, 1.0]),
            "min_samples_leaf": Int(1, 8, log=True),
            "min_samples_split": Int(2, 32, log=True),
        },
        [
            {"max_features": "sqrt", "min_samples_split": 4, "min_samples_leaf": 1},
            {"max_features": 1.0, "min_samples_split": 2, "min_samples_leaf": 1},
            {"max_features": 0.5, "min_samples_split": 10, "min_samples_leaf": 2},
        ],
    ),
}


def model(name, values, numbers, categories):
    """An unfitted pipeline with these values."""
    if name == "logistic_regression":
        scale = {
            "standard": StandardScaler(),
            "normal": QuantileTransformer(n_quantiles=200, output_distribution="normal", random_state=0),
            "range": MinMaxScaler(),
            "power": make_pipeline(PowerTransformer(), MinMaxScaler(clip=True), StandardScaler()),
        }[values[SCALE]]
        number = Pipeline(
            [
                ("impute", SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)),
                ("scale", scale),
            ]
        )
        category = OneHotEncoder(
            handle_unknown="infrequent_if_exist", min_frequency=values[RARE], max_categories=50, sparse_output=False
        )
        rest = {key: value for key, value in values.items() if key not in (SCALE, RARE)}
        estimator = LogisticRegression(max_iter=1000, random_state=0, **rest)
    elif name == "hist_gradient_boosting":
        number = "passthrough"
        category = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2)
        estimator = HistGradientBoostingClassifier(max_iter=400, early_stopping=True, random_state=0, **values)
    else:
        number = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        category = OrdinalEncoder(
            handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, min_frequency=2
        )
        kind = RandomForestClassifier if name == "random_forest" else ExtraTreesClassifier
        estimator = kind(**{"n_estimators": 100, "max_features": "sqrt", "n_jobs": -1, "random_state": 0} | values)
    front = ColumnTransformer([("number", number, numbers), ("category", category, categories)])
    return Pipeline([("front", front), ("model", estimator)])


def tune(name, X, y, folds, trials):
    """The best score of a model and its values."""
    space, starts = SPACES[name]
    numbers = list(X.select_dtypes("number"))
    categories = [column for column in X if column not in numbers]
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=0, group=True, n_startup_trials=4)
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
        study.tell(trial, float(np.mean(scores)))
    return study.best_value, model(name, study.best_params, numbers, categories)


def main():
    """Read, split, tune, fit the best on all training rows, score it on the rest."""
    warnings.filterwarnings("ignore")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = pd.read_csv(sys.argv[1])
    trials = int(sys.argv[2])
    X, labels = table.drop(columns="target"), table["target"]
    y = labels.map({"no": 0, "yes": 1}).to_numpy()
    learn, held_out = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(X, y))
    learn, held_out = np.sort(learn), np.sort(held_out)
    train, truth = X.iloc[learn].reset_index(drop=True), y[learn]
    folds = list(StratifiedKFold(n_splits=5, shuffle=True, random_state=0).split(train, truth))
    found = {name: tune(name, train, truth, folds, trials) for name in SPACES}
    best = max(found, key=lambda name: found[name][0])
    fitted = found[best][1].fit(train, truth)
    loss = log_loss(y[held_out], fitted.predict_proba(X.iloc[held_out]))
    scores = {name: -score for name, (score, _) in found.items()}
    print(json.dumps({"best": best, "cross_validation": scores, "held_out": loss}))


if __name__ == "__main__":
    main()
