"""The report as one HTML page that opens anywhere: no script, no request, everything inline."""

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

HERE = Path(__file__).parent
THIN = "\u202f"  # a thin space at which no line breaks: between thousands, and before a unit
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
WORDS = {"r2": "R²"} | {
    word: word.upper() for word in ("auc", "f1", "mae", "mape", "mcc", "mse", "rmse", "rmsle", "roc")
}
WORDS |= {word: word.title() for word in ("bouldin", "calinski", "davies", "harabasz")}

# What the page can do without: a section with nothing in it is left out.
OPTIONAL: dict[str, Any] = {
    "leaderboard": [],
    "scores": [],
    "charts": [],
    "chosen": None,
    "split": None,
    "profile": None,
    "reproduce": [],
    "baseline": "",
    "intervals": [],
}


def render(context: Mapping[str, Any]) -> str:
    """The page of a run, of which `context` holds the facts as plain values and charts as SVG.

    All text is escaped; the charts' `svg` and the `diagram` of each member are taken as HTML.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for one in (number, share, duration, natural, title, gain, yaml, diagram, diagram_style, value):
        environment.filters[one.__name__] = one
    environment.tests["wide"] = is_wide
    facts = {**OPTIONAL, **context}
    higher = bool(facts["scores"] and facts["scores"][0]["higher_is_better"])
    tracks = positions([(one["score"], one["std"]) for one in facts["leaderboard"]], higher)
    # The ensemble stands first because it is the final model, and competes with none of those that it is made of.
    competing = [one for one in facts["leaderboard"] if one["score"] is not None and one["model"] != "ensemble"]
    ranks = [competing.index(one) + 1 if one in competing else "–" for one in facts["leaderboard"]]
    style = Markup((HERE / "style.css").read_text(encoding="utf-8"))  # nosec B704 # written here, or scikit-learn's own diagram, which escapes
    return environment.get_template("page.html").render(**facts, tracks=tracks, ranks=ranks, style=style)


def number(value: float | None, digits: int = 4) -> str:
    """A number as people write it: four digits, spaces between thousands, a dash for none."""
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if value == 0 or isinstance(value, Integral):
        text = f"{int(value):,}"
    elif size < 1e-4 or size >= 1e9:
        mantissa, exponent = f"{value:.{digits - 2}e}".split("e")
        text = f"{mantissa}×10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    else:
        power = math.floor(math.log10(size))
        decimals = max(0, digits - 1 - power - (power < -1))  # 0.1234, but 0.0123
        text = f"{value:,.{decimals}f}"
    return text.replace("-", "−").replace(",", THIN)


def value(one: Any) -> str:
    """The value of a parameter, as YAML would have it."""
    if one is None or isinstance(one, bool):
        return {None: "null", True: "true", False: "false"}[one]
    return number(one, 3) if isinstance(one, int | float) else str(one)


def share(part: float | None) -> str:
    """A share in per cent, in which little is not nothing and most is not all."""
    if part is None or math.isnan(part):
        return "–"
    percent = 100 * part
    if 0 < percent < 0.1:
        return f"<{THIN}0.1{THIN}%"
    if 99.9 < percent < 100:
        return f">{THIN}99.9{THIN}%"
    return f"{percent:.2g}{THIN}%" if percent < 10 else f"{percent:.0f}{THIN}%"


def duration(seconds: float | None) -> str:
    """A time in the two largest units that it has."""
    if seconds is None or math.isnan(seconds):
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{THIN}min {rest}{THIN}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{THIN}h {minutes}{THIN}min"


def natural(name: str) -> str:
    """A metric's name in words: `roc_auc` is ROC AUC."""
    return " ".join(WORDS.get(word, word) for word in name.split("_"))


def title(name: str) -> str:
    """A metric's name as a heading."""
    words = natural(name)
    return words[:1].upper() + words[1:]


