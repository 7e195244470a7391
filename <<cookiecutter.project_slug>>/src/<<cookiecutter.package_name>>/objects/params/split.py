"""`params/split.yaml`: the rows that are held out, and the folds of cross-validation."""

from pathlib import Path
from typing import Any

from ...errors import UserError
from ...steps.task import Task
from ..attempts import try_splitter
from ..build import build
from ..grammar import Grammar
from ..nodes import plain
from .data import with_role
from .keys import mapping, node, or_null
from .values import read

KEYS = mapping(
    {
        "holdout": node("splitter", description="What holds rows out, by which the final model is judged."),
        "cv": node("splitter", description="The folds by which the search compares models."),
        "outer": or_null(node("splitter", description="The outer folds of nested cross-validation.")),
    },
    ["holdout", "cv"],
)


def read_split(folder: Path, grammar: Grammar) -> dict[str, Any]:
    """Return the splitters of `params/split.yaml` as plain values; each is tried on a small table."""
    split, where = read(folder, "split", KEYS, grammar)
    for key, splitter in split.items():
        if splitter is None:
            continue
        if splitter.name == "NoHoldout" and key != "holdout":
            raise where.at(key, "class").error("NoHoldout leaves no rows to judge by: it is for 'holdout' alone")
        try_splitter(build(splitter), splitter)
    return {key: plain(splitter) for key, splitter in split.items()}


def split_notes(split: dict[str, Any], data: dict[str, Any], task: Task) -> list[str]:
    """Return a note for each splitter that tears groups apart; refuse one that has no groups.

    Raises
    ------
    UserError
        If a splitter needs groups and no column has that role.
    """
    if "group" in task.keys:  # the groups are series or the like, which are not to be kept together
        return []
    groups = with_role(data, "group")
    notes = []
    for key in ("holdout", "cv"):
        name = split[key]["class"].rpartition(".")[2]
        grouping = "Group" in name or name in ("PredefinedColumn", "NoHoldout")
        if groups and not grouping:
            better = "GroupShuffleSplit" if key == "holdout" else "StratifiedGroupKFold or GroupKFold"
            notes.append(f"params/split.yaml: {name} does not keep the groups of {groups[0]} together; {better} does")
        if "Group" in name and not groups:
            raise UserError(
                f"{name} needs groups: write `columns: {{<name>: {{role: group}}}}` in params/data.yaml",
                "split.yaml",
                key,
            )
    return notes
