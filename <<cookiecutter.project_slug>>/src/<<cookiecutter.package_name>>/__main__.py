"""The project's commands: `python -m <package> --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .stages import run


def main(words: Sequence[str] | None = None) -> None:
    """Run one command; `words` are the command line's if None."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}", description="The project's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("check", help="validate params/ without touching the data")
    commands.add_parser("summary", help="print the leaderboard of the last run")
    commands.add_parser("schema", help="write the JSON Schemas that editors complete from into .schema/")
    listing = commands.add_parser("list", help="list the classes, metrics and charts that the params can name")
    listing.add_argument("kind", nargs="?", default="", help="classifier, regressor, transformer, splitter, metric, …")
    listing.add_argument("text", nargs="?", default="", help="only names that hold this text")
    commands.add_parser("nested", help="repeat the whole search on each outer split of params/split.yaml")
    predict = commands.add_parser("predict", help="predict the rows of a table with the trained model")
    predict.add_argument("source", help="a path or a URL of a table")
    predict.add_argument("output", help="the CSV file to write")
    script = commands.add_parser("script", help="print the final model as a script that needs scikit-learn alone")
    script.add_argument("output", nargs="?", help="the file to write instead")
    given = parser.parse_args(words)
    called = {"check": _check, "summary": _summary, "schema": _schema, "list": _list, "nested": _nested}
    (called | {"predict": _predict, "script": _script})[given.command](given)


def _check(given: argparse.Namespace) -> None:
    from .objects.plan import compile_params

    plan = compile_params(Path("params"))
    for note in plan.notes:
        print(f"note: {note}")
    models = [name.removeprefix("models/") for name in plan.slices if name.startswith("models/")]
    print(f"params are valid; models that compete: {', '.join(models)}")


def _summary(given: argparse.Namespace) -> None:
    from .summary import lines

    print("\n".join(lines()))


def _schema(given: argparse.Namespace) -> None:
    from .objects.json_schema import write
    from .objects.reader import read

    packages = (read(Path("params/registry.yaml"))[0] or {}).get("packages") or []
    write(Path(".schema"), packages)
    print("written: .schema/")


def _list(given: argparse.Namespace) -> None:
    from .errors import UserError, nearest
    from .objects.reader import read
    from .objects.registry import KINDS, find_all

    # `make list TEXT=forest` gives no kind.
    kind, text = (given.kind, given.text) if given.kind in KINDS or given.text else ("", given.kind)
    if kind and kind not in KINDS:
        raise UserError(f"there is no kind {kind!r}{nearest(kind, KINDS)}")
    packages = (read(Path("params/registry.yaml"))[0] or {}).get("packages") or []
    found = [one for one in find_all(packages) if kind in ("", one.kind) and text.lower() in one.name.lower()]
    if not found:
        raise UserError(
            f"no {kind or 'class, metric or chart'} has {text!r} in its name (params/registry.yaml names the packages)"
        )
    width, kinds = max(len(one.name) for one in found), max(len(one.kind) for one in found)
    for one in found:
        print(f"{one.name:<{width}}  {one.kind:<{kinds}}  {one.path}")


def _nested(given: argparse.Namespace) -> None:
    from .nested import main as nested

    nested()


def _predict(given: argparse.Namespace) -> None:
    from .errors import UserError
    from .files import read_json, replacing
    from .steps.load import load as load_table
    from .steps.predict import predict, prepare
    from .store import load

    model, schema = load(Path("models/final"), read_json("plan/train.json")["named"])
    data = read_json("plan/data.json")
    try:
        table = load_table(given.source, data["read"], data["missing"])
    except UserError as error:
        raise UserError(error.message) from None  # The table is the command's, not that of params/data.yaml.
    predictions = predict(model, prepare(table, schema), schema)
    with replacing(given.output) as new:
        predictions.to_csv(new, index=False)
    print(f"{len(predictions)} predictions: {given.output}", file=sys.stderr)


def _script(given: argparse.Namespace) -> None:
    from .files import write_text
    from .script.command import script

    text = script()
    if given.output is None:
        print(text, end="")
    else:
        write_text(given.output, text)
        print(f"the final model as a script: {given.output}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
