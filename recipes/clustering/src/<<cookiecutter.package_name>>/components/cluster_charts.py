"""Charts of a clustering: where its clusters lie, how large, how different from each other and how stable they are.

They are drawn like those of `report/drawing.py`, which says what an `Evaluation` and a `Chart` are. The colour of a
cluster goes by its number, noise is grey.
"""

from collections.abc import Sized
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

from ..report.drawing import (
    COLOURS,
    DEEP,
    HEIGHT,
    INK,
    LINE,
    MANY_ROWS,
    MUTED,
    PALE,
    SHARES,
    WIDTH,
    Chart,
    Evaluation,
    draw_bars,
    in_words,
    new_figure,
    readable,
    short,
    styled,
)
from ..schema import dtype_of
from .cluster_metrics import refitted, widths
from .clusters import NOISE

MARKERS = ("o", "^", "s", "D", "v", "P")  # for clusters of one colour
MOST_COLOURS, MOST_BARS = 12, 20  # clusters, the largest
MOST_ROWS = 20_000  # that a picture needs to be told of
NUMBERS = ("n_clusters", "n_components")  # parameters that say how many clusters there are to be


@styled
def cluster_projection(evaluation: Evaluation) -> Chart:
    """All rows on the plane on which they are spread most, by the first two principal components."""
    rows, labels = _all_rows(evaluation)
    few = np.arange(len(rows))
    if len(rows) > MANY_ROWS:
        few = np.sort(np.random.default_rng(0).choice(len(rows), MANY_ROWS, replace=False))
    points = evaluation.task.known(rows, rows, None)["X"]
    if points.shape[1] < 2:
        raise ValueError("there is only one number to draw")
    plane = PCA(2, random_state=0).fit(points)
    across, up = plane.transform(points[few]).T
    figure, axes = new_figure(max(WIDTH, 10), HEIGHT + 0.6)
    size = 26 if len(few) < 500 else 14
    found = sorted(set(labels[few].tolist()), key=lambda one: (one == NOISE, one))
    for one in [one for one in found if one < MOST_COLOURS]:
        own = labels[few] == one
        axes.scatter(across[own], up[own], s=size, alpha=0.7, linewidth=0, label=_name(one), **_looks(one))
    rest = labels[few] >= MOST_COLOURS
    if rest.any():
        axes.scatter(across[rest], up[rest], s=size, color=MUTED, alpha=0.4, linewidth=0, label="smaller ones")
    parts = plane.explained_variance_ratio_
    axes.set(xlabel=f"First principal component ({parts[0]:.0%})", ylabel=f"Second ({parts[1]:.0%})")
    figure.legend(loc="outside right upper", handlelength=1.0)
    caption = (
        f"All rows on the plane on which they are spread most: it holds {parts.sum():.0%} of their differences, so"
        " clusters that overlap here may lie apart in other directions."
    )
    if len(few) < len(rows):
        caption += f" {len(few)} rows of {len(rows)}."
    data = pd.DataFrame({"cluster": labels[few], "first": across, "second": up})
    return Chart("Clusters on a plane", caption, figure, data)


