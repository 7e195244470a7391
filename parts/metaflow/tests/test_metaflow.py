"""Metaflow: the stages of dvc.yaml are read in their order, with what they need and make."""

from pathlib import Path

import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.metaflow.pipeline import before, read_pipeline
from << cookiecutter.package_name >>.parts.metaflow.tasks import items, run_stage

PIPELINE = """
vars: [params.yaml:models]
stages:
  last:
    cmd:
      - cat each/*.txt > all.txt
      - test -s all.txt
    deps: [each]
    outs: [all.txt]
  each:
    matrix: {model: "${models}"}
    cmd: echo ${item} ${item.model} > each/${item.model}.txt
    deps: [params.yaml]
    outs:
      - each/${item.model}.txt
"""


def pipeline(folder: Path, text: str = PIPELINE) -> Path:
    """Write a small pipeline over two models."""
    (folder / "dvc.yaml").write_text(text, encoding="utf-8")
    (folder / "params.yaml").write_text("models: [one, two]\n", encoding="utf-8")
    return folder


def test_stages_come_after_what_they_need() -> None:
    stages = read_pipeline(ROOT)
    names = [stage.name for stage in stages]
    assert names[0] == "plan"
    for stage in stages:
        needed = before(stage, {one.name: one for one in stages})
        assert all(names.index(one.name) < names.index(stage.name) for one in needed)


def test_the_matrix_is_filled_in(tmp_path: Path) -> None:
    each, last = read_pipeline(pipeline(tmp_path))
    assert (each.key, each.items, last.key) == ("model", ("one", "two"), "")
    assert last.command == "cat each/*.txt > all.txt && test -s all.txt"
    assert each.of("two").command == "echo --model two two > each/two.txt"
    assert each.of("two").makes == ("each/two.txt",)
    assert items("tune")


def test_two_matrices_in_a_row_are_refused(tmp_path: Path) -> None:
    text = PIPELINE.replace("  last:\n", "  last:\n    matrix: {model: [a]}\n")
    with pytest.raises(UserError, match="a stage without a matrix between them"):
        read_pipeline(pipeline(tmp_path, text))


def test_a_stage_runs_in_a_folder_of_its_own_and_returns_what_it_made() -> None:
    files = run_stage("plan")
    assert "plan/train.json" in files
    assert all(path.startswith("plan/") for path in files)
