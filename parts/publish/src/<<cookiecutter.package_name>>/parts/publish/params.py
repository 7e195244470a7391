"""The part's file of the params, `params/publish.yaml`: checked with the others, and described for editors."""

from typing import Any

from ...objects.json_schema import TEXT, Kit, Schema, mapping, or_null
from ...objects.plan import Context
from .settings import read_settings


def compile(context: Context) -> dict[str, Any]:
    """Check the settings; no stage needs them, so the plan holds nothing of them."""
    read_settings(context.folder, context.grammar)
    return {}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the schema of `params/publish.yaml`."""
    storage = or_null(TEXT) | {"description": "Where `make publish` puts the model: a URI."}
    best = or_null(kit.named_or_object("metric")) | {
        "description": "Of a storage's models the best by this metric is taken; null: the latest."
    }
    return {"publish": mapping({"storage": storage, "best": best})}
