"""The commands of remote runs: run, status, logs, fetch, stop."""

import contextlib
import shutil
import sys
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import write_text
from ...locks import alone
from ...objects.plan import compile_params
from .home import results, take_outputs, take_trials, unpack_apart
from .job import STATES, Job, jobs, new_id, pick
from .kept import is_kept, remove, take
from .outputs import FINISHED, JOBS
from .pack import STUDIES, copy_studies, pack
from .params import Settings, read_remote

PATIENCE = 20  # how often in a row a machine may not answer: the network here may be what is away
COPY = 30.0  # seconds between two copies of the trials from the machine
ENDS = ("ended", "kept", "gone")  # what a job comes to


def run(id: str | None = None) -> None:
    """Run the pipeline elsewhere and take over what it made; with `id`, go on with a job that is under way.

    Ctrl-C leaves the machine working.

    Raises
    ------
    UserError
        If something is wrong here, the machine cannot be had, or the run fails.
    """
    job = pick(id) if id else _submit()
    runner = job.made()
    try:
        _work(job, runner)
    except KeyboardInterrupt:
        print(
            f"\nthe job goes on without this: `make remote JOB={job.id}` comes back to it, "
            f"`make remote-stop JOB={job.id}` ends it",
            file=sys.stderr,
        )
        raise
    fetch(job.id)


def status() -> None:
    """Print all jobs, and what the machines of those under way are doing."""
    rows = [("job", "runner", "state", "machines")]
    for job in jobs():
        state = job.state
        if job.state == "started":
            try:
                state = _state(job, job.made())
            except UserError as error:
                state = f"unknown: {error}"
        rows.append((job.id, job.runner["class"].rpartition(".")[2], state, str(job.starts)))
    if len(rows) == 1:
        print("there is no job: `make remote` starts one")
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def logs(id: str | None = None) -> None:
    """Print what a job has said so far."""
    job = pick(id, finished=True)
    file = job.output / "log.txt"
    if job.state == "started":
        print(job.made().logs(job), end="")
    else:
        print(file.read_text(encoding="utf-8", errors="replace") if file.exists() else "", end="")


def fetch(id: str | None = None, to: str | None = None) -> None:
    """Bring home what a job that has ended made, end its machine, and take over what it made.

    Parameters
    ----------
    id : of the job; None for the only one.
    to : a folder to unpack it into instead.

    Raises
    ------
    UserError
        If it is still running, its machine was lost, it failed, or what it made does not fit what is here.
    """
    job = pick(id, finished=to is not None)
    runner = job.made()
    if job.state == "started":
        _bring(job, runner)
    if job.state not in ("brought", "done", "failed"):
        hint = f" (`make remote JOB={job.id}` starts it)" if job.state in ("packed", "lost") else ""
        raise UserError(f"job {job.id} is {_said(job)}: there is nothing to fetch{hint}")
    found = results(job)
    if found is None or found["exit"]:
        job.save(state="failed")
    if found is None:
        raise UserError(f"job {job.id} ended before it ran the pipeline; {_log(job)}")
    if to:
        unpack_apart(job, found, Path(to))
        print(f"what job {job.id} made is in {to}")
        return
    if found["exit"]:
        why = "ran out of time" if found["exit"] == 124 else "failed"
        raise UserError(
            f"job {job.id} {why}; the outputs here are what they were, and its trials are kept for the next run; "
            f"{_log(job)}"
        )
    with alone("remote fetch"):
        take_outputs(job, found)
    job.save(state="done")
    print(f"job {job.id} is done: the outputs are what a run here would have made")


def stop(id: str | None = None) -> None:
    """End a job and its machine, whatever state it is in; its trials are kept if they can be had.

    Parameters
    ----------
    id : of the job; None for the only one that is under way, `all` for each of them.
    """
    every = [one for one in jobs() if one.state not in FINISHED]
    if id == "all" or (id is None and not every):
        for job in every:
            _stop(job)
        if not every:
            print("no job is under way")
        return
    _stop(pick(id))


def _submit() -> Job:
    """Check everything that can be checked here, then pack a new job."""
    with alone("remote run"):
        return _packed()


def _packed() -> Job:
    compile_params(Path("params"))
    settings = read_remote(Path("params"))
    shared = {one.name for one in fields(Job)} & {one.name for one in fields(Settings)}
    job = Job(id=new_id(), **{name: getattr(settings, name) for name in shared})
    job.made().check(job)
    job.save()
    try:
        notes = pack(job, settings.setup, settings.push)
    except UserError:
        shutil.rmtree(job.folder)
        raise
    job.save(state="packed")
    for note in notes:
        print(f"note: {note}")
    print(f"job {job.id}: {(job.bundle / 'project.tar.gz').stat().st_size / 1e6:.1f} MB are packed")
    return job


