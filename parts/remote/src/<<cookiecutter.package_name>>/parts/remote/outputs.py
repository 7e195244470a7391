"""What runs on other machines leave here."""

import json
from pathlib import Path

from ...errors import UserError

FOLDERS = ()
JOBS = Path(".cache/remote")
# On the machine of a job: that the data were fetched. Outputs made since then are in no cache yet.
READY = Path(".cache/ready")
SUBMITTED = Path(".cache/submitted.lock")
FINISHED = ("done", "failed", "stopped")


def written() -> list[Path]:
    """Return the folder of the jobs, and what a job leaves on its machine.

    Raises
    ------
    UserError
        If a job is under way: its machine would go on, and cost.
    """
    for file in sorted(JOBS.glob("*/job.json")):
        try:
            state = json.loads(file.read_text(encoding="utf-8"))["state"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if state not in FINISHED:
            job = file.parent.name
            raise UserError(
                f"job {job} on another machine is not finished: `make remote-fetch JOB={job}` takes over what it made, "
                f"`make remote-stop JOB={job}` ends it; then clean"
            )
    return [JOBS, READY, SUBMITTED]
