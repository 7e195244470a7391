"""Print what this project needs installed, as pip reads it: its dependencies and those of extras.

    python scripts/requirements.py dev,serve                                   the requirements in pyproject.toml
    python scripts/requirements.py --versions models/package/environment.json  constraints: the versions of a model

A model's folder may have been fetched from elsewhere. So its versions are constraints, which install no package that
the project does not require, and nothing of them reaches pip but names and versions that were parsed as such. The
Dockerfile installs this before it copies any code, so an edit of the code installs nothing again.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

try:
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version
except ImportError:  # while an image is built, pip is all there is
    from pip._vendor.packaging.utils import canonicalize_name
    from pip._vendor.packaging.version import InvalidVersion, Version

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def main(words: list[str]) -> None:
    """Print the requirements of the project in this folder, or the versions of a model as constraints."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    if len(words) == 1 and words[0] != "--versions":
        print("\n".join(requirements(project, words[0].split(","))))
    elif len(words) == 2 and words[0] == "--versions":
        print("\n".join(pins(project["name"], words[1])))
    else:
        sys.exit("python scripts/requirements.py <extra>,<extra>,... or --versions <a model's environment.json>")


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Return the project's dependencies and those of its extras, each once; exit if there is no such extra.

    An extra may contain others of this project, written as `project[other]`. An extra that ends in `?` may be missing,
    as that of a part is where the part was not asked for.
    """
    known = project.get("optional-dependencies", {})
    wanted, waiting = dict.fromkeys(project["dependencies"]), list(reversed(extras))
    seen: set[str] = set()
    while waiting:
        extra = waiting.pop()
        if extra.endswith("?"):
            extra = extra[:-1]
            if extra not in known:
                continue
        if extra not in known:
            sys.exit(f"there is no extra {extra!r} in pyproject.toml; there are: {', '.join(sorted(known))}")
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in known[extra]:
            others = re.fullmatch(r"([\w.-]+)\[([\w., -]+)\]", requirement)
            if others and canonicalize_name(others[1]) == canonicalize_name(project["name"]):
                waiting += [name.strip() for name in others[2].split(",")]
            else:
                wanted[requirement] = None
    return list(wanted)


def pins(own: str, path: str) -> list[str]:
    """Return the versions in a model's `environment.json` as constraints; exit if one is no version.

    Python and this project are no packages to install. A build of a version (`2.1+cpu`) can be that of another machine,
    so the version alone is asked for.
    """
    try:
        versions = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"{path} cannot be read: {error}")
    if not isinstance(versions, dict):
        sys.exit(f"{path} holds no names with versions: write it anew with `make run`")
    found = []
    for name, version in sorted(versions.items()):
        if not NAME.fullmatch(name) or not isinstance(version, str):
            sys.exit(f"{path}: {name!r}: {version!r} is no package with a version: write it anew with `make run`")
        if canonicalize_name(name) in ("python", canonicalize_name(own)):
            continue
        try:
            found.append(f"{canonicalize_name(name)}=={Version(version).public}")
        except InvalidVersion:
            sys.exit(f"{path}: {version!r} is no version of {name}: write it anew with `make run`")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
