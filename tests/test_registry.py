"""Versions of a model: registered behind guards, put into stages, taken back, fetched elsewhere, served."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import pytest
from conftest import PERSON, commit, run
from fastapi.testclient import TestClient
from moto.server import ThreadedMotoServer
from stamped import TOOLS, Project, environment

AZURITE = shutil.which("azurite-blob")  # before the tests have a PATH of their own
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
# The account that every Azurite has, as its documentation says.
ACCOUNT = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:{port}/devstoreaccount1;"
)
EXPORTS = ("exports: []", "exports: [{class: Joblib}]")


def test_the_targets_of_make_hand_on_what_they_are_given(bake: Callable[..., Any], tmp_path: Path) -> None:
    project = bake(project_name="Shop", package_name="shop").path
    made = shutil.which("make", path="/usr/local/bin:/usr/bin:/bin") or ""

    def commands(*words: str) -> list[str]:
        # PROJECT_VENV: nothing is set up; -n: nothing is run.
        said = run(made, "-n", f"PROJECT_VENV={tmp_path}", *words, cwd=project)
        return [" ".join(line.partition(" -m shop ")[2].split()) for line in said.splitlines() if " -m shop " in line]

    assert commands("register") == ["register"]
    assert commands("register", "VERSION=v2.0.0", "PUSH=no") == ["register --version 'v2.0.0' --no-push"]
    assert commands("promote", "STAGE=prod", "VERSION=v1.2.0") == ["promote 'prod' --version 'v1.2.0'"]
    assert commands("rollback", "STAGE=prod") == ["rollback 'prod'"]
    assert commands("registry") == ["registry"]
    assert "promote 'serve'" not in "\n".join(commands("promote")), "that is the image's stage"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has been run and committed; tests work on copies of it."""
    project = Project(tmp_path_factory.mktemp("ready"), project_name="Ready", estimators="logistic_regression")
    project.edit("params/search.yaml", ("trials: 100", "trials: 2"), ("seconds: 240", "seconds: 600"))
    with environment(**PERSON):
        assert project.repro()[-1] == "package"
        commit(project.path, "Run")
    return project


@pytest.fixture
def project(ready: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of it, as the working directory, whose DVC remote is a folder that has everything."""
    copy = ready.copy(tmp_path)
    monkeypatch.chdir(copy.path)
    dvc(copy, "remote", "add", "--quiet", "--default", "store", str(tmp_path / "store"))
    commit(copy.path, "A remote")
    dvc(copy, "push", "--quiet")
    return copy


@pytest.fixture
def origin(project: Project, tmp_path: Path) -> Path:
    """A bare repository that the project's commit is pushed to."""
    return published(project, tmp_path)


def published(project: Project, folder: Path) -> Path:
    bare = folder / "origin.git"
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(bare), cwd=folder)
    run("git", "remote", "add", "origin", str(bare), cwd=project.path)
    run("git", "push", "--quiet", "origin", "HEAD:main", cwd=project.path)
    return bare


def cloned(project: Project, bare: Path, folder: Path) -> Project:
    """Another clone, with nothing in it that git does not have."""
    run("git", "clone", "--quiet", str(bare), str(folder), cwd=bare.parent)
    twin = object.__new__(Project)
    twin.path, twin.package = folder, project.package
    return twin


def dvc(project: Project, *words: str) -> str:
    return project.run(str(TOOLS / "dvc"), *words)


def again(project: Project, *edit: tuple[str, str]) -> None:
    """Another model, by the cheapest way there is, committed and pushed to DVC's remote."""
    project.edit("params/package.yaml", *edit)
    assert project.repro() == ["plan", "package"]
    commit(project.path, "Another model")
    dvc(project, "push", "--quiet")


def tags(folder: Path) -> list[str]:
    return run("git", "tag", cwd=folder).split()


def refusal(project: Project, call: Callable[[], Any]) -> str:
    with pytest.raises(project.module("errors").UserError) as error:
        call()
    return str(error.value)


