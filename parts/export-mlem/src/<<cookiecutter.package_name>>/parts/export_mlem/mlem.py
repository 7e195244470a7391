"""MLEM: the whole model, saved by MLEM in an environment of its own, from which nothing of the project's suffers.

There `python -m <package>.parts.export_mlem.mlem model.joblib features.parquet folder` runs the end of this module.
"""

import os
import shutil
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from ...files import temporary

SOURCE = Path(__file__).parent.parent.parent
PACKAGE = __name__.split(".")[0]
SECONDS = 300  # it looks through all that the model imports


def save(model: Any, path: Path, features: pd.DataFrame, python: str) -> None:
    """Save a model by the MLEM of another Python.

    Parameters
    ----------
    features : some rows as the model takes them, on which what was saved is compared with the model.
    python : the interpreter of an environment that has MLEM.

    Raises
    ------
    RuntimeError
        If that fails, with the last line of what was said there.
    """
    if not Path(python).exists():
        raise RuntimeError(f"there is no {python}, an environment with MLEM: `make mlem` makes .venv-mlem")
    with temporary() as room:
        stored, rows = room / "model.joblib", room / "features.parquet"
        joblib.dump(model, stored)
        features.to_parquet(rows)
        # MLEM takes code apart that is not below a folder of this name, and fails at some of it.
        packages = room / "site-packages"
        shutil.copytree(SOURCE, packages / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
        command = [str(Path(python).absolute()), "-m", __name__, str(stored), str(rows), str(path.absolute())]
        environment = os.environ | {"PYTHONPATH": str(packages), "MLEM_NO_ANALYTICS": "1"}
        done = subprocess.run(command, env=environment, cwd=room, capture_output=True, text=True, timeout=SECONDS)  # nosec B603
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])


def main(stored: str, rows: str, folder: str) -> None:
    """Save the model by MLEM, load it again, and see that it says the same."""
    from mlem.api import load, save

    model, features = joblib.load(stored), pd.read_parquet(rows)
    save(model, folder, sample_data=features)
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    one, other = (np.asarray(getattr(each, method)(features)) for each in (model, load(folder)))
    if not (np.allclose(one, other) if one.dtype.kind == "f" else (one == other).all()):
        raise RuntimeError("the model that MLEM loads does not say what the model says")


if __name__ == "__main__":
    main(*sys.argv[1:])
