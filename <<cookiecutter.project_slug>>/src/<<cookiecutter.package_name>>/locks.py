"""Locks that end with the process that holds them, however it ends.

One command at a time may change a project: it holds `.cache/run.lock`, and the programs that it starts know that from
the environment. A stage also holds `.cache/stage.lock`, so that one whose command was killed is not joined by another.

    python -m <package>.locks "make run" sh -c "..."    runs a program under the project's lock
"""

import contextlib
import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UserError

COMMAND, STAGE = Path(".cache/run.lock"), Path(".cache/stage.lock")
# Names the lock that a parent process holds, as `<pid>:<path>`.
HELD = "PROJECT_LOCK"
WITHOUT_LOCKS = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS)  # some network file systems


def hold(path: Path, wait: bool = False, create: bool = True) -> int:
    """Lock a file and return its descriptor; `free` or the end of the process gives the lock back.

    On a file system without locks, nobody is locked out; with `create=False`, that is an error.

    Raises
    ------
    BlockingIOError
        If another process holds it and `wait` is false.
    OSError
        If the file cannot be opened.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | (os.O_CREAT if create else 0), 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            with contextlib.suppress(FileNotFoundError):
                # The holder before this one may have removed the file; the lock that counts is on the new one.
                if os.path.samestat(os.fstat(handle), os.lstat(path)):
                    return handle
        except OSError as error:
            if create and error.errno in WITHOUT_LOCKS:
                return handle
            os.close(handle)
            raise
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def free(handle: int) -> None:
    """Give a lock back, also where a forked process still has the file open."""
    with contextlib.suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Let no other command change this project while the block runs.

    Parameters
    ----------
    what : what the user calls this command, for the message that another one gets.

    Raises
    ------
    UserError
        If another command is at work that has not started this one.
    """
    if _inherited():
        yield
        return
    with _locked(COMMAND, what) as path:
        os.environ[HELD] = f"{os.getpid()}:{path}"
        try:
            yield
        finally:
            del os.environ[HELD]


@contextmanager
def alone_as_stage(what: str) -> Iterator[None]:
    """Like `alone`, and let no other stage run, not even one of the same command.

    Raises
    ------
    UserError
        If another command or stage is at work.
    """
    with alone(what), _locked(STAGE, what):
        yield


@contextmanager
def _locked(path: Path, what: str) -> Iterator[Path]:
    path = path.absolute()
    try:
        path.parent.mkdir(exist_ok=True)
        handle = hold(path)
    except BlockingIOError:
        raise UserError(
            f"{_holder(path)} is at work in this project: wait until it has ended, then try again"
        ) from None
    except OSError:
        # Where nothing can be written, there is nothing to protect.
        yield path
        return
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n{what}\n".encode())
        yield path
    finally:
        os.ftruncate(handle, 0)
        free(handle)


def _holder(path: Path) -> str:
    """Who holds a lock, for a message."""
    pid, what = [*path.read_text(encoding="utf-8", errors="replace").split("\n"), "", ""][:2]
    return f"`{what}` (process {pid})" if what else "another command"


def _inherited() -> bool:
    """Whether the process that this one descends from holds the lock of this project."""
    pid, _, name = os.environ.get(HELD, "").partition(":")
    path = Path(name)
    if not name or not Path.cwd().is_relative_to(path.parent.parent):
        return False
    try:
        free(hold(path, create=False))
    except BlockingIOError:
        return path.read_text(encoding="utf-8", errors="replace").startswith(f"{pid}\n")
    except OSError:
        pass
    return False


def main() -> None:
    """Run the program `argv[2:]` under the project's lock; `argv[1]` is what the user calls it."""
    try:
        with alone(sys.argv[1]):
            process = subprocess.Popen(sys.argv[2:])
            # Ctrl-C reaches the program as well, which decides what comes of it.
            signal.signal(signal.SIGINT, lambda *_: None)
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            code = process.wait()
    except UserError as error:
        sys.exit(f"error: {error}")
    sys.exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
