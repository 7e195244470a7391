"""Charts of several labels a row."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from ..report.drawing import COLOURS, INK, LINE, MUTED, PALE, WIDTH, Chart, Evaluation, new_figure, short, styled

MOST = 40  # labels of a picture; the table beside it has all


@styled
def label_scores(evaluation: Evaluation) -> Chart:
    """How well each label is told, and how many rows have it: F1, precision and recall of what was decided."""
    data = scores_of_labels(evaluation)
    shown = data.head(MOST)
    figure, axes = new_figure(WIDTH, 1.6 + 0.36 * max(len(shown), 4))
    places = np.arange(len(shown))
    axes.barh(places, shown["f1"].fillna(0), height=0.6, color=PALE)
    for name, colour, mark in (("precision", COLOURS[1], "|"), ("recall", COLOURS[0], "o")):
        size = 8 if mark == "|" else 5
        axes.plot(shown[name], places, mark, color=colour, markersize=size, label=name, markeredgewidth=2)
    for place, (_, row) in zip(places, shown.iterrows(), strict=True):
        axes.text(1.02, float(place), f"{int(row['rows'])} rows", va="center", color=MUTED, size=9)
    axes.set_yticks(places, [short(name, 26) for name in shown["label"]])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set(xlim=(0, 1), xlabel="F1 (bars)")
    axes.set_ylim(max(len(shown), 4) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.spines["left"].set_color(LINE)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    caption = (
        f"For each label, of what was decided for {evaluation.rows}: precision, the share of its rows that have it;"
        " recall, the share of the rows with it that were found; and F1, which is high where both are."
    )
    if len(shown) < len(data):
        caption += f" The first {len(shown)} of {len(data)} labels."
    return Chart("Labels", caption, figure, data)


def scores_of_labels(evaluation: Evaluation) -> pd.DataFrame:
    """A row for each label, the most frequent first: rows that have it, and what each metric says of it.

    Raises
    ------
    ValueError
        If there is one target.
    """
    if evaluation.y_true.ndim < 2:
        raise ValueError("it is for several labels a row")
    rows = []
    for position, label in enumerate(evaluation.labels):
        y_true, y_pred = evaluation.y_true[:, position].astype(int), evaluation.y_pred[:, position].astype(int)
        share = None if evaluation.y_proba is None else evaluation.y_proba[:, position]
        known = share is not None and 0 < y_true.sum() < len(y_true)
        rows.append(
            {
                "label": label,
                "rows": int(y_true.sum()),
                "predicted": int(y_pred.sum()),
                "f1": float(f1_score(y_true, y_pred, zero_division=0)),
                "precision": float(precision_score(y_true, y_pred, zero_division=0)),
                "recall": float(recall_score(y_true, y_pred, zero_division=0)),
                "roc_auc": float(roc_auc_score(y_true, share)) if known else np.nan,
                "average_precision": float(average_precision_score(y_true, share)) if known else np.nan,
            }
        )
    return pd.DataFrame(rows).sort_values("rows", ascending=False, kind="stable", ignore_index=True)
