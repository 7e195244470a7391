"""Run the recipes on their samples, and write the gallery of recipes and parts from what came out.

`make gallery` runs every recipe that has no run yet or has changed since, notes the facts in `recipes/gallery.json`
and a picture of the report in `docs/gallery/`, and writes `recipes/README.md`, `docs/gallery.html` and the question
`recipe` of `cookiecutter.json` from those facts and the `recipe.yaml` files. `parts/README.md`, the section on parts
and the question `parts` come from the `part.yaml` files. `--render` only writes.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader
from packaging.requirements import Requirement

sys.path.append(str(Path(__file__).resolve().parent.parent / "hooks"))
from stamping import overlay, parts, recipes

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "recipes" / "gallery.json"
PAGE = ROOT / "recipes" / "README.md"
PARTS = ROOT / "parts" / "README.md"
HTML = ROOT / "docs" / "gallery.html"
PICTURES = ROOT / "docs" / "gallery"
QUESTIONS = ROOT / "cookiecutter.json"

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
WIDTH, HEIGHT = 1200, 900  # of the report in the browser, in pixels
KEPT = 800  # the width of its picture


def main() -> None:
    """Run what has to be run, then write everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", help="recipes to run, those that have changed if none is named")
    parser.add_argument("--preset", default="balanced", help="the answer to the question estimators")
    parser.add_argument("--render", action="store_true", help="run nothing")
    words = parser.parse_args()
    for name in [] if words.render else words.recipes or stale():
        print(f"{name}: running its sample with the preset {words.preset} ...", flush=True)
        facts = ran(name, words.preset)
        FACTS.write_text(json.dumps({**runs(), name: facts}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        print(f"{name}: {facts['seconds']} s", flush=True)
    for path, text in rendered().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


def runs() -> dict[str, Any]:
    """The facts of the recorded runs, by recipe; those of a recipe that is gone are left out."""
    known: dict[str, Any] = json.loads(FACTS.read_text(encoding="utf-8")) if FACTS.exists() else {}
    return {name: known[name] for name in recipes.names(ROOT) if name in known}


def stale() -> list[str]:
    """The recipes that have to be run: those without a run, or changed since in what the run depends on."""
    known = runs()
    return [
        name
        for name in recipes.names(ROOT)
        if name not in known or known[name]["fingerprint"] != fingerprint(name, known[name]["preset"])
    ]


def fingerprint(name: str, preset: str) -> str:
    """A hash of what a run of a recipe depends on in the recipe's own folder.

    Comments, the order of keys, texts for readers, and models that do not compete make no difference.
    """
    recipe = recipes.recipe(ROOT, name)
    competing = {*recipe.always, *recipe.presets[preset]["estimators"]}
    found: dict[str, Any] = {"task": recipe.task, "metric": recipe.metric, "preset": recipe.presets[preset]}
    found |= {"always": recipe.always, "sample": {key: recipe.sample[key] for key in ("file", "target")}}
    for path, relative in overlay.files(recipe.folder):
        if relative.startswith(("tests/", "notebooks/")):
            continue
        if relative.startswith("params/models/") and path.stem not in competing:
            continue
        content = path.read_bytes()
        if path.suffix == ".yaml":
            found[relative] = yaml.safe_load(content)
        elif path.suffix == ".py":
            lines = [line.rstrip() for line in content.decode("utf-8").splitlines()]
            found[relative] = [line for line in lines if line and not line.lstrip().startswith("#")]
        else:
            found[relative] = hashlib.sha256(content).hexdigest()
    return hashlib.sha256(json.dumps(found, sort_keys=True, default=str).encode()).hexdigest()[:16]


def ran(name: str, preset: str) -> dict[str, Any]:
    """Stamp a recipe with its sample, run its pipeline and look at its report; the facts of that."""
    with tempfile.TemporaryDirectory() as folder:
        project = stamped(name, preset, Path(folder))
        began = time.monotonic()
        run("dvc", "repro", "--quiet", cwd=project)
        seconds = time.monotonic() - began
        picture(project / "reports" / "report.html", PICTURES / f"{name}.png")
        board, scores, result, profile = (
            json.loads((project / one).read_text(encoding="utf-8"))
            for one in (
                "reports/leaderboard.json",
                "reports/metrics.json",
                "models/final/result.json",
                "data/interim/profile.json",
            )
        )
    total = sum(result["seconds"].values())
    return {
        "fingerprint": fingerprint(name, preset),
        "date": date.today().isoformat(),
        "preset": preset,
        "cores": os.cpu_count(),
        "python": ".".join(map(str, sys.version_info[:2])),
        "seconds": round(seconds, 1),
        "rows": profile["rows"],
        "columns": len(profile["columns"]),
        "held_out": result["held_out"],
        "metric": board["metric"],
        "leaderboard": [
            {
                **{key: one[key] for key in ("model", "class", "score", "std", "trials", "chosen")},
                "seconds": round(result["seconds"].get(one["model"], total), 1),
            }
            for one in board["models"]
        ],
        "scores": scores,
        "sizes": sizes(name),
    }


def stamped(name: str, preset: str, folder: Path) -> Path:
    """A project of a recipe, to be run with the packages of this environment."""
    facts = recipes.facts_in(ROOT / "recipes" / name)
    slug = f"{name}-sample"
    answers = {"project_name": facts["title"], "project_slug": slug, "description": facts["summary"]}
    answers |= {"recipe": name, "estimators": preset}
    words = [f"{key}={value}" for key, value in answers.items()]
    settings = folder / "settings.yaml"
    settings.write_text(json.dumps({"replay_dir": str(folder), "cookiecutters_dir": str(folder)}), encoding="utf-8")
    run("python", "-m", "cookiecutter", str(ROOT), "--no-input", "--config-file", str(settings), *words, cwd=folder)
    return folder / slug


def run(program: str, *words: str, cwd: Path) -> None:
    """Run one of this environment's programs."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    subprocess.run([str(tools / program), *words], cwd=cwd, env={**environment, "PYTHONPATH": "src"}, check=True)


def picture(report: Path, place: Path) -> None:
    """A small picture of the top of a report, if there is a browser; without one an older picture goes."""
    place.unlink(missing_ok=True)
    browser = next((found for found in map(shutil.which, BROWSERS) if found), None)
    if not browser:
        print(f"no picture of {report.name}, because there is no {' or '.join(BROWSERS)}", flush=True)
        return
    from PIL import Image  # rendering does without

    place.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "shot.png"
        subprocess.run(
            [
                *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *(f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}"),
                report.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        with Image.open(shot) as image:
            small = image.convert("RGB").resize((KEPT, KEPT * HEIGHT // WIDTH), Image.Resampling.LANCZOS)
    small.quantize(64, dither=Image.Dither.NONE).save(place, optimize=True)


def sizes(name: str) -> dict[str, Any]:
    """What has to be installed, in MB: the core; what Enter all the way brings beyond it; each package of the pool.

    A size is None where something is not installed here.
    """
    core = installed(core_requirements())

    def beyond(requirements: list[str]) -> float | None:
        try:
            return megabytes(installed(requirements) - core)
        except metadata.PackageNotFoundError:
            return None

    models = pool(name)
    packages = sorted({one for model in models for one in model["needs"]})
    return {
        "core": megabytes(core),
        "start": beyond([one for model in models if model["start"] for one in model["needs"]]),
        "packages": {one: beyond([one]) for one in packages},
    }


def core_requirements() -> list[str]:
    """Return what every stamped project needs to train and to predict: its dependencies and the extra `train`."""
    text = (ROOT / recipes.SHARED / "pyproject.toml").read_text(encoding="utf-8")
    lists = re.findall(r"(?ms)^(?:dependencies|train|parquet) = \[(.*?)\]$", text)
    listed = [one for text in lists for one in re.findall(r'"([^"]+)"', text)]
    return [one for one in listed if not one.startswith("<<")]  # the project's own extras


def installed(requirements: list[str]) -> set[str]:
    """The distributions that requirements bring, by their names in small letters.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If one of `requirements` is not installed; what they need in turn may be missing.
    """
    found: set[str] = set()
    waiting = [(Requirement(one), True) for one in requirements]
    done: set[tuple[str, str]] = set()
    while waiting:
        wanted, asked = waiting.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            if asked:
                raise
            continue
        found.add(name)
        for extra in ["", *wanted.extras]:
            if (name, extra) not in done:
                done.add((name, extra))
                inner = map(Requirement, needed)
                waiting += [(one, False) for one in inner if not one.marker or one.marker.evaluate({"extra": extra})]
    return found


def megabytes(distributions: set[str]) -> float:
    """The size of what is installed of distributions, without compiled modules."""
    files = [file for name in distributions for file in metadata.files(name) or [] if "__pycache__" not in file.parts]
    paths = [Path(str(file.locate())) for file in files]
    return round(sum(path.stat().st_size for path in paths if path.is_file()) / 1e6, 1)


def pool(name: str) -> list[dict[str, Any]]:
    """The models of a recipe: their name, class, library, requirements, presets, and whether Enter takes them."""
    recipe, catalogue = recipes.recipe(ROOT, name), recipes.catalogue(ROOT)
    requires = recipes.facts_in(recipe.folder).get("requires", {})
    ranks = [model for wanted in recipe.presets.values() for model in wanted["estimators"]]
    order = list(dict.fromkeys([*recipe.always, *ranks, *recipe.pool]))
    own = "\n".join(
        path.read_text(encoding="utf-8") for path, relative in overlay.files(recipe.folder) if relative.endswith(".py")
    )
    found = []
    for model in order:
        classes = recipe.pool[model]
        packages = {one["package"] for written in classes for one in catalogue.named(written)}
        others = sorted(packages & set(catalogue.packages))
        needs = [catalogue.packages[one] for one in others]
        needs += [one for written in classes for one in requires.get(written, []) if one not in needs]
        if needs:
            library = others[0] if others else Requirement(needs[0]).name
        elif not packages and re.search(rf"^class {classes[0]}\b", own, re.MULTILINE):
            library = "own code"
        else:
            path = classes[0] if "." in classes[0] and not packages else "sklearn"
            library = {"sklearn": "scikit-learn"}.get(path.partition(".")[0], path.partition(".")[0])
        inner = [one for one in classes[1:] if any(entry["kind"] == recipe.kind for entry in catalogue.named(one))]
        presets = [preset for preset, wanted in recipe.presets.items() if model in wanted["estimators"]]
        found.append(
            {
                "name": model,
                "class": " of ".join(one.rpartition(".")[2] for one in [classes[0], *inner[:1]]),
                "library": library,
                "needs": needs,
                "presets": ["always"] if model in recipe.always else presets,
                "start": model in recipe.always or "balanced" in presets,
            }
        )
    return found


def card(name: str, run: dict[str, Any] | None) -> dict[str, Any]:
    """What the gallery shows of a recipe; `run` is None before its first run."""
    recipe = recipes.recipe(ROOT, name)
    facts = recipes.facts_in(recipe.folder)
    models = pool(name)
    measured = run["sizes"] if run else {"start": None, "packages": {}}
    task = facts["task"] if isinstance(facts["task"], str) else facts["task"]["class"]
    target = recipe.sample["target"]
    asks = facts.get("asks", {})
    presets = f"{', '.join(recipe.presets)}, or names of models"
    return {
        "name": name,
        "title": facts["title"],
        "summary": facts["summary"],
        "predicts": facts.get("predicts", facts["summary"]),
        "task": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", task).lower(),
        "sample": {**recipe.sample, "name": Path(recipe.sample["file"]).name},
        "models": models,
        "libraries": list(dict.fromkeys(model["library"] for model in models)),
        "extras": [
            {"name": Requirement(one).name, "mb": measured["packages"].get(one)}
            for one in dict.fromkeys(one for model in models for one in model["needs"])
        ],
        "mb": measured["start"],
        "questions": [
            ("data", asks.get("data", "A table"), Path(recipe.sample["file"]).name),
            (
                "target",
                asks.get("target", "The column to predict"),
                target if isinstance(target, str) else ", ".join(target) or "none",
            ),
            ("estimators", asks.get("estimators", f"What competes: {presets}"), "balanced"),
        ],
        "budgets": {preset: budget(wanted["budget"]) for preset, wanted in recipe.presets.items()},
        "picture": (PICTURES / f"{name}.png").exists(),
        "run": run,
    }


def budget(wanted: dict[str, Any]) -> str:
    """A budget in words."""
    parts = [f"{wanted[unit]} {unit}" for unit in ("trials", "seconds") if wanted[unit]]
    return " or ".join(parts) or "no limit"


def part_card(name: str) -> dict[str, Any]:
    """Return what the gallery shows of a part: its facts, and the make targets that it adds."""
    part = parts.part(ROOT, name)
    makefiles = [path for path, relative in overlay.part_files(part) if relative.startswith("make/")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in makefiles)
    return {**part._asdict(), "targets": re.findall(r"(?m)^([a-z-]+):.*?## (.*)$", text)}


def rendered() -> dict[Path, str]:
    """The files of the gallery, as they should be."""
    known = runs()
    cards = [card(name, known.get(name)) for name in recipes.names(ROOT)]
    around = [part_card(name) for name in parts.names(ROOT)]
    given = {
        "cards": cards,
        "core": next((one["run"]["sizes"]["core"] for one in cards if one["run"]), None),
        "tasks": sorted({one["task"] for one in cards}),
        "parts": around,
        "libraries": sorted({str(library) for one in cards for library in one["libraries"]}, key=str.lower),
    }
    question = "Which recipe? A name, or the folder or git address of your own\n"
    question += "".join(f"    {one['name']}: {one['predicts']}\n" for one in cards) + "    Recipe"
    offered = "Which parts around it? standard, none, all, or names (also the folder or git address of your own)\n"
    offered += "".join(f"    {one['name']}: {one['title']}\n" for one in around) + "    Parts"
    questions = with_question(QUESTIONS.read_text(encoding="utf-8"), "recipe", question)
    return {
        PARTS: template("parts.md.jinja", escaped=False).render(given),
        PAGE: template("gallery.md.jinja", escaped=False).render(given),
        HTML: template("gallery.html.jinja", escaped=True).render(given),
        QUESTIONS: with_question(questions, "parts", offered),
    }


def with_question(text: str, name: str, question: str) -> str:
    """Return the text of `cookiecutter.json` with another prompt for a question."""
    start = text.index('"__prompts__"')
    written = json.dumps(question, ensure_ascii=False)
    return text[:start] + re.sub(
        rf'(    "{name}": )".*"(,?\n)', lambda found: found[1] + written + found[2], text[start:]
    )


def template(name: str, escaped: bool) -> Any:
    """A page to fill, from this folder."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=escaped, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"figure": figure, "mb": mb}
    environment.keep_trailing_newline = True
    return environment.get_template(name)


def figure(value: float) -> str:
    """A score for readers, of four digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def mb(value: float | None) -> str:
    """A size for readers."""
    return "size not measured" if value is None else f"{value:,.0f} MB" if value >= 10 else f"{value:.1f} MB"


if __name__ == "__main__":
    main()
