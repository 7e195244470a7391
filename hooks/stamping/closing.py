"""The lines that end a stamping: what was taken, what was skipped, and what to do next."""

import shlex
from pathlib import Path

from .parts import Part
from .plan import Plan


def lines(plan: Plan, project: Path, skipped: list[str]) -> list[str]:
    """The closing lines; `skipped` are whole lines of their own."""
    source = "the recipe's sample" if plan.source == plan.sample and not plan.local else plan.source
    targets = [plan.target] if isinstance(plan.target, str) else plan.target or []
    models = ", ".join(f"{model.name} ({model.written})" if model.starter else model.name for model in plan.models)
    return [
        f"{plan.project_slug} is stamped from the recipe {plan.recipe}.",
        f"  data        {source}",
        f"  target      {', '.join(targets) or 'none'}",
        *([f"  left out    {plan.left_out}"] if plan.left_out else []),
        f"  estimators  {plan.preset}: {models}" if plan.preset else f"  estimators  {models}",
        *(
            f"  metric      {plan.metric}, because {one} gives no probabilities"
            for one in plan.without_probabilities[:1]
        ),
        *([f"  remote      {plan.remote}"] if plan.remote else []),
        f"  parts       {', '.join(map(_part, plan.parts)) or 'none'}",
        *(f"  skipped     {line}" for line in skipped),
        f"Next: cd {shlex.quote(str(project))} && make run    # make help lists the rest",
    ]


def _part(part: Part) -> str:
    """Return the name of a part, and why it is there if nobody asked for it."""
    return f"{part.name} (needed by {', '.join(part.needed_by)})" if part.needed_by else part.name
