"""Charts of a classification: which classes are mistaken for which, and what the probabilities are worth."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn import metrics

from ..report.drawing import (
    COLOURS,
    HEIGHT,
    INK,
    LINE,
    MUTED,
    SHARES,
    WIDTH,
    Array,
    Chart,
    Evaluation,
    new_figure,
    quantile_groups,
    refuse_several,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY_CLASSES = 10  # past this many, a line a class can no longer be told from the next
POINTS = 200  # of a curve: finer than a screen shows


@styled
def confusion_matrix(evaluation: Evaluation, max_classes: int = 30) -> Chart:
    """How often each class was taken for each other; colours are shares of the true class.

    Beyond `max_classes`, the rarest classes are drawn as one.
    """
    names, true, predicted = _most_frequent(evaluation, max_classes)
    k = len(names)
    counts = np.bincount(true * k + predicted, evaluation.weights, minlength=k * k).reshape(k, k)
    figure, axes = new_figure(max(WIDTH, 2.2 + 0.28 * k), max(HEIGHT, 1.6 + 0.24 * k))
    _draw_squares(figure, axes, counts)
    _name_classes(axes, names, short(evaluation.target, 40))
    caption = "Each row of squares is a true class, and what lies off the diagonal was mistaken."
    if evaluation.weights is not None:
        caption += " Numbers are sums of row weights."
    if k < len(evaluation.labels):
        caption += f" The {len(evaluation.labels) - k + 1} rarest classes are drawn as one."
    data = pd.DataFrame({"true": _named(evaluation, true=True), "predicted": _named(evaluation)})
    return Chart("Confusion matrix", caption + _absent(evaluation), figure, data)


def _draw_squares(figure: "Figure", axes: "Axes", counts: np.ndarray) -> None:
    """Draw a square for each pair of classes, with its count; of few classes, with its share of the true class, too."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import PercentFormatter
    from matplotlib.transforms import offset_copy

    k = len(counts)
    few = k <= 6
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
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


def _name_classes(axes: "Axes", names: list[str], target: str) -> None:
    ticks = np.arange(len(names)) + 0.5
    shown = [short(name, 16 if len(names) <= 12 else 22) for name in names]
    upright = sum(map(len, shown)) <= 50
    axes.set_xticks(ticks, shown)
    if not upright:
        axes.tick_params(axis="x", rotation=40)
        for label in axes.get_xticklabels():
            label.set(ha="right", rotation_mode="anchor")
    axes.set_yticks(ticks, shown)
    axes.set(xlabel=f"Predicted {target}", ylabel=f"True {target}")
    axes.invert_yaxis()
    axes.grid(False)
    axes.spines[:].set_visible(False)


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


@dataclass
class _Curve:
    """A class's line in a chart, its `x` ascending, and the one number that sums it up."""

    label: str
    x: Array
    y: Array
    score: float


def _count(count: float, short: bool) -> str:
    """A count for a cell: 12345, or 12k where cells are small."""
    return f"{count / 1000:.0f}k" if short and count >= 1000 else f"{count:.0f}" if count % 1 == 0 else f"{count:.4g}"


def _note(axes: "Axes", x: float, y: float, text: str, ha: str) -> None:
    """A remark inside the axes, at a share of their width and height."""
    axes.text(x, y, text, ha=ha, color=COLOURS[0], weight="bold", transform=axes.transAxes)


def _thin(x: Array, y: Array) -> tuple[Array, Array]:
    """The points of a curve of which at most `POINTS` are kept, evenly along its length."""
    if len(x) <= POINTS:
        return x, y
    wide, high = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    length = np.append(0, np.cumsum(np.abs(np.diff(x)) / wide + np.abs(np.diff(y)) / high))
    keep = np.unique(np.searchsorted(length, np.linspace(0, length[-1], POINTS)))
    return x[keep], y[keep]


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
    refuse_several(evaluation)
    true, predicted = evaluation.y_true.astype(int), evaluation.y_pred.astype(int)
    k = len(evaluation.labels)
    if k <= most:
        return evaluation.labels, true, predicted
    kept = np.sort(np.argsort(-np.bincount(true, minlength=k), kind="stable")[: most - 1])
    code = np.full(k, most - 1)
    code[kept] = np.arange(most - 1)
    return [*(evaluation.labels[one] for one in kept), "(all others)"], code[true], code[predicted]


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


def _reliability(hit: Array, proba: Array, bins: int, weights: Array) -> pd.DataFrame:
    """Mean predicted probability, share that came true, number of rows and sum of weights of each bin."""
    groups = quantile_groups(proba, min(bins, len(proba) // 10))
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
