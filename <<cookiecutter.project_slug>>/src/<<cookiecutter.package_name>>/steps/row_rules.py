"""Row rules: which rows of a table a task learns from, which it can be asked about, and how they may be split."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..schema import Schema

Targets = pd.Series | pd.DataFrame  # one column, or those of a list


class RowRules:
    """What a task asks of the rows of a table; the defaults are for rows that have nothing to do with each other.

    Attributes
    ----------
    keys : roles whose columns the model is given beside features and a date with the role `time`.
    tells : what `known` gives.
    independent : whether the prediction of a row depends on that row alone; others are never predicted in parts, or
        together with another request.
    weighted : whether rows can have weights.
    """

    keys: tuple[str, ...] = ()
    tells: tuple[str, ...] = ("X", "X_train", "y_train")
    independent: bool = True
    weighted: bool = False

    def typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rows after their columns have been typed, in training and in prediction alike; their index stays."""
        return frame

    def example(self, rows: list[dict[str, Any]], raw: pd.DataFrame) -> list[dict[str, Any]]:
        """Rows that can be predicted, as they would stand in the table, of some of the table as it was read."""
        return rows

    def rows(self, frame: pd.DataFrame, schema: Schema, positive: Any = None) -> pd.DataFrame:
        """The rows that can be learned from, with their targets in their final form.

        `schema.labels` is set here, and what is worth telling is added to `schema.notes`.

        Parameters
        ----------
        frame : the typed table with its target, if it has one.
        positive : of two classes the positive one, as in `params/data.yaml`.

        Raises
        ------
        UserError
            If the targets are not what the task needs.
        """
        return frame

    def hints(self, frame: pd.DataFrame, schema: Schema) -> list[str]:
        """Notes on what looks wrong in a table."""
        return []

    def stratified_by(self, target: Any) -> Any:
        """What splitters get as `y`, of which they may keep the shares."""
        return target

    def splitter(self, splitter: Any) -> Any:
        """Return a splitter of `params/split.yaml` with what it leaves to the task filled in."""
        return splitter

    def check_split(self, target: Any, train: np.ndarray, held_out: np.ndarray, folds: Sequence[Any], by: Any) -> None:
        """See that there is enough to learn from.

        Parameters
        ----------
        target : of all rows.
        train, held_out : positions of rows.
        folds : pairs of positions among `train`.
        by : the two splitters.

        Raises
        ------
        UserError
            If there is not.
        """

    def see(self, features: pd.DataFrame, target: Targets) -> None:
        """Take note of the rows that the final model learns from."""

    def difficulty(
        self, features: pd.DataFrame, learned: pd.DataFrame | None = None, target: Targets | None = None
    ) -> dict[str, np.ndarray]:
        """Return what is known beforehand of the size of rows' errors, for the intervals around the final model.

        Parameters
        ----------
        learned, target : DataFrame and Series, optional
            The rows that a model learned from; those that `see` was given if None.

        Returns
        -------
        dict of arrays of shape (rows,)
            Any of `strata`, integers in the order of the errors, and `scale`, the expected size of each error up to a
            common factor.
        """
        return {}

    def askable(self, features: pd.DataFrame) -> pd.DataFrame:
        """Rows that a fitted model can be asked about, made of those that it learned from."""
        return features

    def unanswerable(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Rows that a fitted model has no answer to: the column that is the reason, why, and their positions."""
        return []

    def doubtful(self, model: Any, features: pd.DataFrame) -> list[tuple[str, str, np.ndarray]]:
        """Return the rows whose predictions deserve a warning: the column that is the reason, why, and positions."""
        return []

    def known(self, features: Any, learned: Any, target: Any) -> dict[str, Any]:
        """What a metric may ask for beside `y_true` and predictions, by the names of its parameters.

        Parameters
        ----------
        features : the rows that are scored.
        learned, target : the rows that the model learned from.
        """
        return {"X": features, "X_train": learned, "y_train": target}
