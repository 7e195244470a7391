"""Make and unmake the sandbox in AWS with Terraform, and hand what it gives to DVC and to CI.

`make sandbox-up`, `sandbox-plan`, `sandbox-status`, `sandbox-image`, `sandbox-down` and `sandbox-test` call it. It
needs Terraform on the PATH, and botocore, which DVC's package for S3 brings.
"""

import argparse
import configparser
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from botocore.exceptions import ClientError
except ImportError:
    sys.exit("botocore is not installed, which comes with dvc-s3: write that into pyproject.toml, and make setup")
from cloud import (
    Refused,
    Terraform,
    call,
    check_credentials,
    check_somebody,
    client,
    empty_registry,
    find_engine,
    log_in,
    run_main,
)

# Only a project with runs on other machines has this script.
runs = importlib.import_module("sandbox_runs") if importlib.util.find_spec("sandbox_runs") else None

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "infra" / "aws-sandbox"
SETTINGS = "infra/aws-sandbox/sandbox.auto.tfvars"
# Written by this script while Terraform's state is in S3; it is to be committed.
BACKEND = FOLDER / "backend.tf"
REMOTE = "storage"
# What the image to train in is made from: the same files give the same tag, in scripts/ci/train_image.sh as well.
IMAGE_FILES = ("Dockerfile", "pyproject.toml", "scripts/requirements.py")

# What Terraform says when something common is in the way, and what is to be done, with the groups of the pattern in it.
FAULTS = (
    (
        r"Error acquiring the state lock[\s\S]*?Lock Info:\s+ID:\s+(\S+)[\s\S]*?Who:\s+(\S+)",
        "the state is locked by {1}: wait for that to end, or, if nothing runs there any more, "
        "terraform -chdir=infra/aws-sandbox force-unlock {0}",
    ),
    (
        r"creating IAM OIDC Provider[\s\S]*?EntityAlreadyExists[\s\S]*?with module\.(\w+)",
        "the account has an OIDC provider of {0} already, and it can have only one: write its ARN, which "
        f"`aws iam list-open-id-connect-providers` shows, as {{0}}_provider_arn into {SETTINGS}",
    ),
    (
        r"BucketAlreadyExists",
        f"the bucket's name is taken by another account: write another project into {SETTINGS}",
    ),
    (
        r"BucketAlreadyOwnedByYou|EntityAlreadyExists|RepositoryAlreadyExists|DuplicateRecord",
        "something of this name is in the account already, and the state here does not know it: work where that "
        f"sandbox was made, or write another project into {SETTINGS}",
    ),
    (
        r"BucketNotEmpty|RepositoryNotEmpty",
        "something was put into the bucket or the registry in the meantime, and it was kept: "
        "EMPTY=1 make sandbox-down destroys them with what is in them",
    ),
    (r"not authorized to perform:\s+([\w:]+)", "these credentials may not do {0}, which the sandbox needs"),
    (r"AccessDenied|UnauthorizedOperation", "these credentials may not do what the sandbox needs"),
)
TERRAFORM = Terraform(PROJECT, "infra/aws-sandbox", SETTINGS, FAULTS)
terraform, asked, setting = TERRAFORM.run, TERRAFORM.ask, TERRAFORM.setting
explained, made_outputs = TERRAFORM.explained, TERRAFORM.outputs


def main(words: list[str] | None = None) -> None:
    """Do what one of the targets asks for."""
    parser = argparse.ArgumentParser(prog="sandbox", description="The sandbox in AWS.")
    parser.add_argument("command", choices=["up", "plan", "status", "image", "down", "test"])
    parser.add_argument("--auto", action="store_true", help="ask for nothing")
    parser.add_argument("--push", action="store_true", help="write the variables to GitHub")
    parser.add_argument("--empty", action="store_true", help="destroy what is in the bucket and the registry, too")
    given = parser.parse_args(words)
    TERRAFORM.check()
    if given.command == "test":
        TERRAFORM.check_files()
        return
    region = TERRAFORM.region()
    account = check_credentials(region)
    if given.command in ("up", "down"):
        check_somebody(given.auto, f"AUTO=1 make sandbox-{given.command}")
    print("Terraform gets ready; the first time it downloads AWS's provider, which takes a while ...")
    asked("init", "-input=false")
    check_place(account, region)
    if given.command == "up":
        up(region, given.auto, given.push)
    elif given.command == "down":
        down(region, given.auto, given.empty)
    elif given.command == "image":
        push_image(region)
    elif given.command == "plan":
        terraform("plan", "-input=false")
    else:
        status(region)


