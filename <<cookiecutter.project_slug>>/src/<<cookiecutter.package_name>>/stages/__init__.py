"""What `dvc.yaml` calls: each stage reads its inputs, calls the step, writes its outputs. Nothing clever."""

import importlib.util
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..forks import hand_over


def _say_interrupted(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Report Ctrl-C as one word."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # a stage or a command, whose first imports come before `run`
    sys.excepthook = _say_interrupted
    hand_over()

# Set before any library is loaded. OpenMP's threads spin while they wait; on a machine that does other work as well,
# two of them took ten times as long as one (HistGradientBoosting, 20,000 rows).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

MANY_ROWS = 10_000
# What the extra `train` of pyproject.toml brings; an installed service has none of it.
FOR_TRAINING = ("dvc", "jinja2", "markupsafe", "matplotlib", "optuna", "pyarrow")


def threads(rows: float) -> dict[str, str]:
    """The environment for fits to so many rows: on few, threads wait for each other longer than they work."""
    return dict.fromkeys(("OMP_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1") if rows <= MANY_ROWS else {}


def signal_name(number: int) -> str:
    """Return what ended a process, for a sentence."""
    name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
    return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name


def run(main: Callable[[], None]) -> None:
    """Run a stage or a command; show what its user can put right as one sentence.

    Exits with 1 after such an error and with 130 after Ctrl-C; SIGTERM ends it once its temporary folders are removed.
    """
    from ..errors import UserError
    from ..files import temporary

    # Parts of Optuna that its own documentation recommends call themselves experimental.
    warnings.filterwarnings("ignore", message=".* is (an )?experimental")
    # Tables smaller than this number of quantiles are met daily, and the transformer does what is right.
    warnings.filterwarnings("ignore", message="n_quantiles .* is greater than")
    warnings.filterwarnings("ignore", message="``multivariate`` defaults to")
    # How many epochs a neural network learns for is a parameter that is searched.
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    _end_in_order()
    try:
        with temporary() as room:
            # Without this, joblib puts what its workers share into /dev/shm or /tmp, where a kill would leave it.
            os.environ.setdefault("JOBLIB_TEMP_FOLDER", str(room))
            os.environ.setdefault("DASK_TEMPORARY_DIRECTORY", str(room))
            main()
            sys.stdout.flush()
    except UserError as error:
        from ..objects.reader import located

        print(f"error: {located(error)}", file=sys.stderr)
        sys.exit(1)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == __package__.partition(".")[0]:
            raise
        print(f"error: {_not_imported(error)}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # of `make list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        print(f"error: {_told(error)}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except _Ended as ended:
        number = ended.args[0]
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage: as `run`, and only if no other command or stage is at work in this project."""
    from ..locks import alone_as_stage

    def guarded() -> None:
        with alone_as_stage(" ".join(["stage", Path(sys.argv[0]).stem, *sys.argv[1:]])):
            main()

    run(guarded)


def _not_imported(error: ImportError) -> str:
    """Return why an import fails, and what may mend it."""
    # pandas does not name the package that it needs for Parquet.
    module = error.name.partition(".")[0] if error.name else str(error)
    missing = next((name for name in FOR_TRAINING if name == module or (not error.name and name in module)), "")
    if not missing or importlib.util.find_spec(missing) is not None:
        return f"an import fails, which `make setup` may mend: {error}"
    return (
        f"{missing} is not installed: this environment has what prediction needs and no more. Run `make setup`, or "
        "install the extra 'train'"
    )


def _told(error: OSError) -> str:
    """Return what the system refused, and for which file."""
    file = next((str(name) for name in (error.filename, error.filename2) if name is not None), "")
    return ": ".join(filter(None, [file, error.strerror])) or f"{type(error).__name__}: {error}"


def _end_in_order() -> None:
    """On SIGTERM and SIGHUP, leave the blocks that are under way, so that no temporary folder stays."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _leave)


class _Ended(BaseException):
    """A signal that ends this process."""


def _leave(number: int, _: Any) -> None:
    raise _Ended(number)
