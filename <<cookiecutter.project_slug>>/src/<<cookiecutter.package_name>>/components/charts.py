"""Charts for those who use a model's predictions: what to decide by them, where they are wrong, and what moves them."""

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix_at_thresholds, precision_recall_fscore_support

from ..report.drawing import (
    COLOURS,
    HEIGHT,
    INK,
    LINE,
    MUTED,
    WIDTH,
    Array,
    Chart,
    Evaluation,
    draw_bars,
    in_words,
    limits,
    new_figure,
    readable,
    short,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 40  # of a picture; the table has all
MOST_VALUES = 50  # of a category: the values of more may name persons, and the report shows none of them
FEW_ROWS = 10  # of a category's value or of a segment, which then may tell of single persons
LISTED = np.linspace(0.05, 0.95, 19)  # thresholds in a table
PARTS = 4  # of a column of numbers: about as many rows in each
RESAMPLES = 30


@styled
def decision_thresholds(
    evaluation: Evaluation, false_positive: float | None = None, false_negative: float | None = None
) -> Chart | None:
    """Precision, recall and the share of flagged rows by the threshold, and what its mistakes cost.

    It is for probabilities of two classes; of others there is no chart.

    Parameters
    ----------
    false_positive, false_negative : float, optional
        What a row costs that is flagged by mistake, and one that is missed, in any unit.
    """
    if evaluation.y_proba is None or evaluation.y_true.ndim > 1 or len(evaluation.labels) != 2:
        return None
    used = float(getattr(getattr(evaluation.model, "combine", None), "best_threshold_", 0.5))
    costs = None if false_positive is None and false_negative is None else (false_positive or 0, false_negative or 0)
    data = _by_threshold(evaluation.y_true.astype(int), evaluation.y_proba[:, 1], costs, evaluation.weights)
    figure, axes = new_figure()
    for name, colour in (("precision", COLOURS[0]), ("recall", COLOURS[1]), ("share flagged", MUTED)):
        axes.plot(data["threshold"], data[name], color=colour, label=name, drawstyle="steps-post")
    axes.axvline(used, color=INK, linewidth=1, linestyle=":")
    axes.set(xlabel=f"Threshold of the probability of {short(evaluation.labels[-1])}", ylabel="Share")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    caption = (
        f"A row is flagged as {evaluation.labels[-1]} where its probability reaches the threshold. Precision is the"
        " share of flagged rows that are right, recall the share of these rows that is found. The dotted line is the"
        f" model's threshold, {used:.2g}."
    )
    if costs:
        caption += _draw_costs(axes, data, used, costs, evaluation.rows)
    axes.figure.legend(loc="outside upper center", ncols=4, handlelength=1.3)
    listed = [int(np.argmin(np.abs(data["threshold"] - one))) for one in sorted({*LISTED.round(2), used})]
    return Chart("Thresholds", caption, figure, data, data.iloc[listed])


def _draw_costs(axes: "Axes", data: pd.DataFrame, used: float, costs: tuple[float, float], rows: str) -> str:
    """Draw what mistakes cost by the threshold; the end of the caption."""
    threshold, cost = data["threshold"].to_numpy(), data["cost"].to_numpy()
    right = axes.twinx()
    right.plot(threshold, cost, color=COLOURS[2], linewidth=2.4)
    right.set(ylabel="Cost of the mistakes", ylim=(0, 1.05 * cost.max() or 1))
    right.spines["right"].set_visible(False)
    right.grid(False)
    axes.plot([], [], color=COLOURS[2], label="cost", linewidth=2.4)
    return (
        f" At a cost of {costs[0]:g} for a row flagged by mistake and {costs[1]:g} for one missed, the threshold"
        f" {threshold[cost.argmin()]:.2g} is cheapest on {rows}: {cost.min():,.6g} instead of"
        f" {cost[np.abs(threshold - used).argmin()]:,.6g}."
    )


def _by_threshold(
    y_true: Array, probability: Array, costs: tuple[float, float] | None, weights: Array | None
) -> pd.DataFrame:
    """A row for each hundredth of the threshold; rows count as their weights say."""
    _, fp, fn, tp, found = confusion_matrix_at_thresholds(y_true, probability, sample_weight=weights)
    weights = np.ones(len(y_true)) if weights is None else weights
    all_right = weights @ y_true
    thresholds = np.linspace(0, 1, 101)
    # `found` descends; the smallest of those that reach a threshold decides as the threshold itself.
    at = np.searchsorted(-found, -thresholds, side="right") - 1
    none = at < 0
    flagged, right, wrong = (np.where(none, 0, values[at]) for values in (tp + fp, tp, fp))
    missed = np.where(none, all_right, fn[at])
    with np.errstate(invalid="ignore"):
        precision = right / flagged
    data = {
        "threshold": thresholds,
        "precision": precision,
        "recall": right / all_right if all_right else np.zeros(len(at)),
        "share flagged": flagged / weights.sum(),
        "flagged by mistake": wrong,
        "missed": missed,
    }
    return pd.DataFrame(data | ({"cost": costs[0] * wrong + costs[1] * missed} if costs else {}))


@styled
def class_scores(evaluation: Evaluation) -> Chart:
    """Precision, recall and F1 of each class, and how many rows are of it."""
    if not evaluation.labels:
        raise ValueError("there are no classes")
    codes = range(len(evaluation.labels))
    asked = partial(
        precision_recall_fscore_support, evaluation.y_true, evaluation.y_pred, labels=codes, zero_division=0
    )
    found = (*asked(sample_weight=evaluation.weights)[:3], asked()[3])
    names = ("precision", "recall", "f1", "rows")
    data = pd.DataFrame({"class": evaluation.labels} | dict(zip(names, found, strict=True)))
    data = data.sort_values("rows", ascending=False, kind="stable", ignore_index=True)
    shown = data.head(MOST_CLASSES)
    figure, axes = new_figure(WIDTH, max(HEIGHT - 1, 1.5 + 0.34 * len(shown)))
    places = draw_bars(axes, shown["class"], shown["f1"].to_numpy())
    for name, colour, mark in (("precision", COLOURS[1], "|"), ("recall", COLOURS[0], "o")):
        axes.plot(shown[name], places, mark, color=colour, label=name, markersize=9 if mark == "|" else 6, mew=2)
    _rows_beside(axes, places, shown["rows"])
    axes.set(xlim=(0, 1.01), xlabel="F1 (bars)")
    axes.figure.legend(loc="outside upper center", ncols=2, handlelength=1.3)
    caption = (
        f"On {evaluation.rows}. Precision is the share of rows predicted to be of a class that belong to it, recall"
        " the share of the class that was found. F1 is high where both are."
    )
    caption += f" The {MOST_CLASSES} most frequent of {len(data)} classes." if len(data) > MOST_CLASSES else ""
    return Chart("Scores by class", caption, figure, data, data)


@styled
def partial_dependence(
    evaluation: Evaluation, top: int = 6, rows: int = 500, grid: int = 20, seconds: float | None = None
) -> Chart:
    """How the prediction changes, on average, with one column: for the `top` columns by permutation importance.

    Parameters
    ----------
    top, rows, grid : int
        How many columns, rows of the hold-out that are averaged, and values of a column are asked about.
    seconds : float
        Where it takes longer, fewer rows are averaged, and then fewer columns drawn; by default a thirtieth of the
        budget of the searches, and at most 20.
    """
    if evaluation.y_true.ndim > 1:
        raise ValueError("there are several targets, and this chart shows one")
    seconds = min(20.0, evaluation.seconds) if seconds is None else seconds
    found, averaged = _dependences(evaluation, top, rows, grid, seconds)
    figure, panels = _panels(len(found))
    labels = list(dict.fromkeys(found[0]["class"]))[-1 if len(evaluation.labels) == 2 else 0 :]
    found = [table[table["class"].isin(labels)] for table in found]
    for axes, table in zip(panels, found, strict=True):
        _draw_dependence(axes, table, labels[: len(COLOURS)])
    what = f"probability of {short(labels[0])}" if len(evaluation.labels) == 2 else "mean probability"
    figure.supylabel(what if evaluation.labels else f"mean {short(evaluation.target)}", color=MUTED, size=10)
    if len(labels) > 1:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, handlelength=1.3)
    caption = (
        f"The mean prediction for {averaged:,} rows of {evaluation.rows} if all had this value in this column and"
        " kept the others: what the model has learned, not what causes what. Columns that go together mislead here."
    )
    return Chart("Partial dependence", caption, figure, pd.concat(found, ignore_index=True))