def gain(score: Mapping[str, Any]) -> dict[str, str] | None:
    """How a score compares to its baseline, and whether that is good; None without a baseline."""
    value, baseline = score["value"], score.get("baseline")
    if value is None or baseline is None or not math.isfinite(value) or not math.isfinite(baseline):
        return None
    difference = value - baseline
    if number(value) == number(baseline):
        return {"state": "same", "text": "no better"}
    state = "good" if (difference > 0) == score["higher_is_better"] else "bad"
    if not score["higher_is_better"] and baseline > 0 and value >= 0 and abs(difference) <= 9 * baseline:
        # An error has a true zero, so a share says more than a difference.
        return {
            "state": state,
            "text": f"{share(abs(difference) / baseline)} {'less' if difference < 0 else 'more'}",
        }
    return {"state": state, "text": f"{'+' if difference > 0 else ''}{number(difference, 3)}"}


def positions(
    scores: Sequence[tuple[float | None, float | None]], higher_is_better: bool
) -> list[dict[str, Any] | None]:
    """Where in the leaderboard's plot each score's dot and spread are, in per cent of width.

    Better is further right. A score far worse than most is `off` the scale, which would otherwise
    squeeze the others together.
    """
    sign = 1 if higher_is_better else -1
    known = [(sign * score, std or 0.0) for score, std in scores if score is not None and math.isfinite(score)]
    if len(known) < 2:  # alone, it is neither good nor bad
        return [None] * len(scores)
    best = max(score for score, _ in known)
    middle = sorted(score for score, _ in known)[len(known) // 2]
    limit = best - 4 * (best - middle) if middle < best else -math.inf
    near = [(score, std) for score, std in known if score >= limit]
    low = min(score - std for score, std in near)
    high = max(score + std for score, std in near)
    width = (high - low) or 1.0

    def place(value: float) -> float:
        return round(4 + 92 * min(max((value - low) / width, 0.0), 1.0), 2)

    found: list[dict[str, Any] | None] = []
    for score, std in scores:
        if score is None or not math.isfinite(score):
            found.append(None)
            continue
        at, spread = sign * score, std or 0.0
        left, right = place(at - spread), place(at + spread)
        found.append({"dot": place(at), "left": left, "width": round(right - left, 2), "off": at < low})
    return found


def is_wide(svg: str) -> bool:
    """Whether a chart needs the page's whole width."""
    size = re.search(r'viewBox="\S+ \S+ ([\d.]+)', svg)
    return size is not None and float(size[1]) > 560  # in points


def yaml(text: str) -> Markup:
    """YAML with its keys and comments marked."""
    lines = []
    for line in text.rstrip().splitlines():
        key = re.match(r"(\s*(?:- )*)([\w.\"' -]+?)(:(?:\s.*)?)$", line)
        comment = re.match(r"(\s*)(#.*)$", line)
        if comment:
            lines.append(Markup("{}<i>{}</i>").format(*comment.groups()))
        elif key:
            lines.append(Markup("{}<b>{}</b>{}").format(*key.groups()))
        else:
            lines.append(escape(line))
    return Markup("\n").join(lines)


def diagram(html: str) -> Markup:
    """scikit-learn's diagram, made to stand in a page of its own style.

    Its style goes (`diagram_style` has it once for all). So do its scripts, which choose between its light and dark
    colours, as our page does by a class, and copy the names of parameters; and the text for pages without its style.
    """
    for gone in (
        r"<(script|style)\b.*?</\1>",
        r"</?(?:html|head|body)\b[^>]*>",
        r'<div class="sk-text-repr-fallback">.*?</div>',
        r"<td><button.*?</button></td>",
    ):
        html = re.sub(gone, "", html, flags=re.DOTALL)
    return Markup(re.sub(r"\s+", " ", html).replace('<div class="sk-container" hidden>', '<div class="sk-container">'))  # nosec B704 # written here, or scikit-learn's own diagram, which escapes


def diagram_style(html: str) -> Markup:
    """The style of scikit-learn's diagrams."""
    return Markup("\n".join(re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)))  # nosec B704 # written here, or scikit-learn's own diagram, which escapes
