"""Package the trained model with what is known of it, ready to be served, sent or stored."""

import shutil
from pathlib import Path

from ..files import read_json, replacing, write_json
from ..report.card import card
from ..schema import Schema
from ..store import seal
from . import run

FINAL = Path("models/final")


def main() -> None:
    """`models/final`, the metrics and the statistics -> `models/package`."""
    schema = Schema.from_json(read_json(FINAL / "schema.json"))
    metrics, statistics = read_json("reports/metrics.json"), read_json("data/interim/profile.json")
    with replacing("models/package") as folder:
        shutil.copytree(FINAL, folder)
        write_json(folder / "metrics.json", metrics)
        write_json(folder / "statistics.json", statistics)
        text = card(
            schema, read_json(FINAL / "result.json"), read_json(FINAL / "environment.json"), metrics, statistics
        )
        (folder / "README.md").write_text(text, encoding="utf-8")
        seal(folder)
    print("models/package is the trained model with its schema, metrics and card")


if __name__ == "__main__":
    run(main)
