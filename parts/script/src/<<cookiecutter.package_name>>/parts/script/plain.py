"""What such a script holds beside constructors: it is copied from here, and so it imports nothing of the project.

Transformers and splitters of `components/` that work on pandas tables have a twin of the same name here that works on
arrays. Whether a twin does what its original does is tried on the training rows whenever a script is written.
"""

import csv
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import Pipeline, make_pipeline

# A script states its own.
ENCODING, SEPARATOR = "utf-8-sig", ","
TARGET = ""
MISSING: set[str] = set()
LABELS: list[Any] = []
FEATURES: dict[str, Callable[..., np.ndarray]] = {}

Table = dict[str, list[str | None]]
PARTS = ("year", "month", "day", "weekday", "dayofyear", "hour")


def read(path: str) -> Table:
    """The columns of a CSV file by name, as texts, None where a value is missing."""
    header, *rows = lines(path)
    return {name.strip(): column(rows, position) for position, name in enumerate(header)}


def read_numbered(path: str, width: int) -> Table:
    """The same of a file without a header: its columns are called column_1, column_2, …; the target may be left out."""
    rows = lines(path)
    names = [f"column_{position + 1}" for position in range(max(width, len(rows[0])))]
    if len(rows[0]) == width - 1:
        names.remove(TARGET)
    return {name: column(rows, position) for position, name in enumerate(names)}


def lines(path: str) -> list[list[str]]:
    """The lines of a CSV file that are not empty."""
    with open(path, encoding=ENCODING, newline="") as file:
        return [row for row in csv.reader(file, delimiter=SEPARATOR, skipinitialspace=True) if row]


def column(rows: list[list[str]], position: int) -> list[str | None]:
    """One column of lines."""
    cells = [row[position].strip() if position < len(row) else "" for row in rows]
    return [None if cell in MISSING else cell for cell in cells]


def parsed(cell: str) -> float:
    """A text as a number; raises ValueError for one that is none."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def number(cells: list[str | None]) -> np.ndarray:
    """Numbers; true and false as 1 and 0; what is no finite number is missing."""

    def found(cell: str) -> float:
        try:
            return {"true": 1.0, "false": 0.0}[cell.lower()] if cell[:1] in "tTfF" else parsed(cell)
        except (KeyError, ValueError):
            return np.nan

    numbers = np.array([np.nan if cell is None else found(cell) for cell in cells])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def category(cells: list[str | None], numbers: bool = False) -> np.ndarray:
    """Texts; with `numbers`, numbers and truth values are written in one way, so that 1.0 and 1 are one category."""
    return np.array([np.nan if cell is None else canonical(cell) if numbers else cell for cell in cells], dtype=object)


def canonical(text: str) -> str:
    """The one way to write a number or a truth value; any other text, and a code such as 007, as it is."""
    if text.lower() in ("true", "false"):
        return text.capitalize()
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)(\.0*)?", text):
        digits = text.partition(".")[0].removeprefix("+")
        return "0" if digits == "-0" else digits
    if re.fullmatch(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text) and np.isfinite(float(text)):
        return str(int(float(text)) if float(text).is_integer() else float(text))
    return text


def date(cells: list[str | None], form: str = "ISO8601") -> np.ndarray:
    """Time stamps without a time zone, those with one in UTC; what is no date is missing."""

    def stamp(cell: Any) -> datetime | None:
        try:
            found = datetime.fromisoformat(cell) if form == "ISO8601" else datetime.strptime(cell, form)
        except (TypeError, ValueError):
            return None
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found

    return np.array([stamp(cell) for cell in cells], dtype="datetime64[us]")


def features(table: Table) -> np.ndarray:
    """The features side by side, shape (rows, features)."""
    columns = [kind(table[name]) for name, kind in FEATURES.items()]
    X = np.empty((len(columns[0]), len(columns)), dtype=object)
    for position, column in enumerate(columns):
        X[:, position] = column
    return X


def floats(X: np.ndarray) -> np.ndarray:
    """Columns of numbers as such, out of an array that holds texts as well."""
    return np.asarray(X, dtype=float)


def fitted(model: Any, X: Any, y: np.ndarray) -> tuple[list[Any], Any]:
    """Return the labels that these rows have, in order, and the model fitted to their codes.

    A model that stops early holds rows of each class out, so the row of a class that has no other is given twice.
    """
    labels, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    if any(value and name.endswith("early_stopping") for name, value in model.get_params().items()):
        rows = np.concatenate([np.arange(len(codes)), np.flatnonzero(counts[codes] == 1)])
        X, codes = X.iloc[rows] if hasattr(X, "iloc") else X[rows], codes[rows]
    return labels.tolist(), model.fit(X, codes)


def probabilities(labels: list[Any], model: Any, X: Any) -> np.ndarray:
    """Of the classes, shape (rows, classes); 0 for one that the model has not seen."""
    found = np.zeros((len(X), len(LABELS)))
    found[:, [LABELS.index(label) for label in labels]] = model.predict_proba(X)
    return found


def confidences(labels: list[Any], model: Any, X: Any) -> np.ndarray:
    """Of the classes, shape (rows, classes): probabilities, or decision values made to look like such."""
    seen = [LABELS.index(label) for label in labels]
    if hasattr(model, "predict_proba"):
        return probabilities(labels, model, X)
    if not hasattr(model, "decision_function"):
        return np.eye(len(LABELS))[np.asarray(seen)[np.ravel(model.predict(X)).astype(int)]]
    decisions = np.asarray(model.decision_function(X))
    if decisions.ndim == 1:
        positive = expit(decisions if len(LABELS) > 2 or seen[-1] == 1 else -decisions)
        return np.column_stack([1 - positive, positive])
    aligned = np.full((len(decisions), len(LABELS)), decisions.min() - 1)
    aligned[:, seen] = decisions
    return np.asarray(softmax(aligned, axis=1))


def sample(learn: np.ndarray, rows: int, seed: int) -> np.ndarray:
    """At most so many of the rows: what the search learned from."""
    if len(learn) <= rows:
        return learn
    return learn[np.sort(np.random.default_rng(seed).choice(len(learn), rows, replace=False))]


def write(path: str, columns: dict[str, Any]) -> None:
    """Write columns to a CSV file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*(np.asarray(column).tolist() for column in columns.values()), strict=True))


