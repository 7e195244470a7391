"""Lay the files of a recipe and of parts over the core, and the user's table with them."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .errors import AnswerError, nearest
from .parts import Part
from .plan import Plan
from .recipes import SHARED
from .rendering import PACKAGE, SIGNS, Renderer

CODE = f"src/{PACKAGE}/components/"
# The folders of a recipe that are laid; its own files, such as recipe.yaml and README.md, are about it and stay.
LAID = ("data", "make", "notebooks", "params", "src", "tests")
# In these a recipe may have a file of its own in place of a shared one.
REPLACED = ("notebooks/", "params/")
NAMING = ("notebooks/", "tests/")  # whose files import the package by its name
# Whatever stands in with/<part>/ of a recipe or a part is laid where that part is, too.
WITH = "with"
# What is about a part and stays; everything else in its folder is laid.
ABOUT = ("part.yaml", "README.md", "LICENSE", WITH)
# What tools leave in a folder.
LEFT = (".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".DS_Store", "__pycache__")
# What belongs to git, to DVC, and to the stamping itself.
RESERVED = (".cruft.json", ".dvc", ".dvc-remote", ".being-stamped", ".being-stamped.json")


class Laid(NamedTuple):
    """A file to be laid: where it is, its path in the project, and whose it is (a recipe's if `part` is None)."""

    source: Path
    relative: str
    part: Part | None
    addition: bool = False  # from with/


def doors(name: str) -> str:
    """Return the folder for the modules that the core asks for: those of a part, or of a recipe with commands."""
    return f"src/{PACKAGE}/parts/{name.replace('-', '_')}/"


def lay(plan: Plan, project: Path) -> None:
    """Copy the files of the recipe and the parts to the same places in the project, and the data to `data/raw/`.

    A recipe's files are copied as they are, never rendered, so they may hold anything; in notebooks and tests alone
    `<< cookiecutter.package_name >>` becomes the package's name. A part's files are rendered as those of the core are.
    The sample stays away where the user has a table of their own.
    """
    # Compiled modules that someone's tests left in the template's folder were rendered too.
    for compiled in [*project.glob("src/**/__pycache__"), *project.glob("tests/**/__pycache__")]:
        shutil.rmtree(compiled)
    renderer = Renderer(Path(plan.template), plan.answers)
    for laid in layers(Path(plan.folder), plan.parts):
        place = project / renderer.path(laid.relative)
        if laid.part:
            renderer.write(laid.source, laid.relative, place, _name(laid))
        elif laid.relative != plan.sample or plan.source == plan.sample:
            copy(laid.source, place)
            if laid.relative.startswith(NAMING):
                text = place.read_text(encoding="utf-8").replace("<< cookiecutter.package_name >>", plan.package_name)
                place.write_text(text, encoding="utf-8", newline="\n")
    if plan.local is not None and Path(plan.local) != project / plan.source:
        copy(Path(plan.local), project / plan.source)


def layers(recipe: Path, parts: Sequence[Part]) -> Iterator[Laid]:
    """Yield what is laid over the core, in this order: the recipe, the parts, and what is laid `with` a part."""
    for path, relative in files(recipe):
        yield Laid(path, relative, None)
    for part in parts:
        for path, relative in part_files(part):
            yield Laid(path, relative, part)
    for other in parts:
        for path, relative in files(recipe / WITH / other.name):
            yield Laid(path, relative, None, addition=True)
        for part in parts:
            for path, relative in _with_borrowed(part, Path(WITH) / other.name):
                yield Laid(path, relative, part, addition=True)


def files(recipe: Path) -> Iterator[tuple[Path, str]]:
    """Yield what a recipe lays over the project: each file and its path there, `/` between the parts."""
    for top in LAID:
        for path in sorted((recipe / top).rglob("*")):
            relative = path.relative_to(recipe)
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in relative.parts):
                yield path, relative.as_posix()


def part_files(part: Part) -> Iterator[tuple[Path, str]]:
    """Yield what a part lays over the project, with what it borrows from others: each file and its path there."""
    for path, relative in _with_borrowed(part, Path()):
        if relative.partition("/")[0] not in ABOUT:
            yield path, relative


