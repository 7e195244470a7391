"""What differs between two versions of the project, as plain values; nothing here writes Markdown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from dvc.repo import Repo

from ...errors import UserError
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, distinct, metric
from ...objects.plan import compile_params
from ...objects.reader import Where, parse
from .intervals import Paired, paired
from .versions import UNREADABLE, Version, yaml

PROFILE = "data/interim/profile.json"


@dataclass
class Change:
    """A value before and after: None where there was, or is, none."""

    name: str
    before: Any
    after: Any


@dataclass
class Measured(Change):
    """A metric before and after.

    Attributes
    ----------
    more : whether more of it is better, None where nobody knows.
    bounds : between which values its change lies in 95 of 100 resamples of the rows, None where that is not known.
    """

    more: bool | None
    bounds: tuple[float, float] | None = None

    @property
    def verdict(self) -> str:
        """`better`, `worse`, `no clear difference`, `the same`, `not judged`, or nothing where one is absent."""
        if not _number(self.before) or not _number(self.after):
            return ""
        if self.before == self.after:
            return "the same"
        if self.more is None:
            return ""
        if self.bounds is None:
            return "not judged"
        low, high = self.bounds
        if low <= 0 <= high:
            return "no clear difference"
        return "better" if (low > 0) == self.more else "worse"


def metrics(base: Version | None, here: Version) -> tuple[list[Measured], Paired]:
    """Every metric that either version has, the one that the search optimises first, and how they were judged.

    Raises
    ------
    UserError
        If the params are wrong, which say what is better.
    """
    before, after = (_values(one) for one in (base, here))
    known = {one.name: one for one in _metrics()}
    pair = paired(base, here, [one for name, one in known.items() if name in before and name in after])
    names = [name for name in known if name in before or name in after]
    names += sorted({*before, *after}.difference(names))
    more = {name: one.greater_is_better for name, one in known.items()}
    measured = [
        Measured(name, before.get(name), after.get(name), more.get(name), pair.changes.get(name)) for name in names
    ]
    return measured, pair


def final_model(version: Version | None) -> dict[str, Any] | None:
    """The line of the leaderboard that was chosen, with the `metric` that its score is of; None if there is none."""
    board = _json(version, "reports/leaderboard.json")
    lines = board.get("models") if isinstance(board, dict) else None
    chosen = [one for one in lines or [] if isinstance(one, dict) and one.get("chosen")]
    return {"metric": board.get("metric"), **chosen[0]} if chosen else None


def params(base: Version, here: Version) -> tuple[list[Change], list[str]]:
    """The values in `params/` that differ, as `file: key.key`, and a sentence for each file that cannot be read."""
    changes: list[Change] = []
    faults = []
    paths = {*base.listed("params"), *here.listed("params")}
    for path in sorted(one for one in paths if one.endswith(".yaml")):
        sides: list[dict[str, Any] | None] = []
        for version in (base, here):
            content = version.read(path)
            if content is None:
                sides.append(None)
                continue
            try:
                sides.append(dict(_leaves(parse(content.decode("utf-8"), path)[0])))
            except (UserError, UnicodeDecodeError) as error:
                faults.append(f"{version.name}: {error}")
        if len(sides) < 2:
            continue
        before, after = sides
        if before is None or after is None:
            changes.append(Change(path, before and "a file", after and "a file"))
            continue
        keys = [*after, *(key for key in before if key not in after)]
        changes += [
            Change(f"{path}: {key}", before.get(key), after.get(key))
            for key in keys
            if json.dumps(before.get(key)) != json.dumps(after.get(key)) or (key in before) != (key in after)
        ]
    return changes, faults


def data(base: Version, here: Version) -> list[Change]:
    """The files in `data/raw` that DVC tracks with size and checksum, and rows and columns as far as they are known."""
    sides: list[dict[str, Any]] = []
    for version in (base, here):
        found: dict[str, Any] = {}
        for path in version.listed("data"):
            if path.endswith(".dvc"):
                tracked = yaml(version.read(path))
                outs = tracked.get("outs") if isinstance(tracked, dict) else None
                for out in outs or []:
                    name = f"{Path(path).parent.as_posix()}/{out.get('path')}"
                    found[name] = f"{str(out.get('md5'))[:8]}, {out.get('size', 0):,} bytes"
        profile = _decoded(version.output(PROFILE))
        if isinstance(profile, dict):
            found |= {"rows": profile.get("rows"), "columns": len(profile.get("columns", []))}
        sides.append(found)
    before, after = sides
    return [Change(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]


def ran_anew(base: Version, here: Version) -> list[str]:
    """The stages whose inputs or outputs in `dvc.lock` are others than in the base."""
    before, after = (_stages(one) for one in (base, here))
    return [name for name, stage in after.items() if before.get(name) != stage]


def stale() -> list[str] | None:
    """The stages that `dvc repro` would run in the working tree; None where DVC cannot say."""
    try:
        with Repo() as repo:
            return [name for name in repo.status() if not name.endswith(".dvc")]
    except (DvcException, *UNREADABLE):
        return None


def _values(version: Version | None) -> dict[str, Any]:
    found = _json(version, "reports/metrics.json")
    return found if isinstance(found, dict) else {}


def _metrics() -> list[Metric]:
    """The metrics that the params name; the search's is the first."""
    plan = compile_params(Path("params")).slices["evaluate"]
    where = Where("params/evaluate.yaml")
    return distinct(metric(one, where, Grammar()) for one in (plan["metric"], *plan["metrics"]))


def _stages(version: Version) -> dict[str, Any]:
    lock = yaml(version.read("dvc.lock"))
    stages = lock.get("stages") if isinstance(lock, dict) else None
    return stages if isinstance(stages, dict) else {}


def _json(version: Version | None, path: str) -> Any:
    return _decoded(version.read(path)) if version else None


def _decoded(content: bytes | None) -> Any:
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return None


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that holds no others, with the keys that lead to it: `budget.seconds`, `steps.0.class`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    # A list of plain values is read as one: an order that changed, or a name more.
    flat = isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)
    if not value or not isinstance(value, dict | list) or flat:
        yield place, value
    else:
        for key, one in inner:
            yield from _leaves(one, f"{place}.{key}" if place else str(key))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
