"""Where DVC keeps data and models: the answer, push and pull."""

import hashlib
import io
import json
import shutil
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from conftest import BakedProject, commit, run
from moto.server import ThreadedMotoServer
from ruamel.yaml import YAML
from stamped import TOOLS, Project, environment
from test_answers import ask, refuse

Bake = Callable[..., BakedProject]

# ------------------------------------------------------------------------------------------ the answer

WRONG = {
    "scheme": ("gcs://models/x", "remote: DVC keeps nothing at gcs:// addresses here; did you mean gs://?"),
    "unknown": (
        "ftp://models/x",
        "remote: DVC keeps nothing at ftp:// addresses here; write one of s3, gs, azure, ssh, or a folder",
    ),
    "password": (
        "ssh://ada:secret@host/models",
        "remote: the address holds a password, which would be written into .dvc/config and committed; leave it out and "
        "let the environment provide it",
    ),
    "empty": ("s3://", "remote: 's3://' names no storage; write s3://name/path"),
    "like-scp": ("ada@host:models", "remote: 'ada@host:models' is no folder; write an address as ssh://host/path"),
    "file": ("../notes.txt", "remote: '../notes.txt' is no folder; name one, or nothing"),
    "project": ("store", "remote: 'store' lies in the project itself; name a folder beside it"),
}


