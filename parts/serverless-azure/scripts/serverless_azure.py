"""Serve the model by Azure Functions: make the app with Terraform, release a model to it, roll back, destroy it.

`make deploy-azure`, `deploy-azure-plan`, `deploy-azure-check` and `deploy-azure-destroy` call it, and CI calls
`release`. It needs Terraform (but for `release`), docker or podman, and Azure's program `az`.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cloud import (
    Refused,
    Terraform,
    build_arguments,
    call,
    check_somebody,
    content_tag,
    find_engine,
    find_version,
    run_main,
    tell_variables,
)

PROJECT = Path(__file__).resolve().parent.parent
SETTINGS = "infra/azure-functions/serverless.auto.tfvars"
FAULTS = (
    (
        r"AuthorizationFailed[\s\S]*?action '([\w./]+)'",
        "these credentials may not do {0}, which the function app needs",
    ),
    (
        r"(?:StorageAccountAlreadyTaken|AlreadyExists|is already in use)",
        f"a name is taken in Azure already: write another project into {SETTINGS}",
    ),
    (
        r"SkuNotAvailable|quota",
        f"the subscription may not run this plan there: write another sku or location into {SETTINGS}",
    ),
)
TERRAFORM = Terraform(PROJECT, "infra/azure-functions", SETTINGS, FAULTS)
# What the image is made from: the same files give the same tag, and are built once.
IMAGE_FILES = (
    "Dockerfile.azure",
    "infra/azure-functions/function_app.py",
    "infra/azure-functions/host.json",
    "models/package",
    "params",
    "pyproject.toml",
    "scripts/requirements.py",
    "src",
)


def main(words: list[str] | None = None) -> None:
    """Do what one of the targets asks for."""
    parser = argparse.ArgumentParser(prog="serverless_azure", description="The model by Azure Functions.")
    parser.add_argument("command", choices=["up", "plan", "check", "release", "rollback", "down"])
    parser.add_argument("--auto", action="store_true", help="ask for nothing")
    parser.add_argument("--version", help="the version of the model that rollback brings back, such as v1.0.0")
    given = parser.parse_args(words)
    if given.command == "release":
        release_from_ci()
        return
    TERRAFORM.check()
    if given.command == "check":
        TERRAFORM.check_files(tests=False)
        return
    subscription = TERRAFORM.needed("subscription_id", "00000000-0000-0000-0000-000000000000")
    TERRAFORM.needed("location", "westeurope")
    check_subscription(subscription)
    if given.command in ("up", "down"):
        check_somebody(given.auto, f"AUTO=1 make {'deploy-azure' if given.command == 'up' else 'deploy-azure-destroy'}")
    print("Terraform gets ready; the first time it downloads Azure's provider, which takes a while ...")
    TERRAFORM.ask("init", "-input=false")
    made = TERRAFORM.outputs()
    if made.get("subscription", subscription) != subscription:
        raise Refused(f"the function app is in the subscription {made['subscription']}: go there, or destroy it first")
    if given.command == "down":
        down(given.auto)
    elif given.command == "rollback":
        roll_back(made, given.version)
    else:
        deploy(made, given.auto, only_plan=given.command == "plan")


def deploy(made: dict[str, Any], auto: bool, only_plan: bool) -> None:
    """Make the function app as the settings say, or change it, and release the model of the last run to it."""
    if not (PROJECT / "models" / "package" / "manifest.json").exists():
        raise Refused("there is no model to deploy yet: make run makes models/package")
    tag, model = image_tag(), find_version(PROJECT, IMAGE_FILES)
    values = ("-input=false", f"-var=image_tag={tag}", f"-var=model_version={model}")
    if not auto:  # otherwise `apply` shows what it does
        TERRAFORM.run("plan", *values)
    print(f"\nThe model {model} would be released as the image {tag}.")
    if only_plan:
        return
    if not auto and input("All of this will be done. Write yes to go on: ") != "yes":
        raise Refused("nothing was changed")
    if "registry" not in made:  # an app is made from an image that is there
        for target in ("azurerm_container_registry.this", "azurerm_role_assignment.pull"):
            TERRAFORM.run("apply", "-auto-approve", *values, f"-target={target}")
        state = {one["type"]: one["instances"][0]["attributes"] for one in TERRAFORM.state()["resources"]}
        registry = state["azurerm_container_registry"]
        made = {"registry": registry["name"], "image": f"{registry['login_server']}/serve"}
    push_image(made["registry"], made["image"], tag, model)
    TERRAFORM.run("apply", "-auto-approve", *values)
    made = TERRAFORM.outputs()
    release(made["group"], made["function"], f"{made['image']}:{tag}", model)
    print(f"\nThe service: {made['url']}")
    if made["access"] == "function":
        print("Requests to it have a key in x-functions-key; this prints one:")
        words = ["az", "functionapp", "keys", "list", "--resource-group", made["group"], "--name", made["function"]]
        print(f"  {shlex.join(words)}")
    tell_ci(made)


def down(auto: bool) -> None:
    """Destroy the function app with its registry of images."""
    if not TERRAFORM.state().get("resources"):
        print("there is no function app; make deploy-azure makes one")
        return
    if not auto:
        TERRAFORM.run("plan", "-destroy", "-input=false")
        if input("\nAll of this will be destroyed, with all images. Write yes to go on: ") != "yes":
            raise Refused("nothing was destroyed")
    TERRAFORM.run("destroy", "-auto-approve", "-input=false")
    print("The function app is gone. The variables of CI, if you set them, are yours to remove.")


def release_from_ci() -> None:
    """Release the model in models/package to the function app that the environment names, without Terraform."""
    names = ("AZURE_SERVE_GROUP", "AZURE_SERVE_FUNCTION", "AZURE_SERVE_REGISTRY", "AZURE_SERVE_IMAGE")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise Refused(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} needed; see make deploy-azure")
    group, function, registry, image = (os.environ[name] for name in names)
    tag, model = image_tag(), find_version(PROJECT, IMAGE_FILES)
    push_image(registry, image, tag, model)
    release(group, function, f"{image}:{tag}", model)


def release(group: str, function: str, image: str, model: str) -> None:
    """Let the function app run this image, and say which model it has in its setting MODEL_VERSION."""
    app = ["--resource-group", group, "--name", function, "--output", "none"]
    azure("functionapp", "config", "appsettings", "set", *app, "--settings", f"MODEL_VERSION={model}")
    azure("functionapp", "config", "container", "set", *app, "--image", image)
    print(f"released: the function app {function} runs {image.rpartition('/')[2]}, the model {model}")


def roll_back(made: dict[str, Any], model: str | None) -> None:
    """Let the function app run the image of a model that was released before; nothing is built."""
    if "function" not in made:
        raise Refused("there is no function app; make deploy-azure makes one")
    tags = json.loads(azure("acr", "repository", "show-tags", "--name", made["registry"], "--repository", "serve"))
    if model is None or tag_of(model) not in tags:
        known = sorted({tag for tag in tags if not re.fullmatch("serve-[0-9a-f]{16}", tag)})
        raise Refused(f"no model {model} was released; there are: {', '.join(known) or 'none'}")
    release(made["group"], made["function"], f"{made['image']}:{tag_of(model)}", model)


def push_image(registry: str, image: str, tag: str, model: str) -> None:
    """Have the image in the registry, with a second tag that names its model; it is built if it is not there."""
    engine = find_engine()
    azure("acr", "login", "--name", registry)
    if has_tag(registry, tag):
        print(f"image: {tag} is in the registry already")
        call([engine, "pull", f"{image}:{tag}"], PROJECT)
    else:
        ignore = ("--ignorefile", "Dockerfile.azure.dockerignore") if Path(engine).name == "podman" else ()
        options = ["--file", "Dockerfile.azure", "--platform", "linux/amd64", *ignore, *arguments()]
        call([engine, "build", *options, "--tag", f"{image}:{tag}", "."], PROJECT)
        call([engine, "push", f"{image}:{tag}"], PROJECT)
    call([engine, "tag", f"{image}:{tag}", f"{image}:{tag_of(model)}"], PROJECT)
    call([engine, "push", f"{image}:{tag_of(model)}"], PROJECT)


def has_tag(registry: str, tag: str) -> bool:
    """Whether the registry has an image with this tag."""
    listed = azure("acr", "repository", "list", "--name", registry, "--output", "json")
    if "serve" not in json.loads(listed):
        return False
    return tag in json.loads(azure("acr", "repository", "show-tags", "--name", registry, "--repository", "serve"))


def image_tag() -> str:
    """Return a tag that is the same for the same files and settings."""
    return content_tag(PROJECT, IMAGE_FILES, arguments())


def tag_of(model: str) -> str:
    """Return the tag of a model's image; a version may have a + in it, and a tag may not."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", model)


