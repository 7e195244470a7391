"""Cleanings: what is done to the table as it was read, before the types of its columns are inferred.

`clean` in `params/data.yaml` names them. Each has `clean(frame, training)`. In training the table has its target, and
rows may be dropped. In prediction, in the service too, it has the same columns but no target, missing cells for columns
that were not given, and every row has to stay. A cell can be text, a number or missing, whatever its column holds
elsewhere. Columns stay as they are: `steps/featurize.py` adds some, and `role: ignore` leaves one out. The example rows
of a model are cleaned already, so cleaning what is clean must change nothing.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd


class DropRows:
    """Leave out the training rows that hold certain values in a column, such as tests or totals.

    Parameters
    ----------
    column : the column.
    values : the values, which are compared as text.
    """

    kind = "cleaning"

    def __init__(self, column: str, values: Sequence[Any]) -> None:
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(f"values is a list of values of the column, not {values!r}")
        self.column, self.values = column, values

    def clean(self, frame: pd.DataFrame, training: bool) -> pd.DataFrame:
        """Return the other rows."""
        if not training:
            return frame
        if self.column not in frame:
            raise ValueError(f"the table has no column {self.column!r}")
        return frame[~frame[self.column].astype(str).isin(map(str, self.values))]
