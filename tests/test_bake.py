"""Every recipe and supported combination of answers, stamped and looked at without running it."""

import ast
import itertools
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, BakedProject, commit, run, tree
from cookiecutter.main import cookiecutter
from hatchling.builders.wheel import WheelBuilder
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from stamping import answers, recipes, wiring
from test_answers import GOOD, refuse

Bake = Callable[..., BakedProject]

RECIPES = recipes.names(ROOT)
KINDS = ["tabular-classification", "tabular-regression", "clustering"]
RECIPE_OF = dict(zip(("classifier", "regressor", "clusterer"), KINDS, strict=True))
# A class that gets a file of its own, where there is one.
STARTED = dict(zip(KINDS, ("GaussianNB", "LADRegression", "DBSCAN"), strict=True))
PRESETS = ["fast", "balanced", "thorough", "automl"]
LICENSES = {
    "MIT": "MIT License",
    "BSD-3-Clause": "BSD 3-Clause License",
    "Apache-2.0": "Apache License",
    "Proprietary": "All rights reserved.",
}
LISTS = {
    "tabular-classification": [
        "gradient_boosting, LGBMClassifier",
        "xgboost,catboost,lightgbm",
        "GaussianMixtureNB",
        "BalancedRandomForestClassifier, svm",
        "sklearn.linear_model.RidgeClassifier",
        "OneVsRestClassifier",
        "MLPClassifier",
    ],
    "forecasting": ["theta", "darts_linear, prophet", "ridge, LGBMRegressor"],
    "tabular-regression": ["gradient_boosting, LGBMRegressor", "LADRegression, ridge", "ZeroInflatedRegressor"],
    "clustering": ["k_means, DBSCAN", "AffinityPropagation"],
}
SUPPORTED = [
    *itertools.product(RECIPES, PRESETS),
    *((recipe, names) for recipe in RECIPES for names in LISTS.get(recipe, [])),
]
UNSUPPORTED = [
    ({"recipe": "tabular-regression", "estimators": "LogisticRegression"}, "estimators"),
    ({"recipe": "tabular-classification", "estimators": "elastic_net"}, "estimators"),
    ({"recipe": "tabular-regression", "target": "species"}, "target"),
    ({"recipe": "clustering", "target": "species"}, "target"),
    ({"recipe": "clustering", "estimators": "LogisticRegression"}, "estimators"),
    ({"recipe": "clustering", "estimators": "FeatureAgglomeration"}, "estimators"),
    ({"data": "nowhere.csv", "target": "x"}, "data"),
    ({"data": "https://example.org/x.csv"}, "target"),
    ({"package_name": "sklearn"}, "package_name"),
    ({"project_slug": "two words"}, "project_slug"),
    ({"description": "two\nlines"}, "description"),
]
# Texts that would break out of a string, a comment, a cell of Markdown, a tag or a shell command if they were pasted.
WILD = [
    "it's",
    'say "hello"',
    "'''",
    '"""',
    "back\\slash \\n \\",
    "{{ cookiecutter }} {% if %} {# x #}",
    "${{ github.token }} ${HOME} $(touch x) `touch x`",
    "a: b # c",
    "- [ ] | * & ! % @",
    "ä ñ 日本 🎉",
    "<script>alert(1)</script> & <b>",
    "%(x)s {x} %s",
    "NO",
    ">> %> #>",
]


def of_version(version: str, text: str) -> list[object]:
    """The documents in a file of YAML, read by a version of it."""
    reader = YAML(typ="safe", pure=True)
    reader.version = version
    return list(reader.load_all(text))


