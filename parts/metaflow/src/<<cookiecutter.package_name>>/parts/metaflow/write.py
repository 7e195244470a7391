"""Write the pipeline as a flow of Metaflow, from `dvc.yaml` and `params/metaflow.yaml`."""

import textwrap
from pathlib import Path
from typing import Any

from metaflow.plugins import STEP_DECORATORS

from ...errors import UserError, nearest
from ...files import write_text
from ...objects.reader import Where
from ...objects.sources import RAW
from .params import read_steps
from .pipeline import Stage, before, read_pipeline

FLOW = Path("flow.py")
HEADER = '"""The pipeline as a flow of Metaflow.'
WIDTH = 120
# What is left out of a step by `catch` is missing in the next one; the others are for what this flow does not have.
LEFT_OUT = ("catch", "parallel", "pytorch_parallel")
TOP = '''{header}

`make metaflow` writes it from dvc.yaml and params/metaflow.yaml; edit those, and write it anew. Each step runs a stage
in a folder of its own. What the stage makes is an artifact of the step: the content of each file, by its path.
"""

import os
import sys
from pathlib import Path

# What a task on another machine gets of this folder, beside the table.
os.environ.setdefault("METAFLOW_DEFAULT_PACKAGE_SUFFIXES", ".py,.yaml,.toml,.css,.html,.js,.sh,.dvc")
sys.path.insert(0, str(Path(__file__).parent / "src"))

from metaflow import {imports}

from {package}.parts.metaflow.tasks import {tasks}


class {name}(FlowSpec):
    """{about}"""

    table = IncludeFile("table", is_text=False, required=False, default=table_file(), help="the table to learn from")
'''
BOTTOM = """

if __name__ == "__main__":
    {name}()
"""


def write_flow() -> str:
    """Write `flow.py` and return a sentence on it.

    Raises
    ------
    UserError
        If `params/metaflow.yaml` or `dvc.yaml` cannot be a flow, or there is another `flow.py`.
    """
    if FLOW.exists() and not FLOW.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
        raise UserError(f"{FLOW} was not written by make metaflow: give it another name first")
    stages = read_pipeline(Path())
    decorators = checked_steps(*read_steps(Path("params")), stages)
    write_text(FLOW, flow(stages, decorators))
    steps = ", ".join(step_name(stage, stages) for stage in stages)
    return f"{FLOW} has the steps {steps}; make metaflow-run runs it here"


def checked_steps(
    steps: dict[str, dict[str, dict[str, Any]]], where: Where, stages: list[Stage]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the decorators of the steps, once each is one that Metaflow has.

    Raises
    ------
    UserError
        If there is no such step, decorator or argument, with file and line.
    """
    known = {one.name: one.defaults for one in STEP_DECORATORS if not one.name.endswith("_internal")}
    known = {name: defaults for name, defaults in known.items() if name not in LEFT_OUT}
    names = [step_name(stage, stages) for stage in stages]
    for step, decorators in steps.items():
        if step not in names:
            raise where.at(step).error(f"the flow has no step {step!r}{nearest(step, names)}")
        for name, arguments in decorators.items():
            if name not in known:
                raise where.at(step, name).error(f"a step cannot have the decorator {name!r}{nearest(name, known)}")
            for argument in arguments:
                if argument not in known[name]:
                    hint = nearest(argument, known[name])
                    raise where.at(step, name, argument).error(f"@{name} has no argument {argument!r}{hint}")
    return steps


def flow_name() -> str:
    """Return the name of the flow, by which Metaflow tells the runs of this project from others."""
    words = __name__.partition(".")[0].split("_")
    return "".join(word.capitalize() for word in words if word != "flow") + "Flow"


def step_name(stage: Stage, stages: list[Stage]) -> str:
    """Return the name of a stage's step: every flow begins with `start`."""
    return "start" if stage is stages[0] else stage.name.replace("-", "_")


def flow(stages: list[Stage], decorators: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the text of the flow."""
    used = sorted({name for some in decorators.values() for name in some})
    tasks = ["run_stage", "table_file"]
    if any(stage.key for stage in stages):
        tasks = ["items", "joined", *tasks]
    package = __name__.partition(".")[0]
    name = flow_name()
    text = TOP.format(
        header=HEADER,
        imports=", ".join(["FlowSpec", "IncludeFile", *used, "step"]),
        package=package,
        tasks=", ".join(tasks),
        name=name,
        about=f"The stages of dvc.yaml: {', '.join(stage.name for stage in stages)}.",
    )
    for number in range(len(stages) + 1):
        text += f"\n{textwrap.indent(_step(number, stages, decorators), '    ')}"
    return text + BOTTOM.format(name=name)


def _step(number: int, stages: list[Stage], decorators: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the method of a step; the one after the last stage ends the flow."""
    last = number == len(stages)
    stage = None if last else stages[number]
    name = "end" if stage is None else step_name(stage, stages)
    before_it = stages[number - 1] if number else None
    joins = before_it is not None and bool(before_it.key)
    lines = [_decorator(*one) for one in decorators.get(name, {}).items()]
    lines += ["@step", f"def {name}(self{', inputs' if joins else ''}):"]
    body = [_docstring(stage.about if stage else "All is made")]
    if joins and before_it is not None:
        body += _join(before_it)
    if stage is not None:
        body += _work(number, stage, stages)
    return "\n".join([*lines, textwrap.indent("\n".join(body), "    "), ""])


def _work(number: int, stage: Stage, stages: list[Stage]) -> list[str]:
    """Return the lines that run a stage and name the next step."""
    earlier = [f"self.{_files(one)}" for one in before(stage, {one.name: one for one in stages})]
    words = [f'"{stage.name}"', *earlier]
    words += ["table=self.table"] if RAW in stage.needs else []
    words += ["item=self.input"] if stage.key else []
    call = f"self.{_files(stage)} = run_stage({', '.join(words)})"
    if len(call) + 8 > WIDTH:
        call = f"self.{_files(stage)} = run_stage(\n    {', '.join(words)}\n)"
    body = [call]
    if number == 0:
        body += [f'self.{_items(one)} = items("{one.name}")' for one in stages if one.key]
    following = stages[number + 1] if number + 1 < len(stages) else None
    target = "self.end" if following is None else f"self.{step_name(following, stages)}"
    foreach = f', foreach="{_items(following)}"' if following is not None and following.key else ""
    return [*body, f"self.next({target}{foreach})"]


def _join(stage: Stage) -> list[str]:
    """Return the lines that bring together what the tasks of a foreach made."""
    files = _files(stage)
    return [
        f'self.merge_artifacts(inputs, exclude=["{files}"])',
        f"self.{files} = joined(task.{files} for task in inputs)",
    ]


def _files(stage: Stage) -> str:
    return f"{stage.name.replace('-', '_')}_files"


def _items(stage: Stage) -> str:
    return f"{stage.name.replace('-', '_')}_{stage.key}s"


def _docstring(about: str) -> str:
    words = f"{' '.join(about.split()).rstrip('.')}.".replace('"', "'").replace("\\", "/")
    return f'"""{textwrap.shorten(words, WIDTH - 16, placeholder=" …")}"""'


def _decorator(name: str, arguments: dict[str, Any]) -> str:
    words = [f"{key}={value!r}" for key, value in arguments.items()]
    line = f"@{name}({', '.join(words)})" if words else f"@{name}"
    if len(line) + 4 <= WIDTH:
        return line
    return "\n".join([f"@{name}(", *(f"    {word}," for word in words), ")"])
