"""Stamped projects to run: in the tests' own environment, which holds the packages of every recipe."""

import importlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import psutil
from cookiecutter.main import cookiecutter

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
# Own tests that are the same for all recipes run in one project, and those of searches in one for classes and one for
# numbers.
NO_REQUESTS, NO_SEARCH = (f"--ignore=tests/test_{name}.py" for name in ("hostile_requests", "search"))
# No thread waits for another while two tests run side by side.
QUIET = {"DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": "src"}
AUTHOR = {f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Project:
    """A stamped project and what one does in it; it has all parts, unless the answer `parts` is another one."""

    def __init__(self, folder: Path, **answers: str) -> None:
        with environment(PATH=f"{TOOLS}{os.pathsep}{os.environ.get('PATH', '')}:/usr/bin:/bin", **AUTHOR, **QUIET):
            self.path = Path(
                cookiecutter(
                    str(ROOT),
                    no_input=True,
                    output_dir=str(folder),
                    default_config=True,
                    extra_context={"parts": "all", **answers},
                )
            )
        self.package = next((self.path / "src").iterdir()).name

    def run(self, *command: str, code: int = 0) -> str:
        """What a command says; fails the test if it does not end with `code`."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, **QUIET, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}:/usr/bin:/bin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, f"{' '.join(command)} gave {done.returncode}\n{done.stdout}"
        return done.stdout

    def python(self, *words: str, code: int = 0) -> str:
        """Like `run`, for one of the project's commands."""
        return self.run(str(TOOLS / "python"), "-m", self.package, *words, code=code)

    def stage(self, name: str, *words: str) -> str:
        """Run one stage, without DVC."""
        return self.run(str(TOOLS / "python"), "-m", f"{self.package}.stages.{name}", *words)

    def repro(self, *targets: str) -> list[str]:
        """The names of the stages that ran again, in order."""
        said = self.run(str(TOOLS / "dvc"), "repro", *targets)
        return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]

    def module(self, name: str) -> ModuleType:
        """A module of the package, imported into this process."""
        if str(self.path / "src") not in sys.path:
            sys.path.insert(0, str(self.path / "src"))
        return importlib.import_module(f"{self.package}.{name}")

    def edit(self, file: str, *replacements: tuple[str, str]) -> None:
        """Replace texts in a file; a text that is not there fails the test."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text, f"{file} does not hold {old!r}"
            text = text.replace(old, new, 1)
        path.write_text(text, encoding="utf-8")

    @contextmanager
    def edited(self, file: str, *replacements: tuple[str, str]) -> Iterator[None]:
        """The same for a while."""
        path = self.path / file
        text = path.read_text(encoding="utf-8")
        self.edit(file, *replacements)
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")

    def running(self) -> list[psutil.Process]:
        """The processes that still run in its folder, a second from now at the latest."""
        for _ in range(20):
            found = [
                one
                for one in psutil.process_iter(["cwd", "status"])
                if one.info["cwd"] == str(self.path) and one.info["status"] != psutil.STATUS_ZOMBIE
            ]
            if not found:
                break
            time.sleep(0.05)
        return found

    def copy(self, folder: Path) -> "Project":
        """A copy with its outputs and its cache."""
        shutil.copytree(self.path, folder / self.path.name, symlinks=True)
        twin = object.__new__(Project)
        twin.path, twin.package = folder / self.path.name, self.package
        return twin

    def clone(self, folder: Path) -> "Project":
        """A git clone, with nothing of what DVC keeps."""
        self.run("git", "clone", "--quiet", str(self.path), str(folder / "clone"))
        twin = object.__new__(Project)
        twin.path, twin.package = folder / "clone", self.package
        return twin


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """These environment variables for a while."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
