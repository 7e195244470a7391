"""A cluster for tests: manifests as kubectl renders them, checked as strictly as an API server would, and one that applies
what is in git, as Argo CD does."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from conftest import run

KUBECTL = shutil.which("kubectl", path="/usr/local/bin:/usr/bin:/bin")
# Keys and types of KServe's and Argo CD's own kinds, as far as the manifests go: written from the models of the Python
# package kserve 0.21 and from the types of the npm package @kubernetes-models/argo-cd.
MODELS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("cluster_models.json").read_text())
ROOTS = {"InferenceService": "V1beta1InferenceService", "Application": "Application", "AppProject": "AppProject"}
PLAIN: dict[str, Any] = {"str": str, "bool": bool, "int": int, "object": object}
Manifest = dict[str, Any]


def rendered(folder: Path) -> list[Manifest]:
    """The manifests of an overlay."""
    return list(yaml.safe_load_all(run(str(KUBECTL), "kustomize", str(folder), cwd=folder)))


def check(manifest: Manifest) -> None:
    """Refuse a key that its kind does not have, or a value of another type."""
    if manifest["kind"] in ROOTS:
        _walk(ROOTS[manifest["kind"]], manifest, manifest["kind"])
        return
    import kubernetes_validate

    kubernetes_validate.validate(manifest, "1.37", strict=True)


def pods(manifest: Manifest) -> list[Manifest]:
    """The specification of the pods that a manifest makes."""
    if manifest["kind"] in ("Deployment", "StatefulSet"):
        return [manifest["spec"]["template"]["spec"]]
    return [manifest["spec"]["predictor"]] if manifest["kind"] == "InferenceService" else []


class ArgoCD:
    """A stand-in that applies what a path of a branch has: it knows the images and versions that run."""

    def __init__(self, application: Manifest, origin: Path, folder: Path) -> None:
        self.source, self.clone = application["spec"]["source"], folder / "argocd"
        branch = str(self.source["targetRevision"])
        run("git", "clone", "--quiet", "--branch", branch, str(origin), str(self.clone), cwd=folder)

    def sync(self) -> tuple[str, str]:
        """Apply the last commit of the branch; return the image that runs, and the version that it says it is."""
        run("git", "pull", "--quiet", "--ff-only", cwd=self.clone)
        manifests = rendered(self.clone / self.source["path"])
        for manifest in manifests:
            check(manifest)
        (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
        template = deployment["spec"]["template"]
        version = template["metadata"]["labels"]["app.kubernetes.io/version"]
        return template["spec"]["containers"][0]["image"], version


def checkov(program: str, file: Path) -> Manifest:
    """What checkov says of a file of manifests."""
    words = ["--skip-download", "--compact", "--quiet", "--output", "json", "--framework", "kubernetes"]
    done = subprocess.run([program, *words, "--file", str(file)], capture_output=True, text=True, cwd=file.parent)
    return dict(json.loads(done.stdout))


def _walk(kind: str, value: Any, where: str) -> None:
    listed = re.fullmatch(r"list\[(.+)\]", kind)
    if listed:
        assert isinstance(value, list), f"{where} is no list"
        for position, item in enumerate(value):
            _walk(listed[1], item, f"{where}[{position}]")
    elif kind.startswith("dict("):
        assert isinstance(value, dict) and all(isinstance(one, str) for one in value.values()), f"{where} is no mapping"
    elif kind in PLAIN:
        assert isinstance(value, PLAIN[kind]), f"{where} is no {kind}: {value!r}"
        assert kind != "int" or not isinstance(value, bool), f"{where} is no number: {value!r}"
    else:
        assert isinstance(value, dict), f"{where} is no mapping"
        for key, item in value.items():
            assert key in MODELS[kind], f"{where} has the unknown key {key!r}"
            _walk(MODELS[kind][key], item, f"{where}.{key}")
