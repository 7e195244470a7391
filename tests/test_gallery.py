"""The gallery is what `make gallery` writes, of runs of the recipes as they stand, and its page works in a browser."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import ROOT
from PIL import Image
from stamping import parts, recipes

from scripts import gallery

RECIPES = recipes.names(ROOT)
BROWSER = next(
    (found for name in gallery.BROWSERS if (found := shutil.which(name, path="/usr/local/bin:/usr/bin:/bin"))), None
)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recipes that a test may change; the gallery looks there."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    shutil.copytree(ROOT / recipes.SHARED / "params", tmp_path / recipes.SHARED / "params")
    monkeypatch.setattr(gallery, "ROOT", tmp_path)
    return tmp_path / "recipes"


def edit(file: Path, old: str, new: str) -> None:
    """Replace a text that has to be there."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_gallery_is_what_make_gallery_writes() -> None:
    wrong = [path for path, text in gallery.rendered().items() if path.read_text(encoding="utf-8") != text]
    assert wrong == [], "`scripts/gallery.py --render` writes them anew"


def test_every_recipe_was_run_as_it_stands() -> None:
    assert gallery.stale() == [], "these have changed since their run, or have none: `make gallery` runs them"
    for name, run in gallery.runs().items():
        assert run["seconds"] > 0 and run["leaderboard"] and run["scores"], name
        assert sum(row["chosen"] for row in run["leaderboard"]) == 1, name
        competing = {*recipes.recipe(ROOT, name).presets[run["preset"]]["estimators"]}
        assert {row["model"] for row in run["leaderboard"]} >= competing, name


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_a_small_picture(name: str) -> None:
    path = gallery.PICTURES / f"{name}.png"
    assert path.stat().st_size < 150_000
    with Image.open(path) as image:
        assert image.size == (gallery.KEPT, gallery.KEPT * gallery.HEIGHT // gallery.WIDTH)


def test_there_is_no_picture_of_anything_else() -> None:
    assert sorted(path.stem for path in gallery.PICTURES.iterdir()) == RECIPES


@pytest.mark.parametrize(
    ("file", "old", "new", "again"),
    [
        ("recipe.yaml", "Predict a number", "Guess a number", False),
        ("recipe.yaml", "kind: regressor", "kind: regressor\nrequires: {SVR: [x]}", False),
        ("recipe.yaml", "automl:\n    estimators: [ridge, ", "automl:\n    estimators: [", False),
        ("recipe.yaml", "trials: 100", "trials: 101", True),
        ("recipe.yaml", "metric: neg_root_mean_squared_error", "metric: r2", True),
        ("params/split.yaml", "\n", "\n# a comment\n", False),
        ("params/split.yaml", "KFold\n  params: {n_splits: 5", "KFold\n  params: {n_splits: 4", True),
        ("params/models/ridge.yaml", "alpha: 1.0\n", "alpha: 1.5\n", True),
        ("params/models/ridge.yaml", "alpha: 1.0\n  random_state: 0", "random_state: 0\n  alpha: 1.0", False),
        ("params/models/xgboost.yaml", "max_depth: 5", "max_depth: 4", False),
        ("data/raw/mpg.csv", "18", "19", True),
    ],
)
def test_a_recipe_is_run_again_when_what_its_run_depends_on_has_changed(
    copy: Path, file: str, old: str, new: str, again: bool
) -> None:
    before = gallery.fingerprint("tabular-regression", "balanced")
    edit(copy / "tabular-regression" / file, old, new)
    assert (gallery.fingerprint("tabular-regression", "balanced") != before) is again


def test_code_counts_and_comments_in_it_do_not(copy: Path) -> None:
    module = copy / "tabular-regression" / "src" / "<<cookiecutter.package_name>>" / "components" / "mine.py"
    module.parent.mkdir(parents=True)
    module.write_text("x = 1\n")
    before = gallery.fingerprint("tabular-regression", "fast")
    module.write_text("# why\nx = 1    \n\n")
    assert gallery.fingerprint("tabular-regression", "fast") == before
    module.write_text("x = 2\n")
    assert gallery.fingerprint("tabular-regression", "fast") != before


def test_a_new_recipe_is_shown_before_it_was_run(copy: Path) -> None:
    shutil.copytree(copy / "tabular-regression", copy / "tenth")
    edit(copy / "tenth" / "recipe.yaml", "Tabular regression", "The tenth <b>")
    written = gallery.rendered()
    assert "## The tenth <b>" in written[gallery.PAGE]
    assert 'id="tenth">The tenth &lt;b&gt;</h2>' in written[gallery.HTML]
    assert "It has not been run yet." in written[gallery.HTML]
    questions = json.loads(written[gallery.QUESTIONS])
    assert "    tenth: A number (a price, a demand, a duration)\n" in questions["__prompts__"]["recipe"]
    assert {**questions, "__prompts__": 0} == {**json.loads(gallery.QUESTIONS.read_text()), "__prompts__": 0}


def test_sizes_are_of_what_a_package_brings_beyond_the_core() -> None:
    core = gallery.installed(gallery.core_requirements())
    assert {"scikit-learn", "numpy", "dvc"} <= core and "catboost" not in core
    assert {"catboost", "plotly"} <= gallery.installed(["catboost>=1"]) - core
    assert 100 < gallery.megabytes(core) < 3000
    sizes = gallery.sizes("tabular-regression")
    assert sizes["start"] == 0, "the default preset needs the core alone"
    assert sizes["packages"].keys() == set(recipes.catalogue(ROOT).packages.values()) & {
        one for model in gallery.pool("tabular-regression") for one in model["needs"]
    }
    assert gallery.sizes("tabular-regression")["packages"]["lightgbm>=4.7,<5"] > 1


def test_models_are_shown_with_their_library_and_presets() -> None:
    shown = {model["name"]: model for model in gallery.pool("tabular-regression")}
    assert next(iter(shown)) == "ridge"
    assert shown["lightgbm"] == {
        "name": "lightgbm",
        "class": "LGBMRegressor",
        "library": "lightgbm",
        "needs": ["lightgbm>=4.7,<5"],
        "presets": ["automl"],
        "start": False,
    }
    assert shown["svm"]["library"] == "scikit-learn"
    for name in RECIPES:
        for model in gallery.pool(name):
            assert model["library"] != "scikit-learn" or not model["needs"], (name, model)
    assert shown["svm"]["class"] == "TransformedTargetRegressor of SVR"


def test_the_page_needs_nothing_but_itself_and_its_pictures() -> None:
    page = gallery.HTML.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//|@import|url\(""", page)
    for link in re.findall(r'(?:src|href)="([^"]+)"', page):
        path, _, anchor = link.partition("#")
        assert (gallery.HTML.parent / path).exists() if path else f'id="{anchor}"' in page, link
    assert len(re.findall(r"<label", page)) == len(re.findall(r"<(?:input|select)", page))
    assert all(f'<h2 id="{name}">' in page for name in RECIPES)


def test_every_part_is_shown_with_its_targets() -> None:
    page, listed = gallery.HTML.read_text(encoding="utf-8"), gallery.PARTS.read_text(encoding="utf-8")
    for name in parts.names(ROOT):
        card = gallery.part_card(name)
        assert f"<code>{name}</code>" in page and f"parts={name}\n" in listed
        for target, _ in card["targets"]:
            assert f"<code>make {target}</code>" in page and f"| `make {target}` |" in listed
    prompt = json.loads(gallery.QUESTIONS.read_text())["__prompts__"]["parts"]
    assert re.findall(r"(?m)^    ([\w-]+): ", prompt) == parts.names(ROOT)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], set[str]]:
    """The recipes that are seen in a browser, after a script has changed the form."""
    if not BROWSER:
        pytest.skip("there is no browser")
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")  # for the script that starts it

    def look(script: str) -> set[str]:
        page = tmp_path / "gallery.html"
        text = gallery.HTML.read_text(encoding="utf-8")
        page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
        done = subprocess.run(
            [
                *(BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"),
                *("--virtual-time-budget=2000", "--dump-dom", page.as_uri()),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        found = re.findall(r'<article class="card"([^>]*) aria-labelledby="([^"]+)"([^>]*)>', done.stdout)
        assert len(found) == len(RECIPES), done.stderr
        return {name for before, name, after in found if "hidden" not in before + after}

    return look


def change(**fields: str) -> str:
    """A script that fills the form as a hand would."""
    filled = "".join(f"form.elements[{json.dumps(name)}].value = {json.dumps(text)};" for name, text in fields.items())
    return f"{filled} form.dispatchEvent(new Event('input'));"


@pytest.mark.slow
def test_search_and_filters_show_what_they_say(shown: Callable[[str], set[str]]) -> None:
    cards = {name: gallery.card(name, gallery.runs().get(name)) for name in RECIPES}
    assert shown("") == set(RECIPES)
    task = cards["tabular-regression"]["task"]
    assert shown(change(task=task)) == {name for name, one in cards.items() if one["task"] == task}
    assert shown(change(library="lightgbm")) == {name for name, one in cards.items() if "lightgbm" in one["libraries"]}
    assert shown(change(size="0")) == {name for name, one in cards.items() if one["mb"] == 0}
    assert shown(change(text="MPG.csv elastic")) == {"tabular-regression"}
    assert shown(change(text="nothing is called like this")) == set()
    assert shown(change(text="nothing") + "form.reset();") == set(RECIPES)


@pytest.mark.slow
def test_a_recipe_is_run_and_its_facts_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make gallery` does, with a small budget."""
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setattr(gallery, "PICTURES", tmp_path / "pictures")
    stamped = gallery.stamped

    def quick(name: str, preset: str, folder: Path) -> Path:
        project = stamped(name, preset, folder)
        edit(project / "params" / "search.yaml", "trials: 20", "trials: 4")
        return project

    monkeypatch.setattr(gallery, "stamped", quick)
    run = gallery.ran("tabular-regression", "fast")
    assert run["fingerprint"] == gallery.fingerprint("tabular-regression", "fast")
    assert (run["rows"], run["metric"]) == (398, "root_mean_squared_error")
    assert {row["model"] for row in run["leaderboard"]} >= {"ridge", "hist_gradient_boosting"}
    assert (tmp_path / "pictures" / "tabular-regression.png").exists() is bool(BROWSER)
    card = gallery.card("tabular-regression", run)
    page = gallery.template("gallery.md.jinja", escaped=False).render(cards=[card], core=run["sizes"]["core"])
    assert f"took\n{run['seconds']:.0f} seconds" in page
    assert yaml.safe_load(json.dumps(run)) == run
