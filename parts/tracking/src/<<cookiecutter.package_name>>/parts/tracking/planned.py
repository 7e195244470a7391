"""The trackers that the plan names. This module imports nothing heavy: the stage `tune` asks it."""

from typing import Any

from ...project.locked import read_plan

SLICE = "parts/tracking"


def planned() -> list[dict[str, Any]]:
    """Return the trackers that the plan names as plain objects; none before there is a plan."""
    try:
        found: list[dict[str, Any]] = read_plan(SLICE)["trackers"]
    except FileNotFoundError:
        return []
    return found
