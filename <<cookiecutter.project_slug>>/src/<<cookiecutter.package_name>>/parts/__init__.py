"""Optional parts of this project, and the doors through which the core uses them.

Each part is a package in this folder. The core imports no part and names none. It asks at a door, which is the name of
a module that a part may have:

=============  ========================================================================================================
`components`   classes, metrics and charts that the params can name
`params`       `KEYS` declares the keys of the part's file `params/<part>.yaml`, by which it is checked, completed in
               editors and documented; `compile(values, where, context)`, if there is one, checks the rest and returns
               the part's slice of the plan, or nothing
`commands`     `add(commands)` adds commands to `python -m <package>`
`addresses`    `opens(uri)` says whether an address of a model is one of the part's; `opened(uri, params)` is a context
               manager of the model's folder
`sources`      `opens(source)` says whether a mapping under `source:` in `params/data.yaml` is one of the part's;
               `checked(source, where)` returns it in plain values, and `path(checked)` the file that it comes to;
               `check(path, checked)` refuses another file there, `bring(params, update)` fetches it and says so
`outputs`      `FOLDERS` are those in which the part alone writes; `written()` returns the files, and the folders in
               `.cache`, that `make clean` removes. Nothing but Python is needed to import it
`observer`     `observing(model)` is a context manager around the search of a model
`routes`       `add(app, service)` adds paths to the service of the part `serve`, which asks; `OPEN` names those that
               need no key
`promotions`   `check(stage, version, push)` refuses a version that is about to stand in a stage of the part `releases`,
               which asks; `follow(stage, version, push)` does what the part does then, and says so
=============  ========================================================================================================
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the parts of this project, sorted."""
    return sorted(path.parent.name for path in HERE.glob("*/__init__.py"))


def modules(door: str) -> list[str]:
    """Return the import paths of the modules or packages behind a door, sorted by part; nothing is imported."""
    return [
        f"{__name__}.{name}.{door}"
        for name in names()
        if (HERE / name / f"{door}.py").is_file() or (HERE / name / door / "__init__.py").is_file()
    ]


def behind(door: str) -> Iterator[tuple[str, ModuleType]]:
    """Import what is behind a door: yield the name of each part that has it, and its module."""
    for path in modules(door):
        yield path.split(".")[-2], importlib.import_module(path)
