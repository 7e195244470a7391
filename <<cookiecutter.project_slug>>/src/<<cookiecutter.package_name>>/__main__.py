"""The project's commands: `python -m <package> --help`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from .commands import Commands, count, extra, port
from .parts import behind
from .stages import run, threads


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
    commands.add("nested", _nested, help="repeat the whole search on each outer split of params/split.yaml", alone=True)
    predict = commands.add("predict", _predict, help="predict the rows of a table with the trained model")
    predict.add_argument("source", help="a path or a URL of a table")
    predict.add_argument("output", help="the file to write: .csv, .parquet or .jsonl")
    predict.add_argument("--keep", help="columns of the table to write beside the predictions: id,name")
    predict.add_argument("--model", default="models/package", help="a folder, a URI, registry:prod (%(default)s)")
    predict.add_argument("--rows", type=int, default=50_000, help="how many are predicted at a time (%(default)s)")
    ahead = commands.add(
        "forecast", _forecast, help="predict what follows the table, with a model refitted on all of it", alone=True
    )
    ahead.add_argument("output", nargs="?", default="forecast.csv", help="the file to write (%(default)s)")
    ahead.add_argument("--horizon", type=count, help="how many steps to predict (the horizon in params/data.yaml)")
    ahead.add_argument("--source", help="a table of the rows to predict, with the covariates that the model uses")
    ahead.add_argument("--model", default="models/package", help="a folder, a URI, registry:prod (%(default)s)")
    publish = commands.add(
        "publish", _publish, help="copy the packaged model to a storage, as its latest version", alone=True
    )
    publish.add_argument("uri", nargs="?", help="a folder, s3://…, gs://…, az://… (`storage` of params/package.yaml)")
    register = commands.add("register", _register, help="make the model of the last run a version", alone=True)
    register.add_argument("--version", help="v1.2.3 (the next one)")
    promote = commands.add("promote", _promote, help="put a version into a stage", alone=True)
    promote.add_argument("stage", help="one of `stages` in params/releases.yaml")
    promote.add_argument("--version", help="a version, or a stage for what stands there (the last version)")
    rollback = commands.add(
        "rollback", _rollback, help="put the version into a stage that stood there before", alone=True
    )
    rollback.add_argument("stage", help="one of `stages` in params/releases.yaml")
    for one in (register, promote, rollback):
        one.add_argument("--no-push", action="store_true", help="leave the tag in this repository")
    commands.add("registry", _registry, help="list the versions, the stages that they stand in, and their metrics")
    fetch = commands.add("fetch", _fetch, help="get a registered model, and print its folder")
    fetch.add_argument("which", nargs="?", default="latest", help="a stage, a version, latest (%(default)s)")
    fetch.add_argument("--to", help="the folder to write it into (one in .cache/registry)")
    fetch.add_argument("--repo", help="the address of another git repository")
    commands.add(
        "track", _track, help="send what the trackers of params/tracking.yaml lack of the last runs", alone=True
    )
    serve = commands.add("serve", _serve, help="serve the model over HTTP (the extra `serve`)")
    serve.add_argument("--host", help="the address to listen at (params/serve.yaml)")
    serve.add_argument("--port", type=port, help="the port to listen at (params/serve.yaml)")
    serve.add_argument("--workers", type=count, help="how many processes (params/serve.yaml)")
    notebooks = commands.add("notebooks", _notebooks, help="run notebooks and write them as pages", alone=True)
    notebooks.add_argument("names", nargs="*", help="of notebooks/<name>.py; all of them if none is given")
    notebooks.add_argument("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter, as in YAML")
    commands.add(
        "pair", _pair, help="write the .ipynb of each notebook, or take over what was edited there", alone=True
    )
    badges = commands.add(
        "badges", _badges, help="write badges into README.md that open the notebooks in a browser", alone=True
    )
    badges.add_argument("repository", nargs="?", help="owner/name on GitHub (the git remote `origin`)")
    script = commands.add(
        "script", _script, help="print the final model as a script that needs scikit-learn alone", alone=True
    )
    script.add_argument("output", nargs="?", help="the file to write instead")
    data = commands.add(
        "data", _data, help="import the table that params/data.yaml names in another repository", alone=True
    )
    data.add_argument("--update", action="store_true", help="also take what its branch or tag means by now")
    commands.add(
        "retrain", _retrain, help="take new data, train, and judge the new model against the registered one", alone=True
    )
    compare = commands.add(
        "compare", _compare, help="compare this project with a git revision: reports/review/report.md", alone=True
    )
    compare.add_argument("base", nargs="?", help="a branch, tag or commit (the branch that `origin` shows first)")
    compare.add_argument("--link", help="where the HTML report can be read")
    remote = commands.add("remote", _remote, help="run the pipeline on another machine (params/remote.yaml)")
    remote.add_argument("action", choices=["run", "status", "logs", "fetch", "stop"])
    remote.add_argument("job", nargs="?", help="of several jobs, the one that is meant; `stop all` ends all of them")
    remote.add_argument("--to", help="fetch: a folder to unpack into, instead of taking the outputs over")


def _check(given: argparse.Namespace) -> None:
    from .objects.plan import compile_params
    from .remote.settings import read_remote

    plan = compile_params(Path("params"))
    read_remote(Path("params"))
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
    from .objects.registry import find_all, kinds_of

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


def _nested(given: argparse.Namespace) -> None:
    from .nested import main as nested

    nested()


def _predict(given: argparse.Namespace) -> None:
    from .batch import predict_file
    from .errors import UserError
    from .objects.reader import read
    from .pipeline import PredictionPipeline
    from .steps.load import options_for
    from .targets import check_target

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
        )
    except UserError as error:
        # The table is the command's, not that of params/data.yaml.
        raise UserError(error.message, *(error.place if error.place[:1] != ("data.yaml",) else ())) from None
    print(f"{predicted:,} predictions: {given.output}", file=sys.stderr)


def _forecast(given: argparse.Namespace) -> None:
    from .upcoming import forecast

    print(forecast(given.output, given.horizon, given.source, given.model), file=sys.stderr)


def _publish(given: argparse.Namespace) -> None:
    from .errors import UserError
    from .objects.plan import read_package
    from .pipeline import MODEL
    from .storage import publish

    uri = given.uri or read_package(Path("params"))["storage"]
    if not uri:
        raise UserError("it is not said where: give a URI, or write `storage: <URI>`", "package.yaml")
    print(publish(Path(MODEL), uri))


def _register(given: argparse.Namespace) -> None:
    from .model_registry.commands import register

    print("\n".join(register(given.version, not given.no_push)))


def _promote(given: argparse.Namespace) -> None:
    from .model_registry.commands import promote

    print("\n".join(promote(given.stage, given.version, not given.no_push)))


def _rollback(given: argparse.Namespace) -> None:
    from .model_registry.commands import roll_back

    print("\n".join(roll_back(given.stage, not given.no_push)))


def _registry(given: argparse.Namespace) -> None:
    from .model_registry.commands import table

    print("\n".join(table()))


def _fetch(given: argparse.Namespace) -> None:
    from .model_registry.fetch import copy, fetch

    if given.to is None:
        print(fetch(given.which, given.repo))
    else:
        copy(given.which, Path(given.to), given.repo)
        print(given.to)


def _data(given: argparse.Namespace) -> None:
    from .imported import bring

    done = bring(Path("params"), given.update)
    if done:
        print(done)


def _retrain(given: argparse.Namespace) -> None:
    from .retraining.command import retrain

    print(retrain())


def _track(given: argparse.Namespace) -> None:
    from .errors import UserError
    from .tracking.follow import track

    try:
        done = track()
    except FileNotFoundError as error:
        raise UserError(f"there is no search yet: `make run` makes one ({error.filename} is missing)") from None
    if not done.trackers:
        raise UserError("no tracker is named here as the pipeline ran last: such as [{class: MLflow}]", "tracking.yaml")
    for sentence in done.lost:
        print(f"note: {sentence}")
    if done.lacking:
        raise UserError("; ".join(done.lacking))
    print(f"{', '.join(done.trackers)}: all {done.runs} runs are there")


def _serve(given: argparse.Namespace) -> None:
    os.environ.update(threads(rows=1) | os.environ)  # as long as nothing is loaded that makes threads
    with extra("serve"):
        from .service.run import serve
    serve(given.host, given.port, given.workers)


def _compare(given: argparse.Namespace) -> None:
    from .review.report import FOLDER, write

    print(write(given.base, given.link))
    print(f"the report: {(FOLDER / 'report.md').resolve()}")


def _notebooks(given: argparse.Namespace) -> None:
    from .errors import UserError
    from .objects.reader import parse

    with extra("notebooks"):
        from .notebooks import execute
    values = {}
    for word in given.param:
        name, sign, value = word.partition("=")
        if not sign:
            raise UserError(f"a parameter is written as name=value, not {word!r}")
        values[name] = parse(value, f"the parameter {name}")[0]
    for page in execute(given.names, values):
        print(page.resolve())


def _pair(given: argparse.Namespace) -> None:
    with extra("notebooks"):
        from .notebooks import pair
    print("\n".join(map(str, pair())))


def _badges(given: argparse.Namespace) -> None:
    with extra("notebooks"):
        from .badges import write
    print(f"README.md and notebooks/ open from https://github.com/{write(given.repository)}: commit and push them")


def _remote(given: argparse.Namespace) -> None:
    from .remote import command

    if given.action == "status":
        command.status()
    elif given.action == "fetch":
        command.fetch(given.job, given.to)
    else:
        {"run": command.run, "logs": command.logs, "stop": command.stop}[given.action](given.job)


def _script(given: argparse.Namespace) -> None:
    from .script.command import script, write_script

    if given.output is None:
        print(script(), end="")
    else:
        write_script(given.output)
        print(f"the final model as a script: {given.output}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
