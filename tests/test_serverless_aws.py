"""The model as a function of AWS Lambda: the handler in the real runtime, the Terraform in an emulated AWS, the image."""

import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import aws
import boto3
import lambda_runtime
import pandas as pd
import pytest
import yaml
from conftest import ROOT, BakedProject, run, tree
from moto.awslambda.models import ImageConfig
from moto.iam.access_control import IAMPolicy, PermissionResult
from stamped import TOOLS, Project, environment

Bake = Callable[..., BakedProject]
PART = ROOT / "parts" / "serverless-aws"
ACCOUNT = "123456789012"
REGION = "eu-central-1"
CHECKOV = shutil.which("checkov")
NEEDS_TERRAFORM = pytest.mark.skipif(bool(aws.missing()), reason=str(aws.missing()))
NEEDS_RUNTIME = pytest.mark.skipif(
    not importlib.util.find_spec("awslambdaric") or not importlib.util.find_spec("mangum"),
    reason="awslambdaric or mangum is not installed",
)
KINDS = pytest.mark.parametrize("event", [lambda_runtime.rest, lambda_runtime.http, lambda_runtime.url])
PARQUET = "application/vnd.apache.parquet"
Event = Callable[..., Any]


# ------------------------------------------------------------------------------------------------ what is stamped


@pytest.fixture
def alone(bake: Bake) -> BakedProject:
    """A stamped project with this part and what it needs."""
    return bake(project_name="Cloud shop", parts="serverless-aws")


def test_the_part_comes_with_the_service_and_borrows_what_it_shares(alone: BakedProject) -> None:
    files = set(alone.files())
    assert {"scripts/cloud.py", "scripts/requirements.py", "scripts/smoke.py", "params/serve.yaml"} <= files
    assert {"scripts/sandbox.py", "Dockerfile", ".github/workflows/deploy-aws.yml"}.isdisjoint(files)
    shared = [name for name in files if name.startswith("infra/aws-sandbox/")]
    assert shared and all(name.startswith("infra/aws-sandbox/modules/images/") for name in shared)


def test_terraform_follows_the_conventions(alone: BakedProject) -> None:
    folder = alone.path / "infra" / "aws-serverless"
    text = "".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    assert "required_version" in text and 'version = "~> 5.100"' in text
    for kind, name, body in re.findall(r'(?ms)^(variable|output) "(\w+)" \{\n(.*?)^\}', text):
        assert re.search(r'(?m)^  description = ".+\."$', body), f"{name} is not described"
        assert kind == "output" or re.search(r"(?m)^  type +=", body), f"{name} has no type"
        assert kind == "output" or f"var.{name}" in text, f"{name} is not used"
    for reason in re.findall(r"#checkov:skip=\w+:(.*)", text):
        assert len(reason.split()) > 5, "each exception has a reason"
    assert not list(folder.rglob(".terraform.lock.hcl")), "it names a registry; the owner commits one"


def test_the_image_is_not_root_and_has_what_it_copies(alone: BakedProject) -> None:
    text = alone.read("Dockerfile.lambda")
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"(?m)^USER [1-9]\d*:[1-9]\d*$", last)
    assert re.search(r"(?m)^ARG PYTHON_IMAGE=[\w./-]+/python:3\.\d+-slim-\w+$", text)
    assert f'CMD ["{alone.package}.parts.serverless_aws.handler.handler"]' in last
    let_through = {line[1:] for line in alone.read("Dockerfile.lambda.dockerignore").splitlines() if line[:1] == "!"}
    copied = re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", text)
    for name in " ".join(copied).split():
        assert (alone.path / name).exists() or name.startswith("models/package"), name
        assert any(name == one or name.startswith(f"{one}/") for one in let_through), name


def test_hadolint_finds_nothing(alone: BakedProject) -> None:
    run(str(TOOLS / "hadolint"), "--failure-threshold", "style", "Dockerfile.lambda", cwd=alone.path)