def arguments() -> list[str]:
    """Return what the environment says of the image: EXTRAS=azure,parquet and FUNCTIONS_IMAGE."""
    return build_arguments("EXTRAS", "FUNCTIONS_IMAGE")


def check_subscription(subscription: str) -> None:
    """See that Azure knows who asks, and say whom it knows."""
    words = ("account", "show", "--subscription", subscription, "--output", "json")
    try:
        found = json.loads(azure(*words))
    except Refused as error:
        if "not installed" in str(error):
            raise
        raise Refused(
            f"Azure does not let you into the subscription {subscription}: log in with `az login`, or write another "
            f"subscription_id into {SETTINGS}"
        ) from None
    print(f"subscription {found['name']} as {found['user']['name']}")


def tell_ci(made: dict[str, Any]) -> None:
    """Print the commands that set the variables with which CI releases a model."""
    if "release_client" not in made:
        print("CI: it may not release a model, because github_repository is not set")
        return
    values = {
        "AZURE_SUBSCRIPTION_ID": made["subscription"],
        "AZURE_TENANT_ID": made["tenant"],
        "AZURE_SERVE_CLIENT_ID": made["release_client"],
        "AZURE_SERVE_GROUP": made["group"],
        "AZURE_SERVE_FUNCTION": made["function"],
        "AZURE_SERVE_REGISTRY": made["registry"],
        "AZURE_SERVE_IMAGE": made["image"],
    }
    if os.environ.get("EXTRAS"):
        values["AZURE_SERVE_EXTRAS"] = os.environ["EXTRAS"]
    tell_variables(made["github_repository"], values)


def azure(*words: str) -> str:
    """Run Azure's program and return what it prints."""
    program = shutil.which("az")
    if not program:
        raise Refused("az is not installed, Azure's own program: https://aka.ms/azure-cli says how to get it")
    done = subprocess.run([program, *words], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        why = next((line for line in done.stderr.splitlines() if "ERROR" in line), done.stderr.strip())
        raise Refused(f"az {shlex.join(words[:4])} failed: {why}")
    return done.stdout


if __name__ == "__main__":
    run_main(main)
