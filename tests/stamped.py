"""Stamped projects to run: in the tests' own environment, which holds the packages of every recipe."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import compiled
import psutil
import warm
from cookiecutter.main import cookiecutter
from warm import run as run_warm
from warm import venv as warm_venv

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
# Own tests that are the same for all recipes run in one project, and those of searches in one for classes and one for
# numbers.
NO_REQUESTS, NO_SEARCH = (f"--ignore=tests/test_{name}.py" for name in ("hostile_requests", "search"))
QUIET = {**warm.QUIET, "PYTHONPATH": "src"}
AUTHOR = {f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class Project:
    """A stamped project and what one does in it; it has all parts, unless the answer `parts` is another one."""

    def __init__(self, folder: Path, **answers: str) -> None:
        with environment(PATH=path(warm=True), **AUTHOR, **QUIET):
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
        compiled.write(self.path / "src")

    @classmethod
    def at(cls, path: Path) -> "Project":
        """The project that is in a folder."""
        project = object.__new__(cls)
        project.path, project.package = path, next((path / "src").glob("*/__init__.py")).parent.name
        return project

    def run(self, *command: str, code: int = 0, warm: bool = True) -> str:
        """What a command says; fails the test if it does not end with `code`.

        Parameters
        ----------
        warm : DVC and the project's own commands may run in a warm Python (`warm`); no for tests of processes, signals,
            clocks and imports.
        """
        env = {**os.environ, **QUIET, "PATH": path(warm)}
        done = run_warm(command, self.path, env) if warm else None
        done = done or subprocess.run(
            command,
            cwd=self.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == code, f"{' '.join(command)} gave {done.returncode}\n{done.stdout}"
        return done.stdout

    def python(self, *words: str, code: int = 0, warm: bool = True) -> str:
        """Like `run`, for one of the project's commands."""
        return self.run(str(TOOLS / "python"), "-m", self.package, *words, code=code, warm=warm)

    def stage(self, name: str, *words: str, warm: bool = True) -> str:
        """Run one stage, without DVC."""
        return self.run(str(TOOLS / "python"), "-m", f"{self.package}.stages.{name}", *words, warm=warm)

    def make(self, *words: str, code: int = 0) -> str:
        """Like `run`, for a target of the project's Makefile, in the tests' environment."""
        return self.run("make", f"PROJECT_VENV={warm_venv()}", *words, code=code)

    def repro(self, *targets: str) -> list[str]:
        """The names of the stages that ran again, in order."""
        said = self.run(str(TOOLS / "dvc"), "repro", *targets)
        return [line.split("'")[1] for line in said.splitlines() if line.startswith("Running stage")]

    def light(self) -> None:
        """Set what makes a run short: one trial a model, importances measured once, no learning curve."""
        settings = {
            "search": ((r"^  trials: .*", "  trials: 1"),),
            "evaluate": ((r"^  - learning_curve", "#  - learning_curve"), (r"n_repeats: \d+", "n_repeats: 1")),
        }
        for name, replacements in settings.items():
            path = self.path / "params" / f"{name}.yaml"
            text = path.read_text(encoding="utf-8")
            for old, new in replacements:
                text = re.sub(old, new, text, flags=re.MULTILINE)
            path.write_text(text, encoding="utf-8")

    def module(self, name: str) -> ModuleType:
        """A module of the package, imported into this process, where no module of the tests may have its name."""
        assert not (Path(__file__).parent / f"{self.package}.py").exists(), (
            f"give the project another name: {self.package}"
        )
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
        return Project.at(folder / self.path.name)

    def clone(self, folder: Path) -> "Project":
        """A git clone, with nothing of what DVC keeps."""
        self.run("git", "clone", "--quiet", str(self.path), str(folder / "clone"))
        return Project.at(folder / "clone")


def path(warm: bool) -> str:
    """The PATH of a project's commands: with the tests' tools, of which Python and DVC may be warm."""
    tools = [str(warm_venv() / "bin")] if warm else []
    return os.pathsep.join([*tools, str(TOOLS), os.environ.get("PATH", ""), "/usr/bin", "/bin"])


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