@pytest.mark.parametrize(("answer", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_remote_is_refused_in_one_sentence(answer: str, sentence: str, table: Path) -> None:
    (table.parent.parent / "notes.txt").touch()
    assert refuse(table.parent, remote=answer) == sentence


def test_a_relative_folder_starts_where_the_user_stands_because_each_clone_stands_elsewhere(tmp_path: Path) -> None:
    assert ask(tmp_path / "here", remote="../store").remote == str(tmp_path / "store")
    assert ask(tmp_path, remote="~/store").remote == str(Path.home() / "store")


@pytest.mark.parametrize("scheme", ["s3", "gs", "azure", "ssh"])
def test_an_address_brings_the_extra_of_dvc_that_it_needs(bake: Bake, scheme: str) -> None:
    stamped = bake(remote=f"{scheme}://store/shop", parts="none")
    wanted = tomllib.loads(stamped.read("pyproject.toml"))["project"]["optional-dependencies"]["train"]
    assert [one for one in wanted if one.startswith("dvc")] == [f"dvc[{scheme}]>=3.67,<4"]
    assert f"  remote      {scheme}://store/shop" in stamped.out.splitlines()


def test_without_an_answer_nothing_is_said_of_a_remote(bake: Bake) -> None:
    stamped = bake(parts="none")
    assert '"dvc>=3.67,<4"' in stamped.read("pyproject.toml")
    assert ".dvc-remote" not in stamped.files()
    assert "remote" not in stamped.out


def test_stamping_ends_with_the_remote_in_dvcs_config(bake: Bake, with_dvc: None, tmp_path: Path) -> None:
    stamped = bake(remote=str(tmp_path / "a store, #1"))
    assert run("dvc", "remote", "default", cwd=stamped.path) == "storage\n"
    assert run("dvc", "config", "remote.storage.url", cwd=stamped.path) == f"{tmp_path}/a store, #1\n"
    assert run("git", "status", "--porcelain", cwd=stamped.path) == ""
    assert ".dvc-remote" not in stamped.files()


# ---------------------------------------------------------------------------------------- push and pull


def pushed_and_pulled(project: Project, address: str, folder: Path) -> None:
    """What is pushed to a remote comes back in a fresh clone, in which nothing is left to do then."""
    project.run("dvc", "remote", "modify", "storage", "url", address)
    commit(project.path, "A remote")
    project.make("push")
    clone = project.clone(folder)
    assert not (clone.path / "models" / "package").exists()
    clone.make("pull")
    assert "up to date" in clone.run("dvc", "status")
    assert clone.repro() == []
    assert run("git", "status", "--porcelain", cwd=clone.path) == ""


@pytest.mark.slow
def test_what_is_pushed_to_a_folder_comes_back_in_a_clone(registered: Project, tmp_path: Path) -> None:
    pushed_and_pulled(registered.copy(tmp_path), str(tmp_path / "store"), tmp_path)


@pytest.mark.slow
def test_a_tampered_remote_runs_no_code(registered: Project, tmp_path: Path) -> None:
    """Somebody who can write to the remote replaces files, and keeps the names that DVC gave them."""
    store, project = tmp_path / "tampered", registered.clone(tmp_path)
    shutil.copytree(registered.path.parent / "store", store)
    touched = tmp_path / "touched"
    tamper(registered.path, store, touched)
    project.run("dvc", "remote", "modify", "storage", "url", str(store))
    rows = str(registered.path / "data" / "raw" / "penguins.csv")

    # The remote of a stamped project is verified.
    project.make("pull", code=2)
    assert not (project.path / "models/package/model.skops").exists()

    # One that was added by hand is not: DVC brings what it holds, and then nothing of it is used.
    project.run("dvc", "remote", "modify", "storage", "verify", "false")
    shutil.rmtree(project.path / ".dvc/cache", ignore_errors=True)
    said = project.make("pull", code=2)
    assert "plan, models/final, models/package: the content is not the one that dvc.lock names" in said
    assert str(touched) in (project.path / "models/package/model.skops").read_bytes().decode("latin1")
    assert "Popen" in (project.path / "plan/train.json").read_text(encoding="utf-8")
    for words in (("predict", rows, "out.csv"), ("register",), ("script", "model.py"), ("stages.train",)):
        module = project.package if len(words) > 1 or words == ("register",) else f"{project.package}.{words[0]}"
        arguments = words if module == project.package else ()
        said = project.run(str(TOOLS / "python"), "-m", module, *arguments, code=1)
        assert "Traceback" not in said and not touched.exists(), said

    # Whoever takes it all the same, as a copy of which dvc.lock knows nothing, still runs no code.
    shutil.copytree(project.path / "models/package", tmp_path / "copy")
    said = project.python("predict", rows, "out.csv", "--model", str(tmp_path / "copy"), code=1)
    assert "holds subprocess.Popen, which is no part of a model" in said and not touched.exists()


def tamper(project: Path, store: Path, touched: Path) -> None:
    """Put a model into a DVC remote that runs a command, and a plan that trusts it, under the checksums of before."""
    outs = {
        out["path"]: out["md5"]
        for stage in YAML(typ="safe").load(project / "dvc.lock")["stages"].values()
        for out in stage["outs"]
    }

    def place(checksum: str) -> Path:
        return store / "files" / "md5" / checksum[:2] / checksum[2:]

    def replace(output: str, name: str, content: bytes) -> None:
        listed = {one["relpath"]: one["md5"] for one in json.loads(place(outs[output]).read_text())}
        place(listed[name]).chmod(0o644)
        place(listed[name]).write_bytes(content)

    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    words = [text | {"content": json.dumps(word)} for word in ("touch", str(touched))]
    command = {"__class__": "list", "__module__": "builtins", "__loader__": "ListNode", "content": words}
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [command]}
    call = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "ConstructorFromReduceNode"}
    model = io.BytesIO()
    with zipfile.ZipFile(model, "w") as archive:
        schema = call | {"content": arguments, "protocol": 2, "_skops_version": "0.16.0"}
        archive.writestr("schema.json", json.dumps(schema))
    manifest = json.loads((project / "models/package/manifest.json").read_text())
    manifest["parts"]["model.skops"] = hashlib.sha256(model.getvalue()).hexdigest()
    plan = json.loads((project / "plan/train.json").read_text())
    plan["named"].append("subprocess.Popen")
    replace("models/package", "model.skops", model.getvalue())
    replace("models/package", "manifest.json", json.dumps(manifest).encode())
    replace("plan", "train.json", json.dumps(plan).encode())


@pytest.mark.slow
def test_what_is_pushed_to_s3_comes_back_in_a_clone(registered: Project, tmp_path: Path) -> None:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    try:
        with environment(AWS_ENDPOINT_URL="http://{}:{}".format(*server.get_host_and_port()), **keys):
            boto3.client("s3").create_bucket(Bucket="models")
            pushed_and_pulled(registered.copy(tmp_path), "s3://models/penguins", tmp_path)
            assert boto3.client("s3").list_objects_v2(Bucket="models", Prefix="penguins/files/md5/")["KeyCount"] > 10
    finally:
        server.stop()


@pytest.mark.slow
def test_without_a_remote_push_and_pull_say_so(registered: Project, tmp_path: Path) -> None:
    project = registered.copy(tmp_path)
    project.run("dvc", "remote", "remove", "storage")
    commit(project.path, "No remote")
    assert "DVC has no remote to keep data and models in" in project.make("push", code=2)
    assert "DVC has no remote, and nothing is missing here" in project.make("pull")
    assert "DVC has no remote to keep data and models in" in project.clone(tmp_path).make("pull", code=2)