def _dependences(
    evaluation: Evaluation, top: int, rows: int, grid: int, seconds: float
) -> tuple[list[pd.DataFrame], int]:
    """Return what `_averages` gives for each column, and how many rows it averages."""
    began, everything = time.monotonic(), evaluation.features
    sample = everything.sample(min(len(everything), 10 * FEW_ROWS), random_state=0)
    _averages(evaluation, sample, sample.columns[0], pd.concat([sample.iloc[:1, 0]] * grid))
    expected = (time.monotonic() - began) / len(sample) * top  # for each row that is averaged
    averaged = min(len(everything), int(np.clip(seconds / max(expected, 1e-9), FEW_ROWS, rows)))
    sample = everything.sample(averaged, random_state=0)
    found: list[pd.DataFrame] = []
    for name in _leading(evaluation, top):
        if found and time.monotonic() - began > seconds:
            break
        values = _grid(everything[name], evaluation.schema.features[name], grid)
        if len(values) > 1:
            found.append(_averages(evaluation, sample, name, values))
    if not found:
        raise ValueError("no column of numbers or of few categories has more than one value")
    return found, averaged


def _leading(evaluation: Evaluation, top: int) -> list[str]:
    """The most important columns among those whose values can be shown."""
    importances, dtypes = evaluation.importances(), evaluation.schema.features
    names = importances.sort_values("mean", ascending=False)["feature"]
    shown = [
        name
        for name in names
        if dtypes.get(name) == "number"
        or (dtypes.get(name) == "category" and evaluation.features[name].nunique() <= MOST_VALUES)
    ]
    return shown[:top]


