"""Pictures of `reports/plots/*.csv`: the charts' own numbers, of both versions side by side.

A chart is drawn by the shape of its table, so charts of your own are drawn, too: names and numbers are bars, two
numbers are a curve (a cloud where they go back and forth), a line for each group; two columns of names are a matrix.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..report.charts import COLOURS, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROUPS = len(COLOURS)  # a line more could not be told from the others
BARS = 15
CELLS = 12


def draw(tables: Mapping[str, pd.DataFrame], path: Path) -> bool:
    """Write the same chart of one or two versions as a PNG.

    Parameters
    ----------
    tables : the chart's numbers, by the name of the version.

    Returns
    -------
    Whether the tables have a shape that can be drawn; if not, nothing is written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    last = list(tables.values())[-1]
    painter = _painter(last)
    if painter is None or any(list(one.columns) != list(last.columns) for one in tables.values()):
        return False
    with rc_context({**STYLE, "figure.facecolor": "white", "axes.facecolor": "white"}):
        figure = Figure(figsize=(4.8 * len(tables), 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        shared = painter is not _matrix
        axes = figure.subplots(1, len(tables), squeeze=False, sharex=shared, sharey=painter is _curves)[0]
        for one, (name, table) in zip(axes, tables.items(), strict=True):
            painter(one, table)
            one.set_title(name)
        figure.savefig(path, dpi=90, metadata={"Software": None})
    return True


def _painter(table: pd.DataFrame) -> Any:
    """The function that draws a table of this shape, None where there is none."""
    words, numbers = _words(table), _numbers(table)
    if table.empty:
        return None
    if len(words) >= 2 and not numbers:
        return _matrix
    if words and numbers and table[words[0]].is_unique:
        return _bars
    return _curves if len(numbers) >= 2 else None


def _bars(axes: "Axes", table: pd.DataFrame) -> None:
    name, value = _words(table)[0], _numbers(table)[0]
    shown = table.head(BARS).iloc[::-1]
    axes.barh([str(one)[:24] for one in shown[name]], shown[value], color=COLOURS[0])
    axes.set_xlabel(value)


def _curves(axes: "Axes", table: pd.DataFrame) -> None:
    words, (x, y, *_) = _words(table), _numbers(table)
    groups = table.groupby(words[0], sort=False) if words else [("", table)]
    for colour, (name, group) in zip(COLOURS, groups, strict=False):
        rising = group[x].is_monotonic_increasing or group[x].is_monotonic_decreasing
        line, mark = "-" if rising else "", "o" if len(group) <= 20 or not rising else ""
        axes.plot(group[x], group[y], color=colour, label=str(name)[:24], linestyle=line, marker=mark, markersize=3)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if words:
        axes.legend()


def _matrix(axes: "Axes", table: pd.DataFrame) -> None:
    row, column = _words(table)[:2]
    counts = pd.crosstab(table[row], table[column])
    known = list(dict.fromkeys([*counts.index, *counts.columns]))[:CELLS]
    cells = counts.reindex(index=known, columns=known, fill_value=0).to_numpy(int)
    shares = cells / cells.sum(axis=1, keepdims=True).clip(min=1)
    axes.grid(False)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [str(one)[:12] for one in known]
    axes.set_xticks(range(len(known)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(known)), labels)
    for i in range(len(known)):
        for j in range(len(known)):
            ink = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, str(cells[i, j]), ha="center", va="center", color=ink)
    axes.set_xlabel(column)
    axes.set_ylabel(row)


def _words(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if not pd.api.types.is_numeric_dtype(table[name])]


def _numbers(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table if pd.api.types.is_numeric_dtype(table[name])]