class DateFeatures(TransformerMixin, BaseEstimator):
    """The parts of each date that differ between training rows, and the days since the first of them.

    Parameters
    ----------
    elapsed : whether to add the days since the first training date.
    """

    def __init__(self, elapsed: bool = True) -> None:
        self.elapsed = elapsed

    def fit(self, X: np.ndarray, y: Any = None) -> "DateFeatures":
        """Note the first date of each column, and which parts differ."""
        known = [column[~np.isnat(column)] for column in np.asarray(X).astype("datetime64[us]").T]
        self.start_ = [days(column).min() if len(column) else np.nan for column in known]
        self.parts_ = [[name for name in PARTS if len(np.unique(part(column, name))) > 1] for column in known]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Floats of shape (n_samples, n_parts)."""
        columns = []
        for column, start, names in zip(
            np.asarray(X).astype("datetime64[us]").T, self.start_, self.parts_, strict=True
        ):
            columns += [part(column, name) for name in names]
            columns += [days(column) - start] if self.elapsed else []
        return np.column_stack(columns) if columns else np.empty((len(X), 0))


def part(dates: np.ndarray, name: str) -> np.ndarray:
    """One part of dates as floats, missing where a date is."""
    year, month, day, hour = (dates.astype(f"datetime64[{unit}]") for unit in "YMDh")
    found = {
        "year": lambda: year.astype(int) + 1970,
        "month": lambda: (month - year).astype(int) + 1,
        "day": lambda: (day - month).astype(int) + 1,
        "weekday": lambda: (day.astype(int) + 3) % 7,
        "dayofyear": lambda: (day - year).astype(int) + 1,
        "hour": lambda: (hour - day).astype(int),
    }[name]()
    return np.where(np.isnat(dates), np.nan, found)


def days(dates: np.ndarray) -> np.ndarray:
    """The days since 1970 as floats, missing where a date is."""
    return (dates - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")


class MissingAsText(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Categories as plain text, a missing one as the text `missing`: some encoders know no other missing value."""

    def fit(self, X: np.ndarray, y: Any = None) -> "MissingAsText":
        """Note the number of columns."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Text of the same shape."""
        return np.where(X != X, "missing", X)


