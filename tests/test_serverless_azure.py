"""The model by Azure Functions: the app in the library of Azure's worker, the files, and the script with stand-ins."""

import asyncio
import importlib.util
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import azure.functions
import hcl2
import pandas as pd
import pytest
import yaml
from conftest import BakedProject, run
from made_once import finished
from stamped import TOOLS, Project
from test_serverless_aws import as_parquet

Bake = Callable[..., BakedProject]
CHECKOV = shutil.which("checkov")
TERRAFORM = shutil.which("terraform")
PARQUET = "application/vnd.apache.parquet"
SUBSCRIPTION = "12345678-1234-1234-1234-123456789012"
# What host.json may have, of the parts of https://json.schemastore.org/host.json that it uses.
HOST = {
    "version": str,
    "functionTimeout": str,
    "extensions": {"http": {"routePrefix": str, "maxOutstandingRequests": int, "maxConcurrentRequests": int}},
    "logging": {
        "logLevel": {"default": str, "Host.Results": str},
        "applicationInsights": {"samplingSettings": {"isEnabled": bool, "excludedTypes": str}},
    },
}


# ------------------------------------------------------------------------------------------------ what is stamped


@pytest.fixture
def alone(bake: Bake) -> BakedProject:
    """A stamped project with this part and what it needs."""
    return bake(project_name="Cloud shop", parts="serverless-azure")


def test_the_part_comes_with_the_service_and_borrows_what_it_shares(alone: BakedProject) -> None:
    files = set(alone.files())
    assert {"scripts/cloud.py", "scripts/requirements.py", "scripts/smoke.py", "params/serve.yaml"} <= files
    assert {"scripts/sandbox.py", "Dockerfile", ".github/workflows/deploy-azure.yml"}.isdisjoint(files)
    assert not [name for name in files if name.startswith("infra/aws")]


def test_terraform_is_parsed_and_follows_the_conventions(alone: BakedProject) -> None:
    folder = alone.path / "infra" / "azure-functions"
    texts = {path.name: path.read_text() for path in sorted(folder.glob("*.tf"))}
    resources = [kind for text in texts.values() for block in hcl2.loads(text).get("resource", []) for kind in block]
    assert len(resources) == 16
    text = "".join(texts.values())
    assert 'version = "~> 4.40"' in text
    for kind, name, body in re.findall(r'(?ms)^(variable|output) "(\w+)" \{\n(.*?)^\}', text):
        assert re.search(r'(?m)^  description = ".+\."$', body), f"{name} is not described"
        assert kind == "output" or re.search(r"(?m)^  type +=", body), f"{name} has no type"
        assert kind == "output" or f"var.{name}" in text, f"{name} is not used"
    for reason in re.findall(r"#checkov:skip=\w+:(.*)", text):
        assert len(reason.split()) > 5, "each exception has a reason"
    script = alone.read("scripts/serverless_azure.py")
    named = set(re.findall(r'made\["(\w+)"\]', script))
    assert named <= set(re.findall(r'(?m)^output "(\w+)"', text)), "the script reads outputs that there are"


@pytest.mark.skipif(not TERRAFORM, reason="terraform is not on the PATH")
def test_terraform_is_formatted(alone: BakedProject) -> None:
    run(str(TERRAFORM), "fmt", "-check", "-recursive", "infra/azure-functions", cwd=alone.path)


@pytest.mark.slow
@pytest.mark.skipif(not CHECKOV, reason="checkov is not on the PATH")
def test_checkov_finds_nothing(alone: BakedProject) -> None:
    words = ["--skip-download", "--compact", "--output", "json", "--quiet"]
    for given in (
        ["--directory", "infra/azure-functions", "--framework", "terraform"],
        ["--file", "Dockerfile.azure", "--framework", "dockerfile"],
    ):
        said = json.loads(run(str(CHECKOV), *given, *words, cwd=alone.path))
        assert said["summary"]["failed"] == 0 and said["summary"]["parsing_errors"] == 0
        assert said["summary"]["passed"] > 5


def test_host_json_has_what_azure_knows(alone: BakedProject) -> None:
    def check(value: Any, known: Any) -> None:
        if isinstance(known, dict):
            assert set(value) <= set(known)
            for key in value:
                check(value[key], known[key])
        else:
            assert type(value) is known

    host = json.loads(alone.read("infra/azure-functions/host.json"))
    check(host, HOST)
    assert host["version"] == "2.0" and host["extensions"]["http"]["routePrefix"] == "", "routes are the service's own"


