"""Notebooks of stamped projects, single stages from Python, and the badges that open notebooks elsewhere."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from stamped import Project
from test_pipeline import GREEDY, QUICK, SMALL, mixed

pytestmark = pytest.mark.slow

NAMES = ["data", "errors", "pipeline"]


@pytest.fixture(scope="module")
def penguins(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A classification that has been run; tests that change it work on copies."""
    project = Project(
        tmp_path_factory.mktemp("penguins"), project_name="Noted", estimators="logistic_regression, random_forest"
    )
    project.edit("params/search.yaml", *SMALL)
    project.edit("params/models/random_forest.yaml", QUICK)
    project.edit("params/evaluate.yaml", ("  - learning_curve", "#  - learning_curve"))
    project.edit("params/train.yaml", (GREEDY, "class: Voting\n  params: {size: 3}"))
    project.repro()
    return project


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A regression on a table with gaps, text, dates and categories, of which no stage has been run."""
    folder = tmp_path_factory.mktemp("prices")
    mixed(200).drop(columns="risk").to_csv(folder / "table.csv", index=False)
    table = str(folder / "table.csv")
    project = Project(
        folder, project_name="Priced", recipe="tabular-regression", data=table, target="price", estimators="ridge"
    )
    project.edit("params/search.yaml", ("trials: 100", "trials: 2"))
    project.edit("params/evaluate.yaml", ("  - learning_curve", "#  - learning_curve"))
    return project


@pytest.fixture
def copied(penguins: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A copy of the classification, whose notebooks are where one works."""
    project = penguins.copy(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "src")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(project.path / "notebooks")
    yield project


def pages(project: Project) -> dict[str, str]:
    """The text of each page."""
    found = sorted((project.path / "reports" / "notebooks").iterdir())
    return {path.stem: path.read_text(encoding="utf-8") for path in found}


def ran(said: str) -> list[str]:
    """The stages that DVC ran, in order."""
    return re.findall(r"Running stage '(.*)'", said)


def check_pages(project: Project, drawn: dict[str, int]) -> dict[str, str]:
    """That the notebooks have become whole pages which load nothing, and that running them has changed nothing else."""
    found = pages(project)
    assert list(found) == NAMES
    for name, page in found.items():
        assert not re.search(r"<(script|img|link|iframe)[^>]*(src|href)=\"(http|//)", page), name
        assert len(re.findall(r"<img [^>]*src=\"data:image/png", page)) == drawn[name], name
        assert "REPOSITORY" not in page and "Warning" not in page, name
    assert list((project.path / "notebooks").glob("*.ipynb")) == []
    assert project.repro() == []
    return found


def test_the_notebooks_of_a_classification(penguins: Project) -> None:
    said = penguins.python("notebooks", "--param", "column=island", "--param", "rows=3")
    assert str(penguins.path / "reports" / "notebooks" / "errors.html") in said
    found = check_pages(penguins, {"data": 4, "errors": 3, "pipeline": 1})
    assert not any(ran(page) for page in found.values())
    assert "random_forest" in found["pipeline"] and "probability_Adelie" in found["pipeline"]
    assert "equal weights" in found["pipeline"] and "accuracy on the other rows of the fold" in found["pipeline"]
    assert "3 classes" in found["data"] and "mutual information" in found["data"]
    assert "By <code>island</code>" in found["errors"] and "rows are predicted wrongly" in found["errors"]
    metrics = json.loads((penguins.path / "reports" / "metrics.json").read_text())
    said = re.findall(r"predicted wrongly \(([\d.]+)%\)", found["errors"])
    assert float(said[0]) == pytest.approx(100 - 100 * metrics["accuracy"], abs=0.06)


def test_the_notebooks_of_a_regression_run_what_has_not_been_run(prices: Project) -> None:
    prices.python("notebooks")
    found = check_pages(prices, {"data": 4, "errors": 3, "pipeline": 1})
    assert ran(found["data"]) == ["plan", "load"]
    assert ran(found["errors"]) == ["split", "tune@ridge", "train"]
    assert ran(found["pipeline"]) == ["evaluate", "package"]
    assert "R² on the other rows of the fold" in found["pipeline"]
    assert "what (words)" not in found["data"] and "<code>Row Id</code> (id)" in found["data"]
    metrics = json.loads((prices.path / "reports" / "metrics.json").read_text())
    said = re.findall(r"mean absolute error ([\d.]+), median", found["errors"])
    assert float(said[0]) == pytest.approx(metrics["mean_absolute_error"], rel=1e-3)


