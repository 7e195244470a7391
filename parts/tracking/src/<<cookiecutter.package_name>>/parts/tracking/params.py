"""Declare `params/tracking.yaml`, which names the trackers."""

import importlib.util
from typing import Any

from ...objects.build import build
from ...objects.nodes import plain
from ...objects.params.context import Context
from ...objects.params.keys import items, mapping, node, or_null
from ...objects.reader import Where

KEYS = mapping(
    {
        "trackers": or_null(
            items(
                node("tracker"),
                "Where searches, their models and trials are shown.",
                uniqueItems=True,
                needs="a list, such as [{class: MLflow}]",
            ),
            [],
        )
    }
)


def compile(values: dict[str, Any], where: Where, context: Context) -> dict[str, Any]:
    """Return the trackers as plain objects.

    No stage depends on this slice, because a change of trackers makes it no other search.

    Raises
    ------
    UserError
        If a tracker needs a package that is not installed.
    """
    for index, tracker in enumerate(values["trackers"]):
        needs = build(tracker).needs
        if needs and not _is_installed(needs):
            raise where.at("trackers", index).error(
                f"{tracker.name} needs the package {needs!r}, which is not installed: "
                f"add the extra {needs!r} to pyproject.toml and run `make setup`"
            )
    return {"trackers": plain(values["trackers"])}


def _is_installed(package: str) -> bool:
    """Return whether a package can be imported; a mere folder of its name is no package."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None
