"""The grammar as JSON Schema, from which editors complete and check the params while they are typed.

Each file in `params/` names its schema in its first line. Class names complete from the registry, and any other text
is allowed, for only `make check` knows what can be imported.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..files import write_json
from ..parts import behind
from ..schema import DTYPES, ROLES
from ..steps.apart import PARTS
from .plan import EXAMPLES
from .registry import Entry, find_all

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
RANGE: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}


def write(folder: Path, packages: Iterable[str]) -> None:
    """Write one schema for each kind of file in `params/`."""
    for name, schema in schemas(find_all(packages)).items():
        write_json(folder / f"{name}.json", schema)


class Kit:
    """What schemas of params files are made of; `entries` are the classes that can be named."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = list(entries)

    def names(self, *kinds: str) -> Schema:
        """Return the schema of the name of a class of one of these kinds."""
        known = sorted({entry.name for entry in self._entries if entry.kind in kinds})
        return {"anyOf": [{"enum": known}, TEXT], "description": f"A {' or '.join(kinds)} by name or import path."}

    def object(self, *kinds: str) -> Schema:
        """Return the schema of an object, `{class: ..., params: {...}}`, without a space."""
        return mapping({"class": self.names(*kinds), "params": {"type": "object"}}, ["class"])

    def named_or_object(self, kind: str) -> Schema:
        """Return the schema of a class's name or an object."""
        return {"anyOf": [self.names(kind), self.object(kind)]}


def mapping(properties: Schema, required: Iterable[str] = ()) -> Schema:
    """Return the schema of a mapping with these keys and no others."""
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def or_null(schema: Schema) -> Schema:
    """Return a schema that also allows null."""
    return {"anyOf": [schema, {"type": "null"}]}


def schemas(entries: Iterable[Entry]) -> dict[str, Schema]:
    """Return the schemas by the name of the file that they describe, those of the parts included."""
    kit = Kit(entries)
    estimators = ("classifier", "regressor", "estimator", "clusterer", "outlier_detector")
    every = (*estimators, "transformer", "resampler")
    definitions = {
        "domain": _domain(),
        "object": _object(kit.names(*every)),
        "node": {
            "anyOf": [
                {"$ref": "#/$defs/object"},
                {"$ref": "#/$defs/steps"},
                mapping({"one_of": _items("The alternatives; the first is the default.")}, ["one_of"]),
                mapping({"optional": {"$ref": "#/$defs/node"}}, ["optional"]),
                mapping({"import": TEXT}, ["import"]),
            ]
        },
        "steps": _steps(),
    }

    above_0 = {"type": "number", "exclusiveMinimum": 0}
    budget = {
        "trials": or_null({"type": "integer", "minimum": 1})
        | {"description": "How many trials for all models together; null: no limit."},
        "seconds": or_null(above_0)
        | {"description": "How many seconds for all models and the final fit; null: no limit."},
        "shares": {
            "type": "object",
            "additionalProperties": above_0,
            "description": "The part of each model, and of `train`, the final fit; 1 where none is written.",
        },
    }
    importance = {name: {"type": "integer"} for name in ("n_repeats", "max_samples", "random_state")}
    seeds = {"type": "array", "items": {"type": "object"}, "description": "Known good points, tried before sampling."}
    preprocess = {
        "anyOf": [TEXT, {"$ref": "#/$defs/steps"}],
        "description": "The name of a file in params/preprocess, or steps.",
    }
    sample = or_null(kit.object("resampler")) | {"description": "What draws the rows to learn from in each fold."}
    pace = {
        "anyOf": [*or_null(above_0)["anyOf"], mapping({"text": or_null(above_0), "otherwise": or_null(above_0)})],
        "description": "Rows for which a second of its share suffices; with more it does not compete. Null: no limit. "
        "{text: …, otherwise: …}: where a feature is free text, and where none is.",
    }
    beside = {"preprocess": preprocess, "seeds": seeds, "sample": sample, "rows_per_second": pace}
    model = _object(kit.names(*estimators), beside)
    files = {
        "data": mapping(
            {
                "source": {
                    "anyOf": [TEXT, *(part.schema() for _, part in behind("sources"))],
                    "description": "A path, a URL, a database, or a file of another git repository.",
                },
                "target": {
                    "anyOf": [TEXT, TEXTS, {"type": "null"}],
                    "description": "The column to predict; a list for several, null for a task that has none.",
                },
                "task": {
                    "anyOf": [TEXT, kit.object("task")],
                    "description": "classification, regression, or another task in small letters.",
                },
                "positive": {"description": "Of two classes, the one to look for."},
                "read": {"type": "object", "description": "Further arguments for pandas' reader."},
                "missing": TEXTS | {"description": "The texts that stand for a missing value."},
                "clean": {
                    "anyOf": [
                        kit.object("cleaning"),
                        {"type": "array", "items": kit.object("cleaning")},
                        {"type": "null"},
                    ],
                    "description": "What cleans the table as it was read: an object, or several in their order.",
                },
                "columns": {"type": "object", "additionalProperties": _column()},
            },
            ["source", "target", "task"],
        ),
        "split": mapping({key: kit.object("splitter") for key in ("holdout", "cv", "outer")}, ["holdout", "cv"]),
        "search": mapping(
            {
                "models": TEXTS | {"minItems": 1, "uniqueItems": True, "description": "Files in params/models."},
                "metric": kit.named_or_object("metric"),
                "budget": mapping(budget) | {"minProperties": 1},
                "sampler": kit.object("sampler"),
                "pruner": kit.object("pruner"),
                "workers": kit.object("workers") | {"description": "Where the fits run."},
                "also_minimize": {
                    "enum": ["prediction_time", None],
                    "description": "A second objective, in seconds for 1,000 rows.",
                },
                "sample": sample,
                "storage": or_null(kit.object("storage"))
                | {"description": "Where the trials are kept; a file of this project's by default."},
            },
            ["models", "metric", "budget", "sampler", "pruner", "workers"],
        ),
        "train": mapping(
            {
                "ensemble": kit.object("ensemble") | {"description": "What the final model is made of."},
                "max_prediction_time": {
                    "type": ["number", "null"],
                    "exclusiveMinimum": 0,
                    "description": "In seconds for 1,000 rows; configurations that take longer are left out.",
                },
                "calibration": or_null(kit.object("classifier"))
                | {"description": "A classifier around the final model, such as CalibratedClassifierCV."},
                "threshold": or_null(kit.object("classifier"))
                | {"description": "A classifier around the final model, such as TunedThresholdClassifierCV."},
                "intervals": or_null(kit.object("regressor"))
                | {"description": "A regressor around the final model, such as ResidualIntervals."},
            },
            ["ensemble"],
        ),
        "evaluate": mapping(
            {
                "metrics": {"type": "array", "items": kit.named_or_object("metric")},
                "charts": {"type": "array", "items": kit.named_or_object("chart")},
                "permutation_importance": mapping(importance),
            },
            ["metrics"],
        ),
        "package": mapping(
            {
                "parts": mapping({part: kit.object("flavor") for part in PARTS})
                | {"description": "How the fitted parts are stored."},
                "exports": {"type": "array", "items": kit.object("flavor"), "description": "Copies of the whole."},
                "example": {"enum": list(EXAMPLES), "description": "The example rows that go with the model."},
            }
        ),
        "predict": mapping(
            {"validation": kit.object("validation") | {"description": "What is done with rows unlike training's."}},
            ["validation"],
        ),
        "registry": mapping({"packages": TEXTS | {"description": "Import names, such as lightgbm."}}),
        "preprocess": {"$ref": "#/$defs/steps"},
        "model": model,
    }
    for _, part in behind("params"):
        files |= part.schemas(kit)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    deep = {"$defs": definitions}
    return {name: head | schema | (deep if name in ("preprocess", "model") else {}) for name, schema in files.items()}