def test_a_notebook_that_fails_leaves_the_earlier_page(copied: Project) -> None:
    page = copied.path / "reports" / "notebooks" / "errors.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text("the earlier one")
    said = copied.python("notebooks", "errors", "--param", "column=iland", code=1)
    assert "error: notebooks/errors.py: the cell 11 (`column = shares.index[0] if column is None" in said
    assert "fails: the table has no column 'iland'; did you mean 'island'?" in said
    assert "Traceback" not in said and page.read_text() == "the earlier one"


def test_a_notebook_or_a_parameter_that_is_not_there_is_said(copied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.path)
    notebooks, error = copied.module("parts.notebooks.pages"), copied.module("errors").UserError
    with pytest.raises(error, match="there is no notebook 'error'; did you mean 'errors'"):
        notebooks.execute(["error"], {})
    with pytest.raises(error, match="no notebook that is run has a parameter 'row'; did you mean 'rows'"):
        notebooks.execute(["errors"], {"row": 3})


def test_a_stage_that_is_up_to_date_is_not_run(copied: Project, capfd: Any) -> None:
    interactive = copied.module("parts.notebooks.interactive")
    tuned = interactive.run("tune", model="random_forest")
    assert ran(capfd.readouterr().out) == []
    assert tuned.result.state == "ok" and len(tuned.trials) == 2
    train, holdout, folds = interactive.run("split", from_cache=False)
    assert ran(capfd.readouterr().out) == ["split"]
    assert (len(train), len(holdout), len(folds)) == (275, 69, 5)


def test_after_a_change_only_what_it_touches_is_run(copied: Project, capfd: Any) -> None:
    interactive = copied.module("parts.notebooks.interactive")
    before = interactive.last("tune", "random_forest").result
    copied.edit(
        f"src/{copied.package}/steps/featurize.py",
        ("    return frame\n", '    return frame.assign(area=frame["bill_length_mm"] * frame["bill_depth_mm"])\n'),
    )
    tuned = interactive.run("tune", "random_forest")
    assert ran(capfd.readouterr().out) == ["plan", "load", "split", "tune@random_forest"]
    frame, schema, _ = interactive.last("load")
    assert schema.features["area"] == "number" and "area" in frame
    assert tuned.result.folds != before.folds
    copied.edit(f"src/{copied.package}/steps/featurize.py", ('frame["bill_depth_mm"])', 'frame["no such column"])'))
    with pytest.raises(copied.module("errors").UserError, match="`dvc repro split` has failed"):
        interactive.run("split")
    assert "featurize fails: KeyError: 'no such column'" in capfd.readouterr().out
    assert "area" in interactive.last("load").frame, "the earlier outputs are kept"


def test_steps_go_on_by_hand_from_what_a_stage_made(copied: Project) -> None:
    interactive, fit = copied.module("parts.notebooks.interactive"), copied.module("steps.fit")
    schema, (train, holdout, folds) = interactive.last("load").schema, interactive.last("split")
    tuned, features = interactive.last("tune", "logistic_regression"), list(schema.features)
    task = copied.module("steps.task").task_of(schema)
    estimator = fit.assemble(tuned.model, tuned.result.values, schema.features, task)
    learn, score = folds[0]
    fitted = fit.fit(estimator, train[features].iloc[learn], train[schema.target].iloc[learn])
    metric = copied.module("objects.metrics").metric("neg_log_loss", copied.module("objects.reader").Where("x"), None)
    said = task.outputs(fitted, train[features].iloc[score])
    by_hand = metric.score(task.encode(train[schema.target].iloc[score]), said)
    assert by_hand == pytest.approx(tuned.result.folds[0])
    final, pipeline = interactive.last("train"), interactive.last("package")
    expected = final.model.predict(holdout[features])
    assert (
        copied.module("steps.predict").predict(final.model, holdout[features], schema)["prediction"] == expected
    ).all()
    assert len(pipeline.predict(pipeline.example)) == 5
    assert interactive.last("evaluate").metrics.keys() >= {"accuracy", "log_loss"}
    assert "models/random_forest" in interactive.last("plan").slices


def test_a_pair_of_which_both_were_edited_is_refused(copied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.path)
    notebooks = copied.module("parts.notebooks.pages")
    twin = notebooks.pair()[0]
    source = twin.with_suffix(".py")
    source.write_text(source.read_text() + "\n# %%\nfirst = 1\n")
    notebook = nbformat.read(twin, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell("second = 2"))
    nbformat.write(notebook, twin)
    before = source.read_bytes(), twin.read_bytes()
    with pytest.raises(copied.module("errors").UserError, match="have both been edited"):
        notebooks.pair()
    assert (source.read_bytes(), twin.read_bytes()) == before


