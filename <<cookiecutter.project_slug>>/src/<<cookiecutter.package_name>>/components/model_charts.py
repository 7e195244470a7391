"""Charts of the model and of its search: which columns, rows and hyperparameters mattered."""

from typing import Any

import numpy as np

from ..report.drawing import (
    COLOURS,
    DEEP,
    GRID,
    HEIGHT,
    LINE,
    Array,
    Chart,
    Evaluation,
    draw_bars,
    in_words,
    limits,
    new_figure,
    of_all,
    readable,
    short,
    styled,
)


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
    caption += of_all(shown, data, "columns")
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
    return Chart("SHAP values", caption + of_all(shown, data, "columns"), figure, data)


@styled
def learning_curve(evaluation: Evaluation, seconds: float | None = None) -> Chart:
    """What more rows would be worth: the metric by the number of rows that a model learns from.

    It is left out where fitting would take more than about so many `seconds`: by default a thirtieth of the budget of
    the searches, and at most 30.
    """
    data = evaluation.learning_curve(min(30.0, evaluation.seconds) if seconds is None else seconds)
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
    too_few = [f"{name} ({trials})" for name, trials in zip(few["model"], few["trials"], strict=True)]
    if known.empty:
        raise ValueError(f"too few trials have finished to tell what mattered: {', '.join(too_few) or 'none'}")
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
    if too_few:
        caption += f" Too few finished trials to tell: {', '.join(too_few)}."
    if len(names) < known["model"].nunique():
        caption += f" The first {len(names)} models."
    return Chart("What mattered in the search", caption, figure, data)


def _floor(scores: Array) -> float:
    """The score below which one is far worse than most."""
    return float(4 * np.median(scores) - 3 * scores.max())
