"""The budget of a search: seconds and trials, shared between the models that compete and the final fit.

A model may say at which pace it learns (`rows_per_second` in its file). It competes on tables for which its seconds
suffice at that pace; on larger ones, the others get its share. The pace may differ where a feature is free text. So a
slice of the plan holds shares for ever more rows: `budget`, and `budget_with_text` where text makes a difference.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FINAL = "train"  # the share of the final fit
SLICE = {"otherwise": "budget", "text": "budget_with_text"}  # the key in a slice, by the kind of table
LEAST_SECONDS = 0.1  # of a share


@dataclass(frozen=True)
class Share:
    """What one model, or the final fit, may use.

    Parameters
    ----------
    most_rows : int or None
        It is meant for tables of at most so many training rows; None for any number.
    seconds : float or None
        None for no limit.
    trials : int or None
        None for no limit; the final fit has no trials.
    """

    most_rows: int | None = None
    seconds: float | None = None
    trials: int | None = None

    @property
    def limit(self) -> float:
        """The seconds, infinite if there is no limit."""
        return math.inf if self.seconds is None else self.seconds

    def __str__(self) -> str:
        seconds = [f"{self.seconds:g} s"] if self.seconds is not None else []
        trials = [f"{self.trials} trial{'' if self.trials == 1 else 's'}"] if self.trials is not None else []
        return " or ".join(seconds + trials)

    def plain(self) -> dict[str, Any]:
        """Return the share as a slice of the plan holds it, without limits that are not there."""
        return {key: value for key, value in vars(self).items() if key == "most_rows" or value is not None}


@dataclass(frozen=True)
class Budget:
    """Seconds and trials, and who gets which part.

    Parameters
    ----------
    seconds, trials : float and int, or None
        For all models together, the seconds for the final fit as well; None for no limit.
    parts : dict of str to float
        The parts of the models and of `FINAL`; they need not add up to 1.
    limits : dict of str to dict of str to int
        By the kind of table, the most training rows of each model that has a limit.
    """

    seconds: float | None
    trials: int | None
    parts: Mapping[str, float]
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: {"otherwise": {}})

    def share(self, name: str, among: Iterable[str] | None = None, most_rows: int | None = None) -> Share:
        """Return what a model or the final fit gets if the budget is shared among these; among all by default."""
        parts = {key: self.parts[key] for key in among or self.parts}
        seconds = trials = None
        if self.seconds is not None:
            seconds = round(self.seconds * parts[name] / sum(parts.values()), 2)
        if self.trials is not None and name != FINAL:
            models = sum(part for model, part in parts.items() if model != FINAL)
            trials = math.ceil(self.trials * parts[name] / models)
        return Share(most_rows, seconds, trials)

    def limited(self, paces: Mapping[str, Mapping[str, float | None]], samples: Mapping[str, float]) -> "Budget":
        """Return the budget of models that learn at these paces.

        Parameters
        ----------
        paces : mapping of str to mapping of str to float or None
            By model, the rows for which a second suffices, by the kind of table; None if that does not matter.
        samples : mapping of str to float
            By model, the most rows that its search learns from.
        """
        limits: dict[str, dict[str, int]] = {kind: {} for kind in SLICE}
        for name, pace_of in paces.items():
            seconds = self.share(name).seconds
            for kind, pace in pace_of.items():
                if pace is not None and seconds is not None and seconds * pace < samples[name]:
                    limits[kind][name] = int(seconds * pace)
        limits = {kind: _with_one_left(most, paces) for kind, most in limits.items()}
        if limits["text"] == limits["otherwise"]:
            del limits["text"]
        return replace(self, limits=limits)

    def plain(self, name: str) -> dict[str, list[dict[str, Any]]]:
        """Return what the slice of a model, or of the final fit, holds of the budget."""
        return {
            SLICE[kind]: [share.plain() for share in self._shares(name, most)] for kind, most in self.limits.items()
        }

    def _shares(self, name: str, most: Mapping[str, int]) -> list[Share]:
        """Return the shares for ever more rows; the list of a model that has a limit ends there."""
        found = []
        for rows in [*sorted({*most.values()}), None]:
            among = [one for one in self.parts if one not in most or (rows is not None and rows <= most[one])]
            if name in among:
                found.append(self.share(name, among, rows))
        return found

    def note(self) -> str:
        """Return what each model gets, as `make check` says it."""
        models = ", ".join(f"{name} {self.share(name)}{self._up_to(name)}" for name in self.parts if name != FINAL)
        final = str(self.share(FINAL))
        return f"the budget: {models}{f'; {final} for fitting the final model' if final else ''}"

    def _up_to(self, name: str) -> str:
        """Return up to how many rows a model competes."""
        rows = self.limits["otherwise"].get(name)
        with_text = self.limits.get("text", self.limits["otherwise"]).get(name)
        found = [f"{rows:,} rows"] if rows is not None else []
        if with_text != rows:
            found.append(f"{'any number of' if with_text is None else f'{with_text:,}'} rows with free text")
        return f" (up to {', '.join(found)})" if found else ""


def _with_one_left(most: dict[str, int], models: Iterable[str]) -> dict[str, int]:
    """Return limits without the largest if every model has one: a model has to compete."""
    return most if set(most) < set(models) else {name: rows for name, rows in most.items() if rows < max(most.values())}


def shares_in(slice_: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Share]:
    """Return the shares in a slice of the plan, for ever more rows, of a table with this schema as it is on disk."""
    text = any(dtype == "text" for _, dtype in schema["features"])
    written = slice_.get(SLICE["text"]) if text else None
    return [Share(**share) for share in written or slice_[SLICE["otherwise"]]]


def share_for(rows: int, shares: Iterable[Share]) -> Share | None:
    """Return the share with so many rows to learn from, or None if there is none."""
    return next((share for share in shares if share.most_rows is None or rows <= share.most_rows), None)
