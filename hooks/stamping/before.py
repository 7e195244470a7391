"""The first hook: check the answers, in the folder that cookiecutter has just made, and write down the plan."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import outside, plan
from .answers import planned
from .ending import guarded


def before(answers: Mapping[str, Any], template: str, here: str) -> int:
    """The exit code of the hook; `here` is the folder in which the user started it."""
    project = Path.cwd()
    fresh = not any(project.iterdir())
    code = guarded(lambda: plan.write(planned(answers, Path(template), Path(here)), fresh, project), project, fresh)
    if code:
        shutil.rmtree(project / outside.CLONE, ignore_errors=True)
    return code
