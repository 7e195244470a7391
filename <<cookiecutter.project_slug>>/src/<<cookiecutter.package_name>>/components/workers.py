"""Workers: where the fits of a search run. Each is started, is handed calls, and answers with futures.

`environment` is what the variables of the search's own process have to be before its libraries are loaded.

What a search finds depends on how many trials are under way at a time (`trials`), and not on where or how fast they
run: with the same seed, the same `trials` and a budget of trials, all of these find the same.
"""

import importlib
import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from functools import lru_cache
from typing import Any, ClassVar

import joblib
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.backend.context import get_context

from ..files import temporary


class InProcess:
    """No other process: one fit after another, each on all cores where there are more than 10,000 rows.

    Parameters
    ----------
    trials : how many trials are under way at a time.
    """

    kind = "workers"

    def __init__(self, trials: int = 1) -> None:
        self.trials, self.slots = _whole("trials", trials), 1

    environment: ClassVar[dict[str, str]] = {}

    def start(self, fork: bool = False) -> None:
        """Nothing has to be started."""

    def share(self, value: Any) -> Any:
        """What `submit` takes for a value that many calls need."""
        return value

    def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
        """Call `function` at once; the future is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*words))
        except Exception as error:
            future.set_exception(error)
        return future

    def stop(self) -> None:
        """Nothing is left running."""


class Processes:
    """Processes on this machine, by joblib's loky.

    Parameters
    ----------
    n_workers : how many.
    trials : how many trials are under way at a time; None for twice as many as there are workers, which keeps them
        busy while an early trial is waited for.
    """

    kind = "workers"

    def __init__(self, n_workers: int = 2, trials: int | None = None) -> None:
        self.slots = self.n_workers = _whole("n_workers", n_workers)
        self.trials = 2 * n_workers if trials is None else _whole("trials", trials)
        self._executor: ProcessPoolExecutor | None = None
        self._folders = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """Return how many threads each process uses: `OMP_NUM_THREADS` if set, else an equal part of the cores.

        loky's own report of a crash, hundreds of lines, is off unless `PYTHONFAULTHANDLER` asks for it.
        """
        each = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // self.n_workers))
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), each)
        return threads | {"PYTHONFAULTHANDLER": os.environ.get("PYTHONFAULTHANDLER", "")}

    def start(self, fork: bool = False) -> None:
        """Start the processes.

        Parameters
        ----------
        fork : copy this process where the system can, which spares them a second of imports. For a process that has
            imported its libraries and computed nothing: threads of OpenMP do not survive it.
        """
        context = None
        if fork and sys.platform == "linux":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                context = get_context("fork")
        self._executor = ProcessPoolExecutor(self.n_workers, context=context, env=self.environment)
        for _ in range(self.n_workers):
            self._executor.submit(_import)

    def share(self, value: Any) -> Any:
        """A file that each worker reads once."""
        file = self._folders.enter_context(temporary()) / "shared.joblib"
        joblib.dump(value, file)
        return _File(str(file))

    def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
        """A future of the call's result."""
        assert self._executor is not None, "start comes first"  # nosec B101 # a fact for the type checker
        future: Future[Any] = self._executor.submit(_call, function, *words)
        return future

    def stop(self) -> None:
        """End the processes, whatever they are doing."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, kill_workers=True)
            self._executor = None
        self._folders.close()


class DaskCluster:
    """The workers of a Dask cluster, on any number of machines; this project must be installed on each.

    Parameters
    ----------
    address : the scheduler's, e.g. `tcp://127.0.0.1:8786`.
    trials : how many trials are under way at a time; about as many as the cluster has threads.
    retries : how often a call is made again after its worker was lost.
    """

    kind = "workers"
    needs = "distributed"

    def __init__(self, address: str, trials: int = 2, retries: int = 3) -> None:
        self.address, self.retries = address, retries
        self.trials = self.slots = _whole("trials", trials)
        self._client: Any = None

    environment: ClassVar[dict[str, str]] = {}

    def start(self, fork: bool = False) -> None:
        """Connect to the scheduler.

        Raises
        ------
        OSError
            If there is none at the address.
        """
        from distributed import Client

        self._client = Client(self.address, timeout="10s", set_as_default=False)
        self._executor = self._client.get_executor(retries=self.retries, pure=False)

    def share(self, value: Any) -> Any:
        """A copy in the memory of every worker, also of those that join later."""
        return self._client.scatter(value, broadcast=True, hash=False)

    def submit(self, function: Callable[..., Any], *words: Any) -> Future[Any]:
        """A future of the call's result."""
        future: Future[Any] = self._executor.submit(function, *words)
        return future

    def stop(self) -> None:
        """Cancel what is under way and leave the cluster as it is."""
        if self._client is not None:
            self._executor.shutdown(wait=False)
            self._client.close(timeout=2)
            self._client = None


class _File:
    """A shared value on its way to a worker."""

    def __init__(self, name: str) -> None:
        self.name = name


@lru_cache(maxsize=2)
def _read(name: str) -> Any:
    return joblib.load(name, mmap_mode=None)


def _call(function: Callable[..., Any], *words: Any) -> Any:
    return function(*(_read(word.name) if isinstance(word, _File) else word for word in words))


def _import() -> None:
    importlib.import_module("..steps.fold", __package__)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} needs a whole number above 0, not {value!r}")
    return value
