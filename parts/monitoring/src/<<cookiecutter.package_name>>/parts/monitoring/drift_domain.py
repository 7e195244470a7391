"""Domain classifier: how well a model can tell the rows of a window from those of the reference, and by what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from .drift_columns import lengths
from .drift_params import Limits

MOST_ROWS, FEWEST_ROWS, TIMES = 2500, 1000, 2  # of the reference at most so many times the rows of the window
FOLDS = 5
LEVELS = 30  # categories that the classifier tells apart
MOST_NAMED, SMALLEST = 5, 0.005  # columns, and by how much the AUC falls at least without one
ASKED = 600  # rows on which columns are shuffled


@dataclass
class Domain:
    """What the domain classifier finds.

    Attributes
    ----------
    auc : its cross-validated area under the ROC curve: 0.5 if the tables cannot be told apart, 1 if they always can.
    threshold : the AUC that tables without drift exceed with the probability `alpha`.
    columns : by how much the AUC falls if a column is shuffled, the largest first.
    """

    auc: float
    threshold: float
    rows: int
    columns: dict[str, float] = field(default_factory=dict)
    alarm: bool = False


def tell_apart(
    reference: pd.DataFrame, window: pd.DataFrame, dtypes: Mapping[str, str], limits: Limits
) -> Domain | None:
    """Train a classifier to tell two tables apart, by cross-validation; None without columns to tell them by.

    Dates have no part in it, because those of new rows are always later.
    """
    names = [name for name, dtype in dtypes.items() if dtype != "datetime"]
    most = min(max(FEWEST_ROWS, TIMES * len(window)), MOST_ROWS)
    parts = [
        part if len(part) <= limit else part.sample(limit, random_state=0)
        for part, limit in ((reference, most), (window, MOST_ROWS))
    ]
    rows = pd.concat([part[names] for part in parts], ignore_index=True)
    if not names or min(map(len, parts)) < 2 * FOLDS:
        return None
    X = _encoded(rows, {name: dtypes[name] for name in names}, len(parts[0]))
    y = np.repeat([0, 1], [len(part) for part in parts])
    categorical = [dtypes[name] == "category" for name in names]
    aucs: list[float] = []
    importances: list[np.ndarray] = []
    for learn, judge in StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(X, y):
        model = _classifier(categorical).fit(X.iloc[learn], y[learn])
        aucs.append(roc_auc_score(y[judge], model.predict_proba(X.iloc[judge])[:, 1]))
        if len(importances) < 2:
            importances.append(_importances(model, X.iloc[judge], y[judge]))
    found = Domain(float(np.mean(aucs)), _threshold(len(parts[0]), len(parts[1]), limits.alpha), len(parts[1]))
    found.alarm = found.auc >= limits.auc and found.auc > found.threshold
    falls = pd.Series(np.mean(importances, axis=0), index=names).nlargest(MOST_NAMED)
    found.columns = {str(name): float(fall) for name, fall in falls.items() if float(fall) > SMALLEST}
    return found


def _classifier(categorical: list[bool]) -> Any:
    return HistGradientBoostingClassifier(
        max_iter=30,
        max_leaf_nodes=15,
        max_bins=64,
        early_stopping=False,
        categorical_features=categorical,
        random_state=0,
    )


def _encoded(rows: pd.DataFrame, dtypes: Mapping[str, str], known: int) -> pd.DataFrame:
    """Return the columns as numbers; categories as codes, those that the first `known` rows lack as one."""
    columns = {}
    for name, dtype in dtypes.items():
        values = rows[name]
        if dtype == "category":
            texts = values.map(str, na_action="ignore")
            codes = {level: code for code, level in enumerate(texts.iloc[:known].value_counts().head(LEVELS).index)}
            columns[name] = texts.map(lambda text, codes=codes: codes.get(text, LEVELS), na_action="ignore").astype(
                float
            )
        else:
            columns[name] = lengths(values) if dtype == "text" else values.astype(float)
    return pd.DataFrame(columns)


def _importances(model: Any, X: pd.DataFrame, y: np.ndarray) -> np.ndarray:
    chosen = np.random.default_rng(0).permutation(len(X))[:ASKED]
    if len(np.unique(y[chosen])) < 2:
        return np.zeros(X.shape[1])
    found = permutation_importance(model, X.iloc[chosen], y[chosen], scoring="roc_auc", n_repeats=2, random_state=0)
    return np.asarray(found.importances_mean)


def _threshold(reference: int, window: int, alpha: float) -> float:
    """Return the quantile of the AUC without drift, by the normal distribution of the statistic of Mann and Whitney.

    The folds share rows to learn from, so the AUC varies more than that; on real tables without drift by a quarter.
    """
    deviation = 1.25 * np.sqrt((reference + window + 1) / (12 * reference * window))
    return float(0.5 + stats.norm.isf(alpha) * deviation)
