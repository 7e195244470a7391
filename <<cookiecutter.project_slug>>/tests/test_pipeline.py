"""`dvc.yaml` depends on exactly the code that its stages import."""

from pathlib import Path

import pytest

from << cookiecutter.package_name >>.objects.code import ROOT, closure
from << cookiecutter.package_name >>.objects.reader import read

PROJECT = Path(__file__).parent.parent
STAGES = read(PROJECT / "dvc.yaml")[0]["stages"]
PREFIX = ROOT.relative_to(PROJECT).as_posix() if ROOT.is_relative_to(PROJECT) else f"src/{ROOT.name}"
# What a stage reads or finds without an import statement.
ALSO = {
    "plan": {"components", "custom", "report/charts.py"},
    "evaluate": {"report/page.html", "report/style.css"},
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_the_modules_that_it_runs(stage: str) -> None:
    modules = [stage, "search"] if stage == "tune" else [stage]
    needed = {file for name in modules for file in closure(ROOT / "stages" / f"{name}.py")}
    names = {file.relative_to(ROOT).as_posix() for file in needed} | ALSO.get(stage, set())
    # What the params name is followed by the plan, for each model apart.
    names = {name for name in names if not name.startswith(("components/", "custom/"))}
    listed = {dep.removeprefix(f"{PREFIX}/") for dep in STAGES[stage]["deps"] if dep.startswith(PREFIX)}
    assert sorted(listed - names) == [], "remove these from the deps in dvc.yaml"
    assert sorted(names - listed) == [], "add these to the deps in dvc.yaml"