def _work(job: Job, runner: Any) -> None:
    """Start the job and follow it to its end, on another machine if one is lost."""
    while True:
        if job.state in ("packed", "lost"):
            _start(job, runner)
        elif job.state in ("packing", "starting"):
            raise UserError(
                f"job {job.id} was interrupted at its start: `make remote-stop JOB={job.id}` clears it away"
            )
        if job.state != "started" or _follow(job, runner) != "gone":
            return
        if pick(job.id).state in ("stopping", "stopped"):
            raise UserError(f"job {job.id} was stopped")
        _lost(job, runner)
        if job.starts > job.restarts:
            raise UserError(
                f"the machine of job {job.id} was lost {job.starts} times; its trials are kept for the next "
                "`make remote` or `make run`"
            )
        print("the machine was lost: another goes on from its trials", flush=True)


def _start(job: Job, runner: Any) -> None:
    job.save(state="starting", starts=job.starts + 1)
    try:
        runner.start(job)
    except UserError:
        # Whatever there is of it by now must not go on costing.
        with contextlib.suppress(UserError):
            runner.stop(job)
            job.save(state="failed")
        raise
    job.save(state="started")


def _follow(job: Job, runner: Any) -> str:
    """Print what the job says until it has `ended`, or its machine is gone: `kept` or `gone`."""
    shown, failed, copied = 0, 0, time.monotonic()
    while True:
        try:
            state = _state(job, runner)
            text = runner.logs(job)
            failed = 0
        except UserError as error:
            failed += 1
            if failed > PATIENCE:
                raise UserError(f"{error}; `make remote JOB={job.id}` comes back to it") from None
            time.sleep(runner.seconds)
            continue
        print(text[shown if len(text) >= shown else 0 :], end="", flush=True)
        shown = len(text)
        if state in ENDS:
            return state
        if time.monotonic() - copied > COPY:
            with contextlib.suppress(UserError):
                runner.bring(job, job.output)
            copied = time.monotonic()
        time.sleep(runner.seconds)


def _bring(job: Job, runner: Any) -> None:
    """Bring home all that the machine wrote, and end it."""
    state = _state(job, runner)
    if state not in ENDS:
        raise UserError(f"job {job.id} is {state}: `make remote JOB={job.id}` waits for it")
    if state == "gone":
        _lost(job, runner)
        raise UserError(
            f"the machine of job {job.id} was lost; its trials are kept, and `make remote JOB={job.id}` goes on from "
            "them on another"
        )
    if state == "kept":
        take(job)
    else:
        runner.bring(job, job.output)
    take_trials(job)
    try:
        results(job)
    except UserError as error:
        raise UserError(f"{error}; `make remote-fetch JOB={job.id}` brings it once more") from None
    runner.stop(job)
    job.save(state="brought")
    _tidy(job)


def _state(job: Job, runner: Any) -> str:
    """What the runner says of the machine; `kept` where that is gone, and the DVC remote has what it wrote."""
    state: str = runner.state(job)
    return "kept" if state == "gone" and is_kept(job) else state


def _tidy(job: Job) -> None:
    """Remove what the DVC remote keeps of it; where that is not allowed, it stays, and is small."""
    with contextlib.suppress(UserError):
        remove(job)


def _bring_trials(job: Job, runner: Any) -> None:
    """Take over the trials that can be had, of the machine or of what the DVC remote keeps."""
    for bring in (lambda: runner.bring(job, job.output), lambda: take(job)):
        with contextlib.suppress(UserError):
            bring()
    take_trials(job)


def _lost(job: Job, runner: Any) -> None:
    """Keep the trials of a machine that is gone, for this project and for the next machine."""
    _bring_trials(job, runner)
    copy_studies(job.output / "studies", job.bundle / "output" / "studies")
    job.save(state="lost")


def _stop(job: Job) -> None:
    if job.state == "started":
        _bring_trials(job, job.made())
    if job.state not in ("packing", "packed", *FINISHED):
        # Written down first: a process that follows the job must not replace the machine.
        job.save(state="stopping")
        job.made().stop(job)
        copy_studies(job.bundle / "output" / "studies", STUDIES)  # which TPI brings when it ends the machine
        _tidy(job)
    if job.state not in FINISHED:
        job.save(state="stopped")
    print(f"job {job.id} is {_said(job)}, and its machine is gone")


def _said(job: Job) -> str:
    assert job.state in STATES  # nosec B101 # a fact for the type checker
    return {
        "packing": "not started",
        "packed": "not started",
        "starting": "being started",
        "lost": "without a machine",
        "stopping": "being stopped",
    }.get(job.state, job.state)


def _log(job: Job) -> str:
    """Where to read on, and the last line that says something."""
    file = job.output / "log.txt"
    if not file.exists():
        write_text(file, "")
    lines = [line for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    last = f" ({lines[-1].strip()})" if lines else ""
    return f"its log is {JOBS / job.id / 'output' / 'log.txt'}{last}"
