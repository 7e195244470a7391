"""What the answers come to: plain data that the first hook writes down and the second one carries out."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from .parts import Part

# Where the first hook leaves the plan, in the project's folder, until the second one takes it away.
NOTE = ".being-stamped.json"


class Model(NamedTuple):
    """A model that was chosen: its name in `params/models/`, its class, and the packages that it needs.

    `packages` have classes that its file names; `requirements` bring what classes of the recipe's own import. `starter`
    is the catalogue's entry where the project needs a new file for it.
    """

    name: str
    written: str
    packages: list[str]
    starter: dict[str, Any] | None = None
    requirements: list[str] | None = None


class Plan(NamedTuple):
    """What is to be done.

    `folder` is the recipe's. `source` is what the project will read; `local` is the file to be copied there, if it is
    not the sample's, a URL's, or one that only the stamped project still has. `preprocess` names what a starter begins
    with, for a class that takes `missing` values and for one that wants `complete` rows. `target` is None where nothing
    is predicted, and `left_out` then a column that is no feature, if one was named. `by` is who stamps: `cookiecutter`,
    or cruft with `create` or `update`. `origin` is the note of where the project comes from, which cruft writes itself.
    `read` are options for pandas' reader. `remote` is where DVC keeps data and models, if that was said. `parts` are
    laid around the model; `answers` are filled in where their files name them, and `template` is the template's root.
    """

    project_slug: str
    package_name: str
    recipe: str
    folder: str
    task: Any
    sample: str
    preprocess: dict[str, str]
    source: str
    local: str | None
    target: str | list[str] | None
    read: dict[str, Any]
    left_out: str | None
    preset: str | None
    models: list[Model]
    metric: Any
    budget: dict[str, Any]
    requirements: list[str]
    by: str
    origin: dict[str, Any] | None
    remote: str | None
    parts: list[Part]
    answers: dict[str, str]
    template: str

    @property
    def packages(self) -> list[str]:
        """The packages of other people's that the models need, by import name."""
        return sorted({package for model in self.models for package in model.packages})

    @property
    def extras(self) -> dict[str, list[str]]:
        """The optional dependencies that the parts bring: requirements by the name of the extra."""
        found: dict[str, list[str]] = {}
        for part in sorted(self.parts):
            for name, requirements in part.extras.items():
                found[name] = list(dict.fromkeys([*found.get(name, []), *requirements]))
        return found

    @property
    def dvc_extra(self) -> str | None:
        """The extra of DVC that its remote needs; a folder needs none."""
        return self.remote.partition("://")[0] if self.remote and "://" in self.remote else None

    @property
    def without_probabilities(self) -> list[str]:
        """The classes that give no probabilities, as far as the catalogue knows."""
        return [
            model.written for model in self.models if model.starter and not model.starter.get("probabilities", True)
        ]


def write(plan: Plan, fresh: bool, project: Path) -> None:
    """Leave the plan in the project; `fresh` says whether its folder was made for this."""
    (project / NOTE).write_text(json.dumps([fresh, plan]), encoding="utf-8")


def take(project: Path) -> tuple[Plan, bool]:
    """The plan and `fresh`, taken out of the project."""
    note = project / NOTE
    fresh, values = json.loads(note.read_text(encoding="utf-8"))
    note.unlink()
    plan = Plan(*values)
    models, parts = [Model(*model) for model in plan.models], [Part(*part) for part in plan.parts]
    return plan._replace(models=models, parts=parts), fresh