def up(region: str, auto: bool, push: bool) -> None:
    """Make the sandbox as the settings say, and hand its addresses on."""
    if BACKEND.exists() and setting("state_in_s3") != "true":
        take_state_home(region)
    terraform("apply", *(["-auto-approve", "-input=false"] if auto else []))
    outputs = made_outputs()
    if "state_bucket" in outputs and not BACKEND.exists():
        send_state_away(outputs["state_bucket"], region)
    print()
    connect_dvc(outputs["dvc_remote"], region)
    if runs:
        runs.connect(outputs)
    tell_ci(outputs, push)
    if "budget" not in outputs:
        print("budget: there is none, because budget_email is not set; nobody is told about costs")


def down(region: str, auto: bool, empty: bool) -> None:
    """Destroy the sandbox; what is in the bucket or the registry stops it, unless it may be lost."""
    made = made_resources()
    if not made:
        print("there is no sandbox; make sandbox-up makes one")
        return
    bucket, registry = places(made)
    held = contents(bucket, registry, region)
    outputs = made_outputs()
    if held and not empty:
        raise Refused(
            f"{held} would be lost, so nothing was destroyed. Take home what you need (dvc fetch "
            "--all-commits), then EMPTY=1 make sandbox-down destroys everything with it, older versions included"
        )
    terraform("plan", "-destroy", "-input=false")
    lost = f", and {held} will be lost" if held else ""
    if not auto and input(f"\nAll of this will be destroyed{lost}. Write yes to go on: ") != "yes":
        raise Refused("nothing was destroyed")
    if BACKEND.exists():  # its bucket goes as well
        take_state_home(region)
    if held:
        if bucket:
            empty_bucket(bucket, region)
        if registry:
            empty_registry(client("ecr", region), registry)
    disconnect_dvc(outputs.get("dvc_remote"))
    if runs:
        runs.disconnect(outputs)
    terraform("destroy", "-auto-approve", "-input=false", "-refresh=false")  # the plan has just looked
    print("The sandbox is gone. The variables of CI, if you set them, are yours to remove.")


def status(region: str) -> None:
    """Print what there is."""
    made = made_resources()
    if not made:
        print("there is no sandbox; make sandbox-up makes one")
        return
    for name, value in made_outputs().items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, one in parts:
            print(f"{name} {part}".ljust(26), one)
    print("held".ljust(26), contents(*places(made), region) or "nothing")


def check_place(account: str, region: str) -> None:
    """See that the sandbox, if there is one, is where the credentials and the settings point."""
    made = made_outputs()
    if made.get("account", account) != account:
        raise Refused(f"the sandbox is in the account {made['account']}, and these credentials are of {account}")
    if made.get("region", region) != region:
        raise Refused(f"the sandbox is in {made['region']}: write that region into {SETTINGS}, or destroy it first")


def send_state_away(bucket: str, region: str) -> None:
    """Move the state from this folder into its bucket."""
    BACKEND.write_text(
        "# Written by `make sandbox-up`, because state_in_s3 is true. Commit it.\n"
        'terraform {\n  backend "s3" {\n'
        f'    bucket       = "{bucket}"\n    key          = "aws-sandbox/terraform.tfstate"\n'
        f'    region       = "{region}"\n    encrypt      = true\n    use_lockfile = true\n  }}\n}}\n',
        encoding="utf-8",
    )
    try:
        asked("init", "-input=false", "-migrate-state", "-force-copy")
    except Refused:
        BACKEND.unlink()
        raise
    print(f"state: it is in s3://{bucket} now; commit {BACKEND.relative_to(PROJECT)}")


