"""Split tables, and score the predictions of every contender in one place."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

LOG_LOSS, ROC_AUC, RMSE = "neg_log_loss", "roc_auc", "neg_root_mean_squared_error"
METRICS = {LOG_LOSS: "log loss", ROC_AUC: "ROC AUC", RMSE: "RMSE"}
TEST_SIZE = 0.25
MOST_ROWS = 100_000
FEWEST_IN_A_CLASS = 10


class Task(NamedTuple):
    """A table with a target: `task` is "classification" or "regression", `metric` one of METRICS."""

    name: str
    frame: pd.DataFrame
    target: str
    task: str
    metric: str


def read(folder: Path, name: str, said: dict[str, Any]) -> Task:
    """A table of a folder, as its entry in `tables.json` says.

    Parameters
    ----------
    said : `file`, `target` and `task`; optionally `read` (arguments of pandas.read_csv), `drop` (columns), `metric`
        (one of METRICS; by default log loss for several classes, ROC AUC for two, RMSE for numbers). Columns of a
        file without a header are called column_0, column_1, ...

    Raises
    ------
    ValueError
        If there is no such target, or the metric or the task is unknown.
    """
    options = {"low_memory": False} | said.get("read", {})
    frame = pd.read_csv(folder / said["file"], **options)
    frame.columns = pd.Index([f"column_{one}" if isinstance(one, int) else str(one).strip() for one in frame])
    target, task = said["target"], said["task"]
    if target not in frame:
        raise ValueError(f"{name}: there is no column {target!r}; there are {', '.join(frame.columns[:10])}, ...")
    if task not in ("classification", "regression"):
        raise ValueError(f"{name}: the task is classification or regression, not {task!r}")
    frame = frame.drop(columns=said.get("drop", [])).dropna(subset=[target])
    if task == "classification":
        frame[target] = _labels(frame[target])
        counts = frame[target].value_counts()
        frame = frame[frame[target].isin(counts.index[counts >= FEWEST_IN_A_CLASS])]
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0).sort_index()
    several = LOG_LOSS if frame[target].nunique() > 2 else ROC_AUC
    metric = said.get("metric", RMSE if task == "regression" else several)
    if metric not in METRICS:
        raise ValueError(f"{name}: the metric is one of {', '.join(METRICS)}, not {metric!r}")
    return Task(name, frame.reset_index(drop=True), target, task, metric)


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """What `tables.json` of a folder, or a file of that form, says of each table."""
    path = folder / "tables.json" if folder.is_dir() else folder
    return json.loads(path.read_text(encoding="utf-8"))


def split(task: Task, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three quarters of the rows to learn from and a quarter to be tested on, by class if there are classes."""
    classes = task.frame[task.target] if task.task == "classification" else None
    train, test = train_test_split(task.frame, test_size=TEST_SIZE, random_state=seed, stratify=classes)
    return train.reset_index(drop=True), test.reset_index(drop=True)


def score(path: Path, truth: pd.Series, task: Task) -> tuple[float, float]:
    """What predictions are worth: the metric as it is reported, and its error, of which less is better.

    Parameters
    ----------
    path : a CSV file with a column for each class, alone or after `probability_`, or with the column `prediction`.
        A class without a column has a probability of 0.

    Raises
    ------
    ValueError
        If rows are missing, or a prediction is not a number.
    """
    predictions = pd.read_csv(path)
    if len(predictions) != len(truth):
        raise ValueError(f"{len(predictions)} predictions for {len(truth)} rows")
    if task.task == "regression":
        return _scored(predictions["prediction"].to_numpy(dtype="float64"), truth, task)
    labels = sorted(task.frame[task.target].unique())
    names = {str(name).removeprefix("probability_"): name for name in predictions}
    if not set(labels) & set(names):
        raise ValueError(f"no column of the predictions is named for a class: {', '.join(map(str, predictions))}")
    columns = [predictions[names[label]] if label in names else pd.Series(0.0, truth.index) for label in labels]
    return _scored(np.column_stack(columns).astype("float64"), truth, task)


def dummy_error(truth: pd.Series, train: pd.Series, task: Task) -> float:
    """The error of predicting the mean, or the shares of the classes, of the training rows."""
    if task.task == "regression":
        return _scored(np.full(len(truth), train.mean()), truth, task)[1]
    shares = train.value_counts(normalize=True).sort_index().to_numpy()
    return _scored(np.tile(shares, (len(truth), 1)), truth, task)[1]


def _scored(said: np.ndarray, truth: pd.Series, task: Task) -> tuple[float, float]:
    if not np.isfinite(said).all():
        raise ValueError("there are predictions that are no finite numbers")
    if task.metric == RMSE:
        error = float(root_mean_squared_error(truth, said))
        return error, error
    labels = sorted(task.frame[task.target].unique())
    if task.metric == ROC_AUC:
        area = float(roc_auc_score(truth == labels[1], said[:, 1]))
        return area, 1 - area
    loss = float(log_loss(truth, said / said.sum(axis=1, keepdims=True), labels=labels))
    return loss, loss


def _labels(target: pd.Series) -> pd.Series:
    """Classes as text, whole numbers without a decimal point: as they come back in the names of columns."""
    if pd.api.types.is_float_dtype(target) and (target % 1 == 0).all():
        target = target.astype("int64")
    return target.map(str).astype(object)
