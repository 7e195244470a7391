"""MLflow: the prediction pipeline as a model of its own, with the model's folder, params and the project's code."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType
from mlflow.types import Schema as Columns

from ..files import read_json
from ..schema import Schema
from ..steps.predict import predict
from ..trust import PACKAGE

CODE = Path(__file__).parent.parent
NEEDED = (
    "fsspec",
    "joblib",
    "matplotlib",
    "pyarrow",
    "ruamel.yaml",
)  # for prediction, beside what the model is made of
USED = ("params/package.yaml", "params/predict.yaml", "params/registry.yaml", "plan/train.json")  # by prediction
KINDS = {"number": DataType.double, "datetime": DataType.string, "category": DataType.string, "text": DataType.string}


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
    said, expected = load(path).predict(rows), predict(model, features, schema)
    for name in expected:
        one, other = np.asarray(said[name]), np.asarray(expected[name])
        if not (np.allclose(one, other) if other.dtype.kind == "f" else (one == other).all()):
            raise ValueError("the model that MLflow loads does not say what the model says")


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
    formatted = {one.name for one in schema.needed if one.dtype == "number" and (one.format or one.unit)}
    needed = {one.name: KINDS["text" if one.name in formatted else one.dtype] for one in schema.needed}
    numbers = {name: float for name, kind in needed.items() if kind == DataType.double and name in rows}
    with TemporaryDirectory() as room:
        data = Path(room) / "data"
        shutil.copytree(folder, data / "model", ignore=shutil.ignore_patterns("exports"))
        for file in USED:
            (data / file).parent.mkdir(exist_ok=True)
            shutil.copy(file, data / file)
        shutil.copytree(CODE, Path(room) / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        versions = read_json(folder / "environment.json") | {name: version(name) for name in NEEDED}
        yield {
            "loader_module": f"{PACKAGE}.export.served",
            "data_path": str(data),
            "code_paths": [str(Path(room) / PACKAGE)],
            "signature": ModelSignature(
                Columns([ColSpec(kind, name, required=False) for name, kind in needed.items()])
            ),
            "input_example": rows[list(needed)].astype(numbers),
            "pip_requirements": [f"{name}=={number}" for name, number in versions.items() if name != "python"],
        }
