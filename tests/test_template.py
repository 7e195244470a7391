"""The template's own parts agree with one another: questions, recipes, catalogue, Makefiles, workflows."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import QUESTIONS, ROOT, BakedProject, run, tree
from stamping import answers, names, overlay, parts, recipes

SHARED = ROOT / "<<cookiecutter.project_slug>>"
RECIPES = recipes.names(ROOT)
CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())


def test_the_questions_are_those_that_the_hooks_check() -> None:
    assert tuple(QUESTIONS) == answers.ASKED
    assert list(CONTEXT["__prompts__"]) == QUESTIONS
    assert tuple(CONTEXT["license"]) == answers.LICENSES
    assert list(CONTEXT["__prompts__"]["license"]) == ["__prompt__", *CONTEXT["license"]]
    assert CONTEXT["recipe"] in RECIPES
    offered = re.findall(r"(?m)^    ([\w-]+): ", CONTEXT["__prompts__"]["recipe"])
    assert offered == RECIPES, "make gallery writes the question"


@pytest.mark.parametrize("name", RECIPES)
def test_no_code_outside_its_folder_names_a_recipe(name: str) -> None:
    code = [ROOT / "sml_template_extension.py", ROOT / "Makefile", *(ROOT / "hooks").rglob("*.py")]
    code += [*(ROOT / "scripts").iterdir(), *(ROOT / "templates").rglob("*"), *SHARED.rglob("*")]
    found = [path for path in code if path.is_file() and path.suffix != ".pyc"]
    assert len(found) > 50
    naming = [path for path in found if re.search(rf"(?<![\w-]){name}(?![\w-])", path.read_text(encoding="utf-8"))]
    assert naming == []


def test_no_prompt_holds_brackets_that_the_terminal_would_swallow() -> None:
    assert "[" not in json.dumps(list(CONTEXT["__prompts__"].values())).replace("[", "", 1)


def test_all_six_delimiters_are_set() -> None:
    assert sorted(CONTEXT["_jinja2_env_vars"].values()) == sorted(["<<", ">>", "<%", "%>", "<#", "#>"])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_whole(name: str) -> None:
    recipe = recipes.recipe(ROOT, name)
    facts = yaml.safe_load((recipe.folder / "recipe.yaml").read_text())
    page = (recipe.folder / "README.md").read_text(encoding="utf-8")
    assert recipe.sample["licence"] in page
    assert facts["title"] in page
    assert facts["summary"] in page
    for preset, wanted in recipe.presets.items():
        assert f"| `{preset}` |" in page
        trials, seconds = wanted["budget"]["trials"], wanted["budget"]["seconds"]
        assert (f"| {trials} trials or {seconds} seconds |" if trials else f"| {seconds} seconds |") in page
    known = recipes.catalogue(ROOT)
    plain = [
        model
        for model, classes in recipe.pool.items()
        if not any(one["package"] in known.packages for written in classes for one in known.named(written))
        and not set(classes) & set(facts.get("requires", []))
    ]
    assert set(recipe.presets["thorough"]["estimators"]) >= set(plain)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_carries_no_copy_of_a_shared_file(name: str) -> None:
    overlay.check(ROOT / "recipes" / name, ROOT)
    for path, relative in overlay.files(ROOT / "recipes" / name):
        shared = SHARED / relative
        assert not shared.exists() or shared.read_bytes() != path.read_bytes(), relative


def test_the_packages_are_offered_and_tested_in_the_same_versions() -> None:
    wanted = set(recipes.catalogue(ROOT).packages.values())
    tested = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["test"])
    assert wanted <= tested
    extras = re.findall(r"^boosting = (\[.*\])", (SHARED / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(json.loads(extras[0])) <= wanted


def test_the_requirements_of_readers_agree_with_the_extras() -> None:
    readers = recipes.readers(ROOT)
    text = (SHARED / "pyproject.toml").read_text()
    assert f'excel = ["{readers[".xlsx"]}"]' in text
    assert f'sql = ["{readers["sqlalchemy"]}"]' in text


def test_no_dependency_may_be_the_name_of_the_project_or_its_package(bake: Callable[..., BakedProject]) -> None:
    project = tomllib.loads(bake().read("pyproject.toml"))["project"]
    known = recipes.catalogue(ROOT)
    wanted = [*project["dependencies"], *known.packages.values(), *recipes.readers(ROOT).values()]
    wanted += [one for extra in project["optional-dependencies"].values() for one in extra]
    for requirement in wanted:
        if requirement.startswith(f"{project['name']}["):
            continue  # an extra that contains another one
        assert names.distribution_taken(re.split(r"[\[<>=]", requirement)[0]), requirement
    for package in known.packages:
        assert names.package_taken(package)


def test_the_catalogue_is_what_the_registry_finds() -> None:
    run(sys.executable, str(ROOT / "scripts" / "catalog.py"), "--check", cwd=ROOT)


def test_the_folder_for_cruft_holds_one_file() -> None:
    assert tree(ROOT / "{{cookiecutter.project_slug}}") == ["README.md"]


def test_workflows_are_valid_and_pinned() -> None:
    found = sorted(str(path) for path in (ROOT / ".github" / "workflows").glob("*.yml"))
    assert found
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", *found, cwd=ROOT)
    for path in found:
        for line in re.findall(r"uses: (.*)", Path(path).read_text()):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", line), line


def test_nothing_names_a_package_registry_or_this_machine() -> None:
    hosts = "|".join(rf"{name}\.{end}" for name, end in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org")))
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".csv", ".png"):
            assert not re.search(hosts, path.read_text(encoding="utf-8")), name


@pytest.mark.parametrize("folder", ["template", "project"])
def test_make_lists_every_target(
    folder: str, bake: Callable[..., BakedProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    place = ROOT if folder == "template" else bake().path
    listed = run("make", cwd=place)
    makefiles = [place / "Makefile", *sorted((place / "make").glob("*.mk"))]
    phony = [re.findall(r"^\.PHONY: (.*)$", file.read_text(), re.MULTILINE)[0] for file in makefiles]
    targets = set(" ".join(phony).split())
    assert {line.split()[1] for line in listed.splitlines()} == targets
    wanted = {"help", "setup", "run", "report", "check", "test", "lint", "clean", "list"}
    assert targets >= (wanted if folder == "project" else {"help", "demo", "test", "lint", "catalog", "bench"})
    assert max(map(len, listed.splitlines())) <= 100


def test_make_clean_keeps_data_params_and_history(
    bake: Callable[..., BakedProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    baked = bake()
    before = baked.files()
    made = [
        "plan/data.json",
        "data/interim/table.parquet",
        "models/final/model.skops",
        "reports/report.html",
        ".cache/studies/x",
    ]
    for name in made:
        (baked.path / name).parent.mkdir(parents=True, exist_ok=True)
        (baked.path / name).touch()
    for folder, name in (("plan", "data.json"), ("data%2Finterim", "table.parquet"), ("models%2Ffinal", "model.skops")):
        (baked.path / ".cache/written").mkdir(exist_ok=True)
        (baked.path / ".cache/written" / folder).write_text(json.dumps([name]))
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    run("make", "clean", cwd=baked.path)
    assert baked.files() == before
    assert (baked.path / ".git").is_dir()


def test_make_report_says_what_to_do_when_there_is_none(
    bake: Callable[..., BakedProject], monkeypatch: pytest.MonkeyPatch
) -> None:
    baked = bake()
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    done = subprocess.run(["make", "report"], cwd=baked.path, capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stderr.startswith("there is no report yet: make run writes it\n")


def test_an_extra_that_several_parts_bring_is_the_same_in_each() -> None:
    found: dict[str, list[str]] = {}
    for name in parts.names(ROOT):
        for extra, requirements in parts.part(ROOT, name).extras.items():
            assert found.setdefault(extra, requirements) == requirements, f"{name}: the extra {extra}"
