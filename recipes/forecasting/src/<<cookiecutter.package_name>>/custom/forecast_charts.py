"""Charts of forecasts: how they go on, how wrong they are the further they look, and what a series is made of."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..report.charts import (
    COLOURS,
    HEIGHT,
    INK,
    LINE,
    MUTED,
    WIDTH,
    Chart,
    Evaluation,
    _number,
    new_figure,
    readable,
    short,
    styled,
)
from .series import indexed, named

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_TAIL = 150  # steps of history that are drawn before a forecast
MOST_SEASONS = 40  # of more, a season's line becomes a band


@styled
def forecast(evaluation: Evaluation, most_series: int = 4) -> Chart:
    """The forecast, what came true, and the end of the history before it, of up to so many series."""
    from matplotlib.figure import Figure

    task: Any = evaluation.task
    table = _lines(evaluation)
    names = list(table.index.unique(level=0))
    shown = names[:most_series]
    bands = [name.removeprefix("lower_") for name in map(str, table) if name.startswith("lower_")]
    figure = Figure(figsize=(1.6 * WIDTH, HEIGHT if len(shown) == 1 else 2.1 * len(shown) + 0.6), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    tail = int(min(LONGEST_TAIL, max(4 * task.horizon, 2 * task.season_length_)))
    parts = []
    for name, axes in zip(shown, panels, strict=True):
        whole = table.loc[name]
        first = whole.index[whole["predicted"].notna()].min()
        own = pd.concat([whole[whole.index < first].tail(tail), whole[whole.index >= first]])
        said = own[own["predicted"].notna()]
        for number, band in enumerate(sorted(bands, key=float, reverse=True)):
            label = f"{band} % interval"
            low, high = said[f"lower_{band}"].to_numpy(), said[f"upper_{band}"].to_numpy()
            alpha = 0.14 + 0.1 * number
            axes.fill_between(said.index, low, high, color=COLOURS[1], alpha=alpha, linewidth=0, label=label)
        axes.plot(own.index, own["true"], color=INK, linewidth=1.2, label="true")
        axes.plot(said.index, said["predicted"], color=COLOURS[1], label="forecast", marker="o", markersize=2.5)
        axes.set(ylabel=short(name or evaluation.target, 24))
        readable(axes)
        parts.append(own.assign(series=name).reset_index(names="time"))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), handlelength=1.3)
    caption = f"{task.horizon} steps ahead on {evaluation.rows}, after the end of what the model has seen."
    if bands:
        caption += f" Of a band of {bands[0]} %, about so many of the true values should lie inside."
    if len(shown) < len(names):
        caption += f" {len(shown)} of {len(names)} series."
    return Chart("Forecast", caption, figure, pd.concat(parts, ignore_index=True))


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
        said = np.full(len(rows), np.nan)
        said[there] = naive.predict(known[there])
        truth = fold["truth"].to_numpy(dtype=float)
        errors = {
            "model": np.abs(fold["predicted"].to_numpy(dtype=float) - truth),
            "seasonal_naive": np.abs(said - truth),
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
        f" repeats, and the rest. Strength of the trend {_number(_strength(trend, rest))}, of the season"
        f" {_number(_strength(wave, rest))}: near 1, it explains nearly all; near 0, nothing."
    )
    if len(line) > MOST_SEASONS * season:
        caption += f" Drawn are the last {MOST_SEASONS} seasons."
    return Chart("Decomposition", caption, figure, pd.DataFrame(parts).reset_index(names="time"))


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
    said = pd.DataFrame({"true": evaluation.y_true, "predicted": evaluation.y_pred}, index=asked.index)
    if evaluation.intervals is not None:
        said = said.join(evaluation.intervals)
    said = said.set_axis(indexed(asked, task.time_, task.group_).index)
    learned = evaluation.learned
    past = pd.DataFrame(
        {"true": learned[evaluation.target].to_numpy(dtype=float)}, indexed(learned, task.time_, task.group_).index
    )
    past = past[~past.index.isin(said.index)]
    return pd.concat([past, said[~said.index.duplicated(keep="last")]]).sort_index()
