"""Try splitters, samplers, pruners, metrics and storing on something small, before any of them meets the data.

What their constructors accept may still not work. Trying it takes milliseconds; the search would find out after hours.
"""

import contextlib
import copy
import inspect
import io
import math
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from ..errors import UserError
from ..files import temporary
from ..schema import DTYPES
from ..steps.task import Task
from .build import build, pipeline, steps
from .discovery import load
from .kinds import PACKAGE, kind_of
from .metrics import Metric
from .model import Model
from .nodes import Object, OneOf, Steps
from .reader import Where
from .space import suggest

ROWS = 2000  # of the table that splitters are tried on
MOST_TRIALS = 60  # of the study that samplers and pruners are tried on
STEPS = 6
SECONDS = 5.0  # for a fit to such a table
TOY_ROWS = 60  # of the table that steps are fitted to
# Modules of `components/` with the transformers that are known to be stored.
STOCK = ("dates", "text")
# Estimators of scikit-learn that skops does not know; all others are known to be stored by skops and joblib.
UNKNOWN = ("sklearn.cluster.Birch",)
STORED = ("Joblib", "Skops")  # flavors that have been tried with scikit-learn's estimators
# Parameters that an estimator on trial is given where it has them: it learns for a moment and writes no files.
BRIEF = {
    "n_estimators": 3,
    "iterations": 3,
    "max_iter": 20,
    "epochs": 1,
    "max_epochs": 1,
    "thresholds": 5,
    "allow_writing_files": False,
}
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


def try_storing(model: Model, flavors: Mapping[str, Any], named: Iterable[str]) -> list[str]:
    """Fit what is not scikit-learn's in a model to toy tables, then store it, load it and compare.

    What cannot be fitted to a toy table is not judged.

    Returns
    -------
    A note on an estimator that could not be fitted, if there is one.

    Parameters
    ----------
    model : Model
        Its preprocessing and its estimator may name classes of any package.
    flavors : mapping of str to object
        How parts of a model are stored; those that are not named by skops.
    named : iterable of str
        The import paths that the params name, which a stored model may hold.

    Raises
    ------
    UserError
        If a step or the estimator cannot be stored or loaded, with its class and the flavor that can.
    """
    from ..components.flavors import Skops
    from .allowed import About

    about = About(sorted({*named}))
    _try_steps(model, flavors.get("transformers") or Skops(), about)
    return _try_estimator(model.estimator, flavors.get("model") or Skops(), about)


def _try_steps(model: Model, flavor: Any, about: Any) -> None:
    """Store the steps of a model's preprocessing that other packages bring."""
    places = dict(_foreign(model.preprocess))
    for step in _fitted_steps(model) if places else ():
        path = next((path for path in places if load(path, places[path]) is type(step)), None)
        if path is not None:
            _try_flavor("transformers", step, flavor, about, path, places[path])


def _try_estimator(node: Object, flavor: Any, about: Any) -> list[str]:
    """Store an estimator that another package brings, or that holds another; return a note if it cannot be fitted."""
    known = type(flavor).__name__ in STORED and node.path not in UNKNOWN
    if known and not _holds_objects(node.params) and not any(True for _ in _foreign(node)):
        return []
    X = np.random.default_rng(0).integers(1, 4, (TOY_ROWS, 4)).astype(float)
    kind = kind_of(load(node.path, node.where))
    codes, numbers = np.arange(TOY_ROWS) % 2, X.sum(axis=1) + np.linspace(0, 1, TOY_ROWS)
    targets = {"classifier": [codes], "regressor": [numbers]}.get(str(kind), [codes, numbers])
    reasons = []
    # Some take several targets alone.
    for y in [*targets, *(np.column_stack([target, target[::-1]]) for target in targets)]:
        fitted = _brief(build(node))
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _within(SECONDS):
                warnings.simplefilter("ignore")
                fitted.fit(X, y)
                first, second = _predictions(fitted, X), _predictions(fitted, X)
            break
        except Exception as error:
            reasons.append(_reason(error))
    else:
        if node.path.startswith(f"{PACKAGE}.components."):  # made for tables of another kind, such as series
            return []
        # The toy table is not the owner's: theirs may be another matter.
        message = f"{node.name} could not be fitted to a small made-up table, and may not be to yours: {reasons[0]}"
        return [node.where.error(message).message]
    if not _close(first, second, 0.0):
        raise node.where.error(
            f"{node.path} predicts something else each time, so a stored model cannot be compared with it: set its "
            "random_state, or use another class"
        )
    _try_flavor("model", Pipeline([("model", fitted)]), flavor, about, node.path, node.where, X)
    return []


def _holds_objects(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Object | Steps) or (isinstance(value, list) and any(map(_holds_objects, value)))


