"""An emulated AWS on this machine's loopback, and real Terraform to talk to it."""

import json
import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from moto.budgets.responses import BudgetsResponse
from moto.server import ThreadedMotoServer

TERRAFORM = shutil.which("terraform")
PROVIDER = "registry.terraform.io/hashicorp/aws"
KEYS = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true"}
# What the emulator needs and AWS does not; it is laid over the stamped files, which stay as they are.
OVERRIDE = 'provider "aws" {\n  s3_use_path_style = true\n  skip_metadata_api_check = true\n  max_retries = 1\n}\n'
BACKEND = ("use_path_style=true", "skip_metadata_api_check=true", "max_retries=1")


def mirror() -> Path | None:
    """A folder with Terraform's provider for AWS in it."""
    named = os.environ.get("TERRAFORM_MIRROR")
    likely = [Path(named)] if named else []
    likely += [Path(top) / "share" / "terraform" / "plugins" for top in ("/usr", "/usr/local")]
    likely += [Path.home() / ".terraform.d" / "plugins", *sorted(Path("/opt").glob("*"))]
    return next((folder for folder in likely if (folder / PROVIDER).is_dir()), None)


def missing() -> str | None:
    """Why Terraform cannot be run here, or None if it can."""
    if not TERRAFORM:
        return "terraform is not on the PATH"
    if not mirror():
        return f"no folder holds {PROVIDER}; TERRAFORM_MIRROR may name one"
    return None


def settings(folder: Path) -> dict[str, str]:
    """The environment variables with which Terraform finds its provider in the mirror."""
    file = folder / "terraform.rc"
    file.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n')
    init = " ".join(f"-backend-config={one}" for one in BACKEND)
    return {
        "TF_CLI_CONFIG_FILE": str(file),
        "TF_CLI_ARGS_init": init,
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }


@contextmanager
def emulated() -> Iterator[str]:
    """The address of an AWS of the test's own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with mock.patch.multiple(BudgetsResponse, create=True, **_budgets()):
        server.start()
        address = "http://{}:{}".format(*server.get_host_and_port())
        try:
            # Emulators of one process are one account: what earlier tests left there goes.
            urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST")).close()
            yield address
        finally:
            server.stop()


@contextmanager
def enforced(address: str) -> Iterator[None]:
    """Policies count for a while, as they always do in AWS; otherwise the emulator lets everybody do everything."""

    def free_calls(number: str) -> None:
        request = urllib.request.Request(
            f"{address}/moto-api/reset-auth", number.encode(), {"Content-Type": "text/plain"}
        )
        urllib.request.urlopen(request).close()

    free_calls("0")
    try:
        yield
    finally:
        free_calls("inf")


def _budgets() -> dict[str, Any]:
    """What the emulator does not know of budgets: their tags, and who is told."""
    tags: dict[str, Any] = {}
    create = BudgetsResponse.create_budget

    def create_budget(self: Any) -> str:
        tags[self._get_param("Budget")["BudgetName"]] = self._get_param("ResourceTags")
        return create(self)

    def list_tags_for_resource(self: Any) -> str:
        return json.dumps({"ResourceTags": tags[self._get_param("ResourceARN").rpartition("/")[2]]})

    def describe_subscribers_for_notification(self: Any) -> str:
        budget = self.backend.budgets[self._get_param("AccountId")][self._get_param("BudgetName")]
        kind = self._get_param("Notification")["NotificationType"]
        found = [one.subscribers for one in budget.notifications if one.details["NotificationType"] == kind]
        return json.dumps({"Subscribers": found[0]})

    return {
        "create_budget": create_budget,
        "list_tags_for_resource": list_tags_for_resource,
        "describe_subscribers_for_notification": describe_subscribers_for_notification,
    }
