"""Put what AWS Lambda runs into a folder: the packages that a prediction needs, the code, the params and the model.

    python scripts/lambda_bundle.py install FOLDER    the packages, without what only tests and compilers read
    python scripts/lambda_bundle.py finish FOLDER     code, params and model; a first prediction; compiled modules
    python scripts/lambda_bundle.py measure FOLDER    how large it is, and how long it takes to start

Dockerfile.lambda builds the image with it. Without Docker it builds the same folder anywhere. The packages are those of
the Python that runs it, in the versions that the model was made with.
"""

import argparse
import importlib.util
import json
import os
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import requirements

# Installed without these extras: the model is in the folder, so nothing is fetched from the web.
PLAIN = {"fsspec": "http"}
# What a package brings for its tests, for type checkers and for compilers.
UNUSED_FOLDERS = ("test", "tests")
UNUSED_FILES = ("*.a", "*.c", "*.cpp", "*.h", "*.hpp", "*.pxd", "*.pxi", "*.pyi", "*.pyx", "*.tp")
CODE = "import importlib, json, sys, time; began = time.process_time(); importlib.import_module(sys.argv[1]); "
LOADED = "print(json.dumps([one.__file__ for one in sys.modules.values() if getattr(one, '__file__', None)]))"
SECONDS = "print(time.process_time())"


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description="Put what AWS Lambda runs into a folder.")
    parser.add_argument("step", choices=["install", "finish", "measure"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--extras", default="lambda", help="extras of pyproject.toml: lambda,parquet (%(default)s)")
    given = parser.parse_args()
    if given.step == "install":
        install(given.folder, given.extras.split(","))
    elif given.step == "finish":
        finish(given.folder)
    else:
        measure(given.folder)


def install(folder: Path, extras: list[str]) -> None:
    """Install the packages into the folder, and remove what no prediction reads."""
    project = requirements.tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [plain(one) for one in requirements.requirements(project, extras)]
    made_with = next((one for one in ("environment.json", "models/package/environment.json") if Path(one).exists()), "")
    if not made_with:
        sys.exit("there is no model to put into the function yet: make run makes models/package")
    with tempfile.TemporaryDirectory() as scratch:
        constraints = Path(scratch) / "constraints.txt"
        constraints.write_text("\n".join(requirements.pins(project["name"], made_with)), encoding="utf-8")
        target = ["--target", str(folder), "--constraint", str(constraints), "--quiet"]
        subprocess.run([*installer(), *target, *wanted], check=True)
    shutil.rmtree(folder / "bin", ignore_errors=True)
    remove_unused(folder)
    strip_libraries(folder)


def installer() -> list[str]:
    """Return the command that installs packages: pip's, or uv's in an environment that uv has made without pip."""
    uv = shutil.which("uv")
    if uv and not importlib.util.find_spec("pip"):
        return [uv, "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"]


def plain(requirement: str) -> str:
    """Return a requirement without the extras that Lambda does without."""
    for name, extra in PLAIN.items():
        requirement = re.sub(rf"^{name}\[{extra}\]", name, requirement)
    return requirement


def remove_unused(folder: Path) -> None:
    """Remove what packages bring for tests, type checkers and compilers."""
    for name in UNUSED_FOLDERS:
        for path in sorted(folder.glob(f"*/**/{name}")):
            if path.is_dir():
                shutil.rmtree(path)
    for pattern in UNUSED_FILES:
        for path in sorted(folder.glob(f"*/**/{pattern}")):
            path.unlink()


def strip_libraries(folder: Path) -> None:
    """Remove the symbols that debuggers read from compiled modules, where binutils is installed.

    The libraries in folders `*.libs` stay as they are: they have been edited for their wheel, and would not load.
    """
    strip = shutil.which("strip")
    if not strip:
        print("note: strip is not installed (binutils), so the folder is about 18 MB larger than it could be")
        return
    modules = [path for path in folder.rglob("*.so") if not any(part.endswith(".libs") for part in path.parts)]
    subprocess.run([strip, "--strip-unneeded", *map(str, modules)], check=True)


def finish(folder: Path) -> None:
    """Copy the project into the folder, predict the model's example there, and compile what that imported.

    Lambda starts a function with whatever modification times its files have, so what is compiled is not checked against
    them. Of modules that were not imported nothing is compiled: the folder would be half as large again.
    """
    package = package_name()
    for source, target in ((f"src/{package}", package), ("params", "params"), ("models/package", "models/package")):
        shutil.rmtree(folder / target, ignore_errors=True)
        shutil.copytree(source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
    loaded = json.loads(run(folder, CODE + LOADED))
    for file in sorted(inside(folder, loaded)):
        py_compile.compile(
            str(file),
            dfile=str(file.relative_to(folder)),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )


def inside(folder: Path, files: list[str]) -> Iterator[Path]:
    """Yield the modules of the folder that are written in Python."""
    for file in map(Path, files):
        if file.suffix == ".py" and file.resolve().is_relative_to(folder.resolve()):
            yield folder.resolve() / file.resolve().relative_to(folder.resolve())


def measure(folder: Path) -> None:
    """Print the size of the folder, and the least processor time of three starts on one core."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    seconds = min(float(run(folder, CODE + SECONDS)) for _ in range(3))
    print(json.dumps({"megabytes": round(size / 1e6, 1), "seconds": round(seconds, 2)}))


def run(folder: Path, code: str) -> str:
    """Run code with the handler's module as its argument, as Lambda runs it: in the folder, with nothing else."""
    kept = ("PATH", "LD_LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if name in kept}
    environment |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}
    words = [sys.executable, "-c", code, f"{package_name()}.parts.serverless_aws.handler"]
    done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("the function does not start; what Python said stands above")
    return done.stdout.splitlines()[-1]


def package_name() -> str:
    """Return the name of the project's package."""
    return next(Path("src").glob("*/__init__.py")).parent.name


if __name__ == "__main__":
    main()
