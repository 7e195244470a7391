"""What a recipe is: its format, where it may come from, and what it may lay over a project."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, BakedProject, commit, run, tree
from jsonschema import Draft202012Validator
from stamped import NO_REQUESTS, NO_SEARCH, TOOLS, Project
from stamping import outside, overlay, recipes
from stamping.errors import AnswerError
from stamping.forms import fault
from test_answers import ask, refuse
from test_sources import contents, cruft, stamp

Bake = Callable[..., BakedProject]

PAGE = (ROOT / "docs" / "add-a-recipe.md").read_text(encoding="utf-8")
FORM = json.loads((ROOT / "recipes" / "recipe.schema.json").read_text(encoding="utf-8"))
BLOCK = re.compile(r"^```(?:yaml|python) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def documented(folder: Path) -> Path:
    """The recipe of docs/add-a-recipe.md, made as the page says: a folder is copied, emptied and written anew."""
    shutil.copytree(ROOT / "recipes" / "tabular-regression", folder)
    for old in [folder / "README.md", *(folder / "data/raw").iterdir(), *(folder / "params/models").iterdir()]:
        old.unlink()
    for name, text in BLOCK.findall(PAGE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    rows = [f"{day % 7},{['sun', 'rain'][day % 3 == 0]},{(day * 37) % 11 + day % 7}" for day in range(150)]
    (folder / "data" / "raw" / "visits.csv").write_text("\n".join(["weekday,weather,visits", *rows, ""]))
    return folder


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    """The recipe of the page in a folder of its own."""
    return documented(tmp_path / "mine" / "visits")


@pytest.fixture
def repository(tmp_path: Path, visits: Path) -> str:
    """The address of a bare repository that holds it in the folder `counts/visits`; a tag `v1` lacks its page."""
    work, bare = tmp_path / "work", tmp_path / "team.git"
    work.mkdir()
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=work)
    shutil.copytree(visits, work / "counts" / "visits")
    commit(work, "The first version")
    run("git", "tag", "v1", cwd=work)
    (work / "counts" / "visits" / "tests" / "test_counts.py").write_text("def test_nothing() -> None:\n    pass\n")
    commit(work, "A test")
    run("git", "clone", "--quiet", "--bare", str(work), str(bare), cwd=tmp_path)
    return f"file://{bare}"


def changed(**changes: Any) -> Any:
    """The page's recipe.yaml with other values; `presets__fast` is a key within a key, and None takes a key away."""
    facts = yaml.safe_load(dict(BLOCK.findall(PAGE))["recipe.yaml"])
    for place, value in changes.items():
        *outer, last = place.split("__")
        inner = facts
        for key in outer:
            inner = inner[key]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return facts


def rewrite(folder: Path, **changes: Any) -> None:
    """Write the page's recipe.yaml with other values."""
    (folder / "recipe.yaml").write_text(yaml.safe_dump(changed(**changes)), encoding="utf-8")


def test_the_page_and_the_recipes_are_of_the_format() -> None:
    Draft202012Validator.check_schema(FORM)
    for facts in [changed(), *(recipes.facts_in(ROOT / "recipes" / name) for name in recipes.names(ROOT))]:
        assert fault(facts, FORM) is None
        Draft202012Validator(FORM).validate(facts)


