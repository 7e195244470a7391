"""Tracking: what is sent, what a tracker that is down costs, and what a real MLflow server holds in the end."""

import csv
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient
from stamped import QUIET, TOOLS, Project, environment

os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
HEAD = "trial,start,state,score,folds,started,ended,seconds,prediction_time,error,C\n"
# Three trials of a model, of which one was pruned, and one failed.
TRIALS = HEAD + (
    "0,defaults,complete,-0.3,-0.2 -0.4,2026-11-21T20:00:00+00:00,2026-11-21T20:00:01+00:00,1.0,0.01,,1.0\n"
    "1,seed 1,pruned,,-0.9,2026-11-21T20:00:01+00:00,2026-11-21T20:00:02+00:00,0.5,,,0.1\n"
    "2,,fail,,,2026-11-21T20:00:02+00:00,2026-11-21T20:00:03+00:00,0.1,,ValueError: no,10.0\n"
)


class Server:
    """An MLflow server with a database, on a free port, that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        words = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db", "--host", "127.0.0.1", "--workers", "1"]
        words += ["--port", str(self.port), "--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *words],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": f"{TOOLS}:/usr/bin:/bin", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        for _ in range(600):
            assert self.process.poll() is None, (self.folder / "server.log").read_text(encoding="utf-8")
            try:
                if httpx.get(f"{self.uri}/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        """Kill it with all its processes."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def runs(self, experiment: str) -> list[Any]:
        """All runs of an experiment."""
        client = MlflowClient(self.uri)
        found = client.get_experiment_by_name(experiment)
        return [] if found is None else list(client.search_runs([found.experiment_id], max_results=5000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server."""
    made = Server(tmp_path_factory.mktemp("server"))
    made.start()
    yield made
    made.kill()


def record(project: Project, models: int = 1, copies: int = 1) -> list[str]:
    """Put a search with some studies into a project's cache, as a run leaves it; the keys of its runs."""
    package, room = project.package, project.path / ".cache"
    search = f"5ea7c4{sum(package.encode()):010x}"
    noted, keys = [], [search]
    table = list(csv.reader(TRIALS.splitlines()[1:] * copies))
    for number in range(models):
        name, study = f"model_{number}", f"{number:02d}57{sum(package.encode()):012x}"
        folder = room / "studies" / name / study
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(json.dumps({"state": "ok"}), encoding="utf-8")
        with (folder / "trials.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(HEAD)
            csv.writer(file).writerows([index, *row[1:]] for index, row in enumerate(table))
        run = {"key": study, "kind": "model", "name": name, "search": search, "study": study, "model": name}
        noted.append(run | {"state": "complete", "params": {"class": "Some"}, "metrics": {"score": 0.3}})
        keys += [study, *(f"{study}-{index}" for index in range(len(table)))]
    said = {"key": search, "kind": "search", "name": "search", "search": search, "state": "complete"}
    (room / "tracking" / "searches").mkdir(parents=True)
    (room / "tracking" / "searches" / f"{search}.json").write_text(
        json.dumps({"run": said, "metric": "log_loss", "greater": False, "models": noted}), encoding="utf-8"
    )
    return keys


def name_trackers(project: Project, *trackers: tuple[str, dict[str, Any]]) -> None:
    """Write the plan's file of trackers, as the stage `plan` does."""
    (project.path / "plan" / "parts").mkdir(parents=True, exist_ok=True)
    written = [
        {"class": f"{project.package}.parts.tracking.components.{name}", "params": params} for name, params in trackers
    ]
    (project.path / "plan" / "parts" / "tracking.json").write_text(json.dumps({"trackers": written}), encoding="utf-8")
    project.module("project.locked").note_made(project.path / "plan", project.path)


SEND = """
from {0}.parts.tracking.record import everything
from {0}.parts.tracking.sending import deliver, senders
print(deliver(senders(), everything(), 60))
"""


def sending(project: Project) -> subprocess.Popen[str]:
    """A process that sends all that is noted."""
    return subprocess.Popen(
        [sys.executable, "-c", SEND.format(project.package)],
        cwd=project.path,
        env={**os.environ, **QUIET, "PATH": f"{TOOLS}:/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# --- what needs no tracker -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample, not run."""
    return Project(tmp_path_factory.mktemp("tracked"), project_name="Tracked", estimators="fast")


@pytest.fixture
def plan(stamped: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The plan of that project with these trackers."""
    monkeypatch.chdir(stamped.path)

    def compiled(trackers: str) -> Any:
        Path("params/tracking.yaml").write_text(trackers, encoding="utf-8")
        return stamped.module("objects.plan").compile_params(Path("params"))

    return compiled


def test_what_is_wrong_with_trackers_is_said(
    stamped: Project, plan: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = stamped.module("errors").UserError
    for text, sentence in (
        ("trackers: MLflow", "params/tracking.yaml:1: 'trackers' needs a list, such as [{class: MLflow}]"),
        ("tracker: []", "unknown key 'tracker'"),
        ("trackers:\n  - class: MLflo\n", "no tracker is called 'MLflo'; did you mean 'MLflow'?"),
        ("trackers: [{class: Skops}]", "'Skops' is a flavor, and a tracker is needed here"),
        ("trackers: [{class: MLflow}, {class: MLflow}]", "MLflow is named twice"),
        ("trackers: [{class: WandB, params: {mode: off-line}}]", "mode is offline or online, not 'off-line'"),
        ("trackers: [{class: MLflow, params: {uri: 'https://a:b@c'}}]", "MLFLOW_TRACKING_PASSWORD can hold it"),
        ("trackers: [{class: MLflow, params: {url: x}}]", "'url'"),
    ):
        with pytest.raises(refusal) as refused:
            plan(text)
        assert sentence in str(refused.value), str(refused.value)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(refusal, match=r"wandb.*run `make setup`"):
        plan("trackers: [{class: WandB}]")


def test_trackers_change_nothing_that_a_stage_depends_on(stamped: Project, plan: Callable[[str], Any]) -> None:
    without, tracked = plan("trackers: []").slices, plan("trackers: [{class: MLflow}, {class: DVCLive}]").slices
    assert [name for name in without if without[name] != tracked[name]] == ["parts/tracking"]
    assert "plan/parts" not in Path("dvc.yaml").read_text(encoding="utf-8")
    code = stamped.module("objects.code")
    stages = code.Code().closure(*(code.ROOT / "stages").glob("*.py"))
    assert [file for file in stages if "tracking" in file.parts] == []


def test_one_run_that_is_refused_does_not_keep_back_the_others(
    stamped: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = partial(stamped.module("parts.tracking.tracker").Run, kind="trial", name="some", search="s", study="m")

    class Picky:
        down = False

        def __init__(self) -> None:
            self.sent: list[str] = []
            self.asked = 0

        def known(self, group: str) -> dict[str, str]:
            self.asked += 1
            return {"there": run("there").content}

        def send(self, one: Any) -> None:
            if self.down or one.key == "odd":
                raise ConnectionError("no")
            self.sent.append(one.key)

    tracker = Picky()
    sender = stamped.module("parts.tracking.sending").Sender(tracker)
    runs = [run(key) for key in ("a", "odd", "there", "b")]
    sender.send(runs)
    assert tracker.sent == ["a", "b"], "what it has already is not sent"
    assert sender.reason == "ConnectionError: no"
    assert [one.key for one in sender.lacking(runs)] == ["odd"]
    sender.send(runs)
    assert tracker.asked == 1, "it is tried again at once"
    tracker.down = True
    sender.again = 0.0
    sender.send([run(key) for key in "cdefgh"])
    assert tracker.sent == ["a", "b"]
    assert sender.delay == 4.0, "it waits longer each time"


def test_a_run_is_sent_again_only_if_there_is_more_to_say(stamped: Project, tmp_path: Path) -> None:
    tracker = stamped.module("parts.tracking.tracker")
    file = tmp_path / "report.html"
    file.write_text("one", encoding="utf-8")
    files = {str(file): tracker.digest_of(file)}
    run = partial(tracker.Run, "k", "model", "n", study="k", files=files)
    assert run("s").content == run("another", started=1.0, ended=3.0).content
    assert run("s").content != run("s", state="complete").content
    assert run("s").present == [file]
    file.write_text("another run's", encoding="utf-8")
    assert run("s").present == []


# --- what writes files ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_tracker_that_writes_files_has_every_run_once(tmp_path: Path) -> None:
    project = Project(tmp_path, project_name="Files", estimators="fast")
    keys = record(project)
    name_trackers(project, ("TensorBoard", {}), ("DVCLive", {}), ("WandB", {}), ("MLflow", {}))
    assert "lacks" not in sending(project).communicate()[0]
    first = {file: file.read_bytes() for file in (project.path / "reports").rglob("*") if file.is_file()}
    offline = sorted((project.path / "wandb").glob("offline-run-*"))
    assert sending(project).communicate()[0] == "[]\n"
    assert first == {file: file.read_bytes() for file in (project.path / "reports").rglob("*") if file.is_file()}
    assert offline == sorted((project.path / "wandb").glob("offline-run-*"))

    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (folder,) = (project.path / "reports" / "tensorboard").glob("model_0-*")
    assert sorted(one.name for one in folder.iterdir()) == ["model", "trial-0000", "trial-0001", "trial-0002"]
    events = EventAccumulator(str(folder / "trial-0000")).Reload()
    assert [(one.step, round(one.value, 6)) for one in events.Scalars("fold/log_loss")] == [(0, 0.2), (1, 0.4)]
    assert round(events.Scalars("score")[0].value, 6) == 0.3
    assert events.SummaryMetadata("_hparams_/session_start_info").plugin_data.plugin_name == "hparams"

    (folder,) = (project.path / "reports" / "dvclive").glob("model_0-*")
    assert json.loads((folder / "trial-0000" / "metrics.json").read_text(encoding="utf-8"))["score"] == 0.3
    assert "state: pruned" in (folder / "trial-0001" / "params.yaml").read_text(encoding="utf-8")

    written = [run for file in sorted((project.path / "wandb").rglob("*.wandb")) for run in wandb_runs(file)]
    assert sorted(one.run_id for one in written) == sorted(f"{project.package}-{key}" for key in keys)
    assert {one.run_group for one in written} == {keys[0]}
    assert Counter(one.job_type for one in written) == {"search": 1, "model": 1, "trial": 3}

    client = MlflowClient(f"sqlite:///{project.path}/mlflow.db")
    place = client.get_experiment_by_name(project.package)
    assert place is not None
    assert sorted(run.data.tags["key"] for run in client.search_runs([place.experiment_id])) == sorted(keys)
    assert project.run("git", "status", "--porcelain") == ""


def wandb_runs(file: Path) -> Iterator[Any]:
    """The records in which a file of W&B's says what run it holds; LevelDB's format for logs, of short records."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at = file.read_bytes(), 7
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
        _, length, _ = struct.unpack("<IHB", data[at : at + 7])
        found = Record()
        found.ParseFromString(data[at + 7 : at + 7 + length])
        if found.WhichOneof("record_type") == "run":
            yield found.run
            return
        at += 7 + length


# --- a server ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_projects_and_four_workers_at_once_lose_and_double_nothing(server: Server, tmp_path: Path) -> None:
    projects = [Project(tmp_path, project_name=name, estimators="fast") for name in ("First", "Second")]
    keys = [record(project, models=2, copies=4) for project in projects]
    for project in projects:
        name_trackers(project, ("MLflow", {"uri": server.uri, "experiment": "shared"}))
    workers = [sending(project) for project in (*projects, *projects)]
    assert [worker.communicate()[0].splitlines()[-1] for worker in workers] == ["[]"] * 4
    runs = server.runs("shared")
    assert Counter(run.data.tags["key"] for run in runs) == Counter(dict.fromkeys([*keys[0], *keys[1]], 1))
    by_id = {run.info.run_id: run.data.tags for run in runs}
    for run in runs:
        tags = run.data.tags
        parent = by_id.get(tags.get("mlflow.parentRunId", ""), {})
        above = {"trial": "model", "model": "search", "search": None}
        assert parent.get("kind") == above[tags["kind"]]
        assert parent.get("project", tags["project"]) == tags["project"]
        if tags["kind"] == "trial":
            wanted = {"complete": ("FINISHED", 0.4), "pruned": ("KILLED", 0.9), "failed": ("FAILED", None)}
            assert (run.info.status, run.data.metrics.get("fold.log_loss")) == wanted[tags["state"]]
            assert run.data.params.keys() == {"C"}


@pytest.fixture(scope="module")
def run(server: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A pipeline that was run while its server was killed, and what it said."""
    project = Project(tmp_path_factory.mktemp("run"), project_name="Run", estimators="logistic_regression, extra_trees")
    project.edit("params/search.yaml", ("trials: 100", "trials: 24"), ("seconds: 240", "seconds: null"))
    project.edit(
        "params/tracking.yaml", ("trackers: []", f"trackers: [{{class: MLflow, params: {{uri: '{server.uri}'}}}}]")
    )
    with (project.path.parent / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [str(TOOLS / "dvc"), "repro"],
            cwd=project.path,
            env={**os.environ, **QUIET, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        while not any(one.data.tags["kind"] == "trial" for one in server.runs(project.package)):
            assert process.poll() is None, "no trial has reached the server"
            time.sleep(0.2)
        tuned = project.path / "models" / "tuned"
        server.kill()
        assert not (tuned / "extra_trees").exists(), "trials came after the search only"
        assert process.wait() == 0
    return project, (project.path.parent / "said.txt").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_server_that_is_killed_in_mid_run_has_everything_in_the_end(run: tuple[Project, str], server: Server) -> None:
    project, said = run
    assert "warning: MLflow takes nothing just now" in said
    assert "`make track` sends it" in said
    assert "Traceback" not in said
    assert "View run" not in said
    python = str(TOOLS / "python")
    assert "`make track` sends it" in project.run(python, "-m", f"{project.package}.parts.tracking")
    assert "error: MLflow lacks" in project.python("track", code=1)
    server.start()
    assert "runs are there" in project.python("track")
    runs = server.runs(project.package)
    expected = {"search": 1, "model": 2}
    for name in ("logistic_regression", "extra_trees"):
        with (project.path / "models" / "tuned" / name / "trials.csv").open(encoding="utf-8") as file:
            expected[name] = len(list(csv.DictReader(file)))
    found = Counter(one.data.tags["kind"] for one in runs)
    assert found == {"search": 1, "model": 2, "trial": expected["logistic_regression"] + expected["extra_trees"]}
    assert len({one.data.tags["key"] for one in runs}) == len(runs)
    assert "runs are there" in project.python("track")
    assert len(server.runs(project.package)) == len(runs)


@pytest.mark.slow
def test_the_search_has_its_metrics_files_and_a_model_that_mlflow_loads_alone(
    run: tuple[Project, str], server: Server, tmp_path: Path
) -> None:
    project, _ = run
    if server.process is None:
        server.start()
    project.python("track")
    (search,) = [one for one in server.runs(project.package) if one.data.tags["kind"] == "search"]
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics.items() <= search.data.metrics.items()
    assert search.data.tags["git.commit"] == project.run("git", "rev-parse", "HEAD").strip()
    assert search.data.tags["git.dirty"] == "true"  # params were edited
    client = MlflowClient(server.uri)
    names = {one.path for one in client.list_artifacts(search.info.run_id)}
    assert {"model.yaml", "dvc.lock", "reports"} <= names
    assert {"reports/report.html", "reports/plots"} <= {
        one.path for one in client.list_artifacts(search.info.run_id, "reports")
    }
    script = tmp_path / "alone.py"
    script.write_text(
        "import json, sys, mlflow, pandas\n"
        "mlflow.set_tracking_uri(sys.argv[1])\n"
        "model = mlflow.pyfunc.load_model(f'runs:/{sys.argv[2]}/model')\n"
        "print(json.dumps([model.predict(model.input_example).iloc[:, 0].tolist(), len(model.metadata.signature.inputs.inputs)]))\n",
        encoding="utf-8",
    )
    without = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    said = subprocess.run(
        [sys.executable, str(script), server.uri, search.info.run_id],
        cwd=tmp_path,
        env=without,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ).stdout
    predicted, columns = json.loads(said.splitlines()[-1])
    rows = project.path / "models" / "package" / "example.json"
    shutil.copy(rows, tmp_path / "rows.json")
    frame = json.loads(rows.read_text(encoding="utf-8"))
    assert columns >= 6 and len(predicted) == len(frame if isinstance(frame, list) else next(iter(frame.values())))


@pytest.mark.slow
def test_a_change_of_trackers_runs_no_stage_but_the_plan(run: tuple[Project, str], tmp_path: Path) -> None:
    project = run[0].copy(tmp_path)
    (project.path / "params" / "tracking.yaml").write_text("trackers: [{class: DVCLive}]\n", encoding="utf-8")
    assert project.repro() == ["plan"]
    shutil.rmtree(project.path / ".cache")  # as in a clone, after `dvc pull`
    with environment(**QUIET):
        assert "DVCLive: all" in project.python("track")
    (search,) = (project.path / "reports" / "dvclive").glob("search-*")
    assert (search / "search" / "files" / "reports" / "report.html").exists()
    (model,) = (project.path / "reports" / "dvclive").glob("extra_trees-*")
    with (project.path / "models" / "tuned" / "extra_trees" / "trials.csv").open(encoding="utf-8") as file:
        assert len(list(model.glob("trial-*"))) == len(list(csv.DictReader(file)))
    changed = project.run("git", "status", "--porcelain").split()[1::2]
    assert not [name for name in changed if "dvclive" in name or name == "dvc.yaml"]


@pytest.mark.slow
def test_trials_are_sent_while_the_search_goes_on(run: tuple[Project, str], tmp_path: Path) -> None:
    project = run[0].copy(tmp_path)
    name_trackers(project, ("TensorBoard", {}))
    (table,) = (project.path / ".cache" / "studies" / "extra_trees").glob("*/trials.csv")
    rows = table.read_text(encoding="utf-8").splitlines()
    follower = subprocess.Popen(
        [str(TOOLS / "python"), "-m", f"{project.package}.parts.tracking", "extra_trees"],
        cwd=project.path,
        env={**os.environ, **QUIET},
        stdin=subprocess.PIPE,
    )
    for number in (7, 99):
        if number == 99:
            table.write_text("\n".join([*rows, f"99,{rows[1].partition(',')[2]}", ""]), encoding="utf-8")
        for _ in range(600):
            if list((project.path / "reports" / "tensorboard").glob(f"extra_trees-*/trial-{number:04d}/run.json")):
                break
            assert follower.poll() is None
            time.sleep(0.1)
        else:
            raise AssertionError(f"trial {number} was not sent while the search went on")
    assert follower.stdin is not None
    follower.stdin.close()
    assert follower.wait(60) == 0
