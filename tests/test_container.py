"""The stamped Dockerfile and what stands beside it, as far as a machine without a container engine can tell.

The last tests follow the Dockerfile's own steps in a folder and ask the service that comes of it. What needs an engine
(the base image, Debian's packages, the user) is not tried here.
"""

import contextlib
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import yaml
from conftest import ROOT, BakedProject, run, tree
from stamped import TOOLS, Project

Bake = Callable[..., BakedProject]
RUNNING = ("train", "dev", "serve")  # stages that are run; the others only make what these copy
REQUIREMENTS = [str(TOOLS / "python"), "scripts/requirements.py"]
SECRETS = [
    ".env",
    ".git/config",
    ".venv/bin/python",
    "data/raw/penguins.csv",
    "data/interim/table.parquet",
    "models/final/model.skops",
    "params/.env",
    "src/package/.env.local",
    "reports/report.html",
]


class Step(NamedTuple):
    """An instruction of a Dockerfile, on one line."""

    word: str
    rest: str


def stages(project: Path) -> dict[str, list[Step]]:
    """The steps of each stage by its name; the first of each is its FROM."""
    text = (project / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"\\\n", "", re.sub(r"(?m)^#.*\n", "", text))
    found: dict[str, list[Step]] = {}
    for line in filter(None, text.splitlines()):
        word, rest = line.split(maxsplit=1)
        if word == "FROM":
            found[rest.split(" AS ")[1]] = []
        if found:
            found[list(found)[-1]].append(Step(word, rest.strip()))
    return found


def copied(steps: list[Step]) -> list[tuple[list[str], str]]:
    """What the steps copy from the project's folder, and where to."""
    words = [step.rest.split() for step in steps if step.word == "COPY" and "--from=" not in step.rest]
    return [(sources, place) for *sources, place in words]


def passes(project: Path, name: str) -> bool:
    """Whether .dockerignore lets a file through: of the patterns that fit it, or a folder above it, the last one counts."""
    out = False
    lines = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in (one for one in lines if one and not one.startswith("#")):
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(rf"{pattern}(/.*)?", name):
            out = not line.startswith("!")
    return not out


@pytest.fixture
def made(bake: Bake) -> BakedProject:
    """A stamped project with files where a run and an owner put them."""
    project = bake(project_name="Contained", package_name="package")
    for name in [*SECRETS, "models/package/environment.json", "models/package/manifest.json"]:
        path = project.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return project


def test_hadolint_finds_nothing(bake: Bake) -> None:
    project = bake().path
    run(str(TOOLS / "hadolint"), "--failure-threshold", "style", "Dockerfile", cwd=project)
    lines = (project / "Dockerfile").read_text(encoding="utf-8").splitlines()
    for before, line in itertools.pairwise(lines):
        if "hadolint ignore" in line:
            assert line == "# hadolint ignore=DL3008", "this rule alone is left out, where apt-get installs"
            assert before.startswith("# ") and "version" in before, "and it is said why"


def test_no_stage_that_is_run_is_root_and_every_base_is_chosen(bake: Bake) -> None:
    project = bake().path
    text = (project / "Dockerfile").read_text(encoding="utf-8")
    found = stages(project)
    assert list(found)[-1] == "serve", "which is the default"
    assert re.search(r"(?m)^ARG PYTHON_IMAGE=[\w./-]+/python:3\.\d+-slim-\w+$", text)
    bases = {name: steps[0].rest.split(" AS ")[0] for name, steps in found.items()}
    assert bases.pop("base") == "${PYTHON_IMAGE}", "a digest is given by this argument"
    assert set(bases.values()) <= set(found)
    for name in RUNNING:
        users = [step.rest for step in found[name] if step.word == "USER"]
        assert users and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), "Kubernetes wants a number"
    for file in ("Dockerfile", "compose.yaml", ".devcontainer/devcontainer.json", "Makefile"):
        assert "latest" not in (project / file).read_text(encoding="utf-8"), file
    assert "PYTHONDONTWRITEBYTECODE" not in text, "modules are compiled when they are installed"


def test_what_is_copied_is_there_and_is_let_through_and_the_rest_is_kept_out(made: BakedProject) -> None:
    sources = [one for steps in stages(made.path).values() for sources, _ in copied(steps) for one in sources]
    assert {"src", "params", "models/package", "pyproject.toml"} <= set(sources)
    within = set()
    for source in sources:
        path = made.path / source
        assert path.exists(), f"there is no {source}"
        names = [f"{source}/{name}" for name in tree(path)] if path.is_dir() else [source]
        within |= {name for name in names if "__pycache__" not in name and ".env" not in name}
    files = set(tree(made.path))
    assert within == {name for name in files if passes(made.path, name)}
    assert set(SECRETS) <= files - within


