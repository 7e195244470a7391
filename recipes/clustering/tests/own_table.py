"""A small table of three groups of rows, with all that makes real tables ugly and nothing to predict."""

from typing import Any

import numpy as np
import pandas as pd

TARGET: str | list[str] = []
COLUMNS: dict[str, Any] = {"note": {"dtype": "text"}}  # what `columns` of params/data.yaml would say of them


def table(task: str) -> pd.DataFrame:
    """120 rows: numbers with gaps, categories, a date and a text, all of which tell the groups apart.

    Parameters
    ----------
    task : the name of the task's class.
    """
    random = np.random.default_rng(0)
    rows = 120
    group = random.integers(0, 3, rows)
    words = np.array([["red apple", "green pear"], ["old stone", "new brick"], ["blue sea", "grey sky"]])
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(50 * group + random.integers(0, 9, rows), unit="D")
    size = 30 * group + random.normal(50, 3, rows)
    return pd.DataFrame(
        {
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
            "count": 2 * group + random.integers(0, 2, rows),
            "kind": pd.Series(np.array(["a", "b", "NO"])[group]).where(random.random(rows) > 0.1),
            "day": days.strftime("%d/%m/%Y"),
            "note": [" ".join(random.choice(words[one], 3)) for one in group],
        }
    )
