"""Charts of forecasts: the next values, errors and intervals by the step ahead, and the parts of a series."""

import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ..errors import UserError
from ..report.drawing import (
    COLOURS,
    HEIGHT,
    INK,
    LINE,
    MUTED,
    WIDTH,
    Chart,
    Evaluation,
    in_digits,
    new_figure,
    readable,
    short,
    styled,
)
from ..steps.ensemble import Ensemble, WeightedMean, models, refitted
from ..steps.fit import fit
from ..steps.predict import features as made_features
from .series import indexed, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_TAIL = 150  # steps of history that are drawn before a forecast
MOST_SEASONS = 40  # of more, a season's line becomes a band
MOST_LISTED = 240  # forecasts in a table


@styled
def next_values(evaluation: Evaluation, most_series: int = 4, seconds: float = 60) -> Chart:
    """The forecast of the steps after the end of the table, by a model that has learned from all of it.

    Parameters
    ----------
    most_series : int, default=4
        How many series are drawn.
    seconds : float, default=60
        How long fitting the members again may take.
    """
    task: Any = deepcopy(evaluation.task)
    whole = pd.concat([evaluation.learned, *([] if evaluation.held_out is None else [evaluation.held_out])])
    try:
        asked = made_features(task.upcoming(whole), evaluation.schema)
    except UserError as error:
        raise ValueError(error.message) from None
    rows, target = whole[list(evaluation.schema.features)], whole[evaluation.target]
    _refuse_slow(evaluation.model, rows, target, seconds)
    forecast = task.predict(refitted(evaluation.model, rows, target, task), asked)
    index = indexed(asked, task.time_, task.group_).index
    numbers = forecast.drop(columns=[task.time_, *([task.group_] if task.group_ else [])])
    ahead = numbers.rename(columns={"prediction": "predicted"}).set_axis(index)
    past = pd.DataFrame({"true": target.to_numpy(dtype=float)}, indexed(whole, task.time_, task.group_).index)
    table = pd.concat([past, ahead]).sort_index()
    figure, data = _drawn(table, task, evaluation.target, most_series)
    caption = (
        f"The {task.horizon} steps after the end of the table, forecast by the same members after they have learned "
        f"from all {len(whole):,} rows. The command make forecast writes them to a file."
    )
    series = len(_forecast_series(table))
    caption += f" {most_series} of {series} series are drawn." if series > most_series else ""
    caption += f" The first {MOST_LISTED} are listed." if len(forecast) > MOST_LISTED else ""
    return Chart("Forecast beyond the data", caption, figure, data, forecast.head(MOST_LISTED))


@styled
def forecast(evaluation: Evaluation, most_series: int = 4) -> Chart:
    """The forecast of the held-out steps, their true values, and the end of the history before them."""
    task: Any = evaluation.task
    table = _lines(evaluation)
    figure, data = _drawn(table, task, evaluation.target, most_series)
    caption = f"{task.horizon} steps ahead on {evaluation.rows}, from the end of what the model has learned from."
    bands = _bands(table)
    if bands:
        caption += f" A band of {bands[0]} % should hold about {bands[0]} % of the true values."
    series = len(_forecast_series(table))
    caption += f" {most_series} of {series} series are drawn." if series > most_series else ""
    return Chart("Forecast of the hold-out", caption, figure, data)


@styled
def interval_coverage(evaluation: Evaluation) -> Chart:
    """The share of true values that the intervals held, by the step ahead, beside the share that they should hold.

    The intervals of each fold are made from the errors of the other folds.
    """
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    combine: Any = getattr(evaluation.model, "combine", None)
    if not hasattr(combine, "predict_interval"):
        raise ValueError("the model has no intervals")
    held = _held(evaluation, combine)
    groups = held.groupby("step")
    data = groups.mean().drop(columns="fold").assign(rows=groups.size()).reset_index()
    figure, axes = new_figure()
    names = [f"{100 * share:g} %" for share in combine.coverage]
    for number, (name, share) in enumerate(zip(names, combine.coverage, strict=True)):
        axes.axhline(share, color=COLOURS[number % len(COLOURS)], linestyle=":", linewidth=1.2)
        axes.plot(data["step"], data[name], color=COLOURS[number % len(COLOURS)], marker="o", markersize=4, label=name)
    axes.set(xlabel="Steps ahead", ylabel="Share of true values inside")
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    readable(axes)
    axes.figure.legend(loc="outside upper center", ncols=len(names), handlelength=1.3)
    found = [f"those of {name} held {held[name].mean():.0%}" for name in names]
    caption = (
        f"Intervals made from the errors of the other folds, tried on each fold in turn, {len(held):,} rows in all: "
        f"{', '.join(found)}. The dotted lines are the shares that they should hold."
    )
    return Chart("Coverage of the intervals", caption, figure, data)


