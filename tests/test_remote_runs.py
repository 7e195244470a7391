"""`make remote`: the pipeline on another machine, and what may go wrong on the way there, there, and back."""

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import psutil
import pytest
from conftest import BakedProject
from moto.server import ThreadedMotoServer
from stamped import ROOT, TOOLS, Project

Bake = Callable[..., BakedProject]
DOUBLES = ROOT / "tests" / "doubles"
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
MEASURED = ("[accuracy]", "[accuracy, jaccard_macro]")  # runs `evaluate` and `package` again, and nothing else


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on penguins that has been run and committed; tests work on copies of it."""
    project = Project(
        tmp_path_factory.mktemp("remote"), project_name="Remote", estimators="logistic_regression, random_forest"
    )
    project.edit("params/search.yaml", ("trials: 100", "trials: 4"), ("seconds: 240", "seconds: 600"))
    project.edit("params/models/random_forest.yaml", ("n_estimators: 100", "n_estimators: 10"))
    (project.path / "params" / "evaluate.yaml").write_text("metrics: [accuracy]\ncharts: [confusion_matrix]\n")
    project.repro()
    project.run("git", "add", "--all")
    project.run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "Run")
    return project


class Home:
    """A copy of that project in which the commands are called, and the place where its machines are."""

    def __init__(self, done: Project, folder: Path) -> None:
        self.project = done.copy(folder)
        self.machines = folder / "machines"
        self.machines.mkdir()
        self.command = done.module("parts.remote.command")
        self.job = done.module("parts.remote.job")
        self.error = done.module("errors").UserError
        runner = f"class: LocalClean\n  params: {{folder: {self.machines}}}"
        self.project.edit("params/remote.yaml", ("class: SkyPilot", runner))

    def edit(self, file: str, *replacements: tuple[str, str]) -> None:
        self.project.edit(file, *replacements)

    def code(self, name: str) -> str:
        """The path of one of the package's modules."""
        return f"src/{self.project.package}/{name}.py"

    def start(self) -> Any:
        """A job that was sent and is not waited for."""
        job = self.command._submit()
        self.command._start(job, job.made())
        return job

    def wait(self, job: Any, state: str = "ended") -> None:
        for _ in range(3600):
            if job.made().state(job) == state:
                return
            time.sleep(0.05)
        raise AssertionError(job.made().logs(job))

    def refused(self, function: Callable[..., None], *words: Any) -> str:
        """The sentence with which something is refused."""
        with pytest.raises(self.error) as caught:
            function(*words)
        return str(caught.value)

    def states(self) -> list[str]:
        return [one.state for one in self.job.jobs()]

    def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = json.loads((self.project.path / "reports" / "metrics.json").read_text())
        return metrics

    def clean(self) -> bool:
        """Whether DVC finds everything as its lock says."""
        return "up to date" in self.project.run("dvc", "status")

    def outputs(self) -> dict[str, bytes]:
        """What stands in all outputs."""
        folders = [self.project.path / name for name in ("models", "reports", "plan")]
        return {str(file): file.read_bytes() for one in folders for file in one.rglob("*") if file.is_file()}