def test_the_page_explains_every_key() -> None:
    rows = re.findall(r"(?m)^\| (`\w+`(?:, `\w+`)*) \|", PAGE)
    explained = {key for row in rows for key in re.findall(r"`(\w+)`", row)}
    assert explained == set(FORM["properties"])
    assert set(re.findall(r"(?m)^\| `(\w+)/", PAGE)) == set(overlay.LAID)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"metrics": "r2"}, "metrics is no key; did you mean 'metric'?"),
        ({"colour": "red"}, "colour is no key; the keys are title, summary, "),
        ({"metric": None}, "metric is missing; write what models are compared by"),
        ({"title": " "}, 'title is " "; write the recipe\'s name for readers'),
        ({"task": ["regression"]}, 'task is ["regression"]; write classification, regression, or a task of'),
        ({"task": {"params": {}}}, "task.class is missing; write the name of a task's class"),
        ({"task": {"class": "Ranking", "parms": {}}}, "task.parms is no key; did you mean 'params'?"),
        ({"kind": "Regressor"}, 'kind is "Regressor"; write what competes, in small letters'),
        ({"sample__file": "../visits.csv"}, 'sample.file is "../visits.csv"; write the path of a table in'),
        ({"presets__fast__budget__seconds": 0}, "presets.fast.budget.seconds is 0; write a number of seconds"),
        ({"presets__fast__budget__trials": 2.5}, "presets.fast.budget.trials is 2.5; write a number of trials"),
        ({"presets__fast__budget__trials": True}, "presets.fast.budget.trials is true; write a number of trials"),
        ({"presets__fast__budget__shares": {"train": "half"}}, 'presets.fast.budget.shares.train is "half"; write a'),
        ({"presets__fast__estimators": []}, "presets.fast.estimators is []; write a list of models"),
        ({"presets__balanced": None}, "presets.balanced is missing; write a preset"),
        ({"always": "poisson"}, 'always is "poisson"; write a list of models'),
        ({"always": [1]}, "always.0 is 1; write the name of a file in params/models/"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_value_is_named_with_what_would_be_right(changes: dict[str, Any], said: str) -> None:
    facts = changed(**changes)
    assert (fault(facts, FORM) or "").startswith(said)
    assert not Draft202012Validator(FORM).is_valid(facts) or changes == {"title": " "}, "editors would not see it"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"always": ["poison"]},
            "always names 'poison', and there is no params/models/poison.yaml; did you mean 'poisson'?",
        ),
        (
            {"presets__fast__budget__shares": {"tree": 1}},
            "presets.fast.budget.shares names 'tree', and there is no params/models/tree.yaml; did you mean 'trees'?",
        ),
        (
            {"presets__fast__estimators": ["trees", "trees"]},
            "presets.fast.estimators names a model twice; name it once",
        ),
        (
            {"requires": {"PoisonRegressor": ["poison>=1"]}},
            "requires names 'PoisonRegressor', and no file in params/models/ has this class; did you mean "
            "'PoissonRegressor'?",
        ),
        (
            {"starter__missing": "nativ"},
            "starter.missing is 'nativ', and there is no such preprocessing; did you mean 'native'?",
        ),
        (
            {"sample__file": "data/raw/visit.csv"},
            "sample.file is 'data/raw/visit.csv', and there is no such file; put the table there",
        ),
        (
            {"sample__target": "visit"},
            "sample.target is 'visit', and visits.csv has no such column; did you mean 'visits'?",
        ),
        (
            {"sample__target": ["visits", "x"]},
            "sample.target is 'x', and visits.csv has no such column; there are weekday, weather, visits",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_folder_does_not_have_is_refused(visits: Path, changes: dict[str, Any], said: str) -> None:
    rewrite(visits, **changes)
    assert refuse(recipe=str(visits)) == f"recipe: visits/recipe.yaml: {said}"


def test_yaml_that_cannot_be_read_is_refused_with_its_line(visits: Path) -> None:
    (visits / "recipe.yaml").write_text("title: A\nsummary: [b\n", encoding="utf-8")
    assert refuse(recipe=str(visits)).startswith("recipe: visits/recipe.yaml: line 3: ")
    (visits / "recipe.yaml").write_text("", encoding="utf-8")
    assert refuse(recipe=str(visits)).startswith("recipe: visits/recipe.yaml: it is null; write what a recipe is")
    (visits / "recipe.yaml").write_bytes(b"title: caf\xe9\n")
    assert refuse(recipe=str(visits)) == "recipe: recipe.yaml holds bytes that are no text; write it in UTF-8"


def test_a_recipe_without_models_is_refused(visits: Path) -> None:
    shutil.rmtree(visits / "params" / "models")
    assert "its folder has no params/models/*.yaml" in refuse(recipe=str(visits))


def test_a_folder_is_a_recipe(bake: Bake, visits: Path) -> None:
    (visits / ".github").mkdir()
    (visits / ".github" / "ours.yml").touch()
    (visits / "LICENSE").touch()
    baked = bake(recipe=str(visits), estimators="fast", package_name="trial")
    assert "is stamped from the recipe visits." in baked.out
    files = {relative.replace(overlay.PACKAGE, "trial") for _, relative in overlay.files(visits)}
    assert {"data/raw/visits.csv", "params/models/poisson.yaml", "src/trial/components/counts.py"} <= files
    assert files <= set(baked.files())
    assert {"recipe.yaml", ".github/ours.yml", "data/raw/penguins.csv"} & set(baked.files()) == set()
    assert "MIT License" in baked.read("LICENSE")
    data, search = (yaml.safe_load(baked.read(f"params/{name}.yaml")) for name in ("data", "search"))
    assert (data["source"], data["target"], data["task"]) == ("data/raw/visits.csv", "visits", "counts")
    assert (search["models"], search["metric"]) == (["poisson"], "neg_mean_absolute_error")


def test_a_relative_folder_starts_where_the_user_stands(visits: Path, tmp_path: Path) -> None:
    assert ask(tmp_path, recipe="mine/visits").folder == str(visits)
    assert ask(visits.parent, recipe="./visits").recipe == "visits"
    assert ask(visits, recipe=".").recipe == "visits"
    assert ask(visits.parent, recipe="visits").recipe == "visits"


def test_a_folder_keeps_its_name_before_a_recipe_of_the_template_only_as_a_path(visits: Path) -> None:
    twin = visits.rename(visits.with_name("tabular-regression"))
    assert ask(twin.parent, recipe="tabular-regression").folder == str(ROOT / "recipes" / "tabular-regression")
    assert ask(twin.parent, recipe="./tabular-regression").folder == str(twin)


def test_what_is_no_recipe_is_refused_with_what_is(visits: Path, tmp_path: Path) -> None:
    assert refuse(recipe="tabular-regresion") == (
        "recipe: there is no 'tabular-regresion'; did you mean tabular-regression?"
    )
    assert refuse(tmp_path, recipe="./nowhere") == (
        f"recipe: there is no folder '{tmp_path}/nowhere'; write the path of one with a recipe.yaml"
    )
    assert refuse(tmp_path, recipe="mine") == (
        "recipe: 'mine' has no recipe.yaml; there are recipes in its folders visits"
    )
    assert refuse(visits, recipe="./params") == ("recipe: './params' has no recipe.yaml; name a folder that has one")


def test_models_that_always_compete_come_first(visits: Path) -> None:
    for estimators, models in {
        "fast": ["poisson"],
        "trees": ["poisson", "trees"],
        "trees, poisson": ["trees", "poisson"],
        "GammaRegressor": ["poisson", "gamma"],
    }.items():
        assert [model.name for model in ask(recipe=str(visits), estimators=estimators).models] == models


def lay(visits: Path, name: str) -> None:
    """Put a file into a recipe."""
    (visits / name).parent.mkdir(parents=True, exist_ok=True)
    (visits / name).write_text("x = 1\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("parms/split.yaml", "parms is no folder that is laid over a project, as data, make, notebooks, params, src, tests are; "
         "did you mean 'params'?"),
        ("hooks/evil.py", "hooks is no folder that is laid over a project, as data, make, notebooks, params, src, tests are; "
         "move it there, or give it a name that starts with '.'"),
        ("src/counts.py", f"src/counts.py is out of place; modules go to {overlay.CODE}, commands to "
         f"{overlay.doors('visits')}"),
        (f"src/{overlay.PACKAGE}/steps/fit.py", f"src/{overlay.PACKAGE}/steps/fit.py is out of place; modules go to "
         f"{overlay.CODE}, commands to {overlay.doors('visits')}"),
        (f"{overlay.CODE}metrics.py", f"{overlay.CODE}metrics.py is code that all projects share, which a recipe does "
         "not replace; rename it"),
        ("tests/conftest.py", "tests/conftest.py is code that all projects share, which a recipe does not replace; rename it"),
        ("data/raw/<<cookiecutter.x>>.csv", "data/raw/<<cookiecutter.x>>.csv is no name of a file; only "
         f"{overlay.PACKAGE} is replaced in it"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_files_that_have_no_place_are_refused(bake: Bake, visits: Path, name: str, said: str) -> None:
    lay(visits, name)
    assert bake(recipe=str(visits)).refusal == f"recipe: visits/{said}"


@pytest.mark.parametrize("place", ["data/raw/secret.csv", "data/more", "params", f"{overlay.CODE}secret.py"])
def test_symbolic_links_are_refused(bake: Bake, visits: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x.csv").write_text("a\n1\n")
    if place == "params":
        shutil.move(visits / "params", tmp_path / "secret" / "params")
        (visits / place).symlink_to(tmp_path / "secret" / "params")
    else:
        (visits / place).symlink_to(tmp_path / "secret" / ("x.csv" if "." in place else ""))
    assert bake(recipe=str(visits)).refusal == (f"recipe: visits/{place} is a symbolic link; put the file itself there")


def test_a_recipe_may_bring_its_own_params(bake: Bake, visits: Path) -> None:
    shared = (ROOT / recipes.SHARED / "params" / "search.yaml").read_text(encoding="utf-8")
    (visits / "params" / "search.yaml").write_text(shared.replace("n_startup_trials: 4", "n_startup_trials: 3"))
    search = yaml.safe_load(bake(recipe=str(visits), estimators="fast").read("params/search.yaml"))
    assert search["sampler"]["params"]["n_startup_trials"] == 3
    assert (search["models"], search["budget"]["trials"]) == (["poisson"], 10)


def test_params_that_the_answers_cannot_be_written_to_are_refused(bake: Bake, visits: Path) -> None:
    (visits / "params" / "search.yaml").write_text("models: []\n")
    assert bake(recipe=str(visits)).refusal == (
        "recipe: visits cannot be wired, because in params/search.yaml there is no line 'metric:' to write "
        '"neg_mean_absolute_error" to'
    )


@pytest.mark.parametrize(
    ("answer", "address"),
    [
        ("git+https://host/team/x", ("https://host/team/x", "", "")),
        ("https://host/team/x.git", ("https://host/team/x.git", "", "")),
        ("https://host/team/x.git@v1#a/b/", ("https://host/team/x.git", "v1", "a/b")),
        ("git+https://me@host:8443/x@feature/y", ("https://me@host:8443/x", "feature/y", "")),
        ("git@host:team/x.git", ("git@host:team/x.git", "", "")),
        ("git@host:team/x.git@v1", ("git@host:team/x.git", "v1", "")),
        ("git+ssh://git@host/x#y", ("ssh://git@host/x", "", "y")),
        ("ssh://git@host/x", ("ssh://git@host/x", "", "")),
        ("./x.git", None),
        ("x", None),
        ("/a/b@c", None),
    ],
)
def test_addresses_are_taken_apart(answer: str, address: tuple[str, str, str] | None) -> None:
    assert outside.address_of(answer) == address


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("https://host/x", "'https://host/x' does not look like a git repository; if it is one, write git+https://host/x"),
        ("git+x/y", "'git+x/y' is no address; write git+https://host/path"),
        ("git+ext::sh -c true", "'git+ext::sh -c true' is no address; write git+https://host/path"),
        ("git+fd://17/x", "git does not fetch fd:// addresses here; known are https, http, ssh, git, file"),
        ("git+https://host", "'git+https://host' names no repository; write https://host/path"),
        ("git+https://me:secret@host/x", "the address holds a password, which would be kept among the answers; leave it out "
         "and let git ask its credential helper"),
        ("git+https://host/x#../y", "the folder '../y' is not in the repository; write its path from the root"),
        ("git+https://host/x#/etc", "the folder '/etc' is not in the repository; write its path from the root"),
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_used_are_refused(answer: str, said: str) -> None:
    with pytest.raises(AnswerError) as caught:
        outside.address_of(answer)
    assert str(caught.value) == f"recipe: {said}"


def test_a_git_repository_is_a_recipe(bake: Bake, repository: str, tmp_path: Path) -> None:
    newest = run("git", "rev-parse", "main", cwd=tmp_path / "team.git").strip()
    first = run("git", "rev-parse", "v1", cwd=tmp_path / "team.git").strip()
    for revision, has_test in {"": True, "@main": True, "@v1": False, f"@{newest}": True, f"@{first}": False}.items():
        baked = bake(recipe=f"{repository}{revision}#counts/visits", project_slug="trial", estimators="fast")
        assert "is stamped from the recipe visits." in baked.out
        assert ("tests/test_counts.py" in baked.files()) is has_test
        assert not (baked.path / outside.CLONE).exists()
        assert "params/models/poisson.yaml" in baked.files()


def test_the_repository_itself_may_be_the_recipe(bake: Bake, visits: Path) -> None:
    run("git", "init", "--quiet", cwd=visits)
    commit(visits, "The recipe")
    baked = bake(recipe=f"git+file://{visits}", estimators="fast")
    assert "is stamped from the recipe visits." in baked.out
    assert "recipe.yaml" not in baked.files()


def test_a_repository_that_cannot_be_had_is_one_sentence(
    bake: Bake, repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bake(recipe=f"file://{tmp_path}/no.git").refusal == (
        f"recipe: git cannot fetch the default branch of file://{tmp_path}/no.git (fatal: '{tmp_path}/no.git' does not "
        "appear to be a git repository); correct the address, or clone it yourself and name the folder"
    )
    assert "git cannot fetch v2 of " in bake(recipe=f"{repository}@v2").refusal
    assert "git cannot fetch --upload-pack=x of " in bake(recipe=f"{repository}@--upload-pack=x").refusal
    assert bake(recipe=repository).refusal == (f"recipe: {repository!r} has no recipe.yaml; name a folder that has one")
    assert bake(recipe=f"{repository}#visits").refusal == (
        f"recipe: {repository} has no folder 'visits'; there are recipes in counts/visits"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    assert bake(recipe=repository).refusal == (
        f"recipe: git is not installed, which fetches {repository}; install it, or name a folder"
    )


def test_a_refusal_after_the_clone_leaves_nothing_in_a_folder_that_was_there(repository: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "shop").mkdir(parents=True)
    (out / "shop" / "mine.txt").touch()
    words = ["project_name=Shop", f"recipe={repository}#counts/visits", "estimators=poison"]
    done = subprocess.run(
        [str(TOOLS / "cookiecutter"), str(ROOT), "--no-input", "--overwrite-if-exists", "-o", str(out), *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "estimators: there is no 'poison'; did you mean poisson?" in done.stderr
    assert tree(out) == ["shop/mine.txt"]


def test_a_clone_that_leads_out_of_itself_is_refused(
    tmp_path: Path, visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    run("git", "init", "--quiet", cwd=work)
    (work / "visits").symlink_to(visits)
    commit(work, "A link")
    assert "has no folder 'visits'" in refuse(recipe=f"git+file://{work}#visits")


@pytest.mark.parametrize("address", [False, True], ids=["folder", "git"])
def test_cruft_updates_a_project_of_a_recipe_from_outside(
    template_copy: Path, visits: Path, repository: str, tmp_path: Path, address: bool
) -> None:
    template = tmp_path / "template" / "sml"
    run("git", "clone", "--quiet", str(template_copy), str(template), cwd=tmp_path)
    recipe = f"{repository}@v1#counts/visits" if address else "mine/visits"
    answers = {"project_name": "Shop", "recipe": recipe, "estimators": "fast"}
    cruft("create", str(template), "--no-input", "--extra-context", json.dumps(answers), cwd=tmp_path)
    project = tmp_path / "shop"
    assert contents(project) == stamp(tmp_path, str(template), *(f"{key}={value}" for key, value in answers.items()))
    makefile = template / "<<cookiecutter.project_slug>>" / "Makefile"
    makefile.write_text(f"{makefile.read_text()}\n# a line from the next version\n")
    commit(template, "The next version")
    commit(project, "Mine")
    before = contents(project)
    cruft("update", "--skip-apply-ask", cwd=project)
    assert {name for name, content in contents(project).items() if before.get(name) != content} == {"Makefile"}


def test_a_task_that_lacks_a_method_is_refused_with_its_name(visits: Path, tmp_path: Path) -> None:
    module = next((visits / "src").iterdir()) / "components" / "half.py"
    module.write_text(
        "from typing import Any\n\nfrom ..steps.task import Task\n\n\nclass Half(Task):\n"
        "    def encode(self, target: Any) -> Any:\n        return target\n"
    )
    project = Project(tmp_path, project_name="Halved", recipe=str(visits), estimators="fast")
    project.edit("params/data.yaml", ('task: "counts"', "task: half"))
    said = project.python("check", code=1)
    assert "params/data.yaml" in said and "abstract class Half" in said and "outputs" in said


@pytest.mark.slow
def test_the_recipe_of_the_page_runs(visits: Path, tmp_path: Path) -> None:
    project = Project(tmp_path, project_name="Counted", recipe=str(visits), estimators="balanced")
    project.edit("params/search.yaml", ("trials: 40", "trials: 6"), ("seconds: 120", "seconds: 60"))
    project.python("check")
    project.repro()
    board = json.loads((project.path / "reports" / "leaderboard.json").read_text())
    assert {one["model"] for one in board["models"]} >= {"poisson", "trees"}
    assert all(one["state"] == "ok" for one in board["models"])
    scores = json.loads((project.path / "reports" / "metrics.json").read_text())
    assert 0 <= scores["near_score"] <= 1
    project.run(str(TOOLS / "pytest"), "-q", "-p", "no:cacheprovider", NO_REQUESTS, NO_SEARCH)
    project.run(str(TOOLS / "ruff"), "check", ".")
    project.run(str(TOOLS / "ruff"), "format", "--check", ".")
    project.run(str(TOOLS / "mypy"))
