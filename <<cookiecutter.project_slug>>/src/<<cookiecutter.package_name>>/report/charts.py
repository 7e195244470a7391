"""Charts of the report: one function a chart.

Every function takes an `Evaluation` and gives a `Chart`. Where a chart would have nothing to show
(no probabilities, one class only), it raises `ValueError` with a sentence that says why.

matplotlib is imported by what draws, and not here: the plan reads this module to check the charts' parameters.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics

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
    """What is known of a final model: what it said of the hold-out, beside what is true, and more on demand.

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
        What the final model's members said of training rows that they had not seen; row is a position in `learned`.
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
MANY_CLASSES = 10  # past this many, a line a class can no longer be told from the next
MANY_ROWS = 1500  # past this many, dots hide one another, and the page grows heavy
POINTS = 200  # of a curve: finer than a screen shows

INK, MUTED, LINE, GRID = "#1f2a37", "#566274", "#c3cbd6", "#e8ecf1"
# Of Okabe and Ito (2008), which colour-blind readers can tell apart, without the pale ones.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
PALE, DEEP = "#8fbfdd", "#00507d"  # of a bar, and of what is drawn on it
SHARES = ("#f4f7fa", PALE, COLOURS[0], DEEP)  # of a scale, from none to all
COUNTS = ("#c9dfee", COLOURS[0], "#00304d")

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


# ----------------------------------------------------------------------------------- classification