@pytest.fixture
def home(done: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    found = Home(done, tmp_path)
    monkeypatch.chdir(found.project.path)
    monkeypatch.setenv("PATH", f"{TOOLS}{os.pathsep}{os.environ['PATH']}:/usr/bin:/bin")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return found


@pytest.mark.slow
def test_a_run_elsewhere_leaves_what_a_run_here_would_have_left(home: Home, tmp_path: Path, capfd: Any) -> None:
    home.edit("params/models/random_forest.yaml", ("n_estimators: 10", "n_estimators: 12"))
    home.edit("params/evaluate.yaml", MEASURED)
    before = home.metrics()
    twin = home.project.copy(tmp_path / "twin")
    twin.repro()
    home.command.run()
    said = capfd.readouterr().out
    assert "Running stage 'tune@random_forest'" in said
    for stage in ("load", "tune@logistic_regression"):
        assert f"Stage '{stage}' didn't change, skipping" in said, "what was done here is done again"
    # With another number of threads the last digits may be others.
    there = json.loads((twin.path / "reports" / "metrics.json").read_text())
    assert home.metrics() == pytest.approx(there, rel=1e-9) and there != before
    assert home.clean()
    assert home.project.repro() == []
    assert list(home.machines.iterdir()) == [], "a machine is left"
    commit = home.project.run("git", "rev-parse", "--short", "HEAD").strip()
    assert commit in (home.project.path / "reports" / "report.html").read_text()
    assert home.states() == ["done"]


@pytest.mark.slow
def test_a_dvc_remote_takes_the_place_of_the_archive(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        boto3.client("s3", endpoint_url=address).create_bucket(Bucket="store")
        for words in (("add", "-d", "store", "s3://store/dvc"), ("modify", "store", "endpointurl", address)):
            home.project.run("dvc", "remote", *words)
        home.project.run("dvc", "push", "data/raw/penguins.csv")
        home.edit("params/remote.yaml", ("push: false", "push: true"))
        home.edit("params/remote.yaml", ("environment: []", f"environment: [{', '.join(KEYS)}]"))
        home.edit("params/evaluate.yaml", MEASURED)
        job = home.start()
        home.wait(job)
        # Nobody fetches what it made, and its machine destroys itself.
        shutil.rmtree(job.made()._place(job))
        home.command.status()
        assert capsys.readouterr().out.splitlines()[-1].split()[2] == "kept"
        home.command.run(job.id)
        stored = boto3.client("s3", endpoint_url=address).list_objects_v2(Bucket="store")["Contents"]
        names = [one["Key"] for one in stored]
        assert names and not [name for name in names if "/jobs/" in name], "what is at home is still kept there"
    finally:
        server.stop()
    assert home.clean() and home.states() == ["done"]
    job = home.job.jobs()[0]
    found = json.loads((job.output / "results.json").read_text())
    assert found["outputs"] == [] and "models/package" in found["pushed"]
    with tarfile.open(job.output / "results.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["dvc.lock", "reports/leaderboard.json", "reports/metrics.json"]
    with tarfile.open(job.bundle / "project.tar.gz") as archive:
        sent = archive.getnames()
    table = (home.project.path / "data" / "raw" / "penguins.csv.dvc").read_text().split("md5: ")[1].split()[0]
    assert f".dvc/cache/files/md5/{table[:2]}/{table[2:]}" not in sent, "what the machine can pull was sent"
    assert any(name.startswith(".dvc/cache/files/md5/") for name in sent), "what the machine cannot pull was not sent"
    assert "any" not in (job.folder / "job.json").read_text()


@pytest.mark.slow
def test_of_a_run_that_fails_the_log_and_the_trials_come_home_and_the_outputs_stay(home: Home) -> None:
    home.edit("params/search.yaml", ("trials: 4", "trials: 8"))
    home.edit(
        home.code("stages/train"), ("def main() -> None:\n", "def main() -> None:\n    raise RuntimeError('no luck')\n")
    )
    before = home.outputs()
    said = home.refused(home.command.run)
    assert "failed; the outputs here are what they were, and its trials are kept" in said
    job = home.job.jobs()[0]
    assert "no luck" in (job.output / "log.txt").read_text()
    assert home.outputs() == before
    assert home.states() == ["failed"] and list(home.machines.iterdir()) == []
    trials = [len(pd.read_csv(file)) for file in home.project.path.glob(".cache/studies/*/*/trials.csv")]
    assert trials == [4, 4]
    # To look at what there is of it.
    home.command.fetch(job.id, "apart")
    assert (home.project.path / "apart" / "models" / "tuned").is_dir()


@pytest.mark.slow
def test_another_machine_goes_on_from_the_trials_of_one_that_was_lost(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.edit("params/search.yaml", ("trials: 4", "trials: 40"))
    home.edit("params/models/random_forest.yaml", ("n_estimators: 10", "n_estimators: 30"))
    home.edit(home.code("parts/remote/work"), ("EVERY = 30", "EVERY = 0.3"))
    monkeypatch.setattr(home.command, "COPY", 0.2)
    runner = home.project.module("parts.remote.components").LocalClean(str(home.machines))
    kept: list[bytes] = []

    def take_away() -> None:
        for _ in range(600):
            time.sleep(0.1)
            for job in home.job.jobs():
                for table in job.output.glob("studies/random_forest/*/trials.csv"):
                    journal = table.with_name("journal.log")
                    with contextlib.suppress(ValueError, OSError):  # it is being copied
                        if len(pd.read_csv(table)) >= 3:
                            text = journal.read_bytes()
                            gone = runner._place(job).rename(tmp_path / "gone")
                            kept.append(text)
                            for process in runner._processes(gone):
                                with contextlib.suppress(psutil.NoSuchProcess):
                                    process.kill()
                            return

    thief = threading.Thread(target=take_away)
    thief.start()
    home.command.run()
    thief.join()
    assert kept, "the machine was not taken away in time"
    job = home.job.jobs()[0]
    assert job.starts == 2 and home.states() == ["done"]
    study = max(
        home.project.path.glob(".cache/studies/random_forest/*"), key=lambda one: (one / "journal.log").stat().st_mtime
    )
    assert (study / "journal.log").read_bytes().startswith(kept[0]), "it began anew"
    finished = pd.read_csv(study / "trials.csv")
    assert len(finished[finished["state"] != "fail"]) == 20
    assert home.clean()


@pytest.mark.slow
def test_a_machine_that_comes_back_with_its_disk_goes_on(home: Home) -> None:
    home.edit("params/evaluate.yaml", MEASURED)
    job = home.start()
    runner = job.made()
    for _ in range(600):
        if "Running stage 'evaluate'" in runner.logs(job):
            break
        time.sleep(0.05)
    for _ in range(50):
        for process in runner._processes(runner._place(job)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        time.sleep(0.02)
    assert runner.state(job) == "gone"
    assert "its trials are kept" in home.refused(home.command.fetch)
    assert home.states() == ["lost"]
    home.command.run(job.id)
    assert home.states() == ["done"] and home.clean()
    assert home.job.jobs()[0].starts == 2


@pytest.mark.slow
def test_outputs_of_other_files_than_are_here_are_refused_and_so_are_damaged_ones(home: Home) -> None:
    file = home.project.path / "params" / "evaluate.yaml"
    text = file.read_text()
    first = home.start()
    home.edit("params/evaluate.yaml", MEASURED)
    second = home.start()
    assert home.refused(home.command.fetch).startswith("which one? JOB=")
    assert "running: `make remote JOB=" in home.refused(home.command.fetch, second.id)
    before = home.outputs()
    # The first was sent with another file, which it names; what it made can be had elsewhere, and later.
    home.wait(first)
    said = home.refused(home.command.fetch, first.id)
    assert said.startswith(f"params/evaluate.yaml changed since job {first.id} was sent")
    home.command.fetch(first.id, "apart")
    assert (home.project.path / "apart" / "dvc.lock").exists()
    # The archive of the second is cut off on its way.
    home.wait(second)
    archive = next(home.machines.glob(f"*{second.id}/job/output/results.tar.gz"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    assert "results.tar.gz is damaged" in home.refused(home.command.fetch, second.id)
    assert home.outputs() == before
    archive.write_bytes(whole)
    home.command.fetch(second.id)
    assert home.clean() and "jaccard_macro" in str(home.metrics())
    file.write_text(text)
    home.command.fetch(first.id)
    assert home.clean() and "jaccard_macro" not in str(home.metrics())
    assert home.states() == ["done", "done"] and list(home.machines.iterdir()) == []


@pytest.mark.slow
def test_data_that_dvc_does_not_know_are_refused_before_a_machine_is_had(home: Home) -> None:
    table = home.project.path / "data" / "raw" / "penguins.csv"
    text = table.read_text()
    table.unlink()
    table.write_text(text + text.splitlines()[-1] + "\n")
    assert home.refused(home.command.run).startswith("data/raw/penguins.csv has changed since DVC took it up")
    assert home.states() == []


@pytest.mark.slow
def test_a_machine_ends_itself_after_the_timeout(home: Home) -> None:
    home.edit("params/remote.yaml", ("timeout: 3600", "timeout: 6"))
    home.edit(home.code("stages/evaluate"), ("def main() -> None:\n", "def main() -> None:\n    time.sleep(600)\n"))
    home.edit(home.code("stages/evaluate"), ("from ", "import time\nfrom "))
    assert "ran out of time" in home.refused(home.command.run)
    assert list(home.machines.iterdir()) == []


@pytest.mark.slow
def test_a_job_goes_on_without_its_terminal_and_can_be_stopped_at_any_moment(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    home.command.stop()
    assert capsys.readouterr().out == "no job is under way\n"

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(home.command, "_follow", interrupted)
        with pytest.raises(KeyboardInterrupt):
            home.command.run()
    running = home.job.pick(None)
    # Whoever follows it does not replace the machine of a job that is stopped elsewhere.
    home.job.pick(None).save(state="stopping")
    with monkeypatch.context() as patch:
        patch.setattr(home.command, "_follow", lambda *_: "gone")
        assert home.refused(home.command._work, running, running.made()) == f"job {running.id} was stopped"
    running.save(state="started")
    assert f"`make remote JOB={running.id}` comes back to it" in capsys.readouterr().err
    assert running.made().state(running) == "running"
    packed = home.command._submit()
    for state, job in (("packing", packed), ("starting", running)):
        job.save(state=state)
    home.command.stop("all")
    assert home.states() == ["stopped", "stopped"]
    assert list(home.machines.iterdir()) == []
    assert not list(running.made()._processes(home.machines))
    assert home.refused(home.command.run, running.id).startswith(f"job {running.id} is stopped")
    home.command.stop(running.id)
    home.command.status()
    assert [line.split()[2] for line in capsys.readouterr().out.splitlines()[-2:]] == ["stopped", "stopped"]


@pytest.mark.slow
def test_what_cannot_be_is_refused_in_the_params(home: Home, done: Project) -> None:
    settings = done.module("parts.remote.params")
    file = home.project.path / "params" / "remote.yaml"
    shutil.copy(ROOT / "parts" / "remote" / "params" / "remote.yaml", file)
    text = file.read_text()
    found = settings.read_remote(Path("params"))
    assert found.runner["class"].endswith(".SkyPilot") and found.machine["spot"] is True
    for old, new, said in (
        ("class: SkyPilot", "class: SkyPilt", "no runner is called 'SkyPilt'; did you mean 'SkyPilot'?"),
        ("class: SkyPilot", "class: KFold", "'KFold' is a splitter, and a runner is needed here"),
        (
            "SkyPilot\n",
            "SkyPilot\n  params: {keep: 0}\n",
            "SkyPilot cannot be built: keep needs a whole number of minutes",
        ),
        ("spot: true", "spott: true", "unknown key 'spott'; did you mean 'spot'?"),
        ("spot: true", "spot: 1", "'spot' needs true or false, not 1"),
        ("disk: 50", "disk: -1", "'disk' needs a whole number of GB, not -1"),
        ("timeout: 3600", "timeout: 1h", "'timeout' needs a whole number above 0, not '1h'"),
        ("image: null", "image: 3", "'image' needs text or null, not 3"),
        ("environment: []", "environment: [KEY=1]", "an item of 'environment' needs the name of a variable"),
        ("push: false", "push: no", "'push' needs true or false, not 'no'"),
    ):
        assert old in text
        file.write_text(text.replace(old, new, 1))
        error = home.refused(settings.read_remote, Path("params"))
        assert error.startswith("params/remote.yaml:") and error.partition(": ")[2].startswith(said), error


# SkyPilot and TPI


def machines(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setenv("MACHINES", str(home.machines))
    monkeypatch.setenv("MACHINE_VENV", sys.prefix)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Terraform's configuration, in which the provider `iterative` is a stand-in; skips where it cannot be made."""
    if not shutil.which("terraform", path=f"{os.environ['PATH']}:/usr/local/bin:/usr/bin"):
        pytest.skip("terraform is not installed")
    folder = tmp_path_factory.mktemp("provider")
    for command in (["-m", "venv", str(folder / "venv")], None):
        python = folder / "venv" / "bin" / "python"
        words = [sys.executable, *command] if command else [python, "-m", "pip", "install", "--quiet", "tf==1.2.0"]
        made = subprocess.run(words, capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"the package `tf` cannot be installed here: {made.stderr.splitlines()[-1]}")
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, "linux")
    kind = "arm64" if os.uname().machine in ("arm64", "aarch64") else "amd64"
    place = folder / "mirror" / "registry.terraform.io" / "iterative" / "iterative" / "0.11.20" / f"{system}_{kind}"
    place.mkdir(parents=True)
    program = place / "terraform-provider-iterative_v0.11.20"
    program.write_text(f"#!{python}\n{(DOUBLES / 'iterative.py').read_text()}")
    program.chmod(0o755)
    file = folder / "terraformrc"
    file.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{folder}/mirror"\n  }}\n}}\n')
    return file


@pytest.mark.slow
def test_terraform_runs_a_job_by_tpi(home: Home, provider: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.edit("params/remote.yaml", (f"LocalClean\n  params: {{folder: {home.machines}}}", "TPI"))
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/local/bin")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(provider))
    assert home.refused(home.command.run).startswith("there are no credentials: TPI takes them from the environment")
    machines(monkeypatch, home)
    runner = home.project.module("parts.remote.components").TPI
    monkeypatch.setattr(runner, "seconds", 0.5)
    # A quota is exceeded: nothing is left, and the next try is a new job.
    monkeypatch.setenv("MACHINE_QUOTA", "exceeded")
    assert "VcpuLimitExceeded" in home.refused(home.command.run)
    assert home.states() == ["failed"]
    monkeypatch.delenv("MACHINE_QUOTA")
    home.edit("params/evaluate.yaml", MEASURED)
    home.command.run()
    assert home.clean() and "jaccard_macro" in str(home.metrics())
    assert home.states() == ["failed", "done"] and list(home.machines.iterdir()) == []
    # The provider takes what TPI's documentation names, and nothing else.
    home.edit("infra/remote/main.tf", ("disk_size      =", "disksize       ="))
    assert "Unsupported argument" in home.refused(home.command.run)
    assert home.states()[-1] == "failed"


@pytest.mark.slow
def test_the_commands_of_skypilot_run_a_job(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    if not shutil.which("rsync"):
        pytest.skip("rsync is not installed")
    home.edit("params/remote.yaml", (f"LocalClean\n  params: {{folder: {home.machines}}}", "SkyPilot"))
    assert home.refused(home.command.run).startswith("sky is not installed, or not on the PATH: SkyPilot needs it")
    programs = tmp_path / "programs"
    programs.mkdir()
    texts = {
        "sky": f'exec {sys.executable} {DOUBLES / "sky.py"} "$@"',
        "ssh": 'while [ "$1" = -l ]; do shift 2; done; cd "$MACHINES/$1" && shift && exec sh -c "$*"',
    }
    for name, text in texts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MACHINES", str(home.machines))
    assert home.refused(home.command.run).startswith("SkyPilot has no credentials for aws")
    machines(monkeypatch, home)
    runner = home.project.module("parts.remote.components").SkyPilot
    monkeypatch.setattr(runner, "seconds", 0.5)
    monkeypatch.setenv("MACHINE_QUOTA", "exceeded")
    assert "`sky launch --yes` failed" in home.refused(home.command.run)
    assert "VcpuLimitExceeded" in capfd.readouterr().err
    monkeypatch.delenv("MACHINE_QUOTA")
    home.edit("params/evaluate.yaml", MEASURED)
    home.edit("params/remote.yaml", ("environment: []", "environment: [AWS_SECRET_ACCESS_KEY]"))
    home.edit("params/remote.yaml", ("role: null", "role: arn:aws:iam::1:instance-profile/shop-runner"))
    home.command.run()
    launched = json.loads((home.machines / "launched.json").read_text())
    assert launched == {"config": ["aws.remote_identity=shop-runner"], "labels": {"role": "shop-runner"}}
    (home.machines / "launched.json").unlink()
    assert home.clean() and "jaccard_macro" in str(home.metrics())
    assert home.states() == ["failed", "done"] and list(home.machines.iterdir()) == []


@pytest.mark.slow
def test_skypilot_itself_reads_what_is_written_for_it(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sky = pytest.importorskip("sky", reason="SkyPilot is not installed, which takes 700 MB")
    runners = module(bake(package_name="remote_sky"), "parts.remote.components", monkeypatch)
    role = "arn:aws:iam::1:instance-profile/shop-runner"
    machine = {"cloud": "aws", "region": "us-east-1", "role": role, "type": None, "gpu": None, "disk": 70, "spot": True}
    task = runners.SkyPilot(keep=7).task(SimpleNamespace(name="run-1", bundle=tmp_path, machine=machine))
    found = next(iter(sky.Task.from_yaml_config(task).resources))
    assert (found.use_spot, found.disk_size, found.region) == (True, 70, "us-east-1")
    assert (found.autostop_config.idle_minutes, found.autostop_config.down) == (7, True)
    assert found.labels == {"role": "shop-runner"}
    with pytest.raises(ValueError):
        sky.Task.from_yaml_config(task | {"workdirs": "."})


# Without a machine


def module(project: BakedProject, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of a stamped project, which is where the test works."""
    monkeypatch.syspath_prepend(project.path / "src")
    monkeypatch.chdir(project.path)
    for one in [one for one in sys.modules if one.split(".")[0] == project.package]:
        monkeypatch.delitem(sys.modules, one)
    return importlib.import_module(f"{project.package}.{name}")


def test_keys_stay_at_home(bake: Bake, monkeypatch: pytest.MonkeyPatch) -> None:
    project = bake(package_name="remote_keys")
    pack = module(project, "parts.remote.pack", monkeypatch)
    for name in (".env.local", "server.pem", "data/id_rsa", "terraform.tfstate", "notes.txt"):
        (project.path / name).write_text("secret")
    files, kept = pack.tree()
    assert kept == [".env.local", "data/id_rsa", "server.pem", "terraform.tfstate"]
    assert "notes.txt" in files and "params/remote.yaml" in files and not set(files) & set(kept)


def test_trials_are_copied_in_whole_lines_and_more_are_never_replaced_by_fewer(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = module(bake(package_name="remote_trials"), "parts.remote.pack", monkeypatch)
    there, here = tmp_path / "there", tmp_path / "here"
    study = there / "forest" / "0a" / "journal.log"
    study.parent.mkdir(parents=True)
    study.write_bytes(b'{"op": 1}\n{"op": 2}\n{"op')
    (study.parent / "result.json").write_text("{}")
    pack.copy_studies(there, here)
    copy = here / "forest" / "0a" / "journal.log"
    assert copy.read_bytes() == b'{"op": 1}\n{"op": 2}\n'
    assert (copy.parent / "result.json").exists()
    copy.write_bytes(b'{"op": 1}\n{"op": 2}\n{"op": 3}\n')
    pack.copy_studies(there, here)
    assert b'"op": 3' in copy.read_bytes()
    # What another machine goes on from holds what a killed search left, and no note of who wrote it.
    (copy.parent / "journal.log.lock").touch()
    shutil.rmtree(here.parent / ".cache", ignore_errors=True)
    study.write_bytes(b'{"op": 1}\n' * 9)
    pack.copy_studies(there, here)
    assert copy.read_bytes() == b'{"op": 1}\n' * 9


@pytest.mark.usefixtures("with_dvc")
def test_what_a_job_wrote_is_kept_in_the_dvc_remote(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bake(package_name="remote_kept")
    kept = module(project, "parts.remote.kept", monkeypatch)
    made = importlib.import_module("remote_kept.parts.remote.job").Job
    job = made(id="1", runner={}, machine={}, timeout=1, restarts=0, image=None)
    manifest = job.bundle / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text('{"push": false}')
    assert not kept.is_kept(job), "a job that does not push keeps nothing"
    manifest.write_text('{"push": true}')
    with pytest.raises(Exception, match=r"what job 1 keeps in the DVC remote cannot be had: .*no remote specified"):
        kept.is_kept(job)
    config = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {tmp_path}/my store\n"
    (project.path / ".dvc" / "config").write_text(config)
    machine = tmp_path / "machine"
    journal = machine / "studies" / "forest" / "0a" / "journal.log"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(b'{"op": 1}\n')
    kept.take(job)
    assert not job.output.exists()
    kept.keep("1", "trials", machine / "studies")
    kept.take(job)
    assert (job.output / "studies" / "forest" / "0a" / "journal.log").read_bytes() == b'{"op": 1}\n'
    assert kept.is_kept(job, "trials") and not kept.is_kept(job)
    (machine / "results.json").write_text("{}")
    kept.keep("1", "output", machine)
    kept.take(job)
    assert (job.output / "results.json").read_text() == "{}" and kept.is_kept(job)
    kept.remove(job)
    kept.remove(job)
    assert not kept.is_kept(job) and not kept.is_kept(job, "trials")


def test_an_archive_that_is_not_what_was_sent_is_unpacked_nowhere(
    bake: Bake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = module(bake(package_name="remote_archive"), "parts.remote.pack", monkeypatch)
    for name in ("a", "b", "other"):
        (tmp_path / name).write_text(name * 5000)
    places = {"a": tmp_path / "a", "models/b": tmp_path / "b"}
    files = {name: pack.sha256(place) for name, place in places.items()}
    archive, target = tmp_path / "archive.tar.gz", tmp_path / "target"
    pack.archive(archive, places)
    whole = archive.read_bytes()
    pack.unpack(archive, files, target)
    assert (target / "models" / "b").read_text() == "b" * 5000
    shutil.rmtree(target)
    for damaged in (
        None,
        places | {"models/b": tmp_path / "other"},
        {"a": places["a"]},
        places | {"c": tmp_path / "a"},
        places | {"../c": tmp_path / "a"},
    ):
        archive.write_bytes(whole[: len(whole) // 2])
        if damaged:
            pack.archive(archive, damaged)
        with pytest.raises(Exception, match=r"archive\.tar\.gz is damaged"):
            pack.unpack(archive, files, target)
        assert not target.exists() and not (tmp_path / "c").exists()


def test_a_job_with_an_image_runs_in_it_after_the_machine_was_set_up(bake: Bake, tmp_path: Path) -> None:
    project = bake(package_name="remote_script")
    machine, programs = tmp_path / "machine", tmp_path / "programs"
    for folder in (machine, programs):
        folder.mkdir()
    shutil.copy(project.path / "src" / "remote_script" / "parts" / "remote" / "job.sh", machine)
    (machine / "setup.sh").write_text("echo prepared\n")
    (machine / "job.env").write_text(
        "PACKAGE=remote_script\nTIMEOUT=60\nIMAGE=registry/train:1\nGPU=T4\nENVIRONMENT='A B'\n"
    )
    (programs / "docker").write_text('#!/bin/sh\necho docker "$@"\nexit 3\n')
    (programs / "docker").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin"
    registry = "1.dkr.ecr.eu-central-1.amazonaws.com"
    private = tmp_path / "private"
    shutil.copytree(machine, private)
    text = (private / "job.env").read_text()
    (private / "job.env").write_text(text.replace("registry/train:1", f"{registry}/shop:train-1"))
    for name, said in (
        ("docker", 'echo docker "$@"; test "$1" != login || cat; test "$1" = login'),
        ("aws", "echo aws $@"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_text(f"#!/bin/sh\n{said}\n")
        (folder / name).chmod(0o755)
    words = ["sh", "job.sh"]
    plain = tmp_path / "plain"  # a machine without AWS's program, whatever this one has
    plain.mkdir()
    for tool in ("sh", "cat", "echo", "id", "mkdir", "mv", "tee", "timeout"):
        (plain / tool).symlink_to(shutil.which(tool, path="/usr/bin:/bin") or "/bin/false")
    environment = {"PATH": f"{tmp_path}/docker:{tmp_path}/aws:{plain}"}
    done = subprocess.run(words, cwd=private, env=environment, capture_output=True, text=True)
    told = done.stdout.splitlines()
    assert told[1] == f"docker login --username AWS --password-stdin {registry}"
    assert told[2] == "aws ecr get-login-password --region eu-central-1"
    assert told[3].startswith("docker run --rm --user") and told[3].endswith(
        f"{registry}/shop:train-1 sh ./job.sh inside"
    )
    shutil.rmtree(private / "output")
    environment = {"PATH": f"{tmp_path}/docker:{plain}"}
    done = subprocess.run(words, cwd=private, env=environment, capture_output=True, text=True)
    asked = "docker run --rm --network host --env A --env B public.ecr.aws/aws-cli/aws-cli ecr get-login-password"
    assert f"{asked} --region eu-central-1" in done.stdout.splitlines()
    done = subprocess.run(["sh", "job.sh"], cwd=machine, env={"PATH": path}, capture_output=True, text=True)
    user = f"{os.getuid()}:{os.getgid()}"
    assert done.stdout.splitlines() == [
        "prepared",
        f"docker run --rm --user {user} --env HOME=/tmp --env JOB_IN_IMAGE=1 --volume {machine}:/job --workdir /job "
        "--env A --env B --gpus all registry/train:1 sh ./job.sh inside",
    ], done.stderr
    assert (done.returncode, (machine / "output" / "exit").read_text()) == (3, "3\n")
    assert (machine / "output" / "log.txt").read_text() == done.stdout
    # A machine that comes back after the end does nothing more.
    again = subprocess.run(["sh", "job.sh"], cwd=machine, env={"PATH": path}, capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (3, "")
