"""What the charts of the report share: what they are given, what they return, how they look.

A chart is a function that takes an `Evaluation` and returns a `Chart`; those that ship are in `components/`. Where a
chart would have nothing to show (no probabilities, one class only), it raises `ValueError` with the reason.

matplotlib is imported by what draws, and not here: the plan reads the charts' modules to check their parameters.
"""

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..schema import Schema
    from ..steps.task import Task

Array = NDArray[Any]
Table = Callable[..., pd.DataFrame]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Evaluation:
    """What is known of a final model: its predictions on the hold-out, beside `y_true`, and more on demand.

    Attributes
    ----------
    task : what is predicted; `task.name` is "classification", "regression", …
    schema, model : of the table, and the fitted final model
    features : DataFrame of the rows that the following are of
    learned : DataFrame of the rows that the model learned from, with the target
    target : name of the target column, of several with commas between
    y_true, y_pred : ndarray of shape (n_samples,)
        Codes of classes, 0 to ``len(labels) - 1``; in regression, floats. Of several targets (n_samples, n_targets).
    y_proba : ndarray of shape (n_samples, n_classes), or None
    labels : list of str
        Names of the classes. Of two, the last is the positive one.
    member : the configuration that weighs most in the final model, such as ``ridge, trial 7``
    metric : name of the metric, such as ``log_loss``
    higher_is_better : whether more of the metric is better
    rows : what rows these are, for captions
    seconds : how long a chart may take that asks the model again and again
    intervals : DataFrame with the columns lower_80, upper_80, …, or None
    weights : ndarray of shape (n_samples,), or None where all rows count the same
    held_out : DataFrame of the rows that were held out, with the target, or None where none were
    row_numbers : ndarray of the rows' numbers in the data, counted from 1 without the header, or None
    score : a function that gives the metric on the rows at some positions, NaN where it is undefined for them; or None

    The others are functions, which the charts call that need them, for they may take a while. Each gives a DataFrame,
    or raises `ValueError` where there is none.

    importances() : columns feature, mean, std
        Permutation importance, in units of the metric.
    history() : columns model, trial, score, label, values
        The finished trials of the models that competed, best model first; scores are cross-validated.
    hyperparameters() : columns model, trials, parameter, importance
        What mattered in each model's search, in shares of 1; where too few trials finished to tell, NaN.
    learning_curve(seconds) : columns rows, mean, std
        The cross-validated metric of that configuration, by the number of rows that it learned from.
    shap_values(rows) : columns feature, mean
        The mean size of the SHAP values of that configuration on at most so many rows of the hold-out.
    left_out() : columns row, fold, truth, predicted
        The out-of-fold predictions of the final model's members; row is a position in `learned`.
    """

    task: "Task"
    schema: "Schema"
    model: Any
    features: pd.DataFrame
    learned: pd.DataFrame
    target: str
    y_true: Array
    y_pred: Array
    y_proba: Array | None
    labels: list[str]
    member: str
    metric: str
    higher_is_better: bool
    importances: Table
    history: Table
    hyperparameters: Table
    learning_curve: Table
    shap_values: Table
    left_out: Table
    rows: str = "the hold-out"
    seconds: float = math.inf
    intervals: pd.DataFrame | None = None
    held_out: pd.DataFrame | None = None
    row_numbers: Array | None = None
    score: Callable[[Array], float] | None = None
    weights: Array | None = None


@dataclass
class Chart:
    """A figure with its words, and the numbers that it shows, to plot them elsewhere.

    `table` holds numbers that readers want to look up; it stands under the figure.
    """

    title: str
    caption: str
    figure: "Figure"
    data: pd.DataFrame
    table: pd.DataFrame | None = None


WIDTH, HEIGHT = 6.2, 4.3  # inches; a figure as wide as the page is 10 to 12 inches wide
MANY_ROWS = 1500  # past this many, dots hide one another, and the page grows heavy
INK, MUTED, LINE, GRID = "#1f2a37", "#566274", "#c3cbd6", "#e8ecf1"
# Of Okabe and Ito (2008), which colour-blind readers can tell apart, without the pale ones.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
PALE, DEEP = "#8fbfdd", "#00507d"  # of a bar, and of what is drawn on it
SHARES = ("#f4f7fa", PALE, COLOURS[0], DEEP)  # of a scale, from none to all
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # is always there, and wide: what fits in it fits in any other
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.formatter.useoffset": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelpad": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": GRID,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "svg.fonttype": "none",  # text stays text, to be searched, copied, and set in the page's font
}