def _with_borrowed(part: Part, inside: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder of a part, and those in the same folder of other parts that it borrows."""
    folder = Path(part.folder)
    yield from _below(folder / inside)
    for name, borrowed in part.borrows.items():
        for path, relative in _below(folder.parent / name / inside):
            if any(relative == one or relative.startswith(f"{one.rstrip('/')}/") for one in borrowed):
                yield path, relative


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files of a folder and their paths in it, without what tools leave there."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not any(part in LEFT for part in relative.parts) and (path.is_file() or path.is_symlink()):
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

    additions = sorted((recipe / WITH).glob("*")) if (recipe / WITH).is_dir() else []
    for path in [one for folder in (recipe, *additions) for one in sorted(folder.iterdir())]:
        known = path.name in LAID or path == recipe / WITH
        if path.is_dir() and not known and not path.name.startswith((".", "__")):
            better = nearest(path.name, LAID)
            right = f"did you mean {better!r}?" if better else "move it there, or give it a name that starts with '.'"
            place = path.relative_to(recipe).as_posix()
            raise refuse(place, f"is no folder that is laid over a project, as {', '.join(LAID)} are; {right}")
    for path in [one for top in (*LAID, WITH) for one in [recipe / top, *sorted((recipe / top).rglob("*"))]]:
        if path.is_symlink():
            raise refuse(path.relative_to(recipe).as_posix(), "is a symbolic link; put the file itself there")
    for _, relative in [one for folder in (recipe, *additions) for one in files(folder)]:
        if relative.startswith("src/") and not relative.startswith((CODE, doors(recipe.name))):
            raise refuse(relative, f"is out of place; modules go to {CODE}, commands to {doors(recipe.name)}")
        if any(sign in relative.replace(PACKAGE, "") for sign in SIGNS):
            raise refuse(relative, f"is no name of a file; only {PACKAGE} is replaced in it")
        if not relative.startswith(REPLACED) and (template / SHARED / relative).exists():
            raise refuse(relative, "is code that all projects share, which a recipe does not replace; rename it")


def check_parts(recipe: Path, parts: Sequence[Part], template: Path) -> None:
    """See that parts lay only files of their own, and that no two of them have the same file.

    Raises
    ------
    AnswerError
        If they do not.
    """
    taken: dict[str, Laid] = {}
    for laid in layers(recipe, parts):
        other = taken.get(laid.relative)
        wrong = _misplaced(laid, template) if laid.part else None
        if other and other.source != laid.source and not wrong:
            wrong = _collision(laid, other)
        if wrong:
            raise AnswerError(f"parts: {_name(laid)} {wrong}")
        taken[laid.relative] = laid


def _misplaced(laid: Laid, template: Path) -> str | None:
    """Return what is wrong with the place of a part's file, or None."""
    assert laid.part
    room = doors(laid.part.name)
    if laid.source.is_symlink():
        return "is a symbolic link; put the file itself there"
    if laid.relative.startswith("src/") and not laid.relative.startswith(room):
        return f"is out of place; modules go to {room}"
    if any(sign in laid.relative.replace(PACKAGE, "") for sign in SIGNS):
        return f"is no name of a file; only {PACKAGE} is replaced in it"
    if laid.relative.partition("/")[0] in RESERVED:
        return "is not for parts to write; take it out"
    if (template / SHARED / laid.relative).exists():
        return "is a file of the core, which a part does not replace; rename it"
    return None


def _collision(laid: Laid, other: Laid) -> str | None:
    """Return why a file cannot be laid where another one is already, or None if it may replace that one."""
    if laid.part is None:
        if laid.relative.startswith(REPLACED):
            return None
        return f"is a file of the part {other.part.name if other.part else ''}, which a recipe does not replace"
    whose = f"the part {other.part.name}" if other.part else "the recipe"
    return f"is a file of {whose}, too; take one of the two, or rename the file"


def _name(laid: Laid) -> str:
    """Return a file as a refusal names it, such as `container/Dockerfile`."""
    if laid.part is None:
        return f"the recipe's {laid.relative}"
    folder = Path(laid.part.folder)
    inside = laid.source.is_relative_to(folder)
    return f"{folder.name}/{laid.source.relative_to(folder).as_posix()}" if inside else laid.relative


def copy(source: Path, place: Path) -> None:
    """Copy one file, making its folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
