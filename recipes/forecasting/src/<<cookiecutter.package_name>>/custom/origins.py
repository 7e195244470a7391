"""Origins: splits in the order of time, for forecasts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd


class RollingOrigin:
    """Forecasts from one origin after another: each learns from what is before it, and is scored on what follows.

    The last split ends where the table ends, and those before it are each `step` earlier. All series have the same
    origins. As a hold-out, with one split, it holds out the end of the table.

    Parameters
    ----------
    horizon : how many time stamps after an origin are scored; the same as the task's.
    n_splits : how many origins.
    step : how many time stamps they are apart; None for `horizon`, so that no row is scored twice.
    window : how many time stamps are learned from; None for all before the origin.
    gap : how many time stamps between what is learned from and what is scored are left out.
    """

    def __init__(
        self, horizon: int, n_splits: int = 5, step: int | None = None, window: int | None = None, gap: int = 0
    ) -> None:
        for name, value in {"horizon": horizon, "n_splits": n_splits, "step": step, "window": window}.items():
            if value is not None and value < 1:
                raise ValueError(f"{name} needs a whole number above 0, not {value}")
        if gap < 0:
            raise ValueError(f"gap cannot be {gap}: 0 is the least")
        self.horizon, self.n_splits, self.step, self.window, self.gap = horizon, n_splits, step, window, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of origins."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the rows before each origin and of those after it, the earliest origin first.

        Parameters
        ----------
        X : rows whose index holds their time stamps.
        """
        index = getattr(X, "index", None)
        if isinstance(index, pd.MultiIndex):
            index = index.get_level_values(-1)
        if not isinstance(index, pd.DatetimeIndex):
            raise ValueError("there is no time: give a column `role: time` in params/data.yaml")
        codes, stamps = pd.factorize(index, sort=True)
        step = self.step or self.horizon
        needed = self.horizon + (self.n_splits - 1) * step + self.gap
        if len(stamps) <= needed:
            raise ValueError(
                f"{self.n_splits} origins with a horizon of {self.horizon} need more than {needed} time stamps, and "
                f"there are {len(stamps)}: take fewer origins, or a shorter horizon"
            )
        for number in reversed(range(self.n_splits)):
            first = len(stamps) - self.horizon - number * step
            last_learned = first - self.gap
            start = max(0, last_learned - self.window) if self.window else 0
            learned = np.flatnonzero((codes >= start) & (codes < last_learned))
            yield learned, np.flatnonzero((codes >= first) & (codes < first + self.horizon))
