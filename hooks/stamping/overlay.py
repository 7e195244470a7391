"""Lay the files of a recipe over the shared project, and the user's table with them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import AnswerError, nearest
from .plan import Plan
from .recipes import SHARED

PACKAGE = "<<cookiecutter.package_name>>"
CODE = f"src/{PACKAGE}/components/"
# The folders of a recipe that are laid; its own files, such as recipe.yaml and README.md, are about it and stay.
LAID = ("data", "notebooks", "params", "src", "tests")
# In these a recipe may have a file of its own in place of a shared one.
REPLACED = ("notebooks/", "params/")
NAMING = ("notebooks/", "tests/")  # whose files import the package by its name


def lay(plan: Plan, project: Path) -> None:
    """Copy the recipe's files to the same places in the project, and the data to `data/raw/`.

    Contents are copied as they are, never rendered, so a recipe's files may hold anything; in notebooks and tests alone
    `<< cookiecutter.package_name >>` becomes the package's name. The sample stays away where the user has a table of
    their own.
    """
    # Compiled modules that someone's tests left in the template's folder were rendered too.
    for compiled in [*project.glob("src/**/__pycache__"), *project.glob("tests/**/__pycache__")]:
        shutil.rmtree(compiled)
    for path, relative in files(Path(plan.folder)):
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
    for top in LAID:
        for path in sorted((recipe / top).rglob("*")):
            relative = path.relative_to(recipe)
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
                yield path, relative.as_posix()


def check(recipe: Path, template: Path) -> None:
    """See that a recipe lays only what it may: its own files, and params and notebooks in place of shared ones.

    Raises
    ------
    AnswerError
        If it does not.
    """

    def refuse(relative: str, why: str) -> AnswerError:
        return AnswerError(f"recipe: {recipe.name}/{relative} {why}")

    for path in sorted(recipe.iterdir()):
        if path.is_dir() and path.name not in LAID and not path.name.startswith((".", "__")):
            better = nearest(path.name, LAID)
            right = f"did you mean {better!r}?" if better else "move it there, or give it a name that starts with '.'"
            raise refuse(path.name, f"is no folder that is laid over a project, as {', '.join(LAID)} are; {right}")
    for path in [one for top in LAID for one in [recipe / top, *sorted((recipe / top).rglob("*"))]]:
        if path.is_symlink():
            raise refuse(path.relative_to(recipe).as_posix(), "is a symbolic link; put the file itself there")
    for _, relative in files(recipe):
        if relative.startswith("src/") and not relative.startswith(CODE):
            raise refuse(relative, f"is out of place; modules go to {CODE}")
        if any(sign in relative.replace(PACKAGE, "") for sign in ("<<", "<%", "<#")):
            raise refuse(relative, f"is no name of a file; only {PACKAGE} is replaced in it")
        if not relative.startswith(REPLACED) and (template / SHARED / relative).exists():
            raise refuse(relative, "is code that all projects share, which a recipe does not replace; rename it")


def copy(source: Path, place: Path) -> None:
    """Copy one file, making its folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
