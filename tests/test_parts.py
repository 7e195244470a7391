"""What a part is: its format, which parts an answer takes, what they may lay, and how they come and go later."""

import json
import os
import re
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import QUESTIONS, ROOT, BakedProject, commit, run, tree
from jsonschema import Draft202012Validator
from stamped import QUIET, TOOLS
from stamping import overlay, parts, recipes, wiring
from stamping.forms import fault
from test_answers import ask, refuse
from test_update import edit, newer, note, stamp, status, update

Bake = Callable[..., BakedProject]

SHARED = ROOT / recipes.SHARED
NAMES = parts.names(ROOT)
FORM = json.loads((ROOT / "parts" / "part.schema.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "add-a-part.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?:yaml|python|makefile|markdown) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROOM = f"src/{overlay.PACKAGE}/parts"


def documented(folder: Path) -> Path:
    """The part of docs/add-a-part.md, written as the page says."""
    for name, text in BLOCK.findall(PAGE):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def sizes(tmp_path: Path) -> Path:
    """The part of the page in a folder of its own."""
    return documented(tmp_path / "mine" / "sizes")


def write(folder: Path, files: dict[str, str] | None = None, **facts: Any) -> Path:
    """A small part with these facts and files."""
    described = {"title": "A part", "summary": "It does a thing.", "adds": "`make thing` does it.", **facts}
    for name, text in {"part.yaml": yaml.safe_dump(described), **(files or {})}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def named(answer: str, here: Path | None = None) -> list[str]:
    """The names of the parts that an answer takes."""
    return [part.name for part in ask(here, parts=answer).parts]


# ------------------------------------------------------------------------------------------------------- the format


def test_the_page_and_the_parts_are_of_the_format() -> None:
    Draft202012Validator.check_schema(FORM)
    example = yaml.safe_load(dict(BLOCK.findall(PAGE))["part.yaml"])
    for facts in [example, *(yaml.safe_load((ROOT / "parts" / name / "part.yaml").read_text()) for name in NAMES)]:
        assert fault(facts, FORM) is None
        Draft202012Validator(FORM).validate(facts)


def test_the_page_explains_every_key() -> None:
    rows = re.findall(r"(?m)^\| (`\w+`(?:, `\w+`)*) \|", PAGE)
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(FORM["properties"])


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"need": ["container"]}, "need is no key; did you mean 'needs'?"),
        ({"adds": " "}, 'adds is " "; write one sentence for the project\'s README'),
        ({"needs": "container"}, 'needs is "container"; write a list of the parts'),
        ({"needs": ["Container"]}, 'needs.0 is "Container"; write the name of a part, such as container'),
        ({"standard": "yes"}, 'standard is "yes"; write true if the answer standard takes the part'),
        ({"extras": {"x": []}}, "extras.x is []; write a list of requirements"),
        ({"requirements": [1]}, "requirements.0 is 1; write a requirement"),
        ({"borrows": {"other": ["scripts"]}}, "borrows.other names 'scripts', and other has no such file"),
        ({"needs": ["mine"]}, "needs names the part itself; take it out"),
        ({"needs": ["contaner"]}, "needs names 'contaner', and there is no such part; did you mean 'container'?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_value_is_named_with_what_would_be_right(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    assert refuse(parts=str(write(tmp_path / "mine", **facts))).startswith(f"parts: mine/part.yaml: {said}")


def test_yaml_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", {"part.yaml": "title: A\nsummary: [b\n"})
    assert refuse(parts=str(folder)).startswith("parts: mine/part.yaml: line 3: ")


def test_a_folder_is_called_like_a_part(tmp_path: Path) -> None:
    assert refuse(parts=str(write(tmp_path / "My_Part"))) == (
        "parts: 'My_Part' is no name of a part; call the folder by small letters, digits and '-'"
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_part_is_whole(name: str) -> None:
    part, folder = parts.part(ROOT, name), ROOT / "parts" / name
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {part.title}\n\n{part.summary}\n"), "its page begins with its title and summary"
    assert (folder / "docs" / f"{name}.md").exists(), "a project gets a page, too"
    assert set(part.needs) <= set(NAMES)
    for addition in (folder / overlay.WITH).glob("*"):
        assert addition.name in NAMES, f"{addition} is laid with a part that does not exist"
    for makefile in folder.rglob("make/*.mk"):
        text = makefile.read_text(encoding="utf-8")
        phony = set(" ".join(re.findall(r"(?m)^\.PHONY: (.*)$", text)).split())
        assert phony == set(re.findall(r"(?m)^([a-z-]+):.*## ", text)), "every target is phony and explained"


@pytest.mark.parametrize("name", sorted({*NAMES} - {*QUESTIONS, *overlay.LAID}))
def test_no_code_outside_its_folder_names_a_part(name: str) -> None:
    # A folder of a recipe, and a question that is also a word of git's, are called as parts are.
    others = {"notebooks": {"names.py", "overlay.py"}, "remote": {"answers.py", "origin.py"}}.get(name, set())
    code = [ROOT / "sml_template_extension.py", *(ROOT / "hooks").rglob("*.py")]
    found = [path for path in code if re.search(rf"[\"']{name}[\"']", path.read_text(encoding="utf-8"))]
    assert {path.name for path in found} == others


# ------------------------------------------------------------------------------------------- which ones an answer takes


def test_words_mean_parts_and_bring_what_these_need() -> None:
    assert named("none") == []
    assert named("all") == NAMES
    standard = {name for name in NAMES if parts.part(ROOT, name).standard}
    assert {part.name for part in ask(parts="standard").parts if not part.needed_by} == standard
    assert named("dashboard, commit-hooks") == named("commit-hooks dashboard") == ["commit-hooks", "dashboard"]
    assert set(named("standard, dashboard")) == set(named("standard")) | {"dashboard"}


def test_what_is_pulled_in_is_said(bake: Bake) -> None:
    baked = bake(parts="ci-github")
    pulled = {part.name: part.needed_by for part in ask(parts="ci-github").parts if part.needed_by}
    assert pulled["container"] == ["ci-github"]
    said = [f"{name} (needed by {', '.join(others)})" for name, others in pulled.items()]
    assert f"  parts       ci-github, {', '.join(said)}\n" in baked.out
    assert "  parts       none\n" in bake(parts="none").out


def test_needs_are_followed_in_turn_and_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "first", needs=["second"])
    write(tmp_path / "second", needs=["third"])
    write(tmp_path / "third", needs=["first"])
    assert named(str(tmp_path / "first")) == ["first", "second", "third"]


def test_a_folder_and_a_repository_are_parts(tmp_path: Path, bake: Bake) -> None:
    own = write(tmp_path / "own", {"docs/own.md": "# Mine\n"})
    work = tmp_path / "team"
    write(work / "theirs", {"docs/theirs.md": "# Theirs\n"})
    write(work / "others", {"docs/others.md": "# Others\n"})
    run("git", "init", "--quiet", cwd=work)
    commit(work, "Parts")
    address = f"git+file://{work}"
    baked = bake(parts=f"{own}, {address}#theirs {address}#others")
    assert {"docs/own.md", "docs/theirs.md", "docs/others.md"} <= set(baked.files())
    assert not (baked.path / ".being-stamped").exists()
    assert refuse(parts="./nowhere", here=tmp_path) == (
        f"parts: there is no folder '{tmp_path}/nowhere'; write the path of one with a part.yaml"
    )
    assert refuse(parts=str(work)) == f"parts: '{work}' has no part.yaml; there are parts in its folders others, theirs"


def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    own = write(tmp_path / "dashboard")
    said = refuse(parts=f"dashboard, {own}")
    assert said.startswith("parts: two parts are called 'dashboard', in ") and str(own) in said


def test_the_part_of_the_page_works(sizes: Path, bake: Bake) -> None:
    project = bake(parts=str(sizes), project_name="Shop").path
    for words in (["check", "."], ["format", "--check", "."]):
        run(str(TOOLS / "ruff"), *words, cwd=project)
    run(str(TOOLS / "python"), "-m", "pytest", "-q", "tests/test_sizes.py", cwd=project, **QUIET)
    (project / "models" / "package").mkdir(parents=True)
    (project / "models" / "package" / "model.skops").write_bytes(b"x" * 2000)
    (project / "reports").mkdir(exist_ok=True)
    assert run(str(TOOLS / "python"), "scripts/sizes.py", cwd=project) == "       2,000  model.skops\n"
    assert "reports/sizes.txt" not in run("git", "status", "--porcelain", "--untracked-files=all", cwd=project)
    assert "of Shop is" in (project / "docs" / "sizes.md").read_text()


# ------------------------------------------------------------------------------------------------- what they may lay


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("Makefile", "mine/Makefile is a file of the core, which a part does not replace; rename it"),
        ("params/data.yaml", "mine/params/data.yaml is a file of the core, which a part does not replace; rename it"),
        (f"{ROOM}/other/x.py", f"mine/{ROOM}/other/x.py is out of place; modules go to {ROOM}/mine/"),
        ("src/x.py", f"mine/src/x.py is out of place; modules go to {ROOM}/mine/"),
        ("docs/<<cookiecutter.name>>.md", "is no name of a file; only <<cookiecutter.package_name>> is replaced"),
        (".cruft.json", "mine/.cruft.json is not for parts to write; take it out"),
        (".dvc/config", "mine/.dvc/config is not for parts to write; take it out"),
        (
            "with/container/Makefile",
            "mine/with/container/Makefile is a file of the core, which a part does not replace",
        ),
        ("with/container/Dockerfile", "mine/with/container/Dockerfile is a file of the part container, too; take one"),
        ("Dockerfile", "mine/Dockerfile is a file of the part container, too; take one of the two, or rename the file"),
        ("params/models/svm.yaml", "mine/params/models/svm.yaml is a file of the recipe, too; take one of the two, or"),
    ],
)
def test_a_part_replaces_nothing(tmp_path: Path, file: str, said: str) -> None:
    assert said in refuse(parts=f"container, {write(tmp_path / 'mine', {file: 'x'})}")


