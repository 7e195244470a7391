"""A stand-in for Terraform's provider `iterative`, written with the package `tf`, which an environment of its own holds.

Its resource `iterative_task` takes the arguments that TPI's documentation of version 0.11 names, and no others. A machine is
a folder below MACHINES, in which nothing is set that the task does not say; MACHINE_VENV is the Python that its image would
have. It proves nothing of what clouds do.
"""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tf.blocks import SetNestedBlock
from tf.iface import Provider, Resource
from tf.runner import run_provider
from tf.schema import Attribute, Block, Schema
from tf.types import Bool, List, Map, Number, String

ROOT = Path(os.environ["MACHINES"])
TEXTS = ("region", "machine", "image", "permission_set", "name")
GIVEN = [
    Attribute("cloud", String(), required=True, requires_replace=True),
    Attribute("script", String(), required=True, requires_replace=True),
    *(Attribute(name, String(), optional=True, requires_replace=True) for name in TEXTS),
    *(Attribute(name, Number(), optional=True) for name in ("disk_size", "spot", "parallelism", "timeout")),
    *(Attribute(name, Map(String()), optional=True) for name in ("environment", "tags")),
]
TOLD = [
    *(Attribute(name, String(), computed=True) for name in ("id", "ssh_public_key", "ssh_private_key")),
    *(Attribute(name, List(String()), computed=True) for name in ("addresses", "events", "logs")),
    Attribute("status", Map(Number()), computed=True),
]
STORAGE = [
    *(Attribute(name, String(), optional=True) for name in ("workdir", "output", "container")),
    Attribute("exclude", List(String()), optional=True),
]


class Task(Resource):
    def __init__(self, provider):
        self.provider = provider

    @classmethod
    def get_name(cls):
        return "task"

    @classmethod
    def get_schema(cls):
        return Schema(attributes=GIVEN + TOLD, block_types=[SetNestedBlock("storage", Block(attributes=STORAGE))])

    def create(self, ctx, planned):
        if planned["cloud"] not in ("aws", "gcp", "az", "k8s"):
            ctx.diagnostics.add_error("unknown cloud", planned["cloud"])
            return None
        if os.environ.get("MACHINE_QUOTA") == "exceeded":
            ctx.diagnostics.add_error("VcpuLimitExceeded", "You have requested more vCPU capacity than your limit")
            return None
        identifier = f"tpi-job-{secrets.token_hex(4)}"
        machine = ROOT / identifier
        (machine / "home").mkdir(parents=True)
        shutil.copytree(storage(planned)["workdir"], machine / "directory")
        script = machine / "script"
        script.write_text(planned["script"])
        script.chmod(0o755)
        given = {name: text or os.environ.get(name, "") for name, text in (planned["environment"] or {}).items()}
        plain = {"HOME": str(machine / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        plain |= {"PROJECT_VENV": os.environ["MACHINE_VENV"]}
        command = f"timeout {int(planned['timeout'])} {script} > ../log 2>&1; echo $? > ../code"
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=machine / "directory",
            env=plain | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        (machine / "pid").write_text(str(process.pid))
        return told(planned | {"id": identifier, "ssh_public_key": "", "ssh_private_key": ""})

    def read(self, ctx, current):
        return told(current)

    def update(self, ctx, current, planned):
        return told(planned)

    def delete(self, ctx, current):
        machine = ROOT / current["id"]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((machine / "pid").read_text()), signal.SIGKILL)
        place = storage(current)
        output = machine / "directory" / place["output"]
        if place["output"] and output.is_dir():
            shutil.copytree(output, Path(place["workdir"]) / place["output"], dirs_exist_ok=True)
        shutil.rmtree(machine)
        return None


def storage(state):
    return {"output": "", **{key: value for key, value in state["storage"][0].items() if value}}


def told(state):
    """The state with what is read-only in it."""
    machine = ROOT / state["id"]
    code = (machine / "code").read_text().strip() if (machine / "code").exists() else None
    status = {"running": 1} if code is None else {"succeeded": 1} if code == "0" else {"failed": 1}
    log = (machine / "log").read_text() if (machine / "log").exists() else ""
    return state | {"status": status, "logs": [log], "addresses": [], "events": []}


class Iterative(Provider):
    def get_model_prefix(self):
        return "iterative_"

    def get_provider_schema(self, diags):
        return Schema(attributes=[Attribute("unused", Bool(), optional=True)])

    def full_name(self):
        return "registry.terraform.io/iterative/iterative"

    def validate_config(self, diags, config):
        pass

    def configure_provider(self, diags, config):
        pass

    def get_data_sources(self):
        return []

    def get_resources(self):
        return [Task]

    def new_resource(self, kind):
        return kind(self)


if __name__ == "__main__":
    run_provider(Iterative(), sys.argv)
