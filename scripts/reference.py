"""Write `docs/params.md`, the reference of the keys in `params/`, from the declarations in a stamped project.

`make reference`; a test holds that the page is current.
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "params.md"
PACKAGE = "reference_project"
NAMES = ("json_schema", "params.values")
HEAD = """# Keys of the params

<!-- scripts/reference.py writes this page (make reference). -->

Every key of the files in `params/`, those of all parts included, from the declarations by which a project checks them.
[The grammar](grammar.md) explains objects, search spaces and steps, with examples.
"""


def main() -> None:
    """Write the page with the declarations of a project that is stamped for this."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "settings.yaml")
        settings.write_text(json.dumps({"replay_dir": folder, "cookiecutters_dir": folder}))
        answers = {"project_slug": "reference", "package_name": PACKAGE, "parts": "all"}
        project = cookiecutter(
            str(ROOT), no_input=True, extra_context=answers, output_dir=folder, config_file=str(settings)
        )
        sys.path.insert(0, str(Path(project) / "src"))
        schema, values = (importlib.import_module(f"{PACKAGE}.objects.{name}") for name in NAMES)
        PAGE.write_text(page(schema, values), encoding="utf-8")


def page(json_schema: Any, values: Any) -> str:
    """Return the page, from the modules of a project that declare the params and put declarations into words."""
    files = dict(sorted(json_schema.declared().items())) | {"models/<name>": json_schema.models.BESIDE}
    sections = [f"## {name}.yaml\n\n{_table(_rows(keys, values.needed))}" for name, keys in files.items()]
    return "\n".join([HEAD, *sections])


def _table(rows: list[tuple[str, str, str, str]]) -> str:
    head = "| key | takes | default | |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(schema: dict[str, Any], needed: Any, before: str = "") -> list[tuple[str, str, str, str]]:
    """Return a row for each key of a mapping, and of the mappings in it."""
    found = []
    for key, value in schema["properties"].items():
        if key in schema["required"]:
            default = "needed"
        else:
            default = f"`{json.dumps(value['default'])}`" if "default" in value else ""
        takes = needed(value).replace("|", "\\|").rstrip(",")
        found.append((f"`{before}{key}`", takes, default, value.get("description", "")))
        for form in (value, *value.get("anyOf", [])):
            inner = form.get("additionalProperties") or {}
            if "properties" in form:
                found += _rows(form, needed, f"{before}{key}.")
            elif "properties" in inner:
                found += _rows(inner, needed, f"{before}{key}.<name>.")
    return found


if __name__ == "__main__":
    main()
