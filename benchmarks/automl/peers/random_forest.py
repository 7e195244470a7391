"""A random forest with scikit-learn's defaults on ordinal codes and medians: no search at all."""

import numpy as np
import pandas as pd
from common import Job, Predict, predictions_of, preparer, run
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def fit(features: pd.DataFrame, target: pd.Series, job: Job) -> tuple[Predict, str]:
    """Fit once; the seconds of the job do not matter."""
    prepare = preparer(features)
    kind = RandomForestRegressor if job["task"] == "regression" else RandomForestClassifier
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    encode = make_column_transformer((codes, make_column_selector(dtype_include="category")), remainder="passthrough")
    forest = kind(n_jobs=job["cores"], random_state=job["seed"])
    model = make_pipeline(encode, SimpleImputer(strategy="median", keep_empty_features=True), forest)
    model.fit(prepare(features), target)
    return lambda test: predictions_of(model, prepare(test), job["task"]), "defaults"


if __name__ == "__main__":
    run(fit, [])
