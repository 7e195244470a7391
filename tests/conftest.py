"""Fixtures: `bake` stamps a project in this process, `template_copy` is a git repository with the template in it."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = [key for key in json.loads((ROOT / "cookiecutter.json").read_text()) if not key.startswith("_")]
PERSON = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}


class BakedProject:
    """A stamped project, or the sentence with which the stamping was refused."""

    def __init__(self, result: Any, out: str, err: str, folder: Path) -> None:
        self.result = result
        self.out = out
        self.err = err
        self.folder = folder

    @property
    def path(self) -> Path:
        """The project's folder; fails the test if there is none."""
        assert self.result.exception is None, f"{self.result.exception!r}\n{self.err}"
        return Path(self.result.project_path)

    @property
    def refusal(self) -> str:
        """The line that the hook printed before it refused; fails the test if anything is left behind."""
        assert self.result.exception is not None, f"stamped without complaint:\n{self.out}"
        assert list(self.folder.iterdir()) == [], "something half-made is left"
        return next((line for line in self.err.splitlines() if line.strip()), "")

    @property
    def package(self) -> str:
        """The name of the project's package."""
        return next(path.parent.name for path in (self.path / "src").glob("*/__init__.py"))

    def read(self, name: str) -> str:
        """The text of a file."""
        return (self.path / name).read_text(encoding="utf-8")

    def files(self) -> list[str]:
        """The paths of all stamped files, without what git and DVC keep for themselves."""
        return [name for name in tree(self.path) if not name.startswith(".git/")]


def tree(folder: Path) -> list[str]:
    """The paths of all files below a folder, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def surroundings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home and a PATH of the tests' own: git and a known person, but no DVC, which takes seconds."""
    home = tmp_path_factory.mktemp("home")
    tools = home / "bin"
    tools.mkdir()
    for name in ("git", "sh", "env", "uname"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("PATH", str(tools))
    # A file of its own: `git config --global` replaces its file, which root could do to the null device, too.
    (home / "gitconfig").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    # Of the packages that projects import, mypy keeps what it found: a project after the first takes a quarter of the time.
    monkeypatch.setenv("MYPY_CACHE_DIR", str(ROOT / ".mypy_cache" / "stamped"))
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # these tests may be run by make themselves
        monkeypatch.delenv(name, raising=False)
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def with_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts DVC on the PATH: the one that is installed beside this Python."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """git knows nobody."""
    for name in PERSON:
        monkeypatch.delenv(name)


@pytest.fixture
def bake(cookies: Any, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., BakedProject]:
    """Stamp a project with these answers and, unless they say otherwise, all parts.

    A key that is no question fails, which cookiecutter would ignore.
    """
    cookies._default_template = str(ROOT)

    def stamp(**answers: Any) -> BakedProject:
        unknown = set(answers) - set(QUESTIONS)
        assert not unknown, f"no such question: {sorted(unknown)}"
        capfd.readouterr()
        folder = tmp_path / "cookies" / f"bake{cookies._counter:02d}"
        result = cookies.bake(extra_context={"parts": "all", **answers})
        said = capfd.readouterr()
        return BakedProject(result, said.out, said.err, folder)

    return stamp


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small table `shop.csv` in the folder where the stamping is started."""
    here = tmp_path / "here"
    here.mkdir()
    path = here / "shop.csv"
    path.write_text("price,area,city\n1,2,Rome\n3,4,Paris\n5,,Rome\n", encoding="utf-8")
    monkeypatch.chdir(here)
    return path


@pytest.fixture(scope="session")
def template_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The template's files as they stand, committed to a repository of their own on the branch `main`."""
    folder = tmp_path_factory.mktemp("template") / "sml"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    commit(folder, "The template")
    yield folder


@pytest.fixture
def template(template_copy: Path, tmp_path: Path) -> Path:
    """A template that a test may change."""
    folder = tmp_path / "template" / "sml"
    run("git", "clone", "--quiet", str(template_copy), str(folder), cwd=tmp_path)
    return folder


@pytest.fixture(scope="session")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A project on penguins that was run and committed; its data and models are in a folder, its model stands in prod.

    Slow tests work on copies or clones of it.
    """
    from made_once import once
    from stamped import Project

    def make(folder: Path) -> Project:
        project = Project(folder, project_name="Birds", estimators="logistic_regression", remote=str(folder / "store"))
        project.light()
        project.repro()
        commit(project.path, "Run")
        project.run("dvc", "push", "--quiet")
        for tag in ("model@v1.0.0", "model#prod#1"):
            person = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
            run("git", *person, "tag", "-m", "The first", tag, cwd=project.path)
        return project

    return once(tmp_path_factory, "registered", make)


def commit(folder: Path, message: str) -> None:
    """Commit everything in a repository."""
    run("git", "add", "--all", cwd=folder)
    run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", message, cwd=folder)


def run(*command: str, cwd: Path, **environment: str) -> str:
    """Run a command and return what it printed; fails with everything it said."""
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, f"{' '.join(command)} gave {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def pytest_configure(config: pytest.Config) -> None:
    """Matplotlib looks for the fonts once, and not again in the home of every test."""
    if getattr(config, "cache", None):  # not with -p no:cacheprovider
        os.environ.setdefault("MPLCONFIGDIR", str(config.cache.mkdir("matplotlib")))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take longest, so that short ones are left when one test process has nothing to do."""
    weights: Counter[Path] = Counter()
    for item in items:
        weights[item.path] += 20 if item.get_closest_marker("slow") else 1
    items.sort(key=lambda item: -weights[item.path])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-trees", action="store_true", help="write the expected file trees anew")
