"""Explain: what the searches tried, what more rows would be worth, and what moves a prediction."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from sklearn.pipeline import Pipeline

from ..objects.metrics import Metric
from ..objects.model import Model
from ..objects.nodes import Domain
from ..objects.space import Values, matters
from .fit import Wrapper, transform
from .fold import Job, fit_fold
from .training_set import TrainingSet, scored

ENOUGH = 15  # finished trials: the best quarter of fewer says nothing
MOST_ROWS = 20_000  # to learn from in a learning curve
PARTS = (0.1, 0.18, 0.32, 0.56, 1.0)  # of the rows, each nearly twice the one before
CURVE_FOLDS = 3
BACKGROUND = 100  # rows that stand for all the others in SHAP
SLOW_ROWS, SLOW_BACKGROUND = 50, 20  # the same where a model has to be asked thousands of times


@dataclass(frozen=True)
class Search:
    """A model that competed: its finished trials, as text with the columns trial, start, score and the values."""

    model: Model
    trials: pd.DataFrame


@dataclass(frozen=True)
class Configuration:
    """A model with the values of one trial; `seconds` is what it took to learn from a row in the search."""

    model: Model
    values: Values
    seconds: float


def search(model: Model, file: Path) -> Search:
    """The search of a model from its `trials.csv`, which is not there if no trial has finished."""
    if not file.exists():
        return Search(model, pd.DataFrame(columns=["trial", "start", "score"]))
    trials = pd.read_csv(file, dtype=str, keep_default_na=False)
    return Search(model, trials[trials["state"] == "complete"])


def history(searches: Sequence[Search], metric: Metric) -> pd.DataFrame:
    """A row for each finished trial, with the columns model, trial, score, label and values, a mapping of texts.

    Raises
    ------
    ValueError
        If there is none.
    """
    rows = [
        (
            one.model.name,
            int(trial["trial"]),
            metric.natural(float(trial["score"])),
            trial["start"] or f"trial {trial['trial']}",
            {dimension.name: trial.get(dimension.name, "") for dimension in one.model.space},
        )
        for one in searches
        for trial in one.trials.to_dict("records")
    ]
    if not rows:
        raise ValueError("no trial has finished")
    return pd.DataFrame(rows, columns=["model", "trial", "score", "label", "values"])


def hyperparameters(searches: Sequence[Search]) -> pd.DataFrame:
    """What mattered in each search, by PED-ANOVA: in which parameters its best quarter differs from all its trials.

    Returns
    -------
    The columns model, trials, parameter, importance: shares of 1; NaN where fewer than `ENOUGH` trials have finished.
    """
    rows: list[tuple[str, int, str, float]] = []
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.25)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for one in searches:
        name, count = one.model.name, len(one.trials)
        if not one.model.space:
            continue
        if count < ENOUGH:
            rows.append((name, count, "", np.nan))
            continue
        study = optuna.create_study(direction="maximize")
        study.add_trials(_trials(one))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        rows += [(name, count, parameter, share) for parameter, share in found.items()]
    return pd.DataFrame(rows, columns=["model", "trials", "parameter", "importance"])


def learning_curve(configuration: Configuration, data: TrainingSet, seconds: float = 30) -> pd.DataFrame:
    """Return the metric of a configuration by the number of rows that it learns from, on the first folds.

    Returns
    -------
    The columns rows, mean, std: about five sizes, up to all rows of a fold or `MOST_ROWS`.

    Raises
    ------
    ValueError
        If that would take more than about so many `seconds`, or there are too few rows.
    """
    random, name = np.random.default_rng(0), configuration.model.name
    folds = [(random.permutation(learn)[:MOST_ROWS], score) for learn, score in scored(data.folds[:CURVE_FOLDS])]
    most = min(len(learn) for learn, _ in folds)
    sizes = [int(part * most) for part in PARTS if part * most >= 20]
    expected = configuration.seconds * len(folds) * sum(sizes)
    if expected > seconds:
        raise ValueError(
            f"fitting {name} to parts of the rows would take about {expected:.0f} s, and its limit is {seconds:g} s "
            "(raise it by the parameter `seconds`)"
        )
    began, rows = time.monotonic(), []
    for size in sizes:
        if time.monotonic() - began > seconds:
            break
        few = [(np.sort(learn[:size]), score) for learn, score in folds]
        job = Job(f"{size} rows", configuration.model, replace(data, folds=few))
        found = [_score(job, configuration.values, number) for number in range(len(few))]
        if np.isfinite(found).all():
            rows.append((size, data.metric.natural(float(np.mean(found))), float(np.std(found))))
    if len(rows) < 2 and time.monotonic() - began > seconds:
        raise ValueError(
            f"fitting {name} to parts of the rows took longer than was expected, and its limit is {seconds:g} s "
            "(raise it by the parameter `seconds`)"
        )
    if len(rows) < 2:
        raise ValueError("there are too few rows for a part of them to be enough")
    return pd.DataFrame(rows, columns=["rows", "mean", "std"])


def shap_values(model: Any, features: pd.DataFrame, learned: pd.DataFrame, rows: int) -> pd.DataFrame:
    """How far each column moves the predictions: the mean size of its SHAP values, of all classes.

    They are computed for what the estimator itself is given. What was made of one column, such as the indicators of its
    categories, is summed up under its name.

    Parameters
    ----------
    model : a fitted model, as `assemble` makes it.
    features : rows to explain, of which `rows` are taken.
    learned : rows that stand for the average.

    Raises
    ------
    ValueError
        If shap is not installed, or cannot explain this model.
    """
    try:
        import shap
    except ImportError:
        raise ValueError("it needs the package shap, which is the extra `explain` in pyproject.toml") from None
    fitted: Pipeline = model.estimator_ if isinstance(model, Wrapper) else model
    preprocess, estimator = fitted[:-1], fitted[-1]

    def taken(frame: pd.DataFrame, most: int) -> Any:
        given = transform(preprocess, frame.sample(min(most, len(frame)), random_state=0))
        return given.toarray() if hasattr(given, "toarray") else given

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = _shap(shap, estimator, taken(features, rows), taken(learned, BACKGROUND))
            names = preprocess.get_feature_names_out() if len(preprocess.steps) else features.columns
    except Exception as error:
        raise ValueError(f"shap cannot explain {type(estimator).__name__}: {error}") from error
    values = values.reshape(len(values), len(names), -1)
    origins = np.asarray([_origin(str(name), list(features.columns)) for name in names])
    different = dict.fromkeys(origins.tolist())
    sums = {one: float(np.abs(values[:, origins == one].sum(axis=1)).mean()) for one in different}
    return pd.DataFrame({"feature": list(sums), "mean": list(sums.values())})


def _shap(shap: Any, estimator: Any, given: Any, background: Any) -> np.ndarray:
    """SHAP values of shape (rows, columns) or (rows, columns, classes), by the quickest explainer that can."""
    # The explainer of trees takes the codes of categories for numbers.
    if getattr(estimator, "is_categorical_", None) is None:
        for make in (lambda: shap.TreeExplainer(estimator), lambda: shap.LinearExplainer(estimator, background)):
            try:
                return np.asarray(make()(given).values)
            except Exception:  # nosec B112 # the next explainer is tried
                continue
    methods = [one for one in ("predict_proba", "decision_function", "predict") if hasattr(estimator, one)]
    ask = getattr(estimator, methods[0])
    explainer = shap.PermutationExplainer(ask, background[:SLOW_BACKGROUND], seed=0)
    few = given[:SLOW_ROWS]
    return np.asarray(explainer(few, max_evals=2 * few.shape[1] + 1, silent=True).values)


def _origin(name: str, columns: Sequence[str]) -> str:
    """The column that a transformed column was made of, by its name; its own name where that does not tell."""
    name = name.removeprefix("missingindicator_")
    fitting = [one for one in map(str, columns) if name == one or name.startswith(f"{one}_")]
    return max(fitting, key=len, default=name)


def _score(job: Job, values: Values, number: int) -> float:
    try:
        return fit_fold(job, values, number).score
    except Exception:  # so few rows can lack what a model needs, such as a second class
        return np.nan


def _trials(one: Search) -> list[optuna.trial.FrozenTrial]:
    """The finished trials as Optuna's."""
    space = one.model.space
    distributions = {dimension.name: _distribution(dimension.domain) for dimension in space}
    trials = []
    for row in one.trials.to_dict("records"):
        params: Values = {}
        for dimension in space:
            text = row.get(dimension.name, "")
            if matters(dimension, params, space) and (text or None in dimension.domain.labels):
                params[dimension.name] = _value(text, dimension.domain)
        known = {name: distributions[name] for name in params}
        trials.append(optuna.trial.create_trial(value=float(row["score"]), params=params, distributions=known))
    return trials


def _value(text: str, domain: Domain) -> Any:
    """A value as it was, from the text that a table holds of it."""
    if domain.kind != "choice":
        return int(float(text)) if domain.kind == "int" else float(text)
    texts: Mapping[str, Any] = {"" if one is None else str(one): one for one in domain.labels}
    # Beside a missing value, a table turns 5 into 5.0.
    return texts[text] if text in texts else texts[text.removesuffix(".0")]


def _distribution(domain: Domain) -> BaseDistribution:
    if domain.kind == "choice":
        return CategoricalDistribution(domain.labels)
    if domain.kind == "int":
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
