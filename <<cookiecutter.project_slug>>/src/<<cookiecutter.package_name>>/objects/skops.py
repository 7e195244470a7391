"""skops as this project uses it: `io`, imported without its walk through scikit-learn.

skops imports every module of scikit-learn to list the classes that it would trust by itself, which takes longer than
loading a model. Here `allowed` and the params decide what a file may hold, class by class, so the list stays empty.
"""

import sklearn.utils

_walk, sklearn.utils.all_estimators = sklearn.utils.all_estimators, list
try:
    from skops import io
finally:
    sklearn.utils.all_estimators = _walk

__all__ = ["io"]
