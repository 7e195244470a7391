"""A small interpreter of GitHub's workflows: expressions, conditions, environments, and the `run:` blocks as they are.

The actions that are used have stand-ins: a checkout is a fresh clone, artifacts are folders. Everything else is real as far
as the PATH has it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

TOKENS = re.compile(r"\s*('(?:[^']|'')*'|&&|\|\||==|!=|!|\(|\)|,|[\w.-]+)")
OPERATORS = {"&&": " and ", "||": " or ", "!": " not ", "==": "==", "!=": "!=", "(": "(", ")": ")", ",": ","}


class Event(NamedTuple):
    """What set a workflow off.

    `context` is what `github.` names, `variables` what `vars.` does; `commit` is checked out where no other is named.
    """

    commit: str
    context: dict[str, Any]
    variables: dict[str, str]


class Machine(NamedTuple):
    """Where jobs run: a folder for them, the address of the repository, and their environment."""

    folder: Path
    remote: Path
    environment: dict[str, str]


class Ran(NamedTuple):
    """What a workflow did: how each job ended (`success`, `failure`, `skipped`), what was said, the summary's page."""

    jobs: dict[str, str]
    said: str
    summary: str


def evaluate(text: str, contexts: Mapping[str, Any], failed: bool = False) -> Any:
    """The value of an expression."""

    def look(name: str) -> Any:
        value: Any = contexts
        for key in name.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    known = {"look": look, "failure": lambda: failed, "cancelled": lambda: False, "always": lambda: True}
    known["format"] = lambda pattern, *values: pattern.format(*values)
    code, rest = "", text.strip()
    while rest:
        found = TOKENS.match(rest)
        assert found, f"{rest!r} in {text!r} is not understood"
        token, rest = found[1], rest[found.end() :].strip()
        if token.startswith("'"):
            code += repr(token[1:-1])
        elif token in OPERATORS:
            code += OPERATORS[token]
        elif rest.startswith("("):
            assert token in known, f"there is no function {token!r}"
            code += token
        else:
            code += {"true": "True", "false": "False"}.get(token, f"look({token!r})")
    return eval(code.strip(), {"__builtins__": {}}, known)


def rendered(text: Any, contexts: Mapping[str, Any]) -> str:
    """A value of the workflow with its expressions replaced."""

    def value(found: re.Match[str]) -> str:
        made = evaluate(found[1], contexts)
        return (
            {True: "true", False: "false", None: ""}.get(made, str(made)) if made in (True, False, None) else str(made)
        )

    return re.sub(r"\$\{\{(.*?)\}\}", value, str(text), flags=re.DOTALL)


def holds(condition: Any, contexts: Mapping[str, Any], failed: bool) -> bool:
    """Whether an `if:` is true; none is true where nothing failed."""
    if condition is None:
        return not failed
    text = re.sub(r"^\$\{\{(.*)\}\}$", r"\1", str(condition).strip(), flags=re.DOTALL)
    told = any(f"{name}()" in text for name in ("failure", "cancelled", "always"))
    return (told or not failed) and bool(evaluate(text, contexts, failed))


def run(workflow: Path, event: Event, machine: Machine) -> Ran:
    """Run all jobs of a workflow, in their order."""
    written = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    summary = machine.folder / "summary.md"
    summary.write_text("")
    contexts = {
        "github": {**event.context, "token": "a-token", "workspace": ""},
        "vars": event.variables,
        "secrets": {},
    }
    ended: dict[str, str] = {}
    said: list[str] = []
    artifacts = machine.folder / "artifacts"
    shutil.rmtree(artifacts, ignore_errors=True)
    for name, job in written["jobs"].items():
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        failed = any(ended[one] == "failure" for one in needs)
        skipped = any(ended[one] == "skipped" for one in needs)
        condition = job.get("if")
        told = condition and "failure()" in str(condition)
        if (skipped and not told) or not holds(condition, contexts, failed):
            ended[name] = "skipped"
            continue
        shared = {key: rendered(one, contexts) for key, one in written.get("env", {}).items()}
        within = {**contexts, "env": shared}
        within["env"] = {**shared, **{key: rendered(one, within) for key, one in job.get("env", {}).items()}}
        place = machine.folder / "job"
        shutil.rmtree(place, ignore_errors=True)
        ended[name] = "success"
        for step in job["steps"]:
            if not holds(step.get("if"), within, ended[name] == "failure"):
                continue
            if "uses" in step:
                options = {key: rendered(one, within) for key, one in step.get("with", {}).items()}
                _act(step["uses"].partition("@")[0], options, place, event, machine, artifacts)
                continue
            environment = {
                **machine.environment,
                **within["env"],
                **{key: rendered(one, within) for key, one in step.get("env", {}).items()},
                "GITHUB_STEP_SUMMARY": str(summary),
            }
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(
                command, cwd=place, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
            )
            said.append(f"--- {name}: {step['run']}\n{done.stdout}{done.stderr}")
            if done.returncode:
                ended[name] = "failure"
    return Ran(ended, "\n".join(said), summary.read_text(encoding="utf-8"))


def _act(name: str, options: dict[str, str], place: Path, event: Event, machine: Machine, artifacts: Path) -> None:
    """What stands in for an action."""
    if name == "actions/checkout":
        assert options["persist-credentials"] == "False"
        for words in (["clone", "--quiet", str(machine.remote), str(place)], ["-C", str(place), "checkout", "--quiet"]):
            commit = [options.get("ref") or event.commit] if "checkout" in words else []
            subprocess.run(["git", *words, *commit], check=True, env={**os.environ, **machine.environment})
    elif name == "actions/upload-artifact":
        for path in options["path"].split():
            source, copy = place / path, artifacts / options["name"] / Path(path).relative_to("reports")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy(source, copy)
    elif name == "actions/download-artifact":
        shutil.copytree(artifacts / options["name"], place / options["path"], dirs_exist_ok=True)
    else:
        raise AssertionError(f"nothing stands in for {name}")