def to_svg(figure: "Figure", name: str) -> str:
    """The figure as an `<svg>` element to put into a page: equal figures give equal text.

    `name` makes its ids differ from those of the page's other charts. Its size is left to the page.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    text = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # DejaVu lacks Chinese, for one; the browser does not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas: Any = FigureCanvasSVG(figure)  # savefig would draw twice
        canvas.print_svg(text, metadata=no_metadata)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r' (?:width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r"<style.*?</style>", "", svg, count=1, flags=re.DOTALL)  # meant the whole page
    svg = re.sub(r'<g id="[\w.]+"', "<g", svg)  # the ids without the salt: nothing refers to them
    return re.sub(r"<(?:path|use|text)\b[^>]*>", _two_decimals, svg)


def to_png(figure: "Figure") -> bytes:
    """The figure as a picture, for places that show no SVG: equal figures give equal bytes."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    content = io.BytesIO()
    with rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasAgg(figure)
        figure.savefig(content, format="png", dpi=80, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def _two_decimals(tag: re.Match[str]) -> str:
    """Keep a hundredth of a point, which halves the bytes."""
    return re.sub(r"(\.\d\d)\d+", r"\1", tag[0])


def styled(chart: Callable[P, T]) -> Callable[P, T]:
    """Let `chart` draw in our style, and leave matplotlib's own settings as they were."""

    @wraps(chart)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        from matplotlib import rc_context

        with rc_context(STYLE):
            return chart(*args, **kwargs)

    return drawn


def new_figure(width: float = WIDTH, height: float = HEIGHT) -> "tuple[Figure, Axes]":
    """An empty figure with one pair of axes, whose labels matplotlib keeps inside."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def short(name: object, width: int = 22) -> str:
    """A name that fits into a chart: one line, `width` characters, no dollars taken for TeX."""
    printable = "".join(letter if letter.isprintable() else " " for letter in str(name))
    text = " ".join(printable.split()) or "(empty)"
    if len(text) > width:  # the end often tells names apart that begin alike
        end = width // 3
        text = f"{text[: width - end - 1].rstrip()}…{text[-end:].lstrip()}"
    return text.replace("$", r"\$")


def in_digits(value: float) -> str:
    """A number for a caption: three digits, and none of a large number lost."""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−").replace(",", "\u202f")


def readable(axes: "Axes") -> None:
    """Write 200k for 200000 on an axis with large numbers."""
    from matplotlib.ticker import EngFormatter

    for axis in (axes.xaxis, axes.yaxis):
        if np.abs(axis.get_view_interval()).max() >= 1e5:
            axis.set_major_formatter(EngFormatter(sep=""))


def in_words(metric: str) -> str:
    """A metric's name for an axis."""
    return short(metric.replace("_", " "), 30)


def of_all(shown: pd.DataFrame, data: pd.DataFrame, what: str) -> str:
    """The end of a caption: how many there are besides."""
    return f" The first {len(shown)} of {len(data)} {what}." if len(shown) < len(data) else ""


def draw_bars(axes: "Axes", names: Iterable[str], values: Array) -> Array:
    """Draw a bar a name, the first on top; gives where they are."""
    places = np.arange(len(values))
    axes.barh(places, values, height=0.6, color=[PALE if one > 0 else LINE for one in values])
    axes.axvline(0, color=LINE, linewidth=1)
    axes.set_yticks(places, [short(name, 30) for name in names])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(max(len(values), 6) - 0.4, -0.6)  # a few bars stay slim
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    return places


def limits(values: Array) -> tuple[float, float]:
    """The range of `values` and a little more; of one value, some room around it."""
    low, high = float(values.min()), float(values.max())
    room = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def refuse_several(evaluation: Evaluation) -> None:
    if evaluation.y_true.ndim > 1:
        raise ValueError("there are several targets, and this chart shows one")


def quantile_groups(values: Array, groups: int) -> Array:
    """The number of each value's group; groups are about equally large, equal values in one."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, max(groups, 1) + 1)))
    return np.digitize(values, edges[1:-1])
