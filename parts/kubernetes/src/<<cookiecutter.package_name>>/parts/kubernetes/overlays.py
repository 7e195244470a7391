"""What an overlay of kustomize runs: `release/kustomization.yaml` in its folder, which is written and never edited."""

import re
from pathlib import Path

from ...errors import UserError, nearest

FOLDER = Path("deploy/kubernetes/overlays")
TEXT = """\
# Which image runs here, and which version of the model is in it. make promote, make rollback and make set-image write
# this file; what you change belongs into the kustomization.yaml above it.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
  - name: model-service
    newName: {name}
    digest: {digest}
labels:
  - pairs:
      app.kubernetes.io/version: {version}
    includeTemplates: true
"""
UNKNOWN = "unknown"  # the version where an image was set without one


def names() -> list[str]:
    """Return the overlays of this project, sorted; each has the name of the stage that it shows."""
    return sorted(path.parent.name for path in FOLDER.glob("*/kustomization.yaml"))


def check(stage: str) -> None:
    """Refuse a stage without an overlay.

    Raises
    ------
    UserError
        With the nearest right name.
    """
    known = names()
    if stage not in known:
        raise UserError(f"there is no overlay {FOLDER}/{stage}{nearest(stage, known)}")


def path_of(stage: str) -> Path:
    """Return the file that says what the overlay of a stage runs."""
    return FOLDER / stage / "release" / "kustomization.yaml"


def text_of(image: str, version: str | None) -> str:
    """Return the text of that file.

    Parameters
    ----------
    image : str
        The image's address with its digest.
    version : str, optional
        The version of the model in it.
    """
    name, _, digest = image.partition("@")
    return TEXT.format(name=name, digest=digest, version=label(version or UNKNOWN))


def label(version: str) -> str:
    """Return a version as a label of Kubernetes, which has no `+`, in quotes if YAML would read a number."""
    found = re.sub(r"[^A-Za-z0-9._-]", "-", version)[:63].strip("-._")
    return found if found[:1].isalpha() else f'"{found}"'
