"""The answers, checked and turned into what is to be done; every refusal is one sentence."""

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import names, origin, outside, overlay, parts, recipes, tables
from .errors import AnswerError, nearest, some
from .estimators import choose
from .plan import Plan
from .recipes import Recipe

ASKED = (
    "project_name",
    "project_slug",
    "package_name",
    "description",
    "author_name",
    "license",
    "recipe",
    "data",
    "target",
    "read",
    "estimators",
    "remote",
    "parts",
)
# Where DVC can keep data and models beside a folder: the scheme of an address, which is the name of DVC's extra, too.
REMOTES = ("s3", "gs", "azure", "ssh")
LICENSES = ("MIT", "BSD-3-Clause", "Apache-2.0", "Proprietary")
POSITION = re.compile(r"#-?\d+")  # a column by its position


def planned(answers: Mapping[str, Any], template: Path, here: Path, project: Path | None = None) -> Plan:
    """Check the answers and say what they come to.

    Parameters
    ----------
    answers : as cookiecutter collected them.
    template : the template's root.
    here : the folder in which the user ran cookiecutter; relative paths start there.
    project : the folder that is being made, the current one by default.

    Raises
    ------
    AnswerError
        If an answer cannot be used.
    """
    given = {key: str(answers[key]).strip() for key in ASKED}
    for key, value in given.items():
        _check_text(key, value)
    _check_names(given)
    _check_choice("license", given["license"], LICENSES)
    recipe = recipes.recipe_in(outside.folder_of(given["recipe"], template, here, project or Path.cwd()), template)
    overlay.check(recipe.folder, template)
    around = parts.chosen(given["parts"], template, here, project or Path.cwd())
    overlay.check_parts(recipe.folder, around, template)
    catalogue = recipes.catalogue(template)
    preset, models = choose(given["estimators"], recipe, catalogue)
    source, local = _find_data(given["data"], here)
    read = _read_options(given["read"])
    table = local or (None if given["data"] else recipe.folder / recipe.sample["file"])
    columns, read = _columns(table, read, given["target"])
    column = _target(given["target"], given["data"], columns, recipe)
    by = _by(answers, here)
    plan = Plan(
        project_slug=given["project_slug"],
        package_name=given["package_name"],
        recipe=recipe.name,
        folder=str(recipe.folder),
        task=recipe.task,
        sample=recipe.sample["file"],
        preprocess=recipe.starter,
        source=source or recipe.sample["file"],
        local=str(local) if local else None,
        target=None if recipe.targets == 0 else column,
        read=read,
        left_out=column if recipe.targets == 0 and isinstance(column, str) else None,
        preset=preset,
        models=models,
        metric=recipe.metric,
        budget=recipe.presets[preset or "balanced"]["budget"],
        requirements=[],
        by=by,
        origin=origin.note(answers, template, here) if by == "cookiecutter" else None,
        remote=_find_remote(given["remote"], here, project or Path.cwd()),
        parts=around,
        answers={key: str(answers[key]) for key in ASKED},
        template=str(template),
    )
    wanted = [catalogue.packages[one] for one in plan.packages]
    wanted += sorted({one for model in models for one in model.requirements or []})
    if source:
        wanted += _readers(source, recipes.readers(template))
    metric = recipe.metric_on_decisions if plan.without_probabilities else recipe.metric
    return plan._replace(requirements=wanted, metric=metric)


def _by(answers: Mapping[str, Any], here: Path) -> str:
    """Who stamps; cruft alone says from which commit."""
    if "_commit" not in answers:
        return "cookiecutter"
    return "update" if (here / origin.NOTE).exists() else "create"


def _check_text(key: str, value: str) -> None:
    if not value and key not in ("description", "data", "target", "read", "estimators", "remote"):
        raise AnswerError(f"{key}: it is empty; write a name")
    for character in value:
        category = unicodedata.category(character)
        if category in ("Cc", "Zl", "Zp"):
            what = "a line break" if character in "\n\r\x85\u2028\u2029" else f"the control character {character!a}"
            raise AnswerError(f"{key}: it holds {what}; write it as one line of plain text")
        if category == "Cs":
            raise AnswerError(f"{key}: it holds bytes that are no text; write it in UTF-8")
    for delimiter in ("<<", "<%", "<#"):
        if delimiter in value:
            raise AnswerError(
                f"{key}: it holds {delimiter}, which the template would take for code of its own when the project "
                "is updated; write it without"
            )