@styled
def cluster_sizes(evaluation: Evaluation) -> Chart:
    """The share of the rows that each cluster has, and its share of the held-out rows."""
    from matplotlib.ticker import PercentFormatter

    rows, labels = _learned(evaluation)
    held_out = _said(evaluation, evaluation.features)
    names = sorted(set(labels.tolist()) | set(held_out.tolist()), key=lambda one: (one == NOISE, one))
    drawn = [one for one in names if one < MOST_BARS]
    data = pd.DataFrame(
        {
            "cluster": names,
            "rows": [int((labels == one).sum()) for one in names],
            "share": [float((labels == one).mean()) for one in names],
            "held_out_rows": [int((held_out == one).sum()) for one in names],
            "held_out_share": [float((held_out == one).mean()) for one in names],
        }
    )
    shown = data[data["cluster"].isin(drawn)]
    figure, axes = new_figure(height=max(HEIGHT, 0.9 + 0.24 * len(shown)))
    places = draw_bars(axes, [_name(one) for one in drawn], shown["share"].to_numpy())
    for bar, one in zip(axes.patches, drawn, strict=True):
        bar.set(color=_looks(one)["color"], alpha=0.6)
    caption = f"The share of {len(rows)} rows that each cluster has." + _others(names, drawn)
    if evaluation.rows == "the hold-out":
        axes.scatter(shown["held_out_share"], places, s=34, color=INK, marker="|", linewidth=2, zorder=3)
        caption += (
            f" Black marks are the shares among the {len(held_out)} rows that were held out: where they are far from"
            " the ends of the bars, what was found does not hold for new rows, or these are few."
        )
    axes.set(xlabel="Share of the rows", xlim=(0, None))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return Chart("Sizes of the clusters", caption, figure, data)


@styled
def cluster_profiles(evaluation: Evaluation, top: int = 20) -> Chart:
    """In what the clusters differ: for each, how far its mean of a column is from that of all rows.

    Numbers and dates are in standard deviations; of a category, how far its share is from that among all rows is in
    standard deviations of being it or not. Drawn are the `top` columns and categories that differ most.
    """
    from matplotlib.colors import LinearSegmentedColormap

    rows, labels = _all_rows(evaluation)
    data = profiles(rows, labels)
    if data.empty:
        raise ValueError("there is no number and no category to compare clusters by")
    known = [one for one in dict.fromkeys(data["cluster"]) if one != NOISE]
    clusters = known[:MOST_COLOURS]
    table = data.pivot(index="of", columns="cluster", values="difference")[clusters]
    shown = table.loc[table.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:top]]
    limit = max(1.0, float(np.nanmax(shown.abs().to_numpy())))

    width = max(WIDTH, 3.4 + 0.62 * len(clusters))
    figure, axes = new_figure(width, max(HEIGHT, 1.2 + 0.3 * len(shown)))
    scale = LinearSegmentedColormap.from_list("differences", (COLOURS[1], "#f7c9a5", "white", PALE, COLOURS[0]))
    mesh = axes.pcolormesh(shown.to_numpy(), cmap=scale, vmin=-limit, vmax=limit, edgecolors="white", linewidth=1.5)
    for (row, column), value in np.ndenumerate(shown.to_numpy()):
        colour = "white" if abs(value) > 0.8 * limit else INK
        style: dict[str, Any] = {"ha": "center", "va": "center", "size": 8.5, "in_layout": False}
        axes.text(column + 0.5, row + 0.5, f"{value:+.1f}".replace("-", "−"), color=colour, **style)
    axes.set_xticks(np.arange(len(clusters)) + 0.5, [str(one) for one in clusters])
    axes.set_yticks(np.arange(len(shown)) + 0.5, [short(name, 30) for name in shown.index])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlabel="Cluster")
    axes.invert_yaxis()
    axes.grid(False)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(mesh, aspect=40, pad=0.02)
    bar.set_label("standard deviations from the mean of all rows")
    bar.outline.set_visible(False)
    caption = (
        "What is typical of each cluster: blue is more of it than among all rows, orange less, in standard deviations."
        " Of a category (column = value) it is the share of rows that have it."
    )
    if len(shown) < len(table):
        caption += f" The {len(shown)} of {len(table)} that differ most."
    caption += _others(known, clusters)
    return Chart("Profiles of the clusters", caption, figure, data)


