"""Serve the model as a function of AWS Lambda: make it with Terraform, release a model to it, roll back, destroy it.

`make deploy-aws`, `deploy-aws-plan`, `deploy-aws-check` and `deploy-aws-destroy` call it, and CI calls `release`. It
needs Terraform (but for `release`), docker or podman, and botocore.
"""

import argparse
import importlib.util
import os
import re
import sys
from pathlib import Path
from typing import Any

if not importlib.util.find_spec("botocore"):
    sys.exit("botocore is not installed, which is in the extra `train`: make setup")
from cloud import (
    Refused,
    Terraform,
    build_arguments,
    call,
    check_credentials,
    check_somebody,
    client,
    content_tag,
    empty_registry,
    find_engine,
    find_version,
    log_in,
    run_main,
    tell_variables,
)

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "infra" / "aws-serverless"
SETTINGS = "infra/aws-serverless/serverless.auto.tfvars"
# Where the state of a sandbox is, if it is in S3: then that of the function goes there, too.
SANDBOX = PROJECT / "infra" / "aws-sandbox" / "backend.tf"
BACKEND = FOLDER / "backend.tf"
LIVE = "live"
TERRAFORM = Terraform(PROJECT, "infra/aws-serverless", SETTINGS)
terraform, asked, outputs, setting = TERRAFORM.run, TERRAFORM.ask, TERRAFORM.outputs, TERRAFORM.setting
# What the image is made from: the same files give the same tag, and are built once.
IMAGE_FILES = (
    "Dockerfile.lambda",
    "models/package",
    "params",
    "pyproject.toml",
    "scripts/lambda_bundle.py",
    "scripts/requirements.py",
    "src",
)


def main(words: list[str] | None = None) -> None:
    """Do what one of the targets asks for."""
    parser = argparse.ArgumentParser(prog="serverless_aws", description="The model as a function of AWS Lambda.")
    parser.add_argument("command", choices=["up", "plan", "check", "release", "rollback", "down"])
    parser.add_argument("--auto", action="store_true", help="ask for nothing")
    parser.add_argument("--version", help="the version of the model that rollback brings back, such as v1.0.0")
    given = parser.parse_args(words)
    if given.command == "release":
        release_from_ci()
        return
    TERRAFORM.check()
    if given.command == "check":
        TERRAFORM.check_files()
        return
    region = TERRAFORM.region()
    account = check_credentials(region)
    if given.command in ("up", "down"):
        check_somebody(given.auto, f"AUTO=1 make {'deploy-aws' if given.command == 'up' else 'deploy-aws-destroy'}")
    share_state()
    print("Terraform gets ready; the first time it downloads AWS's provider, which takes a while ...")
    asked("init", "-input=false")
    made = outputs()
    if made.get("account", account) != account or made.get("region", region) != region:
        raise Refused(
            f"the function is in the account {made['account']} in {made['region']}: go there, or destroy it first"
        )
    if given.command == "down":
        down(region, made, given.auto)
    elif given.command == "rollback":
        roll_back(region, made, given.version)
    else:
        deploy(region, account, given.auto, only_plan=given.command == "plan")


def deploy(region: str, account: str, auto: bool, only_plan: bool) -> None:
    """Make the function as the settings say, or change it, and release the model of the last run to it."""
    if not (PROJECT / "models" / "package" / "manifest.json").exists():
        raise Refused("there is no model to deploy yet: make run makes models/package")
    registry = registry_address(account, region)
    tag = image_tag()
    image = f"{registry}:{tag}"
    if not auto:  # otherwise `apply` shows what it does
        terraform("plan", "-input=false", f"-var=image={image}")
    print(f"\nThe model {model_version()} would be released as the image {tag}.")
    if only_plan:
        return
    if not auto and input("All of this will be done. Write yes to go on: ") != "yes":
        raise Refused("nothing was changed")
    apply = ("apply", "-auto-approve", "-input=false", f"-var=image={image}")
    if "registry" not in outputs():
        terraform(*apply, "-target=module.images")  # a function is made from an image that is there
    push_image(region, image)
    terraform(*apply)
    made = outputs()
    release(client("lambda", region), made["function"], image, model_version(), again=True)
    print(f"\nThe service: {made['url']}")
    if made["access"] == "iam":
        print("Requests to it are signed by somebody whom IAM lets; the output callers_policy is what they need.")
    tell_ci(made)


def down(region: str, made: dict[str, Any], auto: bool) -> None:
    """Destroy the function with its registry of images."""
    if not TERRAFORM.state().get("resources"):
        print("there is no function; make deploy-aws makes one")
        return
    if not auto:
        terraform("plan", "-destroy", "-input=false")
        if input("\nAll of this will be destroyed, with all images. Write yes to go on: ") != "yes":
            raise Refused("nothing was destroyed")
    if "registry" in made:
        empty_registry(client("ecr", region), made["registry"].partition("/")[2])
    terraform("destroy", "-auto-approve", "-input=false")
    print("The function is gone. The variables of CI, if you set them, are yours to remove.")


def release_from_ci() -> None:
    """Release the model in models/package to the function that AWS_SERVE_FUNCTION names, without Terraform."""
    function, registry = os.environ.get("AWS_SERVE_FUNCTION"), os.environ.get("AWS_SERVE_IMAGE")
    region = os.environ.get("AWS_REGION")
    if not function or not registry or not region:
        raise Refused(
            "AWS_SERVE_FUNCTION, AWS_SERVE_IMAGE and AWS_REGION are needed; make deploy-aws says what they are"
        )
    image = f"{registry}:{image_tag()}"
    push_image(region, image)
    release(client("lambda", region), function, image, model_version())


