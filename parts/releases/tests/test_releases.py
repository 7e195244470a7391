"""Versions of the model: what counts as one, and what their classes are not."""

from pathlib import Path

import pytest

from << cookiecutter.package_name >>.components.flavors import Joblib
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.allowed import PACKAGE, About, is_trusted
from << cookiecutter.package_name >>.parts.releases import fetch, tags
from << cookiecutter.package_name >>.prediction.addresses import opened
from << cookiecutter.package_name >>.project.calls import git


def test_tags_that_are_no_versions_of_the_model_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "ada@example.org")
    git("init", "--quiet")
    Path("file").touch()
    git("add", "file")
    git("commit", "--quiet", "--message", "First")
    for tag in ("model@v1.0.0", "model#prod#1"):
        git("tag", "--message", "a version", tag)
    git("commit", "--quiet", "--allow-empty", "--message", "Second")
    for tag in ("foo@bar", "model@x", "model#prod#zz", "model@v1.0.0@x", "model@v9.9.9!", "model@v1.0.0#1", "model@v1"):
        git("tag", "--message", "no version", tag)
    git("tag", "--message", "no commit", "model@v3.0.0", "HEAD:file")
    git("tag", "--message", "no commit", "foo@v3.0.0", "HEAD^{tree}")
    git("tag", "--message", "a second version of a commit", "model@v3.1.0", "HEAD~1")
    assert [one.name for one in tags.versions(None)] == ["v1.0.0"] and tags.held(None) == {"prod": ["v1.0.0"]}
    tags.register("v1.1.0", {}, None)
    tags.assign("prod", "v1.1.0", None)
    assert [one.name for one in tags.versions(None)] == ["v1.0.0", "v1.1.0"]
    assert tags.held(None) == {"prod": ["v1.0.0", "v1.1.0"]}


def test_a_registry_is_no_part_of_a_stored_model(tmp_path: Path) -> None:
    module = f"{PACKAGE}.parts.releases.components.registries"
    assert not is_trusted(f"{module}.GTO", [])
    (tmp_path / "model.joblib").write_bytes(f"c{module}\nGTO\n(S'x'\ntR.".encode())
    with pytest.raises(UserError, match="is no part of a model"):
        Joblib().load(tmp_path / "model.joblib", About([]))


@pytest.mark.parametrize(
    ("address", "asked"),
    [
        ("registry:prod", ("prod", None)),
        ("registry:v1.0.0@https://git.example.com/a@b", ("v1.0.0", "https://git.example.com/a@b")),
    ],
)
def test_an_address_names_a_version_and_a_repository(
    address: str, asked: tuple[str, str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []
    monkeypatch.setattr(fetch, "fetch", lambda which, repo, params: given.append((which, repo)) or tmp_path)
    with opened(address, Path("params")) as folder:
        assert folder == tmp_path
    assert given == [asked]