def _grid(values: pd.Series, dtype: str, grid: int) -> pd.Series:
    """The values of a column to ask about: quantiles of numbers, or the most frequent categories."""
    if dtype == "category":
        counts = values.value_counts()
        return pd.Series(counts.index[counts >= FEW_ROWS][:8], dtype=values.dtype)
    known = values.dropna().to_numpy(dtype=float)
    inside = known[(known >= np.quantile(known, 0.02)) & (known <= np.quantile(known, 0.98))] if len(known) else known
    different = np.unique(inside)
    return pd.Series(different if len(different) <= grid else np.linspace(different[0], different[-1], grid))


def _averages(evaluation: Evaluation, sample: pd.DataFrame, name: str, values: pd.Series) -> pd.DataFrame:
    """The mean prediction by the value of a column, asked about all values at once."""
    copies = pd.concat([sample] * len(values), ignore_index=True)
    copies[name] = values.repeat(len(sample)).reset_index(drop=True).astype(sample[name].dtype)
    y_score = evaluation.task.to_scores(evaluation.task.outputs(evaluation.model, copies))
    means = y_score.reshape(len(values), len(sample), -1).mean(axis=1)
    return pd.concat(
        pd.DataFrame({"column": name, "value": values.to_numpy(), "class": label, "mean": column})
        for label, column in zip(evaluation.labels or [evaluation.target], means.T, strict=True)
    )


