"""Stamping a project against cookiecutter-data-science stamping its own; git and DVC against their bare commands."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import BIN, Time, in_turn, report, stamp, timed

OURS, PEER = "stamp", "cookiecutter-data-science"
BOTH, BARE = "stamp, git and DVC included", "stamp, then bare git and DVC"
RELEASE = "v2.3.0"


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="a copy of the template of cookiecutter-data-science")
    parser.add_argument("--note", action="append", default=[], help="a note to keep with the result")
    parser.add_argument("--repetitions", type=int, default=15)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Without tools on the PATH, the hooks leave git and DVC alone; so does the peer.
        nothing = folder / "nothing"
        nothing.mkdir()
        template, room = given.peer.resolve() if given.peer else clone(folder / "peer"), folder / "room"
        sides = {OURS: lambda: one_project(room, str(nothing))}
        if template:
            sides[PEER] = lambda: peer(room, template, str(nothing))
        times = in_turn(sides, given.repetitions)
        notes = [
            "Both start cookiecutter anew and take all answers from the command line; the template is a local folder.",
            *([] if template else [f"The template of {PEER} could not be had, so there is no ratio."]),
            *given.note,
        ]
        report(
            "stamping",
            "Stamping a project: render, overlay, wiring",
            times,
            [(OURS, PEER, 1.0)] * bool(template),
            notes,
        )

        times = in_turn(
            {BOTH: lambda: one_project(room, None), BARE: lambda: by_hand(room, str(nothing))}, given.repetitions
        )
        notes = [
            "Bare are `git init`, `dvc init`, `dvc add`, `git add`, `git commit` in a project stamped without them.",
            "The project holds a sample of 344 rows.",
        ]
        report("stamping_repository", "git and DVC in a stamping", times, [(BOTH, BARE, 1.0)], notes)


def one_project(room: Path, path: str | None) -> Time:
    """Stamp a project into an empty folder."""
    renew(room)
    return stamp(room, "project_name=Try", path=path)


def peer(room: Path, template: Path, path: str) -> Time:
    """Stamp a project of the peer's into an empty folder."""
    renew(room)
    return timed(str(BIN / "ccds"), str(template), "--no-input", "--output-dir", str(room), cwd=room, path=path)


def by_hand(room: Path, path: str) -> Time:
    """Stamp a project without git and DVC, and start them with the commands that a user would type."""
    whole = one_project(room, path)
    for command in (
        ("git", "init", "--quiet", "--initial-branch", "main"),
        ("dvc", "init", "--quiet"),
        ("dvc", "add", "--quiet", "data/raw/penguins.csv"),
        ("git", "add", "--all"),
        ("git", "commit", "--quiet", "--message", "Start the project"),
    ):
        step = timed(*command, cwd=room / "try")
        whole = Time(whole.wall + step.wall, whole.cpu + step.cpu)
    return whole


def renew(room: Path) -> None:
    """Make the folder empty."""
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()


def clone(folder: Path) -> Path | None:
    """The peer's template at its release, fetched once and not timed; None if it or its command is not to be had."""
    if not (BIN / "ccds").exists():
        print(f"{PEER} is not installed beside {Path(sys.executable).name}: it is left out", file=sys.stderr)
        return None
    address = "https://github.com/drivendataorg/cookiecutter-data-science"
    command = ["git", "clone", "--quiet", "--depth", "1", "--branch", RELEASE, address, str(folder)]
    if subprocess.run(command, check=False).returncode:
        print(f"the template of {PEER} cannot be fetched: name a copy with --peer", file=sys.stderr)
        return None
    return folder


if __name__ == "__main__":
    main()
