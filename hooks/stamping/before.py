"""The first hook: check the answers, in the folder that cookiecutter has just made, and write down the plan."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import outside, plan
from .answers import planned
from .ending import guarded
from .watching import dismiss


def before(answers: Mapping[str, Any], template: str, here: str, watcher: int = 0) -> int:
    """Check the answers; return the exit code of the hook.

    Parameters
    ----------
    here : the folder in which the user started cookiecutter.
    watcher : the id of the process that removes the project if it is not finished.
    """
    project = Path.cwd()
    fresh = not any(project.iterdir())
    code = guarded(lambda: plan.write(planned(answers, Path(template), Path(here)), fresh, project), project, fresh)
    if code:
        shutil.rmtree(project / outside.CLONE, ignore_errors=True)
        dismiss(watcher)  # cookiecutter removes the project now
    return code