def _check_names(given: Mapping[str, str]) -> None:
    slug, package = given["project_slug"], given["package_name"]
    better = names.project_slug(slug)
    if not names.SLUG.fullmatch(slug):
        raise AnswerError(
            f"project_slug: {slug!r} is no name made of ASCII letters and digits, with '-', '_' or '.' between them; "
            f"{better!r} is one"
        )
    if names.distribution_taken(slug):
        raise AnswerError(f"project_slug: {slug!r} is the name of a package that the project may need; try {better!r}")
    better = names.package_name(package)
    if not names.PACKAGE.fullmatch(package):
        raise AnswerError(
            f"package_name: {package!r} is no Python package name in small letters, digits and '_'; {better!r} is one"
        )
    why = names.package_taken(package)
    if why:
        raise AnswerError(f"package_name: {package!r} {why}; try {better!r}")


def _check_choice(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise AnswerError(f"{key}: there is no {value!r}; write one of {', '.join(known)}")


def _find_data(answer: str, here: Path) -> tuple[str | None, Path | None]:
    """What the project will read and the local file to copy there; both None for the recipe's sample."""
    if not answer:
        return None, None
    url = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", answer)
    if url:
        scheme = url[1].lower()
        if scheme == "file":
            from urllib.parse import unquote

            answer = unquote(answer[len(url[0]) :].removeprefix("localhost"))
        elif scheme == "sqlite" and answer[len(url[0]) :].startswith("/"):
            answer = answer[len(url[0]) + 1 :]
        else:
            _check_url(answer, scheme)
            return answer, None
    path = here / Path(answer).expanduser()
    suffix = tables.suffix_of(path.name)
    # A project that is being updated holds the file that it was made from, or DVC's note of it; the original may be
    # gone, or another table by now.
    kept = here / "data" / "raw" / path.name
    if (here / origin.NOTE).exists() and (kept.exists() or Path(f"{kept}.dvc").exists()):
        return f"data/raw/{path.name}", kept if kept.exists() else None
    if path.is_dir():
        found = sorted(one.name for one in path.iterdir() if tables.suffix_of(one.name) in tables.SUFFIXES)
        raise AnswerError(f"data: {answer!r} is a folder; name a table" + (f" in it, {some(found)}" if found else ""))
    if not path.exists():
        others = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        better = nearest(path.name, [one for one in others if tables.suffix_of(one) in tables.SUFFIXES])
        raise AnswerError(
            f"data: there is no file {str(path)!r}"
            + (f"; did you mean {better!r}?" if better else "; write the path of a table, or nothing for the sample")
        )
    if suffix not in tables.SUFFIXES:
        raise AnswerError(
            f"data: {path.name!r} does not end like a table; the endings are {', '.join(tables.SUFFIXES)}, "
            f"perhaps followed by {', '.join(tables.COMPRESSIONS)}"
        )
    if not path.is_file():
        raise AnswerError(f"data: {answer!r} is no regular file; write the path of a table")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise AnswerError(f"data: {str(path)!r} cannot be read ({error.strerror}); make it readable") from None
    if empty:
        raise AnswerError(f"data: {str(path)!r} is empty; write the path of a table with a header and rows")
    return f"data/raw/{path.name}", path


def _check_url(url: str, scheme: str) -> None:
    base = scheme.split("+")[0]
    if base not in tables.SCHEMES:
        better = nearest(base, tables.SCHEMES)
        raise AnswerError(
            f"data: nothing reads {scheme}:// addresses; "
            + (f"did you mean {better}://?" if better else f"known are {', '.join(tables.SCHEMES)}")
        )
    rest = url.partition("://")[2]
    if not rest.strip("/"):
        raise AnswerError(f"data: {url!r} names no table; write {base}://host/path")
    if _has_password(rest):
        raise AnswerError(
            "data: the address holds a password, which would be written into params/data.yaml and committed; "
            "leave it out and let the environment provide it"
        )


def _has_password(rest: str) -> bool:
    """Whether an address, without its scheme, begins with `user:password@`."""
    user, at, _ = rest.partition("/")[0].rpartition("@")
    return bool(at) and ":" in user


def _find_remote(answer: str, here: Path, project: Path) -> str | None:
    """The address or the absolute path of DVC's remote, None for none.

    A relative path would mean another folder in each clone.
    """
    if not answer:
        return None
    url = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", answer)
    if not url:
        return _remote_folder(answer, here, project)
    scheme, rest = url[1].lower(), answer[len(url[0]) :]
    if scheme not in REMOTES:
        better = nearest(scheme, REMOTES)
        raise AnswerError(
            f"remote: DVC keeps nothing at {scheme}:// addresses here; "
            + (f"did you mean {better}://?" if better else f"write one of {', '.join(REMOTES)}, or a folder")
        )
    if _has_password(rest):
        raise AnswerError(
            "remote: the address holds a password, which would be written into .dvc/config and committed; "
            "leave it out and let the environment provide it"
        )
    if not rest.strip("/"):
        raise AnswerError(f"remote: {answer!r} names no storage; write {scheme}://name/path")
    return f"{scheme}://{rest}"


def _remote_folder(answer: str, here: Path, project: Path) -> str:
    if re.match(r"[^/]+:", answer):
        raise AnswerError(f"remote: {answer!r} is no folder; write an address as ssh://host/path")
    path = Path(os.path.abspath(here / Path(answer).expanduser()))
    if path == project or project in path.parents:
        raise AnswerError(f"remote: {answer!r} lies in the project itself; name a folder beside it")
    if path.exists() and not path.is_dir():
        raise AnswerError(f"remote: {answer!r} is no folder; name one, or nothing")
    return str(path)


def _read_options(answer: str) -> dict[str, Any]:
    """Return the options for pandas' reader that the answer names, as `params/data.yaml` has them."""
    if not answer:
        return {}
    try:
        read = yaml.safe_load(answer if answer.startswith("{") else f"{{{answer}}}")
    except yaml.YAMLError:
        read = None
    if not isinstance(read, dict) or not read or not all(isinstance(key, str) for key in read):
        raise AnswerError(f"read: {answer!r} is no list of options; write such as {{header: null, encoding: cp932}}")
    if any(value is None for key, value in read.items() if key != "header"):
        raise AnswerError(f"read: {answer!r} names an option without a value; write such as {{encoding: cp932}}")
    return read


def _columns(path: Path | None, read: dict[str, Any], target: str) -> tuple[list[str] | None, dict[str, Any]]:
    """Return the names of a table's columns, and the options to read it with.

    A target by position says that a table whose first row looks like data has no header.
    """
    if path is None:
        return None, read
    try:
        try:
            return tables.columns_of(path, read), read
        except tables.Headless as error:
            if not POSITION.fullmatch(target):
                raise AnswerError(
                    f"data: {str(path)!r} has no header, it seems: its first row ({error.shown}) looks like data; "
                    f"name the target by its position, such as target=#{error.width} or #-1 for the last column, "
                    "or answer read='{header: 0}' if these are names"
                ) from None
            read = {**read, "header": None}
            return tables.columns_of(path, read), read
    except ValueError as error:
        text = str(error)
        how = "this template asks for `read` as well" if "`read:" in text else None
        raise AnswerError(
            f"data: {str(path)!r} {text}; {how or 'write the path of a table with a header and rows'}"
        ) from None


def _at(position: str, columns: list[str] | None, place: str) -> str:
    """Return the name of the column at a position: `#1` is the first one, `#-1` the last."""
    number = int(position[1:])
    if columns is None:
        raise AnswerError(f"target: the columns of {place} cannot be counted here; write the name of one")
    if not 1 <= abs(number) <= len(columns):
        raise AnswerError(f"target: {place} has no column {position}; it has {len(columns)}, #1 to #{len(columns)}")
    return columns[number - 1 if number > 0 else number]


def _target(answer: str, data: str, columns: list[str] | None, recipe: Recipe) -> str | list[str] | None:
    """The column or, with commas between, the columns that the answer names; None where it may be empty."""
    if not answer:
        if not data:
            of_sample: str | list[str] = recipe.sample["target"]
            return of_sample
        if recipe.targets == 0:
            return None
        hint = f", one of {some(columns)}" if columns else ""
        raise AnswerError(f"target: it is empty; with data of your own, name the column to predict{hint}")
    if columns is not None and answer in columns:
        return answer
    several = recipe.targets is None or recipe.targets > 1
    named = [name for name in (part.strip() for part in answer.split(",")) if name] if several else [answer]
    place = Path(data or recipe.sample["file"]).name
    named = [_at(name, columns, place) if POSITION.fullmatch(name) else name for name in named]
    for number, name in enumerate(named):
        if columns is not None and name not in columns:
            better = nearest(name, [one for one in columns if one])
            raise AnswerError(
                f"target: {place} has no column {name!r}; "
                + (f"did you mean {better!r}?" if better else f"its columns are {some(columns, 12)}")
            )
        if name in named[:number]:
            raise AnswerError(f"target: {name!r} is named twice; name it once")
    return named if len(named) > 1 else named[0]


def _readers(source: str, known: Mapping[str, str]) -> list[str]:
    """The requirements for reading a source beyond the core's."""
    scheme = source.partition("://")[0].lower() if "://" in source else ""
    base = scheme.split("+")[0]
    suffix = tables.suffix_of(source.partition("?")[0])
    wanted = ["sqlalchemy"] if base in tables.DATABASES else []
    wanted += [scheme if scheme in known else base] if base else []
    wanted += [suffix]
    return list(dict.fromkeys(known[one] for one in wanted if one in known))
