"""Runners: where `make remote` gets its machines from.

A runner is given a job (`job.py`), of which it needs: `name`, a name that no other job has; `bundle`, the folder
to bring to the machine and to start `sh job.sh` in, which writes into its folder `output`, and `output/exit` last;
`machine`, `timeout` and `environment` of params/remote.yaml; `folder`, in which it may keep what it has to know.

Each method may be called at any time, from a process that knows nothing of the earlier ones. What goes wrong is a
`UserError`. `seconds` is how long to wait before a job is looked at again.
"""

import contextlib
import json
import os
import shutil
import subprocess  # nosec B404 # no shell
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import UserError
from ...files import replacing_folder, write_json
from ...project.calls import run_program

if TYPE_CHECKING:
    import psutil

    from .job import Job

ENDED = ("succeeded", "failed")  # of TPI's words for a task


class LocalClean:
    """No other machine: a fresh folder on this one, where no variable is set that the job does not name.

    It takes the packages of this project's environment and nothing else of it. For trying a round trip, and for CI.

    Parameters
    ----------
    folder : where the machines' folders are made; None for the system's folder for temporary files.
    """

    kind = "runner"
    seconds: ClassVar[float] = 0.5

    def __init__(self, folder: str | None = None) -> None:
        self.folder = folder

    def check(self, job: "Job") -> None:
        """Nothing has to be there."""

    def start(self, job: "Job") -> None:
        """Bring the bundle, unless its folder is there from an earlier start, and start it apart from this process."""
        place = self._place(job)
        if not place.exists():
            with replacing_folder(place, ()) as new:
                shutil.copytree(job.bundle, new / "job")
                (new / "home").mkdir()
        given = {name: os.environ[name] for name in job.environment if name in os.environ}
        path = os.pathsep.join([f"{sys.prefix}/bin", "/usr/local/bin", "/usr/bin", "/bin"])
        plain = {"HOME": str(place / "home"), "PATH": path, "LANG": "C.UTF-8", "PROJECT_VENV": sys.prefix}
        subprocess.Popen(  # nosec B603, B607 # no shell
            ["sh", "job.sh"],
            cwd=place / "job",
            env=plain | given,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def state(self, job: "Job") -> str:
        """`running`, `ended`, or `gone` without having ended."""
        place = self._place(job)
        if any(self._processes(place)):
            return "running"
        return "ended" if (place / "job" / "output" / "exit").exists() else "gone"

    def logs(self, job: "Job") -> str:
        """All that it has said so far."""
        file = self._place(job) / "job" / "output" / "log.txt"
        return file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""

    def bring(self, job: "Job", folder: Path) -> None:
        """Copy what is in its `output` by now."""
        output = self._place(job) / "job" / "output"
        if not output.is_dir():
            raise UserError(f"{output} is gone")
        try:
            with replacing_folder(folder) as new:
                shutil.copytree(output, new)
        except (OSError, shutil.Error) as error:
            raise UserError(f"{output} cannot be copied: {error}") from None

    def stop(self, job: "Job") -> None:
        """End all of its processes and remove its folder; no error where there is nothing of it."""
        import psutil

        place = self._place(job)
        for _ in range(100):
            found = list(self._processes(place))
            if not found:
                break
            for process in found:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)
        shutil.rmtree(place, ignore_errors=True)

    def _place(self, job: "Job") -> Path:
        return Path(self.folder or tempfile.gettempdir()).resolve() / job.name

    def _processes(self, place: Path) -> Iterator["psutil.Process"]:
        """Those that work in the folder, or below it."""
        import psutil

        for process in psutil.process_iter(["cwd", "status"]):
            cwd = process.info["cwd"]
            if cwd and Path(cwd).is_relative_to(place) and process.info["status"] != psutil.STATUS_ZOMBIE:
                yield process


