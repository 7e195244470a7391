"""Lay the files of a recipe over the shared project, and the user's table with them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from .plan import Plan

PACKAGE = "<<cookiecutter.package_name>>"
NAMING = ("notebooks/", "tests/")  # whose files import the package by its name
ABOUT = ("recipe.yaml", "README.md")


def lay(plan: Plan, template: Path, project: Path) -> None:
    """Copy the recipe's files to the same places in the project, and the data to `data/raw/`.

    Contents are copied as they are, never rendered, so a recipe's files may hold anything; in notebooks and tests alone
    `<< cookiecutter.package_name >>` becomes the package's name. The sample stays away where the user has a table of
    their own.
    """
    # Compiled modules that someone's tests left in the template's folder were rendered too.
    for compiled in [*project.glob("src/**/__pycache__"), *project.glob("tests/**/__pycache__")]:
        shutil.rmtree(compiled)
    for path, relative in files(template / "recipes" / plan.recipe):
        if relative != plan.sample or plan.source == plan.sample:
            place = project / relative.replace(PACKAGE, plan.package_name)
            copy(path, place)
            if relative.startswith(NAMING):
                text = place.read_text(encoding="utf-8").replace("<< cookiecutter.package_name >>", plan.package_name)
                place.write_text(text, encoding="utf-8", newline="\n")
    if plan.local is not None and Path(plan.local) != project / plan.source:
        copy(Path(plan.local), project / plan.source)


def files(recipe: Path) -> Iterator[tuple[Path, str]]:
    """What a recipe lays over the project: each file and its path there, `/` between the parts."""
    for path in sorted(recipe.rglob("*")):
        relative = path.relative_to(recipe).as_posix()
        if path.is_file() and relative not in ABOUT and "__pycache__" not in path.parts:
            yield path, relative


def copy(source: Path, place: Path) -> None:
    """Copy one file, making its folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
