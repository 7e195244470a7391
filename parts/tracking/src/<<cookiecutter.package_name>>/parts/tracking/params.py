"""Read `params/tracking.yaml`, which names the trackers."""

import importlib.util
from typing import Any

from ...objects.build import build, check
from ...objects.grammar import plain
from ...objects.json_schema import Kit, Schema, mapping
from ...objects.plan import Context


def compile(context: Context) -> dict[str, Any]:
    """Return the trackers of `params/tracking.yaml` as plain objects.

    No stage depends on this slice, because a change of trackers makes it no other search.

    Raises
    ------
    UserError
        If a tracker cannot be built, or needs a package that is not installed.
    """
    data, where = context.read("tracking.yaml")
    written = where.mapping({} if data is None else data, ["trackers"]).get("trackers") or []
    if not isinstance(written, list):
        raise where.at("trackers").error("'trackers' needs a list, such as [{class: MLflow}]")
    trackers: list[dict[str, Any]] = []
    for index, one in enumerate(written):
        place = where.at("trackers", index)
        tracker = context.grammar.object(one, place, ["tracker"])
        if tracker.space:
            raise place.at("space").error("nothing is searched here: a tracker has no 'space'")
        check(tracker)
        needs = build(tracker).needs
        if needs and not _is_installed(needs):
            raise place.error(
                f"{tracker.name} needs the package {needs!r}, which is not installed: "
                f"add the extra {needs!r} to pyproject.toml and run `make setup`"
            )
        if plain(tracker) in trackers:
            raise place.error(f"{tracker.name} is named twice")
        trackers.append(plain(tracker))
    return {"trackers": trackers}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the JSON Schema of `params/tracking.yaml`."""
    trackers = {"type": "array", "items": kit.object("tracker"), "description": "Where runs are shown."}
    return {"tracking": mapping({"trackers": trackers})}


def _is_installed(package: str) -> bool:
    """Return whether a package can be imported; a mere folder of its name is no package."""
    found = importlib.util.find_spec(package)
    return found is not None and found.origin is not None
