"""The part `metaflow`: the flow that it writes; with the real Metaflow, a run that fails, goes on and is taken over."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_once import finished
from stamped import TOOLS, Project, environment

# How long something took differs from run to run.
CLOCKS = ["started", "ended", "seconds", "prediction_time"]
STEPS = "start, load, split, tune, train, evaluate, package"


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Metaflow wants a user, and root is none to it."""
    monkeypatch.setenv("METAFLOW_USER", "ada")
    monkeypatch.setenv("METAFLOW_DEFAULT_DATASTORE", "local")
    monkeypatch.setenv("METAFLOW_DEFAULT_METADATA", "local")


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that no pipeline has run in."""
    folder = tmp_path_factory.mktemp("metaflow")
    return Project(folder, project_name="Flow", package_name="flowing", parts="metaflow", estimators="fast")


@pytest.fixture
def project(stamped: Project) -> Iterator[Project]:
    """The same as it was stamped, for each test."""
    params = stamped.path / "params" / "metaflow.yaml"
    text = params.read_text(encoding="utf-8")
    yield stamped
    params.write_text(text, encoding="utf-8")
    (stamped.path / "flow.py").unlink(missing_ok=True)


def flow(project: Project, *words: str, code: int = 0) -> str:
    """Run a command of the flow."""
    return project.run(str(TOOLS / "python"), "flow.py", *words, code=code)


def test_the_flow_has_the_stages_as_steps(project: Project) -> None:
    said = project.python("metaflow-write")
    assert said == f"flow.py has the steps {STEPS}; make metaflow-run runs it here\n"
    text = (project.path / "flow.py").read_text(encoding="utf-8")
    assert 'self.next(self.tune, foreach="tune_models")' in text
    assert "def train(self, inputs):" in text
    project.run("ruff", "check", "flow.py")
    project.run("ruff", "format", "--check", "flow.py")
    assert "Search one model's space." in flow(project, "show")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("  tun: {}", "params/metaflow.yaml:2: the flow has no step 'tun'; did you mean 'tune'?"),
        (
            "  tune: {bach: {}}",
            "params/metaflow.yaml:2: a step cannot have the decorator 'bach'; did you mean 'batch'?",
        ),
        ("  tune: {catch: {}}", "params/metaflow.yaml:2: a step cannot have the decorator 'catch'"),
        ("  tune: {batch: {cpus: 4}}", "params/metaflow.yaml:2: @batch has no argument 'cpus'; did you mean 'cpu'?"),
        ("  tune: 3", "params/metaflow.yaml:2: 'tune' should be a mapping of names to values, not 3"),
    ],
)
def test_wrong_decorators_are_refused_with_their_line(project: Project, steps: str, said: str) -> None:
    (project.path / "params" / "metaflow.yaml").write_text(f"steps:\n{steps}\n", encoding="utf-8")
    assert said in project.python("metaflow-write", code=1)
    assert not (project.path / "flow.py").exists()


def test_decorators_stand_above_their_step(project: Project) -> None:
    params = "steps:\n  tune:\n    kubernetes: {cpu: 4, image: 'registry/train:1'}\n    retry:\n"
    (project.path / "params" / "metaflow.yaml").write_text(params, encoding="utf-8")
    project.python("metaflow-write")
    text = (project.path / "flow.py").read_text(encoding="utf-8")
    assert "    @kubernetes(cpu=4, image='registry/train:1')\n    @retry\n    @step\n    def tune(self):\n" in text
    assert "import FlowSpec, IncludeFile, kubernetes, retry, step\n" in text


def test_a_file_of_the_owner_is_kept(project: Project) -> None:
    (project.path / "flow.py").write_text("# mine\n", encoding="utf-8")
    said = project.python("metaflow-write", code=1)
    assert "flow.py was not written by make metaflow: give it another name first" in said
    assert (project.path / "flow.py").read_text(encoding="utf-8") == "# mine\n"


def test_without_metaflow_one_sentence_says_how_to_get_it(project: Project) -> None:
    hidden = "import sys; sys.modules['metaflow'] = None; sys.argv[1:] = ['metaflow-write']; "
    program = hidden + "from flowing.__main__ import main; from flowing.stages import run; run(main)"
    with environment(PYTHONPATH="src"):
        said = project.run(str(TOOLS / "python"), "-c", program, code=1)
    assert said == "error: metaflow is not installed: add the extra 'metaflow' to pyproject.toml and run `make setup`\n"


@pytest.mark.slow
def test_a_run_fails_goes_on_and_is_taken_over(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    project = finished(tmp_path_factory, "tabular-classification").copy(tmp_path)
    broken = tmp_path / "broken"
    broken.touch()
    tune = "python -m finished.stages.tune"
    project.edit("dvc.yaml", (f"cmd: {tune}", f"cmd: test ! -e {broken} && {tune}"))
    project.python("metaflow-write")
    assert "tune logistic_regression failed" in flow(project, "run", "--max-workers", "1", code=1)
    assert "no run has succeeded" in project.python("metaflow-take", code=1)
    broken.unlink()
    assert "Cloning" in flow(project, "resume", "--max-workers", "2")
    shutil.rmtree(project.path / "models")
    project.python("metaflow-take")
    assert "up to date" in project.run(str(TOOLS / "dvc"), "status")
    assert made(project) == made(finished(tmp_path_factory, "tabular-classification"))
    project.edit("params/train.yaml", ("size: 25", "size: 24"))
    said = project.python("metaflow-take", code=1)
    assert "the params or the code changed since run" in said


def made(project: Project) -> Any:
    """Return the metrics of a run, and its trials without the clock."""
    files = sorted((project.path / "models" / "tuned").glob("*/trials.csv"))
    trials = {path.parent.name: pd.read_csv(path).drop(columns=CLOCKS).to_dict("list") for path in files}
    return repr((json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8")), trials))
