"""What the flow calls: run a stage of `dvc.yaml` in a folder of its own, with the files that earlier tasks made.

Tasks share no disk where they run on machines of a cloud. So the outputs of each stage are an artifact of its task, as
bytes by path, and the next task writes down those that its stage needs. A task on this machine does the same.
"""

import os
import subprocess  # nosec B404 # the command is the one in dvc.yaml
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ...objects.reader import read
from ...objects.sources import RAW, resolved
from .pipeline import given, stage_of

ROOT = Path(__file__).resolve().parents[4]

Files = dict[str, bytes]


def table_file() -> str | None:
    """Return the file of the table that `params/data.yaml` names; None if it is read from an address."""
    source, where = read(ROOT / "params" / "data.yaml", ROOT)
    path = str(resolved(source["source"], where.at("source"))["source"])
    return None if "://" in path else str(ROOT / path)


def items(stage: str) -> list[str]:
    """Return what the matrix of a stage is over, such as the names of the models."""
    return list(stage_of(ROOT, stage)[0].items)


def joined(parts: Iterable[Files]) -> Files:
    """Return the files that the tasks of a foreach made as one mapping."""
    return {path: body for files in parts for path, body in files.items()}


def run_stage(name: str, *earlier: Files, table: bytes | None = None, item: str | None = None) -> Files:
    """Run a stage in an empty folder and return what it made.

    Parameters
    ----------
    name : the stage in `dvc.yaml`.
    earlier : the files that the stages before it made.
    table : the content of the table, where the stage reads it.
    item : which one of its matrix.

    Returns
    -------
    The content of each file, by its path in the project.

    Raises
    ------
    MetaflowException
        If the stage fails; what it said stands above.
    """
    stage, stages = stage_of(ROOT, name)
    stage = stage.of(item)
    with tempfile.TemporaryDirectory(prefix="metaflow-") as folder:
        room = Path(folder)
        _bring_inputs(room, given(stages), table if RAW in stage.needs else None)
        write(joined(earlier), room)
        search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        done = subprocess.run(  # nosec B602 # the command is the one in dvc.yaml
            stage.command,
            cwd=room,
            shell=True,
            env={**os.environ, "PATH": search, "PYTHONPATH": str(room / "src")},
        )
        if done.returncode:
            from metaflow.exception import MetaflowException

            raise MetaflowException(f"{' '.join(filter(None, [name, item]))} failed; what it said stands above")
        return {path: body for made in stage.makes for path, body in read_files(room, made).items()}


def read_files(room: Path, made: str) -> Files:
    """Return the content of a file, or of all files in a folder, by path from `room`."""
    path = room / made
    files = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    return {one.relative_to(room).as_posix(): one.read_bytes() for one in files}


def write(files: Files, room: Path) -> None:
    """Write files down in a folder."""
    for path, body in files.items():
        (room / path).parent.mkdir(parents=True, exist_ok=True)
        (room / path).write_bytes(body)


def _bring_inputs(room: Path, paths: list[str], table: bytes | None) -> None:
    """Link the code, the params and what else no stage makes; write the table that came with the run."""
    for path in {"src", "params", "dvc.yaml", "pyproject.toml", *paths} - {RAW}:
        if (ROOT / path).exists() and not path.startswith("src/"):
            (room / path).parent.mkdir(parents=True, exist_ok=True)
            (room / path).symlink_to(ROOT / path)
    (room / RAW).mkdir(parents=True)
    for file in (ROOT / RAW).glob("*"):
        (room / RAW / file.name).symlink_to(file)
    source = table_file()
    if table is not None and source is not None:
        place = room / Path(source).relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.write_bytes(table)
