"""The prediction pipeline: raw rows in, predictions out, by the code that training used.

pipeline = PredictionPipeline.load("models/package")
pipeline.predict(pd.read_csv("new.csv"))
pipeline.with_featurize(lambda frame: frame.assign(area=frame["length"] * frame["width"]))
"""

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..components.validation import Checked, Validation
from ..errors import UserError
from ..objects.allowed import imported
from ..objects.params.package import read_validation
from ..objects.params.packages import read_grammar
from ..schema import Schema, dtype_of
from ..steps.apart import apart, steps_of
from ..steps.cleaning import clean_rows
from ..steps.featurize import featurize
from ..steps.predict import Featurize, features, predict
from ..steps.preprocess import preprocess
from ..steps.task import task_of
from .addresses import opened
from .artifact import load, load_transformers
from .described import read_example
from .manifest import version_of
from .trust import read_trusted

Preprocess = Callable[[pd.DataFrame, Schema], pd.DataFrame]
MODEL = "models/package"
MOST_TOLD = 3
MOST_TRIED = 100
TIMES = 1e6  # how many times larger than all numbers of training a number is that a model may fail with
FAR = "is too far from the numbers of training: the model cannot compute with it"
ENDLESS = "it is not finite, because the row is too far from those of training"


@dataclass(frozen=True)
class Predictions:
    """Predictions with the index of the rows, empty where a row was refused, and what was found in the rows."""

    table: pd.DataFrame
    checked: Checked


