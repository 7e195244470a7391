"""The leaderboard as lines for a terminal."""

import re
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..files import read_json

WIDTH = 100
SCHEMA = Path("data/interim/schema.json")
OF_SEVERAL = re.compile(r"_ov[or](_weighted)?$")  # how ROC AUC is made of several classes, which two do not need


def name_of(metric: str, classes: int) -> str:
    """Return what a reader calls a metric where there are so many classes."""
    return OF_SEVERAL.sub("", metric) if classes == 2 else metric


def lines(folder: Path = Path("reports")) -> list[str]:
    """The last run: its models, best first, its metrics, and where to look.

    Raises
    ------
    UserError
        If there has been no run.
    """
    if not (folder / "leaderboard.json").exists() or not (folder / "metrics.json").exists():
        raise UserError("there is no finished run yet: `make run` makes one")
    board, metrics = read_json(folder / "leaderboard.json"), read_json(folder / "metrics.json")
    schema = read_json(SCHEMA) if SCHEMA.exists() else {}
    classes = len(schema.get("labels", []))
    result = read_json("models/final/result.json")
    split = Path("data/processed/split.json")
    suspicions = read_json(split).get("suspicions", []) if split.exists() else []
    known = {name_of(name, classes): value for name, value in metrics.items()}
    values = ", ".join(f"{name}\N{NO-BREAK SPACE}{value:.4g}" for name, value in known.items())
    where = "On the held-out rows" if result["held_out"] else "On rows left out of its folds"
    return [
        "",
        "Leaderboard (cross-validation)",
        *_table(board, result["seconds"], classes),
        *_left_over(board, result),
        *(line for note in schema.get("warnings", []) for line in _wrapped(f"note: {note}")),
        *(line for suspicion in suspicions for line in _doubt(suspicion)),
        "",
        *_wrapped(f"{where}{' (possibly optimistic, see the notes)' if suspicions else ''}: {values}", ""),
        *_against(folder / "baseline.json", where, classes),
        f"Report: {(folder / 'report.html').resolve()}",
    ]


def _table(board: dict[str, Any], seconds: dict[str, float], classes: int) -> list[str]:
    """Return the leaderboard, and what the ensemble is made of."""
    total = sum(seconds.values())
    width = max(len(one["model"]) for one in board["models"])
    table = [f"  {'model':<{width}}  {name_of(board['metric'], classes):>18}  {'trials':>6}  {'seconds':>7}"]
    for one in board["models"]:
        score = one["state"].partition(":")[0] if one["score"] is None else f"{one['score']:.4g} ± {one['std']:.2g}"
        mark = "*" if one["chosen"] else " "
        spent = seconds.get(one["model"], total)
        table.append(f"{mark} {one['model']:<{width}}  {score:>18}  {one['trials']:>6}  {spent:>7.1f}")
    counts = Counter(one["model"] for one in board["models"][0]["members"])
    if counts.total() > 1:
        made_of = ", ".join(f"{count} × {model}" for model, count in counts.most_common())
        table.append(f"  (the ensemble is made of {made_of})")
    return table


def _left_over(board: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """Return notes on what the budget did not suffice for."""
    notes = []
    unfitted = result.get("unfitted", [])
    if unfitted:
        notes += [
            f"  note: {len(unfitted)} more had been chosen, and could not be fitted within the seconds for the final",
            "  model; to try that again: .venv/bin/dvc repro --force --single-item train && make run",
        ]
    idle = [one["model"] for one in board["models"] if one["state"] == "out of time"]
    if idle:
        notes += _wrapped(
            f"note: no trial of {', '.join(idle)} finished in time: raise `seconds` of `budget` in params/search.yaml, "
            f"or the part of a model by `shares: {{{idle[0]}: 2}}` there; what is taken from `models` leaves its time "
            "to the others, whose searches then go on"
        )
    left_out = [one["model"] for one in board["models"] if one["state"].startswith("too many rows")]
    if left_out:
        notes += [
            f"  note: the seconds of {', '.join(left_out)} do not suffice for so many rows at `rows_per_second`,",
            "  and went to the others; more `seconds` in params/search.yaml bring what is left out in",
        ]
    return notes


def _doubt(suspicion: dict[str, Any]) -> list[str]:
    """Return a reason to doubt the scores, with the YAML to write."""
    lines = _wrapped(f"note: The scores may be too good. {suspicion['text']}:")
    for file, yaml in suspicion["yaml"].items():
        lines += [f"    {file}", *(f"      {line}" for line in yaml.splitlines())]
    return lines


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    """Return a text in lines that fit; it is not broken at no-break spaces, which become spaces."""
    lines = textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def _against(file: Path, where: str, classes: int) -> list[str]:
    """Return the baseline's score as a line, and a note if the final model is not better."""
    if not file.exists():
        return []
    found = read_json(file)
    score, baseline = found["score"], found["baseline"]
    if score is None or baseline is None:
        return []
    metric = name_of(found["metric"], classes)
    lines = [f"The {found['rival']} there: {metric} {baseline:.4g}"]
    if not (score > baseline if found["greater_is_better"] else score < baseline):
        lines.append(
            f"  note: the final model is not better than the {found['rival']} {where[0].lower()}{where[1:]} "
            f"({metric} {score:.4g} against {baseline:.4g})"
        )
    return lines