class SkyPilot:
    """A machine by SkyPilot's program `sky`, which is installed apart from this project; needs ssh and rsync.

    A machine that is idle destroys itself, so one whose results nobody fetches costs for `keep` more minutes. It does
    so with its role; without one, SkyPilot copies your own credentials to it.

    Parameters
    ----------
    keep : for how many minutes a machine waits for its results to be fetched.
    """

    kind = "runner"
    seconds: ClassVar[float] = 15

    def __init__(self, keep: int = 60) -> None:
        if isinstance(keep, bool) or not isinstance(keep, int) or keep < 1:
            raise ValueError(f"keep needs a whole number of minutes, not {keep!r}")
        self.keep = keep

    def check(self, job: "Job") -> None:
        """SkyPilot, ssh and rsync are there, and SkyPilot has credentials of the cloud."""
        for program in ("sky", "rsync", "ssh"):
            if not shutil.which(program):
                how = " (https://docs.skypilot.co says how to install it)" if program == "sky" else ""
                raise UserError(f"{program} is not installed, or not on the PATH: SkyPilot needs it{how}")
        cloud = job.machine["cloud"]
        # Its exit code is 0 whether it finds credentials or not.
        enabled = _json(run_program(["sky", "check", cloud, "--output", "json"]))
        if cloud.lower() not in {name.lower() for workspace in enabled.values() for name in workspace}:
            raise UserError(f"SkyPilot has no credentials for {cloud}: `sky check {cloud}` says what is missing")

    def start(self, job: "Job") -> None:
        """Write task.yaml and launch it; the machine is destroyed when it has been idle, whatever happens here."""
        file = job.folder / "task.yaml"
        write_json(file, self.task(job))  # JSON is YAML
        secrets = [word for name in job.environment if name in os.environ for word in ("--secret", name)]
        role = _role(job)
        config = ["--config", f"{job.machine['cloud']}.remote_identity={role}"] if role else []
        run_program(
            ["sky", "launch", "--yes", "--detach-run", "--cluster", job.name, *config, *secrets, str(file)], show=True
        )

    def task(self, job: "Job") -> dict[str, Any]:
        """The job as SkyPilot's YAML has it."""
        machine, role = job.machine, _role(job)
        resources = {
            "infra": "/".join(filter(None, (machine["cloud"], machine["region"]))),
            "instance_type": machine["type"],
            "accelerators": machine["gpu"],
            "disk_size": machine["disk"],
            "use_spot": machine["spot"],
            # By this tag, the role lets the machine end itself (infra/aws-sandbox/policies.tf).
            "labels": {"role": role} if role else None,
            "autostop": {"idle_minutes": self.keep, "down": True},
        }
        return {
            "name": job.name,
            "resources": {key: value for key, value in resources.items() if value is not None},
            "workdir": str(job.bundle),
            "run": "sh job.sh",
        }

    def state(self, job: "Job") -> str:
        """`starting`, `running`, `ended`, or `gone`."""
        found = self._status(job)
        if found is None:
            return "gone"
        if found != "UP":
            return "gone" if found == "STOPPED" else "starting"
        try:
            done = subprocess.run(["sky", "logs", "--status", job.name], capture_output=True, stdin=subprocess.DEVNULL)  # nosec B603, B607
        except FileNotFoundError:
            raise UserError("sky is not installed, or not on the PATH") from None
        # As its --help says: succeeded, failed, cancelled; 101 and 102 are of jobs that are not done, or not there yet.
        return "ended" if done.returncode in (0, 100, 103) else "running"

    def logs(self, job: "Job") -> str:
        """All that it has said so far; nothing while there is no machine yet."""
        if self._status(job) != "UP":
            return ""
        done = subprocess.run(  # nosec B603, B607 # no shell
            ["sky", "logs", "--no-follow", job.name], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        return done.stdout  # of a job that failed, its exit code is another

    def bring(self, job: "Job", folder: Path) -> None:
        """Copy what is in its `output` by now."""
        folder.mkdir(parents=True, exist_ok=True)
        # SkyPilot makes an entry of the cluster's name for ssh.
        run_program(["rsync", "--archive", "--compress", f"{job.name}:sky_workdir/output/", f"{folder}/"])

    def stop(self, job: "Job") -> None:
        """Destroy the machine; no error where there is none."""
        run_program(["sky", "down", "--yes", job.name])

    def _status(self, job: "Job") -> str | None:
        """SkyPilot's word for the cluster, asked of the cloud; None if there is none."""
        clusters = _json(run_program(["sky", "status", "--refresh", "--output", "json", job.name]))
        return next((str(one["status"]) for one in clusters if one["name"] == job.name), None)


class TPI:
    """A machine by Terraform's provider `iterative`, as infra/remote/main.tf describes it.

    TPI itself replaces a machine that is taken away, and keeps what it wrote in a storage of the cloud until the end.

    Parameters
    ----------
    image : the machine's image, by TPI's name.
    """

    kind = "runner"
    seconds: ClassVar[float] = 15
    keys: ClassVar[dict[str, tuple[str, ...]]] = {
        "aws": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "az": ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_SUBSCRIPTION_ID", "AZURE_TENANT_ID"),
        "gcp": ("GOOGLE_APPLICATION_CREDENTIALS",),
        "k8s": ("KUBECONFIG",),
    }

    def __init__(self, image: str = "ubuntu") -> None:
        self.image = image

    def check(self, job: "Job") -> None:
        """Terraform is there, and the credentials that TPI takes: environment variables, and nothing else."""
        if not shutil.which("terraform"):
            raise UserError("terraform is not installed, or not on the PATH: TPI needs it")
        cloud = job.machine["cloud"]
        if cloud not in self.keys:
            raise UserError(
                f"TPI knows the clouds {', '.join(self.keys)}, not {cloud!r}", "remote.yaml", "machine", "cloud"
            )
        missing = [name for name in self.keys[cloud] if not os.environ.get(name) and not os.environ.get(f"{name}_DATA")]
        if missing:
            raise UserError(
                f"there are no credentials: TPI takes them from the environment, where {missing[0]} is not set"
            )

    def start(self, job: "Job") -> None:
        """Write the job's module and apply it."""
        room, machine = self._room(job), job.machine
        room.mkdir(exist_ok=True)
        shutil.copyfile("infra/remote/main.tf", room / "main.tf")
        size = machine["type"] or ("m" if machine["gpu"] is None else f"m+{machine['gpu'].lower()}")
        values = {
            "cloud": machine["cloud"],
            "region": machine["region"] or "us-west",
            "machine": size,
            "image": self.image,
            "disk_size": machine["disk"],
            "spot": machine["spot"],
            "timeout": job.timeout + 900,  # job.sh ends before, so that what it made is kept
            "permission_set": machine["role"],
            "environment": job.environment,
            "workdir": str(job.bundle),
        }
        write_json(room / "terraform.tfvars.json", values)
        run_program(["terraform", "init", "-no-color", "-input=false"], room)
        run_program(["terraform", "apply", "-no-color", "-input=false", "-auto-approve"], room)

    def state(self, job: "Job") -> str:
        """`starting`, `running`, `ended`, or `gone` where Terraform knows of nothing."""
        found = self._outputs(job)
        if "status" not in found:
            return "gone"
        status = found["status"]["value"] or {}
        if any(status.get(word) for word in ENDED):
            return "ended"
        return "running" if status.get("running") else "starting"

    def logs(self, job: "Job") -> str:
        """All that it has said so far."""
        return str(self._outputs(job).get("logs", {}).get("value") or "")

    def bring(self, job: "Job", folder: Path) -> None:
        """Take what TPI brings, which it does when it destroys the machine: so nothing before the job has ended."""
        if self.state(job) == "ended":
            self.stop(job)
        if (job.bundle / "output").is_dir():
            shutil.copytree(job.bundle / "output", folder, dirs_exist_ok=True)

    def stop(self, job: "Job") -> None:
        """Destroy all there is; no error where there is nothing."""
        room = self._room(job)
        if (room / "terraform.tfstate").exists():
            run_program(["terraform", "destroy", "-no-color", "-input=false", "-auto-approve"], room)

    def _outputs(self, job: "Job") -> dict[str, dict[str, Any]]:
        room = self._room(job)
        if not (room / "terraform.tfstate").exists():
            return {}
        run_program(["terraform", "apply", "-refresh-only", "-no-color", "-input=false", "-auto-approve"], room)
        found: dict[str, dict[str, Any]] = json.loads(run_program(["terraform", "output", "-json"], room))
        return found

    def _room(self, job: "Job") -> Path:
        return job.folder / "terraform"


def _role(job: "Job") -> str | None:
    """The name that stands last in the role's ARN, which is what SkyPilot asks for; None without a role."""
    role = job.machine["role"]
    return None if role is None else str(role).rpartition("/")[2]


def _json(text: str) -> Any:
    """The JSON that SkyPilot prints behind its messages."""
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if line[:1] in ("[", "{")), 0)
    try:
        return json.loads("\n".join(lines[start:]))
    except ValueError:
        raise UserError(f"SkyPilot answers what this project does not understand: {text[:200]!r}") from None