@styled
def silhouette_plot(evaluation: Evaluation) -> Chart:
    """The silhouette of each row, cluster by cluster: how much nearer it is to its own cluster than to the next."""
    labels = _said(evaluation, evaluation.features)
    points = _points(evaluation, evaluation.features)
    if len(labels) > MANY_ROWS:
        few = np.sort(np.random.default_rng(0).choice(len(labels), MANY_ROWS, replace=False))
        labels, points = labels[few], points[few]
    inside = labels[labels != NOISE]
    if not 1 < len(np.unique(inside)) < len(inside):
        raise ValueError(f"{evaluation.rows} lies in one cluster, and this chart sets one against the next")
    found = widths(points, labels)
    data = pd.DataFrame({"cluster": labels, "silhouette": found})
    data = data.sort_values(["cluster", "silhouette"], ascending=[True, False], ignore_index=True)
    known = [one for one in np.unique(labels).tolist() if one != NOISE]
    clusters = [one for one in known if one < MOST_BARS]

    figure, axes = new_figure(height=max(HEIGHT, 1.4 + 0.24 * len(clusters)))
    gap = max(1, round(0.02 * len(data)))
    begin, ticks = 0, []
    for one in clusters:
        own = data.loc[data["cluster"] == one, "silhouette"].to_numpy()
        ends = np.arange(begin, begin + len(own) + 1)
        axes.fill_betweenx(ends, 0, [*own, own[-1]], color=_looks(one)["color"], linewidth=0, step="post")
        ticks.append(begin + len(own) / 2)
        begin += len(own) + gap
    axes.axvline(float(found.mean()), color=MUTED, linewidth=1, linestyle=":")
    axes.axvline(0, color=LINE, linewidth=1)
    axes.set_yticks(ticks, [_name(one) for one in clusters])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlabel="Silhouette", ylim=(begin, -gap))
    axes.grid(False, axis="y")
    caption = (
        f"Each row of {evaluation.rows} is a line: near 1 it lies well inside its cluster, near 0 between two, and"
        f" below 0 another cluster is nearer. The dotted line is the mean, {found.mean():.2f}."
    ) + _others(known, clusters)
    noise = int((labels == NOISE).sum())
    if noise:
        caption += f" {noise} rows are noise, and count as 0."
    return Chart("Silhouettes", caption, figure, data)


@styled
def cluster_comparison(evaluation: Evaluation, column: str | None = None, most: int = 15) -> Chart:
    """How clusters go with a column that was left out: the share of each of its values that each cluster has.

    `column` has the role `ignore`; None takes the first of that role with 2 to `most` values.
    """
    from matplotlib.colors import LinearSegmentedColormap

    left_out = [one.name for one in evaluation.schema.columns if one.role == "ignore" and 1 < one.unique <= most]
    if column is None and not left_out:
        raise ValueError(f"no column with 2 to {most} values was left out by `role: ignore`, to compare clusters with")
    name = column or left_out[0]
    if name not in evaluation.learned:
        raise ValueError(f"the table has no column {name!r}")
    rows, labels = _learned(evaluation)
    values = evaluation.learned.loc[rows.index, name]
    known = values.notna().to_numpy()
    common = values.value_counts().index[:most]
    data = pd.crosstab(values[known], pd.Series(labels, values.index)[known]).loc[common]
    found = sorted(data.columns, key=lambda one: (one == NOISE, one))
    clusters = [one for one in found if one < MOST_COLOURS]
    counts = data[clusters].to_numpy()
    shares = counts / data.to_numpy().sum(axis=1, keepdims=True)

    figure, axes = new_figure(max(WIDTH, 3.0 + 0.62 * len(clusters)), max(HEIGHT, 1.4 + 0.34 * len(data)))
    scale = LinearSegmentedColormap.from_list("shares", SHARES)
    axes.pcolormesh(shares, cmap=scale, vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
    for (row, place), count in np.ndenumerate(counts):
        style: dict[str, Any] = {"ha": "center", "va": "center", "size": 10, "in_layout": False}
        axes.text(place + 0.5, row + 0.5, str(count), color="white" if shares[row, place] > 0.45 else INK, **style)
    axes.set_xticks(np.arange(len(clusters)) + 0.5, ["noise" if one == NOISE else str(one) for one in clusters])
    axes.set_yticks(np.arange(len(data)) + 0.5, [short(value, 24) for value in data.index])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlabel="Cluster", ylabel=short(name, 30))
    axes.invert_yaxis()
    axes.grid(False)
    axes.spines[:].set_visible(False)
    index = adjusted_rand_score(values[known].astype(str), labels[known])
    caption = (
        f"Training rows by cluster and by {name}, which no model saw; colours are shares of each line."
        f" They agree by {index:.2f} (adjusted Rand index: 1 is the same, 0 is chance)."
    ) + _others(found, clusters)
    table = data[found].reset_index(names=name).rename(columns=str)
    return Chart(f"Clusters and {short(name, 24)}", caption, figure, table)


