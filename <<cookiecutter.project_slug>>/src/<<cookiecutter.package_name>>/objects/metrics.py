"""Metrics: scikit-learn's scorers by name, or a metric function with its parameters, in one shape."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer
from sklearn.utils.metaestimators import available_if

from .build import call
from .discovery import load
from .grammar import Grammar, parameters
from .nodes import Object, plain
from .reader import Where

LESS_IS_BETTER = ("davies_bouldin_score",)  # scikit-learn's one exception to its own convention


class Outputs:
    """The outputs of a model on some rows, labels as codes.

    Parameters
    ----------
    predicted : array of shape (n,) or (n, targets), or a function that gives it: many metrics never ask.
    probabilities : array of shape (n, classes), None where the model gives none.
    decisions : array of the shape of `decision_function`, None where the model gives none.
    classes : what a scikit-learn classifier would have as `classes_`: codes from 0, or a list of such for each of
        several targets; None where the predictions are no classes.
    """

    def __init__(
        self,
        predicted: np.ndarray | Callable[[], np.ndarray],
        probabilities: np.ndarray | None = None,
        decisions: np.ndarray | None = None,
        classes: Any = None,
    ) -> None:
        self._predicted, self.probabilities, self.decisions = predicted, probabilities, decisions
        self.classes = classes

    @cached_property
    def predicted(self) -> np.ndarray:
        """The predicted codes or numbers, shape (n,) or (n, targets)."""
        return self._predicted() if callable(self._predicted) else self._predicted

    def part(self, rows: Any) -> "Outputs":
        """The outputs for some of the rows."""

        def part(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[rows]

        return Outputs(lambda: self.predicted[rows], part(self.probabilities), part(self.decisions), self.classes)


def joined(parts: Sequence[Outputs]) -> Outputs:
    """The outputs for the rows of all parts, one part after the other."""

    def whole(name: str) -> Any:
        values = [getattr(one, name) for one in parts]
        return None if any(one is None for one in values) else np.concatenate(values)

    return Outputs(lambda: whole("predicted"), whole("probabilities"), whole("decisions"), parts[0].classes)


@dataclass(frozen=True)
class Metric:
    """A metric: `scorer` is scikit-learn's, for which more is always better; `written` is its plain form."""

    written: Any
    scorer: Any
    label: str

    @property
    def greater_is_better(self) -> bool:
        """Whether more of the metric itself is better (and not of its negation, the score)."""
        return bool(self.scorer._sign > 0)

    @property
    def name(self) -> str:
        """The metric's own name: `log_loss` for the scorer `neg_log_loss`."""
        return self.label.removeprefix("neg_")

    @property
    def needs_probabilities(self) -> bool:
        """Whether it scores probabilities and nothing else."""
        method = self.scorer._response_method
        return "predict_proba" in (method if isinstance(method, tuple | list) else [method]) and (
            "decision_function" not in method and "predict" not in (method if not isinstance(method, str) else [])
        )

    @property
    def judges_rows_alone(self) -> bool:
        """Whether it compares predictions with the rows and not with `y_true`, as `silhouette_score` does."""
        return isinstance(self.scorer._score_func, _WithoutTruth)

    @cached_property
    def asks(self) -> list[str]:
        """What the metric's function needs beside `y_true` and predictions, by the names of its parameters."""
        taken = list(inspect.signature(self.scorer._score_func).parameters.values())[2:]
        needed = [one.name for one in taken if one.default is one.empty and one.kind != one.VAR_KEYWORD]
        return [name for name in needed if name not in self.scorer._kwargs]

    def plain(self) -> Any:
        """The metric as plain values, for the plan."""
        return self.written

    def natural(self, score: float) -> float:
        """The metric's own value for a score: 0.3 for a `neg_log_loss` of -0.3."""
        return score if self.greater_is_better else -score

    @property
    def takes_weights(self) -> bool:
        """Whether rows can have weights."""
        return "sample_weight" in inspect.signature(self.scorer._score_func).parameters

    def score(
        self,
        y_true: np.ndarray,
        outputs: Outputs,
        known: Mapping[str, Any] | None = None,
        weights: np.ndarray | None = None,
    ) -> float:
        """The score of outputs against `y_true`, more is better.

        Parameters
        ----------
        y_true : array of shape (n,) or (n, targets), codes from 0 or numbers.
        known : what the metric `asks` for.
        weights : array of shape (n,), None where all rows count the same.

        Raises
        ------
        ValueError
            If the metric does not fit the task or the outputs.
        """
        model = _KnownNumbers(outputs) if outputs.classes is None else _KnownClasses(outputs)
        classes = len(outputs.classes) if isinstance(outputs.classes, np.ndarray) else None
        scorer = self.scorer
        takes = inspect.signature(scorer._score_func).parameters
        if self.asks:
            known = known or {}
            absent = [name for name in self.asks if name not in known]
            if absent:
                raise ValueError(f"it needs {', '.join(absent)} under params")
            scorer = _with(scorer, **{name: known[name] for name in self.asks})
        if classes is not None and classes > 2 and outputs.probabilities is not None and "labels" in takes:
            if self.needs_probabilities or "roc_auc" in self.label:
                # A fold may lack a class, and these metrics then need to be told of it.
                scorer = _with(scorer, labels=np.arange(classes))
        elif classes == 2 and self.name in ("log_loss",):
            scorer = _with(scorer, labels=np.arange(2))
        weighted = {} if weights is None else {"sample_weight": weights}
        return float(scorer(model, np.zeros((len(y_true), 1)), y_true, **weighted))


