"""The flavor MLflow: where it may stand, and that stored models do not hold it."""

import shutil
from pathlib import Path

import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.allowed import PACKAGE, is_trusted
from << cookiecutter.package_name >>.objects.plan import read_package


def test_it_is_for_copies_of_the_whole(tmp_path: Path) -> None:
    shutil.copytree("params", tmp_path / "params")
    (tmp_path / "params/package.yaml").write_text("parts: {model: {class: MLflow}}", encoding="utf-8")
    with pytest.raises(UserError, match="MLflow is no flavor for 'model'; it is for exports"):
        read_package(tmp_path / "params")


def test_it_is_no_part_of_a_stored_model() -> None:
    assert not is_trusted(f"{PACKAGE}.parts.export_mlflow.components.MLflow", [])