def _panels(count: int) -> tuple[Any, list["Axes"]]:
    from matplotlib.figure import Figure

    columns = min(2, count)
    lines = -(-count // columns)
    figure = Figure(figsize=(WIDTH, max(HEIGHT, 0.6 + 2 * lines)), layout="constrained")
    panels = list(figure.subplots(lines, columns, sharey=True, squeeze=False).ravel())
    for empty in panels[count:]:
        empty.remove()
    return figure, panels[:count]


def _draw_dependence(axes: "Axes", table: pd.DataFrame, labels: list[str]) -> None:
    numbers = pd.api.types.is_numeric_dtype(table["value"])
    for label, colour in zip(labels, COLOURS, strict=False):
        own = table[table["class"] == label]
        x = own["value"] if numbers else [short(value, 12) for value in own["value"]]
        line, marker = "-" if numbers else "none", "o" if len(own) <= 8 else ""
        axes.plot(x, own["mean"], linestyle=line, marker=marker, ms=5, color=colour, label=short(label, 16))
    if not numbers:
        axes.tick_params(axis="x", rotation=30)
        axes.margins(x=0.15)
    axes.set_title(short(table["column"].iloc[0], 26), size=10)
    readable(axes)


@styled
def error_segments(evaluation: Evaluation, top: int = 5, rows: int = FEW_ROWS, most: int = 15) -> Chart:
    """The metric on parts of the rows, by ranges and values of the `top` columns: where the model is worst.

    Parameters
    ----------
    rows : int
        The fewest rows of a part.
    most : int
        How many parts are drawn; the table has all.
    """
    if evaluation.score is None:
        raise ValueError("the metric cannot be computed for some of the rows")
    whole = evaluation.score(np.arange(len(evaluation.y_true)))
    parts = []
    for name in _leading(evaluation, top):
        for label, positions in _segments(evaluation.features[name], evaluation.schema.features[name], rows):
            score = evaluation.score(positions)
            if np.isfinite(score):
                parts.append((name, label, len(positions), score, _deviation(evaluation.score, positions)))
    if len(parts) < 2:
        raise ValueError(f"no column splits the rows into parts of at least {rows} rows")
    data = pd.DataFrame(parts, columns=["column", "part", "rows", evaluation.metric, "deviation"])
    data = data.sort_values(evaluation.metric, ascending=evaluation.higher_is_better, kind="stable", ignore_index=True)
    shown = data.head(most)
    figure, axes = new_figure(height=max(HEIGHT, 1.2 + 0.24 * len(shown)))
    names = [f"{short(name, 16)} {part}" for name, part in zip(shown["column"], shown["part"], strict=True)]
    places = draw_bars(axes, names, shown[evaluation.metric].to_numpy())
    means, deviations = shown[evaluation.metric], shown["deviation"]
    axes.hlines(places, means - deviations, means + deviations, color=COLOURS[0], linewidth=1.4)
    axes.axvline(whole, color=INK, linewidth=1, linestyle=":")
    _rows_beside(axes, places, shown["rows"])
    axes.set_xlabel(in_words(evaluation.metric))
    readable(axes)
    caption = (
        f"The worst parts of {evaluation.rows} on top: values of the most important columns, and quarters of columns"
        " with many numbers. Whiskers are one standard deviation; a part with few rows may be bad by chance. The dotted"
        " line is the score of all rows."
    )
    caption += f" The first {len(shown)} of {len(data)} parts." if len(shown) < len(data) else ""
    return Chart("Errors by segment", caption, figure, data, data)


def _segments(values: pd.Series, dtype: str, fewest: int) -> Iterator[tuple[str, Array]]:
    """The parts of the rows by one column, each with its name and the positions of its rows."""
    if dtype == "category":
        names = "= " + values.astype(str)
    else:
        parts = values
        if values.nunique() > 2 * PARTS:
            parts = pd.qcut(values, min(PARTS, max(len(values) // fewest, 1)), labels=False, duplicates="drop")
        ends = values.groupby(parts).agg(["min", "max"])
        named = {n: f"{low:.4g} to {high:.4g}" if low < high else f"= {low:.4g}" for n, low, high in ends.itertuples()}
        names = parts.map(named).astype(object)
    part_of = names.where(values.notna(), "missing").to_numpy()
    for name in pd.unique(part_of):
        positions = np.flatnonzero(part_of == name)
        if fewest <= len(positions) < len(values):
            yield str(name), positions


def _deviation(score: Any, positions: Array) -> float:
    """The standard deviation of a score over resamples of its rows."""
    random, size = np.random.default_rng(0), min(len(positions), 1000)
    found = np.array([score(random.choice(positions, size)) for _ in range(RESAMPLES)])
    known = found[np.isfinite(found)]
    return float(known.std() * np.sqrt(size / len(positions))) if len(known) > RESAMPLES / 2 else float("nan")


@styled
def worst_rows(evaluation: Evaluation, rows: int = 15) -> Chart:
    """The rows whose predictions are furthest from the truth, by their numbers."""
    if evaluation.row_numbers is None or evaluation.y_true.ndim > 1:
        raise ValueError("it is for rows of a table with one target")
    data = _misses(evaluation).sort_values("off", ascending=False, kind="stable", ignore_index=True).head(rows)
    data = data[data["off"] > 0.01 * data["off"].max()]
    if data.empty:
        raise ValueError("no row is predicted wrongly")
    figure, axes = new_figure(height=max(HEIGHT, 1.2 + 0.24 * len(data)))
    numbered = pd.api.types.is_integer_dtype(data["row"])
    names = [f"row {row}" if numbered else row for row in data["row"]]
    if evaluation.labels:
        places = draw_bars(axes, names, data["off"].to_numpy())
        for place, label in zip(places, data["truth"], strict=True):
            axes.text(1.02, float(place), short(f"is {label}", 24), va="center", color=MUTED, size=9)
        axes.set(xlim=(0, 1), xlabel="Probability given to other classes")
    else:
        places = draw_bars(axes, names, np.zeros(len(data)))
        axes.hlines(places, data["truth"], data["prediction"], color=LINE, linewidth=2)
        axes.plot(data["truth"], places, "o", color=INK, label="truth")
        axes.plot(data["prediction"], places, "o", color=COLOURS[0], label="prediction")
        axes.set(xlabel=short(evaluation.target, 40), xlim=limits(data[["truth", "prediction"]].to_numpy()))
        axes.figure.legend(loc="outside upper center", ncols=2, handlelength=1.3)
        readable(axes)
    caption = (
        f"The {len(data)} rows of {evaluation.rows} that the model is most wrong about: errors in the data, often, or"
        " cases that the columns do not tell apart."
    )
    if numbered:
        caption += " Rows are numbered as in the data, from 1 without the header."
    return Chart("Worst rows", caption, figure, data, data)


def _misses(evaluation: Evaluation) -> pd.DataFrame:
    """Row number, truth, prediction of each row, and how far these are apart."""
    y_true, y_pred = evaluation.y_true, evaluation.y_pred
    rows: Any = evaluation.row_numbers
    if "time" in evaluation.task.keys:  # the date and the series name a row better than its number
        keys = evaluation.features[[*evaluation.schema.role("group"), *evaluation.schema.role("time")]]
        rows = [" ".join(str(key).removesuffix(" 00:00:00") for key in row) for row in keys.itertuples(index=False)]
    if not evaluation.labels:
        data = {"row": rows, "truth": y_true, "prediction": y_pred}
        return pd.DataFrame(data | {"off": np.abs(y_true - y_pred)})
    codes, labels = y_true.astype(int), np.asarray(evaluation.labels, dtype=object)
    off = (y_pred != y_true).astype(float)
    if evaluation.y_proba is not None:
        off = 1 - evaluation.y_proba[np.arange(len(codes)), codes]
    data = {"row": rows, "truth": labels[codes], "prediction": labels[y_pred.astype(int)]}
    return pd.DataFrame(data | {"off": off})


def _rows_beside(axes: "Axes", places: Array, rows: pd.Series) -> None:
    """Write at the right of each bar how many rows it is of."""
    for place, count in zip(places, rows, strict=True):
        style: dict[str, Any] = {"va": "center", "color": MUTED, "size": 9, "transform": axes.get_yaxis_transform()}
        axes.text(1.02, float(place), f"{count:,} rows", **style)
