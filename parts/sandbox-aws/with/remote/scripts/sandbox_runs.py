"""Tell remote runs what the sandbox has: its region, its role for machines, and the image to train in."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

NAME = "params/remote.yaml"
FILE = Path(__file__).resolve().parent.parent / NAME
# A value in one line of YAML, up to a comment, a comma or a brace.
VALUE = r"^(\"[^\"]*\"|'[^']*'|[^\s,}]+)"


def connect(outputs: dict[str, Any]) -> None:
    """Send runs to the sandbox's region with its role for machines, unless params/remote.yaml names others."""
    wanted = {"region": outputs["region"], "role": outputs["runner"]["instance_profile"]}
    machine = params().get("machine") or {}
    free = machine.get("cloud") == "aws" and all(machine.get(name) in (None, value) for name, value in wanted.items())
    if free and write_params({("machine", name): value for name, value in wanted.items()}):
        print(f"runs: {NAME} names the sandbox's region and role; commit it")
    else:
        said = ", ".join(f"{name}: {value}" for name, value in wanted.items())
        print(f"runs: {NAME} stays as it is; to send machines of AWS to the sandbox, write below machine: {said}")


def disconnect(outputs: dict[str, Any]) -> None:
    """Take the sandbox's region, role and image out of params/remote.yaml."""
    data = params()
    gone: dict[tuple[str, ...], str | None] = {}
    if "runner" in outputs and (data.get("machine") or {}).get("role") == outputs["runner"]["instance_profile"]:
        gone |= {("machine", "region"): None, ("machine", "role"): None}
    if "image" in outputs and str(data.get("image")).startswith(f"{outputs['image']}:"):
        gone[("image",)] = None
    if gone and write_params(gone):
        print(f"runs: {NAME} names nothing of the sandbox any more; commit it")


def take_image(name: str) -> None:
    """Let runs train in an image, unless params/remote.yaml has no place for its name."""
    if write_params({("image",): name}):
        print(f"runs: {NAME} names it; commit that")
    else:
        print(f"runs: to train in it, write into {NAME}: image: {name}")


def params() -> Any:
    """What params/remote.yaml says, with the places of its values; nothing if it is not there."""
    return parsed(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def write_params(values: dict[tuple[str, ...], str | None]) -> bool:
    """Replace values in params/remote.yaml by their keys, and no other character; False if it has no place for them."""
    data = params()
    places = {}
    for keys in values:
        node = data
        for key in keys[:-1]:
            node = node[key]
        if keys[-1] not in node or node.lc.key(keys[-1])[0] != node.lc.value(keys[-1])[0]:
            return False
        places[keys] = node.lc.value(keys[-1])
    lines = FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    for keys, (line, column) in sorted(places.items(), key=lambda one: one[1], reverse=True):
        lines[line] = lines[line][:column] + re.sub(VALUE, values[keys] or "null", lines[line][column:], count=1)
    new = "".join(lines)
    for keys, value in values.items():
        found = parsed(new)
        for key in keys:
            found = found.get(key)
        if found != value:
            return False
    write(FILE, new)
    return True


def parsed(text: str) -> Any:
    """The value of params/remote.yaml's text."""
    try:
        return YAML().load(text) or {}
    except YAMLError as error:
        sys.exit(f"{NAME} is not valid YAML: {' '.join(str(error).split())}")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
    shutil.copymode(path, file.name)
    os.replace(file.name, path)