def test_the_image_is_not_root_and_has_what_it_copies(alone: BakedProject) -> None:
    text = alone.read("Dockerfile.azure")
    assert re.findall(r"(?m)^USER (.*)$", text) == ["1000:1000"]
    port = re.findall(r"ASPNETCORE_URLS=http://\+:(\d+)", text)
    assert port == re.findall(r'WEBSITES_PORT +?= "(\d+)"', alone.read("infra/azure-functions/main.tf"))
    let_through = {line[1:] for line in alone.read("Dockerfile.azure.dockerignore").splitlines() if line[:1] == "!"}
    copied = re.findall(r"(?m)^COPY (.*) \S+$", text)
    for name in " ".join(copied).split():
        assert (alone.path / name).exists() or name.startswith("models/package"), name
        assert any(name == one or name.startswith(f"{one}/") for one in let_through), name


def test_hadolint_finds_nothing(alone: BakedProject) -> None:
    run(str(TOOLS / "hadolint"), "--failure-threshold", "style", "Dockerfile.azure", cwd=alone.path)


def test_a_promotion_deploys_as_an_identity_that_one_environment_may_take(bake: Bake) -> None:
    project = bake(project_name="Cloud shop", parts="serverless-azure,ci-github,releases")
    workflow = yaml.safe_load(project.read(".github/workflows/deploy-azure.yml"))
    assert workflow[True] == {"push": {"tags": ["model#prod#*"]}}
    job = workflow["jobs"]["release"]
    assert job["permissions"] == {"contents": "read", "id-token": "write", "packages": "read"}
    assert f'default     = "{job["environment"]}"' in project.read("infra/azure-functions/variables.tf")
    audience = job["steps"][-2]["env"]["IDENTITY_AUDIENCE"]
    assert f'audience            = ["{audience}"]' in project.read("infra/azure-functions/ci.tf")
    variables = set(re.findall(r"vars\.(AZURE_\w+)", project.read(".github/workflows/deploy-azure.yml")))
    assert variables == set(re.findall(r'"(AZURE_\w+)"(?::|\] =)', project.read("scripts/serverless_azure.py")))
    run(str(TOOLS / "zizmor"), "--offline", "--persona", "pedantic", ".github/workflows", cwd=project.path)


# ------------------------------------------------------------------------------------------------ the function app


class FunctionApp:
    """The function app of a finished project, indexed and called as Azure's worker does it."""

    def __init__(self, folder: Path) -> None:
        self.app = runpy.run_path(str(folder / "function_app.py"))["app"]
        [self.function] = self.app.get_functions()  # a second time, Azure's library refuses its own function's name
        self.loop = asyncio.new_event_loop()

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "", **headers: str) -> Any:
        """Return the response to a request."""
        given = {**({"content-type": kind} if kind else {}), **headers}
        request = azure.functions.HttpRequest(
            method=method, url=f"https://shop.azurewebsites.net{path}", headers=given, body=body
        )
        context = SimpleNamespace(function_directory="", function_name="serve", invocation_id="1")
        context.thread_local_storage = context.trace_context = context.retry_context = None
        return self.loop.run_until_complete(self.function.get_user_function()(request, context))

    def close(self) -> None:
        """End the service, as the worker does with its own end."""
        if self.app.startup_task_done:
            self.loop.run_until_complete(self.app.middleware.notify_shutdown())
        self.app.startup_task_done = False
        self.loop.close()


def wwwroot(project: Project, folder: Path) -> Path:
    """Return a folder with what the image has in /home/site/wwwroot, but for the packages."""
    for name in ("function_app.py", "host.json"):
        shutil.copy(project.path / "infra" / "azure-functions" / name, folder / name)
    shutil.copytree(project.path / "params", folder / "params")
    shutil.copytree(project.path / "models" / "package", folder / "models" / "package")
    limits = folder / "params" / "serve.yaml"
    limits.write_text(re.sub(r"max_bytes: \d+", "max_bytes: 5000000", limits.read_text()))
    return folder


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionApp]:
    project = finished(tmp_path_factory, "tabular-classification")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(Path.cwd())  # so that the folder is this one again afterwards
        patch.syspath_prepend(project.path / "src")
        patch.delenv("API_KEY", raising=False)
        app = FunctionApp(wwwroot(project, tmp_path_factory.mktemp("wwwroot")))
        yield app
        app.close()


@pytest.fixture
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The model's example rows."""
    project = finished(tmp_path_factory, "tabular-classification")
    return json.loads((project.path / "models" / "package" / "example.json").read_text())


@pytest.mark.slow
def test_one_function_has_all_routes_and_wants_a_key(function: FunctionApp) -> None:
    binding = json.loads(str(function.function))["bindings"][0]
    assert (binding["route"], str(binding["authLevel"])) == ("/{*route}", "FUNCTION")
    assert {"GET", "POST"} <= set(map(str, binding["methods"]))


