"""Classes of this project are found, can be written to YAML, and keep scikit-learn's conventions."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from << cookiecutter.package_name >>.objects.build import from_yaml, to_yaml
from << cookiecutter.package_name >>.objects.discovery import find_all, homes, load
from << cookiecutter.package_name >>.objects.reader import Where
from << cookiecutter.package_name >>.schema import Schema

OWN = [entry for entry in find_all() if entry.path.startswith(tuple(homes())) and entry.kind not in ("metric", "chart")]


@pytest.mark.parametrize("entry", OWN, ids=lambda entry: entry.name)
def test_it_can_be_written_to_yaml_and_read_back(entry) -> None:
    try:
        made = load(entry.path, Where("params"), [entry.kind])()
    except TypeError:
        pytest.skip(f"{entry.name} has parameters without a default")
    assert to_yaml(from_yaml(to_yaml(made))) == to_yaml(made)


@pytest.mark.parametrize(
    ("name", "dtype"), [("DateFeatures", "datetime"), ("LatentSemanticAnalysis", "text"), ("TfIdf", "text")]
)
def test_a_transformer_gives_as_many_columns_as_names(
    name: str, dtype: str, table: pd.DataFrame, schema: Schema
) -> None:
    columns = [column for column, kind in schema.features.items() if kind == dtype]
    made = from_yaml(f"class: {name}").fit(table[columns])
    assert made.transform(table[columns]).shape == (len(table), len(made.get_feature_names_out()))


@pytest.mark.parametrize("name", ["LatentSemanticAnalysis", "TfIdf"])
@pytest.mark.parametrize("columns", [["words"], ["words", "more"], ["blank"]])
def test_a_text_becomes_the_same_numbers_in_training_and_in_prediction(name: str, columns: list[str]) -> None:
    said = ["a very good cake", "the cake was stale", None, "good tea, very good", "the tea was cold"]
    texts = pd.DataFrame({"words": said, "more": said[::-1], "blank": [None] * 5})[columns]
    made = from_yaml(f"class: {name}")
    learned, asked = (csr_matrix(rows).toarray() for rows in (made.fit_transform(texts), made.transform(texts)))
    np.testing.assert_allclose(learned, asked, atol=1e-12)
    assert learned.shape == (5, len(made.get_feature_names_out()))


def test_a_stratified_holdout_keeps_a_class_of_one_row_in_training() -> None:
    splitter = from_yaml("class: StratifiedHoldout")
    train, held_out = next(splitter.split(np.zeros((41, 1)), ["a"] * 20 + ["b"] * 20 + ["rare"]))
    assert 40 in train and len(held_out) == 8 and not set(train) & set(held_out)


def test_a_time_holdout_is_the_end_of_the_table() -> None:
    train, held_out = next(from_yaml("class: TimeHoldout").split(np.zeros((10, 1))))
    assert train.tolist() == list(range(8)) and held_out.tolist() == [8, 9]


def test_a_predefined_column_holds_out_the_rows_that_it_names() -> None:
    frame = pd.DataFrame({"part": ["train", "test", "train", None]})
    splitter = from_yaml("{class: PredefinedColumn, params: {column: part, folds: [test]}}")
    train, held_out = next(splitter.split(frame))
    assert train.tolist() == [0, 2, 3] and held_out.tolist() == [1]