def test_a_promotion_deploys_as_a_role_that_one_environment_may_take(bake: Bake) -> None:
    project = bake(project_name="Cloud shop", parts="serverless-aws,ci-github,releases")
    workflow = yaml.safe_load(project.read(".github/workflows/deploy-aws.yml"))
    assert workflow[True] == {"push": {"tags": ["model#prod#*"]}}
    job = workflow["jobs"]["release"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "packages": "read"}
    variables = project.read("infra/aws-serverless/variables.tf")
    assert f'default     = "{job["environment"]}"' in variables
    assert "AWS_SERVE_ROLE_ARN" in str(job["steps"][-1]["env"])


# ------------------------------------------------------------------------------------------------ the script


@pytest.fixture
def script(alone: BakedProject, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of a stamped project, imported."""
    monkeypatch.syspath_prepend(alone.path / "scripts")
    spec = importlib.util.spec_from_file_location("serverless_script", alone.path / "scripts" / "serverless_aws.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_settings_are_read_as_terraform_reads_them(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (script.setting("region"), script.setting("project")) == (None, "cloud-shop")
    monkeypatch.setenv("TF_VAR_region", "eu-west-1")
    assert script.setting("region") == "eu-west-1"
    with (script.PROJECT / script.SETTINGS).open("a") as file:
        file.write('region="eu-central-1" # here\n')
    assert script.setting("region") == "eu-central-1"


def test_the_same_files_give_the_same_image(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = script.image_tag()
    assert re.fullmatch("serve-[0-9a-f]{16}", tag) and script.image_tag() == tag
    (script.PROJECT / "src" / "__pycache__").mkdir()
    (script.PROJECT / "src" / "__pycache__" / "a.pyc").write_bytes(b"a")
    (script.PROJECT / "README.md").write_text("changed")
    assert script.image_tag() == tag
    monkeypatch.setenv("EXTRAS", "lambda,parquet")
    assert script.image_tag() != tag
    monkeypatch.delenv("EXTRAS")
    (script.PROJECT / "params" / "predict.yaml").write_text("changed")
    assert script.image_tag() != tag


def test_a_model_is_named_by_its_version_or_its_content(script: ModuleType) -> None:
    def git(*words: str) -> None:
        run("git", *words, cwd=script.PROJECT)

    package = script.PROJECT / "models" / "package"
    package.mkdir(parents=True)
    (package / "manifest.json").write_text("{}")
    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "All")
    assert re.fullmatch("model-[0-9a-f]{12}", script.model_version())
    git("tag", "--message", "a", "model@v1.9.0")
    git("tag", "--message", "a", "model@v1.10.0")
    assert script.model_version() == "v1.10.0"
    assert script.alias_of("v1.10.0") == "v1-10-0"
    (script.PROJECT / "params" / "predict.yaml").write_text("changed")
    assert script.model_version().startswith("model-"), "what is not committed was not registered"


def test_the_state_goes_beside_that_of_the_sandbox(script: ModuleType) -> None:
    script.share_state()
    assert not script.BACKEND.exists()
    script.SANDBOX.write_text('# Written by `make sandbox-up`.\nkey = "aws-sandbox/terraform.tfstate"\n')
    script.share_state()
    assert script.BACKEND.read_text() == (
        "# Written by `make deploy-aws`: the state is beside that of the sandbox. Commit it.\n"
        'key = "aws-serverless/terraform.tfstate"\n'
    )


# ------------------------------------------------------------------------------------------------ the handler


@pytest.fixture(scope="module")
def function(registered: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lambda_runtime.Function]:
    """The function of a finished project, started by the real Runtime Interface Client, without a key."""
    folder = task(registered, tmp_path_factory.mktemp("task"))
    with started(registered, folder, folder.parent / "log") as one:
        yield one


def task(project: Project, folder: Path) -> Path:
    """Return a folder with what the image has in /var/task, but for the packages, which are those of the tests."""
    inside = folder / "var"
    for source, target in ((f"src/{project.package}", project.package), ("params", "params"), ("models", "models")):
        shutil.copytree(project.path / source, inside / target)
    limits = inside / "params" / "serve.yaml"
    limits.write_text(re.sub(r"max_bytes: \d+", "max_bytes: 5000000", limits.read_text()))
    return inside


def started(project: Project, folder: Path, log: Path, **environment: str) -> Any:
    """Start the function in a folder."""
    handler = f"{project.package}.parts.serverless_aws.handler.handler"
    return lambda_runtime.running(sys.executable, folder, handler, log, **environment)


@pytest.fixture
def rows(registered: Project) -> list[dict[str, Any]]:
    """The model's example rows."""
    return json.loads((registered.path / "models" / "package" / "example.json").read_text())


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(rows).to_parquet(buffer, index=False)
    return buffer.getvalue()


def answered(answer: dict[str, Any], status: int) -> Any:
    """The body of an answer with this status."""
    assert answer["statusCode"] == status, answer
    assert answer["isBase64Encoded"] is False
    return json.loads(answer["body"])


@pytest.mark.slow
@NEEDS_RUNTIME
@KINDS
def test_rows_of_each_format_are_predicted(
    function: lambda_runtime.Function, rows: list[dict[str, Any]], event: Event
) -> None:
    table = pd.DataFrame(rows)
    bodies = {
        "application/json": json.dumps({"rows": rows}).encode(),
        "text/csv": table.to_csv(index=False).encode(),
        PARQUET: as_parquet(rows),
    }
    found = {}
    for kind, body in bodies.items():
        answer = function.invoke(event("POST", "/predict", body, kind))
        assert answer["headers"]["content-type"] == "application/json"
        assert answer["headers"]["x-content-type-options"] == "nosniff"
        found[kind] = [one["prediction"] for one in answered(answer, 200)["predictions"]]
    assert len(found["text/csv"]) == len(rows)
    assert found["application/json"] == found["text/csv"] == found[PARQUET]


@pytest.mark.slow
@NEEDS_RUNTIME
@KINDS
def test_the_service_is_whole_and_ready(function: lambda_runtime.Function, event: Event) -> None:
    assert answered(function.invoke(event("GET", "/health/ready")), 200) == {"status": "ready"}
    assert answered(function.invoke(event("GET", "/schema")), 200)["example"]
    assert "<html" in function.invoke(event("GET", "/"))["body"]
    assert function.invoke(event("GET", "/nowhere"))["statusCode"] == 404


@pytest.mark.slow
@NEEDS_RUNTIME
@KINDS
def test_what_is_wrong_with_a_request_is_said(
    function: lambda_runtime.Function, rows: list[dict[str, Any]], event: Event
) -> None:
    def reason(status: int, body: bytes, kind: str = "application/json") -> str:
        problems = answered(function.invoke(event("POST", "/predict", body, kind)), status)["detail"]
        return str(problems[0]["reason"])

    assert "no JSON" in reason(400, b"{")
    assert "the content type is one of" in reason(415, b"{}", "application/xml")
    assert "not a Parquet file" in reason(400, b"\xff\xfe no Parquet", PARQUET)
    assert "rows are too many" in reason(413, json.dumps({"rows": rows * 2001}).encode())
    assert "larger than 5,000,000 bytes" in reason(413, b" " * 5_000_001)


@pytest.mark.slow
@NEEDS_RUNTIME
def test_hostile_events_are_answered_and_leave_the_function_as_it_was(
    function: lambda_runtime.Function, rows: list[dict[str, Any]]
) -> None:
    good = lambda_runtime.http("POST", "/predict", json.dumps({"rows": rows}).encode())
    hostile: list[Any] = [
        {},
        [],
        None,
        "text",
        5,
        b'{"version": "2.0"}',
        {"Records": [{"s3": {"bucket": {"name": "x"}}}]},
        {"Records": [{"cf": {"request": {}}}]},
        {"requestContext": {"elb": {"targetGroupArn": "x"}}},
        {"version": "2.0", "requestContext": None},
        {"version": "2.0", "requestContext": {"http": {}}},
        {"version": "9", "requestContext": {}},
        {"resource": 1, "requestContext": []},
        {**good, "headers": None},
        {**good, "headers": {"content-length": "-5" * 100, "content-type": "application/json"}},
        {**good, "headers": {"host": "a:b:c"}},
        {**good, "headers": {"x": 5}},
        {**good, "headers": {"\ud800": "\ud800"}},
        {**good, "isBase64Encoded": True, "body": "A"},
        {**good, "isBase64Encoded": True, "body": "\u00fc"},
        {**good, "body": {"rows": []}},
        {**good, "body": 5},
        {**good, "cookies": [1, None]},
        {**good, "rawQueryString": 5},
        {**good, "requestContext": {"http": {"method": "POST", "path": "/../../etc/passwd", "sourceIp": "x"}}},
        {**good, "requestContext": {"http": {"method": "TRACE\r\nX: y", "path": "/predict", "sourceIp": None}}},
        {**good, "requestContext": {"http": {"method": 5, "path": 5, "sourceIp": 5}}},
    ]
    before = answered(function.invoke(good), 200)
    for event in hostile:
        answer = function.invoke(event)
        assert 200 <= answer["statusCode"] < 500, (event, answer)
        assert "Traceback" not in str(answer)
    assert answered(function.invoke(good), 200) == before


@pytest.mark.slow
@NEEDS_RUNTIME
def test_an_answer_that_lambda_could_not_return_is_refused(
    registered: Project, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    folder = task(registered, tmp_path)
    limits = folder / "params" / "serve.yaml"
    limits.write_text(re.sub(r"max_rows: \d+", "max_rows: 100000", limits.read_text()))
    table = pd.DataFrame([{name: rows[0][name] for name in list(rows[0])}] * 45_000)
    with started(registered, folder, tmp_path / "log", API_KEY="a secret of some length") as function:
        body = as_parquet(table.to_dict("records"))
        asked = lambda_runtime.url("POST", "/predict", body, PARQUET)
        assert "a key is needed" in answered(function.invoke(asked), 401)["detail"][0]["reason"]
        asked["headers"]["x-api-key"] = "a secret of some length"
        assert "larger than Lambda can return" in answered(function.invoke(asked), 413)["detail"][0]["reason"]
    log = (tmp_path / "log").read_text()
    assert "a secret" not in log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if "status" in line] == [401, 200]


@pytest.mark.slow
@NEEDS_RUNTIME
def test_a_function_without_its_model_says_so_when_it_starts(registered: Project, tmp_path: Path) -> None:
    folder = task(registered, tmp_path)
    (folder / "models" / "package" / "manifest.json").unlink()
    with started(registered, folder, tmp_path / "log") as function:
        kind, body = function.said()
        assert (kind, json.loads(body)["errorType"]) == ("error", "UserError")
        assert function.process.wait(30) == 1


# ------------------------------------------------------------------------------------------------ Terraform


@pytest.mark.slow
@pytest.mark.skipif(not CHECKOV, reason="checkov is not on the PATH")
def test_checkov_finds_nothing(alone: BakedProject) -> None:
    words = ["--skip-download", "--compact", "--output", "json", "--quiet"]
    for given in (
        ["--framework", "terraform", "--directory", "infra"],
        ["--framework", "dockerfile", "--file", "Dockerfile.lambda"],
    ):
        said = json.loads(run(str(CHECKOV), *given, *words, cwd=alone.path))
        assert said["summary"]["failed"] == 0 and said["summary"]["parsing_errors"] == 0
        assert said["summary"]["passed"] > 5


@pytest.mark.slow
@NEEDS_TERRAFORM
def test_the_files_are_valid_and_pass_their_own_tests(alone: BakedProject, tmp_path: Path) -> None:
    path = f"{Path(aws.TERRAFORM or '').parent}:{os.environ['PATH']}"
    with environment(**aws.settings(tmp_path), PATH=path):
        said = run(sys.executable, "scripts/serverless_aws.py", "check", cwd=alone.path)
    assert "The configuration is valid." in said and re.search(r"Success! \d+ passed, 0 failed\.", said), said


class Cloud:
    """A finished project and its function in an emulated AWS; docker is a stand-in that puts a manifest into ECR."""

    def __init__(self, project: Project, address: str, folder: Path) -> None:
        self.project, self.address = project, address
        self.folder = project.path / "infra" / "aws-serverless"
        self.log = folder / "docker.log"
        docker = folder / "tools" / "docker"
        docker.parent.mkdir()
        docker.write_text(
            f"#!{sys.executable}\nimport json, os, sys\nimport boto3\nwords = sys.argv[1:]\n"
            f"open({str(self.log)!r}, 'a').write(' '.join(words) + '\\n')\n"
            "if words[0] == 'push':\n"
            "    name, _, tag = words[1].partition('/')[2].partition(':')\n"
            "    layer = {'config': {'digest': 'sha256:' + tag[-1] * 64}, 'schemaVersion': 2, 'layers': [],\n"
            "        'mediaType': 'application/vnd.docker.distribution.manifest.v2+json'}\n"
            "    ecr = boto3.client('ecr', region_name='eu-central-1')\n"
            "    ecr.put_image(repositoryName=name, imageTag=tag, imageManifest=json.dumps(layer))\n"
        )
        docker.chmod(0o755)
        self.path = f"{docker.parent}:{Path(aws.TERRAFORM or '').parent}:{os.environ['PATH']}"

    def script(self, *words: str, code: int = 0, **more: str) -> str:
        """What `scripts/serverless_aws.py` says."""
        done = subprocess.run(
            [sys.executable, "scripts/serverless_aws.py", *words],
            cwd=self.project.path,
            env={**os.environ, "PATH": self.path, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def terraform(self, *words: str) -> str:
        """What Terraform says."""
        return run(str(aws.TERRAFORM), f"-chdir={self.folder}", *words, cwd=self.project.path)

    def client(self, service: str) -> Any:
        """A client that asks the emulator."""
        return boto3.client(service, region_name=REGION, endpoint_url=self.address)

    def aliases(self) -> dict[str, str]:
        """Which version of the function each alias names."""
        found = self.client("lambda").list_aliases(FunctionName="birds-serve")["Aliases"]
        return {one["Name"]: one["FunctionVersion"] for one in found}


@pytest.mark.slow
@NEEDS_TERRAFORM
def test_the_function_is_made_released_rolled_back_and_destroyed(registered: Project, tmp_path: Path) -> None:
    """One story, because Terraform takes its time."""
    project = registered.copy(tmp_path)
    # The emulator gives an empty image_config back, where AWS gives none.
    with (
        aws.emulated() as address,
        mock.patch.object(ImageConfig, "response", lambda self: None),
        environment(**{**aws.settings(tmp_path), **aws.KEYS, "AWS_ENDPOINT_URL": address, "TF_CLI_ARGS_init": ""}),
    ):
        cloud = Cloud(project, address, tmp_path)
        (cloud.folder / "emulated_override.tf").write_text(aws.OVERRIDE)
        with (cloud.folder / "serverless.auto.tfvars").open("a") as file:
            file.write(f'region = "{REGION}"\ngithub_repository = "ada/birds"\nalarm_email = "ada@example.org"\n')
        run("git", "add", "--all", cwd=project.path)
        run("git", "commit", "--quiet", "--message", "Settings", cwd=project.path)
        run("git", "tag", "--message", "v2", "model@v2.0.0", cwd=project.path)
        is_made(cloud)
        has_what_was_asked_for(cloud)
        may_do_little(cloud)
        is_released_from_ci_and_rolled_back(cloud)
        comes_in_by_an_http_api(cloud)
        is_destroyed(cloud)


def is_made(cloud: Cloud) -> None:
    said = cloud.script("up", code=1)
    assert said.endswith("nobody is here to say yes: AUTO=1 make deploy-aws does not ask\n")
    assert not cloud.log.exists()
    said = cloud.script("up", "--auto")
    assert "The model v2.0.0 would be released as the image serve-" in said
    assert "released: the model v2.0.0 is version 1 of the function birds-serve, and answers" in said
    assert "gh variable set --repo ada/birds AWS_SERVE_FUNCTION --body birds-serve\n" in said
    build, login, push = cloud.log.read_text().splitlines()
    assert build.startswith("build --file Dockerfile.lambda --platform linux/amd64 --provenance=false --tag ")
    assert login.startswith("login --username AWS --password-stdin ") and push.startswith("push ")
    assert cloud.aliases() == {"live": "1", "v2-0-0": "1"}
    assert "No changes." in cloud.terraform("plan", "-no-color", "-detailed-exitcode"), "the image is a release's"


def has_what_was_asked_for(cloud: Cloud) -> None:
    functions = cloud.client("lambda")
    made = functions.get_function(FunctionName="birds-serve")
    assert made["Concurrency"] == {"ReservedConcurrentExecutions": 10}
    assert made["Tags"] == {"project": "birds", "managed-by": "terraform"}
    assert made["Configuration"]["PackageType"] == "Image"
    assert functions.get_function_url_config(FunctionName="birds-serve", Qualifier="live")["AuthType"] == "AWS_IAM"
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/birds-serve")["logGroups"]
    assert [one["retentionInDays"] for one in groups] == [30]
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert {one["MetricName"] for one in alarms} == {"Errors", "Throttles"}
    topic = {arn for one in alarms for arn in one["AlarmActions"]}
    told = cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic.pop())["Subscriptions"]
    assert [one["Endpoint"] for one in told] == ["ada@example.org"]


def may_do_little(cloud: Cloud) -> None:
    """Policies are asked directly: the emulator takes a call to a service for one on all that it has."""
    iam = cloud.client("iam")
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/birds-serve:log-stream:a"
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:birds-serve"
    registry = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/birds-serve"

    def permits(role: str, name: str, action: str, resource: str) -> bool:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource) == PermissionResult.PERMITTED

    assert permits("birds-serve", "logs", "logs:PutLogEvents", logs)
    for action, resource in (
        ("logs:PutLogEvents", logs.replace("birds", "other")),
        ("logs:DeleteLogGroup", logs),
        ("s3:GetObject", "arn:aws:s3:::birds/a"),
        ("ecr:BatchGetImage", registry),
        ("lambda:InvokeFunction", function),
    ):
        assert not permits("birds-serve", "logs", action, resource), action
    release = ("birds-serve-release", "release")
    for action in ("lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias", "lambda:CreateAlias"):
        assert permits(*release, action, function), action
        assert not permits(*release, action, function.replace("birds", "other")), action
    for action, resource in (
        ("lambda:UpdateFunctionConfiguration", function),
        ("lambda:DeleteFunction", function),
        ("lambda:AddPermission", function),
        ("lambda:InvokeFunction", function),
        ("ecr:BatchDeleteImage", registry),
        ("iam:PassRole", "arn:aws:iam::1:role/birds-serve"),
    ):
        assert not permits(*release, action, resource), action
    trust = iam.get_role(RoleName=release[0])["Role"]["AssumeRolePolicyDocument"]["Statement"]
    issuer = "token.actions.githubusercontent.com"
    subject = "repo:ada/birds:environment:serverless-aws"
    assert [one["Condition"] for one in trust] == [
        {"StringEquals": {f"{issuer}:aud": "sts.amazonaws.com", f"{issuer}:sub": subject}}
    ]


def is_released_from_ci_and_rolled_back(cloud: Cloud) -> None:
    """CI releases without Terraform; a model that was released before is only pointed at."""
    project, pushes = cloud.project, lambda: cloud.log.read_text().count("push ")
    given = {
        "AWS_REGION": REGION,
        "AWS_SERVE_FUNCTION": "birds-serve",
        "AWS_SERVE_IMAGE": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/birds-serve",
    }
    project.edit("params/serve.yaml", ("workers: 1", "workers: 2"))
    run("git", "commit", "--quiet", "--all", "--message", "Another", cwd=project.path)
    run("git", "tag", "--message", "v3", "model@v3.0.0", cwd=project.path)
    assert "the model v3.0.0 is version 2" in cloud.script("release", **given)
    assert cloud.aliases() == {"live": "2", "v2-0-0": "1", "v3-0-0": "2"} and pushes() == 2
    run("git", "checkout", "--quiet", "model@v2.0.0", cwd=project.path)
    assert "the model v2.0.0 is version 1" in cloud.script("release", **given)
    assert cloud.aliases()["live"] == "1" and pushes() == 2, "a rollback builds nothing"
    assert "No changes." in cloud.script("plan")
    assert "the model v3.0.0, version 2 of the function, answers" in cloud.script("rollback", "--version", "v3.0.0")
    assert cloud.aliases()["live"] == "2"
    said = cloud.script("rollback", "--version", "v9.0.0", code=1)
    assert said.endswith("no model v9.0.0 was released; there are: v2-0-0, v3-0-0\n")
    assert "are needed; make deploy-aws says" in cloud.script("release", code=1)


def comes_in_by_an_http_api(cloud: Cloud) -> None:
    with (cloud.folder / "serverless.auto.tfvars").open("a") as file:
        file.write('front = "http_api"\naccess = "key"\n')
    with environment(TF_VAR_api_key="a-secret-of-some-length"):
        said = cloud.script("up", "--auto")
        assert "the model v2.0.0 is version 3" in said, "the key is a setting, which a new version has"
        assert "a-secret" not in said
    routes = cloud.client("apigatewayv2")
    api = routes.get_apis()["Items"][0]["ApiId"]
    assert [one["AuthorizationType"] for one in routes.get_routes(ApiId=api)["Items"]] == ["NONE"]
    assert routes.get_stages(ApiId=api)["Items"][0]["AccessLogSettings"]["DestinationArn"]


def is_destroyed(cloud: Cloud) -> None:
    with environment(TF_VAR_api_key="a-secret-of-some-length"):
        assert "The function is gone." in cloud.script("down", "--auto")
    assert cloud.client("lambda").list_functions()["Functions"] == []
    assert cloud.client("ecr").describe_repositories()["repositories"] == []
    assert cloud.client("iam").list_roles()["Roles"] == []
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


# ------------------------------------------------------------------------------------------------ what the image has


@pytest.mark.slow
def test_what_the_image_has_is_slim_and_starts(registered: Project, tmp_path: Path) -> None:
    """The environment is built as Dockerfile.lambda builds it; seconds are of the processor, on a machine with others."""
    project = registered.copy(tmp_path)
    clean = tmp_path / "python"
    run(sys.executable, "-m", "venv", str(clean), cwd=tmp_path)
    for step in ("install", "finish", "measure"):
        said = run(
            str(clean / "bin" / "python"), "scripts/lambda_bundle.py", step, str(tmp_path / "bundle"), cwd=project.path
        )
    found = json.loads(said.splitlines()[-1])
    assert found["megabytes"] <= 260, found
    assert found["seconds"] <= 3, found
    files = tree(tmp_path / "bundle")
    tops = {name.partition("/")[0] for name in files}
    assert not {"dvc", "optuna", "matplotlib", "pyarrow", "pytest", "aiohttp", "boto3", "uvicorn"} & tops
    assert [name for name in files if name.endswith("pipeline.cpython-311.pyc")], "what is imported was compiled"
