"""YAML read as DVC reads it (version 1.2, no duplicate keys), with the line of every value.

PyYAML reads YAML 1.1, in which `NO` is false and `1e-5` a string; DVC reads 1.2. Reading the params with
DVC's own reader keeps both of one mind.
"""

import datetime
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ..errors import UserError, nearest

Key = str | int


@dataclass(frozen=True)
class Where:
    """A place in a file: carried beside a value, so that an error can name the file and the line."""

    file: str
    lines: Mapping[tuple[Key, ...], int] = field(default_factory=dict)
    path: tuple[Key, ...] = ()

    def at(self, *keys: Key) -> "Where":
        """The place of a value inside this one."""
        return Where(self.file, self.lines, self.path + keys)

    def error(self, message: str) -> UserError:
        """The exception to raise for what stands here."""
        path = self.path
        while path and path not in self.lines:
            path = path[:-1]
        line = self.lines.get(path)
        return UserError(f"{self.file}:{line}: {message}" if line else f"{self.file}: {message}")

    def mapping(self, value: Any, known: Iterable[str] | None = None, need: Iterable[str] = ()) -> dict[str, Any]:
        """`value` itself if it is a mapping with only `known` keys and every one of `need`."""
        if not isinstance(value, dict):
            name = f"{self.path[-1]!r}" if self.path else "this file"
            raise self.error(f"{name} should be a mapping of names to values, not {_describe(value)}")
        for key in value:
            if not isinstance(key, str):
                raise self.at(key).error(f"the key {key!r} should be text; put it in quotes")
            if known is not None and key not in known:
                raise self.at(key).error(f"unknown key {key!r}{nearest(key, known)}")
        for key in need:
            if key not in value:
                raise self.error(f"the key {key!r} is missing")
        return value


def read(path: Path, root: Path | None = None) -> tuple[Any, Where]:
    """The plain value of a YAML file, and where it stands.

    Parameters
    ----------
    path : the file.
    root : what the file's name is shown relative to; the working directory if None.

    Raises
    ------
    UserError
        If the file is absent or is no YAML, with file and line.
    """
    root = root or Path.cwd()
    name = str(path.relative_to(root) if path.is_absolute() and path.is_relative_to(root) else path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{name} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{name} cannot be read: {error}") from None
    return parse(text, name)


def located(error: UserError) -> str:
    """The text of an error, with the line if it names a place in the params."""
    if not error.place:
        return str(error)
    path = Path("params") / error.place[0]
    try:
        return str(read(path)[1].at(*error.place[1:]).error(error.message))
    except UserError:
        return str(error)


def parse(text: str, name: str = "<yaml>") -> tuple[Any, Where]:
    """Like `read`, for text that is at hand."""
    try:
        tree = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        line = f"{name}:{mark.line + 1}" if mark else name
        raise UserError(f"{line}: this is not valid YAML: {problem}") from None
    except YAMLError as error:
        raise UserError(f"{name}: this is not valid YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:  # a value that is not what its tag says
        raise UserError(f"{name}: this is not valid YAML: {error}") from None
    lines: dict[tuple[Key, ...], int] = {(): 1}
    where = Where(name, lines)
    return _plain(tree, (), lines, where), where


def dump(value: Any) -> str:
    """`value` as YAML 1.2 block text, keys in the order given."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


def _plain(node: Any, path: tuple[Key, ...], lines: dict[tuple[Key, ...], int], where: Where) -> Any:
    """Return a ruamel tree as dicts, lists and scalars, and note each value's line in `lines`.

    `where` is the place of the whole tree, for errors.
    """
    # YAML's own tags for sets, ordered mappings and the like make classes of their own.
    if type(node) in (CommentedMap, CommentedSeq) and node.tag.value is None:
        if isinstance(node, CommentedSeq):
            for index in range(len(node)):
                lines[(*path, index)] = node.lc.data[index][0] + 1
            return [_plain(one, (*path, index), lines, where) for index, one in enumerate(node)]
        for key in node:
            if key in (node.lc.data or ()):
                lines[(*path, key)] = node.lc.data[key][0] + 1
        return {_scalar(key, where.at(*path)): _plain(node[key], (*path, key), lines, where) for key in node}
    return _scalar(node, where.at(*path))


def _scalar(value: Any, where: Where) -> Any:
    """Return a ruamel scalar as Python's own type. Dates stay text: the params know no dates."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime.date):
        return str(value)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    tag = getattr(getattr(value, "tag", None), "value", None)
    what = f"the tag {tag!r}" if tag else f"a {type(value).__name__.removeprefix('Commented').lower()}"
    raise where.error(f"{what} has no meaning here: params hold plain values, lists and mappings")


def _describe(value: Any) -> str:
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else repr(value)