def metric(data: Any, where: Where, grammar: Grammar, given: Iterable[str] | None = None) -> Metric:
    """A metric from the params: `roc_auc`, or `{class: fbeta_score, params: {beta: 2}}`.

    Parameters
    ----------
    given : the parameters of its function that the task gives it; None if that was looked at before.

    Raises
    ------
    UserError
        If there is no such metric, with the nearest name.
    """
    if isinstance(data, str) and data in get_scorer_names():
        return Metric(data, get_scorer(data), data)
    thing = grammar.object({"class": data} if isinstance(data, str) else data, where, ["metric"])
    written = plain(thing)
    if thing.path.startswith("sklearn.metrics.get_scorer("):
        return Metric(thing.name, get_scorer(thing.name), thing.name)
    made = Metric(written, _scorer(load(thing.path, where), thing), thing.name)
    needed = [name for name in made.asks if given is not None and name not in given]
    if needed:
        raise thing.where.error(f"{thing.name} needs {', '.join(needed)} under params")
    return made


def distinct(metrics: Iterable[Metric]) -> list[Metric]:
    """Return metrics without repetitions, each with a name of its own.

    Of several that share a function, all but the first in the list have the parameters that differ in their names.
    """
    found = list({repr(one.written): one for one in metrics}.values())
    for index, one in enumerate(found):
        alike = [
            other for other in found if other.scorer._score_func is one.scorer._score_func and other.name == one.name
        ]
        if index and len(alike) > 1:
            given: list[dict[str, Any]] = [other.scorer._kwargs for other in alike]
            differ = sorted(
                {key for params in given for key in params if any(params.get(key) != x.get(key) for x in given)}
            )
            params = ", ".join(f"{key}={one.scorer._kwargs[key]}" for key in differ if key in one.scorer._kwargs)
            found[index] = replace(one, label=f"{one.label} ({params or 'defaults'})")
    return found


def _scorer(function: Callable[..., float], thing: Object) -> Any:
    """A scorer for a metric function.

    Whether more is better follows scikit-learn's convention for names: `_score` is to be maximised; `_error`,
    `_loss` and `_deviance` are to be minimised. What the metric judges follows from the name of its second
    parameter: `y_score` and `y_proba` stand for scores and probabilities.
    """
    for name in get_scorer_names():
        known = get_scorer(name)
        if known._score_func is function:
            sign, response = known._sign, known._response_method
            break
    else:
        sign = -1 if thing.name.endswith(("_error", "_loss", "_deviance")) or thing.name in LESS_IS_BETTER else 1
        second = list(inspect.signature(function).parameters)[1]
        response = {
            "y_score": ("decision_function", "predict_proba"),
            "y_proba": "predict_proba",
            "y_prob": "predict_proba",
        }.get(second, "predict")
    defaults = list(parameters(function)[0].items())
    params = call(function, dict(thing.params), thing).keywords
    if [name for name, _ in defaults[:2]] == ["X", "labels"]:
        function, response = _WithoutTruth(function), "predict"
    return make_scorer(function, greater_is_better=sign > 0, response_method=response, **params)


class _WithoutTruth:
    """A metric of rows and what was predicted for them, such as `silhouette_score`, in the form of the others.

    It is a class because it is sent to other processes, which no function inside of a function can be.
    """

    def __init__(self, function: Callable[..., float]) -> None:
        self.function, self.__name__ = function, function.__name__
        shared = list(inspect.signature(_WithoutTruth.__call__).parameters.values())[1:4]
        own = list(inspect.signature(function).parameters.values())[2:]
        named = [one.replace(kind=one.KEYWORD_ONLY) for one in own if one.kind != one.VAR_KEYWORD]
        self.__signature__ = inspect.Signature([*shared, *named])

    def __call__(self, y_true: np.ndarray, y_pred: np.ndarray, *, X: Any, **params: Any) -> float:
        return self.function(X, y_pred, **params)


def _with(scorer: Any, **kwargs: Any) -> Any:
    return type(scorer)(scorer._score_func, scorer._sign, {**scorer._kwargs, **kwargs}, scorer._response_method)


class _KnownNumbers(RegressorMixin, BaseEstimator):
    """Stands in for a model whose outputs are known, so that scikit-learn's scorers can be asked."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> np.ndarray:
        return self.outputs.predicted


class _KnownClasses(ClassifierMixin, _KnownNumbers):
    """The same for a classifier."""

    @property
    def classes_(self) -> Any:
        return self.outputs.classes

    @available_if(lambda self: self.outputs.probabilities is not None)
    def predict_proba(self, X: Any) -> np.ndarray | None:
        return self.outputs.probabilities

    @available_if(lambda self: self.outputs.decisions is not None)
    def decision_function(self, X: Any) -> np.ndarray | None:
        return self.outputs.decisions