def test_compose_is_what_its_schema_says_and_gives_the_service_little(bake: Bake) -> None:
    project = bake(project_slug="My.Shop_2", package_name="shop").path
    run(
        *(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"),
        cwd=project,
    )
    service = yaml.safe_load((project / "compose.yaml").read_text())["services"]["serve"]
    assert service["build"]["target"] in stages(project)
    assert service["image"] == "my-shop-2:serve", "names of images are small letters"
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert service["environment"] == ["API_KEY"], "from the environment, with no value here"
    assert service["read_only"] is True and service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["My ML project", 'say "hello" \\ 🎉'])
def test_the_devcontainer_is_the_image_to_train_in_and_more(name: str, bake: Bake) -> None:
    project = bake(project_name=name, project_slug="shop", package_name="shop").path
    said = json.loads((project / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert said["name"] == name
    assert said["build"]["target"] == "dev"
    assert stages(project)["dev"][0] == Step("FROM", "train AS dev"), (
        "so that it has the versions of the one for training"
    )
    folder = project / ".devcontainer"
    assert (folder / said["build"]["dockerfile"]).resolve() == project / "Dockerfile"
    assert (folder / said["build"]["context"]).resolve() == project
    assert f"useradd --uid 1000 --create-home {said['remoteUser']}" in (project / "Dockerfile").read_text()


def test_requirements_are_those_of_the_project_and_of_the_extras(bake: Bake, tmp_path: Path) -> None:
    project = bake(project_name="My shop", estimators="lightgbm").path
    listed = run(*REQUIREMENTS, "serve,sql", cwd=project).splitlines()
    assert {"lightgbm>=4.7,<5", "scikit-learn>=1.9,<1.10", "fastapi>=0.165,<1", "sqlalchemy>=2.0,<3"} <= set(listed)
    assert not [one for one in listed if "==" in one or one.startswith(("pytest", "my-shop"))]
    training = {"dvc", "optuna", "matplotlib", "jinja2", "pyarrow"}
    assert not training & {re.split(r"[\[<>=]", one)[0] for one in listed}, "a service is small"
    developing = run(*REQUIREMENTS, "dev,serve", cwd=project).splitlines()
    assert {"dvc>=3.67,<4", "pyarrow>=20", "pytest>=9,<10"} <= set(developing), "an extra brings those it contains"
    assert len(developing) == len(set(developing))
    done = subprocess.run([*REQUIREMENTS, "dev,server"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("there is no extra 'server' in pyproject.toml; there are: azure, boosting, ")


def test_the_versions_of_a_model_are_constraints(bake: Bake, tmp_path: Path) -> None:
    file = tmp_path / "environment.json"
    file.write_text(json.dumps({"python": "3.12.1", "Scikit_Learn": "1.9.1", "torch": "2.1+cpu", "My_Shop": "0.1.0"}))
    project = bake(project_name="My shop").path
    pinned = run(*REQUIREMENTS, "--versions", str(file), cwd=project).splitlines()
    assert pinned == ["scikit-learn==1.9.1", "torch==2.1"]
    # The constraints are no requirements: what the project does not need is not installed.
    assert "requirements.txt \\\n        --constraint constraints.txt \\\n" in (project / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "versions",
    [
        {"x\n--index-url https://example.org": "1.0"},
        {"x": "1.0\n--index-url https://example.org"},
        {"x\n": "1.0"},
        {"--index-url=https://example.org #": "1.0"},
        {"-e .": "1.0"},
        {"x @ file:///tmp/evil": "1.0"},
        {"x[extra]": "1.0"},
        {"x; python_version > '3'": "1.0"},
        {"x": "1.0; python_version > '3'"},
        {"x": "1.0 --hash=sha256:0"},
        {"x": "*"},
        {"x": ">=1"},
        {"x": ""},
        {"x": 1.0},
        {"x": ["1.0"]},
        {"": "1.0"},
        {"../x": "1.0"},
        ["x==1.0"],
        "x",
    ],
)
def test_what_is_no_version_of_a_package_never_reaches_pip(versions: object, tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(json.dumps(versions))
    (tmp_path / "pyproject.toml").write_text('project = {name = "shop"}')
    script = ROOT / "parts" / "container" / "scripts" / "requirements.py"
    done = subprocess.run(
        [REQUIREMENTS[0], str(script), "--versions", str(tmp_path / "environment.json")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert done.stderr.startswith(str(tmp_path / "environment.json")) and len(done.stderr.splitlines()) == 1, (
        done.stderr
    )


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH: make, and what the test puts there."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("make", "sh", "cmp"):
        (folder / name).symlink_to(shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") or "")
    monkeypatch.setenv("PATH", str(folder))
    return folder


def make(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=project, capture_output=True, text=True)


def test_make_image_says_what_is_missing(bake: Bake, tools: Path) -> None:
    project = bake().path
    done = make(project, "image")
    assert done.returncode and done.stderr.startswith("neither docker nor podman is installed")
    (tools / "docker").write_text("#!/bin/sh\necho no\n")
    (tools / "docker").chmod(0o755)
    done = make(project, "image")
    assert done.returncode and done.stderr.startswith("there is no model to put into the image yet: make run makes")


@pytest.mark.parametrize(("engine", "extra"), [("docker", ""), ("podman", "--format docker ")])
def test_make_image_builds_the_stage_that_is_asked_for(
    engine: str, extra: str, made: BakedProject, tools: Path
) -> None:
    (tools / engine).write_text(f"#!/bin/sh\necho {engine} $@\n")
    (tools / engine).chmod(0o755)
    done = make(made.path, "--silent", "image")
    # podman makes images of a format that has no health check, unless it is told.
    assert done.stdout == f"{engine} build --target serve --tag contained:serve {extra}.\n", done.stderr
    words = ["STAGE=train", "EXTRAS=dev,explain", "PYTHON_IMAGE=python@sha256:0"]
    done = make(made.path, "--silent", "image", *words)
    args = "--build-arg PYTHON_IMAGE=python@sha256:0 --build-arg EXTRAS=dev,explain"
    assert done.stdout == f"{engine} build --target train --tag contained:train {extra}{args} .\n", done.stderr


def test_make_takes_the_environment_of_the_image_and_makes_none(
    bake: Bake, tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = bake(package_name="package").path
    environment = tmp_path / "opt" / "venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text(f'#!/bin/sh\nexec {TOOLS / "python"} "$@"\n')
    (environment / "bin" / "python").chmod(0o755)
    shutil.copy(project / "pyproject.toml", environment / ".ready")
    monkeypatch.setenv("PROJECT_VENV", str(environment))
    monkeypatch.setenv("PYTHONPATH", "src")
    before = tree(environment)
    done = make(project, "check")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert "params are valid" in done.stdout
    with (project / "pyproject.toml").open("a") as file:
        file.write("# edited\n")
    done = make(project, "check")
    assert done.returncode == 0 and done.stderr.startswith("note: the image was built with another pyproject.toml")
    assert tree(environment) == before and not (project / ".venv").exists()


class Machine:
    """A folder that stands for an image's file system, in which the steps of stages are followed.

    Nothing of the tests' own environment is there but Python itself, git's and pip's settings, and Debian's programs. What
    needs root (the first stage: apt-get, useradd) is left out; a stage that copies from another finds it in its place.
    """

    def __init__(self, root: Path, project: Path) -> None:
        self.root, self.project = root, project
        self.folder = root
        tools = root / "usr" / "local" / "bin"
        tools.mkdir(parents=True)
        (tools / "python").symlink_to(os.path.realpath(sys.executable))
        settings = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        self.environment = {name: value for name, value in os.environ.items() if name.upper().startswith(settings)}
        self.environment |= {"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(root)}
        self.command: list[str] = []
        self.health: list[str] = []

    def placed(self, text: str) -> str:
        """The text with the image's absolute paths as those of this folder."""
        return re.sub(r"(?<![\w./])/(opt|app|build)\b", rf"{self.root}/\1", text)

    def follow(self, steps: list[Step]) -> None:
        """Do what the steps of a stage say."""
        for word, rest in steps:
            if word == "WORKDIR":
                self.folder = Path(self.placed(rest))
                self.folder.mkdir(parents=True, exist_ok=True)
            elif word == "ARG":
                self.environment |= dict([rest.split("=", 1)])
            elif word == "ENV":
                for name, value in (one.split("=", 1) for one in shlex.split(self.placed(rest))):
                    self.environment[name] = value.replace("$PATH", self.environment["PATH"])
            elif word == "COPY" and "--from=" in rest:
                *_, source, place = rest.split()
                assert source == place and Path(self.placed(place)).exists()
            elif word == "COPY":
                for sources, place in copied([Step(word, rest)]):
                    for source in sources:
                        self.copy(source, place)
            elif word == "RUN":
                self.run(json.loads(rest) if rest.startswith("[") else ["sh", "-c", re.sub(r"^--mount=\S+", "", rest)])
            elif word == "CMD":
                self.command = json.loads(self.placed(rest))
            elif word == "HEALTHCHECK":
                self.health = json.loads(self.placed(rest).split(" CMD ", 1)[1])
            else:
                assert word in ("FROM", "USER", "EXPOSE", "STOPSIGNAL"), f"{word} is not followed here"

    def copy(self, source: str, place: str) -> None:
        """Copy what .dockerignore lets through."""
        path = self.project / source
        for name in [f"{source}/{one}" for one in tree(path)] if path.is_dir() else [source]:
            if passes(self.project, name):
                within = name.removeprefix(f"{source}/") if path.is_dir() else Path(name).name
                target = self.folder / place / within
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.project / name, target)

    def run(self, command: list[str], code: int = 0) -> str:
        """What a command says in this environment."""
        done = subprocess.run(
            [self.placed(word) for word in command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, f"{command} gave {done.returncode}\n{done.stdout}"
        return done.stdout


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """What the stage `serve` would be of a project with a model of LightGBM, which is no dependency of every project."""
    folder = tmp_path_factory.mktemp("contained")
    project = Project(folder, project_name="Contained", estimators="lightgbm")
    project.edit("params/search.yaml", ("trials: 100", "trials: 2"), ("seconds: 240", "seconds: 600"))
    assert project.repro()[-1] == "package"
    machine = Machine(folder / "machine", project.path)
    for name in ("build", "build-serve", "serve"):
        machine.follow(stages(project.path)[name])
    return machine


@contextlib.contextmanager
def serving(image: Machine, port: int, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The service, started by the image's own command but on this machine's loopback; and its log."""
    command = [{"8000": str(port), "0.0.0.0": "127.0.0.1"}.get(word, word) for word in image.command]
    assert command != image.command
    log = image.root / "log"
    with log.open("w") as file:
        service = subprocess.Popen(
            command, cwd=image.folder, env=image.environment | environment, stdout=file, stderr=file
        )
    try:
        yield service, log
    finally:
        service.kill()
        service.wait()


@pytest.mark.slow
def test_what_the_image_installs_and_copies_serves_the_model(image: Machine) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    health = [word.replace("8000", str(port)) for word in image.health]
    image.run(health, code=1)
    before = {name: (image.folder / name).read_bytes() for name in tree(image.folder)}
    with serving(image, port, API_KEY="a secret") as (service, log):
        for _ in range(600):
            with contextlib.suppress(AssertionError):
                image.run(health)
                break
            assert service.poll() is None, log.read_text()
            time.sleep(0.1)
        rows = json.loads((image.folder / "models" / "package" / "example.json").read_text())
        address = f"http://127.0.0.1:{port}/predict"
        assert httpx.post(address, json={"rows": rows}).status_code == 401
        answer = httpx.post(address, json={"rows": rows}, headers={"X-API-Key": "a secret"})
        assert answer.status_code == 200, answer.text
        assert [one["prediction"] for one in answer.json()["predictions"]].count("Adelie")
        smoke = [sys.executable, str(image.project / "scripts" / "smoke.py"), f"http://127.0.0.1:{port}"]
        assert "is ready and predicts its example: 5 rows" in run(*smoke, cwd=image.root, API_KEY="a secret")
        refused = subprocess.run(smoke, env={"API_KEY": "another"}, capture_output=True, text=True)
        assert refused.returncode == 1 and "API_KEY of this environment is not the one" in refused.stderr
        service.terminate()
        assert service.wait(30) in (0, -signal.SIGTERM), log.read_text()  # which uvicorn raises again when it is done
    # What was compiled is no answer of the service; anything else would fail in a folder that is read-only.
    after = {name: (image.folder / name).read_bytes() for name in tree(image.folder)}
    assert {name for name in after if after[name] != before.get(name) and "__pycache__" not in name} == set()


@pytest.mark.slow
def test_the_image_has_the_packages_of_the_model_and_no_others_to_work_with(image: Machine) -> None:
    listed = image.run(["python", "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"])
    installed = {one["name"].lower(): one["version"] for one in json.loads(listed)}
    made_with = json.loads((image.folder / "models" / "package" / "environment.json").read_text())
    assert made_with["lightgbm"]
    made_with.pop("python")
    assert {name: installed.get(name.lower()) for name in made_with} == made_with
    assert not {"pytest", "mypy", "ruff", "catboost", "dvc", "optuna", "matplotlib", "pyarrow"} & set(installed)
    found = next((image.root / "opt" / "venv" / "lib").glob("python*/site-packages"))
    assert list((found / "sklearn").glob("__pycache__/*.pyc")), "modules were not compiled"
    assert (image.folder / ".cache" / "discovery.json").exists(), "or each start would look for all classes anew"


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_fails_the_build(image: Machine) -> None:
    model = image.folder / "models" / "package" / "schema.json"
    text = model.read_text()
    load = next(step for step in stages(image.project)["serve"] if step.word == "RUN")
    try:
        model.write_text(text + " ")
        assert "schema.json is damaged" in image.run(json.loads(load.rest), code=1)
    finally:
        model.write_text(text)
