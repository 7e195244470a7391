"""A commit on the branch that Argo CD follows, made without touching the working copy.

Whoever promotes may stand on any branch or tag, with changed files: the commit is made of that branch's last one and
the new text of one file, and pushed.
"""

import os
from pathlib import Path

from ...errors import UserError
from ...files import temporary
from ...project.calls import git, run_program
from .images import REMOTE

TRIES = 3  # if others push in the same moment


def commit(file: Path, text: str, message: str, branch: str, review: str | None = None) -> bool:
    """Commit a file's new text to a branch of `origin`, unless it has that text.

    Parameters
    ----------
    file : Path
        Its path in the project.
    text : str
        What it shall hold.
    message : str
        Of the commit.
    branch : str
        The branch that the commit is made from.
    review : str, optional
        The branch to push to, for a pull request; by default `branch` itself.

    Returns
    -------
    Whether there was something to commit.

    Raises
    ------
    UserError
        If there is no such branch, or `origin` does not accept the commit.
    """
    path = git("rev-parse", "--show-prefix").strip() + file.as_posix()
    for left in reversed(range(TRIES)):
        tip = _tip(branch)
        made = _made(tip, path, text, message)
        if made is None:
            return False
        try:
            # A branch for review is this command's own, and may be left of an earlier promotion.
            git("push", "--quiet", *(["--force"] if review else []), REMOTE, f"{made}:refs/heads/{review or branch}")
            return True
        except UserError:
            if not left or _tip(branch) == tip:
                raise
    return False


def _tip(branch: str) -> str:
    """Return the last commit of a branch of `origin`."""
    git("fetch", "--quiet", "--no-tags", REMOTE, f"refs/heads/{branch}")
    return git("rev-parse", "FETCH_HEAD").strip()


def _made(tip: str, path: str, text: str, message: str) -> str | None:
    """Return a new commit after `tip`, in which a file has this text; None if it has it there already."""
    with temporary() as folder:
        index = {"GIT_INDEX_FILE": os.path.abspath(folder / "index")}
        new = folder / "text"
        new.write_text(text, encoding="utf-8")
        blob = git("hash-object", "-w", "--no-filters", os.path.abspath(new)).strip()
        for words in (["read-tree", tip], ["update-index", "--add", "--cacheinfo", f"100644,{blob},{path}"]):
            run_program(["git", *words], add=index)
        tree = run_program(["git", "write-tree"], add=index).strip()
    if tree == git("rev-parse", f"{tip}^{{tree}}").strip():
        return None
    return git("commit-tree", tree, "-p", tip, "-m", message).strip()
