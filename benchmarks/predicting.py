"""Batch prediction of a file by a stamped project against `model.predict` on the table in memory."""

import argparse
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import pandas as pd
from measure import HERE, machine, stamp, timed, versions
from running import table
from scaling import watched

GOAL = 1.2


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--trials", type=int, default=40, help="of the search: with few, the final model is a single one"
    )
    parser.add_argument("--limit", type=float, default=20, help="GiB at which either is stopped")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned = table(5_000)
        learned.to_csv(folder / "table.csv", index=False)
        stamp(folder, "project_name=Bench", f"data={folder / 'table.csv'}", "target=target", "estimators=balanced")
        root = folder / "bench"
        search = root / "params/search.yaml"
        text = search.read_text(encoding="utf-8")
        search.write_text(text.replace("trials: 100", f"trials: {given.trials}"), encoding="utf-8")
        timed("dvc", "repro", "--quiet", cwd=root)
        many = pd.concat([learned.drop(columns="target")] * (given.rows // len(learned) + 1), ignore_index=True)
        many.head(given.rows).to_parquet(root / "new.parquet", index=False)
        command = [sys.executable, "-m", "bench", "predict", "new.parquet", "out.parquet"]
        ours, _ = watched("predict", *command, cwd=root, limit=given.limit)
        frame, said = watched(
            "in memory", sys.executable, str(HERE / "predicting.py"), "--in-memory", cwd=root, limit=given.limit
        )
        theirs = json.loads(said.strip().splitlines()[-1])
    ratio = ours.wall / theirs["predict"]
    members = theirs["members"]
    print(f"\n  {given.rows:,} rows, an ensemble of {members} estimators")
    print(f"  predict, file to file, whole command   {ours.wall:7.1f} s {ours.peak:6.2f} GiB at most")
    print(f"  model.predict on the table in memory   {theirs['predict']:7.1f} s {frame.peak:6.2f} GiB at most")
    print(f"  ratio {ratio:.2f}; goal at most {GOAL}: {'kept' if ratio <= GOAL else 'MISSED'}")
    result = {
        "benchmark": "predicting",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(),
        "rows": given.rows,
        "trials": given.trials,
        "members": members,
        "predict": ours._asdict(),
        "in_memory": theirs | {"peak": frame.peak},
        "ratio": round(ratio, 3),
    }
    (HERE / "results/predicting.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def in_memory() -> None:
    """In a project: time `model.predict` on all rows of `new.parquet` at once, and nothing else."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from bench.prediction.pipeline import PredictionPipeline

    pipeline = PredictionPipeline.load()
    features = pipeline.prepare(pd.read_parquet("new.parquet"))
    began = perf_counter()
    pipeline.model.predict(features)
    members = len(getattr(pipeline.model, "members", [pipeline.model]))
    print(json.dumps({"predict": round(perf_counter() - began, 2), "members": members}))


if __name__ == "__main__":
    if sys.argv[1:] == ["--in-memory"]:
        in_memory()
    else:
        main()
