"""The drift report: one HTML page in the style of the project's report, which opens anywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ...report import page as report
from ...report import provenance
from ...report.drawing import COLOURS, INK, LINE, MUTED, in_words, new_figure, short, styled, to_svg
from .drift_columns import ColumnDrift
from .drift_found import Found, reasons
from .drift_params import Limits
from .drift_performance import Performance, Score

HERE = Path(__file__).parent
MOST_NEW = 8  # new categories that a row names


def page(found: Found, limits: Limits) -> str:
    """Return the page of a comparison; all text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    for function in (report.number, report.share, report.natural, report.title, bars, p_value):
        environment.filters[function.__name__] = function
    style = Path(report.__file__).with_name("style.css").read_text(encoding="utf-8")
    own = (HERE / "drift_page.css").read_text(encoding="utf-8")
    return environment.get_template("drift_page.html").render(
        project=provenance.project(),
        found=found,
        limits=limits,
        columns=_sorted(found.columns),
        predictions=_sorted(found.predictions),
        reasons=[f"{reason[:1].upper()}{reason[1:]}" for reason in reasons(found)],
        over_time=_over_time(found.performance),
        most_new=MOST_NEW,
        style=Markup(f"{style}\n{own}"),  # nosec B704 # files of this project
    )


def bars(column: ColumnDrift, width: int = 168, height: int = 34) -> list[dict[str, float]]:
    """Return where the bars of a column's two distributions are, those of training and of the window side by side."""
    shift = column.shift
    if shift is None:
        return []
    top = max(*shift.reference, *shift.window, 1e-9)
    step = min(width / len(shift.bins), 34)
    shapes = []
    for place, pair in enumerate(zip(shift.reference, shift.window, strict=True)):
        for side, share in enumerate(pair):
            tall = max((height - 2) * share / top, 0.8 if share else 0)
            left = place * step + side * (step - 2) / 2
            shapes.append(
                {
                    "x": round(left, 1),
                    "y": round(height - tall, 1),
                    "width": round((step - 2) / 2, 1),
                    "height": round(tall, 1),
                    "side": side,
                }
            )
    return shapes


def p_value(value: float | None) -> str:
    """Return a p-value as readers write it."""
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _sorted(columns: Sequence[ColumnDrift]) -> list[ColumnDrift]:
    """Put alarms first, then what has moved most."""

    def moved(column: ColumnDrift) -> tuple[int, float]:
        return -len(column.alarms), -(column.shift.effect if column.shift else 0.0)

    return sorted(columns, key=moved)


def _over_time(performance: Performance | None) -> Markup | None:
    if performance is None or not performance.periods:
        return None
    return Markup(to_svg(_chart(performance), "drift-over-time"))  # nosec B704 # drawn here


@styled
def _chart(performance: Performance) -> Any:
    """Draw the metric over time with its intervals, beside the hold-out's and the dummy model's."""
    figure, axes = new_figure(11, 3.8)
    periods = [period for period in performance.periods if period.value is not None]
    places = np.arange(len(periods))
    values = np.array([period.value for period in periods], dtype=float)
    spread = np.array([_spread(period) for period in periods]).T.reshape(2, -1)
    holdout = performance.holdout
    if holdout.low is not None and holdout.high is not None:
        axes.axhspan(holdout.low, holdout.high, color=COLOURS[0], alpha=0.1, linewidth=0)
    axes.axhline(holdout.value or 0.0, color=COLOURS[0], linewidth=1.2, label="hold-out")
    if performance.baseline is not None:
        axes.axhline(performance.baseline, color=MUTED, linewidth=1, linestyle=":", label="dummy model")
    axes.errorbar(places, values, yerr=spread, fmt="o", color=INK, ecolor=LINE, elinewidth=2, capsize=0, label="window")
    axes.set_xticks(places, [short(_stretch(period), 24) for period in periods], rotation=20, ha="right")
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylabel(in_words(performance.metric))
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.14), ncols=3)
    return figure


def _spread(period: Score) -> tuple[float, float]:
    if period.value is None or period.low is None or period.high is None:
        return 0.0, 0.0
    return max(period.value - period.low, 0.0), max(period.high - period.value, 0.0)


def _stretch(period: Score) -> str:
    return period.start if period.start == period.end else f"{period.start} – {period.end}"
