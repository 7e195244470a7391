"""Free text as numbers that an estimator can use."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix, hstack
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import Pipeline, make_pipeline


class _Words(TfidfVectorizer):
    """scikit-learn's, which is stored with its words as an array: of a mapping, skops writes some lines for each."""

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        if "vocabulary_" in state:
            state["vocabulary_"] = np.array(sorted(self.vocabulary_, key=self.vocabulary_.__getitem__))
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "vocabulary_" in state:
            state = state | {"vocabulary_": {word: place for place, word in enumerate(state["vocabulary_"].tolist())}}
        super().__setstate__(state)


class LatentSemanticAnalysis(TransformerMixin, BaseEstimator):
    """Latent semantic analysis of each text column: tf-idf of words, reduced by a truncated SVD.

    Parameters
    ----------
    n_components : the most numbers that one column becomes.
    min_df : in how many texts a word must stand to count.
    random_state : the seed of the SVD.

    References
    ----------
    Deerwester et al., Indexing by latent semantic analysis, JASIS 41 (6), 1990.
    """

    def __init__(self, n_components: int = 30, min_df: int = 2, random_state: int = 0) -> None:
        self.n_components, self.min_df, self.random_state = n_components, min_df, random_state

    def fit(self, X: pd.DataFrame, y: Any = None) -> "LatentSemanticAnalysis":
        """Learn the words of each column; a column without any is left out."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> np.ndarray:
        """What `fit` and then `transform` give, for which the texts are taken apart once."""
        frame = pd.DataFrame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        learned = [self._learn(_texts(frame[name])) for name in frame]
        self.pipelines_ = [pipeline for pipeline, _ in learned]
        return self._beside([topics for pipeline, topics in learned if pipeline is not None], len(frame))

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Floats of shape (n_samples, at most n_components a column); one column of zeros if no word counts."""
        frame = pd.DataFrame(X)
        parts = [
            pipeline.transform(_texts(frame[name]))
            for name, pipeline in zip(frame.columns, self.pipelines_, strict=True)
            if pipeline is not None
        ]
        return self._beside(parts, len(frame))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names such as `comment_0`."""
        names = [
            f"{name}_{number}"
            for name, pipeline in zip(self.feature_names_in_, self.pipelines_, strict=True)
            if pipeline is not None
            for number in range(pipeline[-1].n_components)
        ]
        return np.asarray(names or ["nothing"], dtype=object)

    def _learn(self, texts: list[str]) -> tuple[Pipeline | None, np.ndarray]:
        words = _Words(min_df=self.min_df, sublinear_tf=True, strip_accents="unicode")
        nothing = np.zeros((len(texts), 0))
        try:
            weights = words.fit_transform(texts)
        except ValueError:  # No word stands in enough texts.
            return None, nothing
        most = min(self.n_components, weights.shape[1] - 1, weights.shape[0] - 1)
        if most < 1:
            return None, nothing
        reduce = TruncatedSVD(most, random_state=self.random_state).fit(weights)
        return make_pipeline(words, reduce), reduce.transform(weights)

    @staticmethod
    def _beside(parts: list[np.ndarray], rows: int) -> np.ndarray:
        return np.hstack(parts) if parts else np.zeros((rows, 1))


class TfIdf(TransformerMixin, BaseEstimator):
    """Tf-idf weights of the words and pairs of words of each text column: a sparse matrix, for linear models.

    Parameters
    ----------
    max_features : the most columns that one text column becomes; the most frequent words stay.
    min_df : in how many texts a word must stand to count.
    """

    def __init__(self, max_features: int = 20000, min_df: int = 2) -> None:
        self.max_features, self.min_df = max_features, min_df

    def fit(self, X: pd.DataFrame, y: Any = None) -> "TfIdf":
        """Learn the words of each column; a column without any is left out."""
        self.fit_transform(X)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Any = None) -> csr_matrix:
        """What `fit` and then `transform` give, for which the texts are taken apart once."""
        frame = pd.DataFrame(X)
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = frame.shape[1]
        learned = [self._learn(_texts(frame[name])) for name in frame]
        self.vectorizers_ = [words for words, _ in learned]
        return self._beside([weights for words, weights in learned if words is not None], len(frame))

    def transform(self, X: pd.DataFrame) -> csr_matrix:
        """Weights of shape (n_samples, words); one column of zeros if no word counts."""
        frame = pd.DataFrame(X)
        parts = [
            words.transform(_texts(frame[name]))
            for name, words in zip(frame.columns, self.vectorizers_, strict=True)
            if words is not None
        ]
        return self._beside(parts, len(frame))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names such as `comment_free offer`."""
        names = [
            f"{name}_{word}"
            for name, words in zip(self.feature_names_in_, self.vectorizers_, strict=True)
            if words is not None
            for word in words.get_feature_names_out()
        ]
        return np.asarray(names or ["nothing"], dtype=object)

    def _learn(self, texts: list[str]) -> tuple[_Words | None, csr_matrix]:
        words = _Words(
            min_df=self.min_df,
            max_features=self.max_features,
            ngram_range=(1, 2),
            sublinear_tf=True,
            strip_accents="unicode",
        )
        try:
            return words, words.fit_transform(texts)
        except ValueError:  # No word stands in enough texts.
            return None, csr_matrix((len(texts), 0))

    @staticmethod
    def _beside(parts: list[csr_matrix], rows: int) -> csr_matrix:
        return csr_matrix(hstack(parts)) if parts else csr_matrix((rows, 1))


def _texts(values: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]
