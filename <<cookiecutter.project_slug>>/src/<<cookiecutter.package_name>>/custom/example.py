"""An example of your own transformer, metric and chart; remove the comment signs, rename things, and change them.

`params/preprocess/*.yaml` can then name `{class: LogColumns}`, `params/search.yaml` and `params/evaluate.yaml` the
metric `within_ten_percent_score`. Modules here may hold anything else that the params can name, too: a classifier or
regressor, a splitter, a cleaning, an ensemble. `make list KIND=ensemble` shows examples of each kind; their code is in
`components/`. A class that is neither scikit-learn's nor Optuna's kind of thing says what it is: `kind = "ensemble"`.
"""

# from typing import Any
#
# import numpy as np
# from sklearn.base import BaseEstimator, TransformerMixin
#
#
# class LogColumns(TransformerMixin, BaseEstimator):
#     """Replace each number by its logarithm."""
#
#     def __init__(self, offset: float = 1.0) -> None:
#         self.offset = offset
#
#     def fit(self, X: Any, y: Any = None) -> "LogColumns":
#         """Learn nothing but the names of the columns."""
#         self.feature_names_in_ = np.asarray(X.columns, dtype=object)
#         self.n_features_in_ = X.shape[1]
#         return self
#
#     def transform(self, X: Any) -> Any:
#         """Return the logarithms; values at or below `-offset` become missing."""
#         values = np.asarray(X, dtype=float) + self.offset
#         return np.log(np.where(values > 0, values, np.nan))
#
#     def get_feature_names_out(self, input_features: Any = None) -> Any:
#         """Return the names of the columns."""
#         return self.feature_names_in_
#
#
# def within_ten_percent_score(y_true: Any, y_pred: Any) -> float:
#     """Return the share of predictions that are within ten percent of the truth; more is better."""
#     y_true, y_pred = np.asarray(y_true, dtype=float), np.asarray(y_pred, dtype=float)
#     return float(np.mean(np.abs(y_pred - y_true) <= 0.1 * np.abs(y_true)))
