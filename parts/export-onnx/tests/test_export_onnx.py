"""The flavor Onnx: where it may stand. `test_flavors.py` stores every model that competes with it."""

import shutil
from pathlib import Path

import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.params.package import read_package


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("parts: {transformers: {class: Onnx}}", "Onnx is no flavor for 'transformers'; it is for model"),
        ("exports: [{class: Onnx}]", "Onnx is no flavor for 'exports'"),
    ],
)
def test_graphs_are_for_estimators_alone(wrong: str, sentence: str, tmp_path: Path) -> None:
    shutil.copytree("params", tmp_path / "params")
    (tmp_path / "params/package.yaml").write_text(wrong, encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_package(tmp_path / "params")
    assert sentence in str(refused.value) and "params/package.yaml" in str(refused.value)
