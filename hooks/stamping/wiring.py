"""Write the answers into the stamped project's files, line by line, so that the comments in them stay."""

import ast
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .parts import Part
from .plan import Model, Plan
from .rendering import Renderer

# Where the address of DVC's remote waits for scripts/repository.py, which takes it away once DVC knows it.
REMOTE = ".dvc-remote"
# Where the README lists the parts.
PARTS = ("<!-- parts -->", "<!-- /parts -->")
NONE = "No parts yet.\n"
FLAVOR = "kind = 'flavor'"


def wire(plan: Plan, project: Path) -> None:
    """Wire data, target and estimators into `params/` and `pyproject.toml`."""
    params = project / "params"
    _edit(params / "data.yaml", {"source": plan.source, "target": plan.target, "task": plan.task})
    if plan.read:
        _edit(params / "data.yaml", {"read": plan.read})
    if plan.left_out is not None:
        left_out = plan.left_out
        _change(params / "data.yaml", lambda text: with_left_out(text, left_out))
    names = [model.name for model in plan.models]
    shares = {name: part for name, part in plan.budget["shares"].items() if name in ("train", *names)}
    budget = {f"  {key}": value for key, value in (plan.budget | {"shares": shares}).items()}
    _edit(params / "search.yaml", {"metric": plan.metric, **budget})
    _change(params / "search.yaml", lambda text: with_models(text, names))
    _edit(params / "registry.yaml", {"packages": plan.packages})
    for model in plan.models:
        if model.starter:
            (params / "models" / f"{model.name}.yaml").write_text(starter(model, plan), encoding="utf-8")
    _change(project / "pyproject.toml", lambda text: with_requirements(text, plan.requirements))
    wire_parts(plan, project)
    if plan.remote:
        (project / REMOTE).write_text(f"{plan.remote}\n", encoding="utf-8", newline="\n")
    extra = plan.dvc_extra
    if extra:
        _change(project / "pyproject.toml", lambda text: with_extra(text, "dvc", extra))


def wire_parts(plan: Plan, project: Path) -> None:
    """Write what the parts bring into the files of the core: requirements, extras, ignored files, the README's list."""
    renderer = Renderer(Path(plan.template), plan.answers)
    parts = sorted(plan.parts)
    brought = [requirement for part in parts for requirement in part.requirements]
    extras = {
        name: [renderer.text(requirement, f"the extra {name}") for requirement in requirements]
        for name, requirements in plan.extras.items()
    }
    _change(project / "pyproject.toml", lambda text: with_extras(with_trained(text, brought), extras))
    ignored = [f"\n# {part.title}\n" + "".join(f"{line}\n" for line in part.ignores) for part in parts if part.ignores]
    _change(project / ".gitignore", lambda text: text + "".join(block for block in ignored if block not in text))
    _change(
        project / "README.md", lambda text: with_parts(text, "".join(_line(part, project) for part in parts) or NONE)
    )
    files = [file.read_text(encoding="utf-8") for file in sorted(project.glob("src/*/parts/*/**/*.py"))]
    flavors = [name for text in files for name in flavors_in(text)]
    if flavors:
        _change(project / ".schema" / "package.json", lambda text: with_flavors(text, flavors))


def flavors_in(module: str) -> list[str]:
    """Return the names of the classes in a part's module that store models; nothing is imported."""
    classes = [one for one in ast.parse(module).body if isinstance(one, ast.ClassDef)]
    return [one.name for one in classes if any(ast.unparse(line) == FLAVOR for line in one.body)]


