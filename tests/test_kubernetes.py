"""The service in Kubernetes: manifests against strict schemas, KServe's own client, and promotions that Argo CD takes."""

import copy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import cluster
import pytest
import yaml
from conftest import ROOT, BakedProject, commit, run
from stamped import QUIET, TOOLS, Project, environment

Bake = Callable[..., BakedProject]
CHECKOV = shutil.which("checkov")
# The Python of an environment that has `kserve`, which wants an older pandas than projects do.
KSERVE = os.environ.get("KSERVE_PYTHON")
NEEDS_KUBECTL = pytest.mark.skipif(not cluster.KUBECTL, reason="kubectl is not installed")
FOLDER = Path("deploy/kubernetes")
OVERLAYS = ("overlays/dev", "overlays/prod", "argocd", "mlflow")


@pytest.fixture
def alone(bake: Bake) -> BakedProject:
    """A stamped project with this part and what it needs, whose name is none that a cluster would take."""
    return bake(project_name="2024 Birds", parts="kubernetes")


def with_kserve(project: BakedProject) -> Path:
    """The manifests with the one line changed that takes KServe in place of a Deployment."""
    folder = project.path / "kserve" / FOLDER
    shutil.copytree(project.path / FOLDER, folder)
    for overlay in ("dev", "prod"):
        file = folder / "overlays" / overlay / "kustomization.yaml"
        text = file.read_text()
        assert text.count("  - ../../base\n") == 1
        file.write_text(text.replace("  - ../../base\n", "  - ../../kserve\n"))
    return folder


def every(project: BakedProject) -> dict[str, list[cluster.Manifest]]:
    """What each overlay makes, with and without KServe."""
    found = {name: cluster.rendered(project.path / FOLDER / name) for name in OVERLAYS}
    kserve = with_kserve(project)
    return found | {f"kserve {name}": cluster.rendered(kserve / name) for name in OVERLAYS[:2]}


# ------------------------------------------------------------------------------------------------ manifests


def test_names_are_labels_that_a_cluster_takes(alone: BakedProject) -> None:
    settings = yaml.safe_load(alone.read("params/kubernetes.yaml"))
    assert settings["name"] == "model-2024-birds"
    assert settings["image"] == "registry.example.com/model-2024-birds"
    text = "".join(path.read_text() for path in sorted((alone.path / FOLDER).rglob("*.yaml")))
    assert "<<" not in text and "kind: Secret\n" not in text
    assert {"Dockerfile", "params/serve.yaml"} <= set(alone.files())


@NEEDS_KUBECTL
def test_every_overlay_is_rendered_and_is_what_its_schemas_say(alone: BakedProject) -> None:
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate, which has the schemas, is not installed")
    found = every(alone)
    for manifests in found.values():
        for manifest in manifests:
            cluster.check(manifest)
    kinds = {name: {one["kind"] for one in manifests} for name, manifests in found.items()}
    assert {"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy"} < kinds["overlays/prod"]
    assert kinds["kserve overlays/prod"] == {"InferenceService", "NetworkPolicy", "ServiceAccount"}
    assert kinds["argocd"] == {"AppProject", "Application"}
    pulled_in = kinds["overlays/prod"] | kinds["kserve overlays/prod"] | {"Namespace"}
    project = next(one for one in found["argocd"] if one["kind"] == "AppProject")["spec"]
    allowed = {
        one["kind"] for key in ("clusterResourceWhitelist", "namespaceResourceWhitelist") for one in project[key]
    }
    assert allowed == pulled_in, "Argo CD may make what the overlays have, and no more"
    wrong = copy.deepcopy([*found["kserve overlays/prod"], *found["argocd"], *found["overlays/prod"]])
    for manifest in wrong:
        manifest["spec" if "spec" in manifest else "metadata"]["portz"] = []
        with pytest.raises(Exception, match="portz"):
            cluster.check(manifest)


@NEEDS_KUBECTL
def test_pods_have_no_rights_and_the_places_of_probes_are_the_services(alone: BakedProject) -> None:
    seen = 0
    for name, manifests in every(alone).items():
        for manifest in manifests:
            for pod in cluster.pods(manifest):
                seen += 1
                assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 10_000, name
                assert pod["automountServiceAccountToken"] is False
                (container,) = pod["containers"]
                assert container["securityContext"] == {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                }
                assert {"requests", "limits"} == set(container["resources"])
                probes = [container[probe] for probe in ("readinessProbe", "livenessProbe")]
                ports = {port["name"] for port in container["ports"]}
                paths = [probe["httpGet"] for probe in probes if "httpGet" in probe]
                assert all(one["port"] in ports for one in paths)
                if "mlflow" not in name:
                    assert all(re.fullmatch(r"(/v2)?/health/(live|ready)", one["path"]) for one in paths)
                    assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])
                    keys = [one["valueFrom"]["secretKeyRef"] for one in container["env"] if one["name"] == "API_KEY"]
                    assert [key["optional"] for key in keys] == [name.endswith("dev")], (
                        "prod does not start without a key"
                    )
    assert seen == 6


