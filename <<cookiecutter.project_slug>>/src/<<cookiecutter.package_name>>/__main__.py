"""The project's commands: `python -m <package> --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .commands import Commands
from .parts import behind
from .stages import run


def main(words: Sequence[str] | None = None) -> None:
    """Run one command; `words` are the command line's if None."""
    commands = Commands(f"python -m {__package__}")
    add(commands)
    for _, part in behind("commands"):
        part.add(commands)
    commands.run(words)


def add(commands: Commands) -> None:
    """Add the core's commands."""
    commands.add("check", _check, help="validate params/ without touching the data")
    commands.add("summary", _summary, help="print the leaderboard of the last run")
    commands.add("schema", _schema, help="write the JSON Schemas that editors complete from into .schema/", alone=True)
    listing = commands.add("list", _list, help="list the classes, metrics and charts that the params can name")
    listing.add_argument("kind", nargs="?", default="", help="classifier, regressor, transformer, splitter, metric, …")
    listing.add_argument("text", nargs="?", default="", help="only names that hold this text")
    predict = commands.add("predict", _predict, help="predict the rows of a table with the trained model")
    predict.add_argument("source", help="a path or a URL of a table")
    predict.add_argument("output", help="the file to write: .csv, .parquet or .jsonl")
    predict.add_argument("--keep", help="columns of the table to write beside the predictions: id,name")
    predict.add_argument("--model", default="models/package", help="a model's folder or address (%(default)s)")
    predict.add_argument("--rows", type=int, default=50_000, help="how many are predicted at a time (%(default)s)")


def _check(given: argparse.Namespace) -> None:
    from .objects.plan import compile_params

    plan = compile_params(Path("params"))
    for note in plan.notes:
        print(f"note: {note}")
    models = [name.removeprefix("models/") for name in plan.slices if name.startswith("models/")]
    print(f"params are valid; models that compete: {', '.join(models)}")


def _summary(given: argparse.Namespace) -> None:
    from .report.summary import lines

    print("\n".join(lines()))


def _schema(given: argparse.Namespace) -> None:
    from .objects.json_schema import write
    from .objects.reader import read

    packages = (read(Path("params/registry.yaml"))[0] or {}).get("packages") or []
    write(Path(".schema"), packages)
    print("written: .schema/")


def _list(given: argparse.Namespace) -> None:
    from .errors import UserError, nearest
    from .objects.discovery import find_all, kinds_of
    from .objects.reader import read

    packages = (read(Path("params/registry.yaml"))[0] or {}).get("packages") or []
    entries = find_all(packages)
    known = kinds_of(entries)
    # `make list TEXT=forest` gives no kind.
    kind, text = (given.kind, given.text) if given.kind in known or given.text else ("", given.kind)
    if kind and kind not in known:
        raise UserError(f"there is no kind {kind!r}{nearest(kind, known)}")
    found = [entry for entry in entries if kind in ("", entry.kind) and text.lower() in entry.name.lower()]
    if not found:
        raise UserError(
            f"no {kind or 'class, metric or chart'} has {text!r} in its name (params/registry.yaml names the packages)"
        )
    width, kinds = max(len(one.name) for one in found), max(len(one.kind) for one in found)
    for one in found:
        print(f"{one.name:<{width}}  {one.kind:<{kinds}}  {one.path}")


def _predict(given: argparse.Namespace) -> None:
    from .errors import UserError
    from .objects.reader import read
    from .prediction.batch import predict_file
    from .prediction.observers import observers
    from .prediction.pipeline import PredictionPipeline
    from .project.targets import check_target
    from .steps.load import options_for

    if given.rows < 1:
        raise UserError(f"--rows needs a whole number above 0, not {given.rows}")
    data = read(Path("params/data.yaml"))[0]
    tables = [one for one in (given.source, data.get("source")) if isinstance(one, str)]
    check_target(Path(given.output), sources=tables, folders=[given.model])
    pipeline = PredictionPipeline.load(given.model)
    keep = given.keep.split(",") if given.keep else []
    try:
        predicted = predict_file(
            pipeline,
            given.source,
            given.output,
            read=options_for(given.source, data.get("read"), data.get("source")),
            missing=data.get("missing"),
            keep=keep,
            rows=given.rows,
            observer=observers(pipeline, "batch", Path("params")),
        )
    except UserError as error:
        # The table is the command's, not that of params/data.yaml.
        raise UserError(error.message, *(error.place if error.place[:1] != ("data.yaml",) else ())) from None
    print(f"{predicted:,} predictions: {given.output}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
