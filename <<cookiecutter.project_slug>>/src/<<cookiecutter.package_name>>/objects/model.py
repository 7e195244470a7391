"""A competing model: an estimator with the preprocessing that it wants and all that the search may change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .build import select
from .grammar import Grammar, dimensions
from .kinds import ESTIMATORS
from .nodes import Dimension, Object, Steps, plain
from .reader import Where

BESIDE = ("preprocess", "seeds", "sample", "rows_per_second")  # what a model's file has beside its estimator


@dataclass(frozen=True)
class Model:
    """A competing model: an estimator, the steps before it, and the points to try first."""

    name: str
    estimator: Object
    preprocess: Steps
    seeds: list[dict[str, Any]]

    @property
    def space(self) -> list[Dimension]:
        """Every parameter that the search may change, those of the preprocessing first."""
        return dimensions(self.preprocess, "preprocess") + dimensions(self.estimator)

    def of(self, dtypes: Mapping[str, str]) -> "Model":
        """The model for a table with these feature columns: without the steps that have no column, and their spaces."""
        items = tuple(
            (name, item)
            for name, item in self.preprocess.items
            if not isinstance(item, Steps) or item.columns is None or select(item.columns, dtypes, item)
        )
        # Where no step has a column, the error is that of building the model.
        return replace(self, preprocess=replace(self.preprocess, items=items or self.preprocess.items))

    def plain(self) -> dict[str, Any]:
        """The model as plain values, with nothing left to look up."""
        return plain(self.estimator) | {"preprocess": plain(self.preprocess), "seeds": self.seeds}


def model_from(slice_: dict[str, Any]) -> Model:
    """The model in a slice of the plan."""
    data, where = slice_["model"], Where(f"plan/models/{slice_['name']}.json")
    grammar = Grammar()
    estimator = grammar.object(data, where, ESTIMATORS, also=BESIDE)
    return Model(slice_["name"], estimator, grammar.steps(data["preprocess"], where), data["seeds"])