@pytest.mark.slow
@NEEDS_KUBECTL
@pytest.mark.skipif(not CHECKOV, reason="checkov is not on the PATH")
def test_checkov_finds_nothing_in_the_manifests(alone: BakedProject, tmp_path: Path) -> None:
    found = every(alone)
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([one for name in ("overlays/prod", "mlflow") for one in found[name]]))
    said = cluster.checkov(str(CHECKOV), file)
    assert said["summary"]["failed"] == 0 and said["summary"]["parsing_errors"] == 0, said
    assert said["summary"]["passed"] > 200 and said["summary"]["skipped"] == 3


def test_exceptions_of_checkov_have_a_reason() -> None:
    text = "".join(path.read_text() for path in (ROOT / "parts" / "kubernetes" / FOLDER).rglob("*.yaml"))
    reasons = re.findall(r"checkov\.io/skip\d+: CKV_\w+=(.*)", text)
    assert len(reasons) == 3 and all(len(reason.split()) > 5 for reason in reasons)


def test_hadolint_finds_nothing_in_the_image_of_mlflow(alone: BakedProject) -> None:
    run(str(TOOLS / "hadolint"), "--failure-threshold", "style", str(FOLDER / "mlflow" / "Dockerfile"), cwd=alone.path)


# ------------------------------------------------------------------------------------------------ images and promotions


@pytest.fixture
def birds(registered: Project, tmp_path: Path) -> Project:
    """A project whose first version is registered and stands in prod, with a bare `origin` beside it."""
    project = registered.copy(tmp_path)
    run("git", "init", "--quiet", "--bare", "--initial-branch", "main", str(tmp_path / "origin"), cwd=tmp_path)
    run("git", "branch", "--move", "main", cwd=project.path)
    for words in (
        ["remote", "add", "origin", str(tmp_path / "origin")],
        ["push", "--quiet", "origin", "main", "--tags"],
    ):
        run("git", *words, cwd=project.path)
    return project


def engine(folder: Path) -> tuple[Path, Path]:
    """A stand-in for docker, which pushes nowhere and says a digest made of the tag; and the file of its calls."""
    log, program = folder / "docker.log", folder / "docker"
    program.write_text(
        f"#!{sys.executable}\nimport hashlib, sys\nwords = sys.argv[1:]\n"
        f"open({str(log)!r}, 'a').write(' '.join(words) + '\\n')\n"
        "if words[:2] == ['image', 'inspect']:\n"
        "    print('elsewhere@sha256:' + '0' * 64)\n"
        "    print(words[-1].rpartition(':')[0] + '@sha256:' + hashlib.sha256(words[-1].encode()).hexdigest())\n"
    )
    program.chmod(0o755)
    return program, log


