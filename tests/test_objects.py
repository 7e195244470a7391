"""The grammar and the registry of a stamped project, with every package that a recipe knows; and old faults."""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import yaml
from stamped import ROOT, Project

pytestmark = pytest.mark.slow

PACKAGES = list(yaml.safe_load((ROOT / "recipes" / "packages.yaml").read_text(encoding="utf-8")))
# Its constructor does not keep what it is given (feature_engine 1.9).
FORGETFUL = {"feature_engine.datetime.DatetimeOrdinal"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, not run."""
    return Project(tmp_path_factory.mktemp("objects"), project_name="Objects", estimators="fast")


@pytest.fixture(scope="module")
def entries(project: Project) -> list[Any]:
    """Everything that the registry finds."""
    return project.module("objects.discovery").find_all(PACKAGES, cache=None)


@pytest.fixture
def node(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What the grammar makes of YAML text."""
    monkeypatch.chdir(project.path)

    def parse(text: str, *packages: str) -> Any:
        data, where = project.module("objects.reader").parse(text, "model.yaml")
        return project.module("objects.grammar").Grammar(packages).node(data, where)

    return parse


@pytest.mark.parametrize("package", ["sklearn", "optuna", "objects", *PACKAGES])
def test_the_registry_covers_every_package(package: str, entries: list[Any]) -> None:
    found = [entry for entry in entries if entry.package == package]
    assert len(found) >= {"sklearn": 200, "optuna": 15, "skrub": 25, "feature_engine": 50}.get(package, 4)


def test_whatever_can_be_built_is_written_to_yaml_and_read_back_alike(project: Project, entries: list[Any]) -> None:
    build = project.module("objects.build")
    agreeing, differing = 0, []
    for entry in entries:
        if entry.kind in ("metric", "chart") or entry.path in FORGETFUL:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                made = build.from_yaml(f"class: {entry.path}")
            except project.module("errors").UserError:
                continue  # It has parameters without a default.
            text = build.to_yaml(made)
            if build.to_yaml(build.from_yaml(text)) == text:
                agreeing += 1
            else:
                differing.append(entry.path)
    assert differing == [] and agreeing > 330


def test_parameters_survive_the_way_to_yaml_and_back(project: Project) -> None:
    from sklearn.ensemble import VotingClassifier
    from sklearn.feature_selection import SelectKBest, mutual_info_classif
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder
    from sklearn.svm import SVC

    build = project.module("objects.build")
    for made in (
        VotingClassifier([("a", LogisticRegression(C=2.0)), ("b", make_pipeline(MinMaxScaler((0, 2)), SVC()))]),
        SelectKBest(mutual_info_classif, k=3),
        OneHotEncoder(dtype=np.float32, categories=[["NO", "1e-5", "null"]]),
    ):
        again = build.from_yaml(build.to_yaml(made))
        assert build.to_yaml(again) == build.to_yaml(made)
        assert str(again.get_params()) == str(made.get_params())
    with pytest.raises(project.module("errors").UserError, match="'func' of FunctionTransformer"):
        build.to_yaml(
            project.module("objects.build").from_yaml("class: FunctionTransformer").set_params(func=lambda x: x)
        )


def test_an_ambiguous_name_is_refused_with_both_paths(project: Project, node: Callable[..., Any]) -> None:
    with pytest.raises(project.module("errors").UserError) as caught:
        node("class: TargetEncoder", "category_encoders")
    assert "write category_encoders.TargetEncoder or sklearn.preprocessing.TargetEncoder" in str(caught.value)


def test_what_the_registry_found_is_kept_until_a_module_changes(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = project.module("objects.discovery")
    cache, module = tmp_path / "registry.json", project.path / "src" / project.package / "components" / "text.py"
    found = registry.find_all(cache=cache)
    assert registry.find_all(cache=Path("/dev/null/registry.json")) == found, "a place that cannot be written to"

    def walk(package: str) -> list[Any]:
        raise RuntimeError("walked")

    monkeypatch.setattr(registry, "_walk", walk)
    os.utime(module, (1, 1))
    assert registry.find_all(cache=cache) == found, "an image rounds the times of its files"
    text = module.read_text(encoding="utf-8")
    try:
        module.write_text(text + "\nMORE = 1\n", encoding="utf-8")
        with pytest.raises(RuntimeError, match="walked"):
            registry.find_all(cache=cache)
    finally:
        module.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_params_stay_valid_with_any_package_named(package: str, project: Project) -> None:
    with project.edited("params/registry.yaml", ("packages: []", f"packages: [{package}]")):
        assert "params are valid" in project.python("check")


@pytest.mark.parametrize("parts", ["none", "all"])
def test_the_stamped_schemas_are_what_the_project_would_write(parts: str, tmp_path: Path) -> None:
    stamped = Project(tmp_path, project_name=f"Schemas {parts}", parts=parts)

    def schemas() -> dict[str, Any]:
        return {path.name: json.loads(path.read_text()) for path in sorted((stamped.path / ".schema").iterdir())}

    before = schemas()
    stamped.python("schema")
    assert before == schemas()


def test_conditions_alternatives_and_options_are_searched(project: Project, node: Callable[..., Any]) -> None:
    steps = node(
        """
        steps:
          - reduce: {optional: {class: PCA, space: {n_components: {int: [1, 2]}}}}
          - scale:
              one_of:
                - {class: StandardScaler}
                - wide: {class: MinMaxScaler}
          - kernel:
              class: Nystroem
              params: {kernel: poly}
              space:
                kernel: {choice: [rbf, poly]}
                degree: {int: [2, 4], when: {kernel: poly}}
        """
    )
    space = project.module("objects.grammar").dimensions(steps)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    seen = [project.module("objects.space").suggest(study.ask(), space) for _ in range(40)]
    assert {tuple(sorted(values)) for values in seen} == {
        tuple(sorted({"reduce", "scale", "kernel.kernel", *pca, *degree}))
        for pca in ([], ["reduce.PCA.n_components"])
        for degree in ([], ["kernel.degree"])
    }
    for values in seen:
        made = project.module("objects.build").build(steps, values)
        assert ("reduce" in dict(made.steps)) == (values["reduce"] == "PCA")
        assert (
            type(made["scale"]).__name__
            == {"StandardScaler": "StandardScaler", "wide": "MinMaxScaler"}[values["scale"]]
        )
        assert made["kernel"].degree == values.get("kernel.degree")


# Each of these went wrong in the project that this one descends from.


def test_old_fault_a_builder_that_knows_packages_still_builds(project: Project, node: Callable[..., Any]) -> None:
    made = project.module("objects.build").build(node("steps: [{scale: {class: StandardScaler}}]", "sklego"))
    assert [name for name, _ in made.steps] == ["scale"]


def test_old_fault_labels_are_encoded_inside_the_fitted_model(project: Project) -> None:
    from sklearn.linear_model import LogisticRegression

    model = project.module("steps.fit").LabelEncoded(LogisticRegression())
    first = model.fit(np.zeros((4, 1)), ["b", "b", "c", "c"])
    assert first.classes_.tolist() == ["b", "c"], "labels of rows that it was not fitted to"
    assert set(first.predict(np.zeros((2, 1)))) <= {"b", "c"}


def test_old_fault_the_space_of_the_preprocessing_is_searched(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    plan = project.module("objects.plan").compile_params(project.path / "params")
    model = project.module("objects.model").model_from(plan.slices["models/logistic_regression"])
    assert {"preprocess.category.encode.min_frequency", "preprocess.number.scale"} < {one.name for one in model.space}


def test_old_fault_the_target_keeps_its_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    for stage in ("plan", "load", "split"):
        project.module(f"stages.{stage}").main()
    for part in ("train", "holdout"):
        columns = pd.read_parquet(f"data/processed/{part}.parquet").columns
        assert "species" in columns and "target" not in columns
