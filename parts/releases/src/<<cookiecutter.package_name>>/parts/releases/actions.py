"""The commands `register`, `promote`, `rollback` and `registry`, the same for every registry."""

from pathlib import Path
from types import ModuleType

from ... import parts
from ...errors import UserError, nearest
from .components.registries import ModelRegistry
from .fetch import refreshed, resolved
from .guards import check_committed, check_ready, head, metrics
from .params import read_releases

PARAMS = Path("params")
SHOWN = 4  # metrics in the table


def register(version: str | None, push: bool) -> list[str]:
    """Register the model of the last run.

    Parameters
    ----------
    version : None for the next one.
    push : whether others should know of it at once.

    Returns
    -------
    Lines that say what was done.

    Raises
    ------
    UserError
        If the version is taken, the commit has one, or one of the guards refuses; nothing is registered then.
    """
    registry = read_releases(PARAMS)[0]
    commit = head()
    if push:
        registry.refresh()
    name = registry.following(version)
    check_committed()
    same = next((one.name for one in registry.versions() if one.commit == commit), None)
    if same is not None:
        raise UserError(f"the last commit is registered already, as {same}: there is nothing new to register")
    check_ready()
    found = metrics()
    done = registry.register(name, found, push)
    return [f"{name} is registered: {done}", *(f"  {one}: {value:.4g}" for one, value in found.items())]


def promote(stage: str, version: str | None, push: bool) -> list[str]:
    """Put a version, or what stands in another stage, or if it is None the last version, into a stage.

    Otherwise like `register`.
    """
    registry = _registry(stage, push)
    name = resolved(registry, version or "latest")
    before = registry.held().get(stage, [])
    if before and before[-1] == name:
        raise UserError(f"{name} stands in {stage} already")
    doors = _asked(stage, name, push)
    done = registry.assign(stage, name, push)
    return [f"{stage}: {f'{before[-1]} -> ' if before else ''}{name}; {done}", *_followed(doors, stage, name, push)]


def roll_back(stage: str, push: bool) -> list[str]:
    """Put the version that held a stage before the current one into it again; otherwise like `register`."""
    registry = _registry(stage, push)
    before = registry.held().get(stage, [])
    if not before:
        raise UserError(f"nothing stands in {stage}, so nothing can be taken back")
    if len(before) == 1:
        raise UserError(f"no version held {stage} before {before[0]}, so there is none to go back to")
    doors = _asked(stage, before[-2], push)
    done = registry.take_back(stage, before[-2], push)
    return [f"{stage}: {before[-1]} -> {before[-2]}; {done}", *_followed(doors, stage, before[-2], push)]


def table() -> list[str]:
    """The versions, the last first, with their stages and metrics."""
    registry = read_releases(PARAMS)[0]
    refreshed(registry)
    versions, stages = registry.versions(), registry.held()
    if not versions:
        return ["no model is registered yet: `make register` registers the one of the last run"]
    names = list(dict.fromkeys(name for one in reversed(versions) for name in one.metrics))[:SHOWN]
    rows = [["version", "stages", "registered", "commit", *names]]
    for one in reversed(versions):
        standing = [stage for stage, holders in stages.items() if holders[-1] == one.name]
        values = [f"{one.metrics[name]:.4g}" if name in one.metrics else "" for name in names]
        rows.append([one.name, ", ".join(standing) or "-", f"{one.made:%Y-%m-%d %H:%M}", one.commit[:7], *values])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _registry(stage: str, push: bool) -> ModelRegistry:
    registry, stages = read_releases(PARAMS)
    if stage not in stages:
        raise UserError(f"there is no stage {stage!r}{nearest(stage, stages)}", "releases.yaml", "stages")
    if push:
        registry.refresh()
    return registry


def _asked(stage: str, version: str, push: bool) -> list[ModuleType]:
    """Return what other parts do when a version stands in a stage; each of them may refuse it first."""
    doors = [module for _, module in parts.behind("promotions")]
    for door in doors:
        door.check(stage, version, push)
    return doors


def _followed(doors: list[ModuleType], stage: str, version: str, push: bool) -> list[str]:
    return [line for door in doors for line in door.follow(stage, version, push)]
