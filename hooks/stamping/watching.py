"""Leave nothing of a project that was not finished, however cookiecutter ends.

cookiecutter removes a project whose hook fails, and nothing else: Ctrl-C while it renders leaves what there is by then.
So a small process of its own, this module run as a program, waits until cookiecutter ends, and then removes the folder.
The last hook ends that process when the project is whole.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 10  # that removing a project may take
_watchers: dict[Path, "subprocess.Popen[bytes]"] = {}


def watch(output_dir: object, slug: object) -> int:
    """Start to watch a project's folder that cookiecutter has just made; called in cookiecutter's own process.

    Returns
    -------
    int
        The id of the watching process; 0 where nothing is watched, because the folder was not made for this.
    """
    project = Path(str(output_dir)) / str(slug)
    if os.name != "posix" or not output_dir or not project.is_dir() or any(project.iterdir()):
        return 0
    forget(project)
    if not _watchers:
        atexit.register(_end)
    command = [sys.executable, "-I", "-S", __file__, str(project), _identity(project)]
    quiet = subprocess.DEVNULL
    # In a session of its own, Ctrl-C does not reach it. Its input ends with this process.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True)
    _watchers[project] = process
    return process.pid


def watcher(output_dir: object, slug: object) -> int:
    """Return the id of the process that watches a project, or 0."""
    found = _watchers.get(Path(str(output_dir)) / str(slug))
    return found.pid if found else 0


def forget(project: Path) -> None:
    """End the process that watched an earlier project of this name."""
    process = _watchers.pop(project, None)
    if process is not None:
        process.kill()
        _close(process)


def join() -> None:
    """Make the watching process wait for this hook; called in the hook, in the project's folder."""
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(os.open(".", os.O_RDONLY), fcntl.LOCK_EX)  # until this process ends
            os.getcwd()
        except FileNotFoundError:
            sys.exit("interrupted: the project was not made")


def dismiss(pid: int) -> None:
    """End the watching process: the project is whole, or cookiecutter removes it."""
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _end() -> None:
    """When cookiecutter ends, let the watching processes do their work before the prompt returns."""
    for process in _watchers.values():
        _close(process)


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS)


def _identity(folder: "Path | int") -> str:
    """Tell a folder from a later one of the same name."""
    found = os.stat(folder)
    return f"{found.st_dev}:{found.st_ino}"


def main(project: str, identity: str) -> None:
    """Wait until cookiecutter has ended, then remove the project, unless a hook is still going to finish it."""
    import fcntl

    sys.stdin.buffer.read()
    try:
        folder = os.open(project, os.O_RDONLY)
    except OSError:
        return
    fcntl.flock(folder, fcntl.LOCK_EX)
    if _identity(folder) == identity:
        import shutil

        shutil.rmtree(project, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
