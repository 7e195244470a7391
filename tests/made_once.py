"""Projects that several tests start from: made once in a session, by the test process that needs them first."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from stamped import Project


def once(places: pytest.TempPathFactory, name: str, make: Callable[[Path], Project]) -> Project:
    """Return a project that all test processes share; tests read it, or change a copy of it.

    Parameters
    ----------
    places : the fixture `tmp_path_factory`.
    name : what tells the project from others.
    make : makes it in an empty folder, if no process has made it in this session.
    """
    own = places.getbasetemp()
    # With pytest-xdist, the folders of the processes are below the one of the session.
    folder = (own.parent if own.name.startswith("popen-") else own) / "finished" / name
    folder.parent.mkdir(exist_ok=True)
    note = folder.parent / f"{name}.path"
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not note.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            note.write_text(str(make(folder).path), encoding="utf-8")
    return Project.at(Path(note.read_text(encoding="utf-8")))


def finished(places: pytest.TempPathFactory, recipe: str) -> Project:
    """Return a project of a recipe with its sample and the preset `fast`, that was run with one trial a model."""

    def make(folder: Path) -> Project:
        project = Project(folder, project_name="Finished", recipe=recipe, estimators="fast")
        project.light()
        project.repro()
        return project

    return once(places, recipe, make)