@styled
def error_by_horizon(evaluation: Evaluation) -> Chart:
    """The mean absolute error by the step ahead, on rows of the folds, beside that of the seasonal naive."""
    from matplotlib.ticker import MaxNLocator

    task: Any = evaluation.task
    learned, left_out = evaluation.learned, evaluation.left_out()
    if left_out.empty:
        raise ValueError("no rows were left out of training, on which errors could be told")
    features = learned[list(evaluation.schema.features)]
    times = pd.DatetimeIndex(learned[task.time_])
    parts = []
    for _, fold in left_out.groupby("fold"):
        rows = fold["row"].to_numpy(dtype=int)
        before = np.asarray(times < times[rows].min())
        step = pd.factorize(times[rows], sort=True)[0] + 1
        naive = task.wrap(task.dummy()).fit(features[before], learned.loc[before, evaluation.target].to_numpy())
        known = features.iloc[rows]
        series = indexed(known, task.time_, task.group_).index.get_level_values(0)
        there = np.asarray(series.isin(list(naive.model_.ends_)))
        naive_pred = np.full(len(rows), np.nan)
        naive_pred[there] = naive.predict(known[there])
        y_true = fold["truth"].to_numpy(dtype=float)
        errors = {
            "model": np.abs(fold["predicted"].to_numpy(dtype=float) - y_true),
            "seasonal_naive": np.abs(naive_pred - y_true),
        }
        parts.append(pd.DataFrame({"step": step, **errors}))
    table = pd.concat(parts)
    groups = table.groupby("step")
    data = groups.mean().assign(
        rows=groups.size(), low=groups["model"].quantile(0.1), high=groups["model"].quantile(0.9)
    )
    data = data.reset_index()
    figure, axes = new_figure()
    axes.plot(data["step"], data["seasonal_naive"], color=MUTED, linestyle=":", label="seasonal naive")
    axes.fill_between(data["step"], data["low"], data["high"], color=COLOURS[0], alpha=0.13, linewidth=0)
    axes.plot(data["step"], data["model"], color=COLOURS[0], marker="o", markersize=4, label="model")
    axes.set(xlabel="Steps ahead", ylabel="Mean absolute error")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    readable(axes)
    axes.figure.legend(loc="outside upper center", ncols=2, handlelength=1.3)
    caption = (
        f"How far off forecasts of the folds are, {int(data['rows'].min())} or more of each step, by models that had"
        " not seen what follows. The band holds the middle eight in ten errors; the dotted line repeats the last"
        " season."
    )
    return Chart("Error by horizon", caption, figure, data)