@styled
def confusion_matrix(evaluation: Evaluation, max_classes: int = 30) -> Chart:
    """How often each class was taken for each other; colours are shares of the true class.

    Beyond `max_classes`, the rarest classes are drawn as one.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter
    from matplotlib.transforms import offset_copy

    names, true, predicted = _most_frequent(evaluation, max_classes)
    k = len(names)
    counts = np.bincount(true * k + predicted, evaluation.weights, minlength=k * k).reshape(k, k)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)

    few = k <= 6
    figure, axes = new_figure(max(WIDTH, 2.2 + 0.28 * k), max(HEIGHT, 1.6 + 0.24 * k))
    scale = LinearSegmentedColormap.from_list("shares", SHARES)
    mesh = axes.pcolormesh(shares, cmap=scale, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    size = 13 if k <= 3 else 11 if few else 9 if k <= 12 else 7
    upper = offset_copy(axes.transData, figure, y=0.5 * size * few, units="points")
    lower = offset_copy(axes.transData, figure, y=-0.7 * size, units="points")
    for row, column in np.argwhere(counts > 0):
        style: dict[str, Any] = {
            "color": "white" if shares[row, column] > 0.45 else INK,
            "ha": "center",
            "va": "center",
            "in_layout": False,  # inside the axes as it is; a thousand take long to measure
        }
        x, y = column + 0.5, row + 0.5
        axes.text(x, y, _count(counts[row, column], k > 12), size=size, transform=upper, **style)
        if few:
            axes.text(x, y, f"{shares[row, column]:.0%}", size=0.75 * size, transform=lower, **style)
    if not few:
        bar = figure.colorbar(mesh, format=PercentFormatter(1), aspect=40, pad=0.02)
        bar.set_label("share of the true class")
        bar.outline.set_visible(False)

    ticks = np.arange(k) + 0.5
    shown = [short(name, 16 if k <= 12 else 22) for name in names]
    upright = sum(map(len, shown)) <= 50
    axes.set_xticks(ticks, shown)
    if not upright:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, shown)
    target = short(evaluation.target, 40)
    axes.set(xlabel=f"Predicted {target}", ylabel=f"True {target}")
    axes.invert_yaxis()
    axes.grid(False)
    axes.spines[:].set_visible(False)

    caption = "Each row of squares is a true class, and what lies off the diagonal was mistaken."
    if evaluation.weights is not None:
        caption += " Numbers are sums of row weights."
    if k < len(evaluation.labels):
        caption += f" The {len(evaluation.labels) - k + 1} rarest classes are drawn as one."
    data = pd.DataFrame({"true": _named(evaluation, true=True), "predicted": _named(evaluation)})
    return Chart("Confusion matrix", caption + _absent(evaluation), figure, data)


@styled
def roc_curve(evaluation: Evaluation) -> Chart:
    """True positives against false positives over all thresholds, each class against the rest."""

    def curve(name: str, hit: Array, proba: Array) -> _Curve:
        x, y, _ = metrics.roc_curve(hit, proba, sample_weight=evaluation.weights)
        return _Curve(name, *_thin(x, y), float(metrics.auc(x, y)))

    curves = [curve(*one) for one in _one_vs_rest(evaluation)]
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    _draw_curves(axes, curves, _macro_average(curves), "Area under the curve")
    if len(curves) == 1:
        _note(axes, 0.97, 0.05, f"area under the curve {curves[0].score:.3f}", ha="right")
    axes.set(xlabel="False positive rate", ylabel="True positive rate")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    caption = (
        f"{_of_which(evaluation)}: the share found (up) against the share of other rows flagged by"
        " mistake (right), for every threshold. The diagonal is guessing."
    )
    data = _tidy(curves, "false_positive_rate", "true_positive_rate")
    return Chart("ROC curve", caption + _absent(evaluation), figure, data)


@styled
def precision_recall_curve(evaluation: Evaluation) -> Chart:
    """Precision against recall over all thresholds, each class against the rest."""

    def curve(name: str, hit: Array, proba: Array) -> _Curve:
        precision, recall, _ = metrics.precision_recall_curve(
            hit, proba, sample_weight=evaluation.weights, drop_intermediate=True
        )
        precision[-1] = precision[-2]  # a 1 that scikit-learn adds, and that no threshold gives
        score = float(metrics.average_precision_score(hit, proba, sample_weight=evaluation.weights))
        return _Curve(name, *_thin(recall[::-1], precision[::-1]), score)

    found = _one_vs_rest(evaluation)
    curves = [curve(*one) for one in found]
    figure, axes = new_figure()
    _draw_curves(axes, curves, _macro_average(curves), "Average precision", drawstyle="steps-pre")
    if len(curves) == 1:
        _, hit, _ = found[0]
        axes.axhline(np.average(hit, weights=evaluation.weights), color=MUTED, linewidth=1, linestyle=":")
        _note(axes, 0.03, 0.05, f"average precision {curves[0].score:.3f}", ha="left")
    axes.set(xlabel="Recall", ylabel="Precision", xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    caption = f"{_of_which(evaluation)}: the share of flagged rows that are right (up) against the share found (right)."
    if len(curves) == 1:
        caption += " The dotted line is guessing."
    data = _tidy(curves, "recall", "precision")
    return Chart("Precision and recall", caption + _absent(evaluation), figure, data)


@styled
def calibration_curve(evaluation: Evaluation, bins: int = 10) -> Chart:
    """How often a class came true where the model gave it a certain probability.

    `bins` is the most there are: each holds about as many rows as the next, and at least ten.
    """

    def curve(name: str, table: pd.DataFrame) -> _Curve:
        x, y = table["predicted"].to_numpy(), table["observed"].to_numpy()
        return _Curve(name, x, y, float(np.average(np.abs(x - y), weights=table["weight"])))

    found = _one_vs_rest(evaluation)
    weights = np.ones(len(evaluation.y_true)) if evaluation.weights is None else evaluation.weights
    tables = [_reliability(hit, proba, bins, weights) for _, hit, proba in found]
    curves = [curve(name, table) for (name, _, _), table in zip(found, tables, strict=True)]
    _, hits, probas = zip(*found, strict=True)
    pooled = curve(
        "all classes", _reliability(np.concatenate(hits), np.concatenate(probas), bins, np.tile(weights, len(found)))
    )

    figure, axes = new_figure()
    dots = {"marker": "o", "markersize": 4}
    _draw_curves(axes, curves, pooled, "Mean error", lower_is_better=True, **dots)
    # A rare class is never probable: what there is to see is then near the corner.
    end = min(1.0, 1.2 * max(max(one.x.max(), one.y.max()) for one in curves))
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    if len(curves) == 1:
        _draw_intervals(axes, tables[0])
        _draw_spread(axes, found[0][2], end)
        _note(axes, 0.03, 0.93, f"mean error {curves[0].score:.3f}", ha="left")
    axes.set(xlabel="Predicted probability", ylabel="Share that came true")
    axes.set(xlim=(-0.01 * end, 1.01 * end), ylim=(-0.01 * end, 1.03 * end))
    caption = f"{_of_which(evaluation)}: probabilities that can be taken at their word lie on the dotted line."
    if len(curves) == 1:
        caption += " Whiskers are 95 % intervals; grey bars, how many rows got each probability."
    data = pd.concat({name: table for (name, _, _), table in zip(found, tables, strict=True)})
    data = data.reset_index(0, names="class").reset_index(drop=True).drop(columns="weight")
    return Chart("Calibration", caption + _absent(evaluation), figure, data)


@styled
def lift_curve(evaluation: Evaluation, share: float = 0.1) -> Chart:
    """How much more often a class is met among the rows ranked highest for it than overall.

    `share` is the part of the rows for which the lift is given as a number.
    """
    from matplotlib.ticker import PercentFormatter

    def curve(name: str, hit: Array, proba: Array) -> _Curve:
        false, true, _ = metrics.roc_curve(hit, proba, sample_weight=evaluation.weights, drop_intermediate=False)
        share_of_hits = np.average(hit, weights=evaluation.weights)
        part = true * share_of_hits + false * (1 - share_of_hits)
        lift = true[1:] / part[1:]
        enough = part[1:] >= 0.01  # among fewer rows, it is chance that leaps up and down
        x, y = np.append(0, part[1:][enough]), np.append(lift[enough][0], lift[enough])
        return _Curve(name, *_thin(x, y), float(np.interp(share, x, y)))

    curves = [curve(*one) for one in _one_vs_rest(evaluation)]
    figure, axes = new_figure()
    axes.axhline(1, color=MUTED, linewidth=1, linestyle=":")
    _draw_curves(axes, curves, _macro_average(curves), f"Lift at {share:.0%}")
    if len(curves) == 1:
        _note(axes, 0.97, 0.92, f"lift at {share:.0%}: {curves[0].score:.2f}", ha="right")
    axes.set(xlabel="Share of rows, highest probability first", ylabel="Lift", xlim=(-0.01, 1.01))
    axes.set_ylim(0, 1.2 * max(one.y.max() for one in curves))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    caption = (
        f"{_of_which(evaluation)}: how many times more often they are met among the rows ranked"
        " highest than among all. The dotted line is picking at random."
    )
    data = _tidy(curves, "share", "lift")
    return Chart("Lift", caption + _absent(evaluation), figure, data)


# --------------------------------------------------------------------------------------- regression


@styled
def predicted_against_true(evaluation: Evaluation) -> Chart:
    """Predicted against true values."""
    _refuse_several(evaluation)
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
    _refuse_several(evaluation)
    predicted = evaluation.y_pred
    residual = evaluation.y_true - predicted
    figure, axes = new_figure()
    axes.axhline(0, color=MUTED, linewidth=1, linestyle=":", zorder=3)
    _draw_cloud(axes, predicted, residual, limits(predicted), limits(residual))
    caption = "What the model missed, true minus predicted: a slope or a funnel means that something is left to learn."
    groups = _quantile_groups(predicted, min(10, len(predicted) // 20))
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

    _refuse_several(evaluation)
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
        f"Nine rows in ten are missed by {_number(low)} to {_number(high)};"
        f" the median, {_number(middle)}, is the orange line."
    )
    if len(inside) < len(residual):
        caption += f" {len(residual) - len(inside)} of {len(residual)} rows lie too far out."
    data = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "rows": heights})
    return Chart("Distribution of residuals", caption, figure, data)


# --------------------------------------------------------------------------------------------- both


@styled
def permutation_importance(evaluation: Evaluation, top: int = 20) -> Chart:
    """How much worse the metric gets when one column's values are shuffled: the `top` columns."""
    data = evaluation.importances().sort_values("mean", ascending=False, ignore_index=True)
    if data.empty:
        raise ValueError("no permutation importance was computed, so there is none to draw")
    shown = data.head(top)
    figure, axes = new_figure(height=max(HEIGHT, 0.9 + 0.2 * len(shown)))
    mean, std = shown["mean"].to_numpy(), shown["std"].to_numpy()
    rows = draw_bars(axes, shown["feature"], mean)
    axes.hlines(rows, mean - std, mean + std, color=DEEP, linewidth=1.4)
    axes.set_xlabel(f"How much worse {in_words(evaluation.metric)} gets\nwhen the column is shuffled")
    readable(axes)
    caption = f"How much the model leans on each column, on {evaluation.rows}. Whiskers are one standard deviation."
    caption += _of_all(shown, data, "columns")
    left_out = data.attrs.get("left_out", 0)
    if left_out:
        caption += f" {left_out:,} more columns, those least related to the target, were not tried for lack of time."
    return Chart("Permutation importance", caption, figure, data)