def test_a_link_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine")
    (folder / "secret.txt").symlink_to("/etc/hostname")
    assert refuse(parts=str(folder)) == "parts: mine/secret.txt is a symbolic link; put the file itself there"


def test_the_parts_of_the_template_fit_together_with_every_recipe() -> None:
    for recipe in recipes.names(ROOT):
        overlay.check_parts(ROOT / "recipes" / recipe, ask(parts="all").parts, ROOT)


def test_files_are_laid_as_those_of_the_core_are_rendered(tmp_path: Path, bake: Bake) -> None:
    own = write(
        tmp_path / "my-part",
        {
            "docs/my-part.md": "# << cookiecutter.project_name >>\n<% raw %><< x >><% endraw %>\n",
            "scripts/thing.py": 'print("<< cookiecutter.nothing >>", 1 << 3)\n',
            "scripts/thing.sh": "#!/bin/sh\necho << cookiecutter.description | quoted >>\n",
            f"{ROOM}/my_part/thing.py": "x = 1 << 3\n",
            "README.md": "# Its own page\n",
            "LICENSE": "Mine\n",
            ".git/config": "",
            "docs/__pycache__/x.pyc": "",
        },
    )
    (own / "docs" / "picture.png").write_bytes(b"\x89PNG<<\xff")
    (own / "scripts" / "thing.sh").chmod(0o755)
    baked = bake(parts=str(own), project_name="Shop", description='Say "it"')
    assert baked.read("docs/my-part.md") == "# Shop\n<< x >>\n"
    assert baked.read("scripts/thing.py") == 'print("<< cookiecutter.nothing >>", 1 << 3)\n'
    assert baked.read("scripts/thing.sh") == '#!/bin/sh\necho "Say \\"it\\""\n'
    assert baked.read("src/shop/parts/my_part/thing.py") == "x = 1 << 3\n"
    assert (baked.path / "docs" / "picture.png").read_bytes() == b"\x89PNG<<\xff"
    modes = [os.stat(baked.path / "scripts" / name).st_mode & stat.S_IXUSR for name in ("thing.sh", "thing.py")]
    assert modes == [stat.S_IXUSR, 0]
    assert not any("__pycache__" in name for name in baked.files())
    assert not (baked.path / "part.yaml").exists() and "MIT" in baked.read("LICENSE")


