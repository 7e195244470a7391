"""Try splitters, samplers, pruners and metrics on something small, before any of them meets the data.

What their constructors accept may still not work. Trying it takes milliseconds; the search would find out after hours.
"""

import copy
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..steps.task import Task
from .grammar import Object
from .metrics import Metric
from .reader import Where
from .space import suggest

ROWS = 2000  # of the table that splitters are tried on
MOST_TRIALS = 60  # of the study that samplers and pruners are tried on
STEPS = 6
# Of each kind of estimator, the modules whose metrics mean nothing to it: on class codes, for example, r2 is a number.
ALIEN = {
    "classifier": ("sklearn.metrics._regression",),
    "regressor": ("sklearn.metrics._classification", "sklearn.metrics.cluster"),
}


def is_amount(value: Any, most: float = 1e9) -> bool:
    """Whether a value of the params is a number above 0, and at most `most`."""
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value <= most


def try_splitter(splitter: Any, node: Object) -> None:
    """Split a table of two balanced classes in 100 groups; splitters of this project check themselves.

    Raises
    ------
    UserError
        If scikit-learn's splitter raises, or the parts of a split are empty or have rows in common.
    """
    if not node.path.startswith("sklearn."):
        return
    rows = np.arange(ROWS)
    table = pd.DataFrame({"x": rows}, index=pd.date_range("2000-01-01", periods=ROWS))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parts = next(iter(splitter.split(table, rows % 2, rows // 20)))
    except Exception as error:
        raise node.where.error(f"{node.name} cannot split a table: {_reason(error)}") from None
    if any(len(part) == 0 for part in parts):
        raise node.where.error(f"{node.name} cannot split a table: a part of the split has no rows")
    if set(parts[0]) & set(parts[1]):
        raise node.where.error(f"{node.name} cannot split a table: rows to learn from are also rows to score")


def try_search(made: dict[str, Any], objectives: int, space: Sequence[Any], where: Where) -> None:
    """Run a few trials of nothing with a sampler and a pruner.

    Parameters
    ----------
    made : dict
        The objects `sampler` and `pruner`.
    objectives : int
        How many numbers a trial gives; with more than one, nothing is pruned.
    space : sequence of Dimension
        The space of one model, without which nothing is sampled.

    Raises
    ------
    UserError
        If one of them raises, with its line.
    """
    import optuna

    made = copy.deepcopy(made)  # a sampler remembers the space of the model that it was tried on

    def trials(sampler: Any, pruner: Any, count: int) -> None:
        study = optuna.create_study(sampler=sampler, pruner=pruner, directions=["maximize"] * objectives)
        for number in range(count):
            trial = study.ask()
            suggest(trial, space)
            for step in range(STEPS if objectives == 1 else 0):
                trial.report(float(number % 3 - step), step)
                trial.should_prune()
            study.tell(trial, [float(number % 3)] * objectives)

    startup = getattr(made["sampler"], "_n_startup_trials", 4)
    count = min(startup + 2, MOST_TRIALS) if isinstance(startup, int) else 2
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key, attempt = "pruner", (optuna.samplers.RandomSampler(seed=0), made["pruner"], 8)
            try:
                trials(*attempt)
                key = "sampler"
                trials(made["sampler"], optuna.pruners.NopPruner(), count)
            except Exception as error:
                name = type(made[key]).__name__
                raise where.at(key).error(f"{name} cannot work: {_reason(error)}") from None
    finally:
        optuna.logging.set_verbosity(verbosity)


def try_metric(metric: Metric, task: Task, where: Where) -> None:
    """Refuse a metric of scikit-learn's that is made for another task, or that fails on all of the task's toys.

    Raises
    ------
    UserError
        If it is, with file and line.
    """
    function = metric.scorer._score_func
    home = f"{getattr(function, '__module__', '')}."
    if any(home.startswith(f"{one}.") for kind in task.models for one in ALIEN.get(kind, ())):
        raise where.error(f"the metric {metric.name} does not fit a {task.name}; `make list KIND=metric` shows others")
    if metric.judges_rows_alone and "clusterer" not in task.models:
        raise where.error(f"the metric {metric.name} ignores the truth, so it does not fit a {task.name}")
    if not home.startswith("sklearn.") or metric.asks or {"labels", "pos_label"} & set(metric.scorer._kwargs):
        return
    reasons = []
    for truth, outputs in task.toys():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                if math.isfinite(metric.score(truth, outputs)):
                    return
            reasons.append("it gives no number")
        except Exception as error:
            reasons.append(_reason(error))
    if reasons:
        raise where.error(f"the metric {metric.name} cannot be computed: {reasons[0]}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
