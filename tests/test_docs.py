"""What docs/ shows works: YAML examples are read and built, named files and targets exist."""

import importlib
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "benchmarks" / "README.md"]
# The recipe in whose project the examples of these pages are tried; those of the parts' pages are tried in the first.
EXAMPLES = {
    "tabular-classification": ["grammar.md", "tables.md"],
    "tabular-regression": ["numbers.md"],
    "multilabel": ["multilabel.md"],
    "clustering": ["clustering.md"],
    "forecasting": ["forecasting.md"],
}
PAGES += [ROOT / "recipes" / "README.md", *sorted((ROOT / "recipes").glob("*/README.md"))]
PAGES += sorted((ROOT / "parts").rglob("README.md"))
# Where a block of each kind is tried.
PLACES = {
    "data": "data.yaml",
    "split": "split.yaml",
    "search": "search.yaml",
    "train": "train.yaml",
    "evaluate": "evaluate.yaml",
    "predict": "predict.yaml",
    "package": "package.yaml",
    "publish": "publish.yaml",
    "serve": "serve.yaml",
    "metaflow": "metaflow.yaml",
    "remote": "remote.yaml",
    "retrain": "retrain.yaml",
    "registry": "registry.yaml",
    "releases": "releases.yaml",
    "tracking": "tracking.yaml",
    "monitoring": "monitoring.yaml",
    "model": "models/example.yaml",
    "preprocess": "preprocess/example.yaml",
}


class Block(NamedTuple):
    """A YAML example: its first line is `words`, e.g. `yaml model refused`; `quote` is what stands below it."""

    page: Path
    line: int
    words: list[str]
    text: str
    quote: str


def blocks(page: Path) -> Iterator[Block]:
    """The YAML examples of a page."""
    source = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(yaml.*)\n((?:.*\n)*?)```\n(?:\n> `(.*)`)?", source, re.MULTILINE):
        line = source[: found.start()].count("\n") + 1
        yield Block(page, line, found[1].split()[1:], found[2], found[3] or "")


@pytest.mark.parametrize("recipe", EXAMPLES)
def test_yaml_examples_are_read_and_built(
    recipe: str, bake: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    baked = bake(project_name=f"Documented {recipe}", recipe=recipe, estimators="fast")
    project, package = baked.path, baked.package
    monkeypatch.chdir(project)
    monkeypatch.syspath_prepend(project / "src")
    plan = importlib.import_module(f"{package}.objects.plan")
    build = importlib.import_module(f"{package}.objects.build")
    error = importlib.import_module(f"{package}.errors").UserError
    params = project / "params"

    def tried(block: Block) -> str:
        """What is wrong with an example, or nothing."""
        kind, *words = block.words or [""]
        if kind != "object" and kind not in PLACES:
            return "its first line does not say what it is, e.g. ```yaml model"
        before = {path: path.read_bytes() for path in params.rglob("*.yaml")}
        try:
            if kind == "object":
                build.from_yaml(block.text)
                return ""
            (params / PLACES[kind]).write_text(block.text, encoding="utf-8")
            if kind == "preprocess":
                (params / "models" / "example.yaml").write_text("class: LogisticRegression\npreprocess: example\n")
            if kind in ("model", "preprocess"):
                search = (params / "search.yaml").read_text(encoding="utf-8")
                search = re.sub(r"(?m)^models:\n( .*\n)*", "models: [example]\n", search)
                (params / "search.yaml").write_text(re.sub(r"shares: \{.*\}", "shares: {}", search))
            if "grouped" in words:
                data = (params / "data.yaml").read_text(encoding="utf-8")
                (params / "data.yaml").write_text(data.replace("columns: {}", "columns: {Location: {role: group}}"))
            compiled = plan.compile_params(params)
            if kind in ("model", "preprocess"):
                model = importlib.import_module(f"{package}.objects.model").model_from(
                    compiled.slices["models/example"]
                )
                build.build(model.estimator)
                build.build(model.preprocess)
            return "it should be refused" if "refused" in words else ""
        except error as refusal:
            said = str(refusal)
            return "" if "refused" in words and block.quote and block.quote in said else said
        finally:
            for path in params.rglob("*.yaml"):
                path.unlink() if path not in before else path.write_bytes(before[path])

    pages = [ROOT / "docs" / page for page in EXAMPLES[recipe]]
    if recipe == "tabular-classification":
        pages += sorted((ROOT / "parts").glob("*/README.md"))
    examples = [block for page in pages for block in blocks(page)]
    assert len(examples) > 2, "the examples were not found"
    wrong = {f"{block.page.relative_to(ROOT)}:{block.line}": tried(block) for block in examples}
    assert {place: problem for place, problem in wrong.items() if problem} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", source):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name}: there is no {path}"
        if anchor:
            heads = re.findall(r"(?m)^#+ (.*)$", other.read_text(encoding="utf-8"))
            anchors = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads]
            assert anchor in anchors, f"{page.name}: {other.name} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_make_targets_that_are_named_exist(page: Path) -> None:
    shared = ROOT / "<<cookiecutter.project_slug>>"
    makefiles = [
        ROOT / "Makefile",
        shared / "Makefile",
        *(ROOT / "parts").rglob("make/*.mk"),
        *(ROOT / "recipes").rglob("make/*.mk"),
    ]
    known = {name for file in makefiles for name in re.findall(r"(?m)^([a-z-]+):", file.read_text(encoding="utf-8"))}
    source = page.read_text(encoding="utf-8")
    known |= set(re.findall(r"(?m)^([a-z-]+): .*## ", source))  # what an example defines
    named = set(re.findall(r"`make ([a-z-]+)[^`]*`", source)) | set(re.findall(r"(?m)^make ([a-z-]+)", source))
    assert named <= known


def test_the_reference_of_keys_is_what_the_script_writes(bake: Callable[..., Any], monkeypatch: Any) -> None:
    baked = bake(project_name="Declared", parts="all")
    monkeypatch.syspath_prepend(baked.path / "src")
    script = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    schema, values = (importlib.import_module(f"{baked.package}.objects.{name}") for name in script["NAMES"])
    assert script["page"](schema, values) == script["PAGE"].read_text(encoding="utf-8"), "make reference"