@styled
def shap_summary(evaluation: Evaluation, rows: int = 1000, top: int = 20) -> Chart:
    """How far each column moves the predictions, by the mean size of its SHAP values: the `top` columns.

    `rows` is the most rows of the hold-out that are explained; where it takes long, they are fewer.
    """
    data = evaluation.shap_values(rows).sort_values("mean", ascending=False, ignore_index=True)
    shown = data.head(top)
    figure, axes = new_figure(height=max(HEIGHT, 0.9 + 0.2 * len(shown)))
    draw_bars(axes, shown["feature"], shown["mean"].to_numpy())
    axes.set_xlabel("Mean size of the SHAP values")
    readable(axes)
    caption = (
        "How far each column moves the prediction of a row away from the average one, up or down,"
        f" in the model {evaluation.member}."
    )
    return Chart("SHAP values", caption + _of_all(shown, data, "columns"), figure, data)


@styled
def learning_curve(evaluation: Evaluation, seconds: float = 30) -> Chart:
    """What more rows would be worth: the metric by the number of rows that a model learns from.

    It is left out where fitting would take more than about so many `seconds`.
    """
    data = evaluation.learning_curve(seconds)
    rows, mean, std = (data[name].to_numpy() for name in ("rows", "mean", "std"))
    figure, axes = new_figure()
    axes.fill_between(rows, mean - std, mean + std, color=COLOURS[0], alpha=0.15, linewidth=0)
    axes.plot(rows, mean, color=COLOURS[0], marker="o", markersize=5)
    axes.set(xlabel="Rows to learn from", ylabel=in_words(evaluation.metric), xlim=(0, 1.04 * rows.max()))
    readable(axes)
    better = "rises" if evaluation.higher_is_better else "falls"
    caption = (
        f"Cross-validated, for {evaluation.member}: where the line still {better} at its right end, more rows would"
        " make a better model. The band is one standard deviation over the folds."
    )
    return Chart("Learning curve", caption, figure, data)