def test_a_template_that_cannot_be_rendered_is_refused_with_its_line(tmp_path: Path, bake: Bake) -> None:
    own = write(tmp_path / "mine", {"docs/mine.md": "# A\n<< cookiecutter.nme >>\n"})
    assert bake(parts=str(own)).refusal.startswith("parts: mine/docs/mine.md: ")
    write(own, {"docs/mine.md": "# A\n<% if %>\n"})
    assert bake(parts=str(own)).refusal.startswith("parts: mine/docs/mine.md, line 2: ")


def test_what_stands_in_with_comes_with_the_other_part_alone(tmp_path: Path, bake: Bake) -> None:
    own = write(tmp_path / "mine", {"with/dashboard/docs/both.md": "<< cookiecutter.project_slug >>\n"})
    assert not (bake(parts=str(own)).path / "docs" / "both.md").exists()
    baked = bake(parts=f"{own}, dashboard", project_slug="shop")
    assert baked.read("docs/both.md") == "shop\n"
    assert not (baked.path / "with").exists()


def test_a_recipe_has_its_own_params_of_a_part(tmp_path: Path, bake: Bake) -> None:
    recipe = tmp_path / "other"
    shutil.copytree(ROOT / "recipes" / "tabular-regression", recipe)
    part = write(tmp_path / "mine", {"params/mine.yaml": "limit: 1\n", "scripts/mine.py": "x = 1\n"})
    (recipe / "with" / "mine" / "params").mkdir(parents=True)
    (recipe / "with" / "mine" / "params" / "mine.yaml").write_text("limit: 2\n")
    assert bake(recipe=str(recipe), parts=str(part)).read("params/mine.yaml") == "limit: 2\n"
    assert not (bake(recipe=str(recipe), parts="none").path / "params" / "mine.yaml").exists()
    (recipe / "with" / "mine" / "scripts").mkdir()
    assert "is no folder that is laid over a project" in refuse(recipe=str(recipe))


