"""Shared by the scripts that make something in a cloud: Terraform, containers, names of images, and AWS."""

import base64
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    AWS_ERRORS: tuple[type[Exception], ...] = (BotoCoreError, ClientError)
except ImportError:  # a script for another cloud needs none of it
    AWS_ERRORS = ()

OLDEST = (1, 10)
# What Terraform says whatever the cloud, and what is to be done, with the groups of the pattern in it.
FAULTS = (
    (
        r"Failed to query available provider packages|Failed to install provider",
        "Terraform's provider cannot be had: it is downloaded once, so the network is needed, or a mirror",
    ),
)


class Refused(Exception):
    """Something that stops the work, in one sentence."""


class Terraform:
    """A folder of Terraform in a project.

    Parameters
    ----------
    project : the project's folder.
    folder : the one with the files, from there.
    settings : the file in which the owner writes settings, from the project's folder.
    faults : patterns of what Terraform may say, and the sentence for each.
    """

    def __init__(self, project: Path, folder: str, settings: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.project, self.folder, self.settings = project, project / folder, settings
        self.faults = (*faults, *FAULTS)

    def check(self) -> None:
        """See that there is a Terraform, and that it is new enough."""
        needed = ".".join(map(str, OLDEST))
        if not shutil.which("terraform"):
            raise Refused(f"terraform is not on the PATH: install Terraform {needed} or newer")
        version = json.loads(self.ask("version", "-json"))["terraform_version"]
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
            raise Refused(f"Terraform {version} is too old: {needed} or newer is needed")

    def check_files(self, tests: bool = True) -> None:
        """Check the files, without an account."""
        self.run("fmt", "-check", "-recursive", "-diff")
        self.ask("init", "-input=false", "-backend=false")
        self.run("validate")
        if tests:
            self.run("test")

    def needed(self, name: str, likely: str) -> str:
        """Return a setting that has to be written, such as the region."""
        value = self.setting(name)
        if not value:
            raise Refused(f'no {name} is set: write {name} = "{likely}" into {self.settings}')
        return value

    def region(self) -> str:
        """Return AWS's region of the settings."""
        return self.needed(
            "region", os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-central-1"
        )

    def setting(self, name: str) -> str | None:
        """Return a setting as Terraform reads it: from a `.tfvars` file, the environment, or its default."""
        for file in [*sorted(self.folder.glob("*.auto.tfvars"), reverse=True), self.folder / "terraform.tfvars"]:
            if file.exists():
                found = re.search(rf'(?m)^\s*{name}\s*=\s*"?([^"#\s]+)', file.read_text(encoding="utf-8"))
                if found:
                    return found[1]
        if f"TF_VAR_{name}" in os.environ:
            return os.environ[f"TF_VAR_{name}"]
        variables = self.folder / "variables.tf"
        text = variables.read_text(encoding="utf-8") if variables.exists() else ""
        declared = re.search(rf'(?ms)^variable "{name}" \{{.*?^\}}', text)
        default = re.search(r'(?m)^  default +?= "(.*)"$', declared[0]) if declared else None
        return default[1] if default else None

    def outputs(self) -> dict[str, Any]:
        """Return the outputs by name, without those that are null."""
        return {name: output["value"] for name, output in json.loads(self.ask("output", "-json")).items()}

    def state(self) -> dict[str, Any]:
        """Return the state; empty where nothing was made."""
        state: dict[str, Any] = json.loads(self.ask("state", "pull") or "{}")  # `show` loads all the provider knows
        return state

    def run(self, *words: str) -> None:
        """Run Terraform for everybody to see; when it fails, say why in one sentence after what it said itself."""
        plain = [] if sys.stdout.isatty() else ["-no-color"]
        process = subprocess.Popen(
            ["terraform", f"-chdir={self.folder}", words[0], *plain, *words[1:]],
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        said = []
        try:
            for line in process.stderr or ():
                sys.stderr.write(line)
                said.append(line)
        finally:
            process.wait()  # after Ctrl-C, too: Terraform has heard it and writes down what it has made
        if process.returncode:
            raise Refused(self.explained(words[0], "".join(said)))

    def ask(self, *words: str) -> str:
        """Return what Terraform prints."""
        command = ["terraform", f"-chdir={self.folder}", *words]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise Refused(self.explained(words[0], done.stderr))
        return done.stdout

    def explained(self, word: str, said: str) -> str:
        """Return the sentence for what Terraform said."""
        plain = re.sub(r"(?m)^[│╷╵] ?", "", re.sub(r"\x1b\[[0-9;]*m", "", said))
        for pattern, sentence in self.faults:
            found = re.search(pattern, plain)
            if found:
                return sentence.format(*found.groups())
        return f"terraform {word} did not go through; what it said stands above"


# ------------------------------------------------------------------------------------------------ programs and people


def run_main(main: Callable[[], None]) -> None:
    """Run a script; what stops it is one sentence, and its exit code 1, or 130 after Ctrl-C."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # lines of Terraform's come between
    try:
        main()
    except Refused as reason:
        sys.exit(str(reason))
    except AWS_ERRORS as error:
        sys.exit(f"AWS did not do what was asked for: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


def check_somebody(auto: bool, command: str) -> None:
    """See that there is somebody to ask."""
    if not auto and not sys.stdin.isatty():
        raise Refused(f"nobody is here to say yes: {command} does not ask")


def call(words: list[str], cwd: Path, given: str | None = None) -> None:
    """Run a program for everybody to see; `given` is what it reads."""
    try:
        done = subprocess.run(words, cwd=cwd, input=given, text=True)
    except OSError as error:
        raise Refused(f"{words[0]} cannot be run: {error}") from None
    if done.returncode:
        raise Refused(f"{shlex.join(words)} did not go through; what it said stands above")


def find_engine() -> str:
    """Return the program that builds images."""
    engine = os.environ.get("ENGINE") or shutil.which("docker") or shutil.which("podman")
    if not engine:
        raise Refused("neither docker nor podman is installed, and one of them builds images")
    return engine


def build_arguments(*names: str) -> list[str]:
    """Return what the environment says of an image, such as EXTRAS=lambda,parquet, as arguments of its build."""
    given = [(name, os.environ.get(name)) for name in names]
    return [word for name, value in given if value for word in ("--build-arg", f"{name}={value}")]


# ------------------------------------------------------------------------------------------------ names of images


def content_tag(project: Path, files: Iterable[str], settings: Any) -> str:
    """Return a tag that is the same for the same files and settings."""
    found = hashlib.sha256(json.dumps(settings).encode())
    for name in files:
        path = project / name
        for file in [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file()):
            if "__pycache__" not in file.parts and not file.name.startswith(".env"):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                found.update(f"{file.relative_to(project).as_posix()} {content}\n".encode())
    return f"serve-{found.hexdigest()[:16]}"


def find_version(project: Path, files: Iterable[str]) -> str:
    """Return the version as which this commit's model was registered, or one that is made of the model's content.

    Parameters
    ----------
    project : the project's folder, with a model in models/package.
    files : what the service is made from; if they are not as committed, the model is no registered one.
    """
    status = ["git", "status", "--porcelain", "--", "dvc.lock", *files]
    changed = subprocess.run(status, cwd=project, capture_output=True, text=True)
    tags = ["git", "tag", "--points-at", "HEAD", "--list", "model@*", "--sort", "version:refname"]
    listed = subprocess.run(tags, cwd=project, capture_output=True, text=True)
    if changed.returncode == 0 and not changed.stdout and listed.stdout.split():
        return listed.stdout.split()[-1].removeprefix("model@")
    manifest = project / "models" / "package" / "manifest.json"
    return f"model-{hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]}"


# ------------------------------------------------------------------------------------------------ AWS


def client(service: str, region: str) -> Any:
    """Return botocore's client for a service of AWS."""
    return botocore.session.get_session().create_client(service, region_name=region)


def check_credentials(region: str) -> str:
    """See that AWS knows who asks, and say whom it knows; return the account's number."""
    try:
        caller = client("sts", region).get_caller_identity()
    except AWS_ERRORS as error:
        raise Refused(
            f"AWS does not take the credentials ({error}): log in with `aws configure` or `aws sso login`, "
            "or set AWS_PROFILE to a profile that works"
        ) from None
    print(f"account {caller['Account']} as {caller['Arn'].rpartition(':')[2]}, {region}")
    return str(caller["Account"])


def log_in(engine: str, ecr: Any, host: str, cwd: Path) -> None:
    """Let docker or podman push to a registry in ECR."""
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    call([engine, "login", "--username", user, "--password-stdin", host], cwd, password)


def empty_registry(ecr: Any, name: str) -> None:
    """Delete every image; one that others are part of goes before those."""
    while images := ecr.list_images(repositoryName=name, maxResults=100)["imageIds"]:
        done = ecr.batch_delete_image(repositoryName=name, imageIds=images)
        if not done["imageIds"]:
            raise Refused(f"images in the registry {name} cannot be deleted ({done['failures'][0]['failureReason']})")


def tell_variables(repository: str, values: Mapping[str, str]) -> None:
    """Print the commands that set the variables of CI.

    Parameters
    ----------
    repository : str
        The repository at GitHub, such as ada/shop.
    values : mapping
        The variables.
    """
    print("CI: its variables are set by these commands:")
    for name, value in values.items():
        print(f"  {shlex.join(['gh', 'variable', 'set', '--repo', repository, name, '--body', value])}")
