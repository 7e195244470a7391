"""Tasks: what is to be predicted. `params/data.yaml` names one; `steps/task.py` says what a task has to do."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.multioutput import MultiOutputRegressor

from ..errors import UserError
from ..objects.metrics import Outputs
from ..schema import Schema
from ..steps.codec import TargetCodec
from ..steps.ensemble import EnsembleClassifier, EnsembleRegressor, WeightedMean, WeightedProbabilities
from ..steps.fit import LabelEncoded, takes_several_targets
from ..steps.outputs import class_outputs, class_probabilities
from ..steps.preprocess import label_rows, labels, many_numbers, number_rows, rows_with_target
from ..steps.task import Task


class ClassCodec(TargetCodec):
    """Classes as codes, in the order of the labels, with a probability for each."""

    def toys(self) -> list[tuple[np.ndarray, Outputs]]:
        """Two, three and four classes, right in most rows."""
        toys = []
        for k in (2, 3, 4):
            y_true = np.arange(24) % k
            shares = np.full((24, k), 0.1)
            shares[np.arange(24), np.where(np.arange(24) % 5, y_true, 0)] = 1.1 - 0.1 * k
            toys.append((y_true, Outputs(shares.argmax(axis=1), shares, classes=np.arange(k))))
        return toys

    def encode(self, target: Any) -> np.ndarray:
        """Return class codes, shape (rows,)."""
        return np.asarray(target.map({label: code for code, label in enumerate(self.labels_)}), dtype=int)

    def outputs(self, model: Any, features: Any) -> Outputs:
        """Labels as codes, with probabilities or decision values; a class that the model has not seen gets 0."""
        return class_outputs(model, features, self.labels_)

    def to_scores(self, outputs: Outputs) -> np.ndarray:
        """Return probabilities, or what comes closest to them, shape (rows, classes)."""
        return class_probabilities(outputs, len(self.labels_))

    def from_scores(self, values: np.ndarray) -> Outputs:
        """Decide for the most probable class; a 1-D array holds class codes."""
        classes = np.arange(len(self.labels_))
        if values.ndim == 1:
            return Outputs(values.astype(int), classes=classes)
        return Outputs(np.argmax(values, axis=1), values, classes=classes)

    def restored(self, values: np.ndarray) -> np.ndarray:
        """Probabilities of sum 1 again."""
        exact = values.astype(float)
        return np.asarray(exact / exact.sum(axis=-1, keepdims=True))

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """The column `prediction` and, from a model that knows them, `probability_<class>` for each class."""
        if not hasattr(model, "predict_proba"):
            return super().predict(model, features)
        predicted, probabilities = model.predict_both(features)
        columns = {f"probability_{label}": np.zeros(len(features)) for label in self.labels_}
        for column, label in enumerate(model.classes_.tolist()):
            columns[f"probability_{label}"] = probabilities[:, column]  # a class that a model has not seen keeps 0
        return pd.DataFrame({"prediction": predicted} | columns, index=features.index)

    def answers(self, model: Any) -> dict[str, Any]:
        """A class, and a share for each class where the model knows them."""
        share = {"type": "number", "minimum": 0, "maximum": 1}
        known = self.labels_ if hasattr(model, "predict_proba") else []
        return {"prediction": {"enum": self.labels_}} | {f"probability_{label}": share for label in known}


class Classification(ClassCodec, Task):
    """One of two or more classes; raw labels go in and come out."""

    models: tuple[str, ...] = ("classifier",)
    takes: tuple[str, ...] = ("final_estimator", "calibration", "threshold")
    weighted = True

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """The rows that have a label, and the classes."""
        kept = label_rows(rows_with_target(frame, schema), schema)
        schema.labels = labels(kept[str(schema.target)], positive)
        return kept

    def hints(self, frame: pd.DataFrame, schema: Schema) -> list[str]:
        """Warn of a target that looks like a number."""
        for note in many_numbers(frame, schema):
            schema.warn(note)
        return []

    def check_split(self, target: Any, train: np.ndarray, held_out: np.ndarray, folds: Sequence[Any], by: Any) -> None:
        """No class may be in the held-out rows alone, and each fold needs two of them to learn from."""
        unseen = sorted(set(target.iloc[held_out].unique()) - set(target.iloc[train].unique()), key=str)
        if unseen:
            raise UserError(
                f"{type(by[0]).__name__} leaves the class {str(unseen[0])!r} in the held-out rows alone, so no model "
                "can learn it; StratifiedHoldout keeps some of each class, or leave those rows out of the data",
                "split.yaml",
                "holdout",
            )
        if len(held_out) and target.iloc[held_out].nunique() < 2:
            raise UserError(
                f"{type(by[0]).__name__} holds out rows of the class {str(target.iloc[held_out[0]])!r} alone, by which "
                "no model can be judged; rows may be sorted by the target, and StratifiedHoldout keeps some of each "
                "class",
                "split.yaml",
                "holdout",
            )
        for number, (rows, _) in enumerate(folds, 1):
            if target.iloc[train[rows]].nunique() < 2:
                raise UserError(
                    f"fold {number} of {type(by[1]).__name__} leaves one class to learn from; "
                    "use fewer folds or a stratified splitter",
                    "split.yaml",
                    "cv",
                )
        if folds:
            scored = set(target.iloc[train[np.concatenate([others for _, others in folds])]].unique())
            absent = sorted(set(target.iloc[train].unique()) - scored, key=str)
            if absent:
                raise UserError(
                    f"no fold of {type(by[1]).__name__} holds a row of the class {str(absent[0])!r} to judge by; use "
                    "StratifiedKFold, or leave out the rows of that class",
                    "split.yaml",
                    "cv",
                )

    def wrap(self, pipeline: Any) -> Any:
        """With a label encoder."""
        return LabelEncoded(pipeline)

    def dummy(self) -> Any:
        """The shares of the classes."""
        return DummyClassifier(strategy="prior")

    def mean(self, weights: Sequence[float], k: int) -> Any:
        """The weighted mean of probabilities."""
        return WeightedProbabilities(list(weights), k).fit(np.empty((0, 0)), np.empty(0))

    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """One classifier."""
        return EnsembleClassifier(names, members, combine, self)


class NumberCodec(TargetCodec):
    """Numbers as they are, of one target or of several."""

    def toys(self) -> list[tuple[np.ndarray, Outputs]]:
        """Numbers above 0, of one target and of two."""
        y = np.linspace(1, 2, 24)
        return [(y_true, Outputs(y_true[::-1])) for y_true in (y, np.stack([y, y**2], axis=1))]

    def encode(self, target: Any) -> np.ndarray:
        """Return floats, shape (rows,) or (rows, targets)."""
        return np.asarray(target, dtype=float)

    def outputs(self, model: Any, features: Any) -> Outputs:
        """Numbers."""
        y_pred = np.asarray(model.predict(features), dtype=float)
        return Outputs(y_pred if isinstance(self.target_, list) else y_pred.ravel())

    def to_scores(self, outputs: Outputs) -> np.ndarray:
        """Return the numbers, shape (rows, targets)."""
        return outputs.predicted.reshape(len(outputs.predicted), -1)

    def from_scores(self, values: np.ndarray) -> Outputs:
        """The numbers again."""
        return Outputs(values if isinstance(self.target_, list) else values.ravel())

    def predict(self, model: Any, features: pd.DataFrame) -> pd.DataFrame:
        """The column `prediction`, or `prediction_<target>` of each; with intervals `lower_80`, `upper_80`, …"""
        if isinstance(self.target_, list):
            names = [f"prediction_{name}" for name in self.target_]
            return pd.DataFrame(np.asarray(model.predict(features)), columns=names, index=features.index)
        if not hasattr(model, "predict_interval"):
            return super().predict(model, features)
        predicted, bounds = model.predict_both(features)
        table = pd.DataFrame(bounds, columns=bound_names(model.combine.coverage), index=features.index)
        table.insert(0, "prediction", predicted)
        return table

    def answers(self, model: Any) -> dict[str, Any]:
        """Numbers."""
        names = ["prediction"]
        if isinstance(self.target_, list):
            names = [f"prediction_{name}" for name in self.target_]
        elif hasattr(model, "predict_interval"):
            names += bound_names(model.combine.coverage)
        return {name: {"type": "number"} for name in names}


class Regression(NumberCodec, Task):
    """A number, or several numbers where the params name several targets."""

    models: tuple[str, ...] = ("regressor",)
    takes: tuple[str, ...] = ("final_estimator", "intervals")
    weighted = True
    targets: tuple[int, int | None] = (1, None)

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """The rows that have all the numbers."""
        return number_rows(rows_with_target(frame, schema), schema)

    def adapt(self, estimator: Any) -> Any:
        """One that takes one target is fitted to each of several."""
        several = isinstance(self.target_, list) and not takes_several_targets(estimator)
        return MultiOutputRegressor(estimator) if several else estimator

    def dummy(self) -> Any:
        """The mean."""
        return DummyRegressor()

    def mean(self, weights: Sequence[float], k: int) -> Any:
        """The weighted mean."""
        return WeightedMean(list(weights))

    def ensemble(self, names: list[str], members: list[Any], combine: Any) -> Any:
        """One regressor."""
        return EnsembleRegressor(names, members, combine, self)


def bound_names(coverage: Sequence[float]) -> list[str]:
    """The names of an interval's bounds: `lower_80`, `upper_80` of 0.8."""
    return [f"{bound}_{round(100 * one, 1):g}" for one in coverage for bound in ("lower", "upper")]