def test_borrowed_files_come_once(bake: Bake) -> None:
    alone, both = bake(parts="ci-gitlab").path, bake(parts="ci-github, ci-gitlab").path
    files = tree(alone / "scripts" / "ci")
    assert files and files == tree(both / "scripts" / "ci")
    assert not (alone / ".github").exists()
    assert os.access(alone / "scripts" / "ci" / "keep.sh", os.X_OK)


# --------------------------------------------------------------------------------------------- what they write elsewhere


def test_extras_requirements_and_ignored_files_are_written(tmp_path: Path, bake: Bake) -> None:
    own = write(
        tmp_path / "mine",
        extras={
            "zeta": ["zeta>=1"],
            "alpha": ["<< cookiecutter.project_slug >>[train]", "alpha>=1"],
            "s3": ["boto3>=1"],
        },
        requirements=["dvc-s3>=3.3,<4"],
        ignores=["/reports/mine"],
    )
    baked, plain = bake(parts=str(own), project_slug="shop"), bake(parts="none", project_slug="shop")
    extras = tomllib.loads(baked.read("pyproject.toml"))["project"]["optional-dependencies"]
    before = tomllib.loads(plain.read("pyproject.toml"))["project"]["optional-dependencies"]
    assert extras["zeta"] == ["zeta>=1"] and extras["alpha"] == ["shop[train]", "alpha>=1"]
    assert extras["s3"] == [*before["s3"], "boto3>=1"]
    assert set(extras["train"]) - set(before["train"]) == {"dvc-s3>=3.3,<4"}
    assert list(extras) == sorted(extras), "by name"
    assert baked.read(".gitignore") == plain.read(".gitignore") + "\n# A part\n/reports/mine\n"


def test_comments_stay_above_their_extra_and_long_lists_get_lines() -> None:
    text = '[project.optional-dependencies]\na = []\n# Of c.\nc = [\n  "x",\n]\n\n[tool]\n'
    changed = wiring.with_extras(text, {"b": ["b" * 60, "c" * 60], "c": ["y"], "d": ["z"]})
    assert changed == (
        f'[project.optional-dependencies]\na = []\nb = [\n  "{"b" * 60}",\n  "{"c" * 60}",\n]\n'
        '# Of c.\nc = ["x", "y"]\nd = ["z"]\n\n[tool]\n'
    )
    with pytest.raises(ValueError, match="there are no optional dependencies"):
        wiring.with_extras("[project]\n", {"b": ["b"]})


def test_the_readme_lists_the_parts_that_are_there(bake: Bake) -> None:
    baked = bake(parts="dashboard, commit-hooks")
    listed = re.findall(r"(?m)^- \*\*(\S+)\*\*: (.*) \[More\]\((.*)\)$", baked.read("README.md"))
    assert [name for name, _, _ in listed] == ["commit-hooks", "dashboard"]
    assert all((baked.path / page).exists() for _, _, page in listed)
    assert listed[1][1] == parts.part(ROOT, "dashboard").adds
    assert "-->\nNo parts yet.\n<!--" in bake(parts="none").read("README.md")


