"""Put this project under git and DVC, as far as they are installed; what is done already is left alone.

Prints one line for each thing that was skipped, and why. `make setup` runs it; so did the stamping, with `--stamping`,
which leaves everything alone that is not the new project's own.
"""

import json
import os
import shutil
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RAW = PROJECT / "data" / "raw"
# Where data and models are to be kept, as the stamping was told; DVC is told of it once, and .dvc/config says it then.
REMOTE = PROJECT / ".dvc-remote"

# In a git hook, or wherever else these are set, git would work on another repository than this folder's.
REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if name not in REDIRECTIONS},
    "DVC_NO_ANALYTICS": "1",
    "LC_ALL": "C.UTF-8",
}

# Run by the Python of DVC, with commands as JSON.
SEVERAL = """
import json, sys
from dvc.cli import main
sys.exit(next((code for code in map(main, json.loads(sys.argv[1])) if code), 0))
"""


class Skipped(Exception):
    """Something that cannot be done here and now, in one line."""


def main(words: list[str]) -> None:
    """Do what can be done; `words` are `--stamping` and `--no-commit`."""
    later = "; make setup does it later" if "--stamping" in words else ""
    try:
        if "--stamping" in words:
            check_alone()
        start_git()
        set_up_dvc()
        if "--no-commit" not in words:
            commit()
    except Skipped as reason:
        print(f"{reason}{later}")


def check_alone() -> None:
    """Stop where a new project would need another's repository, or a program that only `make setup` brings."""
    if not shutil.which("git"):
        raise Skipped("git and DVC: git is not installed")
    outer = outer_repository()
    if outer:
        raise Skipped(f"git and DVC: this is inside the repository {outer}, which was left as it is")


def start_git() -> None:
    """`git init`, unless this folder is in a repository or git is not there."""
    if shutil.which("git") and not in_git():
        run("git", "init", "--quiet", "--initial-branch", "main")


def set_up_dvc() -> None:
    """`dvc init`, `dvc remote add` and `dvc add`, each once, with analytics off."""
    program = shutil.which("dvc")
    if not program:
        raise Skipped("dvc init and the first commit: DVC is not installed")
    dvc(program, [*init(), *remote(), *data()])
    REMOTE.unlink(missing_ok=True)


def init() -> list[list[str]]:
    """Return the commands that put this folder under DVC, and under git what was begun without."""
    config = PROJECT / ".dvc" / "config"
    if config.exists():
        alone = in_git() and "no_scm" in config.read_text(encoding="utf-8")
        return [["config", "--unset", "core.no_scm"]] if alone else []
    if not in_git():
        print("git: it is not installed, so nothing is committed; DVC works without it")
    how = [] if own_repository() else ["--subdir"] if in_git() else ["--no-scm"]
    return [["init", "--quiet", *how], ["config", "core.analytics", "false"]]


def remote() -> list[list[str]]:
    """Return the commands for the remote that the stamping was told; it compares what others may have written."""
    if not REMOTE.exists():
        return []
    url = REMOTE.read_text(encoding="utf-8").strip()
    return [
        ["remote", "add", "--quiet", "--force", "--default", "storage", url],
        ["remote", "modify", "storage", "verify", "true"],
    ]


def data() -> list[list[str]]:
    """Return the command that puts under DVC what stands in data/raw."""
    own = [path for path in sorted(RAW.glob("*")) if not path.name.startswith(".") and path.suffix != ".dvc"]
    new = [str(path.relative_to(PROJECT)) for path in own if not Path(f"{path}.dvc").exists()]
    return [["add", "--quiet", *new]] if new else []


def dvc(program: str, commands: list[list[str]]) -> None:
    """Run commands of DVC: in one process, if DVC's Python is known, since it takes longer to load than to work."""
    with open(program, "rb") as file:
        python = file.readline().decode("utf-8", "replace").strip().removeprefix("#!")
    if len(commands) > 1 and "python" in Path(python).name and Path(python).exists():
        run(python, "-c", SEVERAL, json.dumps(commands))
    else:
        for words in commands:
            run("dvc", *words)


def commit() -> None:
    """The first commit, if this is a repository of its own without one."""
    if not own_repository() or succeeds("git", "rev-parse", "--verify", "--quiet", "HEAD"):
        return
    known = ("git", "-c", "user.useConfigOnly=true", "var")
    if not (succeeds(*known, "GIT_AUTHOR_IDENT") and succeeds(*known, "GIT_COMMITTER_IDENT")):
        raise Skipped("the first commit: git does not know your name (git config --global user.name and user.email)")
    run("git", "add", "--all")
    run("git", "commit", "--quiet", "--message", "Start the project")


def in_git() -> bool:
    """Whether this folder belongs to a git repository."""
    return own_repository() or outer_repository() is not None


def own_repository() -> bool:
    """Whether this folder is the top of a git repository."""
    return bool(shutil.which("git")) and (PROJECT / ".git").exists()


def outer_repository() -> str | None:
    """The git repository that this folder lies in without being its top, unless that one ignores it."""
    if own_repository() or not shutil.which("git"):
        return None
    found = call("git", "rev-parse", "--show-toplevel")
    if found.returncode and "not a git repository" in found.stderr:
        return None
    ignored = found.returncode == 0 and succeeds("git", "check-ignore", "--quiet", ".")
    return None if ignored else found.stdout.strip() or str(PROJECT.parent)


def run(*command: str) -> None:
    """Run a command, or stop with the last line of what it said."""
    done = call(*command)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        named = "dvc" if SEVERAL in command else " ".join(command[:2])
        raise Skipped(f"{named}: it failed ({said})")


def succeeds(*command: str) -> bool:
    """Whether a command ends well."""
    return call(*command).returncode == 0


def call(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this project; its messages come in English."""
    return subprocess.run(  # nosec B603 # no shell
        command,
        cwd=PROJECT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
