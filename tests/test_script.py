"""The final model as a script: it runs without pandas, Optuna and the project, and predicts what the project predicts."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stamped import QUIET, TOOLS, Project

pytestmark = pytest.mark.slow

# Runs a script where only scikit-learn and what that needs can be imported.
ALONE = """
import runpy, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"pandas", "pyarrow", "optuna", "skops", "fsspec", "ruamel", sys.argv[1]}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
package, script, *words = sys.argv[1:]
sys.argv = [script, *words]
runpy.run_path(script, run_name="__main__")
"""
GREEDY = "ensemble: {class: GreedySelection, params: {refit: false}}"
REFITTED = "ensemble: {class: Voting, params: {size: 2, refit: true}}"
SINGLE = "ensemble: {class: BestSingle, params: {refit: true}}"
STACKING = "ensemble: {class: Stacking, params: {size: 3, refit: false, final_estimator: {class: LogisticRegression}}}"
CALIBRATION = "calibration: {class: CalibratedClassifierCV, params: {method: sigmoid}}"
THRESHOLD = """
threshold:
  class: TunedThresholdClassifierCV
  params: {scoring: {class: mean_cost_loss, params: {matrix: [[0, 1], [5, 0]]}}}
"""


def table(folder: Path, task: str) -> Path:
    """A table with numbers, categories, dates, texts, missing values and rows without a target."""
    random = np.random.default_rng(0)
    size = random.normal(size=240)
    words = np.array(["red", "green", "blue", "small", "large", "round"])
    frame = pd.DataFrame(
        {
            "size": np.where(random.random(240) < 0.1, np.nan, size.round(4)),
            "code": random.integers(1, 4, 240),
            "kind": random.choice(["a", "b ", "?", "C"], 240),
            "sold": random.choice(["true", "false", ""], 240),
            "day": pd.Timestamp("2021-03-01") + pd.to_timedelta(random.integers(0, 900, 240), "D"),
            "note": [" ".join(random.choice(words, 5)) + f" {row}" for row in range(240)],
        }
    )
    frame["day"] = frame["day"].dt.strftime("%d/%m/%Y")
    target = size + frame["code"] + random.normal(scale=0.3, size=240)
    frame["y"] = target.round(3) if task == "regression" else np.where(target > 2, "yes", "no")
    frame.loc[[3, 77], "y"] = np.nan
    path = folder / f"{task}.csv"
    frame.to_csv(path, index=False)
    return path


def stamped(folder: Path, task: str, estimators: str) -> Project:
    """A project on that table, with a budget of two trials for each model."""
    project = Project(
        folder,
        project_name=f"Script {task}",
        recipe=f"tabular-{task}",
        data=str(table(folder, task)),
        target="y",
        estimators=estimators,
    )
    project.edit("params/search.yaml", ("trials: 100", "trials: 4"), ("seconds: 240", "seconds: 400"))
    project.edit("params/data.yaml", ("columns: {}", "columns: {code: {dtype: category}}"))
    return project


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on two classes that has been run."""
    project = stamped(
        tmp_path_factory.mktemp("script"), "classification", "logistic_regression, hist_gradient_boosting"
    )
    project.edit("params/models/hist_gradient_boosting.yaml", ("max_iter: 400", "max_iter: 20"))
    ensemble(project, GREEDY)
    project.repro("train")
    return project


def ensemble(project: Project, *lines: str) -> None:
    """Write how the final model is made."""
    text = "\n".join(lines)
    others = [f"{key}: null" for key in ("calibration", "threshold") if key not in text]
    (project.path / "params" / "train.yaml").write_text("\n".join([text, *others]) + "\n", encoding="utf-8")


def trained(project: Project, folder: Path, *lines: str) -> Project:
    """A copy of a project whose final model is made in another way."""
    twin = project.copy(folder)
    ensemble(twin, *lines)
    twin.stage("plan")
    twin.stage("train")
    return twin


