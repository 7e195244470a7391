"""The parts: what each one is, and those that an answer takes with the ones that they need."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from . import outside
from .errors import AnswerError, nearest
from .forms import fault, read

NAME = re.compile(r"[a-z][a-z0-9-]*")
WORDS = ("none", "standard", "all")  # which the question takes beside names


class Part(NamedTuple):
    """A folder that is described by its `part.yaml`; `parts/part.schema.json` says what stands in there.

    `needed_by` are the parts for which it was taken, empty where it was asked for.
    """

    name: str
    folder: str
    title: str
    summary: str
    adds: str
    standard: bool
    needs: list[str]
    borrows: dict[str, list[str]]
    extras: dict[str, list[str]]
    requirements: list[str]
    ignores: list[str]
    needed_by: list[str]


def names(template: Path) -> list[str]:
    """Return the names of the parts of a template."""
    return outside.PART.names(template)


def part(template: Path, name: str) -> Part:
    """Return the part of this name."""
    return part_in(template / "parts" / name, template)


def part_in(folder: Path, template: Path) -> Part:
    """Return the part of a folder, wherever that is.

    Raises
    ------
    AnswerError
        If its `part.yaml` is not what the format says.
    """
    if not NAME.fullmatch(folder.name):
        raise AnswerError(
            f"parts: {folder.name!r} is no name of a part; call the folder by small letters, digits and '-'"
        )
    facts = read(folder / "part.yaml", "parts")
    wrong = fault(facts, json.loads((template / "parts" / "part.schema.json").read_text(encoding="utf-8")))
    wrong = wrong or _contradiction(facts, folder)
    if wrong:
        raise AnswerError(f"parts: {folder.name}/part.yaml: {wrong}")
    return Part(
        name=folder.name,
        folder=str(folder),
        title=facts["title"],
        summary=facts["summary"],
        adds=facts["adds"],
        standard=facts.get("standard", False),
        needs=facts.get("needs", []),
        borrows=facts.get("borrows", {}),
        extras=facts.get("extras", {}),
        requirements=facts.get("requirements", []),
        ignores=facts.get("ignores", []),
        needed_by=[],
    )


def chosen(answer: str, template: Path, here: Path, project: Path) -> list[Part]:
    """Return the parts that an answer takes, by name, and after them those that are there because others need them.

    Parameters
    ----------
    answer : str
        `none`, `standard`, `all`, or names, folders and git addresses with commas or spaces between them.
    template : Path
        The template's root.
    here : Path
        The folder in which the user ran cookiecutter; relative paths start there.
    project : Path
        The project that is being made.

    Raises
    ------
    AnswerError
        If a part does not exist, cannot be fetched, or is not what the format says.
    """
    return taken(meant(answer, template, here, project), template)


def meant(answer: str, template: Path, here: Path, project: Path) -> list[tuple[str, list[Part]]]:
    """Return each word of an answer with the parts that it means; the parameters are those of `chosen`."""
    words = [word for word in re.split(r"[,\s]+", answer) if word]
    if not words:
        raise AnswerError(f"parts: the answer {answer!r} names none; write none, standard, all, or names")
    if "none" in words and len(words) > 1:
        raise AnswerError(f"parts: 'none' stands alone, and the answer is {answer!r}; write either none or names")
    return [(word, _meant(word, template, here, project)) for word in words]


def taken(words: Iterable[tuple[str, list[Part]]], template: Path) -> list[Part]:
    """Return the parts of all words, and what they need, in the order of `chosen`."""
    asked: dict[str, Part] = {}
    for _, parts in words:
        for one in parts:
            known = asked.setdefault(one.name, one)
            if known.folder != one.folder:
                raise AnswerError(
                    f"parts: two parts are called {one.name!r}, in {known.folder} and {one.folder}; "
                    "take one of them, or give a folder another name"
                )
    return _with_needs(asked, template)


def needed(parts: Iterable[Part]) -> dict[str, list[str]]:
    """Return by name of a part the parts that need it."""
    found: dict[str, list[str]] = {}
    for one in sorted(parts):
        for name in one.needs:
            found.setdefault(name, []).append(one.name)
    return found


def _meant(word: str, template: Path, here: Path, project: Path) -> list[Part]:
    """Return the parts that one word of the answer means."""
    if word == "none":
        return []
    if word in WORDS:
        every = [part(template, name) for name in names(template)]
        return [one for one in every if word == "all" or one.standard]
    return [part_in(outside.folder_of(word, template, here, project, outside.PART, WORDS), template)]


def _with_needs(asked: Mapping[str, Part], template: Path) -> list[Part]:
    """Return parts and what they need, in turn."""
    found = dict(asked)
    waiting = sorted(asked.values())
    while waiting:
        one = waiting.pop(0)
        for name in one.needs:
            if name in found:
                continue
            sibling = Path(one.folder).parent / name
            if (template / "parts" / name / "part.yaml").is_file():
                found[name] = part(template, name)
            elif (sibling / "part.yaml").is_file():
                found[name] = part_in(sibling, template)
            else:
                better = nearest(name, names(template))
                raise AnswerError(
                    f"parts: {one.name}/part.yaml: needs names {name!r}, and there is no such part; "
                    + (f"did you mean {better!r}?" if better else "take it out, or name that part in the answer, too")
                )
            waiting.append(found[name])
    whose = needed(found.values())
    pulled = [found[name]._replace(needed_by=whose[name]) for name in sorted(set(found) - set(asked))]
    return [asked[name] for name in sorted(asked)] + pulled


def _contradiction(facts: Mapping[str, Any], folder: Path) -> str | None:
    """Return what `part.yaml` names and is not there."""
    for name, paths in facts.get("borrows", {}).items():
        for path in paths:
            if ".." in Path(path).parts or not (folder.parent / name / path).exists():
                return f"borrows.{name} names {path!r}, and {name} has no such file or folder beside this part"
    if folder.name in facts.get("needs", []):
        return "needs names the part itself; take it out"
    return None
