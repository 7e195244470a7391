"""A stand-in for SkyPilot's program `sky`, for a PATH: it takes the options of version 0.14 that are written here and no others.

A cluster is a folder below MACHINES with a home of its own, in which nothing is set that the task does not say; MACHINE_VENV
is the Python that its image would have. A task may have the keys that SkyPilot's own library was seen to take. It proves
nothing of what clouds do.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ["MACHINES"])
TASK = {"name", "resources", "workdir", "run"}
RESOURCES = {"infra", "instance_type", "accelerators", "disk_size", "use_spot", "labels", "autostop"}


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", allow_abbrev=False)
    check.add_argument("clouds", nargs="*")
    launch = commands.add_parser("launch", allow_abbrev=False)
    launch.add_argument("--yes", action="store_true")
    launch.add_argument("--detach-run", action="store_true")
    launch.add_argument("--cluster", required=True)
    launch.add_argument("--secret", action="append", default=[])
    launch.add_argument("--config", action="append", default=[])
    launch.add_argument("task")
    status = commands.add_parser("status", allow_abbrev=False)
    status.add_argument("--refresh", action="store_true")
    status.add_argument("clusters", nargs="*")
    for one in (check, status):
        one.add_argument("--output", choices=["table", "json"])
    logs = commands.add_parser("logs", allow_abbrev=False)
    logs.add_argument("--status", action="store_true")
    logs.add_argument("--no-follow", action="store_true")
    logs.add_argument("cluster")
    down = commands.add_parser("down", allow_abbrev=False)
    down.add_argument("--yes", action="store_true")
    down.add_argument("clusters", nargs="*")
    given = parser.parse_args()
    return {"check": _check, "launch": _launch, "status": _status, "logs": _logs, "down": _down}[given.command](given)


def _check(given: argparse.Namespace) -> int:
    enabled = {"AWS": ["compute", "storage"]} if os.environ.get("AWS_ACCESS_KEY_ID") else {}
    print(json.dumps({"default": enabled}, indent=2))
    return 0


def _launch(given: argparse.Namespace) -> int:
    task = json.loads(Path(given.task).read_text())
    unknown = sorted(set(task) - TASK | set(task["resources"]) - RESOURCES)
    if unknown:
        print(f"ValueError: Invalid task YAML: {unknown}", file=sys.stderr)
        return 1
    if os.environ.get("MACHINE_QUOTA") == "exceeded":
        print("sky.exceptions.ResourcesUnavailableError: VcpuLimitExceeded", file=sys.stderr)
        return 1
    machine = ROOT / given.cluster
    shutil.copytree(task["workdir"], machine / "sky_workdir")
    plain = {"HOME": str(machine), "PATH": "/usr/local/bin:/usr/bin:/bin", "PROJECT_VENV": os.environ["MACHINE_VENV"]}
    process = subprocess.Popen(
        ["sh", "-c", f"{{ {task['run']}; }} > ../log 2>&1; echo $? > ../code"],
        cwd=machine / "sky_workdir",
        env=plain | {name: os.environ[name] for name in given.secret},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (machine / "pid").write_text(str(process.pid))
    (ROOT / "launched.json").write_text(json.dumps({"config": given.config, "labels": task["resources"].get("labels")}))
    return 0


def _status(given: argparse.Namespace) -> int:
    there = [name for name in given.clusters if (ROOT / name).is_dir()]
    for name in set(given.clusters) - set(there):
        print(f"Cluster(s) not found: \033[1m{name}\033[0m.")
    print(json.dumps([{"name": name, "status": "UP"} for name in there], indent=2))
    return 0


def _logs(given: argparse.Namespace) -> int:
    machine = ROOT / given.cluster
    if not machine.is_dir():
        print(f"sky.exceptions.ClusterDoesNotExist: Cluster '{given.cluster}' does not exist.", file=sys.stderr)
        return 1
    code = machine / "code"
    if not given.status:
        print((machine / "log").read_text(), end="")
    return 101 if not code.exists() else 0 if code.read_text().strip() == "0" else 100


def _down(given: argparse.Namespace) -> int:
    for name in given.clusters:
        machine = ROOT / name
        if not machine.is_dir():
            print(f"Cluster(s) not found: {name}.")
            continue
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int((machine / "pid").read_text()), signal.SIGKILL)
        shutil.rmtree(machine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