@pytest.mark.slow
def test_what_is_not_committed_run_and_pushed_is_not_registered(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands, guards = project.module("parts.releases.actions"), project.module("parts.releases.guards")
    git, hidden = project.path / ".git", tmp_path / "hidden"

    def refused(words: str) -> None:
        said = refusal(project, lambda: commands.register(None, True))
        assert words in said, said
        assert not git.exists() or tags(project.path) == []

    git.rename(hidden)
    refused("this is no git repository, and a version is a commit: `make setup` starts one")
    run("git", "init", "--quiet", cwd=project.path)
    refused("this repository has no commit yet")
    shutil.rmtree(git)
    hidden.rename(git)

    with project.edited("params/train.yaml", ("size: 25", "size: 24")):
        refused("params/train.yaml is not as in the last commit: the version would not be what its commit says")
        commit(project.path, "Unrun")
        refused("the last run is out of date in plan: `make run`, look at the report, then commit")
    run("git", "reset", "--quiet", "--hard", "HEAD~1", cwd=project.path)
    (project.path / "src" / project.package / "custom" / "mine.py").write_text("", encoding="utf-8")
    refused("custom/mine.py is not as in the last commit")
    (project.path / "src" / project.package / "custom" / "mine.py").unlink()

    with project.edited("dvc.yaml", ("  model:\n    path: models/package", "  model:\n    path: models/final")):
        commit(project.path, "Another path")
        refused("dvc.yaml does not name the model: write `artifacts: {model: {path: models/package}}`")
    run("git", "reset", "--quiet", "--hard", "HEAD~1", cwd=project.path)

    card = project.path / "models" / "package" / "README.md"
    text = card.read_text(encoding="utf-8")
    card.chmod(0o644)
    card.write_text(f"{text}better\n", encoding="utf-8")
    refused("package is changed after the run, so what is there is not what dvc.lock names")
    card.write_text(text, encoding="utf-8")

    lock = project.path / "dvc.lock"
    lock.rename(tmp_path / "lock")
    commit(project.path, "No lock")
    refused("there is no dvc.lock, so no model has been trained: `make run`, then commit")
    run("git", "reset", "--quiet", "--hard", "HEAD~1", cwd=project.path)

    class Broken:
        example = pd.DataFrame({"a": [1]})

        def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
            raise ValueError("no such column")

    with monkeypatch.context() as patched:
        patched.setattr(guards.PredictionPipeline, "load", lambda folder: Broken())
        refused("models/package does not predict its own example: ValueError: no such column")

    dvc(project, "remote", "add", "--quiet", "--default", "--force", "store", str(tmp_path / "empty"))
    commit(project.path, "An empty remote")
    refused("are not in DVC's remote 'store', which others get it from: make push")
    dvc(project, "remote", "add", "--quiet", "--default", "--force", "store", "s3://models/shop")
    dvc(project, "remote", "modify", "--quiet", "store", "endpointurl", "http://127.0.0.1:9")
    commit(project.path, "A remote that is not there")
    with environment(**KEYS, AWS_MAX_ATTEMPTS="1"):
        refused("it cannot be seen whether the model was pushed to DVC's remote 'store': `dvc status --cloud` failed")
    dvc(project, "remote", "remove", "store")
    commit(project.path, "No remote")
    refused("DVC has no default remote, so nobody could get the model: .venv/bin/dvc remote add --default store")


@pytest.mark.slow
def test_versions_count_up_and_never_change(project: Project, origin: Path, tmp_path: Path) -> None:
    commands = project.module("parts.releases.actions")
    assert commands.table() == ["no model is registered yet: `make register` registers the one of the last run"]
    assert "no model is registered yet" in refusal(project, lambda: commands.promote("prod", None, True))
    assert "'1.0' is no version: it is written like v1.2.3" in refusal(project, lambda: commands.register("1.0", True))
    said = commands.register(None, True)
    assert said[0] == "v1.0.0 is registered: the tag model@v1.0.0 is pushed to origin"
    told = run("git", "tag", "--list", "--format", "%(contents)", "model@v1.0.0", cwd=origin)
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert told.startswith("Register v1.0.0\n") and all(
        f"\n{name}: {value:.6g}" in told for name, value in metrics.items()
    )
    said = refusal(project, lambda: commands.register(None, True))
    assert said == "the last commit is registered already, as v1.0.0: there is nothing new to register"
    # Another clone has registered meanwhile, as whoever counts has to know.
    run("git", "commit", "--quiet", "--allow-empty", "--message", "More", cwd=project.path)
    twin = cloned(project, origin, tmp_path / "twin")
    run("git", "commit", "--quiet", "--allow-empty", "--message", "Of the twin", cwd=twin.path)
    run("git", "tag", "--annotate", "--message", "By hand", "model@v1.5.0", cwd=twin.path)
    run("git", "push", "--quiet", "origin", "refs/tags/model@v1.5.0", cwd=twin.path)
    said = refusal(project, lambda: commands.register("v1.5.0", True))
    assert said == "v1.5.0 is registered already, and a version never changes: choose another, or none for the next one"
    assert commands.register(None, True)[0].startswith("v1.6.0 is registered")

    # What origin does not take is not registered at all.
    run("git", "commit", "--quiet", "--allow-empty", "--message", "Still more", cwd=project.path)
    hook = origin / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho nobody may >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    said = refusal(project, lambda: commands.register(None, True))
    assert "the tag model@v1.7.0 was not accepted by origin and is taken away again" in said
    assert "model@v1.7.0" not in tags(project.path)
    run("git", "remote", "set-url", "origin", str(tmp_path / "gone.git"), cwd=project.path)
    assert "the versions at origin cannot be asked for" in refusal(project, lambda: commands.register(None, True))
    assert commands.register(None, False)[0] == "v1.7.0 is registered: the tag model@v1.7.0 is in this repository alone"
    assert [line.split()[0] for line in commands.table()] == ["version", "v1.7.0", "v1.6.0", "v1.5.0", "v1.0.0"]


@pytest.mark.slow
def test_a_stage_goes_back_version_by_version(project: Project, origin: Path) -> None:
    commands, fetch = project.module("parts.releases.actions"), project.module("parts.releases.fetch").fetch
    read = project.module("parts.releases.params").read_releases
    registry, stages = read(Path("params"))
    assert type(registry).__name__ == "GTO" and stages == ["dev", "staging", "prod"]
    for name in ("v1", "latest", "a b", "prod!", "-prod", "prod-", "é", "7", "prod, prod", ""):
        with project.edited("params/releases.yaml", ("[dev, staging, prod]", f"[{name}]")):
            assert "params/releases.yaml:8: " in refusal(project, lambda: read(Path("params")))
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        run("git", "commit", "--quiet", "--allow-empty", "--message", version, cwd=project.path)
        registry.register(version, {}, False)
    said = refusal(project, lambda: commands.promote("prdo", None, True))
    assert "params/releases.yaml: there is no stage 'prdo'; did you mean 'prod'?" in said
    assert "nothing stands in prod" in refusal(project, lambda: commands.roll_back("prod", True))
    said = refusal(project, lambda: commands.promote("prod", "v3.0.0", True))
    assert said.startswith("there is no version v3.0.0, and nothing stands in a stage of that name")
    assert tags(origin) == []

    def standing(stage: str) -> str:
        return str(fetch(stage)).rpartition("/")[2]

    assert commands.promote("prod", "v1.0.0", True)[0] == "prod: v1.0.0; the tag model#prod#1 is pushed to origin"
    assert tags(origin) == ["model#prod#1", "model@v1.0.0"], "the version came along"
    assert "v1.0.0 stands in prod already" in refusal(project, lambda: commands.promote("prod", "v1.0.0", True))
    assert "no version held prod before v1.0.0" in refusal(project, lambda: commands.roll_back("prod", True))
    commands.promote("staging", None, True)
    assert commands.promote("prod", "v1.1.0", True)[0].startswith("prod: v1.0.0 -> v1.1.0")
    assert commands.promote("prod", "staging", True)[0].startswith("prod: v1.1.0 -> v1.2.0")
    assert standing("prod") == standing("latest") == "v1.2.0"
    assert commands.roll_back("prod", True)[0].startswith("prod: v1.2.0 -> v1.1.0")
    assert commands.roll_back("prod", True)[0].startswith("prod: v1.1.0 -> v1.0.0")
    assert "no version held prod before v1.0.0" in refusal(project, lambda: commands.roll_back("prod", True))
    # It can come again, and DVC itself knows it.
    assert commands.promote("prod", "v1.2.0", True)[0].startswith("prod: v1.0.0 -> v1.2.0")
    assert commands.roll_back("prod", True)[0].startswith("prod: v1.2.0 -> v1.0.0")
    assert standing("prod") == "v1.0.0" and standing("staging") == "v1.2.0"
    from dvc.api import artifacts_show

    first = run("git", "rev-parse", "model@v1.0.0^{commit}", cwd=project.path).strip()
    assert artifacts_show("model", stage="prod", repo=f"file://{origin}")["rev"] == first
    assert len([one for one in tags(origin) if "#" in one]) == 8, "no tag is moved or deleted"
    table = commands.table()
    assert [line.split()[:2] for line in table[1:]] == [["v1.2.0", "staging"], ["v1.1.0", "-"], ["v1.0.0", "prod"]]

    # GTO and DVC go by the times of tags: one of tomorrow would hide what is done today.
    with environment(GIT_COMMITTER_DATE=f"{int(time.time()) + 86_400} +0000"):
        run("git", "tag", "--annotate", "--message", "Early", "model#dev#99", "model@v1.0.0^{commit}", cwd=project.path)
    said = refusal(project, lambda: commands.promote("staging", "v1.0.0", False))
    assert said.startswith("the last tag is of ") and said.endswith("later than now: set this clock right")


@contextlib.contextmanager
def s3() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A remote on a server that speaks S3: its address, and what DVC's config has to say beside it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    try:
        with environment(**KEYS):
            boto3.client("s3", endpoint_url=address).create_bucket(Bucket="models")
            yield "s3://models/ready", [("endpointurl", address)]
    finally:
        server.stop()


@contextlib.contextmanager
def azure(folder: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The same on Azurite, which speaks Azure's API."""
    from azure.storage.blob import BlobServiceClient

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    account = ACCOUNT.format(port=port)
    command = [str(AZURITE), "--silent", "--skipApiVersionCheck", "--location", str(folder), "--blobPort", str(port)]
    path = {"PATH": f"{os.environ['PATH']}:{Path(str(AZURITE)).parent}:/usr/local/bin:/usr/bin:/bin"}
    server = subprocess.Popen(command, env={**os.environ, **path}, stdout=subprocess.DEVNULL)
    try:
        for _ in range(150):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.1)
        with environment(AZURE_STORAGE_CONNECTION_STRING=account):
            BlobServiceClient.from_connection_string(account).create_container("models")
            yield "azure://models/ready", []
    finally:
        server.terminate()
        server.wait()


@pytest.mark.slow
@pytest.mark.parametrize("cloud", ["s3", "azure"])
def test_two_clones_share_versions_through_git_and_a_cloud(
    cloud: str, ready: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if cloud == "azure" and AZURITE is None:
        pytest.skip("azurite-blob is not on the PATH (npm install azurite)")
    project = ready.copy(tmp_path)
    with s3() if cloud == "s3" else azure(tmp_path / "azurite") as (address, settings):
        monkeypatch.chdir(project.path)
        dvc(project, "remote", "add", "--quiet", "--default", "store", address)
        for name, value in settings:
            dvc(project, "remote", "modify", "store", name, value)
        commit(project.path, "A remote")
        dvc(project, "push", "--quiet")
        bare = published(project, tmp_path)
        commands = project.module("parts.releases.actions")
        assert commands.register(None, True)[0].startswith("v1.0.0 is registered")
        commands.promote("prod", None, True)

        # The other clone has neither the data nor a run: a commit, tags, and what DVC's remote has.
        twin = cloned(project, bare, tmp_path / "twin")
        assert twin.python("fetch", "prod") == ".cache/registry/v1.0.0\n"
        if cloud == "azure":
            return
        table = pd.read_csv(project.path / "data" / "raw" / "penguins.csv")
        table.to_csv(tmp_path / "rows.csv", index=False)
        twin.python("predict", str(tmp_path / "rows.csv"), "said.csv", "--model", "registry:prod")
        said = pd.read_csv(twin.path / "said.csv")["prediction"]
        assert (said == table["species"]).mean() > 0.95
        twin.edit("params/serve.yaml", ("model: models/package", "model: registry:prod"))
        assert served(twin, monkeypatch) == sorted(table["species"].unique())

        # A second model, a promotion, and what a folder sees that is no project at all.
        monkeypatch.chdir(project.path)
        again(project, EXPORTS)
        assert commands.register(None, True)[0].startswith("v1.1.0 is registered")
        commands.promote("prod", None, True)
        nowhere = tmp_path / "nowhere"
        nowhere.mkdir()
        get = (str(TOOLS / "dvc"), "artifacts", "get", f"file://{bare}", "model", "--stage", "prod", "--out")
        run(*get, "second", cwd=nowhere)
        assert (nowhere / "second" / "exports").is_dir()
        commands.roll_back("prod", True)
        run(*get, "first", cwd=nowhere)
        assert not (nowhere / "first" / "exports").exists()
        monkeypatch.chdir(twin.path)
        fetch = project.module("parts.releases.fetch")
        assert str(fetch.fetch("prod")) == ".cache/registry/v1.0.0"
        assert (fetch.fetch("latest") / "exports").is_dir()

        # A model of another repository, a damaged copy, a folder of the user's choice.
        elsewhere = fetch.fetch("prod", f"file://{bare}")
        assert elsewhere.name == "v1.0.0" and elsewhere != fetch.fetch("prod")
        other = project.module("parts.releases.components.registries").GTO(f"file://{bare}")
        assert "is another repository" in refusal(project, lambda: other.assign("prod", "v1.1.0", True))
        part = fetch.fetch("v1.0.0") / "model.skops"
        part.chmod(0o644)
        part.write_bytes(b"")
        assert (fetch.fetch("v1.0.0") / "model.skops").stat().st_size > 0, "it is fetched anew"
        fetch.copy("v1.0.0", tmp_path / "copy")
        fetch.copy("v1.1.0", tmp_path / "copy")
        assert (tmp_path / "copy" / "exports").is_dir()
        assert "is there and is no model" in refusal(project, lambda: fetch.copy("prod", nowhere))
        assert "cannot be read from file:///nothing" in refusal(project, lambda: fetch.fetch("prod", "file:///nothing"))
    # Cloud and origin are gone: what was fetched is here, and no more.
    bare.rename(tmp_path / "gone.git")
    assert str(fetch.fetch("v1.1.0")) == ".cache/registry/v1.1.0"
    shutil.rmtree(".cache/registry")
    shutil.rmtree(".dvc/cache", ignore_errors=True)
    with environment(**KEYS, AWS_MAX_ATTEMPTS="1"):
        assert "cannot be fetched from this repository and its DVC remote" in refusal(
            project, lambda: fetch.fetch("prod")
        )


def served(project: Project, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the service says of its own example: the labels that it gives probabilities of."""
    monkeypatch.chdir(project.path)
    with TestClient(project.module("parts.serve.app").from_params()) as client:
        example = client.get("/schema").json()["example"]
        answer = client.post("/predict", json={"rows": [example] if isinstance(example, dict) else example})
        assert answer.status_code == 200, answer.text
        return sorted(answer.json()["predictions"][0]["probabilities"])


@pytest.mark.slow
def test_mlflow_keeps_versions_and_stages_as_well(project: Project, origin: Path) -> None:
    import mlflow

    uri = f"sqlite:///{project.path}/mlflow.db"
    project.edit(
        "params/releases.yaml",
        ("registry: {class: GTO}", f'registry: {{class: MLflowRegistry, params: {{uri: "{uri}", name: penguins}}}}'),
    )
    again(project, EXPORTS)
    commands, fetch = project.module("parts.releases.actions"), project.module("parts.releases.fetch").fetch
    assert "MLflow counts the versions itself: leave out 'v2.0.0'" in refusal(
        project, lambda: commands.register("v2.0.0", True)
    )
    assert "is where everybody looks" in refusal(project, lambda: commands.register(None, False))
    said = refusal(project, lambda: commands.register(None, True))
    assert said == "the last commit is in no branch of origin, so nobody could find what made it: git push"
    assert commands.table()[0].startswith("no model is registered yet")
    run("git", "push", "--quiet", "origin", "HEAD:main", cwd=project.path)
    assert commands.register(None, True)[0] == f"v1 is registered: it is version 1 of penguins at {uri}"
    assert "registered already, as v1" in refusal(project, lambda: commands.register(None, True))
    assert run("git", "status", "--porcelain", cwd=project.path) == ""

    commands.promote("prod", "v1", True)
    client = mlflow.MlflowClient(uri, uri)
    first = client.get_model_version("penguins", "1")
    client.create_model_version("penguins", first.source, first.run_id)  # by MLflow's own page, say
    assert commands.promote("prod", None, True)[0].startswith("prod: v1 -> v2")
    assert client.get_model_version_by_alias("penguins", "prod").version in ("2", 2)
    metrics = json.loads((project.path / "reports" / "metrics.json").read_text(encoding="utf-8"))
    assert client.get_run(first.run_id).data.metrics == pytest.approx(metrics)
    assert [line.split()[:2] for line in commands.table()[1:]] == [["v2", "prod"], ["v1", "-"]]
    assert commands.roll_back("prod", True)[0].startswith("prod: v2 -> v1")
    assert "no version held prod before v1" in refusal(project, lambda: commands.roll_back("prod", True))
    client.set_registered_model_alias("penguins", "prod", "2")  # and so was this
    assert commands.roll_back("prod", True)[0].startswith("prod: v2 -> v1")

    folder = fetch("prod")
    assert folder.name == "v1" and not (folder / "exports").exists()
    rows = pd.read_csv(project.path / "data" / "raw" / "penguins.csv", na_values=["", "."])
    load = project.module("prediction.pipeline").PredictionPipeline.load
    expected = load("models/package").predict(rows)["prediction"].tolist()
    assert load("registry:prod").predict(rows)["prediction"].tolist() == expected
    mlflow.set_tracking_uri(uri)
    assert mlflow.pyfunc.load_model("models:/penguins@prod").predict(rows)["prediction"].tolist() == expected


@pytest.mark.slow
def test_a_project_below_the_top_of_its_repository_has_tags_of_its_own(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "together"
    run("git", "init", "--quiet", "--initial-branch", "main", str(top), cwd=tmp_path)
    shutil.rmtree(project.path / ".git")
    project.path = project.path.rename(top / "shop")
    monkeypatch.chdir(project.path)
    commit(top, "Two things")
    (top / "other.txt").write_text("not the project's", encoding="utf-8")
    commands, fetch = project.module("parts.releases.actions"), project.module("parts.releases.fetch").fetch
    commands.register("v0.1.0", True)
    commands.promote("prod", None, True)
    assert tags(top) == ["shop=model#prod#1", "shop=model@v0.1.0"]
    assert (fetch("prod") / "manifest.json").exists()
    get = (str(TOOLS / "dvc"), "artifacts", "get", str(top), "shop:model", "--stage", "prod", "--out")
    run(*get, "got", cwd=tmp_path)
    assert (tmp_path / "got" / "manifest.json").exists()