def release(functions: Any, name: str, image: str, model: str, again: bool = False) -> None:
    """Let a version of the function with this image answer, and let the alias of the model name it.

    Parameters
    ----------
    functions : botocore's client for Lambda.
    name : the function's name.
    image : the image's address with its tag.
    model : the model's version.
    again : make a new version, with the settings of today, where one with this image is there already.
    """
    alias, about = alias_of(model), f"{model} {image.rpartition(':')[2]}"
    version = version_of(functions, name, alias)
    if again or version is None or about_version(functions, name, version) != about:
        if functions.get_function(FunctionName=name)["Code"]["ImageUri"] != image:
            functions.update_function_code(FunctionName=name, ImageUri=image)
        functions.get_waiter("function_updated_v2").wait(FunctionName=name)
        version = str(functions.publish_version(FunctionName=name, Description=about)["Version"])
        functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
        point(functions, name, alias, version)
    point(functions, name, LIVE, version)
    print(f"released: the model {model} is version {version} of the function {name}, and answers")


def roll_back(region: str, made: dict[str, Any], model: str | None) -> None:
    """Let the version of the function that has this model answer; nothing is built."""
    if "function" not in made:
        raise Refused("there is no function; make deploy-aws makes one")
    functions = client("lambda", region)
    version = version_of(functions, made["function"], alias_of(model or ""))
    if version is None:
        pages = functions.get_paginator("list_aliases").paginate(FunctionName=made["function"])
        known = [one["Name"] for page in pages for one in page["Aliases"] if one["Name"] != LIVE]
        raise Refused(f"no model {model} was released; there are: {', '.join(sorted(known)) or 'none'}")
    point(functions, made["function"], LIVE, version)
    print(f"the model {model}, version {version} of the function, answers")


def version_of(functions: Any, name: str, alias: str) -> str | None:
    """Return the version of the function that an alias names, or None if there is no such alias."""
    if not alias:
        return None
    try:
        return str(functions.get_alias(FunctionName=name, Name=alias)["FunctionVersion"])
    except functions.exceptions.ResourceNotFoundException:
        return None


def about_version(functions: Any, name: str, version: str) -> str:
    """Return the description of a version of the function: its model and the tag of its image."""
    return str(functions.get_function_configuration(FunctionName=name, Qualifier=version)["Description"])


def point(functions: Any, name: str, alias: str, version: str) -> None:
    """Let an alias name a version of the function; it is made if it is not there."""
    known = version_of(functions, name, alias)
    if known is None:
        functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)
    elif known != version:
        functions.update_alias(FunctionName=name, Name=alias, FunctionVersion=version)


def push_image(region: str, image: str) -> None:
    """Have the image in the registry; it is built if it is not there."""
    ecr = client("ecr", region)
    host, _, name = image.partition("/")
    repository, _, tag = name.partition(":")
    try:
        ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        print(f"image: {tag} is in the registry already")
        return
    except ecr.exceptions.ImageNotFoundException:
        pass
    engine = find_engine()
    # Lambda takes no image with a list of attestations beside it, which docker makes and podman does not.
    podman = ("--format", "docker", "--ignorefile", "Dockerfile.lambda.dockerignore")
    own = podman if Path(engine).name == "podman" else ("--provenance=false",)
    platform = {"arm64": "linux/arm64"}.get(setting("architecture") or "", "linux/amd64")
    options = ["--file", "Dockerfile.lambda", "--platform", platform, *own, *arguments()]
    call([engine, "build", *options, "--tag", image, "."], PROJECT)
    log_in(engine, ecr, host, PROJECT)
    call([engine, "push", image], PROJECT)


def arguments() -> list[str]:
    """Return what the environment says of the image: EXTRAS=lambda,parquet and PYTHON_IMAGE."""
    return build_arguments("EXTRAS", "PYTHON_IMAGE")


def image_tag() -> str:
    """Return a tag that is the same for the same files and settings."""
    return content_tag(PROJECT, IMAGE_FILES, [arguments(), setting("architecture")])


def model_version() -> str:
    """Return the version as which this commit's model was registered, or one that is made of the model's content."""
    return find_version(PROJECT, IMAGE_FILES)


def alias_of(model: str) -> str:
    """Return the name of a model's alias: v1.0.0 becomes v1-0-0, because names of aliases have no dots."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", model)


def registry_address(account: str, region: str) -> str:
    """Return the address of the registry, whether it is made yet or not."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/{setting('project')}-serve"


def share_state() -> None:
    """Keep the state beside that of the sandbox where that is in S3, unless it is somewhere already."""
    if SANDBOX.exists() and not BACKEND.exists() and not (FOLDER / "terraform.tfstate").exists():
        text = SANDBOX.read_text(encoding="utf-8").replace(
            "aws-sandbox/terraform.tfstate", "aws-serverless/terraform.tfstate"
        )
        text = re.sub(
            r"(?m)^#.*\n",
            "# Written by `make deploy-aws`: the state is beside that of the sandbox. Commit it.\n",
            text,
            count=1,
        )
        BACKEND.write_text(text, encoding="utf-8")
        print(f"state: it is beside that of the sandbox; commit {BACKEND.relative_to(PROJECT)}")


def tell_ci(made: dict[str, Any]) -> None:
    """Print the commands that set the variables with which CI releases a model."""
    if "release_role" not in made:
        print("CI: it may not release a model, because github_repository is not set")
        return
    values = {
        "AWS_REGION": made["region"],
        "AWS_SERVE_FUNCTION": made["function"],
        "AWS_SERVE_IMAGE": made["registry"],
        "AWS_SERVE_ROLE_ARN": made["release_role"],
    }
    if os.environ.get("EXTRAS"):
        values["AWS_SERVE_EXTRAS"] = os.environ["EXTRAS"]
    tell_variables(made["github_repository"], values)


if __name__ == "__main__":
    run_main(main)
