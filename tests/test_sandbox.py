"""The sandbox in AWS: its files, what its script says, and the whole of it in an emulated AWS with real Terraform."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import aws
import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import ROOT, BakedProject, run, tree
from moto.iam.access_control import IAMPolicy, PermissionResult
from stamped import TOOLS, Project, environment

Bake = Callable[..., BakedProject]
PART = ROOT / "parts" / "sandbox-aws"
REMOTE = ROOT / "parts" / "remote"
ACCOUNT = "123456789012"
ISSUER = "token.actions.githubusercontent.com"
CHECKOV = shutil.which("checkov")
NEEDS_TERRAFORM = pytest.mark.skipif(bool(aws.missing()), reason=str(aws.missing()))


@pytest.fixture
def sandbox(bake: Bake) -> BakedProject:
    """A stamped project with a sandbox."""
    return bake(project_name="Cloud shop")


def test_the_sandbox_is_there_only_where_it_is_asked_for(bake: Bake) -> None:
    without, with_it = bake(project_name="Shop", parts="none"), bake(project_name="Shop", parts="sandbox-aws")
    own = [f"infra/aws-sandbox/{name}" for name in tree(PART / "infra" / "aws-sandbox") if ".terraform" not in name]
    assert len(own) > 20
    beside = {"scripts/cloud.py", "scripts/sandbox.py", "make/sandbox.mk", "docs/sandbox-aws.md"}
    assert set(with_it.files()) - set(without.files()) == {*own, *beside}
    assert not (without.path / "infra" / "aws-sandbox").exists()
    assert '"dvc-s3' in with_it.read("pyproject.toml") and '"dvc-s3' not in without.read("pyproject.toml")


def test_an_image_can_be_put_there_only_where_there_is_a_container(bake: Bake, sandbox: BakedProject) -> None:
    assert "sandbox-image:" in sandbox.read("make/sandbox-image.mk")
    assert not (bake(project_name="Shop", parts="sandbox-aws").path / "make" / "sandbox-image.mk").exists()


def test_its_targets_are_listed(sandbox: BakedProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/local/bin:/usr/bin:/bin")
    listed = run("make", cwd=sandbox.path).splitlines()
    targets = re.findall(r"^\.PHONY: (.*)$", sandbox.read("make/sandbox.mk"), re.MULTILINE)[0].split()
    assert {line.split()[1] for line in listed} >= {"run", *targets}
    assert max(map(len, listed)) <= 100


@pytest.mark.parametrize(
    ("slug", "project"),
    [("cloud-shop", "cloud-shop"), ("My.Shop_2", "my-shop-2"), ("a" * 31 + "-b-c", "a" * 31)],
)
def test_it_is_named_after_the_project(slug: str, project: str, bake: Bake) -> None:
    text = bake(project_slug=slug, package_name="shop").read("infra/aws-sandbox/variables.tf")
    assert f'  default     = "{project}"\n' in text


def test_files_follow_the_conventions(sandbox: BakedProject) -> None:
    folder = sandbox.path / "infra" / "aws-sandbox"
    modules = [folder, *sorted((folder / "modules").iterdir())]
    assert len(modules) > 5
    for module in modules:
        assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= {path.name for path in module.iterdir()}
        text = "".join(path.read_text() for path in sorted(module.glob("*.tf")))
        assert "required_version" in text and 'version = "~> 5.100"' in text, module.name
        for kind, name, body in re.findall(r'(?ms)^(variable|output) "(\w+)" \{\n(.*?)^\}', text):
            assert re.search(r'(?m)^  description = ".+\."$', body), f"{module.name}: {name} is not described"
            assert kind == "output" or re.search(r"(?m)^  type +=", body), f"{module.name}: {name} has no type"
            assert kind == "output" or f"var.{name}" in text, f"{module.name}: {name} is not used"
        for reason in re.findall(r"#checkov:skip=\w+:(.*)", text):
            assert len(reason.split()) > 5, "each exception has a reason"
    assert not list(folder.rglob(".terraform.lock.hcl")), "it names a registry; the owner commits one"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of a project that has nothing else, imported."""
    for name in ("scripts/sandbox.py", "scripts/cloud.py", "infra/aws-sandbox/sandbox.auto.tfvars"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PART / name, tmp_path / name)
    monkeypatch.syspath_prepend(tmp_path / "scripts")
    spec = importlib.util.spec_from_file_location("sandbox_script", tmp_path / "scripts" / "sandbox.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# As Terraform 1.11 said it of the emulator (the first with the frame that a terminal gets), or as AWS writes its errors.
SAID = {
    "locked": (
        "│ Error: Error acquiring the state lock\n│ \n│ Error message: operation error S3: PutObject, StatusCode: 412,\n"
        "│ RequestID: nQiTJ, api error PreconditionFailed\n│ Lock Info:\n│   ID:        abcd-1\n│   Path:      x\n"
        "│   Operation: OperationTypeApply\n│   Who:       ada@laptop\n",
        "the state is locked by ada@laptop: wait for that to end, or, if nothing runs there any more, "
        "terraform -chdir=infra/aws-sandbox force-unlock abcd-1",
    ),
    "provider": (
        "Error: creating IAM OIDC Provider: operation error IAM: CreateOpenIDConnectProvider, StatusCode: 409, "
        "EntityAlreadyExists: Unknown\n\n  with module.github[0].aws_iam_openid_connect_provider.this[0],\n",
        "the account has an OIDC provider of github already, and it can have only one: write its ARN, which "
        "`aws iam list-open-id-connect-providers` shows, as github_provider_arn into infra/aws-sandbox/sandbox.auto.tfvars",
    ),
    "taken": (
        "Error: creating S3 Bucket (shop-dvc-123456789012): operation error S3: CreateBucket, BucketAlreadyExists: \n\n"
        "  with module.data.aws_s3_bucket.this,\n",
        "the bucket's name is taken by another account: write another project into infra/aws-sandbox/sandbox.auto.tfvars",
    ),
    "role": (
        "Error: creating IAM Role (shop-runner): EntityAlreadyExists: Role with name shop-runner already exists.",
        "something of this name is in the account already, and the state here does not know it: work where that sandbox "
        "was made, or write another project into infra/aws-sandbox/sandbox.auto.tfvars",
    ),
    "full": (
        "Error: deleting S3 Bucket (shop-dvc-123456789012): BucketNotEmpty: The bucket you tried to delete is not empty",
        "something was put into the bucket or the registry in the meantime, and it was kept: "
        "EMPTY=1 make sandbox-down destroys them with what is in them",
    ),
    "denied": (
        "api error AccessDenied: User: arn:aws:iam::1:user/ada is not authorized to perform: iam:CreateRole on resource",
        "these credentials may not do iam:CreateRole, which the sandbox needs",
    ),
    "anything": ("Error: Unsupported argument", "terraform apply did not go through; what it said stands above"),
}


@pytest.mark.parametrize("kind", SAID)
def test_what_terraform_says_becomes_one_sentence(kind: str, script: ModuleType) -> None:
    said, sentence = SAID[kind]
    assert script.explained("apply", f"\x1b[31m{said}\x1b[0m") == sentence


def test_settings_are_read_as_terraform_reads_them(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert script.setting("region") is None, "what is commented out is not set"
    monkeypatch.setenv("TF_VAR_region", "eu-west-1")
    assert script.setting("region") == "eu-west-1"
    with (script.PROJECT / script.SETTINGS).open("a") as file:
        file.write('region="eu-central-1" # here\nstate_in_s3 = true\n')
    assert (script.setting("region"), script.setting("state_in_s3")) == ("eu-central-1", "true")


def test_another_account_or_region_than_the_sandboxs_is_refused(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "made_outputs", lambda: {"account": "1", "region": "eu-central-1"})
    script.check_place("1", "eu-central-1")
    with pytest.raises(script.Refused, match="the sandbox is in the account 1, and these credentials are of 2"):
        script.check_place("2", "eu-central-1")
    with pytest.raises(
        script.Refused, match="the sandbox is in eu-central-1: write that region into infra/aws-sandbox"
    ):
        script.check_place("1", "eu-west-1")


def test_nobody_is_asked_who_is_not_there(script: ModuleType) -> None:
    with pytest.raises(script.Refused, match="nobody is here to say yes: AUTO=1 make sandbox-up does not ask"):
        script.check_somebody(False, "AUTO=1 make sandbox-up")
    script.check_somebody(True, "AUTO=1 make sandbox-up")


def test_another_remote_of_dvc_stays_and_is_said(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.connect_dvc("s3://new/dvc", "eu-central-1")
    assert capsys.readouterr().out.startswith("DVC: it is not set up here; make setup does that")
    config = script.PROJECT / ".dvc" / "config"
    config.parent.mkdir()
    for text, kept in [
        ("[core]\n    remote = home\n['remote \"home\"']\n    url = ../storage\n", "home (../storage)"),
        ("['remote \"storage\"']\n    url = s3://old/dvc\n", "storage (s3://old/dvc)"),
    ]:
        config.write_text(text)
        script.connect_dvc("s3://new/dvc", "eu-central-1")
        script.disconnect_dvc("s3://new/dvc")
        said = capsys.readouterr().out
        assert f"DVC: its remote stays {kept}, and the sandbox's is another one" in said
        assert "dvc remote add --force --default storage s3://new/dvc" in said
        assert config.read_text() == text


def test_variables_of_ci_are_set_where_that_is_asked_for(
    script: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roles = {"repository": "ada/shop", "write": "arn:w", "read": "arn:r"}
    profile = {"instance_profile": "arn:p"}
    outputs = {"region": "eu-central-1", "image": "1.example/shop", "github": roles, "runner": profile}
    script.tell_ci(outputs, False)
    printed = [line.strip() for line in capsys.readouterr().out.splitlines()[1:]]
    tool = tmp_path / "gh"
    tool.write_text(f'#!/bin/sh\necho gh "$@" >> {tmp_path}/log\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    script.tell_ci(outputs, True)
    assert (
        "CI: the variables AWS_REGION, AWS_ROLE_ARN, AWS_READ_ROLE_ARN, AWS_IMAGE, AWS_RUNNER_PROFILE"
        in capsys.readouterr().out
    )
    assert (tmp_path / "log").read_text().splitlines() == printed
    assert printed[1] == "gh variable set --repo ada/shop AWS_ROLE_ARN --body arn:w"
    tool.write_text("#!/bin/sh\necho no such repository >&2\nexit 1\n")
    with pytest.raises(script.Refused, match="it failed \\(no such repository\\)"):
        script.tell_ci(outputs, True)


PROFILE = f"arn:aws:iam::{ACCOUNT}:instance-profile/shop-runner"
MADE = {
    "region": "eu-central-1",
    "image": "1.example/shop",
    "registry": "shop",
    "runner": {"instance_profile": PROFILE},
}


@pytest.fixture
def runs(tmp_path: Path) -> ModuleType:
    """What tells remote runs of the sandbox, imported, with the `params/remote.yaml` of a stamped project."""
    (tmp_path / "params").mkdir()
    shutil.copy(REMOTE / "params" / "remote.yaml", tmp_path / "params")
    (tmp_path / "scripts").mkdir(exist_ok=True)
    file = tmp_path / "scripts" / "sandbox_runs.py"
    shutil.copy(ROOT / "parts" / "sandbox-aws" / "with" / "remote" / "scripts" / "sandbox_runs.py", file)
    spec = importlib.util.spec_from_file_location("sandbox_runs", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_runs_are_told_of_the_sandbox_only_where_there_are_some(bake: Bake, sandbox: BakedProject) -> None:
    assert (sandbox.path / "scripts" / "sandbox_runs.py").exists()
    assert not (bake(project_name="Shop", parts="sandbox-aws").path / "scripts" / "sandbox_runs.py").exists()


def test_runs_are_sent_to_the_sandbox_and_to_nowhere_when_it_is_gone(
    runs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    stamped = runs.FILE.read_text()
    runs.connect(MADE)
    assert capsys.readouterr().out == "runs: params/remote.yaml names the sandbox's region and role; commit it\n"
    written = runs.FILE.read_text()
    assert {"  region: eu-central-1    # null: the runner's choice", "image: null"} <= set(written.splitlines())
    assert written.replace(PROFILE, "null").replace("eu-central-1", "null") == stamped, "nothing else is touched"
    runs.connect(MADE)
    assert runs.FILE.read_text() == written
    runs.write_params({("image",): "1.example/shop:train-1"})
    runs.disconnect(MADE)
    assert runs.FILE.read_text() == stamped
    runs.disconnect(MADE)
    assert runs.FILE.read_text() == stamped


@pytest.mark.parametrize(
    "machine",
    [
        "machine: {cloud: gcp, region: null, role: null}",
        "machine: {cloud: aws, region: us-east-1, role: null}",
        "machine: {cloud: aws, region: null}",
        "runner: {class: LocalClean}",
        "machine: &m {cloud: aws}",
        "",
    ],
)
def test_runs_that_are_sent_elsewhere_stay_what_they_are(
    machine: str, runs: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.FILE.write_text(machine)
    runs.connect(MADE)
    runs.disconnect(MADE)
    said = capsys.readouterr().out
    assert said.startswith("runs: params/remote.yaml stays as it is") and said.endswith(f"role: {PROFILE}\n")
    assert runs.FILE.read_text() == machine


def test_values_of_one_line_are_replaced_in_it(runs: ModuleType) -> None:
    runs.FILE.write_text("machine: {cloud: aws, region: null, role: 'null', disk: 50} # mine\n")
    assert runs.write_params({("machine", "region"): "eu-west-1", ("machine", "role"): PROFILE})
    assert runs.FILE.read_text() == f"machine: {{cloud: aws, region: eu-west-1, role: {PROFILE}, disk: 50}} # mine\n"
    runs.FILE.write_text("machine:\n  region:\n  role: null\n")
    assert not runs.write_params({("machine", "region"): "eu-west-1"})
    assert runs.FILE.read_text() == "machine:\n  region:\n  role: null\n", "there is no value to replace"


def test_runs_in_a_file_that_is_no_yaml_are_not_touched(runs: ModuleType) -> None:
    runs.FILE.write_text("machine: {cloud: aws\n")
    with pytest.raises(SystemExit, match=r"params/remote.yaml is not valid YAML: "):
        runs.connect(MADE)
    assert runs.FILE.read_text() == "machine: {cloud: aws\n"


def test_an_image_is_pushed_once_and_runs_take_it(
    script: ModuleType,
    runs: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("Dockerfile", "pyproject.toml", "scripts/requirements.py"):
        (script.PROJECT / name).write_text(name)
    (script.PROJECT / "make").mkdir()
    (script.PROJECT / "make" / "container.mk").write_text("IMAGE := shop\n")
    monkeypatch.setattr(script, "runs", runs)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("make", "docker"):
        read = 'test "$1" != login || { cat; echo; }'
        (tools / name).write_text(f'#!/bin/sh\n{{ echo {name} "$@"; {read}; }} >> {tmp_path}/log\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    monkeypatch.delenv("ENGINE", raising=False)
    with aws.emulated() as address:
        for name, value in {**aws.KEYS, "AWS_ENDPOINT_URL": address}.items():
            monkeypatch.setenv(name, value)
        registry = boto3.client("ecr", region_name="eu-central-1")
        registry.create_repository(repositoryName="shop")
        monkeypatch.setattr(script, "made_outputs", lambda: MADE)
        script.push_image("eu-central-1")
        name = re.findall(r"(?m)^image: (.*)$", runs.FILE.read_text())[0]
        tag = name.removeprefix("1.example/shop:")
        docker = tools / "docker"
        log = (tmp_path / "log").read_text().splitlines()
        assert log[0] == f"make image STAGE=train ENGINE={docker}"
        assert log[1:3] == ["docker login --username AWS --password-stdin 1.example", f"{ACCOUNT}-auth-token"]
        assert [line for line in log if line.startswith(("docker tag", "docker push"))] == [
            f"docker tag shop:train {name}",
            f"docker push {name}",
        ]
        assert "runs: params/remote.yaml names it" in capsys.readouterr().out
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": {"digest": f"sha256:{'1' * 64}"}, "layers": []}
        registry.put_image(repositoryName="shop", imageTag=tag, imageManifest=json.dumps(manifest))
        script.push_image("eu-central-1")
        assert (tmp_path / "log").read_text().splitlines() == log, "what is there is not built again"
        docker.write_text("#!/bin/sh\nexit 1\n")
        (script.PROJECT / "Dockerfile").write_text("changed")
        with pytest.raises(script.Refused, match=r"docker login .* did not go through"):
            script.push_image("eu-central-1")
        assert f"image: {name}\n" in runs.FILE.read_text()
        monkeypatch.setattr(script, "made_outputs", dict)
        with pytest.raises(script.Refused, match="there is no sandbox; make sandbox-up makes one"):
            script.push_image("eu-central-1")


def test_the_tag_is_the_one_that_ci_gives(script: ModuleType) -> None:
    text = (ROOT / "parts" / "ci-github" / "scripts" / "ci" / "train_image.sh").read_text()
    assert f"key=$(cat {' '.join(script.IMAGE_FILES)} | sha256sum | cut -c 1-16)" in text


@pytest.fixture
def command(sandbox: BakedProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What the script says last when it is refused, with a Terraform that knows nothing but its version."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in [one for one in os.environ if one.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")

    def refused(*words: str, version: str | None = "1.11.4") -> str:
        if version:
            (tools / "terraform").write_text(f'#!/bin/sh\necho \'{{"terraform_version": "{version}"}}\'\n')
            (tools / "terraform").chmod(0o755)
        done = subprocess.run(
            [sys.executable, "scripts/sandbox.py", *words],
            cwd=sandbox.path,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stderr.splitlines()[-1]

    return refused


def test_what_is_missing_is_said_before_anything_is_made(
    command: Callable[..., str], sandbox: BakedProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("up", version=None) == "terraform is not on the PATH: install Terraform 1.10 or newer"
    assert command("up", version="1.9.8") == "Terraform 1.9.8 is too old: 1.10 or newer is needed"
    assert command("up") == (
        'no region is set: write region = "eu-central-1" into infra/aws-sandbox/sandbox.auto.tfvars'
    )
    with (sandbox.path / "infra" / "aws-sandbox" / "sandbox.auto.tfvars").open("a") as file:
        file.write('region = "eu-central-1"\n')
    assert command("down").startswith("AWS does not take the credentials (Unable to locate credentials): log in with")


@pytest.mark.slow
@NEEDS_TERRAFORM
def test_the_files_are_valid_and_pass_their_own_tests(tmp_path: Path) -> None:
    project = Project(tmp_path, project_name="Cloud shop")
    with environment(**aws.settings(tmp_path), PATH=f"{Path(aws.TERRAFORM or '').parent}:{os.environ['PATH']}"):
        said = project.run(str(TOOLS / "python"), "scripts/sandbox.py", "test")
        assert "The configuration is valid." in said and re.search(r"Success! \d+ passed, 0 failed\.", said), said
        with project.edited("infra/aws-sandbox/policies.tf", ('"s3:PutObject"]', '"s3:PutObject", "s3:DeleteObject"]')):
            said = project.run(str(aws.TERRAFORM), "-chdir=infra/aws-sandbox", "test", "-no-color", code=1)
            assert "No role may delete" in said


@pytest.mark.slow
@pytest.mark.skipif(not CHECKOV, reason="checkov is not on the PATH")
def test_checkov_finds_nothing(tmp_path: Path) -> None:
    project = Project(tmp_path, project_name="Cloud shop")
    words = ["--framework", "terraform", "--skip-download", "--compact", "--output", "json"]
    said = json.loads(project.run(str(CHECKOV), "--directory", "infra/aws-sandbox", *words))
    assert said["summary"]["failed"] == 0 and said["summary"]["parsing_errors"] == 0
    assert said["summary"]["passed"] > 50 and said["summary"]["skipped"] < 15


class Cloud:
    """A stamped project with its sandbox in an emulated AWS."""

    def __init__(self, project: Project, address: str) -> None:
        self.project, self.address = project, address
        self.folder = project.path / "infra" / "aws-sandbox"

    def make(self, *words: str, code: int = 0) -> str:
        """What `scripts/sandbox.py` says."""
        return self.project.run(str(TOOLS / "python"), "scripts/sandbox.py", *words, code=code)

    def terraform(self, *words: str) -> str:
        """What Terraform says."""
        return self.project.run(str(aws.TERRAFORM), f"-chdir={self.folder}", *words)

    def client(self, service: str, keys: dict[str, str] | None = None) -> Any:
        """A client that asks the emulator, with the keys of somebody."""
        named = {
            "aws_access_key_id": "AWS_ACCESS_KEY_ID",
            "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
            "aws_session_token": "AWS_SESSION_TOKEN",
        }
        given = {name: (keys or aws.KEYS).get(one) for name, one in named.items()}
        return boto3.client(service, region_name="eu-central-1", endpoint_url=self.address, **given)

    def keys(self, role: str) -> dict[str, str]:
        """Keys of a role, as a job of CI gets them."""
        given = self.client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="job", WebIdentityToken="token"
        )["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
        }

    def left(self) -> dict[str, int]:
        """How many things of each kind there are."""
        iam, budgets = self.client("iam"), self.client("budgets")
        return {
            "buckets": len(self.client("s3").list_buckets()["Buckets"]),
            "registries": len(self.client("ecr").describe_repositories()["repositories"]),
            "roles": len(iam.list_roles()["Roles"]),
            "providers": len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]),
            "profiles": len(iam.list_instance_profiles()["InstanceProfiles"]),
            "budgets": len(budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"]),
        }


ALL = {"buckets": 2, "registries": 1, "roles": 5, "providers": 2, "profiles": 1, "budgets": 1}


@pytest.mark.slow
@NEEDS_TERRAFORM
def test_the_sandbox_is_made_used_and_unmade(tmp_path: Path) -> None:
    """One story, because it takes AWS's provider a minute to see that the bucket's lifecycle is what it shall be."""
    project = Project(tmp_path, project_name="Cloud shop")
    path = f"{Path(aws.TERRAFORM or '').parent}:{os.environ['PATH']}"
    with (
        aws.emulated() as address,
        environment(**aws.settings(tmp_path), **aws.KEYS, AWS_ENDPOINT_URL=address, PATH=path),
    ):
        cloud = Cloud(project, address)
        (cloud.folder / "emulated_override.tf").write_text(aws.OVERRIDE)
        with (cloud.folder / "sandbox.auto.tfvars").open("a") as file:
            file.write(
                'region = "eu-central-1"\ngithub_repository = "ada/shop"\ngithub_environments = ["prod"]\n'
                'gitlab_project = "ada/shop"\nbudget_email = "ada@example.org"\nstate_in_s3 = true\n'
            )
        is_made(cloud)
        is_what_was_asked_for(cloud)
        trusts_one_repository(cloud)
        gives_each_role_what_it_needs(cloud, tmp_path)
        keeps_images_as_they_were_pushed(cloud)
        stops_where_somebody_else_works(cloud)
        is_destroyed_with_nothing_in_it(cloud)


def is_made(cloud: Cloud) -> None:
    """`sandbox-up` asks somebody, makes everything, and hands it on; again, it changes nothing."""
    said = cloud.make("up", "--auto")
    assert cloud.left() == ALL
    assert f"DVC: its remote is storage, s3://cloud-shop-dvc-{ACCOUNT}/dvc; commit .dvc/config" in said
    role = f"arn:aws:iam::{ACCOUNT}:role/cloud-shop-github-write"
    assert f"gh variable set --repo ada/shop AWS_ROLE_ARN --body {role}\n" in said
    assert f"glab variable set --repo ada/shop AWS_ROLE_ARN {role.replace('github', 'gitlab')}\n" in said
    config = (cloud.project.path / ".dvc" / "config").read_text()
    assert "remote = storage" in config and "region = eu-central-1" in config
    assert f"AWS_RUNNER_PROFILE --body arn:aws:iam::{ACCOUNT}:instance-profile/cloud-shop-runner\n" in said
    runs = (cloud.project.path / "params" / "remote.yaml").read_text()
    assert f"role: arn:aws:iam::{ACCOUNT}:instance-profile/cloud-shop-runner" in runs and "region: eu-central-1" in runs
    state = cloud.client("s3").list_objects_v2(Bucket=f"cloud-shop-state-{ACCOUNT}")["Contents"]
    assert [one["Key"] for one in state] == ["aws-sandbox/terraform.tfstate"]
    ignored = cloud.project.run("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    assert {line.split()[1] for line in ignored if "override" not in line} == {
        ".dvc/config",
        "params/remote.yaml",
        "infra/aws-sandbox/.terraform.lock.hcl",
        "infra/aws-sandbox/backend.tf",
        "infra/aws-sandbox/sandbox.auto.tfvars",
    }
    assert "No changes." in cloud.terraform("plan", "-no-color", "-detailed-exitcode", "-out=again.tfplan")


def is_what_was_asked_for(cloud: Cloud) -> None:
    """The bucket is versioned, encrypted, private and tidied; everything has tags; somebody is told about costs."""
    s3, bucket = cloud.client("s3"), f"cloud-shop-dvc-{ACCOUNT}"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    rules = {one["ID"]: one for one in s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]}
    assert rules["what-was-deleted"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    denial = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]
    assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    tags = {"project": "cloud-shop", "managed-by": "terraform"}
    assert {one["Key"]: one["Value"] for one in s3.get_bucket_tagging(Bucket=bucket)["TagSet"]} == tags
    resources = json.loads(cloud.terraform("state", "pull"))["resources"]
    tagged = [one["instances"][0]["attributes"]["tags_all"] for one in resources if "tags_all" in str(one["instances"])]
    assert len(tagged) > 10 and all(one == tags for one in tagged)
    told = cloud.client("budgets").describe_subscribers_for_notification(
        AccountId=ACCOUNT,
        BudgetName="cloud-shop",
        Notification={"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": 80},
    )
    assert told["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "ada@example.org"}]


def trusts_one_repository(cloud: Cloud) -> None:
    """As the plan says, because the emulator does not look at tokens."""
    plan = json.loads(cloud.terraform("show", "-json", "again.tfplan"))
    modules = {one["address"]: one for one in plan["planned_values"]["root_module"]["child_modules"]}
    trust = {
        one["values"]["name"]: json.loads(one["values"]["assume_role_policy"])["Statement"]
        for address in ("module.github[0]", "module.gitlab[0]", "module.runner")
        for one in modules[address]["resources"]
        if one["type"] == "aws_iam_role"
    }
    assert len(trust) == 5 and all(len(statements) == 1 for statements in trust.values())
    found = {name: statements[0] for name, statements in trust.items()}
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
    assert found["cloud-shop-github-write"] == {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider},
        "Condition": {
            "StringEquals": {
                f"{ISSUER}:aud": "sts.amazonaws.com",
                f"{ISSUER}:sub": ["repo:ada/shop:ref:refs/heads/main", "repo:ada/shop:environment:prod"],
            }
        },
    }
    assert found["cloud-shop-github-read"]["Condition"] == {
        "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{ISSUER}:sub": "repo:ada/shop:*"},
    }
    assert found["cloud-shop-gitlab-write"]["Condition"] == {
        "StringEquals": {
            "gitlab.com:aud": "https://gitlab.com",
            "gitlab.com:sub": ["project_path:ada/shop:ref_type:branch:ref:main"],
        }
    }
    assert found["cloud-shop-runner"]["Principal"] == {"Service": "ec2.amazonaws.com"}


def gives_each_role_what_it_needs(cloud: Cloud, tmp_path: Path) -> None:
    """DVC pushes as one role and pulls as the other, in a fresh clone; everything else is denied."""
    project, bucket = cloud.project, f"cloud-shop-dvc-{ACCOUNT}"
    names = ("github-write", "github-read", "runner")
    writer, reader, runner = (cloud.keys(f"cloud-shop-{name}") for name in names)
    cloud.client("s3").put_object(Bucket=bucket, Key="other/file", Body=b"mine")
    project.run("git", "commit", "--quiet", "--all", "--message", "The remote")
    project.run("git", "clone", "--quiet", str(project.path), str(tmp_path / "clone"))
    dvc = str(TOOLS / "dvc")
    table = "data/raw/penguins.csv"
    with aws.enforced(cloud.address):
        with environment(**reader):
            assert "1 file pushed" not in project.run(dvc, "push", code=1)
        with environment(**writer):
            assert "1 file pushed" in project.run(dvc, "push")
        with environment(**reader):
            project.run(dvc, "--cd", str(tmp_path / "clone"), "pull", "--quiet", f"{table}.dvc")
        assert (tmp_path / "clone" / table).read_bytes() == (project.path / table).read_bytes()
        for keys in (writer, reader, runner):
            s3, iam = cloud.client("s3", keys), cloud.client("iam", keys)
            key = s3.list_objects_v2(Bucket=bucket, Prefix="dvc/")["Contents"][0]["Key"]
            denied: list[Callable[[], Any]] = [
                lambda s3=s3: s3.get_object(Bucket=bucket, Key="other/file"),
                lambda s3=s3: s3.put_object(Bucket=bucket, Key="other/file", Body=b"yours"),
                lambda s3=s3, key=key: s3.delete_object(Bucket=bucket, Key=key),
                lambda s3=s3: s3.delete_bucket_policy(Bucket=bucket),
                lambda s3=s3: s3.list_objects_v2(Bucket=f"cloud-shop-state-{ACCOUNT}"),
                lambda s3=s3: s3.create_bucket(Bucket="another"),
                lambda iam=iam: iam.create_user(UserName="eve"),
            ]
            if keys is reader:
                denied.append(lambda s3=s3, key=key: s3.put_object(Bucket=bucket, Key=key, Body=b"poison"))
            for call in denied:
                with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
                    call()
    # The emulator takes every call to ECR for one on all registries: its engine is asked about the policies alone.
    registry = f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/cloud-shop"
    pulls = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability")
    pushes = ("ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
    never = (
        "ecr:BatchDeleteImage",
        "ecr:DeleteRepository",
        "ecr:SetRepositoryPolicy",
        "iam:PassRole",
        "s3:DeleteObject",
    )
    for role, name, may in (
        ("cloud-shop-github-write", "write", pulls + pushes),
        ("cloud-shop-gitlab-write", "write", pulls + pushes),
        ("cloud-shop-github-read", "read", pulls),
        ("cloud-shop-gitlab-read", "read", pulls),
        ("cloud-shop-runner", "run", pulls),
    ):
        document = cloud.client("iam").get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        policy = IAMPolicy(json.dumps(document))

        def permits(action: str, resource: str, policy: IAMPolicy = policy) -> bool:
            return policy.is_action_permitted(action, resource) == PermissionResult.PERMITTED

        assert permits("ecr:GetAuthorizationToken", "*")
        assert {one for one in pulls + pushes + never if permits(one, registry)} == set(may), role
        assert not any(permits(one, f"{registry}-2") for one in pulls + pushes)
    ends_its_own_machines(cloud, runner)


def ends_its_own_machines(cloud: Cloud, runner: dict[str, str]) -> None:
    """A machine finds itself and ends itself, as SkyPilot does it; those of others and new ones are not its business."""
    ec2 = cloud.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]

    def machine(role: str) -> str:
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "role", "Value": role}]}]
        found = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=tags)["Instances"][0]
        return str(found["InstanceId"])

    own, other = machine("cloud-shop-runner"), machine("database")
    with aws.enforced(cloud.address):
        there = cloud.client("ec2", runner)
        found = there.describe_instances(Filters=[{"Name": "tag:role", "Values": ["cloud-shop-runner"]}])
        assert [one["InstanceId"] for group in found["Reservations"] for one in group["Instances"]] == [own]
        there.describe_vpcs()
        there.describe_security_groups()
        with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
            there.run_instances(ImageId=image, MinCount=1, MaxCount=1)
    # The emulator looks at no conditions: the one on the tag is read from the policy.
    document = cloud.client("iam").get_role_policy(RoleName="cloud-shop-runner", PolicyName="run")["PolicyDocument"]
    ending = [one for one in document["Statement"] if one["Action"] == "ec2:TerminateInstances"]
    assert [one["Condition"] for one in ending] == [{"StringEquals": {"aws:ResourceTag/role": "cloud-shop-runner"}}]
    ec2.terminate_instances(InstanceIds=[own, other])


def keeps_images_as_they_were_pushed(cloud: Cloud) -> None:
    """A tag is given once."""
    ecr = cloud.client("ecr")
    found = ecr.describe_repositories(repositoryNames=["cloud-shop"])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE" and found["imageScanningConfiguration"] == {"scanOnPush": True}
    kind = "application/vnd.docker.distribution.manifest.v2+json"

    def push(layer: str) -> None:
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": f"sha256:{layer}"}
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": []}
        ecr.put_image(repositoryName="cloud-shop", imageTag="train-1", imageManifest=json.dumps(manifest))

    push("1" * 64)
    with pytest.raises(ClientError, match=r"ImageTagAlreadyExists|ImageAlreadyExists"):
        push("2" * 64)


def stops_where_somebody_else_works(cloud: Cloud) -> None:
    """The state is locked."""
    s3, bucket, key = cloud.client("s3"), f"cloud-shop-state-{ACCOUNT}", "aws-sandbox/terraform.tfstate.tflock"
    lock = {"ID": "abcd-1", "Operation": "apply", "Who": "bob@desk", "Version": "1.11.4", "Path": key}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(lock | {"Created": "2026-01-01T00:00:00Z"}).encode())
    said = cloud.make("up", "--auto", code=1).splitlines()[-1]
    assert said.startswith("the state is locked by bob@desk: wait") and said.endswith("force-unlock abcd-1")
    s3.delete_object(Bucket=bucket, Key=key)


def is_destroyed_with_nothing_in_it(cloud: Cloud) -> None:
    """What is in it stops the destruction, until its owner gives it up; then nothing is left."""
    s3, bucket = cloud.client("s3"), f"cloud-shop-dvc-{ACCOUNT}"
    another = {"Bucket": f"cloud-shop-state-{ACCOUNT}", "Key": "aws-serverless/terraform.tfstate"}
    s3.put_object(**another, Body=b"{}")
    assert "holds another state, too (aws-serverless/" in cloud.make("down", "--auto", "--empty", code=1)
    assert cloud.left() == ALL
    s3.delete_object(**another)
    s3.delete_object(Bucket=bucket, Key="other/file")  # its version stays

    def held() -> list[str]:
        return sorted(one["VersionId"] for one in s3.list_object_versions(Bucket=bucket)["Versions"])

    before = held()
    assert len(before) == 2
    counted = f"1 object (3 versions) in the bucket {bucket} and 1 image in the registry cloud-shop"
    said = cloud.make("down", "--auto", code=1).splitlines()[-1]
    assert (
        said.startswith(f"{counted} would be lost, so nothing was destroyed.") and "EMPTY=1 make sandbox-down" in said
    )
    assert cloud.left() == ALL and held() == before
    assert counted in cloud.make("status")
    said = cloud.make("down", "--auto", "--empty")
    assert "The sandbox is gone." in said
    assert set(cloud.left().values()) == {0}
    assert "remote" not in (cloud.project.path / ".dvc" / "config").read_text()
    stamped = (REMOTE / "params" / "remote.yaml").read_text()
    assert (cloud.project.path / "params" / "remote.yaml").read_text() == stamped
    assert not (cloud.folder / "backend.tf").exists()
    assert "there is no sandbox" in cloud.make("down", "--auto")
