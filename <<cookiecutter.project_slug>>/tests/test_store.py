"""Trained models as folders: what is damaged, missing or not to be trusted is refused."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.files import read_json, write_json
from << cookiecutter.package_name >>.prediction.artifact import Described, load, save
from << cookiecutter.package_name >>.prediction.manifest import MANDATORY, seal
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.predict import predict


def test_a_saved_model_says_the_same(
    fitted: Any, saved: Path, asked: pd.DataFrame, schema: Schema, named: list[str]
) -> None:
    again, kept = load(saved, named)
    pd.testing.assert_frame_equal(predict(again, asked, kept), predict(fitted, asked, schema))


def test_the_transformers_can_be_had_without_the_estimators(
    fitted: Any, saved: Path, raw: pd.DataFrame, table: pd.DataFrame, schema: Schema
) -> None:
    whole, partial = PredictionPipeline.load(saved), PredictionPipeline.load(saved, partial=True)
    inner = getattr(fitted, "estimator_", fitted)
    if not hasattr(inner, "steps"):
        pytest.skip("what stands before the estimators belongs together with them")
    expected = inner[:-1].transform(table[list(schema.features)])
    for pipeline in (whole, partial):
        np.testing.assert_allclose(pipeline.transform(raw), expected)
    with pytest.raises(UserError, match="has no model"):
        partial.predict(raw)
    with pytest.raises(UserError, match="there is no estimator 1: the model has 1"):
        partial.transform(raw, member=1)


def test_its_example_can_be_predicted(saved: Path) -> None:
    pipeline = PredictionPipeline.load(saved)
    assert pipeline.example is not None and len(pipeline.example) == 5
    unchanged = pipeline.with_featurize(lambda frame: frame)
    assert unchanged.predict(pipeline.example).notna().all(axis=None)


@pytest.mark.parametrize("part", (*MANDATORY, "model.skops", "transformers.skops"))
def test_a_part_that_is_missing_or_changed_is_named(part: str, saved: Path, named: list[str]) -> None:
    damaged = bytearray((saved / part).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (saved / part).write_bytes(damaged)
    with pytest.raises(UserError, match=rf"{part} is damaged"):
        load(saved, named)
    (saved / part).unlink()
    with pytest.raises(UserError, match=rf"{part} is missing"):
        load(saved, named)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"format": 3}', '{"format": 1, "parts": {}}', '{"format": 99, "parts": {}}']
)
def test_a_manifest_that_is_none_is_refused(text: str, saved: Path, named: list[str]) -> None:
    (saved / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest.json is damaged|by (a later|an earlier) version"):
        load(saved, named)


def test_a_pickle_in_place_of_the_model_is_not_opened(saved: Path, named: list[str], tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "opened"),)

    (saved / "model.skops").write_bytes(pickle.dumps(Evil()))
    seal(saved)  # whoever changes the model can change the manifest as well
    with pytest.raises(UserError, match=r"model.skops is damaged"):
        load(saved, named)
    assert not (tmp_path / "opened").exists()


def test_a_model_that_holds_what_the_params_do_not_name_is_refused(
    tmp_path: Path, table: pd.DataFrame, schema: Schema, named: list[str]
) -> None:
    described = Described(schema, "", {}, [])
    for function in (os.system, exec, np.load):
        with pytest.raises(UserError, match="which no object in params/ names"):
            save(tmp_path / "model", FunctionTransformer(function), described, named, table)
    assert not (tmp_path / "model").exists()


def test_a_model_of_another_version_of_scikit_learn_is_warned_of(saved: Path, named: list[str]) -> None:
    environment = read_json(saved / "environment.json") | {"scikit-learn": "0.9.1"}
    write_json(saved / "environment.json", environment)
    seal(saved)
    with pytest.warns(UserWarning, match="was made with scikit-learn 0.9.1"):
        load(saved, named)
    (saved / "model.skops").write_bytes(b"what its version wrote")
    seal(saved)
    with (
        pytest.warns(UserWarning),
        pytest.raises(UserError, match=r"^the model was made with scikit-learn 0\.9\.1, and .* which may be why: "),
    ):
        load(saved, named)


def test_an_address_that_no_part_opens_is_refused() -> None:
    with pytest.raises(UserError, match=r"nothing in this project opens nowhere:model: `make parts` shows"):
        PredictionPipeline.load("nowhere:model")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"manifest.json is missing"):
        PredictionPipeline.load(tmp_path / "none")
