"""From a search space to one trial's values, by way of Optuna.

Values are flat: `{"learning_rate": 0.1, "preprocess.number.impute.strategy": "mean"}`. A parameter that is
absent keeps the value that its object has in the params, so `{}` stands for the defaults.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import nearest
from .grammar import MISSING
from .nodes import Dimension
from .reader import Where

if TYPE_CHECKING:
    import optuna

Values = dict[str, Any]


def starts(space: Sequence[Dimension], seeds: Iterable[Values]) -> dict[str, Values]:
    """The points to try before sampling: the defaults, then the seeds, by their labels.

    A default that lies outside its domain (such as None for a whole number) is left out: the trial then keeps
    the default, and the sampler learns nothing about that parameter from it.
    """
    points = {"defaults": _point(space, {})}
    for number, seed in enumerate(seeds, 1):
        points[f"seed {number}"] = _point(space, seed)
    return points


def suggest(trial: "optuna.Trial", space: Sequence[Dimension], start: Values | None = None) -> Values:
    """One trial's values: sampled, or those of a start point, for the parameters that matter together."""
    values: Values = {}
    for dimension in space:
        if not matters(dimension, values, space) or (start is not None and dimension.name not in start):
            continue
        name, domain = dimension.name, dimension.domain
        if domain.kind == "choice":
            values[name] = trial.suggest_categorical(name, domain.labels)
        elif domain.kind == "int":
            values[name] = trial.suggest_int(
                name, int(domain.low), int(domain.high), step=int(domain.step or 1), log=domain.log
            )
        else:
            values[name] = trial.suggest_float(name, domain.low, domain.high, step=domain.step, log=domain.log)
    return values


def matters(dimension: Dimension, values: Values, space: Sequence[Dimension]) -> bool:
    """Whether a parameter matters beside the values of those before it."""
    defaults = {one.name: one.default for one in space if one.default is not MISSING}
    return all(values.get(name, defaults.get(name)) in allowed for name, allowed in dimension.when)


def check_seeds(space: Sequence[Dimension], seeds: Any, where: Where) -> list[Values]:
    """`seeds` itself, if it is a list of mappings from names in the space to values in their domains."""
    if not isinstance(seeds, list):
        raise where.error("'seeds' needs a list of mappings from parameter to value")
    domains = {dimension.name: dimension.domain for dimension in space}
    for index, seed in enumerate(seeds):
        for name, value in where.at(index).mapping(seed).items():
            place = where.at(index, name)
            if name not in domains:
                raise place.error(f"{name!r} is not in the space of this model{nearest(name, domains)}")
            if value not in domains[name]:
                raise place.error(f"{value!r} lies outside the space of {name!r}")
    return seeds


def _point(space: Sequence[Dimension], chosen: Mapping[str, Any]) -> Values:
    values: Values = {}
    for dimension in space:
        value = chosen.get(dimension.name, dimension.default)
        if value in dimension.domain and matters(dimension, values, space):
            domain = dimension.domain
            if domain.kind == "choice":
                same = [type(value) is type(one) and value == one for one in domain.choices]
                value = domain.labels[same.index(True)] if any(same) else value
            values[dimension.name] = value
    return values
