"""Summarise a results file: scores, ranks, sml against each other contender, and what the budget was.

`python benchmarks/automl/summary.py results/60s.jsonl` prints it and writes `results/60s.md`.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest, wilcoxon

METRICS = {"neg_log_loss": "log loss", "roc_auc": "ROC AUC", "neg_root_mean_squared_error": "RMSE"}
# Two errors that differ by less than this share of the dummy's error are a tie.
TIE = 1e-4


class Pair(NamedTuple):
    """How the first of two contenders fared against the second, on the splits that both have run.

    `difference` is the mean of the other's error less its own, as a share of the error of predicting the mean or the
    shares of the classes: above 0, the first is better. The p-values are two-sided; nan where there is nothing to test.
    """

    other: str
    wins: int
    ties: int
    losses: int
    tables_won: int
    tables: int
    difference: float
    p_wilcoxon: float
    p_sign: float
    p_tables: float


def main() -> None:
    """Summarise the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="a .jsonl file that run.py wrote")
    parser.add_argument("--of", default="sml", help="the contender that is compared with each other one (default sml)")
    given = parser.parse_args()
    report(given.results, given.of)


def report(results: Path, of: str = "sml") -> None:
    """Print the summary and write it as Markdown beside the results."""
    lines = frame(read(results))
    parts = [
        _heading(results, lines),
        "## Mean scores\n\nOver the splits that a contender finished; in brackets the splits it failed on. "
        "The best of a row, of those "
        "that never failed, is bold.\n\n" + _table(_scores(lines)),
        "## Ranks\n\nMean rank over the splits that every contender has run (1 is best; a failure shares the last "
        "rank).\n\n" + _table(_ranks(lines)),
        _pairs(lines, of),
        _budget(lines),
        _failures(lines),
    ]
    text = "\n\n".join(part for part in parts if part) + "\n"
    print(text)
    results.with_suffix(".md").write_text(text, encoding="utf-8")


def read(results: Path) -> list[dict[str, Any]]:
    """The lines of a results file; of a run that was repeated the last, in its first place."""
    kept = {}
    for text in results.read_text(encoding="utf-8").splitlines():
        if text.strip():
            line = json.loads(text)
            kept[line["table"], line["split"], line["contender"], line["seconds"]] = line
    return list(kept.values())


