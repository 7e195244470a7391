"""What one would write by hand: one HistGradientBoosting on all rows of a Parquet file, in one process.

`python plain_fit.py train.parquet '{"learning_rate": 0.1}'` prints the seconds of the fit, of encoding and fit, and
the number of trees as JSON. Columns are encoded as the preprocessing `native` of a stamped project does; parameters
that are not given are those of its model `hist_gradient_boosting`.
"""

import json
import sys
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import OrdinalEncoder

DEFAULTS = {"learning_rate": 0.06, "max_iter": 400, "min_samples_leaf": 10, "early_stopping": True, "random_state": 0}
PARTS = ("year", "month", "day", "weekday", "dayofyear", "hour")


def dates(frame):
    """The parts of dates that differ between rows, and the days since the first, as numbers."""
    columns = []
    for name in frame.select_dtypes("datetime"):
        parts = [getattr(frame[name].dt, part).astype(float) for part in PARTS]
        columns += [part for part in parts if part.nunique() > 1]
        columns.append((frame[name] - frame[name].min()) / pd.Timedelta(days=1))
    return columns


def main():
    """Read, encode, fit."""
    table = pd.read_parquet(sys.argv[1])
    y, X = table.pop("target").to_numpy(), table
    began = perf_counter()
    numbers, texts = X.select_dtypes("number"), X.select_dtypes("str")
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=2).fit_transform(texts)
    rows = np.column_stack([numbers.to_numpy(), codes, *dates(X)])
    encoded = perf_counter()
    fitted = HistGradientBoostingClassifier(**DEFAULTS | json.loads(sys.argv[2])).fit(rows, y)
    ended = perf_counter()
    print(json.dumps({"fit": ended - encoded, "encoding and fit": ended - began, "trees": fitted.n_iter_}))


if __name__ == "__main__":
    main()
