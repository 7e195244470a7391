"""YAML read as DVC reads it (version 1.2, no duplicate keys), with the line of every value.

PyYAML reads YAML 1.1, in which `NO` is false and `1e-5` a string; DVC reads 1.2. Reading the params with
DVC's own reader keeps both of one mind.
"""

import io
import math
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from ..errors import UserError, nearest

Key = str | int
MOST_BYTES = 100_000  # of a file; reading it takes a second or two
MOST_VALUES = 50_000  # in a file, each as often as it is referred to
MOST_LEVELS = 40  # of values inside values
LARGEST = 2**63  # integers beyond it overflow in JSON readers, NumPy and databases


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
    return parse(_text(path, name), name)


def _text(path: Path, name: str) -> str:
    """Return the text of a regular file of moderate size; pipes and devices may never end."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{name}: this is no regular file, and nothing else is read")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{name} is missing") from None
    except OSError as error:
        raise UserError(f"{name} cannot be read: {error.strerror or error}") from None
    if len(content) > MOST_BYTES:
        raise UserError(f"{name}: the file is larger than {MOST_BYTES // 1000} kB, which params never are")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}:{line}: this is not UTF-8: save the file in that encoding") from None


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
    _check_brackets(text, name)
    if "!" in text:
        _check_events(text, name)
    try:
        tree = _yaml().load(text)
    except MarkedYAMLError as error:
        raise _invalid(error, name) from None
    except YAMLError as error:
        raise UserError(f"{name}: this is not valid YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        _check_events(text, name)
        raise UserError(f"{name}: the values are nested too deeply") from None
    values = _Values(name)
    return values.plain(tree, ()), Where(name, values.lines)


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.Constructor = _Constructor
    return yaml


def _invalid(error: MarkedYAMLError, name: str) -> UserError:
    mark = error.problem_mark or error.context_mark
    problem = " ".join(str(error.problem or error.context).split())
    line = f"{name}:{mark.line + 1}" if mark else name
    return UserError(f"{line}: this is not valid YAML: {problem}")


def _check_brackets(text: str, name: str) -> None:
    """Refuse thousands of open brackets, with which the YAML reader takes seconds; those in texts count as well."""
    level = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        level += 1 if bracket[0] in "[{" else -1
        if level > 10 * MOST_LEVELS:
            line = text.count("\n", 0, bracket.start()) + 1
            raise UserError(f"{name}:{line}: the values are nested more than {MOST_LEVELS} levels deep")


def _check_events(text: str, name: str) -> None:
    """Refuse tags and deep nesting, with the line; for texts that may hold such, because it reads them once more."""
    level = 0
    try:
        for event in _yaml().parse(io.StringIO(text)):
            line = f"{name}:{event.start_mark.line + 1}"
            tag = getattr(event, "ctag", None)
            if tag is not None and str(tag):
                raise UserError(f"{line}: the tag {str(tag)!r} has no meaning here: params hold plain values")
            kind = type(event).__name__
            level += kind.endswith("StartEvent") - kind.endswith("EndEvent")
            if level > MOST_LEVELS:
                raise UserError(f"{line}: the values are nested more than {MOST_LEVELS} levels deep")
    except MarkedYAMLError as error:
        raise _invalid(error, name) from None


def dump(value: Any) -> str:
    """`value` as YAML 1.2 block text, keys in the order given."""
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 100
    out = io.StringIO()
    yaml.dump(value, out)
    return out.getvalue()


class _Constructor(RoundTripConstructor):
    """ruamel's constructor; a value that Python cannot hold is an error with a line, and dates stay text."""

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError, TypeError, KeyError, AttributeError) as error:
            raise ConstructorError(problem=f"{error}", problem_mark=node.start_mark) from None


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", RoundTripConstructor.construct_yaml_str)


class _Values:
    """Turn a tree of ruamel's into dicts, lists and scalars, and note the line of each value in `lines`.

    Parameters
    ----------
    name : str
        The file, for errors.
    """

    def __init__(self, name: str) -> None:
        self.name, self.count = name, 0
        self.lines: dict[tuple[Key, ...], int] = {(): 1}

    def plain(self, node: Any, path: tuple[Key, ...]) -> Any:
        self.count += 1
        if len(path) > MOST_LEVELS:
            raise self._error(path, f"the values are nested more than {MOST_LEVELS} levels deep")
        if self.count > MOST_VALUES:
            raise self._error(path, f"with its anchors and aliases, the file holds more than {MOST_VALUES:,} values")
        if isinstance(node, CommentedMap):
            places = node.lc.data or {}  # a mapping of nothing but a merge key has none
            for key in node:
                if key in places:
                    self.lines[*path, key] = places[key][0] + 1
            return {self._scalar(key, (*path, key)): self.plain(node[key], (*path, key)) for key in node}
        if isinstance(node, CommentedSeq):
            for index in range(len(node)):
                self.lines[*path, index] = node.lc.data[index][0] + 1
            return [self.plain(one, (*path, index)) for index, one in enumerate(node)]
        return self._scalar(node, path)

    def _scalar(self, value: Any, path: tuple[Key, ...]) -> Any:
        """A ruamel scalar as Python's own type."""
        if value is None or isinstance(value, bool):
            return value
        for kind in (int, float, str):
            if isinstance(value, kind):
                if isinstance(value, int) and abs(value) > LARGEST:
                    raise self._error(path, f"{_short(value)} is too large a number; if it is a name, put it in quotes")
                return kind(value)
        raise self._error(path, "a plain value is needed here: text, a number, true, false or null")

    def _error(self, path: tuple[Key, ...], message: str) -> UserError:
        return Where(self.name, self.lines, path).error(message)


def _short(number: int) -> str:
    digits = round(number.bit_length() * math.log10(2)) or 1
    return str(number) if digits < 30 else f"an integer of {digits} digits"


def _describe(value: Any) -> str:
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else f"{value!r:.80}"
