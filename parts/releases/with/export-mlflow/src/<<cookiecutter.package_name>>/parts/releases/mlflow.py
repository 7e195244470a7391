"""MLflow's registry: runs with the model, numbered versions, aliases."""

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ...errors import UserError
from ...files import replacing_folder, temporary
from ...objects.allowed import About
from ...prediction.artifact import load
from ...prediction.described import read_example
from ...prediction.manifest import MANIFEST, copy_model, seal, verify
from ...prediction.pipeline import MODEL
from ...prediction.trust import read_trusted
from ...project.locked import check_locked
from ...steps.predict import prepare
from ..export_mlflow.components import MLflow
from .guards import check_reachable
from .version import Version

HOLDERS = "holders."  # the tag of the registered model that notes which versions have held a stage
COMMIT = "git.commit"
PARAMS = Path("params")


class Server:
    """A registered model of MLflow's.

    Parameters
    ----------
    uri : of the tracking server or database.
    name : of the registered model.
    """

    def __init__(self, uri: str, name: str) -> None:
        self.uri, self.name = uri, name
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        with self._explained():
            self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def versions(self) -> list[Version]:
        """All versions, by their number."""
        with self._explained():
            found = self.client.search_model_versions(f"name = '{self.name}'", max_results=1000)
            listed = [
                Version(
                    f"v{int(one.version)}",  # it becomes a folder
                    _commit(one.tags.get(COMMIT)),
                    datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
                    self.client.get_run(one.run_id).data.metrics if one.run_id else {},
                )
                for one in found
            ]
        return sorted(listed, key=lambda one: int(one.name[1:]))

    def held(self) -> dict[str, list[str]]:
        """Of each alias the versions that have held it; what somebody has set in MLflow itself counts."""
        with self._explained():
            if not self._exists():
                return {}
            model = self.client.get_registered_model(self.name)
            held = {}
            for stage, number in model.aliases.items():
                current, noted = f"v{int(number)}", _holders(model.tags.get(HOLDERS + stage))
                held[stage] = noted if noted[-1:] == [current] else [*noted, current]
        return held

    def register(self, version: str, metrics: dict[str, float]) -> str:
        """Log the model of the last run and make it a version."""
        commit = check_reachable()
        with temporary() as room, self._explained():
            _write(room / "model")
            if not self._exists():
                self.client.create_registered_model(self.name)
            run = self.client.create_run(self._experiment(), run_name=f"{self.name} {version}", tags={COMMIT: commit})
            for name, value in metrics.items():
                self.client.log_metric(run.info.run_id, name, value)
            self.client.log_artifacts(run.info.run_id, str(room / "model"), "model")
            self.client.set_terminated(run.info.run_id)
            made = self.client.create_model_version(
                self.name, f"{run.info.artifact_uri}/model", run.info.run_id, tags={COMMIT: commit}
            )
        return f"it is version {made.version} of {self.name} at {self.uri}"

    def assign(self, stage: str, version: str, holders: list[str]) -> str:
        """Point an alias at a version, and note who has held it."""
        with self._explained():
            self.client.set_registered_model_tag(self.name, HOLDERS + stage, json.dumps(holders))
            self.client.set_registered_model_alias(self.name, stage, version[1:])
        return f"the alias {stage} of {self.name} at {self.uri} is set"

    def fetch(self, version: str, folder: Path) -> None:
        """Download the model's folder, which the version holds beside MLflow's own files."""
        with temporary() as room, self._explained():
            source = self.client.get_model_version(self.name, version[1:]).source
            got = Path(download_artifacts(artifact_uri=source, dst_path=str(room), tracking_uri=self.uri))
            manifest = next(got.rglob(MANIFEST), None)
            if manifest is None:
                raise UserError(f"{version} of {self.name} at {self.uri} was not registered by this project")
            with replacing_folder(folder) as new:
                copy_model(manifest.parent, new)

    def _exists(self) -> bool:
        return bool(self.client.search_registered_models(f"name = '{self.name}'"))

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.name)
        return str(found.experiment_id if found else self.client.create_experiment(self.name))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What goes wrong in MLflow, as a sentence."""
        try:
            yield
        except UserError:
            raise
        except (MlflowException, OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"MLflow's registry at {self.uri} fails: {reason}", "releases.yaml", "registry") from error


def _commit(tag: Any) -> str:
    """Return the commit that a tag names, or nothing: everybody who can write to MLflow can write tags."""
    return tag if isinstance(tag, str) and re.fullmatch(r"[0-9a-f]{7,64}", tag) else ""


def _holders(tag: Any) -> list[str]:
    """Return the versions that a tag notes, or none if it notes something else."""
    try:
        found = json.loads(tag or "[]")
    except (ValueError, TypeError, RecursionError):
        return []
    known = isinstance(found, list) and all(isinstance(one, str) and re.fullmatch(r"v\d+", one) for one in found)
    return found if known else []


def _write(path: Path) -> None:
    """Write the model of the last run as MLflow's, without the copies for others that lie in its folder."""
    check_locked(Path(MODEL))
    verify(Path(MODEL))
    with temporary() as room:
        folder = room / "package"
        shutil.copytree(MODEL, folder, ignore=shutil.ignore_patterns("exports"))
        seal(folder)
        named = read_trusted(PARAMS).named
        model, schema = load(folder, named)
        features: Any = prepare(pd.DataFrame(read_example(folder)), schema)
        MLflow().save(model, path, About(list(named), folder, features))
