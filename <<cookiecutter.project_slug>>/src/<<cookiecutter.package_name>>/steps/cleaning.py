"""Cleaning: the owner's objects change the table as it was read, in training and in prediction alike."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import UserError
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.reader import Where
from ..schema import Schema
from .preprocess import called


class Uncleanable(UserError):
    """Rows to predict that a cleaning fails with; `name` is its class."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def clean_table(frame: pd.DataFrame, clean: Sequence[Any]) -> pd.DataFrame:
    """Return a table to learn from, cleaned; rows may be dropped, and the others keep their index.

    Parameters
    ----------
    frame : DataFrame
        The table as it was read, with its target.
    clean : sequence of dict
        The objects of `clean` in `params/data.yaml`, in plain values.

    Raises
    ------
    UserError
        If one of them fails, leaves no row, or changes the columns.
    """
    known = frame.index
    for name, clean_with in _built(clean):
        made = _called(name, clean_with, frame, True)
        if made.empty:
            raise UserError(f"{name} leaves no row", "data.yaml", "clean")
        frame = made[list(frame.columns)]
        if not (frame.index.is_unique and frame.index.isin(known).all()):
            frame = frame.reset_index(drop=True)  # rows of the cleaning's own making
    return frame


def clean_rows(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return rows to predict, cleaned as the table was that the model learned from.

    Parameters
    ----------
    frame : DataFrame
        Rows as they were read. A target is not shown to the cleanings, and neither is a column that training lacked.
    schema : Schema
        The model's schema, which holds its cleanings.

    Raises
    ------
    Uncleanable
        If a cleaning fails, drops or moves rows, or changes the columns.
    """
    if not schema.clean:
        return frame
    rows = frame.reindex(columns=[column.name for column in schema.columns])
    # Nothing says of an empty column what it holds: pandas takes it for one of numbers, to which text has no methods.
    rows = rows.astype({name: object for name, values in rows.items() if values.isna().all()})
    for name, clean_with in _built(schema.clean):
        try:
            made = _called(name, clean_with, rows, False)
        except UserError as error:
            raise Uncleanable(name, str(error)) from error
        if not made.index.equals(rows.index):
            raise Uncleanable(
                name,
                f"{name} drops or moves rows that are to be predicted, and each of them needs an answer: drop rows "
                "where `training` is true and nowhere else",
            )
        rows = made[list(rows.columns)]
    return frame.assign(**{str(name): values for name, values in rows.items() if name in frame})


def _built(clean: Sequence[Any]) -> list[tuple[str, Any]]:
    where = Where("params/data.yaml").at("clean")
    nodes = [Grammar().object(one, where.at(index), ["cleaning"]) for index, one in enumerate(clean)]
    return [(node.name, build(node).clean) for node in nodes]


def _called(name: str, clean: Any, frame: pd.DataFrame, training: bool) -> pd.DataFrame:
    made = called(clean, frame.copy(), training)
    if not isinstance(made, pd.DataFrame):
        raise UserError(f"{name} gives a {type(made).__name__}, and a table is needed", "data.yaml", "clean")
    changed = [str(one) for one in {*made.columns} ^ {*frame.columns}]
    if changed or len(made.columns) != len(frame.columns):
        raise UserError(
            f"{name} adds or drops a column ({', '.join(sorted(changed)) or 'twice'}): new columns are made in "
            "steps/featurize.py, and `role: ignore` leaves one out",
            "data.yaml",
            "clean",
        )
    return made
