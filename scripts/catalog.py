"""Write `recipes/catalog.json`: every classifier, regressor and clusterer that the answer `estimators` may name.

The hooks know classes from this table, because cookiecutter's own environment has none of the packages. It is made
with a stamped project's registry, so both know the same classes: `make catalog`, with every package installed.
"""

import importlib
import inspect
import json
import sys
import tempfile
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import yaml
from cookiecutter.main import cookiecutter
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils import get_tags

ROOT = Path(__file__).resolve().parent.parent
CATALOG = ROOT / "recipes" / "catalog.json"
KINDS = ("classifier", "regressor", "clusterer")

# What stands in where a class wants another estimator: simple ones, to be replaced by the project's owner.
INNER = {"classifier": LogisticRegression, "regressor": Ridge}

# Fitted, these hold functions or trees of objects that skops and the project's joblib do not load.
NOT_STORED = ("Birch", "BisectingKMeans")

# Defaults that only say that the parameter is on its way out.
LEAVING = ("deprecated", "warn")
# What YAML reads back as it was written.
PLAIN = (bool, int, float, str, type(None))


def main() -> None:
    """Write the catalogue, or say with `--check` whether it is up to date."""
    text = catalog()
    if "--check" in sys.argv[1:]:
        if CATALOG.read_text(encoding="utf-8") != text:
            sys.exit("recipes/catalog.json is not what `make catalog` writes")
        return
    CATALOG.write_text(text, encoding="utf-8")
    print(f"{CATALOG.relative_to(ROOT)}: {text.count(chr(10)) - 2} names")


def catalog() -> str:
    """The catalogue as JSON, one short name a line."""
    packages = yaml.safe_load((ROOT / "recipes" / "packages.yaml").read_text(encoding="utf-8"))
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for one in registry(Path(folder)).find_all(list(packages), cache=None):
            if one.kind in KINDS and one.package in ("sklearn", *packages):
                facts = entry(one)
                if facts:
                    found[one.name].append(facts)
    lines = [
        f"{json.dumps(name)}: {json.dumps(sorted(found[name], key=lambda one: str(one['class'])))}"
        for name in sorted(found)
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def registry(folder: Path) -> Any:
    """The registry module of a project that is stamped for this into `folder`."""
    sys.path.append(str(ROOT))
    answers = {"project_slug": "catalog", "package_name": "catalog_project"}
    settings = folder / "settings.yaml"
    settings.write_text(json.dumps({"replay_dir": str(folder), "cookiecutters_dir": str(folder)}))
    project = cookiecutter(
        str(ROOT),
        no_input=True,
        extra_context=answers,
        output_dir=str(folder),
        config_file=str(settings),
        accept_hooks=False,
    )
    sys.path.insert(0, str(Path(project) / "src"))
    return importlib.import_module("catalog_project.objects.discovery")


def entry(one: Any) -> dict[str, Any] | None:
    """What the hooks need to know of a class, or None if it neither predicts one target nor clusters, on one machine.

    Its parameters' defaults, the parameters that somebody has to fill in, whether it takes missing values, and whether
    it gives probabilities, if it is a classifier.
    """
    thing = load(one.path)
    params: dict[str, Any] = {}
    inner, required = {}, []
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty:
            wanted = one.kind if name == "estimator" else name
            if wanted in INNER:
                inner[name] = INNER[wanted]()
                params[name] = {"class": INNER[wanted].__name__}
            else:
                required.append(name)
        elif plain(parameter.default) and parameter.default not in LEAVING:
            params[name] = parameter.default
    found = {"class": one.path, "kind": one.kind, "package": one.package, "params": params}
    if required:
        return {**found, "required": required}
    made = thing(**inner)
    try:
        tags = get_tags(made)
    except Exception:  # what cannot be looked at cannot be fitted either
        return None
    if not tags.target_tags.single_output or one.name.startswith("Dask"):
        return None
    if one.name in NOT_STORED or (one.kind == "clusterer" and not hasattr(made, "fit_predict")):  # of columns, that is
        return None
    found["missing"] = bool(tags.input_tags.allow_nan)
    if one.kind == "classifier":
        found["probabilities"] = hasattr(made, "predict_proba")
    return found


def load(path: str) -> Any:
    """The class of an import path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def plain(value: Any) -> bool:
    """Whether a default can be written to YAML and read back as it was."""
    if isinstance(value, (tuple, list)):
        return all(plain(one) for one in value)
    return isinstance(value, PLAIN) and value == value and value not in (float("inf"), float("-inf"))


if __name__ == "__main__":
    main()