@styled
def decomposition(evaluation: Evaluation, series: str | None = None) -> Chart:
    """The longest series (or the one named) as a trend, a season and what is left: moving averages, added up."""
    from matplotlib.figure import Figure

    task: Any = evaluation.task
    learned = evaluation.learned
    lines = pd.Series(
        learned[evaluation.target].to_numpy(dtype=float), indexed(learned, task.time_, task.group_).index
    ).sort_index()
    sizes = lines.groupby(level=0).size()
    name = str(sizes.idxmax()) if series is None else str(series)
    if name not in sizes.index:
        raise ValueError(f"there is no series {name!r}")
    line, season = lines.loc[name], task.season_length_
    if season < 2:
        raise ValueError("the frequency has no season: write season_length into the task")
    if len(line) < 2 * season:
        raise ValueError(f"two seasons of {season} steps are needed, and there are {len(line)} steps")
    weights = np.full(season, 1 / season) if season % 2 else np.r_[0.5, np.ones(season - 1), 0.5] / season
    half = len(weights) // 2
    middle = np.convolve(line.to_numpy(), weights, mode="valid")
    trend = pd.Series(np.r_[[np.nan] * half, middle, [np.nan] * half], line.index)
    place = np.arange(len(line)) % season
    means = (line - trend).groupby(place).mean()
    wave = pd.Series((means - means.mean()).to_numpy()[place], line.index)
    rest = line - trend - wave
    parts = {"observed": line, "trend": trend, "season": wave, "rest": rest}

    figure = Figure(figsize=(1.6 * WIDTH, 1.5 * HEIGHT), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True)
    for axes, (label, values) in zip(panels, parts.items(), strict=True):
        _panel(axes, label, values.iloc[-MOST_SEASONS * season :])
    caption = (
        f"The training rows{named(name)} are the sum of a trend (the moving mean of {season} steps), a season that"
        f" repeats, and the rest. Strength of the trend {in_digits(_strength(trend, rest))}, of the season"
        f" {in_digits(_strength(wave, rest))}: near 1, it explains nearly all; near 0, nothing."
    )
    if len(line) > MOST_SEASONS * season:
        caption += f" Drawn are the last {MOST_SEASONS} seasons."
    return Chart("Decomposition", caption, figure, pd.DataFrame(parts).reset_index(names="time"))


def _bands(table: pd.DataFrame) -> list[str]:
    """Return the coverages of a table's intervals, in per cent."""
    return [name.removeprefix("lower_") for name in map(str, table) if name.startswith("lower_")]


def _forecast_series(table: pd.DataFrame) -> list[str]:
    """Return the series that have a forecast: one that ended early has none in the hold-out."""
    return list(table.index[table["predicted"].notna()].unique(level=0))


def _drawn(table: pd.DataFrame, task: Any, target: str, most_series: int) -> tuple["Figure", pd.DataFrame]:
    """Draw forecasts after the end of the history, a panel for each series; return the figure and its numbers.

    Parameters
    ----------
    table : DataFrame
        By (series, time) the columns `true` and `predicted`, and bounds of intervals.
    """
    from matplotlib.figure import Figure

    shown = _forecast_series(table)[:most_series]
    figure = Figure(figsize=(1.6 * WIDTH, HEIGHT if len(shown) == 1 else 2.1 * len(shown) + 0.6), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    parts = []
    for name, axes in zip(shown, panels, strict=True):
        whole = table.loc[name]
        first = whole.index[whole["predicted"].notna()].min()
        ahead = int((whole.index >= first).sum())
        tail = int(min(LONGEST_TAIL, max(4 * ahead, 2 * task.season_length_)))
        own = pd.concat([whole[whole.index < first].tail(tail), whole[whole.index >= first]])
        _draw_series(axes, own)
        axes.set(ylabel=short(name or target, 24))
        readable(axes)
        parts.append(own.assign(series=name).reset_index(names="time"))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), handlelength=1.3)
    return figure, pd.concat(parts, ignore_index=True)


def _draw_series(axes: "Axes", own: pd.DataFrame) -> None:
    """Draw the history of one series, its forecast and its bands, which begin at the last known value."""
    ahead = own[own["predicted"].notna()]
    known = own.loc[own.index < ahead.index[0], "true"].dropna()
    if len(known):
        bounds = {name: known.iloc[-1] for name in ahead if name != "true"}
        ahead = pd.concat([pd.DataFrame(bounds, index=known.index[-1:]), ahead])
    for number, band in enumerate(sorted(_bands(own), key=float, reverse=True)):
        low, high = ahead[f"lower_{band}"].to_numpy(dtype=float), ahead[f"upper_{band}"].to_numpy(dtype=float)
        alpha = 0.14 + 0.1 * number
        label = f"{band} % interval"
        axes.fill_between(ahead.index, low, high, color=COLOURS[1], alpha=alpha, linewidth=0, label=label)
    axes.plot(own.index, own["true"], color=INK, linewidth=1.2, label="true")
    axes.plot(ahead.index, ahead["predicted"], color=COLOURS[1], label="forecast", marker="o", markersize=2.5)


