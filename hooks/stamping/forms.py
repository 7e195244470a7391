"""Read the YAML files that describe recipes and parts, and check them against a JSON Schema.

Only the words of JSON Schema that `recipes/recipe.schema.json` and `parts/part.schema.json` use are known here.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from .errors import AnswerError, nearest

TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def text_of(path: Path, question: str = "recipe") -> str:
    """Return the text of a file.

    Parameters
    ----------
    question : str, default="recipe"
        The question whose answer named the file; a refusal begins with it.

    Raises
    ------
    AnswerError
        If the file is not encoded in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise AnswerError(f"{question}: {path.name} holds bytes that are no text; write it in UTF-8") from None


def read(path: Path, question: str = "recipe") -> Any:
    """Return the content of a YAML file, unchecked.

    Raises
    ------
    AnswerError
        If the file is not YAML.
    """
    try:
        # The parser in C is ten times as fast, where PyYAML was built with it.
        return yaml.load(text_of(path, question), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f"line {place.line + 1}: " if place else ""
        problem = getattr(error, "problem", None) or "it is no YAML"
        raise AnswerError(
            f"{question}: {path.parent.name}/{path.name}: {where}{problem}; correct the YAML there"
        ) from None


def fault(value: Any, form: dict[str, Any], place: str = "") -> str | None:
    """The first thing that is wrong with a value, or None.

    Parameters
    ----------
    value : as YAML or JSON is read.
    form : its schema, in which everything has a `description` that completes "write ...".
    place : where the value stands, such as `presets.fast`.
    """
    if not _fits(value, form):
        written = json.dumps(value, ensure_ascii=False, default=str)
        written = written if len(written) <= 60 else f"{written[:57]}..."
        return f"{place or 'it'} is {written}; write {form['description']}"
    inside: list[tuple[str, Any, Any]] = []
    if isinstance(value, dict):
        known = form.get("properties", {})
        missing = next((key for key in form.get("required", []) if key not in value), None)
        if missing is not None:
            right = known.get(missing, form.get("additionalProperties"))
            return f"{_at(place, missing)} is missing; write {right['description']}"
        inside = [(str(key), one, known.get(key, form.get("additionalProperties", True))) for key, one in value.items()]
    elif isinstance(value, list) and "items" in form:
        inside = [(str(number), one, form["items"]) for number, one in enumerate(value)]
    for key, one, wanted in inside:
        if wanted is False:
            better = nearest(key, form["properties"])
            right = f"did you mean {better!r}?" if better else f"the keys are {', '.join(form['properties'])}"
            return f"{_at(place, key)} is no key; {right}"
        found = fault(one, wanted, _at(place, key)) if isinstance(wanted, dict) else None
        if found:
            return found
    return None


def _fits(value: Any, form: dict[str, Any]) -> bool:
    """Whether a value itself, not what is in it, is what its schema says."""
    types = form["type"] if isinstance(form["type"], list) else [form["type"]]
    if not any(isinstance(value, TYPES[one]) and (one == "boolean" or not isinstance(value, bool)) for one in types):
        return False
    if isinstance(value, str):
        return len(value.strip()) >= int(form.get("minLength", 0)) and bool(re.search(form.get("pattern", ""), value))
    if isinstance(value, list):
        return len(value) >= int(form.get("minItems", 0))
    if isinstance(value, int | float):
        return bool(value >= form.get("minimum", value))
    return True


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key
