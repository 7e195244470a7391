"""Declare and read `params/remote.yaml`: where and for how long runs on other machines go on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...objects.nodes import plain
from ...objects.params.keys import flag, items, mapping, node, or_null, text, whole
from ...objects.params.packages import read_grammar
from ...objects.params.values import read

MACHINE = mapping(
    {
        "cloud": text("The cloud.", default="aws"),
        "region": or_null(text("Its region; null for the runner's choice.")),
        "role": or_null(text("What the machine may do; on AWS the ARN of an instance profile.")),
        "type": or_null(text("The cloud's name for the machine; null for the runner's choice.")),
        "gpu": or_null(text("The GPU, such as T4.")),
        "disk": whole("Its disk, in GB.", default=50, needs="a whole number of GB"),
        "spot": flag("Whether the cloud may take it away, which is cheaper.", default=True),
    },
    description="The machine.",
    default={},
)
KEYS = mapping(
    {
        "runner": node("runner", description="What gets the machine."),
        "machine": or_null(MACHINE, {}),
        "timeout": whole("The seconds after which a machine ends itself.", default=3600),
        "restarts": whole("How often a lost machine is replaced.", 0, default=3),
        "image": or_null(text("A container image that holds the environment.")),
        "setup": or_null(text("Lines of shell that prepare the machine.")),
        "environment": or_null(
            items(
                {
                    "type": "string",
                    "pattern": r"^[^\W\d]\w*$",
                    "x-needs": "the name of a variable, whose value is not written",
                },
                "Names of environment variables that go along.",
                needs="a list of names of variables (not their values)",
            ),
            [],
        ),
        "push": flag("Whether the machine puts its outputs into the DVC remote.", default=False),
    },
    ["runner"],
)


@dataclass(frozen=True)
class Settings:
    """The keys of `params/remote.yaml`; `runner` is its class and params as plain values."""

    runner: dict[str, Any]
    machine: dict[str, Any]
    timeout: int
    restarts: int
    image: str | None
    setup: str | None
    environment: list[str]
    push: bool


def read_remote(folder: Path) -> Settings:
    """Return what `params/remote.yaml` says.

    Raises
    ------
    UserError
        If a key or a value is impossible, with file and line.
    """
    values = read(folder, "remote", KEYS, read_grammar(folder))[0]
    return Settings(**{key: plain(value) for key, value in values.items()})
