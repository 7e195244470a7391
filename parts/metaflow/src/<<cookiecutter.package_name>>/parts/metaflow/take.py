"""Take over what a run of the flow made, as if the pipeline had run here."""

from pathlib import Path
from typing import Any

from ...errors import UserError
from ...files import replacing_file, replacing_folder
from ...project.calls import dvc
from ...project.locked import note_made
from .pipeline import Stage, read_pipeline
from .tasks import Files, joined, run_stage, table_file, write
from .write import flow_name


def take(number: str | None) -> str:
    """Put what a run made into its places, let DVC know, and return a sentence on it.

    Parameters
    ----------
    number : of the run; None for the latest that succeeded.

    Raises
    ------
    UserError
        If there is no such run, it has not succeeded, or the params, code or data here are others than it had.
    """
    run = _run(number)
    stages = read_pipeline(Path())
    made = {stage.name: _made(run, stage) for stage in stages}
    _check_same(run, stages[0], made[stages[0].name])
    files = joined(made.values())
    for stage in stages:
        for place in stage.folders():
            _put(place, {path: body for path, body in files.items() if path == place or path.startswith(f"{place}/")})
    dvc("commit", "--force", "dvc.yaml")
    return f"run {run.id} is taken over: the outputs are what a run here would have made"


def _run(number: str | None) -> Any:
    """Return Metaflow's run."""
    from metaflow import Flow, namespace
    from metaflow.exception import MetaflowNotFound

    name = flow_name()
    namespace(None)  # of others, too
    try:
        flow = Flow(name)
        run = flow[number] if number else flow.latest_successful_run
    except (MetaflowNotFound, KeyError):
        run = None
    if run is None:
        what = f"there is no run {number}" if number else "no run has succeeded"
        raise UserError(f"{what} of the flow {name}: make metaflow-run makes one")
    if not run.successful:
        raise UserError(f"run {run.id} has not succeeded; make metaflow-resume RUN={run.id} goes on with it")
    return run


def _made(run: Any, stage: Stage) -> Files:
    """Return the files that a stage made in a run."""
    files: Files = getattr(run.data, f"{stage.name.replace('-', '_')}_files")
    return files


def _check_same(run: Any, plan: Stage, planned: Files) -> None:
    """Refuse a run of other params, code or data than are here now."""
    if run_stage(plan.name) != planned:
        raise UserError(f"the params or the code changed since run {run.id}: what it made is not of what is here")
    source = table_file()
    if source is not None and (not Path(source).exists() or Path(source).read_bytes() != run.data.table):
        raise UserError(f"{Path(source).name} is not the table of run {run.id}: what it made is not of what is here")


def _put(place: str, files: Files) -> None:
    """Write an output, whole or not at all."""
    path = Path(place)
    if list(files) == [place]:
        with replacing_file(path) as new:
            new.write_bytes(files[place])
    else:
        with replacing_folder(path) as new:
            new.mkdir()
            write({Path(name).relative_to(path).as_posix(): body for name, body in files.items()}, new)
    note_made(path)
