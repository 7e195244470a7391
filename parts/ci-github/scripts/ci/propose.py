"""Propose what a run has changed (dvc.lock, metrics, notes of data) as a pull request of its own.

    python3 scripts/ci/propose.py run/feature --onto feature --title "Run of the pipeline" [--text page.md]

The changes are those of reports/review/changes.patch (keep.sh writes it). The branch is written anew each time, and an
open pull request of it is kept, so that there is never more than one.
"""

import argparse
import base64
import os
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path

from host import GitHub, GitLab, Refused, host

PATCH = Path("reports/review/changes.patch")
# What a run may change; whatever else its code has touched is left out.
TAKEN = ("dvc.lock", "reports/leaderboard.json", "reports/metrics.json", "data/*.dvc")
TEXT = (
    "The pipeline has run in a job, because `dvc.lock` was not of the files of this branch. What it made is in DVC's "
    "remote, if there is one."
)
NAME, EMAIL = "Continuous integration", "ci@localhost"


def main() -> None:
    """Commit the patch to the branch, push it, and see that there is a pull request."""
    parser = argparse.ArgumentParser(description="Propose what a run has changed as a pull request of its own.")
    parser.add_argument("branch", help="the branch of the pull request")
    parser.add_argument("--onto", required=True, help="the branch that it is for: the one that is checked out")
    parser.add_argument("--title", required=True)
    parser.add_argument("--text", type=Path, help="a file with its text")
    given = parser.parse_args()
    there = host()
    if not PATCH.exists() or not PATCH.stat().st_size:
        print("nothing is proposed: the run has changed nothing that git tracks")
    elif given.onto.startswith(("run/", "retrain/")):
        print(f"nothing is proposed: {given.onto} is such a proposal itself")
    elif there is None:
        print("nothing is proposed: this job has no GITHUB_TOKEN (on GitLab REVIEW_TOKEN) that may do it")
    elif commit(given.title):
        push = ["push", "--quiet", "--force", remote(there), f"HEAD:refs/heads/{given.branch}"]
        git(*push, environment=credentials(there))
        text = given.text.read_text(encoding="utf-8") if given.text and given.text.exists() else TEXT
        print(f"proposed: {there.propose(given.branch, given.onto, given.title, text)}")
    else:
        print("nothing is proposed: the run has changed nothing that it may change")


def commit(title: str) -> bool:
    """Commit what is taken of the patch, whatever the files are at the moment; False if that is nothing."""
    git("apply", "--cached", "--whitespace=nowarn", *(f"--include={one}" for one in TAKEN), str(PATCH))
    if not git("diff", "--cached", "--name-only"):
        return False
    git("-c", f"user.name={NAME}", "-c", f"user.email={EMAIL}", "commit", "--quiet", "--message", title)
    return True


def remote(there: GitHub | GitLab) -> str:
    """Where to push: `origin` if it is a folder, as in a rehearsal, and else the host's own address."""
    address = git("remote", "get-url", "origin")
    return address if Path(address).exists() else there.remote


def credentials(there: GitHub | GitLab) -> dict[str, str]:
    """The token for git, as settings in the environment: on the command line others could read it."""
    word = base64.b64encode(f"{there.user}:{there.token}".encode()).decode()
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    return {
        **os.environ,
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": "http.extraHeader",
        f"GIT_CONFIG_VALUE_{number}": f"Authorization: Basic {word}",
    }


def git(*words: str, environment: dict[str, str] | None = None) -> str:
    """What git says; ends this if it fails."""
    done = subprocess.run(["git", *words], env=environment, capture_output=True, text=True)  # nosec B603, B607
    if done.returncode:
        sys.exit(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    try:
        main()
    except Refused as reason:
        sys.exit(f"the pull request could not be opened: {reason}")
