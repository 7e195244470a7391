"""Parts of the shared project that are there only if an answer asks for them."""

import shutil
from pathlib import Path

from .plan import Plan

# By question and answer: the paths that this answer keeps; a path can stand with several answers.
OPTIONAL: dict[str, dict[str, tuple[str, ...]]] = {
    "ci": {"github": (".github", "scripts/ci"), "gitlab": (".gitlab-ci.yml", "scripts/ci")},
    "sandbox": {"aws": ("infra/aws-sandbox", "scripts/sandbox.py")},
}
# The requirements that an answer brings.
REQUIREMENTS: dict[str, dict[str, tuple[str, ...]]] = {
    "sandbox": {"aws": ("dvc-s3>=3.3,<4",)},
}


def leave_out(plan: Plan, project: Path) -> None:
    """Remove what only other answers than the given ones would keep, and folders that are empty then."""
    for question, kept in OPTIONAL.items():
        wanted = kept.get(getattr(plan, question), ())
        for path in {one for paths in kept.values() for one in paths}.difference(wanted):
            _remove(project / path, project)


def requirements(plan: Plan) -> list[str]:
    """The requirements that the answers bring."""
    return [one for question, brought in REQUIREMENTS.items() for one in brought.get(getattr(plan, question), ())]


def _remove(path: Path, project: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    else:
        return
    for folder in path.parents:
        if folder == project or any(folder.iterdir()):
            break
        folder.rmdir()
