"""What the machine does in the project that was unpacked there.

job.sh calls it as `python -m <package>.parts.remote.work`.

Everything that comes home is written into the folder `output` beside the project: the trials of the searches while they
go on, and at the end, also of a run that failed, an archive of the outputs and `results.json`, which is written last.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess  # nosec B404 # no shell
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import read_json, write_json, write_text
from ...objects.reader import read
from ...project.calls import QUIET, dvc, git
from ...stages import run
from .kept import keep
from .outputs import READY, SUBMITTED
from .pack import ARCHIVE, MANIFEST, STUDIES, archive, copy_studies, sha256

BUNDLE = Path("..")
OUTPUT = BUNDLE / "output"
RESULTS = "results.json"
OUTPUTS = "results.tar.gz"
EVERY = 30  # seconds between two copies of the trials
KEPT = 10  # of so many copies, one goes into the DVC remote, where the job pushes


def main() -> None:
    """Run the pipeline and pack what it made.

    Raises
    ------
    UserError
        If the project arrived damaged.
    """
    began = time.monotonic()
    manifest = read_json(BUNDLE / MANIFEST)
    if sha256(BUNDLE / ARCHIVE) != manifest["archive"]:
        raise UserError(f"{ARCHIVE} arrived damaged: start the job anew")
    # No other DVC is at work in this copy: a lock is that of one that was killed, whose PID may be another's by now.
    Path(".dvc/tmp/rwlock").unlink(missing_ok=True)
    copy_studies(OUTPUT / "studies", STUDIES)
    if not READY.exists():
        _prepare(manifest)
    stop = threading.Event()
    copying = threading.Thread(target=_copy, args=(stop, manifest), daemon=True)
    copying.start()
    code = _repro(manifest["seconds"] - (time.monotonic() - began))
    stop.set()
    copying.join()
    copy_studies(STUDIES, OUTPUT / "studies")
    pushed = code == 0 and manifest["push"] and _push()
    changed = _changed()
    names = [] if pushed else changed
    places = {file.as_posix(): file for name in names for file in _files(Path(name))}
    places |= {name: Path(name) for name in ("dvc.lock", *_plain()) if Path(name).is_file()}
    archive(OUTPUT / OUTPUTS, places)
    write_json(
        OUTPUT / RESULTS,
        {
            "exit": code,
            "archive": sha256(OUTPUT / OUTPUTS),
            "files": {name: sha256(file) for name, file in places.items()},
            "outputs": names,
            "pushed": changed if pushed else [],
        },
    )
    if manifest["push"]:
        _keep(manifest["id"], "output", OUTPUT)
    sys.exit(code)


def _prepare(manifest: dict[str, Any]) -> None:
    """Make the project one that DVC can run: git or none, its data and earlier outputs in their places."""
    local = Path(".dvc/config.local")
    write_text(local, "[cache]\n    dir = cache\n")
    if Path(".git").exists() and shutil.which("git"):
        git("reset", "--quiet")
    else:
        write_text(local, f"{local.read_text(encoding='utf-8')}[core]\n    no_scm = true\n")
    if manifest["remote"]:
        print("fetching the data", flush=True)
        try:
            dvc("pull", "--quiet", "--run-cache", "--allow-missing")
        except UserError as error:
            # What came with the project is enough for many runs; what is not, a stage will say.
            print(f"note: {error}", flush=True)
    dvc("checkout", "--quiet", "--force", "--allow-missing")
    if Path("dvc.lock").exists():
        SUBMITTED.parent.mkdir(exist_ok=True)
        shutil.copyfile("dvc.lock", SUBMITTED)
    write_text(READY, "")


def _repro(seconds: float) -> int:
    """Run the pipeline for so many seconds at most; its exit code, or that of the program `timeout`."""
    command = [sys.executable, "-m", "dvc", "repro", "--no-commit"]
    process = subprocess.Popen(command, env={**os.environ, **QUIET}, start_new_session=True)  # nosec B603 # no shell
    try:
        return process.wait(max(seconds, 0))
    except subprocess.TimeoutExpired:
        print(f"the timeout of params/remote.yaml is over after {seconds:.0f} s: the run is ended", flush=True)
        return 124
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.5)  # a search ends when it sees that its stage is gone


def _copy(stop: threading.Event, manifest: dict[str, Any]) -> None:
    """Copy the trials to where they outlive this machine, until told to stop."""
    for times in itertools.count(1):
        if stop.wait(EVERY):
            return
        with contextlib.suppress(OSError):  # a search replaces its files while they are copied: the next time, then
            copy_studies(STUDIES, OUTPUT / "studies")
        if manifest["push"] and times % KEPT == 0:
            _keep(manifest["id"], "trials", OUTPUT / "studies")


def _keep(id: str, part: str, folder: Path) -> None:
    """Put it into the DVC remote as well; says so where that fails, because the machine still has it."""
    try:
        keep(id, part, folder)
    except UserError as error:
        print(f"note: the {part} are on this machine alone: {error}", flush=True)


def _push() -> bool:
    """Put the outputs and the cache of runs into the DVC remote; says so where that fails."""
    try:
        print("pushing the outputs", flush=True)
        dvc("commit", "--quiet", "--force", "dvc.yaml")
        dvc("push", "--quiet", "--run-cache")
    except UserError as error:
        print(f"note: the outputs come home in the archive instead: {error}", flush=True)
        return False
    return True


def _changed() -> list[str]:
    """The cached outputs that are not those that were submitted."""
    plain = _plain()
    before, after = _outs(SUBMITTED), _outs(Path("dvc.lock"))
    return [name for name, md5 in after.items() if before.get(name) != md5 and name not in plain]


def _outs(lock: Path) -> dict[str, str]:
    """The outputs that a dvc.lock names, with their checksums."""
    stages = read(lock)[0].get("stages") or {} if lock.exists() else {}
    return {out["path"]: out.get("md5", "") for stage in stages.values() for out in stage.get("outs", [])}


def _plain() -> list[str]:
    """The outputs that git keeps, and not DVC's cache."""
    found = []
    for stage in (read(Path("dvc.yaml"))[0].get("stages") or {}).values():
        for kind in ("outs", "metrics", "plots"):
            for out in stage.get(kind) or []:
                found += (
                    [name for name, options in out.items() if options.get("cache") is False]
                    if isinstance(out, dict)
                    else []
                )
    return found


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]


if __name__ == "__main__":
    run(main)
