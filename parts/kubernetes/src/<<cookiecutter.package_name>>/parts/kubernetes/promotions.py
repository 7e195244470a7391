"""What a promotion or a rollback means to the cluster: the overlay of the stage runs the version's image.

The overlay is committed to the branch that Argo CD follows, which takes it from there.
"""

from pathlib import Path

from ...errors import UserError
from ...files import write_text
from . import branch, overlays
from .images import REMOTE, has_images, has_origin, image_of
from .settings import Settings, read_settings

PARAMS = Path("params")


def check(stage: str, version: str, push: bool) -> None:
    """Refuse a version without an image, before it stands in a stage that has an overlay.

    Where no image of any version was pushed, Kubernetes is not in use, and nothing is refused.

    Raises
    ------
    UserError
        If there is none.
    """
    if stage not in overlays.names():
        return
    settings = read_settings(PARAMS)
    if image_of(settings, version, refresh=push) is None and has_images(settings):
        raise UserError(
            f"there is no image of {version} that {overlays.FOLDER}/{stage} could run: "
            f"git checkout model@{version}, make pull, make push-image"
        )


def follow(stage: str, version: str, push: bool) -> list[str]:
    """Let the overlay of a stage run the image of a version, and say what was done.

    Raises
    ------
    UserError
        If the commit cannot be pushed; the version stands in the stage then, and the command that repeats the rest is
        in the message.
    """
    if stage not in overlays.names():
        return []
    settings = read_settings(PARAMS)
    image = image_of(settings, version, refresh=False)
    if image is None:
        return [f"{overlays.FOLDER}/{stage} stays as it is: no image was pushed yet (make push-image)"]
    try:
        return write(settings, stage, image, version, push)
    except UserError as error:
        raise UserError(
            f"{version} stands in {stage}, but the overlay does not run it yet: {error.message}; "
            f"make set-image STAGE={stage} VERSION={version} tries again"
        ) from None


def write(settings: Settings, stage: str, image: str, version: str | None, push: bool) -> list[str]:
    """Let the overlay of a stage run an image.

    Parameters
    ----------
    settings : Settings
        The branch, and whether its commits are reviewed.
    stage : str
        The name of the overlay.
    image : str
        The image's address with its digest.
    version : str, optional
        The version of the model in it.
    push : bool
        Whether to commit to the branch of `origin`; otherwise the file here is written, and not committed.

    Returns
    -------
    Lines that say what was done.
    """
    file, text = overlays.path_of(stage), overlays.text_of(image, version)
    what = f"{overlays.FOLDER}/{stage}: {version or image}"
    if not push or not has_origin():
        write_text(file, text)
        return [f"{what}; {file} is written, and not committed"]
    message = f"Run {version or image} in {stage}\n\n{image}"
    review = f"deploy/{stage}-{overlays.label(version or image.partition(':')[2][-12:])}" if settings.review else None
    if not branch.commit(file, text, message, settings.branch, review):
        return [f"{what}; the branch {settings.branch} of {REMOTE} has it already"]
    if review is not None:
        return [f"{what}; pushed to {REMOTE} as the branch {review}: open a pull request to {settings.branch}"]
    return [f"{what}; committed to the branch {settings.branch} of {REMOTE}"]
