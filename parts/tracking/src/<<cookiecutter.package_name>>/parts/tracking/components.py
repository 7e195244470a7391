"""Trackers: where searches, their models and trials are shown; `tracker.py` says what one has to do.

What is sent stands on disk in any case. Credentials come from the environment, where each tracker's library looks for
them.
"""

import os
import re
import shutil
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...files import names, read_json, replacing_folder, write_json
from .tracker import Run, Tracker

PACKAGE = __name__.split(".")[0]
AT_ONCE = 100  # params or tags that MLflow takes in one request
PAGE = {"mlflow.experimentKind": "custom_model_development"}  # which of its pages MLflow opens an experiment with


class MLflow(Tracker):
    """MLflow: runs that nest, with files, and the final model as one that MLflow loads by itself.

    Parameters
    ----------
    uri : of a tracking server, or of a database: sqlite:///mlflow.db is a file of this project.
    experiment : its name; by default the name of this project's package.
    """

    needs = "mlflow"

    def __init__(self, uri: str = "sqlite:///mlflow.db", experiment: str | None = None) -> None:
        if urlsplit(uri).password:
            raise ValueError("a password does not belong into a file: MLFLOW_TRACKING_PASSWORD can hold it")
        self.uri, self.experiment = uri, experiment or PACKAGE
        self._client: Any = None
        self._place: str | None = None
        self._ids: dict[str, str] = {}

    def known(self, group: str) -> dict[str, str]:
        """What the runs with the group's tag say."""
        client, contents, token = self._connected(), {}, None
        wanted = f"tags.project = '{PACKAGE}' and tags.`group` = '{group}'"
        while True:
            found = client.search_runs([self._number()], wanted, max_results=1000, page_token=token)
            for one in found:
                tags = one.data.tags
                self._ids[tags["key"]] = one.info.run_id
                contents[tags["key"]] = tags.get("content", "")
            token = found.token
            if not token:
                return contents

    def send(self, run: Run) -> None:
        """Make the run or bring it up to date; the tag that says that it is whole comes last."""
        from mlflow.entities import Metric, Param, RunTag

        client = self._connected()
        start = int(1000 * run.started) if run.started else None
        if run.key not in self._ids:
            tags = {"project": PACKAGE, "group": run.group, "key": run.key, "kind": run.kind}
            tags |= {"mlflow.source.name": PACKAGE, "mlflow.source.type": "PROJECT"}
            if run.parent is not None:
                tags["mlflow.parentRunId"] = self._id(run.parent)
            if "git.commit" in run.tags:
                tags["mlflow.source.git.commit"] = run.tags["git.commit"]
            made = client.create_run(self._number(), start, tags, run.name)
            self._ids[run.key] = made.info.run_id
        number, time = self._ids[run.key], int(1000 * (run.ended or run.started or 0))
        metrics = [Metric(_named(name), value, time, 0) for name, value in run.metrics.items()]
        metrics += [Metric(_named(f"fold.{name}"), value, time, step) for name, step, value in _steps(run)]
        params = [Param(_named(name), str(value)[:6000]) for name, value in run.params.items()]
        labels = [RunTag(_named(name), str(value)[:5000]) for name, value in (run.tags | {"state": run.state}).items()]
        client.log_batch(number, metrics[:1000], params[:AT_ONCE], labels[:AT_ONCE])
        for first in range(AT_ONCE, max(len(params), len(labels)), AT_ONCE):
            client.log_batch(number, [], params[first : first + AT_ONCE], labels[first : first + AT_ONCE])
        for file in run.present:
            inside = file.parent.as_posix() if file.parts[0] == "reports" else ""
            client.log_artifact(number, str(file), inside or None)
        self._log_model(run, number)
        if run.state != "running":
            status = {"complete": "FINISHED", "failed": "FAILED"}.get(run.state, "KILLED")
            client.set_terminated(number, status, int(1000 * run.ended) if run.ended else None)
        client.set_tag(number, "content", run.content)

    def _log_model(self, run: Run, number: str) -> None:
        """Log the final model, unless the run has it already."""
        folder = run.packaged
        if folder is None or self._connected().get_run(number).data.tags.get("model") == run.tags["package"]:
            return
        from ..export_mlflow.mlflow import log

        log(folder, self.uri, self._number(), number)
        self._connected().set_tag(number, "model", run.tags["package"])

    def _connected(self) -> Any:
        if self._client is None:
            # A server that is down is asked again by the caller, and not for minutes in here.
            wanted = {"HTTP_REQUEST_MAX_RETRIES": "1", "HTTP_REQUEST_TIMEOUT": "10", "LOGGING_LEVEL": "ERROR"}
            wanted |= dict.fromkeys(("ENABLE_ARTIFACTS_PROGRESS_BAR", "PRINT_MODEL_URLS_ON_CREATION"), "false")
            wanted["SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
            os.environ.update({f"MLFLOW_{name}": value for name, value in wanted.items()} | dict(os.environ))
            from mlflow import MlflowClient

            self._client = MlflowClient(self.uri)
        return self._client

    def _number(self) -> str:
        """The experiment's number; it is made if there is none."""
        from mlflow.exceptions import MlflowException

        if self._place is None:
            client = self._connected()
            if client.get_experiment_by_name(self.experiment) is None:
                # Another project may make it just now; what else is wrong shows below.
                with suppress(MlflowException):
                    client.create_experiment(self.experiment, tags=PAGE)
            found = client.get_experiment_by_name(self.experiment)
            if found is None or found.lifecycle_stage != "active":
                raise LookupError(f"the experiment {self.experiment!r} was deleted: restore it, or name another")
            self._place = str(found.experiment_id)
        return self._place

    def _id(self, key: str) -> str:
        """MLflow's own name of a run that was sent before."""
        if key not in self._ids:
            wanted = f"tags.project = '{PACKAGE}' and tags.key = '{key}'"
            found = self._connected().search_runs([self._number()], wanted, max_results=1)
            if not found:
                raise LookupError(f"the run {key} has not arrived yet")
            self._ids[key] = found[0].info.run_id
        return self._ids[key]


class WandB(Tracker):
    """Weights & Biases: each search a group, in which searches, models and trials are types of jobs.

    A run is sent when it has ended. WANDB_API_KEY holds the key. Offline, `wandb sync` sends what was written.

    Parameters
    ----------
    project : by default the name of this project's package.
    mode : "offline" or "online".
    entity : a user or a team; by default your own.
    folder : where the library writes; in it `wandb/` is made.
    """

    needs = "wandb"

    def __init__(
        self, project: str | None = None, mode: str = "offline", entity: str | None = None, folder: str = "."
    ) -> None:
        if mode not in ("offline", "online"):
            raise ValueError(f"mode is offline or online, not {mode!r}")
        self.project, self.mode, self.entity, self.folder = project or PACKAGE, mode, entity, folder

    def known(self, group: str) -> dict[str, str]:
        """What was handed to the library, which keeps it and sends it."""
        found = self._told()
        return {key: content for key, (of, content) in found.items() if of == group}

    def send(self, run: Run) -> None:
        """Write the run as one of the library's own."""
        if run.state == "running":
            return
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        Path(self.folder).mkdir(parents=True, exist_ok=True)
        with wandb.init(
            entity=self.entity,
            project=self.project,
            dir=self.folder,
            id=f"{PACKAGE}-{run.key}"[-64:],
            name=run.name,
            group=run.search,
            job_type=run.kind,
            config=run.params | {name.replace(".", "_"): value for name, value in run.tags.items()},
            mode="offline" if self.mode == "offline" else "online",
            resume=None if self.mode == "offline" else "allow",
            settings=wandb.Settings(init_timeout=10, console="off", x_disable_stats=True, x_disable_meta=True),
        ) as sent:
            for name, step, value in _steps(run):
                sent.log({f"fold/{name}": value, "fold": step}, step=step)
            sent.summary.update(run.metrics | {"state": run.state})
            for kind, paths in (("results", run.present), ("model", [run.packaged] if run.packaged else [])):
                if paths:
                    artifact = wandb.Artifact(f"{kind}-{run.key}", kind)
                    for path in paths:
                        if path.is_dir():
                            artifact.add_dir(str(path))
                        else:
                            artifact.add_file(str(path), path.as_posix())
                    sent.log_artifact(artifact)
        write_json(self._file(), self._told() | {run.key: [run.group, run.content]})

    def _file(self) -> Path:
        return Path(self.folder) / "wandb" / f"sent-{self.mode}-{self.entity or ''}-{self.project}.json"

    def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self._file()) if self._file().exists() else {}
        return found


