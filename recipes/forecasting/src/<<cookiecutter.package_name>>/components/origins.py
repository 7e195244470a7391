"""Origins: splits in the order of time, for forecasts."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

FEWEST = 4  # time stamps to learn from before the first origin
SHARE = 3  # one in so many of the time stamps are before the first origin in any case


class RollingOrigin:
    """Forecast from one origin after another: learn from what is before it, and score what follows.

    The last split ends where the table ends. All series share the origins; a series is scored only where there are
    rows of it to learn from. With `n_splits=1` it serves as a hold-out, which is the end of the table.

    Parameters
    ----------
    horizon : int, optional
        How many time stamps after an origin are scored; None for the task's horizon.
    n_splits : int, default=5
        How many origins. Where `step` is None, a short table gets fewer.
    step : int, optional
        How many time stamps the origins are apart. None for `horizon`, so that no row is scored twice, or for fewer
        where the table is short.
    window : int, optional
        How many time stamps are learned from; None for all before the origin.
    gap : int, default=0
        How many time stamps are left out between what is learned from and what is scored.
    """

    def __init__(
        self,
        horizon: int | None = None,
        n_splits: int = 5,
        step: int | None = None,
        window: int | None = None,
        gap: int = 0,
    ) -> None:
        for name, value in {"horizon": horizon, "n_splits": n_splits, "step": step, "window": window}.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} needs a whole number above 0, not {value!r}")
        if isinstance(gap, bool) or not isinstance(gap, int) or gap < 0:
            raise ValueError(f"gap needs a whole number from 0 on, not {gap!r}")
        self.horizon, self.n_splits, self.step, self.window, self.gap = horizon, n_splits, step, window, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the largest number of origins."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the positions of the rows before each origin and of those after it, the earliest origin first.

        Parameters
        ----------
        X : DataFrame
            Rows whose index holds their time stamps.
        groups : array-like of shape (rows,), optional
            The series of each row.

        Raises
        ------
        ValueError
            If the rows have no time, or there are too few time stamps.
        """
        index = getattr(X, "index", None)
        if isinstance(index, pd.MultiIndex):
            index = index.get_level_values(-1)
        if not isinstance(index, pd.DatetimeIndex):
            raise ValueError("there is no time: give a column `role: time` in params/data.yaml")
        if self.horizon is None:
            raise ValueError("there is no horizon: write `horizon` into its params")
        codes, stamps = pd.factorize(index, sort=True)
        series = np.zeros(len(codes), dtype=int) if groups is None else pd.factorize(np.asarray(groups))[0]
        found = 0
        for first in self._origins(len(stamps), self.horizon):
            last_learned = first - self.gap
            start = max(0, last_learned - self.window) if self.window else 0
            learned = (codes >= start) & (codes < last_learned)
            scored = (codes >= first) & (codes < first + self.horizon) & np.isin(series, series[learned])
            if scored.any():
                found += 1
                yield np.flatnonzero(learned), np.flatnonzero(scored)
        if not found:
            raise ValueError("no series has rows both before an origin and after it: write a shorter `horizon`")

    def _origins(self, stamps: int, horizon: int) -> list[int]:
        """Return the positions of the first stamps that are scored, in order."""
        if self.step is not None:
            needed = horizon + (self.n_splits - 1) * self.step + self.gap
            if stamps <= needed:
                raise ValueError(
                    f"{self.n_splits} origins with a horizon of {horizon} need more than {needed} time stamps, and "
                    f"there are {stamps}: take fewer origins, or a shorter horizon"
                )
            return [stamps - horizon - number * self.step for number in reversed(range(self.n_splits))]
        left = stamps - horizon - self.gap
        if left < FEWEST:
            raise ValueError(
                f"a horizon of {horizon} leaves {max(0, left)} of {stamps} time stamps to learn from, and {FEWEST} are "
                "the fewest: write a `horizon` of at most a third of the table's time stamps into the task in "
                "params/data.yaml"
            )
        room = left - max(FEWEST, min(left, stamps // SHARE))
        step = max(1, min(horizon, room // max(1, self.n_splits - 1)))
        count = min(self.n_splits, room // step + 1)
        return [stamps - horizon - number * step for number in reversed(range(count))]