@pytest.mark.parametrize(("recipe", "estimators"), SUPPORTED, ids=["/".join(one) for one in SUPPORTED])
def test_a_combination_is_stamped_and_wired(bake: Bake, recipe: str, estimators: str) -> None:
    baked = bake(recipe=recipe, estimators=estimators)
    facts = yaml.safe_load((ROOT / "recipes" / recipe / "recipe.yaml").read_text())
    data, search = (yaml.safe_load(baked.read(f"params/{name}.yaml")) for name in ("data", "search"))
    target = facts["sample"]["target"]
    assert data["source"] == facts["sample"]["file"]
    if facts.get("targets", 1) != 0:
        assert (data["target"], data["columns"]) == (target, {})
    else:
        assert (data["target"], data["columns"]) == (None, {target: {"role": "ignore"}})
    assert data["task"] == facts["task"]
    assert (baked.path / data["source"]).read_bytes() == (ROOT / "recipes" / recipe / data["source"]).read_bytes()
    preset = facts["presets"].get(estimators)
    if preset:
        always = [one for one in facts.get("always", []) if one not in preset["estimators"]]
        assert search["models"] == [*always, *preset["estimators"]]
        assert search["budget"] == preset["budget"]
    else:
        assert len(search["models"]) == len(estimators.split(",")) + len(facts.get("always", []))
    for name in search["models"]:
        model = yaml.safe_load(baked.read(f"params/models/{name}.yaml"))
        assert model["class"]
        if "preprocess" in model:
            assert (baked.path / f"params/preprocess/{model['preprocess']}.yaml").exists()
    assert f"  target      {data['target'] or 'none'}" in baked.out
    assert all(name in baked.out for name in search["models"])
    written(baked)


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_file_tree_is_exactly_this(bake: Bake, recipe: str, request: pytest.FixtureRequest) -> None:
    """`pytest --write-trees` writes the expected trees anew; read the difference before you commit it."""
    expected = ROOT / "tests" / "trees" / f"{recipe}.txt"
    found = "".join(f"{name}\n" for name in bake(recipe=recipe, package_name="package").files())
    if request.config.getoption("--write-trees"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "key"), UNSUPPORTED, ids=[str(one) for one, _ in UNSUPPORTED])
def test_an_unsupported_combination_fails_and_leaves_nothing(bake: Bake, given: dict[str, str], key: str) -> None:
    assert bake(**given).refusal.startswith(f"{key}: ")


@pytest.mark.parametrize(("license", "heading"), LICENSES.items(), ids=LICENSES)
def test_each_licence_names_its_owner(bake: Bake, license: str, heading: str) -> None:
    baked = bake(license=license, author_name="Ada & Co.")
    text = baked.read("LICENSE")
    assert heading in text
    assert "Ada & Co." in text
    project = tomllib.loads(baked.read("pyproject.toml"))["project"]
    assert project["license"] == {"Proprietary": "LicenseRef-Proprietary"}.get(license, license)
    assert project["authors"] == [{"name": "Ada & Co."}]


@pytest.mark.parametrize("recipe", RECIPES)
def test_nothing_of_the_template_is_left(bake: Bake, recipe: str) -> None:
    baked = bake(recipe=recipe, estimators=STARTED.get(recipe, "fast"))
    for name in baked.files():
        text = f"{name}\n{(baked.path / name).read_bytes().decode('utf-8')}"
        # What brings the project to a newer version of the template speaks of it.
        tools = ["cookiecutter"] if name not in (".cruft.json", "scripts/update.py") else []
        for leftover in ("<<cookiecutter", "<< cookiecutter", "<%", "<#", *tools):
            assert leftover not in text, f"{name} holds {leftover}"
        if not name.startswith("src/"):  # where `1 << 3` is Python
            assert "<<" not in text, f"{name} holds <<"


@pytest.mark.parametrize("recipe", RECIPES)
def test_yaml_reads_alike_in_both_versions(bake: Bake, recipe: str) -> None:
    """DVC reads YAML 1.2 and most tools read 1.1: `NO` and `1e-5` must mean the same to both."""
    baked = bake(recipe=recipe, estimators="thorough")
    # Workflows are for GitHub alone, which reads YAML 1.2, as the key `on` takes for granted.
    found = [name for name in baked.files() if name.endswith((".yaml", ".yml")) and not name.startswith(".github/")]
    assert len(found) > 10
    for name in found:
        text = baked.read(name)
        assert of_version("1.1", text) == of_version("1.2", text) == list(yaml.safe_load_all(text)), name