@dataclass(frozen=True)
class PredictionPipeline:
    """What happens to new rows, step by step: they are cleaned, typed and checked, featurized, and predicted.

    Parameters
    ----------
    schema : of the rows that the model learned from.
    model : a fitted estimator; None for a pipeline that prepares rows and predicts nothing.
    validation : what is done with rows that are not like those of training.
    preprocess, featurize : the steps, the project's own unless others are given.
    example : some rows as they were read, with which changed steps are tried at once.
    transformers : of each fitted estimator of the model the fitted steps before it.
    version : of the model, for logs and metrics.
    """

    schema: Schema
    model: Any = None
    validation: Any = field(default_factory=Validation)
    preprocess: Preprocess = preprocess
    featurize: Featurize = featurize
    example: pd.DataFrame | None = None
    transformers: Sequence[Sequence[tuple[str, Any]]] = ()
    version: str = ""

    @classmethod
    def load(
        cls, uri: str | Path = MODEL, params: str | Path = "params", partial: bool = False
    ) -> "PredictionPipeline":
        """The pipeline of a saved model, with the policies of `params/predict.yaml`.

        Only classes that can be part of a model of these params are loaded. A model that DVC has pulled has to be the
        one that `dvc.lock` names.

        Parameters
        ----------
        uri : a model's folder, or an address that a part of this project opens.
        params : the project's params.
        partial : load the fitted transformers without the estimators; such a pipeline prepares and transforms rows.

        Raises
        ------
        UserError
            If the model is incomplete, damaged or not to be trusted, or the params are wrong.
        """
        params = Path(params)
        grammar = read_grammar(params)
        trusted = read_trusted(params, grammar)
        with opened(uri, params) as folder:
            if partial:
                model, (transformers, schema) = None, load_transformers(folder, trusted.named)
            else:
                model, schema = load(folder, trusted.named)
                transformers = steps_of(apart(model)["transformers"])
            example = pd.DataFrame(read_example(folder))
            version = version_of(folder)
        if not _is_same_task(schema.task, trusted.task):
            raise UserError(f"{uri} is a model for another task than that of params/data.yaml: {schema.task}")
        try:
            task_of(schema)
        except (TypeError, ValueError) as error:
            raise UserError(f"{uri} is damaged: the task of its schema.json cannot be made: {error}") from None
        shown = example if len(example) else None
        validation = read_validation(params, grammar)
        return cls(schema, model, validation, example=shown, transformers=transformers, version=version)

    def check(self, frame: pd.DataFrame) -> Checked:
        """Rows as they were read, typed, and what is wrong with them.

        Raises
        ------
        UserError
            If the table as a whole is refused.
        """
        return self._checked(clean_rows(frame, self.schema))

    def _checked(self, cleaned: pd.DataFrame) -> Checked:
        checked: Checked = self.validation.check(cleaned, self.schema, self.preprocess)
        return checked

    def prepare(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The model's features of rows as they were read, checked by nothing but the schema."""
        return features(self.preprocess(clean_rows(frame, self.schema), self.schema), self.schema, self.featurize)

    def transform(self, frame: pd.DataFrame, member: int = 0) -> Any:
        """What the fitted transformers before one of the model's estimators make of rows as they were read.

        Returns
        -------
        An array of shape (rows, columns), dense or sparse, or a table where nothing stands before the estimator.

        Raises
        ------
        UserError
            If the model has no such estimator.
        """
        if not -len(self.transformers) <= member < len(self.transformers):
            raise UserError(f"there is no estimator {member}: the model has {len(self.transformers)}, from 0")
        rows: Any = self.prepare(frame)
        for _, step in self.transformers[member]:
            rows = step.transform(rows) if hasattr(step, "transform") else rows  # samplers have a part in fitting alone
        return rows

    def run(self, frame: pd.DataFrame) -> Predictions:
        """Predict the rows that are not refused.

        Raises
        ------
        UserError
            If there is no model, or the table as a whole is refused.
        """
        if self.model is None:
            raise UserError("this pipeline has no model: it prepares rows only")
        frame = clean_rows(frame, self.schema)
        checked = self._checked(frame)
        asked, task = self._asked(checked, frame), task_of(self.schema)
        lost = [] if checked.refused.all() else task.unanswerable(self.model, asked)
        if lost:
            checked = checked.without(lost)
            asked = self._asked(checked, frame)
        if not checked.refused.all():
            checked = checked.with_warnings(task.doubtful(self.model, asked))
        try:
            table = predict(self.model, asked, self.schema)
        except Exception:
            failing = self._failing(asked, checked)
            if not failing:
                raise
            checked = checked.without(failing)
            table = predict(self.model, self._asked(checked, frame), self.schema)
        if checked.refused.all():
            table = table.iloc[:0]
        finite = _finite(table)
        if not finite.all():
            checked = checked.without([("prediction", ENDLESS, np.flatnonzero(~finite))])
            table = table[finite]
        if checked.refused.any():
            whole = table.select_dtypes("integer").columns
            table = table.astype(dict.fromkeys(whole, "Int64"))
            table = table.reindex(frame.index)
        return Predictions(table, checked)

    def _failing(self, asked: pd.DataFrame, checked: Checked) -> list[tuple[str, str, np.ndarray]]:
        """Return the rows whose numbers are so far from those of training that the model fails with them.

        They are tried together, and in halves where they fail, so that a few that fail among many cost little.
        """
        far, columns = _far(checked.frame[~checked.refused], self.schema)
        failing, tried, waiting = far.copy(), 0, [np.flatnonzero(far)]
        while waiting and tried < MOST_TRIED:
            rows, tried = waiting.pop(), tried + 1
            try:
                if len(rows):
                    predict(self.model, asked.iloc[rows], self.schema)
            except Exception:
                waiting += np.array_split(rows, 2) if len(rows) > 1 else []
            else:
                failing[rows] = False
        names = sorted(set(columns[failing]))
        return [(name, FAR, np.flatnonzero(failing & (columns == name))) for name in names]

    def _asked(self, checked: Checked, frame: pd.DataFrame) -> pd.DataFrame:
        """The features of the rows that are not refused."""
        good = checked.frame[~checked.refused] if checked.refused.any() else checked.frame
        # A model may not take no rows at all: one is made up, and its prediction is thrown away.
        asked = good if len(good) else self.preprocess(frame.iloc[:0].reindex([0]), self.schema)
        return features(asked, self.schema, self.featurize)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions with the index of `frame`; what the policies warn of becomes a Python warning.

        Raises
        ------
        UserError
            If there is no model, the table is refused, or a row is and `bad_rows` is "refuse".
        """
        found = self.run(frame)
        refused = found.checked.problems()
        if refused and self.validation.bad_rows == "refuse":
            raise UserError(refusal_message(refused))
        for one in found.checked.findings:
            if one.policy == "warn":
                where = (
                    f"row {one.rows[0] + 1}: {one.of(one.rows[0])} ({len(one.rows)} in all)" if len(one.rows) else ""
                )
                warnings.warn(f"{one.column}: {where or one.reason}", stacklevel=2)
        return found.table

    def with_featurize(self, function: Featurize) -> "PredictionPipeline":
        """The same pipeline with another `featurize`, the model not trained again.

        Raises
        ------
        UserError
            If what it makes of the example are not the features that the model learned from.
        """
        return self._with(featurize=function)

    def with_preprocess(self, function: Preprocess) -> "PredictionPipeline":
        """The same pipeline with another `preprocess`; see `with_featurize`."""
        return self._with(preprocess=function)

    def _with(self, **steps: Any) -> "PredictionPipeline":
        changed = replace(self, **steps)
        if self.example is None:
            return changed
        made = changed.prepare(self.example)
        for name, dtype in self.schema.features.items():
            found = dtype_of(made[name])
            if found != ("category" if dtype == "text" else dtype):
                raise UserError(f"{name!r} is a {dtype} to the model, and is made a {found} here")
        return changed


def _far(frame: pd.DataFrame, schema: Schema) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows hold a number far from those of training, and of each row the column that is farthest."""
    largest = {
        column.name: max(abs(column.min), abs(column.max or 0.0), 1e-9)
        for column in schema.needed
        if column.dtype == "number" and column.min is not None
    }
    if not largest:
        return np.zeros(len(frame), dtype=bool), np.full(len(frame), "", dtype=object)
    with np.errstate(over="ignore"):
        times = np.nan_to_num(np.abs(frame[list(largest)].to_numpy(dtype=float)) / np.array(list(largest.values())))
    return times.max(axis=1) > TIMES, np.array(list(largest), dtype=object)[times.argmax(axis=1)]


def _is_same_task(stored: dict[str, Any], written: dict[str, Any]) -> bool:
    """Return whether a stored task is that of the params, which may leave what is inferred from the table unsaid."""
    if stored["class"] != written["class"]:
        return False
    ours, theirs = (task.get("params", {}) for task in (written, stored))
    left = {name for name in imported(written["class"]).inferred if ours.get(name) is None}
    one, other = (
        json.dumps({name: value for name, value in params.items() if name not in left}, sort_keys=True)
        for params in (ours, theirs)
    )
    return one == other


def _finite(table: pd.DataFrame) -> np.ndarray:
    """Which rows hold no infinite and no missing number."""
    numbers = [np.isfinite(values.to_numpy()) for _, values in table.items() if values.dtype.kind == "f"]
    return np.all(numbers, axis=0) if numbers else np.ones(len(table), dtype=bool)


def refusal_message(refused: list[tuple[int, str, str]]) -> str:
    """Return a sentence on refused rows, which count from 1 in it."""
    shown = "; ".join(f"row {row + 1}: {column}: {reason}" for row, column, reason in refused[:MOST_TOLD])
    rows = len({row for row, _, _ in refused})
    return (
        f"{rows} row{'s are' if rows > 1 else ' is'} refused: {shown}{'; …' if len(refused) > MOST_TOLD else ''} "
        "(`bad_rows: skip` in params/predict.yaml predicts the others)"
    )