@pytest.mark.slow
@NEEDS_KUBECTL
def test_a_promotion_runs_in_the_cluster_and_a_rollback_takes_it_back(birds: Project, tmp_path: Path) -> None:
    """One story: images of two versions, promoted, rolled back and pinned by hand, with Argo CD as a stand-in."""
    docker, log = engine(tmp_path)
    (application,) = yaml.safe_load_all((birds.path / FOLDER / "argocd" / "prod.yaml").read_text())
    argo = cluster.ArgoCD(application, tmp_path / "origin", tmp_path)
    assert argo.sync() == (f"registry.example.com/birds@sha256:{'0' * 64}", "unknown")

    def pushed(version: str, said: str) -> str:
        image = re.search(rf"{re.escape(version)} is (registry\.example\.com/birds@sha256:[0-9a-f]{{64}});", said)
        assert image and f"the tag image/birds/{version} is pushed to origin" in said, said
        return image[1]

    first = pushed("v1.0.0", birds.make("push-image", f"ENGINE={docker}"))
    calls = log.read_text().splitlines()
    assert calls[0].startswith("build --target serve --tag birds:serve ")
    assert calls[1:3] == ["tag birds:serve registry.example.com/birds:v1.0.0", "push registry.example.com/birds:v1.0.0"]
    assert "v1.0.0 has an image already" in birds.python("push-image", code=1)
    assert "v1.0.0; committed to the branch main" in birds.python("set-image", "prod", "--version", "v1.0.0")
    assert argo.sync() == (first, "v1.0.0")

    with birds.edited("params/serve.yaml", ("workers: 1", "workers: 2")):
        assert "params/serve.yaml is not as in the last commit" in birds.python("push-image", code=1)
    (birds.path / "NOTES.md").write_text("more\n")
    commit(birds.path, "More")
    said = birds.make("push-image", f"ENGINE={docker}", code=2)
    assert "the last commit is no version of the model: `make register` makes it one" in said
    assert len(log.read_text().splitlines()) == len(calls), "it is refused before anything is built"
    run("git", "tag", "--message", "The second", "model@v1.1.0", cwd=birds.path)
    said = birds.python("promote", "prod", code=1)
    assert "there is no image of v1.1.0 that deploy/kubernetes/overlays/prod could run" in said
    assert "model#prod#2" not in run("git", "tag", cwd=birds.path), "it is refused before it stands in the stage"
    built = ("--engine", str(docker), "--built", "birds:serve")
    second = pushed("v1.1.0", birds.python("push-image", *built))
    head = run("git", "rev-parse", "HEAD", cwd=birds.path)
    said = birds.make("promote", "STAGE=prod")
    assert "prod: v1.0.0 -> v1.1.0; the tag model#prod#2 is pushed to origin" in said
    assert "deploy/kubernetes/overlays/prod: v1.1.0; committed to the branch main of origin" in said
    assert argo.sync() == (second, "v1.1.0") and second != first
    assert run("git", "rev-parse", "HEAD", cwd=birds.path) == head
    assert run("git", "status", "--porcelain", cwd=birds.path) == ""
    said = birds.python("rollback", "prod")
    assert "prod: v1.1.0 -> v1.0.0" in said and argo.sync() == (first, "v1.0.0")

    other = f"registry.example.com/other@sha256:{'a' * 64}"
    assert "not committed" in birds.make("set-image", "STAGE=prod", f"IMAGE={other}", "PUSH=no")
    assert other.partition("@")[2] in (birds.path / FOLDER / "overlays/prod/release/kustomization.yaml").read_text()
    assert argo.sync() == (first, "v1.0.0"), "what is not pushed does not run"
    assert "does not name one image for ever" in birds.python("set-image", "prod", "--image", "a:latest", code=1)
    assert "did you mean 'prod'" in birds.python("set-image", "prdo", "--version", "v1.0.0", code=1)
    assert "which overlay?" in birds.make("set-image", code=2)


# ------------------------------------------------------------------------------------------------ KServe's client


@contextmanager
def serving(project: Project, **more: str) -> Iterator[str]:
    """The address of the service, while it runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(TOOLS / "python"), "-m", project.package, "serve", "--port", str(port)]
    service = subprocess.Popen(words, cwd=project.path, env={**os.environ, **QUIET, **more}, stdout=subprocess.DEVNULL)
    address, opener = f"http://127.0.0.1:{port}", build_opener(ProxyHandler({}))
    try:
        for _ in range(600):
            try:
                opener.open(f"{address}/v2/health/ready", timeout=5).close()
                break
            except OSError:
                assert service.poll() is None, "the service has ended"
                time.sleep(0.1)
        yield address
    finally:
        service.terminate()
        service.wait(30)


@pytest.mark.slow
@pytest.mark.skipif(not KSERVE, reason="KSERVE_PYTHON names no Python of an environment that has kserve")
def test_the_client_of_kserve_is_answered(registered: Project, tmp_path: Path) -> None:
    example = json.loads((registered.path / "models" / "package" / "example.json").read_text())
    rows = [row for row in example if all(value is not None for value in row.values())][:3]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    with environment(PYTHONPATH=""), serving(registered, API_KEY="secret", MODEL_VERSION="v1.0.0") as address:
        client = str(ROOT / "tests" / "kserve_client.py")
        said = json.loads(run(str(KSERVE), client, address, "birds", "secret", "rows.json", cwd=tmp_path))
    assert said["live"] and said["ready"] and said["model_ready"] and said["first_ready"]
    assert said["id"] == "7" and set(said["request"]) == {"id", "model_name", "inputs"}
    assert said["outputs"]["prediction"] == [one["prediction"] for one in said["first"]["predictions"]]
    assert "binary data is not read" in said["binary"]
