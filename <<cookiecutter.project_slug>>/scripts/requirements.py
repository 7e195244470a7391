"""Print what this project needs installed, as pip reads it: its dependencies and those of extras.

    python scripts/requirements.py dev,serve                              what pyproject.toml says
    python scripts/requirements.py serve models/package/environment.json  in the versions that a model was made with

The Dockerfile installs this before it copies any code, so an edit of the code installs nothing again.
"""

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any


def main(words: list[str]) -> None:
    """Print the requirements of the project in this folder."""
    if not 1 <= len(words) <= 2:
        sys.exit("python scripts/requirements.py <extra>,<extra>,... [<a model's environment.json>]")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = json.loads(Path(words[1]).read_text(encoding="utf-8")) if words[1:] else {}
    print("\n".join([*requirements(project, words[0].split(",")), *pins(project["name"], versions)]))


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Return the project's dependencies and those of its extras, each once; exit if there is no such extra.

    An extra may contain others of this project, written as `project[other]`.
    """
    known = project.get("optional-dependencies", {})
    wanted, waiting = dict.fromkeys(project["dependencies"]), list(reversed(extras))
    seen: set[str] = set()
    while waiting:
        extra = waiting.pop()
        if extra not in known:
            sys.exit(f"there is no extra {extra!r} in pyproject.toml; there are: {', '.join(sorted(known))}")
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in known[extra]:
            others = re.fullmatch(r"([\w.-]+)\[([\w., -]+)\]", requirement)
            if others and plain(others[1]) == plain(project["name"]):
                waiting += [name.strip() for name in others[2].split(",")]
            else:
                wanted[requirement] = None
    return list(wanted)


def pins(own: str, versions: dict[str, str]) -> list[str]:
    """The versions of a model's packages as requirements; Python and this project are no packages to install.

    A build of a version (`2.1+cpu`) can be that of another machine, so the version alone is asked for.
    """
    packages = {name: version for name, version in versions.items() if name != "python" and plain(name) != plain(own)}
    return [f"{name}=={version.partition('+')[0]}" for name, version in sorted(packages.items())]


def plain(name: str) -> str:
    """A distribution's name as pip compares it: `A_b` and `a-b` are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(sys.argv[1:])
