"""Each stage of `dvc.yaml` depends on its slice of the plan and on the code that it uses."""

from pathlib import Path

from << cookiecutter.package_name >>.objects.code import PACKAGE, ROOT, STAGES, stage_code
from << cookiecutter.package_name >>.objects.reader import read

PROJECT = Path(__file__).parent.parent
DEPS = {name: stage["deps"] for name, stage in read(PROJECT / "dvc.yaml")[0]["stages"].items()}


def test_the_plan_depends_on_all_params_and_all_code() -> None:
    assert DEPS["plan"] == ["params", f"src/{PACKAGE}"]


def test_every_other_stage_depends_on_its_code() -> None:
    code = {name: [dep for dep in deps if dep.startswith("plan/code")] for name, deps in DEPS.items() if name != "plan"}
    assert code == {name: [f"plan/code/{name}.json"] for name in STAGES}


def test_the_code_of_a_stage_is_what_it_imports_wherever_it_imports_it() -> None:
    code = stage_code()
    assert {"stages/tune.py", "stages/search.py", "steps/fold.py"} <= set(code["tune"])
    assert {"report/drawing.py", "report/page.html", "report/style.css"} <= set(code["evaluate"])
    assert not {name for found in code.values() for name in found if name.startswith(("components/", "custom/"))}
    assert all((ROOT / name).is_file() for found in code.values() for name in found)
