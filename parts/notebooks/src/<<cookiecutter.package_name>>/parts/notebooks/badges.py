"""Badges in the README that open the notebooks in a browser, and the address from which these fetch the project."""

import re
import subprocess  # nosec B404 # no shell
from pathlib import Path

from ...errors import UserError
from ...files import write_text
from .outputs import NOTEBOOKS
from .pages import pair

README = Path("README.md")
START, END = "<!-- badges -->", "<!-- /badges -->"
HOW = "`make badges REPO=owner/name` names the repository"
# Of each service: its badge, and what opens a notebook of a repository on GitHub there.
SERVICES = {
    "Binder": (
        "https://mybinder.org/badge_logo.svg",
        "https://mybinder.org/v2/gh/{repository}/{branch}?labpath={path}",
    ),
    "Colab": (
        "https://colab.research.google.com/assets/colab-badge.svg",
        "https://colab.research.google.com/github/{repository}/blob/{branch}/{path}",
    ),
    "Kaggle": (
        "https://kaggle.com/static/images/open-in-kaggle.svg",
        "https://kaggle.com/kernels/welcome?src=https://github.com/{repository}/blob/{branch}/{path}",
    ),
    "Studio Lab": (
        "https://studiolab.sagemaker.aws/studiolab.svg",
        "https://studiolab.sagemaker.aws/import/github/{repository}/blob/{branch}/{path}",
    ),
}


def write(given: str | None) -> str:
    """Write the badges, the address in the notebooks' first cells, and the notebooks' `.ipynb`.

    Parameters
    ----------
    given : the repository as owner/name or as an address on GitHub; the remote `origin` if None.

    Returns
    -------
    The repository as owner/name.

    Raises
    ------
    UserError
        If the repository is not known or not on GitHub, or the README has no place for badges.
    """
    repository, branch = _repository(given), _branch()
    text = README.read_text(encoding="utf-8")
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise UserError(f"{README} needs the lines {START} and {END}, between which the badges are written")
    before, rest = text.split(START)
    _, after = rest.split(END)
    for source in sorted(NOTEBOOKS.glob("*.py")):
        code = source.read_text(encoding="utf-8")
        addressed = re.sub(
            r'(?m)^( *REPOSITORY = )"[^"\n]*"', rf'\g<1>"https://github.com/{repository}"', code, count=1
        )
        if addressed != code:
            write_text(source, addressed)
    paths = [path.as_posix() for path in pair()]
    write_text(README, f"{before}{START}\n{table(repository, branch, paths)}\n{END}{after}")
    return repository


def table(repository: str, branch: str, paths: list[str]) -> str:
    """A table in Markdown: a row for each notebook, a column for each service."""
    rows = [f"| notebook | {' | '.join(SERVICES)} |", f"|---|{'---|' * len(SERVICES)}"]
    for path in paths:
        cells = [
            f"[![Open in {name}]({badge})]({link.format(repository=repository, branch=branch, path=path)})"
            for name, (badge, link) in SERVICES.items()
        ]
        rows.append(f"| {Path(path).stem} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _repository(given: str | None) -> str:
    """The repository on GitHub as owner/name."""
    if given is None:
        if _git("rev-parse", "--show-prefix"):
            raise UserError(f"this project is a folder of another repository, and the services open whole ones: {HOW}")
        address = _git("remote", "get-url", "origin")
        if not address:
            raise UserError(f"git knows no remote `origin`: {HOW} on GitHub")
        # The address is not repeated: there may be a password in it.
        problem = f"the remote `origin` is not on GitHub, from which the services open notebooks: {HOW} there"
    else:
        address, problem = given, f"{given!r} is no repository on GitHub: it is written as owner/name"
    found = re.fullmatch(r"(?:.*[@/])?github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)
    if found:
        return found[1]
    if given is not None and re.fullmatch(r"[\w.-]+/[\w.-]+", given):
        return given
    raise UserError(problem)


def _branch() -> str:
    """The branch that the remote shows first, as far as this clone knows."""
    return _git("symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/") or "main"


def _git(*words: str) -> str:
    """What git says; nothing where it fails or is not there."""
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=True).stdout.strip()  # nosec B603, B607
    except (OSError, subprocess.CalledProcessError):
        return ""