def take_state_home(region: str) -> None:
    """Move the state from its bucket into this folder, and empty the bucket, which is destroyed next."""
    text = BACKEND.read_text(encoding="utf-8")
    bucket = re.findall(r'bucket\s*= "(.*)"', text)[0]
    check_own_state(bucket, region)
    BACKEND.unlink()
    try:
        asked("init", "-input=false", "-migrate-state", "-force-copy")
    except Refused:
        BACKEND.write_text(text, encoding="utf-8")
        raise
    empty_bucket(bucket, region)
    print(f"state: it is in this folder again; {BACKEND.relative_to(PROJECT)} is gone, commit that")


def check_own_state(bucket: str, region: str) -> None:
    """See that nothing else has its state in the bucket, which is emptied next."""
    pages = client("s3", region).get_paginator("list_objects_v2").paginate(Bucket=bucket)
    others = [
        one["Key"] for page in pages for one in page.get("Contents", []) if not one["Key"].startswith("aws-sandbox/")
    ]
    if others:
        raise Refused(
            f"the bucket {bucket} holds another state, too ({others[0]}): destroy what that is of, or move it"
        )


def made_resources() -> dict[str, dict[str, Any]]:
    """What Terraform has made as far as the state knows, by its address without a number."""
    made = {}
    for one in TERRAFORM.state().get("resources", []):
        if one["mode"] == "managed" and one["instances"]:
            address = f"{one.get('module', '')}.{one['type']}.{one['name']}"
            made[address.lstrip(".")] = one["instances"][0]["attributes"]
    return made


def places(made: dict[str, dict[str, Any]]) -> tuple[str | None, str | None]:
    """The names of the bucket for data and of the registry, as far as they are made."""
    bucket = made.get("module.data.aws_s3_bucket.this", {}).get("bucket")
    return bucket, made.get("module.images.aws_ecr_repository.this", {}).get("name")


def contents(bucket: str | None, registry: str | None, region: str) -> str:
    """What the bucket and the registry hold, in words; empty if that is nothing."""
    said = []
    try:
        if bucket:
            pages = client("s3", region).get_paginator("list_object_versions").paginate(Bucket=bucket)
            versions = [one for page in pages for key in ("Versions", "DeleteMarkers") for one in page.get(key, [])]
            current = sum(one["IsLatest"] and "Size" in one for one in versions)
            if versions:
                said.append(f"{number(current, 'object')} ({number(len(versions), 'version')}) in the bucket {bucket}")
        if registry:
            pages = client("ecr", region).get_paginator("list_images").paginate(repositoryName=registry)
            images = sum(len(page["imageIds"]) for page in pages)
            if images:
                said.append(f"{number(images, 'image')} in the registry {registry}")
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("NoSuchBucket", "RepositoryNotFoundException"):
            raise
    return " and ".join(said)


def empty_bucket(bucket: str, region: str) -> None:
    """Delete every version of every object."""
    s3 = client("s3", region)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for one in page.get(kind, [])
        ]
        if versions:
            failed = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True}).get("Errors")
            if failed:
                raise Refused(f"{failed[0]['Key']} in {bucket} cannot be deleted ({failed[0]['Code']})")


def number(count: int, word: str) -> str:
    """A count of things: 1 object, 2 objects."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def connect_dvc(url: str, region: str) -> None:
    """Make the bucket DVC's default remote, unless there is another one."""
    remotes, default = dvc_remotes()
    if remotes is None:
        print(f"DVC: it is not set up here; make setup does that, and then: dvc remote add -d {REMOTE} {url}")
    elif default not in (None, REMOTE) or remotes.get(REMOTE, url) != url:
        kept = default or REMOTE
        print(f"DVC: its remote stays {kept} ({remotes.get(kept)}), and the sandbox's is another one; to take that:")
        print(f"  dvc remote add --force --default {REMOTE} {url} && dvc remote modify {REMOTE} region {region}")
    else:
        if REMOTE not in remotes:
            dvc("remote", "add", REMOTE, url)
            dvc("remote", "modify", REMOTE, "verify", "true")
        dvc("remote", "default", REMOTE)
        dvc("remote", "modify", REMOTE, "region", region)
        print(f"DVC: its remote is {REMOTE}, {url}; commit .dvc/config")


