"""The shared table of numbers: its days follow each other, so its numbers are a series with covariates."""

import pandas as pd
import table as shared

TARGET, COLUMNS = shared.TARGET, shared.COLUMNS


def table(task: str) -> pd.DataFrame:
    """Its rows."""
    return shared.table("Regression")