@styled
def number_of_clusters(evaluation: Evaluation) -> Chart:
    """The best score that each model reached with so many clusters, over all finished trials."""
    from matplotlib.ticker import MaxNLocator

    history = evaluation.history()
    numbers = [next((values[name] for name in NUMBERS if values.get(name)), None) for values in history["values"]]
    known = history.assign(clusters=pd.to_numeric(pd.Series(numbers), errors="coerce")).dropna(subset="clusters")
    if known["clusters"].nunique() < 2:
        raise ValueError("no search has tried different numbers of clusters")
    best = "max" if evaluation.higher_is_better else "min"
    data = known.groupby(["model", "clusters"], sort=False)["score"].agg([best, "size"]).reset_index()
    data = data.set_axis(["model", "clusters", "score", "trials"], axis=1).sort_values(["model", "clusters"])
    data = data.astype({"clusters": int})
    figure, axes = new_figure()
    for number, name in enumerate(dict.fromkeys(known["model"])):
        own = data[data["model"] == name]
        colour = COLOURS[number] if number < len(COLOURS) else LINE
        axes.plot(own["clusters"], own["score"], color=colour, marker="o", markersize=4, label=short(name, 24))
    axes.set(xlabel="Clusters", ylabel=f"Cross-validated {in_words(evaluation.metric)}")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    readable(axes)
    figure.legend(loc="outside upper center", ncols=3, handlelength=1.3)
    caption = (
        "The best that each model reached with so many clusters. A clear peak says how many there are; a flat line says"
        " that the rows do not fall into clusters of their own accord, and that your purpose may decide."
    )
    return Chart("How many clusters", caption, figure, data)


@styled
def cluster_stability(evaluation: Evaluation, resamples: int = 20, share: float = 0.5, random_state: int = 0) -> Chart:
    """Which clusters are found again by copies of the model that learn from other rows.

    The mean Jaccard index of a cluster and the one most like it in each copy, which is fitted to a random `share` of
    the rows: Hennig, Cluster-wise assessment of cluster stability, Computational Statistics and Data Analysis 52, 2007.
    """
    rows, labels = _learned(evaluation)
    found = refitted(evaluation.model, rows, rows, resamples, share, random_state)
    clusters = [one for one in np.unique(labels).tolist() if one != NOISE]
    if not clusters:
        raise ValueError("there is no cluster to be found again")
    alike = np.asarray([[_most_alike(labels == one, other) for one in clusters] for other in found])
    data = pd.DataFrame({"cluster": clusters, "mean": alike.mean(axis=0), "std": alike.std(axis=0)})
    shown = data.head(MOST_BARS)
    mean, std = shown["mean"].to_numpy(), shown["std"].to_numpy()
    figure, axes = new_figure(height=max(HEIGHT, 0.9 + 0.24 * len(shown)))
    places = draw_bars(axes, [_name(one) for one in shown["cluster"]], mean)
    axes.hlines(places, mean - std, mean + std, color=DEEP, linewidth=1.4)
    for limit in (0.6, 0.75):
        axes.axvline(limit, color=MUTED, linewidth=1, linestyle=":")
    axes.set(xlabel="Jaccard index with the most similar cluster", xlim=(0, 1))
    index = float(np.mean([adjusted_rand_score(labels, one) for one in found]))
    caption = (
        f"How much of each cluster is found again by {resamples} copies of the model that learned from {share:.0%} of"
        " the rows. Above 0.75 a cluster is there to stay, below 0.6 it should not be trusted (Hennig). Whiskers are"
        f" one standard deviation. The clusterings as wholes agree by {index:.2f} (adjusted Rand index)."
    ) + _others(clusters, shown["cluster"])
    return Chart("Stability of the clusters", caption, figure, data)


