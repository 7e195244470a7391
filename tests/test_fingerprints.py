"""A stage runs again exactly when the code that it uses has changed: edits of every module of a stamped project."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from stamped import TOOLS, Project

MODELS = "logistic_regression, random_forest"
TUNE = ["tune@logistic_regression", "tune@random_forest"]
# What a stage loads without depending on it: where a search runs, and who is told of it, changes no score.
FREE = ("components/workers.py", "parts/tracking/")

# Imports modules one by one, and then what they import inside functions: prints the files that each of them loads.
LOADED = """
import ast, importlib, json, pathlib, sys

package, *names = sys.argv[1:]

def loaded():
    return {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{package}.")}

def import_what_functions_import(module):
    for function in ast.walk(ast.parse(pathlib.Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom) and node.level:
                    code = compile(ast.Module([node], []), module.__file__, "exec")
                    exec(code, {"__name__": module.__name__, "__package__": module.__package__})

found = {}
for name in names:
    for earlier in loaded():
        del sys.modules[earlier]
    importlib.import_module(name)
    done = set()
    while set(loaded()) - done:
        for each in set(loaded()) - done:
            done.add(each)
            import_what_functions_import(sys.modules[each])
    found[name] = [module.__file__ for module in loaded().values()]
print(json.dumps(found))
"""

# Beside the package, where Python finds it: each stage notes what it has loaded when it ends.
NOTING = """
import atexit, json, pathlib, sys

@atexit.register
def note():
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec and ".stages." in spec.name:
        files = [module.__file__ for name, module in sys.modules.items() if f"{name}.".startswith("PACKAGE.")]
        file = pathlib.Path(f".cache/loaded/{spec.name.rpartition('.')[2]}.json")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(files))
"""


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project that has not been run."""
    return Project(tmp_path_factory.mktemp("stamped"), project_name="Fingerprinted", estimators=MODELS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has been run; tests work on copies of it."""
    project = Project(tmp_path_factory.mktemp("finished"), project_name="Finished", estimators=MODELS)
    project.edit("params/search.yaml", ("trials: 100", "trials: 4"), ("seconds: 240", "seconds: 600"))
    project.edit("params/models/random_forest.yaml", ("n_estimators: 100", "n_estimators: 10"))
    (project.path / "src/sitecustomize.py").write_text(NOTING.replace("PACKAGE", project.package), encoding="utf-8")
    project.run(str(TOOLS / "dvc"), "repro", warm=False)  # each stage is a new process, which notes what it imports
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of that project."""
    return finished.copy(tmp_path)


@pytest.fixture
def compiled(stamped: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Any]]:
    """A function that compiles the plan of the stamped project."""
    monkeypatch.chdir(stamped.path)
    module = stamped.module("objects.plan")
    return lambda: dict(module.compile_params(Path("params")).slices)


@contextmanager
def appended(project: Project, file: str, text: str) -> Iterator[None]:
    """Append a text to a file of the package, or make the file, for a while."""
    path = project.path / "src" / project.package / file
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.write_text((before or "") + text, encoding="utf-8")
    try:
        yield
    finally:
        path.unlink() if before is None else path.write_text(before, encoding="utf-8")


def append(project: Project, file: str, text: str) -> None:
    """Append a text to a file of the package."""
    with (project.path / "src" / project.package / file).open("a", encoding="utf-8") as opened:
        opened.write(text)


def slices_of_stages(project: Project, slices: list[str]) -> dict[str, set[str]]:
    """Return which slices of the plan each stage of dvc.yaml depends on."""
    found = {}
    for stage, said in project.module("objects.reader").read(project.path / "dvc.yaml")[0]["stages"].items():
        models = TUNE if stage == "tune" else [stage]
        for name in models:
            deps = [dep.replace("${item.model}", name.partition("@")[2]) for dep in said["deps"]]
            plan = [dep.removeprefix("plan/").removesuffix(".json") for dep in deps if dep.startswith("plan/")]
            found[name] = {one for one in slices if any(one == dep or one.startswith(f"{dep}/") for dep in plan)}
    return found


def package_files(project: Project, pattern: str = "*.py") -> list[str]:
    """The files of the package."""
    root = project.path / "src" / project.package
    return sorted(file.relative_to(root).as_posix() for file in root.rglob(pattern) if file.is_file())


def test_an_edit_of_any_module_changes_what_the_stages_that_use_it_depend_on(
    stamped: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    code, slices = stamped.module("objects.code"), compiled()
    classes = {name: slice_.get("code", {}) for name, slice_ in slices.items() if not name.startswith("code/")}

    def fingerprints() -> dict[str, Any]:
        known = code.fingerprints({path for paths in classes.values() for path in paths})
        stages = {f"code/{stage}": found for stage, found in code.stage_code().items()}
        return stages | {name: [known[path] for path in paths] for name, paths in classes.items()}

    modules = {
        f"code/{stage}": [f"{stamped.package}.stages.{name}" for name in names] for stage, names in code.STAGES.items()
    }
    modules |= {name: [path.rpartition(".")[0] for path in paths] for name, paths in classes.items()}
    names = sorted({name for found in modules.values() for name in found})
    said = subprocess.run(
        [sys.executable, "-c", LOADED, stamped.package, *names],
        env={"PYTHONPATH": "src"},
        capture_output=True,
        check=True,
    )
    loaded = json.loads(said.stdout)
    stages = slices_of_stages(stamped, list(slices))
    before, wrong, used = fingerprints(), {}, set()
    for file in package_files(stamped):
        with appended(stamped, file, "\nEDITED = True\n"):
            after = fingerprints()
        path = str(stamped.path / "src" / stamped.package / file)
        changed = {stage for stage, needed in stages.items() if any(after[one] != before[one] for one in needed)}
        expected = {
            stage
            for stage, needed in stages.items()
            if any(path in loaded[name] for one in needed for name in modules[one])
        }
        used |= {file} if expected else set()
        if changed != expected:
            wrong[file] = {"changed": sorted(changed), "expected": sorted(expected)}
    assert wrong == {}
    assert {"steps/fit.py", "report/drawing.py", "components/charts.py"} <= used
    assert not [
        file
        for file in used
        if file.startswith(("parts/serve/", "parts/tracking/", "parts/remote/", "parts/releases/"))
    ]


@pytest.mark.parametrize(
    ("file", "stages"),
    [("report/page.html", {"evaluate"}), ("report/style.css", {"evaluate"}), ("parts/serve/pages/style.css", set())],
)
def test_an_edit_of_package_data_changes_the_code_of_the_stages_that_read_it(
    file: str, stages: set[str], stamped: Project
) -> None:
    code = stamped.module("objects.code")
    before = code.stage_code()
    with appended(stamped, file, "\n"):
        after = code.stage_code()
    assert {stage for stage in before if before[stage] != after[stage]} == stages


def test_no_stage_imports_what_the_params_name(stamped: Project) -> None:
    listed = {file for files in stamped.module("objects.code").stage_code().values() for file in files}
    assert [
        file for file in listed if file.startswith(("components/", "custom/", "parts/")) and file != "parts/__init__.py"
    ] == []


def test_an_edit_of_a_chart_changes_the_slice_of_evaluate_alone(
    stamped: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    before = compiled()
    with appended(stamped, "components/charts.py", "\nEDITED = True\n"):
        after = compiled()
    assert [name for name in before if before[name] != after[name]] == ["evaluate"]


def test_an_edit_of_a_metric_that_only_evaluate_names_changes_the_slices_of_evaluate_and_split(
    stamped: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    metric = "def half_score(y_true, y_pred):\n    return 0.5\n"
    with (
        appended(stamped, "custom/halves.py", metric),
        stamped.edited("params/evaluate.yaml", ("metrics:", "metrics:\n  - half_score")),
    ):
        before = compiled()
        with appended(stamped, "custom/halves.py", "\nEDITED = True\n"):
            after = compiled()
    assert {name for name in before if before[name] != after[name]} == {"evaluate", "split"}


def test_the_flavor_that_no_params_name_counts_for_train(
    stamped: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    flavors = stamped.path / "params/package.yaml"
    written = flavors.read_text(encoding="utf-8")
    flavors.write_text("exports: []\n", encoding="utf-8")
    try:
        assert f"{stamped.package}.components.flavors.Skops" in compiled()["train"]["code"]
    finally:
        flavors.write_text(written, encoding="utf-8")


def test_comments_docstrings_and_layout_change_no_fingerprint(stamped: Project) -> None:
    fingerprint = stamped.module("objects.code").fingerprint
    file = stamped.path / "src" / stamped.package / "custom/own.py"
    try:
        file.write_text('"""One."""\n\n\ndef double(x):\n    """Double it."""\n    return 2 * x\n', encoding="utf-8")
        before = fingerprint(file)
        file.write_text("# Another.\ndef double( x ):\n    '''Twice.'''\n    return 2*x  # so\n", encoding="utf-8")
        assert fingerprint(file) == before
        file.write_text("def double(x):\n    return 3 * x\n", encoding="utf-8")
        assert fingerprint(file) != before
    finally:
        file.unlink()


def test_the_fingerprint_does_not_depend_on_what_ast_dump_writes(
    stamped: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python 3.12 added the field `type_params`, and Python 3.13 leaves empty fields out of `ast.dump`.
    import ast

    dumped = stamped.module("objects.code")._dumped
    tree = ast.parse("def f(x: int = 1) -> str:\n    return f'{x}'\n")
    before = dumped(tree)
    function = tree.body[0]
    monkeypatch.setattr(type(function), "_fields", (*function._fields, "some_new_field"))
    monkeypatch.setattr(function, "some_new_field", [], raising=False)
    assert dumped(tree) == before


def test_a_module_that_does_not_parse_is_named(stamped: Project) -> None:
    refusal = stamped.module("errors").UserError
    with (
        appended(stamped, "steps/search.py", "\ndef broken(:\n"),
        pytest.raises(refusal, match=rf"src/{stamped.package}/steps/search.py, line \d+"),
    ):
        stamped.module("objects.code").stage_code()


def test_nested_cross_validation_refuses_a_plan_of_other_code(
    stamped: Project, compiled: Callable[[], dict[str, Any]]
) -> None:
    stamped.module("stages.plan").main()
    refuse_old_plan, refusal = (
        stamped.module("parts.nested.estimate")._refuse_old_plan,
        stamped.module("errors").UserError,
    )
    refuse_old_plan()
    with appended(stamped, "steps/fit.py", "\nEDITED = True\n"), pytest.raises(refusal, match="src/ changed"):
        refuse_old_plan()


@pytest.mark.slow
def test_a_run_loads_nothing_that_its_stages_do_not_depend_on(finished: Project) -> None:
    code = finished.module("objects.code")
    closure = code.Code().closure
    root = finished.path / "src" / finished.package
    slices = {
        file.relative_to(finished.path / "plan").with_suffix("").as_posix(): json.loads(file.read_text())
        for file in (finished.path / "plan").rglob("*.json")
    }
    wanted = slices_of_stages(finished, list(slices))
    for stage in ("load", "split", *TUNE, "train", "evaluate", "package"):
        known = set(slices[f"code/{stage.partition('@')[0]}"])
        for name in wanted[stage]:
            for path in slices[name].get("code", ()):
                module = root.parent / f"{path.rpartition('.')[0].replace('.', '/')}.py"
                known |= {file.relative_to(root).as_posix() for file in closure(module)}
        for module in code.STAGES[stage.partition("@")[0]]:
            loaded = json.loads((finished.path / f".cache/loaded/{module}.json").read_text())
            names = {Path(file).relative_to(root).as_posix() for file in loaded}
            assert [name for name in names - known if not name.startswith(FREE)] == [], (stage, module)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("components/charts.py", "\nEDITED = True\n", ["plan", "evaluate"]),
        ("report/drawing.py", "\nEDITED = True\n", ["plan", "evaluate"]),
        ("report/style.css", "\n/* edited */\n", ["plan", "evaluate"]),
        ("report/card.py", "\nEDITED = True\n", ["plan", "package"]),
        ("steps/leaks.py", "\nEDITED = True\n", ["plan", "split"]),
        ("stages/search.py", "# a comment\n", ["plan"]),
        ("steps/task.py", "\n# a comment\n", ["plan"]),
        ("parts/serve/app.py", "\nEDITED = True\n", ["plan"]),
        ("parts/remote/work.py", "\nEDITED = True\n", ["plan"]),
        ("parts/tracking/components.py", "\nEDITED = True\n", ["plan"]),
    ],
)
def test_a_run_after_an_edit_runs_what_uses_it(file: str, text: str, expected: list[str], project: Project) -> None:
    append(project, file, text)
    assert project.repro() == expected
    assert project.repro() == []


@pytest.mark.slow
def test_a_metric_that_only_evaluate_names_is_computed_anew(project: Project) -> None:
    append(project, "custom/halves.py", "def half_score(y_true, y_pred):\n    return 0.5\n")
    project.edit("params/evaluate.yaml", ("metrics:", "metrics:\n  - half_score"))
    assert project.repro() == ["plan", "split", "evaluate", "package"]
    project.edit(f"src/{project.package}/custom/halves.py", ("0.5", "0.25"))
    assert project.repro() == ["plan", "split", "evaluate", "package"]
    assert json.loads((project.path / "reports/metrics.json").read_text())["half_score"] == 0.25


@pytest.mark.slow
def test_a_run_in_a_notebook_sees_an_edit(project: Project) -> None:
    append(project, "components/charts.py", "\nEDITED = True\n")
    said = project.run(
        sys.executable, "-c", f"from {project.package}.parts.notebooks.interactive import run; run('evaluate')"
    )
    assert "Running stage 'evaluate'" in said and "Running stage 'train'" not in said
    assert project.repro() == []


@pytest.mark.slow
def test_an_edit_of_one_models_class_tunes_that_model_alone(project: Project) -> None:
    own = "from sklearn.preprocessing import RobustScaler\n\n\nclass Scaled(RobustScaler):\n    pass\n"
    append(project, "custom/scaled.py", own)
    project.edit("params/preprocess/scaled_onehot.yaml", ("class: StandardScaler", "class: Scaled"))
    assert project.repro()[:2] == ["plan", "tune@logistic_regression"]
    append(project, "custom/scaled.py", "\nEDITED = True\n")
    ran = project.repro(*TUNE)
    assert [stage for stage in ran if stage in TUNE] == ["tune@logistic_regression"]