def with_flavors(text: str, flavors: list[str]) -> str:
    """Add flavors to the schema of `params/package.yaml`, as `python -m <package> schema` of the project would."""

    def more(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: more(one) for key, one in value.items()}
        if isinstance(value, list):
            return sorted({*value, *flavors}) if "Joblib" in value else [more(one) for one in value]
        return value

    return json.dumps(more(json.loads(text)), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _line(part: Part, project: Path) -> str:
    """Return the line of a part in the README, with a link to its page if it has one."""
    page = f"docs/{part.name}.md"
    return f"- **{part.name}**: {part.adds}" + (f" [More]({page})" if (project / page).exists() else "") + "\n"


def with_value(text: str, key: str, value: Any) -> str:
    """`text` with the value of the line `key: ...` replaced; a comment at its end stays.

    Raises
    ------
    ValueError
        If there is no such line.
    """
    new = _flow(value)
    old = r"\"(?:\\.|[^\"\\])*\"|'[^']*'|[^#\n]*?"
    pattern = re.compile(rf"^({re.escape(key)}:[ \t]*)({old})(?:([ \t]+)(#.*))?$", re.MULTILINE)

    def line(found: re.Match[str]) -> str:
        if not found[4]:
            return f"{key}: {new}"
        gap = max(min(4, len(found[3])), len(found[2]) + len(found[3]) - len(new))
        return f"{key}: {new}{' ' * gap}{found[4]}"

    text, count = pattern.subn(line, text, count=1)
    if not count:
        raise ValueError(f"there is no line '{key}:' to write {new} to")
    return text


def with_left_out(text: str, column: str) -> str:
    """The text of `params/data.yaml` with the role of a column that is no feature.

    Raises
    ------
    ValueError
        If there are columns already.
    """
    role = f"columns:\n  {json.dumps(column, ensure_ascii=False)}: {{role: ignore}}\n"
    text, count = re.subn(r"(?m)^columns: \{\}\n", lambda _: role, text, count=1)
    if not count:
        raise ValueError("there is no line 'columns: {}' to replace")
    return text


def with_models(text: str, names: list[str]) -> str:
    """The text of `params/search.yaml` with the list below `models:` replaced."""
    listed = "".join(f"  - {name}\n" for name in names)
    text, count = re.subn(r"(?m)^models:[ \t]*(?:\[.*\][ \t]*)?\n(?:[ \t]*-.*\n)*", f"models:\n{listed}", text, count=1)
    if not count:
        raise ValueError("there is no list 'models:' to replace")
    return text


def with_requirements(text: str, requirements: list[str]) -> str:
    """The text of `pyproject.toml` with `requirements` added to the dependencies."""
    found = re.search(r"(?ms)^dependencies = \[\n(.*?)^\]", text)
    if not found:
        raise ValueError("there is no list of dependencies to add to")
    missing = [line for line in (f"  {json.dumps(one)},\n" for one in requirements) if line not in found[1]]
    return text[: found.end(1)] + "".join(missing) + text[found.end(1) :]


def with_trained(text: str, requirements: list[str]) -> str:
    """Return the text of `pyproject.toml` with `requirements` added to the extra `train`."""
    found = re.search(r"(?ms)^train = \[\n(.*?)^\]", text)
    if not found:
        raise ValueError("there is no extra 'train' to add to")
    lines = dict.fromkeys(f"  {json.dumps(one)},\n" for one in requirements)
    missing = [line for line in lines if line not in found[1]]
    return text[: found.start(1)] + "".join(missing) + text[found.start(1) :]


def with_extras(text: str, extras: Mapping[str, list[str]]) -> str:
    """Return the text of `pyproject.toml` with optional dependencies added, in the order of their names.

    An extra that is there already gets the requirements that it lacks.
    """
    for name, requirements in sorted(extras.items()):
        found = re.search(r"(?ms)^\[project\.optional-dependencies\]\n(.*?)(?=^\[|\Z)", text)
        if not found:
            raise ValueError("there are no optional dependencies to add to")
        there = re.search(rf"(?ms)^{re.escape(name)} = \[.*?\]$\n", found[1])
        if there:
            start, end = found.start(1) + there.start(), found.start(1) + there.end()
            requirements = [*json.loads(re.sub(r",\s*\]", "]", there[0].partition(" = ")[2])), *requirements]
        else:
            # Comments above an extra belong to it.
            known = re.finditer(r"(?m)^(?:#.*\n)*([\w-]+) = \[", found[1])
            after = next((one.start() for one in known if one[1] > name), len(found[1].rstrip("\n")) + 1)
            start = end = found.start(1) + after
        text = text[:start] + _listed(name, list(dict.fromkeys(requirements))) + text[end:]
    return text


def _listed(name: str, requirements: list[str]) -> str:
    """Return the line of an extra, or its lines if one would be too long."""
    written = [json.dumps(one, ensure_ascii=False) for one in requirements]
    line = f"{name} = [{', '.join(written)}]\n"
    return line if len(line) <= 120 else f"{name} = [\n" + "".join(f"  {one},\n" for one in written) + "]\n"


def with_parts(text: str, listed: str) -> str:
    """Return the text of `README.md` with the list of parts between its marks.

    Raises
    ------
    ValueError
        If it has no such marks.
    """
    start, end = PARTS
    listed = f"{start}\n{listed}{end}"
    text, count = re.subn(rf"(?s){start}\n.*?{end}", lambda _: listed, text, count=1)
    if not count:
        raise ValueError(f"there are no lines {start} and {end} to write between")
    return text


def with_extra(text: str, package: str, extra: str) -> str:
    """The text of `pyproject.toml` with an extra of a package that is among the dependencies.

    Raises
    ------
    ValueError
        If it is not.
    """
    text, count = re.subn(rf'(?m)^(  "{re.escape(package)})(>=)', rf"\1[{extra}]\2", text, count=1)
    if not count:
        raise ValueError(f"there is no dependency on {package} to extend")
    return text


def starter(model: Model, plan: Plan) -> str:
    """The file of a class that the pool does not have: its defaults, and an empty space to fill."""
    entry = model.starter or {}
    short = entry["class"].rpartition(".")[2]
    params = {**entry["params"], **({"random_state": 0} if "random_state" in entry["params"] else {})}
    written = "".join(f"\n  {name}: {_in_yaml(value)}" for name, value in params.items())
    return (
        "# yaml-language-server: $schema=../../.schema/model.json\n"
        f"# {short}, added when the project was stamped: these are its defaults, and its space is empty.\n"
        f"class: {model.written}\n"
        f"preprocess: {plan.preprocess['missing' if entry.get('missing') else 'complete']}\n"
        f"params:{written or ' {}'}\n"
        "space: {}\n"
    )


def _in_yaml(value: Any) -> str:
    """A default as YAML: JSON, but `1.0e-06` for `1e-06`, which YAML 1.1 takes for a text."""
    if isinstance(value, list):
        return f"[{', '.join(map(_in_yaml, value))}]"
    if isinstance(value, float):
        return re.sub(r"^(-?\d+)e", r"\1.0e", json.dumps(value))
    return json.dumps(value)


def _flow(value: Any) -> str:
    """A value on one line: JSON, but the keys of mappings need no quotes."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_flow(one)}' for name, one in value.items())}}}"
    return json.dumps(value, ensure_ascii=False)


def _edit(path: Path, values: dict[str, Any]) -> None:
    def change(text: str) -> str:
        for key, value in values.items():
            text = with_value(text, key, value)
        return text

    _change(path, change)


def _change(path: Path, change: Any) -> None:
    try:
        text = change(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"in {path.parent.name}/{path.name} {error}") from None
    path.write_text(text, encoding="utf-8", newline="\n")
