"""Package the trained model with what is known of it, ready to be served, sent or stored."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import UserError
from ..files import read_json, replacing_folder, write_json
from ..objects.allowed import About
from ..objects.build import build
from ..objects.grammar import Grammar
from ..objects.reader import Where
from ..prediction.artifact import compare, load, put
from ..prediction.manifest import seal
from ..project.locked import note_made, read_plan
from ..report.card import card
from ..schema import Schema
from ..steps.predict import prepare
from . import run_stage

FINAL = Path("models/final")
WHERE = Where("plan/package.json")


def main() -> None:
    """`models/final`, the metrics and the statistics -> `models/package`."""
    plan, named = read_plan("package"), read_plan("train")["named"]
    schema = Schema.from_json(read_json(FINAL / "schema.json"))
    metrics, statistics = read_json("reports/metrics.json"), read_json("data/interim/profile.json")
    with replacing_folder("models/package") as folder:
        shutil.copytree(FINAL, folder)
        if plan["example"] == "real":
            write_json(folder / "example.json", read_json("data/interim/rows.json"))
        _check_example(folder, schema)
        write_json(folder / "metrics.json", metrics)
        # Notes may tell single values.
        write_json(folder / "statistics.json", statistics | {"notes": [], "warnings": []})
        text = card(
            schema, read_json(FINAL / "result.json"), read_json(FINAL / "environment.json"), metrics, statistics
        )
        (folder / "README.md").write_text(text, encoding="utf-8")
        seal(folder)
        flavors = [
            build(Grammar().object(one, WHERE.at("exports", i), ["flavor"])) for i, one in enumerate(plan["exports"])
        ]
        failed = _export(folder, flavors, named) if flavors else []
        seal(folder)
    note_made(Path("models/package"))
    print("models/package is the trained model with its schema, metrics and card")
    if failed:
        lacking = "one export" if len(failed) == 1 else f"{len(failed)} exports"
        problem = f"models/package is written without {lacking}: {'; '.join(failed)}"
        raise UserError(problem, "package.yaml", "exports")


def _check_example(folder: Path, schema: Schema) -> None:
    """See that the steps before the model take the example rows."""
    try:
        prepare(pd.DataFrame(read_json(folder / "example.json")), schema)
    except UserError as error:
        raise UserError(
            f"the made-up example rows cannot be prepared: {error}; let the step take any value, because new rows may "
            "bring values that training did not see, or write `example: real`",
            "package.yaml",
            "example",
        ) from error


def _export(folder: Path, flavors: list[Any], named: list[str]) -> list[str]:
    """Write copies of the whole model, and compare those that take features with it.

    Returns
    -------
    For each export that failed, a sentence with its name; the others are written.
    """
    model, schema = load(folder, named)
    features = prepare(pd.DataFrame(read_json(folder / "example.json")), schema)
    about = About(named, folder.resolve(), features)
    (folder / "exports").mkdir()
    failed = []
    for flavor in flavors:
        path = folder / "exports" / f"model{flavor.suffix}"
        try:
            put(model, path, flavor, about)
            if "model" in flavor.suits:
                compare(model, flavor.load(path, about), features, schema, flavor.tolerance, f"in {path.name}")
        except Exception as error:
            # The model itself is kept, whatever becomes of a copy for other programs.
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            message = " ".join(str(error).split())[:300]
            reason = error.message if isinstance(error, UserError) else f"{type(error).__name__}: {message}"
            failed.append(f"{type(flavor).__name__}: {reason}")
            continue
        print(f"models/package/exports/{path.name} is written")
    return failed


if __name__ == "__main__":
    run_stage(main)