@pytest.mark.parametrize("name", ["none", *NAMES])
def test_a_part_alone_leaves_nothing_open(name: str, bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    baked = bake(parts=name)
    for file in baked.files():
        if not file.startswith("src/") and (baked.path / file).suffix in (".mk", ".md", ".yaml", ".yml", ".toml"):
            assert not re.search(r"<< ?cookiecutter|<%", baked.read(file)), file
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    targets = {line.split()[1] for line in run("make", cwd=baked.path).splitlines()}
    wanted = {
        one for file in (baked.path / "make").glob("*.mk") for one in re.findall(r"(?m)^([a-z-]+):", file.read_text())
    }
    assert wanted <= targets
    for page in (baked.path / "docs").glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    run(str(TOOLS / "ruff"), "check", ".", cwd=baked.path)
    run(str(TOOLS / "ruff"), "format", "--check", ".", cwd=baked.path)


# ------------------------------------------------------------------------------------------------ how they come and go


def diff(project: Path) -> str:
    """What differs from the last commit, staged or not."""
    return run("git", "status", "--porcelain", cwd=project) + run("git", "diff", "HEAD", cwd=project)


@pytest.mark.slow
@pytest.mark.parametrize(("by", "answer"), [("cookiecutter", "none"), ("cookiecutter", "standard"), ("cruft", "none")])
def test_adding_and_then_removing_changes_nothing(by: str, answer: str, template: Path, tmp_path: Path) -> None:
    project = stamp(by, template, tmp_path, "project_name=Shop", "estimators=fast", f"parts={answer}")
    before = (project / ".cruft.json").read_bytes()
    said = update(project, "--add", "dashboard")
    assert said.startswith("Fetching ") and "added dashboard; files that change: 4\n" in said
    assert status(project) == {
        ".cruft.json": "M ",
        "README.md": "M ",
        "docs/dashboard.md": "A ",
        "make/dashboard.mk": "A ",
        "pyproject.toml": "M ",
    }
    assert note(project)["context"]["cookiecutter"]["parts"] == (
        "dashboard" if answer == "none" else f"{answer}, dashboard"
    )
    assert "removed dashboard; files that change: 4\n" in update(project, "--remove", "dashboard")
    assert diff(project) == "" and (project / ".cruft.json").read_bytes() == before
    assert not (project / "make" / "dashboard.mk").exists()


@pytest.mark.slow
def test_needs_come_along_and_keep_what_they_need(template: Path, tmp_path: Path) -> None:
    project = stamp("cookiecutter", template, tmp_path, "project_name=Shop", "parts=none")
    come = sorted(part.name for part in ask(parts="ci-github").parts)
    assert f"added {', '.join(come)}; files that change: " in update(project, "--add", "ci-github")
    assert "error: container is needed by ci-github: remove that first" in update(
        project, "--remove", "container", code=1
    )
    commit(project, "CI")
    said = update(project, "--parts")
    here, others = said.split("To add, with make add PART=<name>:\n")
    assert re.search(r"(?m)^  ci-github +Run the checks", here)
    assert re.search(r"(?m)^  container +.* \(needed by ci-github\)$", here)
    assert re.findall(r"(?m)^  (\S+)", others) == [name for name in NAMES if name not in come]
    assert "container is here already (needed by ci-github)" in update(project, "--add", "container")
    assert diff(project) == ""
    assert f"removed {', '.join(come)}; " in update(project, "--remove", "ci-github")
    assert not (project / "Dockerfile").exists() and not (project / ".github").exists()
    assert note(project)["context"]["cookiecutter"]["parts"] == "none"


@pytest.mark.slow
def test_edits_stay_although_the_template_has_moved_on(template: Path, tmp_path: Path) -> None:
    project = stamp("cookiecutter", template, tmp_path, "project_name=Shop", "parts=container, dashboard")
    has = note(project)["commit"]
    edit(project / "README.md", "# Shop\n", "# Our shop\n")
    edit(project / "pyproject.toml", "update = [", 'mine = ["mine>=1"]\nupdate = [')
    edit(project / "make" / "dashboard.mk", "# Optuna's dashboard.", "# Ours.")
    commit(project, "Mine")
    newer(template, **{"parts/commit-hooks/docs/commit-hooks.md": ("# Commit hooks", "# Newer hooks")})
    assert "added commit-hooks" in update(project, "--add", "commit-hooks")
    assert note(project)["commit"] == has
    assert (project / "docs/commit-hooks.md").read_text().startswith("# Commit hooks\n"), "of the version it has"
    assert (project / "README.md").read_text().startswith("# Our shop\n")
    assert '\nmine = ["mine>=1"]\n' in (project / "pyproject.toml").read_text()
    said = update(project, "--remove", "dashboard")  # what was staged before is no obstacle
    assert "note: make/dashboard.mk is no longer among the template's files; you have changed it, so it stays" in said
    assert note(project)["context"]["cookiecutter"]["parts"] == "container, commit-hooks"
    assert not (project / "docs" / "dashboard.md").exists() and (project / "docs" / "commit-hooks.md").exists()
    commit(project, "Parts")
    update(project)
    assert (project / "docs" / "commit-hooks.md").read_text().startswith("# Newer hooks\n")


@pytest.mark.slow
def test_one_of_the_standard_parts_can_go(template: Path, tmp_path: Path) -> None:
    project = stamp("cookiecutter", template, tmp_path, "project_name=Shop", "parts=standard")
    others = sorted(name for name in NAMES if parts.part(ROOT, name).standard and name != "sandbox-aws")
    update(project, "--remove", "sandbox-aws")
    assert note(project)["context"]["cookiecutter"]["parts"] == ", ".join(others)
    assert "error: there is no part 'sandbox-aws' here; here are " in update(project, "--remove", "sandbox-aws", code=1)


@pytest.mark.slow
def test_a_part_of_ones_own_comes_and_goes(template: Path, tmp_path: Path, sizes: Path) -> None:
    project = stamp("cookiecutter", template, tmp_path, "project_name=Shop", "parts=none")
    assert "added sizes; files that change: " in update(project, "--add", "../mine/sizes")
    assert (project / "make" / "sizes.mk").exists()
    update(project, "--remove", "sizes")
    assert diff(project) == ""


@pytest.mark.slow
def test_what_cannot_be_added_is_said(template: Path, tmp_path: Path) -> None:
    archive = tmp_path / "sml.zip"
    run("git", "archive", "--prefix", "sml-main/", "--output", str(archive), "HEAD", cwd=template)
    has = run("git", "rev-parse", "HEAD", cwd=template).strip()
    project = stamp("cookiecutter", archive, tmp_path, "project_name=Shop", "parts=none")
    missing = "Name the repository and the tag or commit that it was: make "
    assert f"{missing}add PART=dashboard TEMPLATE=<address> FROM=<commit>\n" in update(
        project, "--add", "dashboard", code=1
    )
    assert f"{missing}parts TEMPLATE" in update(project, "--parts", code=1)
    origin = ("--template", str(template), "--from", has)
    assert "error: there is no 'dashbord'; did you mean dashboard?" in update(
        project, "--add", "dashbord", *origin, code=1
    )
    assert diff(project) == ""
    (project / "docs").mkdir(exist_ok=True)
    (project / "docs" / "dashboard.md").write_text("mine, and not in git\n")
    assert "docs/dashboard.md now, which is here and not in git" in update(
        project, "--add", "dashboard", *origin, code=1
    )
    (project / "docs" / "dashboard.md").unlink()
    update(project, "--add", "dashboard", *origin)
    assert (note(project)["template"], note(project)["commit"]) == (str(template), has)


def test_make_says_which_part_is_wanted(bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = bake(parts="none").path
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    shutil.copy(project / "pyproject.toml", tmp_path / "venv" / ".ready")
    monkeypatch.setenv("PROJECT_VENV", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    def said(*words: str) -> str:
        done = subprocess.run(["make", *words], cwd=project, capture_output=True, text=True)
        assert done.returncode
        return done.stderr

    for target in ("parts", "add", "remove"):
        assert said(target).startswith("cruft is not installed, which is the extra `update`")
    (tmp_path / "venv" / "bin" / "cruft").symlink_to("/bin/true")
    assert said("add").startswith("which part? make parts lists them\n")
    assert said("remove").startswith("which part? make parts lists those that are here\n")
