"""How the service is deployed to Kubernetes, from `params/kubernetes.yaml`."""

import re
from dataclasses import dataclass
from pathlib import Path

from ...objects.grammar import Grammar
from ...objects.params.keys import flag, mapping, text
from ...objects.params.values import read

FILE = "kubernetes"
LABEL = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
IMAGE = r"^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]([a-z0-9._-]*[a-z0-9])?)+$"  # with the host of its registry
BRANCH = r"^[A-Za-z0-9][A-Za-z0-9._/-]*$"
KEYS = mapping(
    {
        "name": text(
            "The model's name in the Open Inference Protocol, such as `/v2/models/<name>/infer`.",
            pattern=LABEL,
            needs="a name of small letters, digits and -, which begins with a letter",
        ),
        "image": text(
            "Where `make push-image` pushes images: a registry with the image's name, and no tag.",
            pattern=IMAGE,
            needs="a registry with the name of an image, such as registry.example.com/team/model, and no tag",
        ),
        "branch": text(
            "The branch of `origin` that Argo CD follows, to which promotions are committed.",
            default="main",
            pattern=BRANCH,
            needs="the name of a branch",
        ),
        "review": flag(
            "Whether a promotion is pushed as a branch of its own, for a pull request, and not to that branch.",
            default=False,
        ),
    },
    ["name", "image"],
)


@dataclass(frozen=True)
class Settings:
    """The keys of `params/kubernetes.yaml`."""

    name: str
    image: str
    branch: str
    review: bool


def read_settings(folder: Path) -> Settings:
    """Return what `params/kubernetes.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible.
    """
    return Settings(**read(folder, FILE, KEYS, Grammar())[0])


def model_name(folder: Path) -> str:
    """Return the model's name in the protocol; where there are no params, it is that of the package.

    Raises
    ------
    UserError
        If the params are impossible.
    """
    if (folder / f"{FILE}.yaml").is_file():
        return read_settings(folder).name
    return re.sub(r"[^a-z0-9]+", "-", __name__.partition(".")[0].lower()).strip("-")
