"""Where a recipe or a part comes from: the template, a folder of the user's, or a git repository, which is cloned."""

import os
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from . import origin
from .errors import AnswerError, nearest, some

# Where a repository is cloned to, in the project's folder, until the second hook takes it away.
CLONE = ".being-stamped"
SCHEMES = ("https", "http", "ssh", "git", "file")


class Kind(NamedTuple):
    """What is looked for: a recipe or a part.

    Parameters
    ----------
    question : str
        The question whose answer names it; a refusal begins with it.
    word : str
        What it is called: its folder is described by `<word>.yaml`, and the template has its own in `<word>s/`.
    """

    question: str
    word: str

    def names(self, template: Path) -> list[str]:
        """Return the names of those that the template has."""
        return sorted(path.parent.name for path in (template / f"{self.word}s").glob(f"*/{self.word}.yaml"))


RECIPE = Kind("recipe", "recipe")
PART = Kind("parts", "part")


class Address(NamedTuple):
    """A git repository, the branch, tag or commit of it (empty: its default branch), and a folder in it."""

    url: str
    revision: str
    folder: str


def folder_of(
    answer: str, template: Path, here: Path, project: Path, kind: Kind = RECIPE, words: tuple[str, ...] = ()
) -> Path:
    """Return the folder of the recipe or part that an answer means.

    Parameters
    ----------
    answer : str
        The name of one that the template has, the path of a folder, or the address of a git repository.
    template : Path
        The template's root.
    here : Path
        Where relative paths start: the folder in which the user ran cookiecutter.
    project : Path
        The project that is being made; a repository is cloned into it, below `CLONE`.
    kind : Kind, default=RECIPE
        What is looked for.
    words : tuple of str, default=()
        Further words that the question takes; a refusal offers them, too.

    Raises
    ------
    AnswerError
        If there is none, or it cannot be fetched.
    """
    known = kind.names(template)
    if answer in known:
        return template / f"{kind.word}s" / answer
    address = address_of(answer, kind)
    if address:
        return _described(_cloned(address, project, kind), answer, kind)
    # An update is started in the project, which mostly stands where it was made: beside the recipe's folder.
    starts = [here, here.parent] if (here / origin.NOTE).exists() else [here]
    places = [start / Path(answer).expanduser() for start in starts]
    found = next((place for place in places if place.is_dir()), None)
    if found:
        return _described(found.resolve(), answer, kind)
    if "/" in answer or answer.startswith((".", "~")):
        raise AnswerError(
            f"{kind.question}: there is no folder {str(places[0])!r}; write the path of one with a {kind.word}.yaml"
        )
    better = nearest(answer, [*words, *known])
    listed = ", ".join([*words, *known])
    raise AnswerError(
        f"{kind.question}: there is no {answer!r}; "
        + (f"did you mean {better}?" if better else f"write one of {listed}, or a folder or git address")
    )


def address_of(answer: str, kind: Kind = RECIPE) -> Address | None:
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
            raise AnswerError(f"{kind.question}: {answer!r} is no address; write git+https://host/path")
        return None
    path, at, revision = url[host.end() :].rpartition("@")
    if not at:
        path, revision = revision, ""
    if slashes and scheme not in SCHEMES:
        raise AnswerError(
            f"{kind.question}: git does not fetch {scheme}:// addresses here; known are {', '.join(SCHEMES)}"
        )
    if slashes and re.search(r":[^/]*@", host[0].partition("://")[2]):
        raise AnswerError(
            f"{kind.question}: the address holds a password, which would be kept among the answers; leave it out and "
            "let git ask its credential helper"
        )
    if slashes and scheme != "ssh" and not answer.startswith("git+") and not path.endswith(".git"):
        raise AnswerError(
            f"{kind.question}: {answer!r} does not look like a git repository; if it is one, write git+{answer}"
        )
    if not path.strip("/"):
        raise AnswerError(f"{kind.question}: {answer!r} names no repository; write {host[0]}/path")
    if folder.startswith("/") or ".." in folder.split("/"):
        raise AnswerError(
            f"{kind.question}: the folder {folder!r} is not in the repository; write its path from the root"
        )
    return Address(url[: host.end()] + path, revision, folder.strip("/"))


def _cloned(address: Address, project: Path, kind: Kind) -> Path:
    """Fetch one commit of a repository; the folder in it that was named."""
    name = address.url.rstrip("/").rpartition("/")[2].rpartition(":")[2].removesuffix(".git")
    clones = project / CLONE
    number = len(list(clones.iterdir())) if clones.is_dir() else 0  # parts can come from several repositories
    place = clones / str(number) / (name if name.strip(".") else kind.word)
    print(f"Fetching the {kind.word} from {address.url} ...", flush=True)
    _git(address, kind, "init", "--quiet", str(place))
    fetch = ["fetch", "--quiet", "--depth", "1", "--", address.url, address.revision or "HEAD"]
    _git(address, kind, "-C", str(place), *fetch)
    _git(address, kind, "-C", str(place), "checkout", "--quiet", "--detach", "FETCH_HEAD")
    folder = place / address.folder
    if not folder.is_dir() or place.resolve() not in [folder.resolve(), *folder.resolve().parents]:
        inner = [path.parent.relative_to(place).as_posix() for path in sorted(place.rglob(f"{kind.word}.yaml"))]
        raise AnswerError(
            f"{kind.question}: {address.url} has no folder {address.folder!r}"
            + (f"; there are {kind.word}s in {some(inner)}" if inner else f"; name one that has a {kind.word}.yaml")
        )
    return folder


def _git(address: Address, kind: Kind, *words: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in origin.REDIRECTIONS}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True, errors="replace")
    except FileNotFoundError:
        raise AnswerError(
            f"{kind.question}: git is not installed, which fetches {address.url}; install it, or name a folder"
        ) from None
    if done.returncode:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        why = next(
            (line for line in said if line.startswith(("fatal:", "error:"))), (said or ["it does not say why"])[-1]
        )
        raise AnswerError(
            f"{kind.question}: git cannot fetch {address.revision or 'the default branch'} of {address.url} ({why}); "
            "correct the address, or clone it yourself and name the folder"
        )


def _described(folder: Path, answer: str, kind: Kind) -> Path:
    """Return a folder if its `recipe.yaml` or `part.yaml` is there."""
    if (folder / f"{kind.word}.yaml").is_file():
        return folder
    inner = sorted(path.parent.name for path in folder.glob(f"*/{kind.word}.yaml"))
    raise AnswerError(
        f"{kind.question}: {answer!r} has no {kind.word}.yaml; "
        + (f"there are {kind.word}s in its folders {some(inner)}" if inner else "name a folder that has one")
    )
