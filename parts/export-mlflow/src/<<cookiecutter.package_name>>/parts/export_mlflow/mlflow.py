"""MLflow: the prediction pipeline as a model of its own, with the model's folder, params and the project's code."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec
from mlflow.types import Schema as Columns
from mlflow.types.schema import AnyType
from packaging.version import InvalidVersion, Version

from ...errors import UserError
from ...files import read_json, temporary
from ...objects.allowed import PACKAGE
from ...schema import Schema
from ...steps.predict import predict
from . import served

CODE = Path(__file__).parent.parent.parent
# What prediction needs beside what the model is made of.
NEEDED = ("fsspec", "joblib", "ruamel.yaml")


def save(path: Path, folder: Path, model: Any, features: pd.DataFrame) -> None:
    """Write a model of MLflow's with the model in `folder` and this project's params and code.

    Parameters
    ----------
    model, features : the model itself, and the features of the rows in `folder`'s example: what MLflow loads has to say
        of these what the model says.

    Raises
    ------
    ValueError
        If it does not.
    """
    with _contents(folder) as contents:
        mlflow.pyfunc.save_model(path, **contents)
    schema, rows = Schema.from_json(read_json(folder / "schema.json")), pd.DataFrame(read_json(folder / "example.json"))
    if not len(rows):
        return
    answered, expected = load(path).predict(rows), predict(model, features, schema)
    for name in expected:
        one, other = np.asarray(answered[name]), np.asarray(expected[name])
        if not (np.allclose(one, other) if other.dtype.kind == "f" else (one == other).all()):
            raise ValueError(f"the model that MLflow loads gives another {name!r} than the model")


def load(path: Path) -> Any:
    """The model as MLflow loads it, for rows as they stand in the table."""
    return mlflow.pyfunc.load_model(str(path))


def log(folder: Path, uri: str, experiment: str, run: str) -> None:
    """Log the same model as `model` of a run.

    Parameters
    ----------
    uri : of the tracking server or database.
    experiment, run : MLflow's own names of the experiment and of the run.
    """
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment_id=experiment)  # the model would go to another one
    with _contents(folder) as contents:
        Model.log(None, mlflow.pyfunc, run_id=run, name="model", **contents)


@contextmanager
def _contents(folder: Path) -> Iterator[dict[str, Any]]:
    """What MLflow needs to be told of the model in `folder`, whose files are there until the block ends."""
    schema, rows = Schema.from_json(read_json(folder / "schema.json")), pd.DataFrame(read_json(folder / "example.json"))
    needed = [column.name for column in schema.needed]
    with temporary() as room:
        data = room / "data"
        shutil.copytree(folder, data / "model", ignore=shutil.ignore_patterns("exports"))
        shutil.copytree("params", data / "params")  # they say what the model may hold
        shutil.copytree(CODE, room / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        versions = read_json(folder / "environment.json") | {name: version(name) for name in NEEDED}
        yield {
            "loader_module": served.__name__,
            "data_path": str(data),
            "code_paths": [str(room / PACKAGE)],
            # The pipeline itself gives every column its type. MLflow's types would refuse what it takes: a whole number
            # or a truth value where a float is meant, and a number, a time stamp or a category where a text is.
            "signature": ModelSignature(Columns([ColSpec(AnyType(), name, required=False) for name in needed])),
            "input_example": rows[needed] if len(rows) else None,
            "pip_requirements": requirements(versions),
        }


def requirements(versions: Mapping[str, str]) -> list[str]:
    """Return the packages of a model's `environment.json` as requirements for pip, without Python itself.

    Raises
    ------
    UserError
        If one is no package with a version: pip would read it as an option, an address or something else.
    """
    found = []
    for name, number in versions.items():
        if name == "python":
            continue
        try:
            if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", name):
                raise InvalidVersion
            found.append(f"{name}=={Version(number)}")
        except (InvalidVersion, TypeError):
            raise UserError(
                f"environment.json: {name!r}: {number!r} is no package with a version: `make run` writes it anew"
            ) from None
    return found