def test_pairs_take_over_the_later_edit_and_hold_no_outputs(copied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.path)
    notebooks = copied.module("parts.notebooks.pages")
    source, twin = Path("notebooks/data.py"), Path("notebooks/data.ipynb")
    before = source.read_bytes()
    assert twin in notebooks.pair()
    first = twin.read_bytes()
    notebooks.pair()
    assert (source.read_bytes(), twin.read_bytes()) == (before, first)
    written = json.loads(first)
    cell = next(one for one in written["cells"] if "parameters" in one["metadata"].get("tags", []))
    cell["source"] = ["columns = 3\n", "rows = 2"]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a secret\n"]}]
    twin.write_text(json.dumps(written))
    later = os.stat(source).st_mtime + 10
    os.utime(twin, (later, later))
    notebooks.pair()
    assert "columns = 3\nrows = 2\n" in source.read_text()
    assert "a secret" not in twin.read_text() and "columns = 3" in twin.read_text()
    assert notebooks.parameters(source) == ["columns", "rows"]


@pytest.mark.parametrize(
    "address",
    [
        "git@github.com:ada/note-book.git",
        "https://token@github.com/ada/note-book",
        "ssh://git@github.com/ada/note-book.git/",
    ],
)
def test_badges_open_the_notebooks_of_the_remote(
    address: str, copied: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copied.path)
    badges = copied.module("parts.notebooks.badges")
    copied.run("git", "remote", "add", "origin", address)
    assert badges.write(None) == "ada/note-book"
    readme = (copied.path / "README.md").read_text()
    for link in (
        "(https://mybinder.org/v2/gh/ada/note-book/main?labpath=notebooks/errors.ipynb)",
        "(https://colab.research.google.com/github/ada/note-book/blob/main/notebooks/errors.ipynb)",
        "(https://kaggle.com/kernels/welcome?src=https://github.com/ada/note-book/blob/main/notebooks/errors.ipynb)",
        "(https://studiolab.sagemaker.aws/import/github/ada/note-book/blob/main/notebooks/errors.ipynb)",
    ):
        assert readme.count(link) == 1
    for name in NAMES:
        for ending in (".py", ".ipynb"):
            text = (copied.path / "notebooks" / f"{name}{ending}").read_text()
            assert "https://github.com/ada/note-book" in text and "token" not in text
    files = [copied.path / "README.md", *sorted((copied.path / "notebooks").iterdir())]
    before = [file.read_bytes() for file in files]
    badges.write(None)
    assert [file.read_bytes() for file in files] == before
    assert badges.write("bob/other") == "bob/other"
    readme = (copied.path / "README.md").read_text()
    assert "ada/note-book" not in readme and readme.count("bob/other") == 12


def test_badges_say_what_they_lack(copied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copied.path)
    badges, error = copied.module("parts.notebooks.badges"), copied.module("errors").UserError
    with pytest.raises(error, match="git knows no remote `origin`: `make badges REPO=owner/name`"):
        badges.write(None)
    copied.run("git", "remote", "add", "origin", "https://me:secret@gitlab.com/ada/noted.git")
    with pytest.raises(error, match="`origin` is not on GitHub") as refused:
        badges.write(None)
    assert "secret" not in str(refused.value)
    for wrong in ("ada", "https://notgithub.com/ada/noted", "ada/noted/more"):
        with pytest.raises(error, match="is no repository on GitHub: it is written as owner/name"):
            badges.write(wrong)
    copied.edit("README.md", ("<!-- /badges -->\n", ""))
    with pytest.raises(error, match="needs the lines <!-- badges --> and <!-- /badges -->"):
        badges.write("ada/noted")
    assert "https://github.com" not in (copied.path / "notebooks" / "data.py").read_text()
    (copied.path / ".git").rename(copied.path.parent / ".git")
    with pytest.raises(error, match="this project is a folder of another repository"):
        badges.write(None)


def test_without_the_extra_it_says_how_to_install_it(copied: Project) -> None:
    (copied.path / ".venv" / "bin").mkdir(parents=True)
    (copied.path / ".venv" / ".ready").touch()
    for target in ("notebooks", "pair", "badges"):
        said = copied.run("make", target, "UV=", code=2)
        assert "papermill is not installed, which is in the extra `notebooks`:" in said and ".[notebooks]'" in said


def test_the_environment_that_services_read_is_the_projects_own(penguins: Project) -> None:
    reader = penguins.module("objects.reader")
    environment = reader.read(penguins.path / "environment.yml")[0]
    assert environment["dependencies"][-1] == {"pip": ["--editable .[notebooks]"]}
    assert os.access(penguins.path / "postBuild", os.X_OK)
