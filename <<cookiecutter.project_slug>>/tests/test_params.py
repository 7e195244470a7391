"""The params are valid, and every model that competes can be built, fitted and asked."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.build import build
from << cookiecutter.package_name >>.objects.grammar import Grammar
from << cookiecutter.package_name >>.objects.metrics import metric
from << cookiecutter.package_name >>.objects.missing import missing, refuse_missing
from << cookiecutter.package_name >>.objects.model import model_from
from << cookiecutter.package_name >>.objects.plan import Plan, compile_params
from << cookiecutter.package_name >>.objects.reader import Where, parse, read
from << cookiecutter.package_name >>.objects.space import starts
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.fit import assemble, fit
from << cookiecutter.package_name >>.steps.task import score_outputs, task_of

PARAMS = Path(__file__).parent.parent / "params"
MODELS = read(PARAMS / "search.yaml")[0]["models"]


@pytest.mark.parametrize("name", MODELS)
def test_a_competing_model_learns_from_its_defaults_and_its_seeds(
    name: str, plan: Plan, table: pd.DataFrame, schema: Schema
) -> None:
    model, task = model_from(plan.slices[f"models/{name}"]), task_of(schema)
    if isinstance(build(model.estimator), type(task.dummy())):
        pytest.skip("the dummy model itself competes")
    features, target = table[list(schema.features)], table[schema.target]
    seen, asked, truth = features, features, task.encode(target)
    if task.unanswerable(fit(task.wrap(task.dummy()), features, target), features):  # rows that were learned from
        seen, asked, target, truth = features.iloc[:90], features.iloc[90:], target.iloc[:90], truth[90:]
    scorer = metric(plan.slices["train"]["metric"], Where("search.yaml"), Grammar())

    def score(fitted: Any) -> float:
        return score_outputs(scorer, task, task.outputs(fitted, asked), truth, asked, seen, target, fitted)

    guess = score(fit(task.wrap(task.dummy()), seen, target))
    for values in starts(model.space, model.seeds).values():
        found = score(fit(assemble(model, values, schema.features, task), seen, target))
        assert found > guess or np.isnan(guess)


def test_one_error_names_all_packages_that_are_missing_and_the_extras_that_bring_them(tmp_path: Path) -> None:
    params = tmp_path / "params"
    (params / "models").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[project.optional-dependencies]\nfast = ["absent-one-cpu>=1", "absent_two<3"]\n'
    )
    (params / "search.yaml").write_text("models: [a]\n")
    (params / "models" / "a.yaml").write_text("class: absent_one.Model\nparams: {b: {class: absent_three.B}}\n")
    (params / "models" / "b.yaml").write_text("class: absent_four.Model\n")  # it does not compete
    (params / "registry.yaml").write_text("packages: [absent_two, sklearn]\n")
    assert missing(params) == {"absent_one": "fast", "absent_three": "", "absent_two": "fast"}
    with pytest.raises(UserError, match=r"add what brings absent_three to `dependencies`.*`make setup`.*extras fast"):
        refuse_missing(params)


def test_classes_of_this_project_say_what_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "own.py").write_text(
        'class Own:\n    needs = ("absent_five.part",)\n\n\nclass Other:\n    pass\n'
    )
    (tmp_path / "custom" / "broken.py").write_text("class Broken:\n    needs = (\n")
    monkeypatch.setattr("<< cookiecutter.package_name >>.objects.missing.PACKAGE", tmp_path)
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "train.yaml").write_text("ensemble: {class: Own}\nthreshold: {class: Other}\n")
    assert missing(tmp_path / "params") == {"absent_five": ""}


def test_the_params_are_read_as_dvc_reads_them() -> None:
    assert parse("{a: NO, b: 1e-5, c: 010}")[0] == {"a": "NO", "b": 1e-5, "c": 10}
    with pytest.raises(UserError, match="duplicate key"):
        parse("a: 1\na: 2")


def test_steps_must_be_a_list_because_dvc_compares_mappings_without_order() -> None:
    data, where = parse("steps: {scale: {class: StandardScaler}}")
    with pytest.raises(UserError, match="'steps' needs a list"):
        Grammar().node(data, where)


def test_the_order_of_steps_is_part_of_the_plan(tmp_path: Path) -> None:
    plans = []
    for order in (
        "[{a: {class: StandardScaler}}, {b: {class: PCA}}]",
        "[{b: {class: PCA}}, {a: {class: StandardScaler}}]",
    ):
        data, where = parse(f"steps: {order}")
        plans.append(Grammar().node(data, where))
    assert plans[0] != plans[1]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("search.yaml", "trials:", "trails:", r"search.yaml:\d+: unknown key 'trails'; did you mean 'trials'"),
        ("search.yaml", "sampler:\n  class: TPE", "sampler:\n  class: TPP", r"search.yaml:\d+: no sampler is called"),
        ("data.yaml", "columns: {}", "columns: {a: {role: goup}}", r"data.yaml:\d+: unknown role 'goup'; did you mean"),
        ("split.yaml", "\ncv:\n  class: ", "\ncv:\n  class: X", r"split.yaml:\d+: no splitter is called"),
    ],
)
def test_what_is_wrong_is_refused_with_file_and_line(
    file: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    copy = tmp_path / "params"
    for one in PARAMS.rglob("*.yaml"):
        target = copy / one.relative_to(PARAMS)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(one.read_text(encoding="utf-8"), encoding="utf-8")
    text = (copy / file).read_text(encoding="utf-8")
    if old not in text:
        pytest.skip(f"{file} has been edited")
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        compile_params(copy)
