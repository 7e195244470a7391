"""Fill in the answers in the files of a part, by the same rules that cookiecutter follows for the core."""

import fnmatch
import functools
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import AnswerError
from .names import dns_label, package_name, project_slug

PACKAGE = "<<cookiecutter.package_name>>"
SIGNS = ("<<", "<%", "<#")  # where Jinja's code begins; a file without them is copied


def quoted(value: Any) -> str:
    """`value` as a quoted string that JSON, TOML, YAML and Python all read back as it was.

    Jinja's own `tojson` writes an emoji as two surrogates, which TOML refuses.
    """
    return json.dumps(str(value), ensure_ascii=False)


FILTERS = {"project_slug": project_slug, "package_name": package_name, "dns_label": dns_label, "quoted": quoted}


class Renderer:
    """Write files with the answers filled in.

    Parameters
    ----------
    template : Path
        The template's root; its `cookiecutter.json` has Jinja's delimiters and the files that are never rendered.
    answers : mapping
        The answers by question.
    """

    def __init__(self, template: Path, answers: Mapping[str, str]) -> None:
        settings = json.loads((template / "cookiecutter.json").read_text(encoding="utf-8"))
        self._delimiters = settings["_jinja2_env_vars"]
        self._copied = settings["_copy_without_render"]
        self._answers = dict(answers)

    @functools.cached_property
    def _environment(self) -> Any:
        from jinja2 import Environment, StrictUndefined  # slow to import, and not needed if no part has code

        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, **self._delimiters)
        environment.filters.update(FILTERS)
        return environment

    def path(self, relative: str) -> str:
        """Return a path with the package's name in it."""
        return relative.replace(PACKAGE, self._answers["package_name"])

    def text(self, text: str, place: str) -> str:
        """Return a text with the answers filled in; `place` is named if it cannot be rendered."""
        if not any(sign in text for sign in SIGNS):
            return text
        from jinja2 import TemplateError

        try:
            return str(self._environment.from_string(text).render(cookiecutter=self._answers))
        except TemplateError as error:
            line = getattr(error, "lineno", None)
            where = f"{place}, line {line}" if line else place
            raise AnswerError(
                f"parts: {where}: {error.message}; correct it, or write << '<<' >> for a plain <<"
            ) from None

    def write(self, source: Path, relative: str, place: Path, name: str) -> None:
        """Write one file; what is to be copied, or is not text, is copied as it is. Executable bits are kept.

        Parameters
        ----------
        source, place : Path
            The file of the part, and the file to write.
        relative : str
            Its path in the project, before `path`; the rules of `_copy_without_render` are about it.
        name : str
            The file as a refusal names it.
        """
        place.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        copied = any(fnmatch.fnmatch(relative, pattern) for pattern in self._copied)
        try:
            text = None if copied else self.text(content.decode("utf-8"), name)
        except UnicodeDecodeError:
            text = None
        place.write_bytes(content if text is None else text.encode("utf-8"))
        shutil.copymode(source, place)