def _refuse_slow(model: Any, rows: pd.DataFrame, target: pd.Series, seconds: float) -> None:
    """Refuse to fit a model's members again where that would take longer than so many seconds."""
    members = model.members if isinstance(model, Ensemble) else [model]
    if len(members) == 1:
        return
    began = time.monotonic()
    fit(models(members[0])[0], rows, target)
    expected = (time.monotonic() - began) * len(members)
    if expected > seconds:
        raise ValueError(f"fitting {len(members)} members again would take {expected:.0f} s: `make forecast` does it")


def _held(evaluation: Evaluation, combine: Any) -> pd.DataFrame:
    """Return for each row of a fold its step, and for each interval whether it holds the truth.

    The intervals are made from the errors of the other folds.
    """
    task: Any = evaluation.task
    left_out, learned = evaluation.left_out(), evaluation.learned
    numbers = left_out["fold"].unique()
    if len(numbers) < 2:
        raise ValueError("at least two folds are needed: the intervals of one are tried on another")
    features, times = learned[list(evaluation.schema.features)], pd.DatetimeIndex(learned[task.time_])
    parts = []
    for _, fold in left_out.groupby("fold"):
        rows = fold["row"].to_numpy(dtype=int)
        before = np.asarray(times < times[rows].min())
        known = task.difficulty(features.iloc[rows], features[before], learned.loc[before, evaluation.target])
        parts.append(fold.assign(**known))
    table = pd.concat(parts)
    found = []
    for number in numbers:
        own, others = table[table["fold"] == number], table[table["fold"] != number]
        made = clone(combine).set_params(estimator=WeightedMean([1.0]))
        hard = [{key: part[key].to_numpy() for key in ("strata", "scale")} for part in (others, own)]
        known = hard[0] | {"rows": others["row"].to_numpy()}
        made.fit(others[["predicted"]].to_numpy(), others["truth"].to_numpy(), **known)
        bounds = made.predict_interval(own[["predicted"]].to_numpy(), **hard[1])
        y_true = own["truth"].to_numpy()
        inside = {
            f"{100 * share:g} %": (y_true >= bounds[:, 2 * place]) & (y_true <= bounds[:, 2 * place + 1])
            for place, share in enumerate(combine.coverage)
        }
        found.append(pd.DataFrame({"fold": number, "step": own["strata"].to_numpy(), **inside}))
    return pd.concat(found, ignore_index=True)


def _panel(axes: "Axes", label: str, values: pd.Series) -> None:
    if label == "rest":
        axes.axhline(0, color=LINE, linewidth=1)
        axes.scatter(values.index, values, s=4, color=MUTED, linewidth=0)
    else:
        axes.plot(values.index, values, color=INK if label == "observed" else COLOURS[0], linewidth=1.1)
    axes.set(ylabel=label)
    readable(axes)


def _strength(part: pd.Series, rest: pd.Series) -> float:
    """How much of a part there is beside the rest, from 0 to 1 (Wang, Smith and Hyndman, 2006)."""
    both = float((part + rest).var())
    return max(0.0, 1 - float(rest.var()) / both) if both > 0 else 0.0


def _lines(evaluation: Evaluation) -> pd.DataFrame:
    """Truth, forecasts and bounds of all rows by (series, time), in order."""
    task: Any = evaluation.task
    asked = evaluation.features
    shown = pd.DataFrame({"true": evaluation.y_true, "predicted": evaluation.y_pred}, index=asked.index)
    if evaluation.intervals is not None:
        shown = shown.join(evaluation.intervals)
    shown = shown.set_axis(indexed(asked, task.time_, task.group_).index)
    learned = evaluation.learned
    past = pd.DataFrame(
        {"true": learned[evaluation.target].to_numpy(dtype=float)}, indexed(learned, task.time_, task.group_).index
    )
    past = past[~past.index.isin(shown.index)]
    return pd.concat([past, shown[~shown.index.duplicated(keep="last")]]).sort_index()