def disconnect_dvc(url: str | None) -> None:
    """Take the remote away that is in the bucket."""
    remotes, _ = dvc_remotes()
    if remotes and url and remotes.get(REMOTE) == url:
        dvc("remote", "remove", REMOTE)
        print(f"DVC: its remote {REMOTE} is gone with the bucket; commit .dvc/config")


def push_image(region: str) -> None:
    """Have the image to train in in the sandbox's registry; it is built if it is not there."""
    made = made_outputs()
    if "image" not in made:
        raise Refused("there is no sandbox; make sandbox-up makes one")
    files = b"".join((PROJECT / name).read_bytes() for name in IMAGE_FILES)
    tag = f"train-{hashlib.sha256(files).hexdigest()[:16]}"
    name = f"{made['image']}:{tag}"
    ecr = client("ecr", region)
    pages = ecr.get_paginator("list_images").paginate(repositoryName=made["registry"])
    if any(one.get("imageTag") == tag for page in pages for one in page["imageIds"]):
        print(f"image: {name} is there already")
    else:
        engine = find_engine()
        local = re.findall(r"(?m)^IMAGE := (.*)$", (PROJECT / "make" / "container.mk").read_text(encoding="utf-8"))[0]
        call(["make", "image", "STAGE=train", f"ENGINE={engine}"], PROJECT)
        log_in(engine, ecr, made["image"].partition("/")[0], PROJECT)
        call([engine, "tag", f"{local}:train", name], PROJECT)
        call([engine, "push", name], PROJECT)
        print(f"image: {name} is in the registry")
    if runs:
        runs.take_image(name)


def dvc_remotes() -> tuple[dict[str, str] | None, str | None]:
    """The addresses of DVC's remotes by name, and the default one's name; None where DVC is not set up."""
    path = PROJECT / ".dvc" / "config"
    if not path.exists():
        return None, None
    config = configparser.ConfigParser(interpolation=None)
    config.read(path, encoding="utf-8")
    remotes = {}
    for section in config.sections():
        found = re.fullmatch(r"'?remote \"(.*)\"'?", section)
        if found:
            remotes[found[1]] = config[section].get("url", "")
    return remotes, config.get("core", "remote", fallback=None)


def dvc(*words: str) -> None:
    """Run DVC."""
    program = shutil.which("dvc", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if not program:
        raise Refused(f"DVC is not installed: make setup, and then: dvc {shlex.join(words)}")
    done = subprocess.run([program, *words, "--quiet"], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"dvc {shlex.join(words)}: it failed ({done.stderr.strip()})")


def tell_ci(outputs: dict[str, Any], push: bool) -> None:
    """Set the variables that workflows read, or say with which commands."""
    for host in ("github", "gitlab"):
        if host not in outputs:
            continue
        roles = outputs[host]
        values = {
            "AWS_REGION": outputs["region"],
            "AWS_ROLE_ARN": roles["write"],
            "AWS_READ_ROLE_ARN": roles["read"],
            "AWS_IMAGE": outputs["image"],
            "AWS_RUNNER_PROFILE": outputs["runner"]["instance_profile"],
        }
        tool = {"github": "gh", "gitlab": "glab"}[host]
        option = {"github": ["--body"], "gitlab": []}[host]
        set_one = [tool, "variable", "set", "--repo", roles["repository"]]
        commands = [[*set_one, name, *option, value] for name, value in values.items()]
        if push and shutil.which(tool):
            for command in commands:
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise Refused(f"{shlex.join(command)}: it failed ({done.stderr.strip()})")
            print(f"CI: the variables {', '.join(values)} of {roles['repository']} are set")
        else:
            why = f"{tool} is not installed; " if push else ""
            print(f"CI: {why}its variables are set by these commands, which PUSH=1 make sandbox-up runs:")
            print("\n".join(f"  {shlex.join(command)}" for command in commands))
    if "github" not in outputs and "gitlab" not in outputs:
        print("CI: it may not use the sandbox, because neither github_repository nor gitlab_project is set")


if __name__ == "__main__":
    run_main(main)