def frame(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """The lines as a table. A failure has the error infinity, so it loses against whatever has not failed."""
    found = pd.DataFrame(lines)
    for name in ("estimators", "versions", "failure"):
        found[name] = found[name].astype(object) if name in found else None
    found["failed"] = found["score"].isna()
    found["error"] = found["error"].astype("float64").where(~found["failed"], math.inf)
    for name in ("fit_seconds", "predict_seconds", "peak_mb", "cpu"):
        found[name] = found[name].astype("float64") if name in found else math.nan
    return found


def ranks(lines: pd.DataFrame) -> pd.DataFrame:
    """A row for each split that every contender has run, a column for each contender: its rank there, ties shared."""
    errors = lines.pivot_table(index=["table", "split"], columns="contender", values="error", aggfunc="last")
    return errors.dropna().rank(axis=1)


def pair(lines: pd.DataFrame, one: str, other: str) -> Pair:
    """Compare two contenders.

    A failure loses. For the size of a difference it counts as the error of the dummy, or as the other's if that is
    worse.
    """
    wide = lines.pivot_table(index=["table", "split"], columns="contender", values="error", aggfunc="last")
    wide = wide[[one, other]].dropna()
    dummy = lines.groupby(["table", "split"])["dummy_error"].last().loc[wide.index]
    won = _sign(wide[other], wide[one], dummy * TIE)
    worst = np.maximum(dummy, wide.where(np.isfinite(wide)).max(axis=1).fillna(0))
    counted = wide.apply(lambda errors: errors.where(np.isfinite(errors), worst))
    difference = (counted[other] - counted[one]) / dummy
    by_table = difference.groupby(level="table").mean()
    wins, losses = int((won > 0).sum()), int((won < 0).sum())
    return Pair(
        other,
        wins,
        int((won == 0).sum()),
        losses,
        int((by_table > 0).sum()),
        len(by_table),
        float(difference.mean()),
        _wilcoxon(difference),
        float(binomtest(wins, wins + losses).pvalue) if wins + losses else math.nan,
        _wilcoxon(by_table),
    )


def _sign(more: pd.Series, less: pd.Series, tie: pd.Series) -> np.ndarray:
    """1 where `more` is the larger, -1 where `less` is, 0 where they differ by at most `tie`, or both failed."""
    both = np.isinf(more) & np.isinf(less)
    difference = (more - less).where(~both, 0.0)
    return np.where(difference.abs() <= tie, 0, np.sign(difference))


def _wilcoxon(differences: pd.Series) -> float:
    return float(wilcoxon(differences).pvalue) if (differences != 0).any() else math.nan


def _heading(results: Path, lines: pd.DataFrame) -> str:
    tables, splits = lines["table"].nunique(), lines.groupby("table")["split"].nunique().max()
    seconds = ", ".join(f"{one:g}" for one in sorted(lines["seconds"].unique()))
    load = lines["load_before"]
    text = [
        f"# {results.stem}",
        f"{tables} tables, up to {splits} splits, {seconds} seconds, {lines['cores'].max()} cores; measured from "
        f"{lines['date'].min()} to {lines['date'].max()}. Load before a run: median {load.median():.2f}, "
        f"at most {load.max():.2f}.",
    ]
    for name, own in lines.groupby("contender", sort=False):
        known = own["versions"].dropna()
        said = {", ".join(f"{package} {version}" for package, version in one.items()) for one in known}
        extra = f" (estimators={', '.join(sorted(own['estimators'].dropna().unique()))})" if "sml" in str(name) else ""
        text.append(f"- {name}{extra}: {' | '.join(sorted(said)) or 'never finished'}")
    return "\n\n".join(text[:2]) + "\n\n" + "\n".join(text[2:])


def _scores(lines: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for name, own in lines.groupby("table", sort=False):
        metric = own["metric"].iloc[0]
        row = {"table": name, "rows": f"{own['rows'].iloc[0]:,}", "metric": METRICS[metric]}
        means = own[~own["failed"]].groupby("contender")["score"].mean()
        whole = means.drop(own.loc[own["failed"], "contender"].unique(), errors="ignore")
        best = whole.max() if metric == "roc_auc" else whole.min()
        for contender, theirs in own.groupby("contender", sort=False):
            failed = int(theirs["failed"].sum())
            text = f"{means[contender]:.5g}" if contender in means else "failed"
            text = f"**{text}**" if contender in means and means[contender] == best else text
            row[str(contender)] = f"{text} ({failed})" if failed else text
        rows.append(row)
    order = list(lines["contender"].unique())
    return pd.DataFrame(rows)[["table", "rows", "metric", *order]].fillna("")


def _ranks(lines: pd.DataFrame) -> pd.DataFrame:
    found = ranks(lines)
    means = found.mean().sort_values()
    firsts = found.eq(found.min(axis=1), axis=0).sum()
    return pd.DataFrame(
        {
            "contender": means.index,
            "mean rank": [f"{one:.2f}" for one in means],
            "first": [str(firsts[name]) for name in means.index],
            "splits": str(len(found)),
        }
    )


def _pairs(lines: pd.DataFrame, of: str) -> str:
    others = [name for name in lines["contender"].unique() if name != of]
    if of not in set(lines["contender"]) or not others:
        return ""
    found = [pair(lines, of, other) for other in others]
    table = pd.DataFrame(
        {
            f"{of} against": [one.other for one in found],
            "wins - ties - losses": [f"{one.wins} - {one.ties} - {one.losses}" for one in found],
            "tables won": [f"{one.tables_won} of {one.tables}" for one in found],
            "mean difference": [f"{one.difference:+.4f}" for one in found],
            "p, Wilcoxon, splits": [f"{one.p_wilcoxon:.3g}" for one in found],
            "p, sign, splits": [f"{one.p_sign:.3g}" for one in found],
            "p, Wilcoxon, tables": [f"{one.p_tables:.3g}" for one in found],
        }
    )
    return (
        f"## {of} against each\n\n"
        "A difference is the other's error less its own, as a share of the error of predicting the mean or the shares "
        "of the classes: above 0, it is better. Splits of one table share rows, so the tests over splits are too sure "
        "of themselves; the one over the tables' mean differences is not.\n\n" + _table(table)
    )


def _budget(lines: pd.DataFrame) -> str:
    rows = []
    for name, own in lines.groupby("contender", sort=False):
        over = own["fit_seconds"] - own["seconds"]
        share = own["fit_seconds"] / own["seconds"]
        rows.append(
            {
                "contender": name,
                "fit seconds, median": f"{own['fit_seconds'].median():.1f}",
                "most": f"{own['fit_seconds'].max():.1f}",
                "over by more than 5 %": f"{int((share > 1.05).sum())} of {int(over.notna().sum())}",
                "mean overrun": f"{over.clip(lower=0).mean():.1f} s",
                "wall, median": f"{own['wall'].median():.1f} s",
                "processor, median": f"{own['cpu'].median():.1f} s",
                "peak memory, median": f"{own['peak_mb'].median():.0f} MB",
                "most memory": f"{own['peak_mb'].max():.0f} MB",
                "predict, median": f"{own['predict_seconds'].median():.2f} s",
            }
        )
    return "## Time and memory\n\n" + _table(pd.DataFrame(rows).replace(r"^nan.*", "", regex=True))


def _failures(lines: pd.DataFrame) -> str:
    failed = lines[lines["failed"]]
    if failed.empty:
        return ""
    said = [
        f"- {one.contender}, {one.table}, split {one.split}: {' '.join(str(one.failure).split())[-300:]}"
        for one in failed.itertuples()
    ]
    return "## Failures\n\n" + "\n".join(said)


def _table(table: pd.DataFrame) -> str:
    """A table as Markdown, its columns aligned."""
    cells = [list(map(str, table.columns)), *(list(map(str, row)) for row in table.itertuples(index=False))]
    widths = [max(len(row[number]) for row in cells) for number in range(table.shape[1])]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


if __name__ == "__main__":
    main()
