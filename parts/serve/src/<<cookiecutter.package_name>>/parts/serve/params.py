"""The part's file of the params, `params/serve.yaml`: checked with the others, and described for editors."""

from typing import Any

from ...objects.json_schema import TEXT, Kit, Schema, mapping
from ...objects.plan import Context
from .settings import Settings, read_settings


def compile(context: Context) -> dict[str, Any]:
    """Check the settings; they are read when the service starts, so the plan holds nothing of them."""
    read_settings(context.folder)
    return {}


def schemas(kit: Kit) -> dict[str, Schema]:
    """Return the schema of `params/serve.yaml`."""
    numbers = [name for name, value in vars(Settings()).items() if isinstance(value, int)]
    texts = {"host": TEXT, "model": TEXT | {"description": "A model's folder or URI."}}
    return {"serve": mapping(texts | {name: {"type": "integer", "minimum": 1} for name in numbers})}
