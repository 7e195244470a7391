"""Trained models as folders and in storages: what is damaged, missing or not to be trusted is refused."""

import os
import pickle
import uuid
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import FunctionTransformer

from << cookiecutter.package_name >> import storage
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.files import read_json, write_json
from << cookiecutter.package_name >>.manifest import MANDATORY, seal
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.metrics import metric
from << cookiecutter.package_name >>.objects.reader import Where
from << cookiecutter.package_name >>.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.predict import predict
from << cookiecutter.package_name >>.storage import fetched, publish
from << cookiecutter.package_name >>.store import Described, load, save


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


@pytest.fixture(params=["memory", "folder"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage."""
    return f"memory://{uuid.uuid4()}/models" if request.param == "memory" else str(tmp_path / "a storage" / "models")


def test_a_published_model_is_loaded_by_its_address(uri: str, saved: Path, named: list[str]) -> None:
    version = publish(saved, uri)
    for address in (uri, version):
        with fetched(address) as folder:
            assert sorted(one.name for one in folder.iterdir()) == sorted(one.name for one in saved.iterdir())
            load(folder, named)


@pytest.mark.parametrize("content", [b'{"version": "1.4.2"}', b"[1, 2]", b"not JSON"])
def test_a_file_of_that_name_which_is_not_of_a_storage_is_not_overwritten(
    uri: str, content: bytes, saved: Path
) -> None:
    files, root = fsspec.url_to_fs(uri)
    files.makedirs(root, exist_ok=True)
    files.pipe_file(f"{root}/latest.json", content)
    with pytest.raises(UserError, match=r"has a latest\.json that is not of a storage of models"):
        publish(saved, uri)
    assert files.cat_file(f"{root}/latest.json") == content and not files.exists(f"{root}/versions")


def test_a_newer_version_becomes_the_latest_and_the_older_stays(uri: str, saved: Path) -> None:
    first = publish(saved, uri)
    write_json(saved / "result.json", {"newer": True})
    seal(saved)
    second = publish(saved, uri)
    assert first != second
    for address, result in ((uri, {"newer": True}), (second, {"newer": True}), (first, {})):
        with fetched(address) as folder:
            assert read_json(folder / "result.json") == result


def test_the_best_by_a_metric_is_picked(uri: str, saved: Path) -> None:
    for value in (0.3, 0.1, 0.2):
        write_json(saved / "metrics.json", {"log_loss": value, "accuracy": value})
        seal(saved)
        publish(saved, uri)
    for name, expected in (("neg_log_loss", 0.1), ("accuracy", 0.3)):
        with fetched(uri, metric(name, Where("package.yaml"), Grammar())) as folder:
            assert read_json(folder / "metrics.json")["log_loss"] == expected
    with fetched(uri) as folder:
        assert read_json(folder / "metrics.json")["log_loss"] == 0.2
    unknown = metric("f1", Where("package.yaml"), Grammar())
    with pytest.raises(UserError, match="was measured by f1"), fetched(uri, unknown):
        pass


def test_one_that_is_cut_off_leaves_the_latest_what_it_was(
    uri: str, saved: Path, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(saved, uri)
    write_json(saved / "result.json", {"newer": True})
    seal(saved)
    files = fsspec.url_to_fs(uri)[0]
    put, calls = files.put_file, []

    def cut_off(*words: Any, **more: Any) -> None:
        calls.append(words)
        if len(calls) == 4:
            raise ConnectionError("the line is dead")
        put(*words, **more)

    monkeypatch.setattr(files, "put_file", cut_off)
    with pytest.raises(UserError, match="cannot be written to: ConnectionError: the line is dead"):
        publish(saved, uri)
    with fetched(uri) as folder:
        load(folder, named)
        assert read_json(folder / "result.json") == {}


def test_a_part_that_a_storage_has_lost_is_named(uri: str, saved: Path, named: list[str]) -> None:
    version = publish(saved, uri)
    files, root = fsspec.url_to_fs(version)
    files.rm(f"{root}/schema.json")
    with fetched(uri) as folder, pytest.raises(UserError, match=r"schema.json is missing"):
        load(folder, named)


def test_a_manifest_that_leads_out_of_the_folder_is_refused(uri: str, saved: Path) -> None:
    version = publish(saved, uri)
    files, root = fsspec.url_to_fs(version)
    files.pipe_file(f"{root}/manifest.json", b'{"format": 3, "flavors": {}, "parts": {"../../outside": "0"}}')
    with pytest.raises(UserError, match="its manifest names"), fetched(uri):
        pass


def test_an_address_without_a_model_is_refused(uri: str, saved: Path) -> None:
    with pytest.raises(UserError, match=r"there is no model at|manifest.json is missing"), fetched(uri) as folder:
        load(folder, [])
    (saved / "schema.json").unlink()
    with pytest.raises(UserError, match=r"schema.json is missing"):
        publish(saved, uri)
    assert not fsspec.url_to_fs(uri)[0].exists(uri)


def test_a_storage_whose_package_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(uri: str) -> Any:
        raise ImportError("Please install gcsfs")

    monkeypatch.setattr(storage.fsspec, "url_to_fs", absent)
    with pytest.raises(UserError, match="add 'gcs' to the extras"), fetched("gs://bucket/model"):
        pass
