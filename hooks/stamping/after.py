"""The second hook: carry out the plan in the project that cookiecutter has rendered into the current folder."""

import contextlib
import io
import runpy
import shutil
import sys
from pathlib import Path

from . import origin, outside, overlay, wiring
from .closing import lines
from .ending import guarded
from .errors import AnswerError
from .plan import Plan, take
from .watching import dismiss


def after(watcher: int = 0) -> int:
    """Finish the project; return the exit code of the hook.

    Parameters
    ----------
    watcher : the id of the process that removes the project if it is not finished.
    """
    try:
        project = Path.cwd()
        plan, fresh = take(project)
    except FileNotFoundError:
        print("interrupted: the project was not made", file=sys.stderr)
        return 130
    code = guarded(lambda: stamp(plan, project), project, fresh)
    dismiss(watcher)
    return code


def stamp(plan: Plan, project: Path) -> None:
    """Lay the recipe and the parts over the core, wire the answers in, start its repository, and say what to do next.

    cruft also stamps a project into a temporary folder, twice whenever it updates one: that needs no repository and no
    next step. When it creates one, its note `.cruft.json` comes after the hooks and belongs into the first commit: that
    is left to `make setup`. cookiecutter writes no such note: it is written here.
    """
    try:
        overlay.lay(plan, project)
        wiring.wire(plan, project)
        if plan.origin:
            origin.write(plan.origin, project)
    except ValueError as error:
        raise AnswerError(f"recipe: {plan.recipe} cannot be wired, because {error}") from None
    finally:
        shutil.rmtree(project / outside.CLONE, ignore_errors=True)
    if plan.by != "update":
        skipped = start_repository(project, "--stamping", *(["--no-commit"] if plan.by == "create" else []))
        print("\n".join(lines(plan, project, skipped)))


def start_repository(project: Path, *words: str) -> list[str]:
    """Put a new project under git and DVC with its own script; returns what was skipped and why."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            runpy.run_path(str(project / "scripts" / "repository.py"))["main"](list(words))
    except Exception as error:  # a project without a repository is still a whole project
        return [f"git and DVC: {type(error).__name__}: {error}; make setup tries again"]
    return said.getvalue().splitlines()
