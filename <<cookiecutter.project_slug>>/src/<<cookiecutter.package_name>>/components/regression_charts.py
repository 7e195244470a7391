"""Charts of a regression: predictions beside the truth, and what is between them."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..report.drawing import (
    COLOURS,
    MANY_ROWS,
    MUTED,
    Array,
    Chart,
    Evaluation,
    in_digits,
    limits,
    new_figure,
    quantile_groups,
    readable,
    refuse_several,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNTS = ("#c9dfee", COLOURS[0], "#00304d")


@styled
def predicted_against_true(evaluation: Evaluation) -> Chart:
    """Predicted against true values."""
    refuse_several(evaluation)
    true, predicted = evaluation.y_true, evaluation.y_pred
    both = limits(np.append(true, predicted))
    figure, axes = new_figure()
    axes.plot(both, both, color=MUTED, linewidth=1, linestyle=":", zorder=3)
    _draw_cloud(axes, true, predicted, both, both)
    axes.set(xlabel=f"True {short(evaluation.target, 40)}", ylabel="Predicted")
    caption = f"Each row of {evaluation.rows}. A perfect model puts all of them on the dotted line."
    data = _sample(pd.DataFrame({"true": true, "predicted": predicted}))
    return Chart("Predicted against true", caption, figure, data)


@styled
def residuals(evaluation: Evaluation) -> Chart:
    """Residuals against predicted values, with their median along the way."""
    refuse_several(evaluation)
    predicted = evaluation.y_pred
    residual = evaluation.y_true - predicted
    figure, axes = new_figure()
    axes.axhline(0, color=MUTED, linewidth=1, linestyle=":", zorder=3)
    _draw_cloud(axes, predicted, residual, limits(predicted), limits(residual))
    caption = "What the model missed, true minus predicted: a slope or a funnel means that something is left to learn."
    groups = quantile_groups(predicted, min(10, len(predicted) // 20))
    if groups.max() >= 2:
        middles = pd.DataFrame({"x": predicted, "y": residual}).groupby(groups).median()
        axes.plot(middles["x"], middles["y"], color=COLOURS[1], marker="o", markersize=4, zorder=4)
        caption += " The orange line is the median."
    axes.set(xlabel=f"Predicted {short(evaluation.target, 40)}", ylabel="Residual")
    data = _sample(pd.DataFrame({"predicted": predicted, "residual": residual}))
    return Chart("Residuals", caption, figure, data)


@styled
def residual_distribution(evaluation: Evaluation) -> Chart:
    """How residuals are distributed; far outliers are counted in the caption and not drawn."""
    from matplotlib.ticker import MaxNLocator

    refuse_several(evaluation)
    residual = evaluation.y_true - evaluation.y_pred
    low, middle, high = np.quantile(residual, [0.05, 0.5, 0.95])
    first, last = np.quantile(residual, [0.005, 0.995])
    inside = residual[(residual >= 2 * first - last) & (residual <= 2 * last - first)]
    bins = int(np.clip(2 * len(inside) ** (1 / 3), 8, 50))  # Rice's rule
    heights, edges = np.histogram(inside, bins=bins)

    figure, axes = new_figure()
    axes.stairs(heights, edges, fill=True, color=COLOURS[0], alpha=0.3)
    axes.stairs(heights, edges, color=COLOURS[0], linewidth=1.2)
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=":")
    axes.axvline(middle, color=COLOURS[1], linewidth=1.4)
    axes.set(xlabel="Residual (true minus predicted)", ylabel="Rows", ylim=(0, 1.1 * heights.max()))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    readable(axes)
    caption = (
        f"Nine rows in ten are missed by {in_digits(low)} to {in_digits(high)};"
        f" the median, {in_digits(middle)}, is the orange line."
    )
    if len(inside) < len(residual):
        caption += f" {len(residual) - len(inside)} of {len(residual)} rows lie too far out."
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "rows": heights})
    return Chart("Distribution of residuals", caption, figure, data)


def _sample(data: pd.DataFrame) -> pd.DataFrame:
    """At most `MANY_ROWS` rows, the same ones each time."""
    return data if len(data) <= MANY_ROWS else data.sample(MANY_ROWS, random_state=0).sort_index()


def _draw_cloud(axes: "Axes", x: Array, y: Array, across: tuple[float, float], up: tuple[float, float]) -> None:
    """Draw a dot a row or, of many rows, how many fall into each of a honeycomb's cells."""
    from matplotlib.colors import LinearSegmentedColormap, LogNorm
    from matplotlib.ticker import EngFormatter

    axes.set(xlim=across, ylim=up)
    readable(axes)
    if len(x) <= MANY_ROWS:
        axes.scatter(x, y, s=18, color=COLOURS[0], alpha=0.5, linewidth=0)
        return
    cells = axes.hexbin(
        x,
        y,
        gridsize=(36, 22),
        extent=(*across, *up),
        mincnt=1,
        norm=LogNorm(),
        cmap=LinearSegmentedColormap.from_list("counts", COUNTS),
        linewidths=0.2,
    )
    bar = axes.figure.colorbar(cells, ax=axes, aspect=40, pad=0.02)
    bar.set_label("rows")
    bar.outline.set_visible(False)
    bar.ax.minorticks_off()
    bar.ax.yaxis.set_major_formatter(EngFormatter(sep=""))
