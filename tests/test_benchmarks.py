"""The scripts in `benchmarks/` that are written by hand make the trials that a project of the template makes."""

import runpy

import pytest
import yaml
from conftest import ROOT

SHARED = ROOT / "<<cookiecutter.project_slug>>" / "params"
RECIPE = ROOT / "recipes" / "tabular-classification" / "params"
SPACES = runpy.run_path(str(ROOT / "benchmarks" / "plain_script.py"))["SPACES"]


@pytest.mark.parametrize("name", SPACES)
def test_a_model_by_hand_has_the_space_and_the_seeds_of_the_template(name: str) -> None:
    space, starts = SPACES[name]
    model = yaml.safe_load((RECIPE / "models" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert {key for key in space if not key.startswith("preprocess.")} == set(model["space"])
    for key, said in model["space"].items():
        ours = space[key]
        bounds = said.get("choice") or said.get("int") or said.get("float")
        assert list(ours.choices if "choice" in said else (ours.low, ours.high)) == bounds
        assert getattr(ours, "log", False) == said.get("log", False)
    assert len(starts) == 1 + len(model["seeds"])
    for start, seed in zip(starts[1:], model["seeds"], strict=True):
        assert start.items() >= seed.items()


def test_scaling_by_hand_has_the_choices_of_the_template() -> None:
    steps = yaml.safe_load((SHARED / "preprocess" / "scaled_onehot.yaml").read_text(encoding="utf-8"))["steps"]
    choices = [next(iter(one)) for one in steps[0]["steps"][1]["scale"]["one_of"]]
    encode = steps[1]["steps"][0]["encode"]["space"]["min_frequency"]["choice"]
    space = SPACES["logistic_regression"][0]
    assert list(space["preprocess.number.scale"].choices) == choices
    assert list(space["preprocess.category.encode.min_frequency"].choices) == encode


@pytest.mark.parametrize(
    ("name", "part"), [("plain_script.py", "sampler"), ("plain_search.py", "sampler"), ("plain_search.py", "pruner")]
)
def test_searching_by_hand_has_the_sampler_and_the_pruner_of_the_template(name: str, part: str) -> None:
    said = yaml.safe_load((SHARED / "search.yaml").read_text(encoding="utf-8"))[part]
    params = ", ".join(f"{one}={value}" for one, value in said["params"].items())
    assert f"{said['class']}({params})" in (ROOT / "benchmarks" / name).read_text(encoding="utf-8")
