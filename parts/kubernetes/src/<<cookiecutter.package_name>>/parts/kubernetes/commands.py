"""The commands `push-image` and `set-image`."""

import argparse
from pathlib import Path

from ...commands import Commands
from ...errors import UserError

PARAMS = Path("params")


def add(commands: Commands) -> None:
    """Add the commands."""
    push = commands.add("push-image", _push_image, help="push the image of a version, and note its digest")
    push.add_argument("--built", help="the name of the image here (without it, only what can be checked before)")
    push.add_argument("--engine", default="docker", help="docker or podman (%(default)s)")
    push.add_argument("--version", help="v1.2.3 (the version as which the last commit was registered)")
    pin = commands.add("set-image", _set_image, help="let an overlay run an image")
    pin.add_argument("stage", help="the name of the overlay")
    pin.add_argument("--image", help="registry.example.com/team/model@sha256:… (the image of the version)")
    pin.add_argument("--version", help="the version of the model that is in it")
    for command in (push, pin):
        command.add_argument("--no-push", action="store_true", help="leave the tag, or the overlay, in this repository")


def _push_image(given: argparse.Namespace) -> None:
    from .images import new_version, push
    from .settings import read_settings

    settings = read_settings(PARAMS)
    version = new_version(settings, given.version, share=not given.no_push)
    if given.built is None:
        print(f"the image of {version} will be pushed to {settings.image}")
        return
    print("\n".join(push(settings, version, given.built, given.engine, share=not given.no_push)))


def _set_image(given: argparse.Namespace) -> None:
    from . import overlays
    from .images import check_pinned, image_of
    from .promotions import write
    from .settings import read_settings

    settings = read_settings(PARAMS)
    overlays.check(given.stage)
    if given.image is None and given.version is None:
        raise UserError(
            "which image? make set-image STAGE=prod VERSION=v1.0.0, or IMAGE=registry.example.com/…@sha256:…"
        )
    image = given.image or image_of(settings, given.version, refresh=not given.no_push)
    if image is None:
        raise UserError(f"no image of {given.version} was pushed: make push-image, or IMAGE=… names it")
    print("\n".join(write(settings, given.stage, check_pinned(image), given.version, push=not given.no_push)))