@styled
def search_history(evaluation: Evaluation) -> Chart:
    """The score of each finished trial, and the best so far of each model."""
    from matplotlib.ticker import MaxNLocator

    data = evaluation.history()
    names = list(dict.fromkeys(data["model"]))
    sign = 1 if evaluation.higher_is_better else -1
    figure, axes = new_figure()
    peaks = []
    for number, name in enumerate(names):
        own = data[data["model"] == name].sort_values("trial")
        trials, scores = own["trial"].to_numpy() + 1, own["score"].to_numpy()
        best = sign * np.maximum.accumulate(sign * scores)
        peaks.append((sign * scores).max())
        shown = number < len(COLOURS)
        style: dict[str, Any] = {"color": COLOURS[number] if shown else LINE, "zorder": 3 if shown else 2}
        axes.scatter(trials, scores, s=14, alpha=0.45, linewidth=0, **style)
        axes.plot(trials, best, drawstyle="steps-post", label=short(name, 24) if shown else None, **style)
    if len(names) > len(COLOURS):
        axes.plot([], [], color=LINE, label=f"{len(names) - len(COLOURS)} others")
    # A bad trial can be so bad that the others would lie on one line.
    scores = sign * data["score"].to_numpy()
    lowest = min([_floor(scores), *(one for one in peaks if one >= _floor(np.array(peaks)))])
    lowest = max(lowest, scores.min())
    low, high = limits(sign * scores[scores >= lowest])
    axes.set_ylim(low, high)
    axes.set(xlabel="Trial", ylabel=f"Cross-validated {in_words(evaluation.metric)}")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    readable(axes)
    if len(names) > 1:
        axes.figure.legend(loc="outside upper center", ncols=min(len(names), 3), handlelength=1.3)
    caption = (
        "Each dot is a configuration that was tried on all folds, each line the best so far: where a line still moves"
        " at its right end, a longer search may find more."
    )
    out = int((scores < lowest).sum())
    if out:
        caption += f" {out} {'dot lies' if out == 1 else 'dots lie'} too far out."
    return Chart("Search history", caption, figure, data[["model", "trial", "score", "label"]])