def _try_flavor(
    part: str, thing: Any, flavor: Any, about: Any, path: str, where: Where, X: np.ndarray | None = None
) -> None:
    """Refuse a class whose fitted form a flavor cannot store, and name the flavor that can."""
    from ..components.flavors import Joblib, Skops

    reason = _unstorable(thing, flavor, about, X)
    if not reason:
        return
    others = [one for one in (Skops(), Joblib()) if type(one) is not type(flavor)]
    other = next((one for one in others if not _unstorable(thing, one, about, X)), None)
    hint = "no flavor of this project can; use another class"
    if other is not None:
        hint = f"`parts: {{{part}: {{class: {type(other).__name__}}}}}` in params/package.yaml can"
    fails = f"{path} cannot be stored by {type(flavor).__name__} once it is fitted"
    raise where.error(f"{fails}: {hint} ({reason})")


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds, though not within one call of compiled code."""
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"it takes longer than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _brief(estimator: Any) -> Any:
    """Return an estimator that learns for less time, also where it stands inside of another."""
    params = estimator.get_params()
    limits = {name: BRIEF.get(name.rpartition("__")[2]) for name in params}
    changed = {name: limit for name, limit in limits.items() if limit is not None and type(params[name]) is type(limit)}
    if "allow_writing_files" in inspect.signature(type(estimator)).parameters:
        changed["allow_writing_files"] = False
    return estimator.set_params(**{name: min(limit, params.get(name, limit)) for name, limit in changed.items()})


def _predictions(fitted: Any, X: np.ndarray) -> np.ndarray | None:
    """Return what a fitted estimator says of rows as numbers, or None if it cannot predict."""
    for method in ("predict_proba", "predict"):
        if hasattr(fitted, method):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return np.asarray(getattr(fitted, method)(X), dtype=float)
    return None


def _close(first: np.ndarray | None, second: np.ndarray | None, tolerance: float) -> bool:
    """Return whether predictions are the same up to a share of the largest."""
    if first is None or second is None:
        return first is second
    scale = max(float(np.abs(first).max(initial=0.0)), 1.0)
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=0, atol=max(tolerance, 1e-9) * scale))


def _foreign(node: Any) -> Iterator[tuple[str, Where]]:
    """The classes in a node that neither scikit-learn nor this template brings, with their places."""
    if isinstance(node, Object):
        stock = node.path.startswith(("sklearn.", *(f"{PACKAGE}.components.{name}." for name in STOCK)))
        if not stock:
            yield node.path, node.where
        for one in node.params.values():
            yield from _foreign(one)
    elif isinstance(node, Steps | OneOf):
        for _, one in node.items:
            yield from _foreign(one)


def _fitted_steps(model: Model) -> list[Any]:
    """The steps of a preprocessing, fitted to a toy table; empty if they cannot be."""
    random = np.random.default_rng(0)
    dtypes = {f"{dtype}_{number}": dtype for dtype in DTYPES for number in (1, 2)}
    words = np.array(["red", "green", "blue", "cat", "dog"])
    columns: dict[str, Any] = {
        "number": lambda: random.normal(size=TOY_ROWS),
        "category": lambda: pd.Categorical(random.choice(words[:3], TOY_ROWS)),
        "datetime": lambda: pd.date_range("2020-01-01", periods=TOY_ROWS),
        "text": lambda: [" ".join(random.choice(words, 5)) + f" {row}" for row in range(TOY_ROWS)],
    }
    table = pd.DataFrame({name: columns[dtype]() for name, dtype in dtypes.items()})
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _within(SECONDS):
            warnings.simplefilter("ignore")
            preprocess = pipeline(steps(model.preprocess, {}, dtypes, "preprocess"))
            preprocess.fit(table, np.arange(TOY_ROWS) % 2)
    except Exception:  # nosec B110 # the toy table is not the owner's, and says nothing of the params
        return []
    return list(_inner(preprocess))


def _inner(thing: Any) -> Iterator[Any]:
    """The steps of a pipeline or of columns side by side, at any depth."""
    if isinstance(thing, ColumnTransformer):
        for _, one, _ in thing.transformers_:
            yield from _inner(one)
    elif isinstance(thing, Pipeline):
        for _, one in thing.steps:
            yield from _inner(one)
    else:
        yield thing


def _unstorable(thing: Any, flavor: Any, about: Any, X: np.ndarray | None = None) -> str:
    """Why a flavor cannot store and load a fitted step or, with rows `X`, a model; empty if it can."""
    with temporary() as folder:
        path = folder / f"part{flavor.suffix}"
        try:
            flavor.save(thing, path, about)
            again = flavor.load(path, about)
            if X is not None and not _close(_predictions(thing, X), _predictions(again, X), flavor.tolerance):
                return "it predicts something else once it is loaded"
        except UserError as error:
            return error.message.replace(str(path), "it").split(", which is no part")[0]
        except Exception as error:
            return _reason(error)
    return ""


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
    for y_true, outputs in task.toys():
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                if math.isfinite(metric.score(y_true, outputs)):
                    return
            reasons.append("it gives no number")
        except Exception as error:
            reasons.append(_reason(error))
    if reasons:
        raise where.error(f"the metric {metric.name} cannot be computed: {reasons[0]}")


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
