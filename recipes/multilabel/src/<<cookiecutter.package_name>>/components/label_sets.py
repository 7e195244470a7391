"""Several labels a row: the task, the wrapper that turns sets of labels into a matrix and back, and thresholds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import get_scorer
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if

from ..errors import UserError
from ..objects.metrics import Outputs
from ..schema import Schema
from ..steps.ensemble import Ensemble
from ..steps.fit import Wrapper
from ..steps.preprocess import rows_with_target, to_label
from ..steps.task import Task

RARE = 10  # rows: of fewer, a label can hardly be learned
TARGET = ("data.yaml", "target")


class Multilabel(Task):
    """Which of several labels a row has: none, some or all of them.

    The target is one column of sets, such as `drama|comedy`, in which an empty cell is the empty set; or a list of
    columns, each of which holds one of two values. Of these the last in order (1, true, yes) says that the row has it.

    Parameters
    ----------
    delimiter : what stands between the labels of one column of sets.
    """

    models = ("classifier",)
    takes = ("threshold",)
    targets = (1, None)

    def __init__(self, delimiter: str = "|") -> None:
        if not delimiter:
            raise ValueError("delimiter is what stands between two labels, and cannot be empty")
        self.delimiter = delimiter

    @property
    def names(self) -> list[str]:
        """What the labels are called."""
        return [str(one) for one in (self.labels_ if isinstance(self.target_, str) else self.target_)]

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """Sets in order and without what is there twice, or columns of two values."""
        if isinstance(schema.target, str):
            return self._sets(frame, schema)
        kept = rows_with_target(frame, schema)
        for name in schema.targets:
            kept[name] = to_label(kept[name])
            values = sorted(kept[name].unique().tolist())
            if len(values) != 2:
                shown = ", ".join(map(str, values[:5]))
                raise UserError(f"{name!r} holds {shown}: a label's column holds one of two values", *TARGET)
            schema.labels.append(values)
        return kept

    def hints(self, frame: pd.DataFrame, schema: Schema) -> list[str]:
        """Labels that few rows have, or few have not."""
        counts = self.bind(schema).encode(frame[schema.target]).sum(axis=0)
        fewer = [int(min(one, len(frame) - one)) for one in counts]
        rare = [(name, rows) for name, rows in zip(self.names, fewer, strict=True) if rows < RARE]
        return [f"{rows} rows tell of the label {name}: that is little to learn from" for name, rows in rare]

    def check_split(self, target: Any, train: np.ndarray, held_out: np.ndarray, folds: Sequence[Any], by: Any) -> None:
        """Each label has to differ in the training rows."""
        found = self.encode(target)[train]
        for name, values in zip(self.names, found.T, strict=True):
            if values.min() == values.max():
                raise UserError(
                    f"{type(by[0]).__name__} leaves nothing to learn of the label {name!r}: "
                    f"{'all' if values.max() else 'none'} of the training rows have it",
                    "split.yaml",
                    "holdout",
                )

    def stratified_by(self, target: Any) -> np.ndarray:
        """The matrix of labels, which splitters can keep the shares of."""
        return self.encode(target)

    def adapt(self, estimator: Any) -> Any:
        """One that takes one label is fitted to each."""
        return estimator if _takes_labels(estimator) else MultiOutputClassifier(estimator)

    def wrap(self, pipeline: Any) -> Any:
        """With an encoder of sets."""
        values = None if isinstance(self.target_, str) else self.labels_
        return LabelSets(pipeline, self.names, values, self.delimiter)

    def dummy(self) -> Any:
        """The share of each label."""
        return DummyClassifier(strategy="prior")

    def encode(self, target: Any) -> np.ndarray:
        """Whether each row has each label: whole numbers 0 and 1, shape (rows, labels)."""
        values = None if isinstance(self.target_, str) else self.labels_
        return matrix(target, self.names, values, self.delimiter)

    def outputs(self, model: Any, features: Any) -> Outputs:
        """Labels as a matrix, with a probability for each."""
        shares = np.asarray(model.predict_proba(features)) if hasattr(model, "predict_proba") else None
        return Outputs(lambda: self.encode(model.predict(features)), shares, classes=self._classes())

    def to_scores(self, outputs: Outputs) -> np.ndarray:
        """The probability of each label, (rows, labels); 0 or 1 where a model knows none."""
        return outputs.predicted.astype(float) if outputs.probabilities is None else outputs.probabilities

    def from_scores(self, values: np.ndarray) -> Outputs:
        """The labels that are likelier than not."""
        return Outputs((values >= 0.5).astype(int), values, classes=self._classes())

    def mean(self, weights: Sequence[float], k: int) -> Any:
        """The weighted mean of the probabilities."""
        return WeightedLabels(list(weights), k).fit(np.empty((0, 0)), np.empty(0))

    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """One classifier."""
        return EnsembleOfLabels(names, members, combine, self)

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """`prediction`, a set, or `prediction_<column>` of each; and `probability_<label>` where the model knows it."""
        if not hasattr(model, "predict_proba"):
            return self._table(model.predict(features), features.index)
        predicted, shares = model.predict_both(features)
        probabilities = pd.DataFrame(shares, columns=[f"probability_{one}" for one in self.names], index=features.index)
        return pd.concat([self._table(predicted, features.index), probabilities], axis=1)

    def answers(self, model: Any) -> dict[str, Any]:
        """A text, or a value for each column, and a share for each label."""
        answer: dict[str, Any] = {"prediction": {"type": "string"}}
        if not isinstance(self.target_, str):
            answer = {f"prediction_{name}": {"enum": pair} for name, pair in zip(self.names, self.labels_, strict=True)}
        share = {"type": "number", "minimum": 0, "maximum": 1}
        known = self.names if hasattr(model, "predict_proba") else []
        return answer | {f"probability_{name}": share for name in known}

    def decoded(self, codes: np.ndarray) -> np.ndarray:
        """Raw targets of a matrix of labels: sets as text, shape (rows,), or values, shape (rows, columns)."""
        values = None if isinstance(self.target_, str) else self.labels_
        return raw(codes, self.names, values, self.delimiter)

    def _table(self, predicted: np.ndarray, index: Any) -> pd.DataFrame:
        if predicted.ndim == 1:
            return pd.DataFrame({"prediction": predicted}, index=index)
        columns = {f"prediction_{name}": predicted[:, position].tolist() for position, name in enumerate(self.names)}
        return pd.DataFrame(columns, index=index)

    def _classes(self) -> list[np.ndarray]:
        return [np.array([0, 1])] * len(self.names)

    def _sets(self, frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
        name = str(schema.target)
        cells = [_split(one, self.delimiter) for one in frame[name]]
        found = sorted({label for labels in cells for label in labels})
        if len(found) < 2:
            held = f"one label, {found[0]!r}" if found else "no label"
            raise UserError(
                f"{name!r} holds {held}: write what stands between labels as "
                "`task: {class: Multilabel, params: {delimiter: ...}}`",
                *TARGET,
            )
        schema.labels = found
        empty = sum(not labels for labels in cells)
        if empty:
            schema.notes.append(f"{empty} rows have no {name}: that is the empty set, and they are kept")
        texts = [self.delimiter.join(sorted(labels)) for labels in cells]
        return frame.assign(**{name: pd.array(texts, dtype="str")})


class LabelSets(ClassifierMixin, Wrapper):
    """A classifier that takes and gives labels as they are in the table.

    The encoder is fitted with the estimator, inside each fold, and saved with it. A label that all training rows have,
    or none, is not given to the estimator; it gets the probability 1 or 0.

    Parameters
    ----------
    estimator : a classifier for a matrix of 0 and 1.
    names : of the labels, in order.
    values : the two values of each column; None where the target is one column of sets.
    delimiter : what stands between the labels of a set.
    """

    def __init__(self, estimator: Any, names: list[str], values: list[list[Any]] | None, delimiter: str) -> None:
        self.estimator, self.names, self.values, self.delimiter = estimator, names, values, delimiter

    def encode(self, y: Any) -> np.ndarray:
        """The matrix of the labels that differ, shape (n_samples, n_labels)."""
        self.encoder_ = MultiLabelBinarizer(classes=self.names).fit([])
        codes = matrix(y, self.names, self.values, self.delimiter)
        self.constant_ = np.where(codes.min(axis=0) == codes.max(axis=0), codes[0], -1)
        if (self.constant_ >= 0).all():
            raise ValueError("no label differs in these rows: there is nothing to learn")
        return codes[:, self.constant_ < 0]

    @property
    def classes_(self) -> list[np.ndarray]:
        """0 and 1 for each label, as scikit-learn has it."""
        return [np.array([0, 1])] * len(self.names)

    def predict(self, X: Any) -> np.ndarray:
        """Sets, shape (n_samples,), or the values of the columns, shape (n_samples, n_labels)."""
        codes = np.asarray(self.estimator_.predict(X)).reshape(len(X) if hasattr(X, "__len__") else X.shape[0], -1)
        return raw(self._all(codes).astype(int), self.names, self.values, self.delimiter)

    @available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), "predict_proba"))
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each label, shape (n_samples, n_labels)."""
        return self._all(shares(self.estimator_.predict_proba(X)))

    def predict_both(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """What `predict` and `predict_proba` give."""
        return self.predict(X), self.predict_proba(X)

    def _all(self, values: np.ndarray) -> np.ndarray:
        """The values of the labels that were learned, beside those of the others."""
        found = np.tile(np.maximum(self.constant_, 0).astype(values.dtype), (len(values), 1))
        found[:, self.constant_ < 0] = values
        return found


class EnsembleOfLabels(ClassifierMixin, Ensemble):
    """An ensemble of classifiers of several labels; their thresholds are part of its `combine`."""

    task: Multilabel

    @property
    def classes_(self) -> list[np.ndarray]:
        """0 and 1 for each label, as scikit-learn has it."""
        return [np.array([0, 1])] * len(self.task.names)

    def predict(self, X: Any) -> np.ndarray:
        """Raw targets, as each member gives them."""
        return self.task.decoded(np.asarray(self.combine.predict(self.outputs(X))).astype(int))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each label, shape (rows, labels)."""
        return np.asarray(self.combine.predict_proba(self.outputs(X)))

    def predict_both(self, X: Any) -> tuple[np.ndarray, np.ndarray]:
        """What `predict` and `predict_proba` give, for which the members are asked once."""
        outputs = self.outputs(X)
        codes = np.asarray(self.combine.predict(outputs)).astype(int)
        return self.task.decoded(codes), np.asarray(self.combine.predict_proba(outputs))


class WeightedLabels(ClassifierMixin, BaseEstimator):
    """The weighted mean of members' probabilities of labels, as a classifier of their outputs side by side.

    Parameters
    ----------
    weights : one for each member, of sum 1.
    labels : how many labels there are.
    """

    def __init__(self, weights: list[float], labels: int) -> None:
        self.weights, self.labels = weights, labels

    def fit(self, X: np.ndarray, y: np.ndarray) -> "WeightedLabels":
        """There is nothing to learn."""
        self.classes_ = np.arange(self.labels)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of shape (rows, labels)."""
        apart = np.asarray(X).reshape(len(X), len(self.weights), self.labels)
        return np.einsum("rml,m->rl", apart, np.asarray(self.weights))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The labels that are likelier than not, 0 and 1 of shape (rows, labels)."""
        return (self.predict_proba(X) >= 0.5).astype(int)


class LabelThresholds(MetaEstimatorMixin, ClassifierMixin, BaseEstimator):
    """A threshold for each label: the probability from which on a row is said to have it.

    Parameters
    ----------
    estimator : the classifier, of outputs side by side; the stage `train` gives it.
    scoring : what is best for each label: a scorer of scikit-learn's for two classes that judges decisions.
    """

    def __init__(self, estimator: Any, scoring: str = "f1") -> None:
        self.estimator, self.scoring = estimator, scoring

    def fit(self, X: np.ndarray, y: np.ndarray) -> "LabelThresholds":
        """Take for each label the threshold that is best on these rows."""
        scorer = get_scorer(self.scoring)
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = np.arange(y.shape[1])
        probabilities, found = self.predict_proba(X), []
        for y_true, share in zip(y.T, probabilities.T, strict=True):
            candidates = np.unique(np.append(np.quantile(share, np.linspace(0.01, 0.99, 99)), 0.5))
            scores = [scorer._sign * scorer._score_func(y_true, share >= one, **scorer._kwargs) for one in candidates]
            best = candidates[np.isclose(scores, max(scores))]
            found.append(best[np.argmin(np.abs(best - 0.5))])  # of equals the one nearest to what it was
        self.best_thresholds_ = np.asarray(found)
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Probabilities of shape (rows, labels), as they were."""
        return np.asarray(self.estimator_.predict_proba(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The labels whose probability reaches their threshold, 0 and 1 of shape (rows, labels)."""
        return (self.predict_proba(X) >= self.best_thresholds_).astype(int)


def matrix(target: Any, names: list[str], values: list[list[Any]] | None, delimiter: str) -> np.ndarray:
    """Raw targets as 0 and 1, shape (rows, labels); labels that are not among the names are left out."""
    cells = np.asarray(target)
    if values is not None:
        columns = [np.equal(cells[:, position], pair[1]) for position, pair in enumerate(values)]
        return np.column_stack(columns).astype(int)
    place = {name: position for position, name in enumerate(names)}
    found = np.zeros((len(cells), len(names)), dtype=int)
    for row, cell in enumerate(cells):
        for label in _split(cell, delimiter):
            if label in place:
                found[row, place[label]] = 1
    return found


def raw(codes: np.ndarray, names: list[str], values: list[list[Any]] | None, delimiter: str) -> np.ndarray:
    """Raw targets of 0 and 1, as `matrix` takes them."""
    if values is not None:
        found = np.empty(codes.shape, dtype=object)
        for position, pair in enumerate(values):
            found[:, position] = [pair[one] for one in codes[:, position]]
        return found
    sets = [delimiter.join(name for name, has in zip(names, row, strict=True) if has) for row in codes]
    return np.asarray(sets, dtype=object)


def shares(outputs: Any) -> np.ndarray:
    """Probabilities of the labels, (rows, labels), of what scikit-learn's several kinds of classifiers give."""
    if isinstance(outputs, list):
        return np.column_stack([np.asarray(one)[:, -1] for one in outputs])
    found = np.asarray(outputs)
    if found.ndim == 3:  # (labels, rows, classes)
        return np.asarray(found[:, :, -1].T)
    return found


def _split(cell: Any, delimiter: str) -> set[str]:
    """The labels of one cell; a missing cell has none."""
    return {part.strip() for part in cell.split(delimiter)} - {""} if isinstance(cell, str) else set()


def _takes_labels(estimator: Any) -> bool:
    if isinstance(estimator, ClassifierChain | MultiOutputClassifier):
        return True
    return isinstance(estimator, BaseEstimator) and bool(get_tags(estimator).classifier_tags.multi_label)
