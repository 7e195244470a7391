"""Where a recipe comes from: the template, a folder of the user's, or a git repository, which is cloned for it."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from . import origin, recipes
from .errors import AnswerError, nearest, some

# Where a repository is cloned to, in the project's folder, until the second hook takes it away.
CLONE = ".being-stamped"
SCHEMES = ("https", "http", "ssh", "git", "file")


class Address(NamedTuple):
    """A git repository, the branch, tag or commit of it (empty: its default branch), and a folder in it."""

    url: str
    revision: str
    folder: str


def folder_of(answer: str, template: Path, here: Path, project: Path) -> Path:
    """The folder of the recipe that an answer means.

    Parameters
    ----------
    answer : the name of a recipe of the template, the path of a folder, or the address of a git repository.
    template : the template's root.
    here : where relative paths start: the folder in which the user ran cookiecutter.
    project : the project that is being made; a repository is cloned into it, below `CLONE`.

    Raises
    ------
    AnswerError
        If there is no such recipe, or it cannot be fetched.
    """
    known = recipes.names(template)
    if answer in known:
        return template / "recipes" / answer
    address = address_of(answer)
    if address:
        return _with_recipe(_cloned(address, project), answer)
    # An update is started in the project, which mostly stands where it was made: beside the recipe's folder.
    starts = [here, here.parent] if (here / origin.NOTE).exists() else [here]
    places = [start / Path(answer).expanduser() for start in starts]
    found = next((place for place in places if place.is_dir()), None)
    if found:
        return _with_recipe(found.resolve(), answer)
    if "/" in answer or answer.startswith((".", "~")):
        raise AnswerError(f"recipe: there is no folder {str(places[0])!r}; write the path of one with a recipe.yaml")
    better = nearest(answer, known)
    raise AnswerError(
        f"recipe: there is no {answer!r}; "
        + (f"did you mean {better}?" if better else f"write one of {', '.join(known)}, or a folder or git address")
    )


def address_of(answer: str) -> Address | None:
    """The git repository that an answer names, or None if it is none: `git+https://host/recipes.git@v1#folder`.

    Raises
    ------
    AnswerError
        If it is an address that cannot be used.
    """
    url, _, folder = answer.removeprefix("git+").partition("#")
    scheme, slashes, _ = url.partition("://")
    host = re.match(r"[^/]*://[^/]*|[^/@:]+@[^/:]+:", url)
    if not host:
        if answer.startswith("git+"):
            raise AnswerError(f"recipe: {answer!r} is no address; write git+https://host/path")
        return None
    path, at, revision = url[host.end() :].rpartition("@")
    if not at:
        path, revision = revision, ""
    if slashes and scheme not in SCHEMES:
        raise AnswerError(f"recipe: git does not fetch {scheme}:// addresses here; known are {', '.join(SCHEMES)}")
    if slashes and re.search(r":[^/]*@", host[0].partition("://")[2]):
        raise AnswerError(
            "recipe: the address holds a password, which would be kept among the answers; leave it out and let git ask "
            "its credential helper"
        )
    if slashes and scheme != "ssh" and not answer.startswith("git+") and not path.endswith(".git"):
        raise AnswerError(f"recipe: {answer!r} does not look like a git repository; if it is one, write git+{answer}")
    if not path.strip("/"):
        raise AnswerError(f"recipe: {answer!r} names no repository; write {host[0]}/path")
    if folder.startswith("/") or ".." in folder.split("/"):
        raise AnswerError(f"recipe: the folder {folder!r} is not in the repository; write its path from the root")
    return Address(url[: host.end()] + path, revision, folder.strip("/"))


def _cloned(address: Address, project: Path) -> Path:
    """Fetch one commit of a repository; the folder in it that was named."""
    name = address.url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
    place = project / CLONE / (name if name.strip(".") else "recipe")
    print(f"Fetching the recipe from {address.url} ...", flush=True)
    _git(address, "init", "--quiet", str(place))
    fetch = ["fetch", "--quiet", "--depth", "1", "--", address.url, address.revision or "HEAD"]
    _git(address, "-C", str(place), *fetch)
    _git(address, "-C", str(place), "checkout", "--quiet", "--detach", "FETCH_HEAD")
    folder = place / address.folder
    if not folder.is_dir() or place.resolve() not in [folder.resolve(), *folder.resolve().parents]:
        inner = [path.parent.relative_to(place).as_posix() for path in sorted(place.rglob("recipe.yaml"))]
        raise AnswerError(
            f"recipe: {address.url} has no folder {address.folder!r}"
            + (f"; there are recipes in {some(inner)}" if inner else "; name one that has a recipe.yaml")
        )
    return folder


def _git(address: Address, *words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in origin.REDIRECTIONS}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        raise AnswerError(
            f"recipe: git is not installed, which fetches {address.url}; install it, or name a folder"
        ) from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = next(
            (line for line in said if line.startswith(("fatal:", "error:"))), (said or ["it does not say why"])[-1]
        )
        raise AnswerError(
            f"recipe: git cannot fetch {address.revision or 'the default branch'} of {address.url} ({why}); "
            "correct the address, or clone it yourself and name the folder"
        )


def _with_recipe(folder: Path, answer: str) -> Path:
    if (folder / "recipe.yaml").is_file():
        return folder
    inner = sorted(path.parent.name for path in folder.glob("*/recipe.yaml"))
    raise AnswerError(
        f"recipe: {answer!r} has no recipe.yaml; "
        + (f"there are recipes in its folders {some(inner)}" if inner else "name a folder that has one")
    )