def same(project: Project, folder: Path, rows: slice = slice(None), alone: bool = True) -> str:
    """The script, after it has predicted what the project predicts of rows of the training table."""
    project.python("script", "model.py")
    source = next((project.path / "data" / "raw").glob("*.csv"))
    new = folder / "new.csv"
    pd.read_csv(source, dtype=str, keep_default_na=False)[rows].drop(columns="y").to_csv(new, index=False)
    project.python("predict", str(new), str(folder / "theirs.csv"), "--model", "models/final")
    runner = folder / "alone.py"
    runner.write_text(ALONE, encoding="utf-8")
    blocked = [str(runner), project.package] if alone else []
    paths = [project.path / "model.py", source, new, folder / "ours.csv"]
    done = subprocess.run(
        [str(TOOLS / "python"), "-I", *blocked, *map(str, paths)],
        cwd=folder,
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    theirs, ours = pd.read_csv(folder / "theirs.csv"), pd.read_csv(folder / "ours.csv")
    pd.testing.assert_frame_equal(ours, theirs, rtol=0, atol=1e-6)
    project.run("ruff", "check", "model.py")
    project.run("ruff", "format", "--check", "model.py")
    return (project.path / "model.py").read_text(encoding="utf-8")


def test_models_of_the_folds_are_averaged(classes: Project, tmp_path: Path) -> None:
    text = same(classes, tmp_path)
    assert "import pandas" not in text and "WEIGHTS = " in text and "cv.split" in text


def test_one_model_alone_needs_no_folds(classes: Project, tmp_path: Path) -> None:
    text = same(trained(classes, tmp_path, SINGLE), tmp_path, slice(5, 25))
    assert "WEIGHTS" not in text and "folds" not in text


def test_stacking_calibration_and_threshold_learn_the_same(classes: Project, tmp_path: Path) -> None:
    text = same(trained(classes, tmp_path, STACKING, CALIBRATION, THRESHOLD), tmp_path)
    assert "CalibratedClassifierCV(" in text and "greater_is_better=False, matrix=[[0, 1], [5, 0]]" in text


def test_members_learn_from_the_samples_of_their_searches(classes: Project, tmp_path: Path) -> None:
    twin = classes.copy(tmp_path)
    twin.edit("params/search.yaml", ("rows: 30000", "rows: 90"))
    twin.edit("params/models/hist_gradient_boosting.yaml", ("\nspace:", "\nsample: null\nspace:"))
    ensemble(twin, STACKING)
    twin.repro("train")
    text = same(twin, tmp_path)
    assert "zip(models(), [(" in text and "(90, 0)" in text and "sample(learn, rows, seed)" in text


def test_a_changed_class_is_taken_as_it_is(classes: Project) -> None:
    # The script has a DateFeatures for arrays, which is no longer the same.
    with classes.edited(
        f"src/{classes.package}/components/dates.py", ('"month", "day",', '"month", "quarter", "day",')
    ):
        text = classes.python("script")
    assert "# It needs pandas: without it, the preprocessing of" in text and '"quarter"' in text


def test_a_module_follows_those_that_its_classes_are_derived_from(classes: Project) -> None:
    sources = classes.module("parts.script.code").Sources((), ())
    sources.add(f"{classes.package}.steps.read_csv", "TooLarge")
    text = "\n\n\n".join(sources.code())
    assert text.index("class UserError") < text.index("class TooLarge(UserError)")


def test_a_script_is_written_where_the_table_has_notes(classes: Project, tmp_path: Path) -> None:
    twin = classes.copy(tmp_path)
    path = twin.path / "data/interim/schema.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"notes": ["a: 3"], "warnings": ["a: 3"]}))
    assert "was made from other data" not in twin.python("script")


def test_splitters_that_dvc_lock_does_not_name_are_not_used(classes: Project, tmp_path: Path) -> None:
    twin = classes.copy(tmp_path)
    path = twin.path / "data/processed/split.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"holdout": {"class": "sklego.this.Poem"}}))
    assert "data/processed is not the one that dvc.lock names" in twin.python("script", code=1)


def test_a_script_of_other_data_is_refused(classes: Project, tmp_path: Path) -> None:
    twin = classes.copy(tmp_path)
    twin.edit("params/data.yaml", ("code: {dtype: category}", "code: {dtype: number}"))
    twin.stage("plan")
    twin.stage("load")
    assert "was made from other data" in twin.python("script", code=1)


def test_a_regression_refits_its_members_and_takes_featurize_along(tmp_path: Path) -> None:
    project = stamped(tmp_path, "regression", "ridge")
    ensemble(project, REFITTED)
    project.repro("train")
    text = same(project, tmp_path)
    assert "WEIGHTS" in text and "folds" not in text and "import pandas" not in text
    added = ("    return frame\n", '    return frame.assign(twice=2 * frame["size"])\n')
    project.edit(f"src/{project.package}/steps/featurize.py", added)
    project.repro("train")
    text = same(project, tmp_path, alone=False)
    assert "# It needs pandas: featurize adds columns" in text and "import pandas as pd" in text
