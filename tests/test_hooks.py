"""What the hooks do and do not do, with their effects replaced: files are small, git and DVC are noted, not run."""

import json
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stamping.after
import yaml
from conftest import ROOT, tree
from conftest import run as run_command
from cookiecutter.utils import create_env_with_context
from stamping import answers, closing, overlay, plan, refusal, wiring
from stamping.after import after
from stamping.before import before
from stamping.ending import guarded
from stamping.errors import AnswerError
from stamping.plan import Model
from test_answers import GOOD

REPOSITORY = ROOT / "<<cookiecutter.project_slug>>" / "scripts" / "repository.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What cookiecutter would have rendered, as far as the hooks touch it."""
    folder = tmp_path / "shop-prices"
    (folder / "params" / "models").mkdir(parents=True)
    (folder / "params" / "data.yaml").write_text("source: x    # where\ntarget: y\ntask: z\n")
    (folder / "params" / "search.yaml").write_text(
        "models: []\nmetric: accuracy    # more is better\nbudget:\n  trials: 1    # many\n  seconds: 1\n"
        "  shares: {}    # parts\n"
    )
    (folder / "params" / "registry.yaml").write_text("# further packages\npackages: []\n")
    (folder / "pyproject.toml").write_text(
        'dependencies = [\n  "pandas",\n]\n\n[project.optional-dependencies]\ntrain = [\n]\n\n[other]\nlist = [\n]\n'
    )
    (folder / "README.md").write_text("<!-- parts -->\n<!-- /parts -->\n")
    (folder / ".gitignore").write_text("/plan\n")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "repository.py").write_text("")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Replaces scripts/repository.py: the words that it was called with."""
    found: list[list[str]] = []
    monkeypatch.setattr(runpy, "run_path", lambda path: {"main": found.append})
    yield found


def stamp(project: Path, here: Path | None = None, fresh: bool = True, **given: Any) -> int:
    """The second hook, after a first one that let these answers pass."""
    plan.write(answers.planned({**GOOD, **given}, ROOT, here or project.parent), fresh, project)
    return after()


def test_before_accepts_good_answers_silently_and_leaves_a_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert before({**GOOD, "estimators": "GaussianNB, lightgbm"}, str(ROOT), str(tmp_path)) == 0
    assert capsys.readouterr() == ("", "")
    left, fresh = plan.take(tmp_path)
    assert left == answers.planned({**GOOD, "estimators": "GaussianNB, lightgbm"}, ROOT, tmp_path)
    assert fresh
    assert tree(tmp_path) == []


def test_before_refuses_on_stderr_with_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert before({**GOOD, "estimators": "fst"}, str(ROOT), str(tmp_path)) == 1
    assert capsys.readouterr() == ("", "estimators: there is no 'fst'; did you mean fast?\n")
    assert tree(tmp_path) == []


def test_before_notes_that_a_folder_was_there(project: Path) -> None:
    assert before(GOOD, str(ROOT), str(project.parent)) == 0
    assert not plan.take(project)[1]


def test_after_lays_wires_starts_and_says_so(
    project: Path, calls: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stamp(project, estimators="fast") == 0
    assert (project / "data/raw/penguins.csv").read_bytes() == (
        ROOT / "recipes/tabular-classification/data/raw/penguins.csv"
    ).read_bytes()
    assert (project / "params/models/svm.yaml").exists()
    assert not (project / "recipe.yaml").exists()
    assert not (project / "part.yaml").exists()
    assert (project / "README.md").read_text().startswith("<!-- parts -->\n- **ci-github**: ")
    assert calls == [["--stamping"]]
    assert capsys.readouterr().out.splitlines() == [
        "shop-prices is stamped from the recipe tabular-classification.",
        "  data        the recipe's sample",
        "  target      species",
        "  estimators  fast: logistic_regression, hist_gradient_boosting",
        "  parts       ci-github, notebooks, sandbox-aws, serve, compare (needed by ci-github), container (needed by ci-github)",
        f"Next: cd {project} && make run    # make help lists the rest",
    ]


def test_after_copies_a_table_and_leaves_the_sample_away(
    project: Path, table: Path, calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    assert stamp(project, table.parent, data="shop.csv", target="city") == 0
    assert tree(project / "data") == ["raw/shop.csv"]
    assert (project / "params/data.yaml").read_text() == (
        'source: "data/raw/shop.csv"    # where\ntarget: "city"\ntask: "classification"\n'
    )


def test_compiled_modules_of_the_template_do_not_stay(project: Path, calls: list[list[str]]) -> None:
    compiled = project / "src" / "shop_prices" / "__pycache__"
    compiled.mkdir(parents=True)
    (compiled / "load.cpython-311.pyc").write_bytes(b"\xa7")
    assert stamp(project) == 0
    assert not compiled.exists()


def test_after_does_nothing_for_the_repository_when_cruft_updates(
    project: Path, calls: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / ".cruft.json").write_text("{}")
    assert stamp(project, tmp_path, _commit="abc") == 0
    assert calls == []


def test_after_leaves_the_first_commit_to_setup_when_cruft_creates(project: Path, calls: list[list[str]]) -> None:
    assert stamp(project, _commit="abc") == 0
    assert calls == [["--stamping", "--no-commit"]]


def test_after_may_run_twice(project: Path, calls: list[list[str]]) -> None:
    assert stamp(project, estimators="LGBMClassifier, GaussianNB") == 0
    first = {name: (project / name).read_bytes() for name in tree(project)}
    assert stamp(project, estimators="LGBMClassifier, GaussianNB") == 0
    assert {name: (project / name).read_bytes() for name in tree(project)} == first


def test_a_repository_that_cannot_be_started_leaves_a_whole_project(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: str) -> None:
        raise PermissionError("git may not run")

    monkeypatch.setattr(runpy, "run_path", fail)
    assert stamp(project) == 0
    assert (
        "  skipped     git and DVC: PermissionError: git may not run; make setup tries again" in capsys.readouterr().out
    )


def test_a_full_disk_is_one_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*ignored: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(overlay, "lay", fail)
    assert stamp(project) == 1
    assert capsys.readouterr().err == "the project cannot be written: [Errno 28] No space left on device\n"


@pytest.mark.parametrize("step", [(overlay, "lay"), (wiring, "wire"), (stamping.after, "start_repository")])
@pytest.mark.parametrize("fresh", [True, False], ids=["new-folder", "folder-there-before"])
def test_an_interruption_takes_only_a_new_folder_away(
    project: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str], fresh: bool, calls: list[list[str]]
) -> None:
    def interrupt(*ignored: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(*step, interrupt)
    assert stamp(project, fresh=fresh) == 130
    assert project.exists() is not fresh


def test_the_plan_does_not_stay(project: Path, calls: list[list[str]]) -> None:
    assert stamp(project) == 0
    assert not (project / plan.NOTE).exists()


def test_wiring_keeps_comments_and_the_rest(project: Path) -> None:
    given = {**GOOD, "estimators": "svm, GaussianMixtureNB, LGBMClassifier", "parts": "none"}
    budget = {"trials": 25, "seconds": 30, "shares": {"train": 0.5, "svm": 2, "random_forest": 3}}
    wiring.wire(answers.planned(given, ROOT, ROOT)._replace(budget=budget), project)
    assert (project / "params/search.yaml").read_text() == (
        "models:\n  - svm\n  - gaussian_mixture_nb\n  - lightgbm\n"
        'metric: "neg_log_loss"    # more is better\nbudget:\n  trials: 25    # many\n  seconds: 30\n'
        "  shares: {train: 0.5, svm: 2}    # parts\n"
    )
    assert (project / "params/registry.yaml").read_text() == '# further packages\npackages: ["lightgbm", "sklego"]\n'
    assert (project / "pyproject.toml").read_text() == (
        'dependencies = [\n  "pandas",\n  "lightgbm>=4.7,<5",\n  "scikit-lego>=0.9.10,<0.10",\n]\n\n'
        "[project.optional-dependencies]\ntrain = [\n]\n\n[other]\nlist = [\n]\n"
    )


def test_a_starter_holds_the_class_its_defaults_and_an_empty_space(project: Path, calls: list[list[str]]) -> None:
    assert stamp(project, estimators="GradientBoostingClassifier") == 0
    lines = (project / "params/models/gradient_boosting.yaml").read_text().splitlines()
    assert lines[:5] == [
        "# yaml-language-server: $schema=../../.schema/model.json",
        "# GradientBoostingClassifier, added when the project was stamped: these are its defaults, and its space is empty.",
        "class: GradientBoostingClassifier",
        "preprocess: scaled_onehot",
        "params:",
    ]
    assert "  learning_rate: 0.1" in lines
    assert "  random_state: 0" in lines
    assert lines[-1] == "space: {}"


def test_a_starter_of_a_class_that_takes_gaps_leaves_them(project: Path, calls: list[list[str]]) -> None:
    assert stamp(project, estimators="DecisionTreeClassifier") == 0
    assert "preprocess: native\n" in (project / "params/models/decision_tree.yaml").read_text()


def test_a_starter_writes_a_path_where_the_short_name_is_ambiguous() -> None:
    entry = {"class": "here.Twin", "kind": "classifier", "package": "here", "params": {}}
    text = wiring.starter(Model("twin", "here.Twin", ["here"], entry), answers.planned(GOOD, ROOT, ROOT))
    assert "class: here.Twin\n" in text
    assert "params: {}\n" in text


@pytest.mark.parametrize(
    "missing", ["params/data.yaml", "params/search.yaml", "params/registry.yaml", "pyproject.toml"]
)
def test_a_line_to_wire_that_is_gone_is_an_error_not_a_silence(project: Path, missing: str) -> None:
    (project / missing).write_text("other: 1\n")
    with pytest.raises(ValueError, match="there is no"):
        wiring.wire(answers.planned(GOOD, ROOT, ROOT), project)


@pytest.mark.parametrize("value", ['it\'s "x"', 'a "#" b', "a: b # c", "\\", "{{ x }}", "ä🎉", "- 1", "NO", "1e-5"])
def test_any_value_can_be_wired(value: str) -> None:
    text = wiring.with_value("target: old    # comment\n", "target", value)
    assert yaml.safe_load(text) == {"target": value}
    assert yaml.safe_load(wiring.with_value(text, "target", "new")) == {"target": "new"}


def test_the_closing_lines_name_skipped_things_and_quote_the_folder(tmp_path: Path) -> None:
    chosen = answers.planned({**GOOD, "estimators": "RidgeClassifier, svm", "parts": "none"}, ROOT, ROOT)
    said = closing.lines(chosen, tmp_path / "my shop", ["git: why"])
    assert said[3:] == [
        "  estimators  ridge (RidgeClassifier), svm",
        "  metric      balanced_accuracy, because RidgeClassifier gives no probabilities",
        "  parts       none",
        "  skipped     git: why",
        f"Next: cd '{tmp_path}/my shop' && make run    # make help lists the rest",
    ]


def test_answers_enter_the_hooks_as_data(tmp_path: Path) -> None:
    """The first hook is rendered and run with its module `before` replaced, to see what arrives."""
    wild = "'''\"\"\"\\'{{ x }} << $(x) `x` \u2028 🎉 </script>\\"
    context = {"cookiecutter": {**json.loads((ROOT / "cookiecutter.json").read_text()), "description": wild}}
    environment = create_env_with_context(context)
    environment.globals["template_root"] = str(tmp_path)
    script = tmp_path / "hook.py"
    script.write_text(environment.from_string((ROOT / "hooks/pre_gen_project.py").read_text()).render(**context))
    modules = tmp_path / "hooks" / "stamping"
    modules.mkdir(parents=True)
    (modules / "__init__.py").touch()
    (modules / "watching.py").write_text("def join(): pass\n")
    (modules / "before.py").write_text(
        "import json\ndef before(answers, *paths): print(json.dumps(answers['description']))\n"
    )
    assert json.loads(run_command(sys.executable, str(script), cwd=tmp_path)) == wild


def test_a_refusal_is_repeated_after_all_that_cookiecutter_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(refusal.VARIABLE, str(tmp_path / "refusal"))

    def refuse() -> None:
        raise AnswerError("target: there is none")

    assert guarded(refuse, tmp_path, fresh=False) == 1
    assert capsys.readouterr().err == "target: there is none\n"
    refusal._repeat(tmp_path / "refusal")
    assert capsys.readouterr().err == "\ntarget: there is none\n"
    assert not (tmp_path / "refusal").exists()
