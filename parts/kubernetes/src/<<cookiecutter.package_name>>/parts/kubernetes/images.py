"""The image of each version of the model: an annotated tag of git, `image/<name>/v1.2.0`, whose message is its digest.

A tag needs no commit, so an image can be noted where the branch that Argo CD follows is protected. Like a version, it
never changes.
"""

import re
from pathlib import Path

from ...errors import UserError
from ...project.calls import git, run_program
from ...project.locked import LOCK, checksum, expected_of
from .settings import Settings

REMOTE = "origin"
PINNED = re.compile(r"[a-z0-9][a-z0-9._/:-]*@sha256:[0-9a-f]{64}")
REGISTERED = re.compile(r"(?:.*=)?model@(v.+)")  # a version that the part releases has registered
MODEL = Path("models/package")


def check_pinned(image: str) -> str:
    """Return the address of an image, after checking that it names one image for ever.

    Raises
    ------
    UserError
        If it has no digest.
    """
    if not PINNED.fullmatch(image):
        raise UserError(
            f"{image!r} does not name one image for ever: registry.example.com/team/model@sha256:… with 64 digits does"
        )
    return image


def image_of(settings: Settings, version: str, refresh: bool) -> str | None:
    """Return the image that was pushed for a version, or None if there is none.

    Parameters
    ----------
    settings : Settings
        The model's name.
    version : str
        Such as v1.2.0.
    refresh : bool
        Whether to ask `origin`, if there is one, for the images that others have pushed.

    Raises
    ------
    UserError
        If `origin` cannot be asked, or somebody has written something else into the tag.
    """
    if refresh and has_origin():
        tags = f"refs/tags/image/{settings.name}/*"
        git("fetch", "--quiet", "--no-tags", REMOTE, f"{tags}:{tags}")
    tag = tag_of(settings, version)
    image = git("for-each-ref", "--format=%(contents:subject)", f"refs/tags/{tag}").strip()
    return check_pinned(image) if image else None


def has_images(settings: Settings) -> bool:
    """Return whether an image of any version was pushed, as far as is known here."""
    return bool(git("tag", "--list", f"image/{settings.name}/*").strip())


def push(settings: Settings, version: str, built: str, engine: str, share: bool) -> list[str]:
    """Push an image that was built here, and note its digest as that of a version.

    Parameters
    ----------
    settings : Settings
        Where it is pushed.
    version : str
        The version of the model that is in it.
    built : str
        The name under which the engine has it.
    engine : str
        `docker` or `podman`.
    share : bool
        Whether to push the tag of git to `origin`.

    Returns
    -------
    Lines that say what was done.

    Raises
    ------
    UserError
        If something cannot be pushed.
    """
    name = f"{settings.image}:{version.replace('+', '-')}"
    run_program([engine, "tag", built, name])
    run_program([engine, "push", name], show=True)
    image = check_pinned(_digest(engine, settings.image, name))
    tag = tag_of(settings, version)
    git("tag", "--annotate", "--message", image, tag, "HEAD")
    if not share or not has_origin():
        return [f"{version} is {image}; the tag {tag} is in this repository alone"]
    try:
        git("push", "--quiet", REMOTE, f"refs/tags/{tag}")
    except UserError as error:
        git("tag", "--delete", tag)
        raise UserError(
            f"the image is pushed, but the tag {tag} was not accepted by {REMOTE}, so it is taken away again: "
            f"{error.message}"
        ) from None
    return [f"{version} is {image}; the tag {tag} is pushed to {REMOTE}"]


def new_version(settings: Settings, asked: str | None, share: bool) -> str:
    """Return the version of the model that an image built here would hold.

    Parameters
    ----------
    settings : Settings
        The model's name.
    asked : str, optional
        The version; by default the one as which the last commit was registered.
    share : bool
        Whether to ask `origin` for the images of others.

    Raises
    ------
    UserError
        If no version, another one, or something that was changed would be in the image, or the version has one.
    """
    tags = git("tag", "--points-at", "HEAD").split()
    found = next((match[1] for match in map(REGISTERED.fullmatch, tags) if match), None)
    version = asked or found
    if version is None:
        raise UserError(
            "the last commit is no version of the model: `make register` makes it one, or VERSION=v1.0.0 says which "
            "version the image is"
        )
    if found not in (None, version):
        raise UserError(f"the last commit is registered as {found}, so its image is not {version}")
    _check_unchanged(version)
    known = image_of(settings, version, refresh=share)
    if known is not None:
        raise UserError(
            f"{version} has an image already, {known}, and that does not change; `make set-image` puts any other image "
            "into an overlay"
        )
    return version


def tag_of(settings: Settings, version: str) -> str:
    """Return the tag that notes the image of a version."""
    return f"image/{settings.name}/{version}"


def has_origin() -> bool:
    """Return whether there is a git remote `origin`."""
    return REMOTE in git("remote").split()


def _check_unchanged(version: str) -> None:
    """Refuse files that are not as in the last commit, and a model that is not that of the version."""
    changed = git("status", "--porcelain", "--", "src", "params", "pyproject.toml", "Dockerfile", str(LOCK)).split()
    if changed:
        raise UserError(
            f"{changed[1]} is not as in the last commit, so the image would not be what it says: commit first"
        )
    expected = expected_of(LOCK.read_text(encoding="utf-8"), str(MODEL)) if LOCK.is_file() else None
    if expected is None or checksum(MODEL, expected) != expected:
        raise UserError(f"{MODEL} is not the model that dvc.lock names: `make pull` gets it, `make run` makes it anew")
    for tag in git("tag", "--list", f"model@{version}", f"*=model@{version}").split():
        if expected_of(git("show", f"{tag}:./{LOCK}"), str(MODEL)) != expected:
            raise UserError(f"the model here is not the one that was registered as {version}: git checkout {tag}")


def _digest(engine: str, image: str, name: str) -> str:
    """Return the address by digest that the registry gave an image that was just pushed."""
    listed = run_program([engine, "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", name])
    found = [line for line in listed.split() if line.startswith(f"{image}@")]
    if not found:
        raise UserError(f"{engine} does not say which digest {name} has in the registry")
    return found[-1]
