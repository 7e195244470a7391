"""Published models: each one a version in a storage; what is damaged, missing or not to be trusted is refused."""

import shutil
import uuid
from pathlib import Path
from typing import Any

import fsspec
import pytest

from << cookiecutter.package_name >>.components.flavors import Joblib
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.files import read_json, write_json
from << cookiecutter.package_name >>.objects.allowed import About
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.metrics import metric
from << cookiecutter.package_name >>.objects.reader import Where
from << cookiecutter.package_name >>.parts.publish import storage
from << cookiecutter.package_name >>.parts.publish.addresses import opens
from << cookiecutter.package_name >>.parts.publish.settings import read_settings, storage_of
from << cookiecutter.package_name >>.parts.publish.storage import fetched, publish
from << cookiecutter.package_name >>.prediction.addresses import opened
from << cookiecutter.package_name >>.prediction.artifact import load
from << cookiecutter.package_name >>.prediction.manifest import seal, verify
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline


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
        with fetched(uri, metric(name, Where("publish.yaml"), Grammar())) as folder:
            assert read_json(folder / "metrics.json")["log_loss"] == expected
    with fetched(uri) as folder:
        assert read_json(folder / "metrics.json")["log_loss"] == 0.2
    unknown = metric("f1", Where("publish.yaml"), Grammar())
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


def test_a_part_that_is_a_link_is_neither_read_nor_published_nor_fetched(saved: Path, tmp_path: Path) -> None:
    version = Path(publish(saved, str(tmp_path / "store")))
    for folder in (saved, version):
        shutil.move(folder / "example.json", tmp_path / "example.json")
        (folder / "example.json").symlink_to(tmp_path / "example.json")
    with pytest.raises(UserError, match="is a link"):
        verify(saved)
    with pytest.raises(UserError, match="is a link"), fetched(str(tmp_path / "store")):
        pass


@pytest.mark.parametrize("text", ["", "[]", '{"version": "../.."}', '{"version": 3}', "{" * 100_000, "\udcff"])
def test_a_damaged_pointer_to_the_latest_model_is_one_sentence(text: str, saved: Path, tmp_path: Path) -> None:
    publish(saved, str(tmp_path / "store"))
    (tmp_path / "store/latest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"latest.json is damaged"), fetched(str(tmp_path / "store")):
        pass


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("s3://bucket/models", True),
        ("simplecache::s3://bucket/models", True),
        ("models/package", False),
        ("registry:prod", False),
        ("registry:prod@https://example.org/a/b.git", False),
    ],
)
def test_urls_are_addresses_of_published_models(address: str, expected: bool) -> None:
    assert opens(address) is expected


def test_an_address_means_the_best_model_where_the_params_name_a_metric(uri: str, saved: Path, tmp_path: Path) -> None:
    for value in (0.3, 0.1):
        write_json(saved / "metrics.json", {"log_loss": value})
        seal(saved)
        publish(saved, uri)
    params = Path(shutil.copytree("params", tmp_path / "params"))
    for best, expected in (("null", 0.1), ("log_loss", 0.1), ("d2_log_loss_score", None)):
        (params / "publish.yaml").write_text(f"best: {best}\n", encoding="utf-8")
        if expected is None:
            with pytest.raises(UserError, match="was measured by"), opened(uri, params):
                pass
        else:
            with opened(uri, params) as folder:
                assert read_json(folder / "metrics.json")["log_loss"] == expected
    assert PredictionPipeline.load(publish(saved, uri)).example is not None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("best: accurracy", "accuracy"),
        ("storage: 5", "a URI is needed, such as s3://bucket/models, not 5"),
        ("storag: a", "'storag'"),
        ("[]", "mapping"),
    ],
)
def test_settings_that_cannot_be_are_refused(text: str, sentence: str, tmp_path: Path) -> None:
    params = Path(shutil.copytree("params", tmp_path / "params"))
    (params / "publish.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_settings(params)
    assert sentence in str(refused.value) and "params/publish.yaml" in str(refused.value)


def test_where_no_storage_is_named_an_address_is_asked_for(tmp_path: Path) -> None:
    params = Path(shutil.copytree("params", tmp_path / "params"))
    (params / "publish.yaml").write_text("storage: null\n", encoding="utf-8")
    with pytest.raises(UserError, match="no storage is named: give a URI"):
        storage_of(params)


def test_a_model_that_is_not_the_one_of_dvc_lock_is_not_published(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.lock").write_text("stages:\n  package:\n    outs:\n    - path: model\n      md5: 0.dir\n")
    with pytest.raises(UserError, match=r"model is not the one that dvc\.lock names"):
        publish(Path("model"), str(tmp_path / "storage"))
    assert not Path("storage").exists()


@pytest.mark.parametrize("name", ["../.env", "/etc/passwd", "a/../../b", "", ".", "C:\\x", "..\\..\\x", "a\0b"])
def test_a_manifest_that_names_files_elsewhere_is_not_published(name: str, saved: Path, tmp_path: Path) -> None:
    manifest = read_json(saved / "manifest.json")
    write_json(saved / "manifest.json", manifest | {"parts": manifest["parts"] | {name: "0" * 64}})
    with pytest.raises(UserError, match="which is no file in that folder"):
        publish(saved, str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_what_the_manifest_does_not_name_is_not_published(saved: Path, tmp_path: Path) -> None:
    (saved / ".env").write_text("secret")
    (saved / "link").symlink_to(Path(__file__))
    publish(saved, str(tmp_path / "store"))
    assert [one for one in tmp_path.glob("store/**/*") if one.name in (".env", "link")] == []


def test_no_model_may_hold_what_publishes(named: list[str], tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(f"c{storage.__name__}\npublish\n.".encode())
    with pytest.raises(UserError, match="is no part of a model"):
        Joblib().load(tmp_path / "model.joblib", About(named))