class LatentSemanticAnalysis(TransformerMixin, BaseEstimator):
    """Latent semantic analysis of each text column: tf-idf of words, reduced by a truncated SVD.

    Parameters
    ----------
    n_components : the most numbers that one column becomes.
    min_df : in how many texts a word must stand to count.
    random_state : the seed of the SVD.
    """

    def __init__(self, n_components: int = 30, min_df: int = 2, random_state: int = 0) -> None:
        self.n_components, self.min_df, self.random_state = n_components, min_df, random_state

    def fit(self, X: np.ndarray, y: Any = None) -> "LatentSemanticAnalysis":
        """Learn the words of each column; a column without any is left out."""
        self.pipelines_ = [self._fit_column(column) for column in np.where(X != X, "", X).T.tolist()]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Floats of shape (n_samples, at most n_components a column); one column of zeros if no word counts."""
        columns = zip(np.where(X != X, "", X).T.tolist(), self.pipelines_, strict=True)
        parts = [pipeline.transform(texts) for texts, pipeline in columns if pipeline is not None]
        return np.hstack(parts) if parts else np.zeros((len(X), 1))

    def _fit_column(self, texts: list[str]) -> Pipeline | None:
        words = TfidfVectorizer(min_df=self.min_df, sublinear_tf=True, strip_accents="unicode")
        try:
            counted = words.fit_transform(texts)
        except ValueError:  # No word stands in enough texts.
            return None
        most = min(self.n_components, counted.shape[1] - 1, counted.shape[0] - 1)
        if most < 1:
            return None
        return make_pipeline(words, TruncatedSVD(most, random_state=self.random_state)).fit(texts)


class TfIdf(TransformerMixin, BaseEstimator):
    """Tf-idf weights of the words and pairs of words of each text column: a sparse matrix, for linear models.

    Parameters
    ----------
    max_features : the most columns that one text column becomes; the most frequent words stay.
    min_df : in how many texts a word must stand to count.
    """

    def __init__(self, max_features: int = 20000, min_df: int = 2) -> None:
        self.max_features, self.min_df = max_features, min_df

    def fit(self, X: np.ndarray, y: Any = None) -> "TfIdf":
        """Learn the words of each column; a column without any is left out."""
        self.vectorizers_ = [self._fit_column(column) for column in np.where(X != X, "", X).T.tolist()]
        return self

    def transform(self, X: np.ndarray) -> csr_matrix:
        """Weights of shape (n_samples, words); one column of zeros if no word counts."""
        columns = zip(np.where(X != X, "", X).T.tolist(), self.vectorizers_, strict=True)
        parts = [words.transform(texts) for texts, words in columns if words is not None]
        return csr_matrix(hstack(parts)) if parts else csr_matrix((len(X), 1))

    def _fit_column(self, texts: list[str]) -> TfidfVectorizer | None:
        words = TfidfVectorizer(
            min_df=self.min_df,
            max_features=self.max_features,
            ngram_range=(1, 2),
            sublinear_tf=True,
            strip_accents="unicode",
        )
        try:
            return words.fit(texts)
        except ValueError:  # No word stands in enough texts.
            return None


class StratifiedHoldout:
    """One stratified random split; classes too rare to be split stay in training.

    Parameters
    ----------
    test_size : the share of the rows to hold out, between 0 and 1.
    random_state : the seed.
    """

    def __init__(self, test_size: float = 0.2, random_state: int = 0) -> None:
        self.test_size, self.random_state = test_size, random_state

    def split(self, X: Any, y: Any, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the training rows and of the held-out rows."""
        _, first, codes = np.unique(y, return_index=True, return_inverse=True)
        codes = np.argsort(np.argsort(first))[codes]  # numbered as they come
        common = np.flatnonzero(np.bincount(codes)[codes] > 1)
        splitter = StratifiedShuffleSplit(1, test_size=self.test_size, random_state=self.random_state)
        _, held_out = next(splitter.split(common, codes[common]))
        held_out = np.sort(common[held_out])
        yield np.setdiff1d(np.arange(len(codes)), held_out), held_out


class NoHoldout:
    """Nothing is held out."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of all rows, and of none."""
        yield np.arange(len(X)), np.arange(0)


class PredefinedColumn:
    """A split that stands in a column: each of its values is a fold, or only those listed.

    Parameters
    ----------
    column : the column that says which fold a row is in; a row with nothing in it is always in training.
    folds : the values that are folds, in order; None for all, sorted.
    """

    def __init__(self, column: str, folds: list[Any] | None = None) -> None:
        self.column, self.folds = column, folds

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, for each fold, the positions of all other rows and of its own; `groups` is the column."""
        present = sorted({value for value in groups if value == value})
        for fold in present if self.folds is None else map(str, self.folds):
            own = groups == fold
            yield np.flatnonzero(~own), np.flatnonzero(own)
