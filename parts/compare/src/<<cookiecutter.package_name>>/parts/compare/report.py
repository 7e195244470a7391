"""The review as Markdown with pictures beside it: `reports/review/report.md`."""

from pathlib import Path
from typing import Any

from ...files import names, replacing_folder
from .differences import Change, Measured, data, final_model, metrics, params, ran_anew, stale
from .intervals import Paired
from .outputs import FOLDER, REVIEW
from .versions import Revision, Version, WorkingTree, default_base, git

PLOTS = "reports/plots"
MANY = 40  # rows of a table that somebody still reads
CLEAR = ("The model is better", "The model is worse")  # than chance would have it


def write(base: str | None, link: str | None = None) -> str:
    """Compare the working tree with a revision and write the report.

    Parameters
    ----------
    base : the revision; None for the branch that `origin` shows first, if there is one.
    link : where the HTML report can be read.

    Returns
    -------
    The report's first sentence, without Markdown.

    Raises
    ------
    UserError
        If git knows no such revision, or the params are wrong.
    """
    name = base or default_base()
    before, here = Revision(name) if name else None, WorkingTree()
    measured, pair = metrics(before, here)
    sentence = verdict(measured, before, pair)
    lines = ["## Review of the model", "", _cell(sentence), "", *_versions(before)]
    if sentence.startswith(CLEAR):
        lines[2] = f"**{lines[2]}**"
    outdated = stale()
    if outdated:
        lines += [
            "",
            f"`dvc.lock` is not of these files: `make run` would begin with {_listed(outdated)}. Below: the last run.",
        ]
    lines += _metrics(measured, pair, before, here)
    if before:
        lines += _params(before, here) + _data(before, here) + _stages(before, here, outdated)
    known = [name for name in names(FOLDER) if REVIEW.fullmatch(name)]
    with replacing_folder(FOLDER, known) as folder:
        folder.mkdir()
        lines += _charts(before, here, folder)
        lines += ["", f"[The whole report]({link})"] if link else []
        (folder / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return sentence


def verdict(measured: list[Measured], before: Version | None, pair: Paired) -> str:
    """Say in one sentence what has become of the metric that the search optimises."""
    first = next((one for one in measured if one.more is not None), None)
    if first is None or first.after is None:
        return "There are no metrics here yet: make run makes them."
    now = f"{first.name} is {_value(first.after)}"
    if before is None:
        return f"There is nothing to compare with: {now}."
    if not first.verdict:
        return f"There is nothing to compare with, for {before.name} has no {first.name}: here {now}."
    if first.verdict == "the same":
        return f"No change: {now}, as in {before.name}."
    which = "more" if first.more else "less"
    went = f"{first.name} went from {_value(first.before)} to {_value(first.after)} ({which} is better)"
    if first.bounds is None:
        return f"Whether the model differs from that in {before.name} cannot be judged: {went}, but {pair.reason}."
    finding = f"The model is {first.verdict} than in"
    if first.verdict == "no clear difference":
        finding = "There is no clear difference from"
    sure = f"on 95 % of resamples of the {pair.rows:,} rows the change is {_bounds(first)}"
    return f"{finding} {before.name}: {went}; {sure}."


def _versions(before: Revision | None) -> list[str]:
    head = (git("rev-parse", "--short", "HEAD") or "").strip()
    changed = " with changes that are not committed" if git("status", "--porcelain", "--untracked-files=no") else ""
    compared = f", compared with {_cell(before.name)} ({before.commit[:7]})" if before else ""
    return [f"Commit {head}{changed}{compared}."] if head else []


def _metrics(measured: list[Measured], pair: Paired, before: Version | None, here: Version) -> list[str]:
    if not measured:
        return []
    lines = ["", "### Metrics", ""]
    if before:
        rows = [
            [one.name, _value(one.before), _value(one.after), _difference(one), _bounds(one), one.verdict]
            for one in measured
        ]
        lines += _table(["metric", before.name, here.name, "change", "95 % interval", ""], rows)
        if pair.same is False:
            lines += ["", "The rows are not the same, so part of the change is that of the rows."]
    else:
        lines += _table(["metric", here.name], [[one.name, _value(one.after)] for one in measured])
    models = [(one.name, final_model(one)) for one in (before, here) if one]
    rows = [
        [name, str(one.get("model")), str(one.get("class")), str(one.get("metric")), _spread(one)]
        for name, one in models
        if one
    ]
    lines += ["", *_table(["", "final model", "class", "metric", "cross-validated"], rows)] if rows else []
    for name, one in models:
        missing = len((one or {}).get("unfitted", []))
        if missing:
            which = "1 more member was" if missing == 1 else f"{missing} more members were"
            lines += ["", f"In {name}, {which} chosen and could not be fitted within the seconds for the final model."]
    return lines


def _params(before: Version, here: Version) -> list[str]:
    changes, faults = params(before, here)
    lines = ["", "### Parameters", ""]
    lines += _changes(changes, before, here) if changes else ["No value in `params/` has changed."]
    return [*lines, *(["", *(f"- cannot be compared: {_cell(one)}" for one in faults)] if faults else [])]


def _data(before: Version, here: Version) -> list[str]:
    found = data(before, here)
    if not found:
        return []
    same = all(one.before == one.after for one in found)
    lines = ["The same in both."] if same else _changes(found, before, here)
    return ["", "### Data", "", *lines]


def _stages(before: Version, here: Version, outdated: list[str] | None) -> list[str]:
    ran = ran_anew(before, here)
    lines = [f"Ran anew since {_cell(before.name)}: {_listed(ran)}." if ran else "No stage ran anew."]
    if outdated is None:
        lines.append("Whether all stages are up to date, DVC cannot say here.")
    elif not outdated:
        lines.append("All stages are up to date.")
    return ["", "### Pipeline", "", " ".join(lines)]


def _charts(before: Version | None, here: WorkingTree, folder: Path) -> list[str]:
    """The pictures of the report's charts, copied into the folder: of both sides where these differ."""
    lines: list[str] = []
    for path in here.pictures(PLOTS):
        title = Path(path).stem.replace("_", " ").capitalize()
        new, old = here.output(path), before.output(path) if before else None
        sides = {"here": new} if old == new else {"before": old, "here": new}
        shown = {side: content for side, content in sides.items() if content is not None}
        for side, content in shown.items():
            (folder / f"{Path(path).stem}.{side}.png").write_bytes(content)
        names = {"before": before.name if before else "", "here": "the same in both" if old == new else here.name}
        pictures = [f"![{title}]({Path(path).stem}.{side}.png)" for side in shown]
        heads = " | ".join(_cell(names[side]) for side in shown)
        table = [f"| {heads} |", f"|{'---|' * len(shown)}", f"| {' | '.join(pictures)} |"]
        lines += ["", "<details>", f"<summary>{title}</summary>", "", *table, "", "</details>"]
    return ["", "### Charts", *lines] if lines else []


def _changes(changes: list[Change], before: Version, here: Version) -> list[str]:
    rows = [[one.name, _text(one.before), _text(one.after)] for one in changes[:MANY]]
    more = ["", f"… and {len(changes) - MANY} more."] if len(changes) > MANY else []
    return _table(["", before.name, here.name], rows) + more


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(_cell(one) for one in row)} |" for row in [head, *rows]]
    return [lines[0], f"|{'---|' * len(head)}", *lines[1:]]


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "" if value is None else str(value)


def _difference(one: Measured) -> str:
    both = isinstance(one.before, int | float) and isinstance(one.after, int | float)
    return f"{one.after - one.before:+.3g}" if both else ""


def _bounds(one: Measured) -> str:
    return "" if one.bounds is None else f"{one.bounds[0]:+.2g} to {one.bounds[1]:+.2g}"


def _spread(model: dict[str, Any]) -> str:
    score, std = model.get("score"), model.get("std")
    return "" if score is None else _value(score) + (f" ± {std:.2g}" if isinstance(std, int | float) else "")


def _text(value: Any) -> str:
    listed = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value  # as the params write it
    text = "" if listed is None else str(listed)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names[:MANY]) + (" …" if len(names) > MANY else "")


def _cell(text: object) -> str:
    """Text that stays in its cell of a table and starts no markup."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{one}" if one in "\\|`*_<>[]@#" else one for one in plain)
