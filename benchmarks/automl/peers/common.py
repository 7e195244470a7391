"""What the runners of the peers share: read a job, time the fit and the predictions, write both down.

A runner is started as `python <runner>.py job.json`. The job names the CSV files `train` (with the target) and `test`
(without), the column `target`, the `task` ("classification" or "regression"), the scikit-learn scorer `metric`, the
`seconds` to spend, the `cores` to use, the `seed`, and the files to write: `predictions` (CSV: a column of
probabilities for each class, or one column of numbers) and `result` (JSON: seconds of fit and of prediction).

Runs in the environment of the peer, so it imports nothing but pandas and scikit-learn.
"""

import importlib.metadata
import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

Job = dict[str, Any]
Predict = Callable[[pd.DataFrame], pd.DataFrame]
# For the training rows and the job: what predicts, and the name of the model that was chosen.
Fit = Callable[[pd.DataFrame, pd.Series, Job], tuple[Predict, str]]


def run(fit: Fit, packages: list[str]) -> None:
    """Do the job that the command line names.

    Parameters
    ----------
    fit : learns from features and target; its time is the seconds of the fit. Reading and importing come before.
    packages : whose versions to write down.
    """
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    train, test = _read(job)
    began = perf_counter()
    predict, model = fit(train.drop(columns=job["target"]), train[job["target"]], job)
    fitted = perf_counter()
    predictions = predict(test)
    done = perf_counter()
    predictions.to_csv(job["predictions"], index=False)
    result = {
        "fit_seconds": round(fitted - began, 3),
        "predict_seconds": round(done - fitted, 3),
        "model": model,
        "versions": _versions(packages),
    }
    Path(job["result"]).write_text(json.dumps(result), encoding="utf-8")


def predictions_of(model: Any, features: pd.DataFrame, task: str) -> pd.DataFrame:
    """What a fitted scikit-learn model says: probabilities by class, or numbers."""
    if task == "regression":
        return pd.DataFrame({"prediction": model.predict(features)})
    return pd.DataFrame(model.predict_proba(features), columns=[str(label) for label in model.classes_])


def preparer(train: pd.DataFrame) -> Predict:
    """For tools that take neither text nor dates: what turns a table into numbers and categories.

    A date becomes its day, month and day of the week; a column of text (more than 50 values, on average four words or
    more) becomes its 50 leading components of TF-IDF. Categories that the training rows lack become missing, and
    columns that are empty in them are left out.
    """
    kinds = {name: _kind(train[name]) for name in train if train[name].notna().any()}
    words = {name: _components(train[name]) for name, kind in kinds.items() if kind == "text"}
    levels = {name: train[name].dropna().unique() for name, kind in kinds.items() if kind == "category"}

    def prepare(frame: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for name, kind in kinds.items():
            if kind == "text":
                parts.append(words[name](frame[name]))
            elif kind == "category":
                parts.append(pd.Series(pd.Categorical(frame[name], levels[name]), frame.index, name=name))
            elif kind == "date":
                dates = pd.to_datetime(frame[name], errors="coerce", utc=True)
                day = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
                parts += [day.rename(name), dates.dt.month.rename(f"{name} month")]
                parts.append(dates.dt.dayofweek.rename(f"{name} weekday"))
            else:
                parts.append(frame[name].astype("float64"))
        return pd.concat(parts, axis=1)

    return prepare


def _kind(values: pd.Series) -> str:
    present = values.dropna()
    if pd.api.types.is_numeric_dtype(values):
        return "number"
    text = present.astype(str)
    if text.str.match(r"\d{4}-\d\d-\d\d").all():
        return "date"
    if text.nunique() > 50 and text.str.split().str.len().mean() >= 4:
        return "text"
    return "category"


def _components(texts: pd.Series) -> Callable[[pd.Series], pd.DataFrame]:
    from sklearn.decomposition import TruncatedSVD

    vectors = TfidfVectorizer(min_df=2, sublinear_tf=True, max_features=20_000)
    known = vectors.fit_transform(texts.fillna(""))
    fewer = TruncatedSVD(min(50, known.shape[1] - 1), random_state=0).fit(known)

    def components(texts: pd.Series) -> pd.DataFrame:
        found = fewer.transform(vectors.transform(texts.fillna("")))
        names = [f"{texts.name} {number}" for number in range(found.shape[1])]
        return pd.DataFrame(found, index=texts.index, columns=names)

    return components


def _read(job: Job) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training and the test rows, read alike: a column is numeric in both or in none."""
    train = pd.read_csv(job["train"], low_memory=False)
    test = pd.read_csv(job["test"], low_memory=False)
    for name in test:
        if pd.api.types.is_numeric_dtype(train[name]):
            test[name] = pd.to_numeric(test[name], errors="coerce")
        elif pd.api.types.is_numeric_dtype(test[name]):
            test[name] = test[name].map(str, na_action="ignore")
    return train, test


def _versions(packages: list[str]) -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in (*packages, "pandas", "scikit-learn"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "absent"
    return found