def _object(names: Schema, also: Schema | None = None) -> Schema:
    properties = {
        "class": names,
        "params": {"type": "object", "description": "What it is built with; a value may be an object again."},
        "space": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/domain"},
            "description": "What the search may change.",
        },
    }
    return mapping(properties | (also or {}), ["class"])


def _domain() -> Schema:
    when = {
        "type": "object",
        "description": "Other parameters of the object, and the values with which this one matters.",
    }
    log = {"type": "boolean", "description": "Whether the range is logarithmic."}
    number = {"log": log, "step": {"type": "number", "exclusiveMinimum": 0}, "when": when}
    whole = RANGE | {"items": {"type": "integer"}}
    choice = {"type": "array", "minItems": 1}
    return {
        "anyOf": [
            mapping({"float": RANGE | {"description": "[low, high]"}} | number, ["float"]),
            mapping({"int": whole | {"description": "[low, high]"}} | number, ["int"]),
            mapping({"choice": choice, "when": when}, ["choice"]),
        ]
    }


def _steps() -> Schema:
    dtype = {"enum": list(DTYPES)}
    chosen = {
        "dtype": {"anyOf": [dtype, {"type": "array", "items": dtype}]},
        "pattern": TEXT | {"description": "A regular expression that the name must hold."},
        "except": TEXTS,
    }
    columns = {"anyOf": [TEXTS, mapping(chosen)], "description": "Which columns these steps are for."}
    return mapping({"columns": columns, "steps": _items("In this order.")}, ["steps"])


def _items(description: str) -> Schema:
    named = {"type": "object", "maxProperties": 1, "additionalProperties": {"$ref": "#/$defs/node"}}
    return {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/node"}, named]}, "description": description}


def _column() -> Schema:
    rules = {
        "role": {"enum": list(ROLES)},
        "dtype": {"enum": list(DTYPES)},
        "format": TEXT
        | {"description": 'How dates are written ("%d.%m.%Y"), or the number 1234.5 ("1.234,5"), or times (h:m:s).'},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "categories": {"type": "array"},
        "missing": {"type": "number", "minimum": 0, "maximum": 1},
    }
    return mapping(rules)
