"""The images to work and to train in, built for real and used, where buildah and debootstrap are installed.

No registry is asked: the base is a Debian with its own Python, made once. It and the layers of the builds are kept in
build/containers, so the first run in a clone takes minutes and later ones seconds; `make clean` removes them.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from stamped import ROOT, Project

PATH = os.environ["PATH"]
STORE = ROOT / "build" / "containers"
PLACES = ["--root", str(STORE / "root"), "--runroot", str(STORE / "run")]
BASE = "localhost/debian-python:bookworm"
DEBIAN = "python3,python3-venv,python3-pip,ca-certificates"
CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt"  # this machine's: a proxy may stand before the registries of packages
)
MISSING = [name for name in ("buildah", "debootstrap") if not shutil.which(name)]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed: no image is built"),
    pytest.mark.skipif(os.geteuid() != 0, reason="not root, which debootstrap has to be: no image is built"),
]


def done(*command: str, cwd: Path = ROOT, code: int = 0, **environment: str) -> str:
    """What a command says; fails the test if it does not end with `code`."""
    ran = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, "PATH": PATH, "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "overlay", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ran.returncode == code, f"{' '.join(command)} gave {ran.returncode}\n{ran.stdout[-5000:]}"
    return ran.stdout


def buildah(*words: str, cwd: Path = ROOT) -> str:
    return done("buildah", *PLACES, *words, cwd=cwd)


def with_certificates() -> list[str]:
    return ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if Path(CERTIFICATES).exists() else []


@pytest.fixture(scope="module")
def base() -> str:
    """The image that stands for the one which the Dockerfile names."""
    STORE.mkdir(parents=True, exist_ok=True)
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}").strip():
        root = STORE / "debian" / "root"
        shutil.rmtree(root.parent, ignore_errors=True)
        root.parent.mkdir()
        done("debootstrap", "--variant=minbase", f"--include={DEBIAN}", "bookworm", str(root))
        (root / "usr" / "bin" / "python").symlink_to("python3")
        (root.parent / "Dockerfile").write_text("FROM scratch\nADD root /\nENV PATH=/usr/sbin:/usr/bin:/sbin:/bin\n")
        buildah("build", "--quiet", "--tag", BASE, ".", cwd=root.parent)
        shutil.rmtree(root.parent)
    return BASE


@pytest.fixture(scope="module")
def project(base: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stamped project whose images `train` and `dev` are built."""
    project = Project(tmp_path_factory.mktemp("imaged"), project_name="Imaged", estimators="logistic_regression")
    project.edit("params/search.yaml", ("trials: 100", "trials: 3"), ("seconds: 240", "seconds: 600"))
    for stage in ("train", "dev"):
        words = ["--target", stage, "--tag", f"imaged:{stage}", "--build-arg", f"PYTHON_IMAGE={base}"]
        buildah("build", "--layers", *words, *with_certificates(), ".", cwd=project.path)
    return project


@pytest.fixture
def mounted(project: Project, tmp_path: Path) -> Path:
    """A copy of the project that belongs to somebody whom the image does not know, as on a runner of CI."""
    folder = project.copy(tmp_path).path
    done("chown", "-R", "4242:4242", str(folder))
    done("chmod", "-R", "o+rwX", str(folder))
    return folder


def within(stage: str, folder: Path, user: str, script: str) -> str:
    """What a shell script says that is run in a container with a project mounted."""
    container = buildah("from", f"imaged:{stage}").strip()
    try:
        words = ["--user", user, "--env", "HOME=/tmp", "--volume", f"{folder}:/project"]
        return buildah("run", *words, container, "--", "sh", "-ec", script)
    finally:
        buildah("rm", container)


def test_the_pipeline_runs_in_the_image_and_is_not_root(mounted: Path) -> None:
    said = within("train", mounted, "1000:1000", "id -un; git status --short; make check; make run; dvc status")
    assert said.startswith("app\n M params/search.yaml\n"), said
    assert "params are valid; models that compete: logistic_regression\n" in said
    assert "Report: /project/reports/report.html" in said
    assert "Data and pipelines are up to date." in said
    assert "note: the image was built with another pyproject.toml" not in said
    assert not (mounted / ".venv").exists(), "the image has the environment"
    for stage in ("train", "dev"):
        described = json.loads(buildah("inspect", "--type", "image", f"imaged:{stage}"))
        assert described["OCIv1"]["config"]["User"] == "1000:1000"


def test_dev_is_train_with_more_and_in_the_same_versions(mounted: Path) -> None:
    frozen = {
        stage: set(within(stage, mounted, "1000:1000", "python -m pip freeze").splitlines())
        for stage in ("train", "dev")
    }
    assert frozen["train"] < frozen["dev"]
    added = {line.partition("==")[0] for line in frozen["dev"] - frozen["train"]}
    assert {"bc-detect-secrets", "cruft", "jupytext", "nbstripout", "papermill", "pre_commit"} <= added
    assert not added & {"dvc", "pytest", "ruff", "scikit-learn"}
    said = within("dev", mounted, "4242:4242", "make hooks; make badges REPO=org/name; less --version | head -n 1")
    assert "pre-commit installed at .git/hooks/pre-push" in said and "less " in said


@pytest.mark.skipif(
    not (shutil.which("devcontainer") and shutil.which("podman")),
    reason="devcontainer (npm @devcontainers/cli) or podman is not installed: .devcontainer is not built",
)
def test_the_devcontainer_is_built(project: Project, base: str, tmp_path: Path) -> None:
    # The base is an argument of the build, which devcontainer.json leaves as the Dockerfile has it.
    project.edit(
        "Dockerfile", ("ARG PYTHON_IMAGE=docker.io/library/python:3.12-slim-bookworm", f"ARG PYTHON_IMAGE={base}")
    )
    engine = tmp_path / "podman"
    volume = " ".join(with_certificates())
    engine.write_text(
        "#!/bin/sh\n"
        f'case "$1" in build) shift; set -- build {volume} "$@";; esac\n'
        f'exec {shutil.which("podman", path=PATH)} {" ".join(PLACES)} "$@"\n'
    )
    engine.chmod(0o755)
    words = [
        "--workspace-folder",
        str(project.path),
        "--docker-path",
        str(engine),
        "--image-name",
        "imaged:devcontainer",
    ]
    said = done("devcontainer", "build", *words, HOME=str(tmp_path))
    assert json.loads(said.strip().splitlines()[-1])["outcome"] == "success"
    assert "imaged" in buildah("images", "--format", "{{.Name}}:{{.Tag}}")