def profiles(rows: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    """How each cluster differs from all rows, column by column.

    Returns
    -------
    The columns cluster, of (a column, or `column = value` of one with categories), column, value, mean, all (means or
    shares, in the cluster and among all rows), difference (in standard deviations). Text is left out.
    """
    found = []
    for name in rows:
        dtype = dtype_of(rows[name])
        if dtype == "category":
            common = rows[name].value_counts(normalize=True)
            columns = [(f"{name} = {value}", str(value), rows[name] == value) for value in common.index[:10]]
        else:
            columns = [(str(name), "", rows[name])]
        for of, value, column in columns:
            numbers = column.astype("int64") / 86_400e6 if dtype == "datetime" else column.astype(float)
            numbers = numbers.where(column.notna()) if dtype == "datetime" else numbers
            spread = numbers.std(ddof=0)
            for cluster, mean in numbers.groupby(labels).mean().items():
                difference = (mean - numbers.mean()) / spread if spread > 0 else 0.0
                found.append((cluster, of, str(name), value, mean, numbers.mean(), difference))
    return pd.DataFrame(found, columns=["cluster", "of", "column", "value", "mean", "all", "difference"])


def _said(evaluation: Evaluation, rows: pd.DataFrame) -> np.ndarray:
    """The clusters of some rows, by the final model."""
    return evaluation.task.outputs(evaluation.model, rows).predicted


def _points(evaluation: Evaluation, rows: pd.DataFrame) -> np.ndarray:
    """Some rows in the reference space of the rows that were learned from."""
    points: np.ndarray = evaluation.task.known(rows, evaluation.learned, None)["X"]
    return points


def _learned(evaluation: Evaluation) -> tuple[pd.DataFrame, np.ndarray]:
    """Training rows, at most so many as a picture needs, and their clusters."""
    rows = evaluation.learned[list(evaluation.features)]
    rows = rows if len(rows) <= MOST_ROWS else rows.sample(MOST_ROWS, random_state=0).sort_index()
    return rows, _said(evaluation, rows)


def _all_rows(evaluation: Evaluation) -> tuple[pd.DataFrame, np.ndarray]:
    """The same with the rows that were held out."""
    rows, labels = _learned(evaluation)
    if evaluation.rows != "the hold-out":
        return rows, labels
    both = pd.concat([rows, evaluation.features], ignore_index=True)
    return both, np.append(labels, _said(evaluation, evaluation.features))


def _most_alike(own: np.ndarray, others: np.ndarray) -> float:
    """The largest Jaccard index of a set of rows and a cluster of another clustering."""
    candidates = [others == one for one in np.unique(others) if one != NOISE]
    return max((float((own & one).sum() / (own | one).sum()) for one in candidates), default=0.0)


def _others(clusters: Sized, drawn: Sized) -> str:
    """The end of a caption: how many clusters there are besides."""
    more = len(clusters) - len(drawn)
    return f" {more} smaller clusters are not drawn." if more else ""


def _name(cluster: int) -> str:
    return "noise" if cluster == NOISE else f"cluster {cluster}"


def _looks(cluster: int) -> dict[str, Any]:
    """The colour and the marker of a cluster."""
    if cluster == NOISE:
        return {"color": LINE, "marker": "o", "zorder": 1}
    marker = MARKERS[cluster // len(COLOURS) % len(MARKERS)]
    return {"color": COLOURS[cluster % len(COLOURS)], "marker": marker, "zorder": 2}