class BaseFolders(Tracker):
    """A tracker that is a folder, with one for each run: `<model>-<study>/trial-0007`, `…/model`, `search-…/search`.

    Parameters
    ----------
    folder : where.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @abstractmethod
    def write(self, run: Run, path: Path) -> None:
        """Write a run's files into a folder, which is there."""

    def known(self, group: str) -> dict[str, str]:
        """What the runs' own marks say."""
        marks = [read_json(file) for file in Path(self.folder).glob(f"*-{group[:8]}/*/run.json")]
        return {one["key"]: one["content"] for one in marks}

    def send(self, run: Run) -> None:
        """Write the run's folder, in place of the one that is there."""
        place = Path(self.folder) / f"{run.model or 'search'}-{run.group[:8]}"
        leaf = f"trial-{run.key.rpartition('-')[2]:0>4}" if run.kind == "trial" else run.kind
        mark = place / leaf / "run.json"
        known = names(place / leaf) if mark.exists() else []
        with replacing_folder(place / leaf, known) as room:
            room.mkdir()
            self.write(run, room)
            write_json(room / "run.json", {"key": run.key, "content": run.content})


class TensorBoard(BaseFolders):
    """TensorBoard: each fold's metric as a curve, hyperparameters and metrics in its tab HPARAMS, the rest as text.

    Parameters
    ----------
    folder : for `tensorboard --logdir`.
    """

    needs = "tensorboard"

    def __init__(self, folder: str = "reports/tensorboard") -> None:
        super().__init__(folder)

    def write(self, run: Run, path: Path) -> None:
        """Write one file of events."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.plugins.text.summary_v2 import text_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        events = EventFileWriter(str(path))
        time = run.ended or run.started or 0.0

        def add(summary: Any, step: int = 0) -> None:
            events.add_event(Event(wall_time=time, step=step, summary=summary))

        try:
            add(hparams_pb({name: _number(value) for name, value in run.params.items()}, run.key, run.started or time))
            for name, step, value in _steps(run):
                add(Summary(value=[Summary.Value(tag=f"fold/{name}", simple_value=value)]), step)
            for name, value in run.metrics.items():
                add(Summary(value=[Summary.Value(tag=name, simple_value=value)]))
            about = run.tags | {"state": run.state}
            add(text_pb("about", "  \n".join(f"{name}: {value}" for name, value in about.items())))
            for file in run.present:
                if file.suffix in (".yaml", ".lock"):
                    add(text_pb(file.name, f"```\n{file.read_text(encoding='utf-8')}\n```"))
        finally:
            events.close()


class DVCLive(BaseFolders):
    """DVCLive: for each run a folder of files with its metrics, params and curves, as DVC and other tools read them.

    Parameters
    ----------
    folder : which git ignores by default.
    """

    needs = "dvclive"

    def __init__(self, folder: str = "reports/dvclive") -> None:
        super().__init__(folder)

    def write(self, run: Run, path: Path) -> None:
        """Write what DVCLive writes; it makes no experiment and no commit, and leaves dvc.yaml alone."""
        from dvclive import Live

        with Live(str(path), save_dvc_exp=False, dvcyaml=None) as live:
            live.log_params(run.params | {"state": run.state} | run.tags)
            for name, step, value in _steps(run):
                live.step = step
                live.log_metric(f"fold/{name}", value)
            for name, value in run.metrics.items():
                live.log_metric(name, value, plot=False)
        for file in run.present:
            (path / "files" / file.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, path / "files" / file.parent.name / file.name)


def _steps(run: Run) -> Iterator[tuple[str, int, float]]:
    """Each fold's metrics, where they are defined: name, number of the fold, value."""
    for name, values in run.folds.items():
        for step, value in enumerate(values):
            if value == value:  # not NaN
                yield name, step, value


def _named(name: str) -> str:
    """A name of which MLflow takes every character."""
    return re.sub(r"[^\w\-. /]", "_", name)[:250]


def _number(value: Any) -> Any:
    """The number that a text means, or what is no number as text."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)