@pytest.mark.slow
def test_the_service_starts_once_and_is_ready(function: FunctionApp, monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(function.ask("GET", "/health/ready").get_body()) == {"status": "ready"}
    monkeypatch.setattr(function.app.middleware, "notify_startup", None)
    assert function.ask("GET", "/health/ready").status_code == 200
    assert b"<html" in function.ask("GET", "/").get_body()
    assert function.ask("GET", "/nowhere").status_code == 404


@pytest.mark.slow
def test_rows_of_each_format_are_predicted(function: FunctionApp, rows: list[dict[str, Any]]) -> None:
    bodies = {
        "application/json": json.dumps({"rows": rows}).encode(),
        "text/csv": pd.DataFrame(rows).to_csv(index=False).encode(),
        PARQUET: as_parquet(rows),
    }
    found = []
    for kind, body in bodies.items():
        response = function.ask("POST", "/predict", body, kind)
        assert response.status_code == 200, response.get_body()
        assert response.headers["x-content-type-options"] == "nosniff"
        found.append([one["prediction"] for one in json.loads(response.get_body())["predictions"]])
    assert len(found[0]) == len(rows)
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_what_is_wrong_with_a_request_is_said(function: FunctionApp, rows: list[dict[str, Any]]) -> None:
    def reason(status: int, body: bytes, kind: str = "application/json") -> str:
        response = function.ask("POST", "/predict", body, kind)
        assert response.status_code == status, response.get_body()
        return str(json.loads(response.get_body())["detail"][0]["reason"])

    assert "no JSON" in reason(400, b"{")
    assert "the content type is one of" in reason(415, b"{}", "application/xml")
    assert "not a Parquet file" in reason(400, b"\xff\xfe no Parquet", PARQUET)
    assert "rows are too many" in reason(413, json.dumps({"rows": rows * 2001}).encode())
    assert "larger than 5,000,000 bytes" in reason(413, b" " * 5_000_001)


@pytest.mark.slow
def test_it_starts_with_a_model_and_is_never_open_to_everybody(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = finished(tmp_path_factory, "tabular-classification")
    folder = wwwroot(project, tmp_path_factory.mktemp("closed"))

    def start(**environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "function_app.py"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(project.path / "src"), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        return done.stderr.splitlines()[-1]

    assert start(SERVE_ACCESS="all") == "SERVE_ACCESS takes function or service, not 'all'"
    assert start(SERVE_ACCESS="service") == "SERVE_ACCESS is service, and no API_KEY is set: everybody could ask"
    (folder / "models" / "package" / "manifest.json").unlink()
    assert "manifest.json" in start()


# ------------------------------------------------------------------------------------------------ the script

STAND_IN = """#!{python}
import json, os, sys
name, words, folder = {name!r}, sys.argv[1:], {folder!r}
if words[:2] != ["version", "-json"]:
    print(name, *words, file=open(folder + "/log", "a"))
made = os.path.exists(folder + "/made")
outputs = json.load(open(folder + "/outputs.json"))
tags = open(folder + "/tags").read().split() if os.path.exists(folder + "/tags") else []
if name == "terraform":
    words = words[1:] if words[0].startswith("-chdir") else words
    if words[0] == "version":
        print('{{"terraform_version": "1.11.4"}}')
    elif words[0] == "output":
        print(json.dumps({{key: {{"value": value}} for key, value in outputs.items()}} if made else {{}}))
    elif words[0] == "state":
        attributes = {{"name": "shop1", "login_server": "shop1.azurecr.io"}}
        print(json.dumps({{"resources": [{{"type": "azurerm_container_registry", "instances": [{{"attributes": attributes}}]}}]}}))
    elif words[0] == "apply" and "-target" not in " ".join(words):
        open(folder + "/made", "w")
elif name == "az":
    if words[:2] == ["account", "show"]:
        if os.environ.get("OUT"):
            sys.exit("ERROR: Please run 'az login'")
        print('{{"name": "Shop", "user": {{"name": "ada"}}}}')
    elif words[:3] == ["acr", "repository", "list"]:
        print('["serve"]' if tags else "[]")
    elif words[:3] == ["acr", "repository", "show-tags"]:
        print(json.dumps(tags))
elif words[0] == "push":
    open(folder + "/tags", "a").write(words[1].rpartition(":")[2] + "\\n")
"""


class Cloud:
    """A finished project, and stand-ins for what its script calls."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project, self.folder = project, folder
        outputs = {
            "subscription": SUBSCRIPTION,
            "location": "westeurope",
            "group": "shop-serve",
            "function": "shop-serve-1",
        }
        outputs |= {"registry": "shop1", "image": "shop1.azurecr.io/serve", "url": "https://shop.example"}
        outputs |= {
            "access": "function",
            "release_client": "client",
            "tenant": "tenant",
            "github_repository": "ada/shop",
        }
        (folder / "outputs.json").write_text(json.dumps(outputs))
        (folder / "tools").mkdir()
        for name in ("terraform", "az", "docker"):
            tool = folder / "tools" / name
            tool.write_text(STAND_IN.format(python=sys.executable, name=name, folder=str(folder)))
            tool.chmod(0o755)

    def script(self, *words: str, code: int = 0, **more: str) -> str:
        """What `scripts/serverless_azure.py` says."""
        (self.folder / "log").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "scripts/serverless_azure.py", *words],
            cwd=self.project.path,
            env={**os.environ, "PATH": f"{self.folder / 'tools'}:{os.environ['PATH']}", **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def called(self, start: str) -> list[str]:
        """The calls of the last run that begin so."""
        return [line for line in (self.folder / "log").read_text().splitlines() if line.startswith(start)]


@pytest.mark.slow
def test_the_script_makes_releases_rolls_back_and_destroys(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    cloud = Cloud(finished(tmp_path_factory, "tabular-classification").copy(tmp_path), tmp_path)
    said = cloud.script("up", code=1)
    settings = "infra/azure-functions/serverless.auto.tfvars"
    assert said.startswith(
        f'no subscription_id is set: write subscription_id = "00000000-0000-0000-0000-000000000000" into {settings}'
    )
    with (cloud.project.path / settings).open("a") as file:
        file.write(f'subscription_id = "{SUBSCRIPTION}"\nlocation = "westeurope"\n')
    assert "log in with `az login`" in cloud.script("up", code=1, OUT="1")
    assert cloud.script("up", code=1).endswith("nobody is here to say yes: AUTO=1 make deploy-azure does not ask\n")
    said = cloud.script("up", "--auto")
    model, tag = re.findall(r"The model (\S+) would be released as the image (serve-[0-9a-f]{16})\.", said)[0]
    assert f"released: the function app shop-serve-1 runs serve:{tag}, the model {model}" in said
    assert "gh variable set --repo ada/shop AZURE_SERVE_FUNCTION --body shop-serve-1\n" in said
    assert [line.partition("-target=")[2] for line in cloud.called("terraform") if " apply " in line] == [
        "azurerm_container_registry.this",
        "azurerm_role_assignment.pull",
        "",
    ], "the registry comes first, because an app is made from an image that is there"
    assert len(cloud.called("docker build --file Dockerfile.azure --platform linux/amd64")) == 1
    assert cloud.called("docker push") == [f"docker push shop1.azurecr.io/serve:{one}" for one in (tag, model)]
    assert cloud.called("az functionapp config appsettings")[0].endswith(f"--settings MODEL_VERSION={model}")
    given = {"AZURE_SERVE_GROUP": "shop-serve", "AZURE_SERVE_FUNCTION": "shop-serve-1", "AZURE_SERVE_REGISTRY": "shop1"}
    assert "AZURE_SERVE_IMAGE is needed" in cloud.script("release", code=1, **given)
    cloud.script("release", **given, AZURE_SERVE_IMAGE="shop1.azurecr.io/serve")
    assert not cloud.called("docker build") and not cloud.called("terraform"), "the image is there already"
    said = cloud.script("rollback", "--version", "v9", code=1)
    assert said.endswith(f"no model v9 was released; there are: {model}\n")
    cloud.script("rollback", "--version", model)
    assert cloud.called("az functionapp config container")[0].endswith(f"--image shop1.azurecr.io/serve:{model}")
    assert not cloud.called("docker")
    assert "The function app is gone." in cloud.script("down", "--auto")


@pytest.fixture
def script(alone: BakedProject, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script of a stamped project, imported."""
    monkeypatch.syspath_prepend(alone.path / "scripts")
    spec = importlib.util.spec_from_file_location("azure_script", alone.path / "scripts" / "serverless_azure.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_terraform_says_becomes_one_sentence(script: ModuleType) -> None:
    said = "Error: AuthorizationFailed: The client 'a' does not have authorization to perform action 'Microsoft.Web/sites/write'"
    assert script.TERRAFORM.explained("apply", said) == (
        "these credentials may not do Microsoft.Web/sites/write, which the function app needs"
    )


def test_without_az_one_sentence_says_so(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(script.Refused, match="az is not installed, Azure's own program"):
        script.check_subscription(SUBSCRIPTION)
