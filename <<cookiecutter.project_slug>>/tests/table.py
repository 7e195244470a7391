"""A small table of the project's task, with all that makes real tables ugly."""

from typing import Any

import numpy as np
import pandas as pd

TARGET: str | list[str] = "outcome"
COLUMNS: dict[str, Any] = {"note": {"dtype": "text"}}  # what `columns` of params/data.yaml would say of them


def table(task: str) -> pd.DataFrame:
    """120 rows: numbers with gaps, categories, a date, a text, and a target that follows from them.

    Parameters
    ----------
    task : the name of the task's class.

    Raises
    ------
    LookupError
        If it is another task than those that all projects know.
    """
    if task not in ("Classification", "Regression"):
        raise LookupError(f"the task {task} needs a table of its own: tests/own_table.py with TARGET, COLUMNS, table")
    random = np.random.default_rng(0)
    rows = 120
    size = random.normal(50, 10, rows)
    kind = random.choice(["a", "b", "NO"], rows)
    signal = size / 10 + 2 * (kind == "b") + random.normal(0, 0.5, rows)
    words = np.array(["red apple", "green pear", "blue plum", "old stone", "new brick"])
    notes = [" ".join(random.choice(words, 3)) for _ in range(rows)]
    made = pd.DataFrame(
        {
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
            "count": random.integers(0, 5, rows),
            "kind": pd.Series(kind).where(random.random(rows) > 0.1),
            "day": pd.date_range("2024-01-01", periods=rows).strftime("%d/%m/%Y"),
            "note": notes,
            "outcome": signal,
        }
    )
    if task == "Classification":
        made["outcome"] = np.where(signal > np.median(signal), "yes", "no")
    return made