def test_every_class_of_the_catalogue_gives_a_starter_that_reads_alike_in_both_versions() -> None:
    known = recipes.catalogue(ROOT)
    for name, entries in known.classes.items():
        for entry in entries:
            if "required" not in entry:
                recipe = RECIPE_OF[entry["kind"]]
                plan = answers.planned({**GOOD, "recipe": recipe, "estimators": entry["class"]}, ROOT, ROOT)
                if plan.models[0].starter:
                    text = wiring.starter(plan.models[0], plan)
                    assert of_version("1.2", text) == [yaml.safe_load(text)], name
                    assert yaml.safe_load(text)["class"] == plan.models[0].written


@pytest.mark.parametrize("recipe", RECIPES)
def test_params_are_what_their_json_schemas_say(bake: Bake, recipe: str) -> None:
    baked = bake(recipe=recipe)
    named = 0
    for name in baked.files():
        first = baked.read(name).partition("\n")[0] if name.startswith("params/") and name.endswith(".yaml") else ""
        if "$schema=" in first:
            named += 1
            schema = json.loads((baked.path / name).parent.joinpath(first.partition("$schema=")[2]).read_text())
            Draft202012Validator.check_schema(schema)
            Draft202012Validator(schema).validate(yaml.safe_load(baked.read(name)))
    assert named > 10


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_stamped_project_is_clean_for_ruff(bake: Bake, recipe: str) -> None:
    baked = bake(recipe=recipe)
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "."], cwd=baked.path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_stamped_project_with_the_code_of_all_recipes_is_clean_for_mypy(bake: Bake) -> None:
    baked = bake()
    for overlay in ROOT.glob("recipes/*/src/*"):  # together, because mypy takes a minute for one project
        shutil.copytree(overlay, baked.path / "src" / baked.package, dirs_exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=baked.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_stamped_project_builds_as_a_package_with_its_report_page(bake: Bake) -> None:
    baked = bake(description="Kühe & Wölfe: 🎉", author_name='Ada "the" O\'Hara')
    builder = WheelBuilder(str(baked.path))
    included = {file.distribution_path for file in builder.recurse_included_files()}
    assert f"{baked.package}/report/page.html" in included
    assert f"{baked.package}/report/style.css" in included
    assert builder.metadata.core.description == "Kühe & Wölfe: 🎉"
    assert builder.metadata.core.license_expression == "MIT"


@pytest.mark.parametrize("text", WILD)
def test_any_text_is_stamped_as_it_is(bake: Bake, text: str) -> None:
    baked = bake(
        project_name=text, project_slug="wild", package_name="wild", description=f"{text}.", author_name=f"{text} & Co."
    )
    written(baked)
    project = tomllib.loads(baked.read("pyproject.toml"))["project"]
    assert project["description"] == f"{text}."
    assert project["authors"] == [{"name": f"{text} & Co."}]
    assert f"{text} & Co." in baked.read("LICENSE")
    assert text in baked.read("README.md")
    assert not (baked.path / "x").exists()


@pytest.mark.parametrize("text", [*(one for one in WILD if one != "NO"), "a\nb", "a\tb"])
@pytest.mark.parametrize("key", ["project_slug", "package_name", "data", "target", "estimators"])
def test_wild_text_is_refused_where_it_has_no_place(text: str, key: str) -> None:
    sentence = refuse(**{key: text})
    assert sentence.startswith(f"{key}: ")
    assert "\n" not in sentence


@pytest.mark.parametrize("text", [*WILD[:3], *WILD[4:9], "NO", "- x", "1e-5", "null"])
def test_any_file_and_column_name_is_wired_as_it_is(bake: Bake, table: Path, text: str) -> None:
    name = f"{text.replace('/', '')}.csv"
    quoted = text.replace('"', '""')
    (table.parent / name).write_text(f'a,"{quoted}"\n1,2\n3,4\n', encoding="utf-8")
    baked = bake(data=name, target=text, estimators="fast")
    written(baked)
    found = yaml.safe_load(baked.read("params/data.yaml"))
    assert (found["source"], found["target"]) == (f"data/raw/{name}", text)
    assert (baked.path / "data" / "raw" / name).exists()


@pytest.mark.parametrize("text", ["a << b", "<% raw %>", "<# gone #>"])
def test_the_templates_own_delimiters_are_refused_when_they_arrive(
    text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """cookiecutter renders extra context, so they arrive by a replay file, or typed at the prompt."""
    context = json.loads((ROOT / "cookiecutter.json").read_text())
    answers = {
        "project_name": "Wild",
        "project_slug": "wild",
        "package_name": "wild",
        "author_name": "Ada",
        "license": "MIT",
        "recipe": "tabular-classification",
        "description": text,
    }
    replay = tmp_path / "replay.json"
    replay.write_text(json.dumps({"cookiecutter": {**context, **answers}}))
    out = tmp_path / "out"
    with pytest.raises(Exception, match="Hook script failed"):
        cookiecutter(str(ROOT), replay=str(replay), output_dir=str(out), default_config=True)
    assert capfd.readouterr().err.startswith(f"description: it holds {text[text.index('<') :][:2]}, which")
    assert tree(out) == []


def test_a_misspelt_question_fails_in_these_tests(bake: Bake) -> None:
    with pytest.raises(AssertionError, match="no such question"):
        bake(estimator="fast")


def test_the_users_table_comes_in_and_the_sample_stays_out(bake: Bake, table: Path) -> None:
    baked = bake(data="shop.csv", target="city")
    assert sorted(path.name for path in (baked.path / "data" / "raw").iterdir()) == [".gitkeep", "shop.csv"]
    assert "  data        data/raw/shop.csv" in baked.out


def test_an_address_is_recorded_and_nothing_is_fetched(bake: Bake) -> None:
    baked = bake(data="s3://bucket/shop.parquet", target="city", estimators="lightgbm")
    assert yaml.safe_load(baked.read("params/data.yaml"))["source"] == "s3://bucket/shop.parquet"
    assert {"s3fs>=2025.3", "lightgbm>=4.7,<5"} <= set(
        tomllib.loads(baked.read("pyproject.toml"))["project"]["dependencies"]
    )
    assert yaml.safe_load(baked.read("params/registry.yaml"))["packages"] == ["lightgbm"]


def test_without_git_the_project_is_whole(bake: Bake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = bake().files()
    monkeypatch.setenv("PATH", str(tmp_path))
    baked = bake()
    assert baked.files() == whole
    assert "  skipped     git and DVC: git is not installed; make setup does it later" in baked.out


def test_with_nobody_known_the_project_is_whole(bake: Bake, nobody: None, with_dvc: None) -> None:
    baked = bake()
    assert (baked.path / "data/raw/penguins.csv.dvc").exists()
    assert "  skipped     the first commit: git does not know your name" in baked.out


def test_stamping_ends_in_a_clean_repository(bake: Bake, with_dvc: None) -> None:
    baked = bake()
    assert run("git", "status", "--porcelain", cwd=baked.path) == ""
    assert run("git", "log", "--format=%s", "main", cwd=baked.path) == "Start the project\n"
    assert "skipped" not in baked.out
    tracked = run("git", "ls-files", cwd=baked.path).splitlines()
    assert "data/raw/penguins.csv.dvc" in tracked
    assert "data/raw/penguins.csv" not in tracked


def test_stamping_inside_a_repository_touches_nothing_of_it(table: Path, with_dvc: None) -> None:
    run("git", "init", "--quiet", cwd=table.parent)
    commit(table.parent, "outer")
    before = {name: (table.parent / name).read_bytes() for name in tree(table.parent)}
    cookiecutter(str(ROOT), no_input=True, output_dir=str(table.parent), default_config=True)
    after = {name: (table.parent / name).read_bytes() for name in tree(table.parent)}
    assert {name: after.pop(name) for name in before} == before
    assert all(name.startswith("my-ml-project/") for name in after)
    assert not any(name.startswith("my-ml-project/.git/") for name in after)


def written(baked: BakedProject) -> None:
    """Asserts that every stamped file is of the format that its name says."""
    for name in baked.files():
        path = baked.path / name
        if name.endswith(".py"):
            ast.parse(path.read_text(encoding="utf-8"), name)
        elif name.endswith((".yaml", ".yml")):
            of_version("1.2", path.read_text(encoding="utf-8"))
        elif name.endswith(".toml"):
            tomllib.loads(path.read_text(encoding="utf-8"))
        elif name.endswith(".json"):
            json.loads(path.read_text(encoding="utf-8"))
