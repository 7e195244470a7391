"""The model card: what the model is, how good it is, and how it is asked, as the README of its folder."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skops.card import Card

from ..schema import Schema
from ..steps.task import task_of

PACKAGE = __name__.split(".")[0]
MARKUP = re.compile(r"[\\|`*_<>\[\]@#&~]")
USE = """From the project that made it:

```
python -m {package} predict new.csv predictions.csv
```

```python
from {package}.prediction.pipeline import PredictionPipeline

PredictionPipeline.load("models/package").predict(rows)  # a pandas.DataFrame with the columns below
```

`example.json` holds example rows. `model.skops` is loaded with no types but those that the project's params name."""


def card(
    schema: Schema,
    result: Mapping[str, Any],
    environment: Mapping[str, str],
    metrics: Mapping[str, float],
    statistics: Mapping[str, Any],
) -> str:
    """The card as Markdown.

    Parameters
    ----------
    result : the final model's line of the leaderboard.
    environment, metrics, statistics : the parts of the model's folder of these names.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    title, task = escaped(project["name"]), task_of(schema)
    classes = ", ".join(map(escaped, task.names))
    targets = " and ".join(f"**{escaped(name)}**" for name in schema.targets) or "No column of the table"
    what = f"{targets}, a {task.name}" if schema.targets else f"{targets}: it is a {task.name}"
    sections = {
        title: escaped(project.get("description", "")),
        f"{title}/What it predicts": f"{what}{f' into {classes}' if classes else ''}.",
        f"{title}/How to use it": USE.format(package=PACKAGE),
        f"{title}/What it is made of": "\n".join(
            f"- {escaped(one['name'])}" + (f", weight {one['weight']:.3g}" if one["weight"] is not None else "")
            for one in result["members"]
        ),
        f"{title}/What it learned from": f"{statistics['rows'] - result['held_out']:,} rows.",
    }
    made = Card(None, model_diagram=False, template=None).add(**sections)
    made.add_metrics(section=f"{title}/On rows that it had not seen", **{k: f"{v:.4g}" for k, v in metrics.items()})
    known = {one["name"]: one for one in statistics["columns"]}
    needed = schema.needed
    columns = {
        "column": [escaped(one.name) for one in needed],
        "dtype": [one.dtype for one in needed],
        "missing in training": [f"{one.missing:.1%}" for one in needed],
        "values": [escaped(known[one.name]["summary"]) if one.name in known else "" for one in needed],
    }
    versions = {"package": list(map(escaped, environment)), "version": list(map(escaped, environment.values()))}
    made.add_table(folded=False, **{f"{title}/Columns that it needs": columns, f"{title}/Made with": versions})
    for name in ("Columns that it needs", "Made with"):
        made.select(f"{title}/{name}").title = name
    return str(made.render()).strip() + "\n"


def escaped(text: object) -> str:
    """Return text for Markdown, on one line, in which no character starts markup, HTML or another cell."""
    return MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))