@styled
def hyperparameter_importance(evaluation: Evaluation, top: int = 5) -> Chart:
    """Which hyperparameters told good trials from the others: the `top` of each model's."""
    data = evaluation.hyperparameters()
    known = data.dropna(subset="importance")
    few = data[data["importance"].isna()].drop_duplicates("model")
    told = [f"{name} ({trials})" for name, trials in zip(few["model"], few["trials"], strict=True)]
    if known.empty:
        raise ValueError(f"too few trials have finished to tell what mattered: {', '.join(told) or 'none'}")
    names = list(dict.fromkeys(known["model"]))[:6]
    top = min(top, 24 // len(names) - 1)
    shown = known[known["model"].isin(names)].groupby("model", sort=False).head(top)
    figure, axes = new_figure(height=max(HEIGHT, 0.9 + 0.22 * (len(shown) + len(names))))
    lines: list[tuple[str, float]] = []
    for name in names:
        own = shown[shown["model"] == name]
        lines += [(name, 0.0), *zip(own["parameter"], own["importance"], strict=True)]
    labels = [label.removeprefix("preprocess.") for label, _ in lines]
    places = draw_bars(axes, labels, np.array([share for _, share in lines]))
    texts = axes.get_yticklabels()
    for place in (place for place in places if labels[place] in names):
        texts[place].set(weight="bold")
        axes.axhline(place - 0.5, color=GRID, linewidth=1, zorder=0)
    axes.set(xlabel="Share of what mattered in the model's search", xlim=(0, 1))
    axes.xaxis.set_major_formatter("{x:.0%}")
    caption = (
        "How much a parameter's values in the best quarter of a model's trials differ from those in all of them. Where"
        " its share is small, one value did as well as another."
    )
    if told:
        caption += f" Too few finished trials to tell: {', '.join(told)}."
    if len(names) < known["model"].nunique():
        caption += f" The first {len(names)} models."
    return Chart("What mattered in the search", caption, figure, data)


# ------------------------------------------------------------------------------------------ helpers


@dataclass
class _Curve:
    """A class's line in a chart, its `x` ascending, and the one number that sums it up."""

    label: str
    x: Array
    y: Array
    score: float


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


def _number(value: float) -> str:
    """A number for a caption: three digits, and none of a large number lost."""
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", "−").replace(",", "\u202f")


def _count(count: float, short: bool) -> str:
    """A count for a cell: 12345, or 12k where cells are small."""
    return f"{count / 1000:.0f}k" if short and count >= 1000 else f"{count:.0f}" if count % 1 == 0 else f"{count:.4g}"


def _note(axes: "Axes", x: float, y: float, text: str, ha: str) -> None:
    """A remark inside the axes, at a share of their width and height."""
    axes.text(x, y, text, ha=ha, color=COLOURS[0], weight="bold", transform=axes.transAxes)


def readable(axes: "Axes") -> None:
    """Write 200k for 200000 on an axis with large numbers."""
    from matplotlib.ticker import EngFormatter

    for axis in (axes.xaxis, axes.yaxis):
        if np.abs(axis.get_view_interval()).max() >= 1e5:
            axis.set_major_formatter(EngFormatter(sep=""))


def in_words(metric: str) -> str:
    """A metric's name for an axis."""
    return short(metric.replace("_", " "), 30)


def _of_all(shown: pd.DataFrame, data: pd.DataFrame, what: str) -> str:
    """The end of a caption: how many there are besides."""
    return f" The first {len(shown)} of {len(data)} {what}." if len(shown) < len(data) else ""


def _floor(scores: Array) -> float:
    """The score below which one is far worse than most."""
    return float(4 * np.median(scores) - 3 * scores.max())


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


def _thin(x: Array, y: Array) -> tuple[Array, Array]:
    """The points of a curve of which at most `POINTS` are kept, evenly along its length."""
    if len(x) <= POINTS:
        return x, y
    wide, high = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    length = np.append(0, np.cumsum(np.abs(np.diff(x)) / wide + np.abs(np.diff(y)) / high))
    keep = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
    return x[keep], y[keep]


def _sample(data: pd.DataFrame) -> pd.DataFrame:
    """At most `MANY_ROWS` rows, the same ones each time."""
    return data if len(data) <= MANY_ROWS else data.sample(MANY_ROWS, random_state=0).sort_index()


def _tidy(curves: Iterable[_Curve], x: str, y: str) -> pd.DataFrame:
    """One row a point: the columns class, `x` and `y`."""
    return pd.concat(
        [pd.DataFrame({"class": one.label, x: one.x, y: one.y}) for one in curves],
        ignore_index=True,
    )


def _named(evaluation: Evaluation, true: bool = False) -> Array:
    """The names of the true or predicted classes, row by row."""
    labels: Array = np.asarray(evaluation.labels, dtype=object)
    codes: Array = (evaluation.y_true if true else evaluation.y_pred).astype(int)
    named: Array = labels[codes]
    return named


def _most_frequent(evaluation: Evaluation, most: int) -> tuple[list[str], Array, Array]:
    """Names, true and predicted codes of the `most` frequent classes, the others being one."""
    _refuse_several(evaluation)
    true, predicted = evaluation.y_true.astype(int), evaluation.y_pred.astype(int)
    k = len(evaluation.labels)
    if k <= most:
        return evaluation.labels, true, predicted
    kept = np.sort(np.argsort(-np.bincount(true, minlength=k), kind="stable")[: most - 1])
    code = np.full(k, most - 1)
    code[kept] = np.arange(most - 1)
    return [*(evaluation.labels[one] for one in kept), "(all others)"], code[true], code[predicted]


def _refuse_several(evaluation: Evaluation) -> None:
    if evaluation.y_true.ndim > 1:
        raise ValueError("there are several targets, and this chart shows one")


def _of_which(evaluation: Evaluation) -> str:
    """How a caption about one class against the rest begins."""
    if evaluation.y_true.ndim > 1:
        return "Rows that have a label against all others"
    if len(evaluation.labels) <= 2:
        return f"Rows where {evaluation.target} is {evaluation.labels[-1]}"
    return "Rows of one class against all others"


def _absent(evaluation: Evaluation) -> str:
    """The end of a caption: the classes of which the hold-out has no row."""
    codes = np.nonzero(evaluation.y_true)[1] if evaluation.y_true.ndim > 1 else evaluation.y_true.astype(int)
    seen = set(np.unique(codes))
    absent = [label for code, label in enumerate(evaluation.labels) if code not in seen]
    if not absent:
        return ""
    more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
    return f" No row of {evaluation.rows} is of {', '.join(absent[:3])}{more}."


def _one_vs_rest(evaluation: Evaluation) -> list[tuple[str, Array, Array]]:
    """Each class's name, whether a row is of it, and the probability it was given.

    Of two classes, the positive one alone; of several, or of several labels, those that some rows have, and not all.
    """
    if evaluation.y_proba is None:
        raise ValueError("the model gives no probabilities, which this chart is made of")
    k = len(evaluation.labels)
    if evaluation.y_true.ndim > 1:
        classes, hits = range(k), evaluation.y_true.astype(bool)
    else:
        classes = range(k) if k > 2 else range(k - 1, k)
        hits = evaluation.y_true[:, None] == np.arange(k)
    found = [(evaluation.labels[one], hits[:, one], evaluation.y_proba[:, one]) for one in classes]
    usable = [one for one in found if 0 < one[1].sum() < len(one[1])]
    if not usable:
        raise ValueError(f"all rows of {evaluation.rows} are of one class, and this chart sets one against the rest")
    return usable


def _macro_average(curves: list[_Curve]) -> _Curve:
    """The mean of the classes' curves, each class counting the same."""
    x = np.linspace(0, 1, POINTS)
    y = np.mean([np.interp(x, one.x, one.y) for one in curves], axis=0)
    return _Curve("macro-average", x, y, float(np.mean([one.score for one in curves])))


def _draw_curves(
    axes: "Axes",
    curves: list[_Curve],
    average: _Curve,
    legend: str,
    lower_is_better: bool = False,
    **style: Any,
) -> None:
    """Draw a line a class; of many classes the average, the four worst, and the others in grey."""
    if len(curves) == 1:
        axes.plot(curves[0].x, curves[0].y, color=COLOURS[0], **style)
        return
    shown = curves
    if len(curves) > MANY_CLASSES:
        shown = sorted(curves, key=lambda one: one.score, reverse=lower_is_better)[:4]
        for one in curves:
            axes.plot(one.x, one.y, **{**style, "color": LINE, "linewidth": 0.8, "marker": ""})
        label = f"{average.label}\u2002{average.score:.3f}"
        axes.plot(average.x, average.y, **{**style, "color": INK, "linewidth": 2.4}, label=label, zorder=4)
    for number, one in enumerate(shown):
        dash = "--" if number >= len(COLOURS) else "-"
        label = f"{short(one.label, 14)}\u2002{one.score:.3f}"
        axes.plot(one.x, one.y, color=COLOURS[number % len(COLOURS)], linestyle=dash, **style, label=label)
    if len(curves) > len(shown):
        axes.plot([], [], color=LINE, linewidth=0.8, label=f"{len(curves) - len(shown)} others, better")
    box = axes.figure.legend(title=legend, loc="outside right upper", alignment="left", handlelength=1.3)
    box.get_title().set(color=MUTED, size=9.5)


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


def _quantile_groups(values: Array, groups: int) -> Array:
    """The number of each value's group; groups are about equally large, equal values in one."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, max(groups, 1) + 1)))
    return np.digitize(values, edges[1:-1])


def _reliability(hit: Array, proba: Array, bins: int, weights: Array) -> pd.DataFrame:
    """Mean predicted probability, share that came true, number of rows and sum of weights of each bin."""
    groups = _quantile_groups(proba, min(bins, len(proba) // 10))
    kept = weights > 0
    groups, weights = groups[kept], weights[kept]
    table = pd.DataFrame({"predicted": proba, "observed": hit.astype(float)})[kept]
    total = pd.Series(weights).groupby(groups)
    means = table.mul(weights, axis=0).groupby(groups).sum().div(total.sum(), axis=0)
    return means.assign(rows=total.size(), weight=total.sum())


def _draw_intervals(axes: "Axes", table: pd.DataFrame) -> None:
    """Draw the 95 % interval of each bin's share, by Wilson (1927), which suits few rows too."""
    share, n, z = table["observed"], table["rows"], 1.96
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    axes.vlines(table["predicted"], middle - half, middle + half, color=COLOURS[0], linewidth=1, alpha=0.6)


def _draw_spread(axes: "Axes", proba: Array, end: float) -> None:
    """Draw at the foot of the axes how many rows got each probability up to `end`."""
    heights, edges = np.histogram(proba, bins=40, range=(0, end))
    axes.stairs(0.16 * end * heights / heights.max(), edges, fill=True, color=LINE, alpha=0.7, zorder=0)
