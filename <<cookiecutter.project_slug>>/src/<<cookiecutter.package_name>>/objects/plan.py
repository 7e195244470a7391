"""Compile `params/` into the plan: one resolved slice of JSON for each stage and each model.

DVC compares parameter mappings without their order and re-runs a stage when any file that it depends on changed.
So the stages do not depend on the params themselves. Each depends on its slice, in which names are resolved, lists
keep their order and keys are sorted: a comment changes no slice, one model's space changes that model's alone.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

from sklearn.linear_model import LinearRegression, LogisticRegression

from ..errors import UserError, nearest
from ..parts import behind
from ..schema import DTYPES, ROLES, RULES, dtype_of_format
from ..steps.apart import PARTS
from ..steps.task import AROUND, Task
from .allowed import DEFAULT
from .attempts import is_amount, try_metric, try_search, try_splitter, try_storing
from .build import build, check
from .code import fingerprints, stage_code
from .grammar import ESTIMATORS, Grammar, Object, OneOf, Steps, classes, column_names, parameters, plain
from .metrics import metric
from .missing import refuse_missing
from .model import BESIDE, Model
from .names import RULE, is_name, twin
from .reader import Where, read
from .registry import find_all, kind_of, load
from .sources import resolved
from .space import check_seeds
from .weights import check_weights

LEAST_SECONDS = 0.1  # of the budget, for each model and for `train`
CHEAPEST = 20.0  # seconds for the defaults of the first model, where its share is smaller
BUDGETS = {"otherwise": "budget", "text": "budget_with_text"}  # in a slice, by the kind of table
EXAMPLES = ("generated", "real")


@dataclass
class Plan:
    """What each stage gets, as plain values, by the name of its file in `plan/`."""

    slices: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Context:
    """What the params door gives to a part: the folder `params/`, and what the core has read there.

    Parameters
    ----------
    folder : Path
        The folder of the params.
    grammar : Grammar
        Reads objects, with the packages that `params/registry.yaml` names.
    task : Task
        What is to be predicted.
    data : dict
        The slice of `params/data.yaml`.
    """

    folder: Path
    grammar: Grammar
    task: Task
    data: Mapping[str, Any]

    def read(self, name: str) -> tuple[Any, Where]:
        """Return what a file of the params holds, and its place for errors."""
        return read(self.folder / name, self.folder.resolve().parent)

    @property
    def weight(self) -> str | None:
        """The column with the role `weight`, if there is one."""
        return next(iter(_with_role(self.data, "weight")), None)


def compile_params(folder: Path) -> Plan:
    """Read, check and resolve everything in `params/`.

    Raises
    ------
    UserError
        For the first thing that is wrong, with file, line, and what would be right.
    """
    root = folder.resolve().parent
    refuse_missing(folder)
    packages = _registry(*read(folder / "registry.yaml", root))
    grammar = Grammar(packages)
    data = _data(*read(folder / "data.yaml", root), grammar)
    task = build(grammar.object(data["task"], Where("params/data.yaml").at("task"), ["task"]))
    split = _split(*read(folder / "split.yaml", root), grammar)
    files = [file.stem for file in sorted((folder / "models").glob("*.yaml"))]
    search = _search(*read(folder / "search.yaml", root), grammar, task, files)
    train, evaluate = (read(folder / name, root) for name in ("train.yaml", "evaluate.yaml"))
    names, shares = search.pop("models"), search.pop("shares")

    plan = Plan(notes=[*_split_notes(split, data, task), *search.pop("notes")])
    try_searchers = search.pop("try")
    named: set[str] = set()
    models: list[Model] = []
    columns: list[dict[str, Any]] = []
    chosen: list[dict[str, Any]] = []
    most: dict[str, dict[str, int]] = {"otherwise": {}, "text": {}}  # rows, without and with a feature of free text
    for name, place in names.items():
        model = read_model(folder, name, grammar, place, task)
        _check_metric(search["metric"], model, place)
        written, file = read(folder / "models" / f"{name}.yaml", root)
        own = _with_sample(search, written, file, grammar)
        for kind, pace in _paces(written.get("rows_per_second"), file.at("rows_per_second")).items():
            rows = _most_rows(pace, own, _share(search["budget"], shares, name).get("seconds"))
            if rows is not None:
                most[kind][name] = rows
        try_searchers(model.space)
        slice_ = own | {"name": name, "task": data["task"], "model": model.plain()}
        # What any model has to beat always competes: it is one fit, and a quick one.
        if load(model.estimator.path, place) is type(task.dummy()) and not model.space:
            slice_["always"] = True
        if name == next(iter(names)):
            slice_["least_seconds"] = CHEAPEST
        used = classes(model.estimator) | classes(model.preprocess)
        # Where a search runs changes no score.
        used |= _named([data["task"], {key: one for key, one in own.items() if key not in ("workers", "storage")}])
        named |= classes(model.estimator) | classes(model.preprocess)
        models.append(model)
        chosen += [one for one in [_chosen_columns(model.preprocess)] if one and one not in chosen]
        columns += [one for one in _named_columns(model.preprocess) if one not in columns]
        plan.slices[f"models/{name}"] = slice_ | {"code": fingerprints(used)}
    most = {kind: _with_one_left(limits, names) for kind, limits in most.items()}
    if most["text"] == most["otherwise"]:
        del most["text"]
    budgets = {kind: _budgets(search["budget"], shares, limits) for kind, limits in most.items()}

    def parts(name: str) -> dict[str, Any]:
        return {BUDGETS[kind]: found[name] for kind, found in budgets.items()}

    for name in names:
        plan.slices[f"models/{name}"] |= parts(name)
    plan.slices["data"] = data | {"code": fingerprints(_named([data["task"], data["clean"]]))}
    package = read_package(folder, grammar)
    flavors = {
        name: build(grammar.object(one, Where("params/package.yaml").at("parts", name), ["flavor"]))
        for name, one in package["parts"].items()
    }
    for model in models:
        plan.notes += try_storing(model, flavors, named)
    trained = _train(*train, names, task, grammar) | {"parts": package["parts"]}
    plan.slices["train"] = trained | {
        "models": list(names),
        "task": data["task"],
        "metric": search["metric"],
        "named": sorted(named | trained["named"] | _named([data["task"], data["clean"], trained])),
        **parts("train"),
        "workers": search["workers"],
        "code": fingerprints(_named([data["task"], trained]) | trained["named"] | {DEFAULT}),
    }
    told = ", ".join(f"{name} {_amount(_share(search['budget'], shares, name))}{_up_to(name, most)}" for name in names)
    final = _amount(_share(search["budget"], shares, "train"))
    plan.notes.append(f"the budget: {told}{f'; {final} for fitting the final model' if final else ''}")
    evaluated = _evaluate(*evaluate, grammar, task) | {"metric": search["metric"]}
    metrics = [search["metric"], *evaluated["metrics"]]
    plan.slices["evaluate"] = evaluated | {"code": fingerprints(_named([data["task"], metrics, evaluated["charts"]]))}
    read_validation(folder, grammar)
    for column in _with_role(data, "weight"):
        places = [("search.yaml", "metric"), *(("evaluate.yaml", "metrics"),) * len(evaluated["metrics"])]
        measured = [(metric(one, Where("params"), grammar), at) for one, at in zip(metrics, places, strict=True)]
        check_weights(column, task, models, measured, trained)
    # Copies of the whole bring the policies for new rows with them.
    policies = read(folder / "predict.yaml", root)[0] if package["exports"] else {}
    plan.slices["package"] = policies | {
        "exports": package["exports"],
        "example": package["example"],
        # Exports load the model, and with it the classes of its members.
        "code": fingerprints(_named(package["exports"]) | (named if package["exports"] else set())),
    }
    plan.slices["split"] = split | {
        "metrics": metrics,
        "columns": columns,
        "chosen": chosen,
        "threshold": trained["threshold"] is not None,
        "code": fingerprints(_named([data["task"], split, metrics])),
    }
    context = Context(folder, grammar, task, data)
    for name, part in behind("params"):
        slice_ = part.compile(context)
        if slice_:
            plan.slices[f"parts/{name}"] = slice_
    plan.slices |= {f"code/{stage}": code for stage, code in stage_code().items()}
    return plan


def read_grammar(folder: Path) -> Grammar:
    """Return the grammar with the packages that `params/registry.yaml` names."""
    return Grammar(_registry(*read(folder / "registry.yaml", folder.resolve().parent)))


def read_task(folder: Path, grammar: Grammar) -> dict[str, Any]:
    """Return the task of `params/data.yaml` in plain values."""
    data, where = read(folder / "data.yaml", folder.resolve().parent)
    written: dict[str, Any] = plain(_task(where.mapping(data, need=["task"])["task"], where.at("task"), grammar))
    return written


def read_package(folder: Path, grammar: Grammar | None = None) -> dict[str, Any]:
    """Return what `params/package.yaml` says.

    Returns
    -------
    dict
        `parts`, the flavor of each fitted part; `exports`, the flavors of copies of the whole; `example`, whether the
        example rows in the model's folder are "generated" or "real".
    """
    root = folder.resolve().parent
    grammar = grammar or Grammar(_registry(*read(folder / "registry.yaml", root)))
    data, where = read(folder / "package.yaml", root)
    data = where.mapping(_or_empty(data), ["parts", "exports", "example"])
    written = where.at("parts").mapping(data.get("parts") or {}, PARTS)
    parts = {name: _flavor(one, where.at("parts", name), name, grammar) for name, one in written.items()}
    exports = data.get("exports") or []
    if not isinstance(exports, list):
        raise where.at("exports").error("'exports' needs a list of flavors, such as [{class: Joblib}]")
    copies = [_flavor(one, where.at("exports", index), "exports", grammar) for index, one in enumerate(exports)]
    twice = next((one["class"] for index, one in enumerate(copies) if one in copies[:index]), None)
    if twice is not None:
        raise where.at("exports").error(f"{twice.rpartition('.')[2]} is named twice")
    example = data.get("example", EXAMPLES[0])
    if example not in EXAMPLES:
        raise where.at("example").error(f"'example' is {' or '.join(EXAMPLES)}, not {example!r}")
    return {"parts": parts, "exports": copies, "example": example}


def _flavor(data: Any, where: Where, use: str, grammar: Grammar) -> dict[str, Any]:
    flavor = grammar.object(data, where, ["flavor"])
    _refuse_space(flavor)
    check(flavor)
    suits = build(flavor).suits
    if use not in suits:
        raise where.error(f"{flavor.name} is no flavor for {use!r}; it is for {', '.join(suits)}")
    plain_: dict[str, Any] = plain(flavor)
    return plain_


def read_validation(folder: Path, grammar: Grammar | None = None) -> Any:
    """The object that `params/predict.yaml` describes, which checks new rows."""
    root = folder.resolve().parent
    grammar = grammar or Grammar(_registry(*read(folder / "registry.yaml", root)))
    data, where = read(folder / "predict.yaml", root)
    where.mapping(data, ["validation"], ["validation"])
    validation = grammar.object(data["validation"], where.at("validation"), ["validation"])
    _refuse_space(validation)
    check(validation)
    made = build(validation)
    if getattr(made, "bad_rows", None) not in ("refuse", "skip"):
        raise where.at("validation").error(
            f"{validation.name} needs an attribute 'bad_rows', which is 'refuse' or 'skip'"
        )
    return made


def read_model(folder: Path, name: str, grammar: Grammar, where: Where, task: Task) -> Model:
    """The model that `params/models/<name>.yaml` describes, checked and with its preprocessing."""
    path = folder / "models" / f"{name}.yaml"
    if not path.exists():
        known = [one.stem for one in sorted((folder / "models").glob("*.yaml"))]
        raise where.error(f"there is no params/models/{name}.yaml{nearest(name, known)}")
    data, place = read(path, folder.resolve().parent)
    kinds = [*task.models, *ESTIMATORS[4:]]
    estimator = grammar.object(data, place, kinds, also=BESIDE)
    check(estimator)
    steps = _preprocess(folder, data.get("preprocess", {"steps": []}), place.at("preprocess"), grammar)
    model = Model(name, estimator, steps, [])
    seeds = check_seeds(model.space, data.get("seeds", []), place.at("seeds"))
    return Model(name, estimator, steps, seeds)


def _preprocess(folder: Path, data: Any, where: Where, grammar: Grammar) -> Steps:
    if isinstance(data, str):
        if not is_name(data):
            raise where.error(f"{data!r} cannot name a preprocessing: {RULE}")
        path = folder / "preprocess" / f"{data}.yaml"
        if not path.exists():
            known = [one.stem for one in sorted((folder / "preprocess").glob("*.yaml"))]
            raise where.error(f"there is no params/preprocess/{data}.yaml{nearest(data, known)}")
        data, where = read(path, folder.resolve().parent)
    steps = grammar.steps(data, where)
    _refuse_predictors(steps)
    check(steps)
    build(steps)
    return steps


def _named_columns(node: Any) -> list[dict[str, Any]]:
    """The columns that a preprocessing names, and where: they are looked up once there is a table."""
    return [
        {"place": [where.file.removeprefix("params/"), *where.path], "names": list(names)}
        for where, names in column_names(node)
        if names
    ]


def _chosen_columns(steps: Steps) -> dict[str, Any]:
    """The columns that a preprocessing begins with, and where; nothing where it begins with all of them."""
    if not steps.items or not isinstance(steps.items[0][1], Steps) or steps.items[0][1].columns is None:
        return {}
    first = takewhile(
        lambda item: isinstance(item, Steps) and item.columns is not None, (item for _, item in steps.items)
    )
    place = [steps.where.file.removeprefix("params/"), *steps.where.at("steps").path]
    return {"place": place, "columns": [plain(item)["columns"] for item in first]}


def _refuse_predictors(node: Any) -> None:
    """A step before the model transforms; it does not predict."""
    if isinstance(node, Object) and kind_of(load(node.path, node.where)) in ("classifier", "regressor"):
        raise node.where.error(f"{node.name} predicts: a step of a preprocessing has to transform")
    for _, item in node.items if isinstance(node, Steps | OneOf) else ():
        _refuse_predictors(item)


def _registry(data: Any, where: Where) -> tuple[str, ...]:
    packages = where.mapping(_or_empty(data), ["packages"]).get("packages") or []
    if not isinstance(packages, list) or not all(isinstance(one, str) for one in packages):
        raise where.at("packages").error("'packages' needs a list of import names, e.g. [lightgbm, sklego]")
    try:
        find_all(packages)
    except UserError as error:
        raise where.at("packages").error(error.message) if error.place else error from None
    return tuple(packages)


def _data(data: Any, where: Where, grammar: Grammar) -> dict[str, Any]:
    where.mapping(
        data,
        ["source", "target", "task", "read", "missing", "clean", "columns", "positive"],
        ["source", "target", "task"],
    )
    if not (isinstance(data["source"], str | dict) and data["source"]):
        raise where.at("source").error(f"'source' needs text, not {data['source']!r}{_quote(data['source'])}")
    task = _task(data["task"], where.at("task"), grammar)
    targets = _targets(data["target"], where.at("target"), build(task))
    missing = data.get("missing")
    if missing is not None and not (isinstance(missing, list) and all(isinstance(one, str) for one in missing)):
        raise where.at("missing").error("'missing' needs a list of texts; put numbers in quotes")
    columns = where.at("columns").mapping(data.get("columns") or {})
    for name, rules in columns.items():
        _column_rules(rules, where.at("columns", name))
        if name in targets and set(rules) != {"format"}:
            raise where.at("columns", name).error(
                f"{name!r} is the target, which has no role besides; it can have a format"
            )
    for role in ("time", "weight") if "group" in build(task).keys else ("time", "weight", "group"):
        twice = _with_role({"columns": columns}, role)[1:]
        if twice:
            raise where.at("columns", twice[0]).error(
                f"{twice[0]!r} is the second column with the role {role!r}: there is one"
            )
    if isinstance(data.get("positive"), list | dict):
        raise where.at("positive").error(f"'positive' names one class, not {data['positive']!r}")
    read_options = where.at("read").mapping(data.get("read") or {})
    return resolved(data["source"], where.at("source")) | {
        "target": data["target"] if data["target"] is not None else [],
        "task": plain(task),
        "read": read_options,
        "missing": missing,
        "clean": _cleanings(data.get("clean"), where.at("clean"), grammar),
        "columns": columns,
        "positive": data.get("positive"),
    }


def _task(data: Any, where: Where, grammar: Grammar) -> Object:
    """The task: an object, or its class's name in small letters."""
    if isinstance(data, str) and "." in data:
        data = {"class": data}
    if isinstance(data, str):
        known = {one.name.lower(): one.name for one in find_all(grammar.packages) if one.kind == "task"}
        if data not in known:
            raise where.error(f"unknown task {data!r}{nearest(data, known)}")
        data = {"class": known[data]}
    task = grammar.object(data, where, ["task"])
    _refuse_space(task)
    if any(isinstance(value, Object | dict) for value in task.params.values()):
        raise where.at("params").error("the parameters of a task are plain values")
    check(task)
    return task


def _cleanings(data: Any, where: Where, grammar: Grammar) -> list[Any]:
    """What cleans the table as it was read: an object or a list of such, in plain values."""
    written = [] if data is None else data if isinstance(data, list) else [data]
    found = []
    for index, one in enumerate(written):
        place = where.at(index) if isinstance(data, list) else where
        node = grammar.object(one, place, ["cleaning"])
        _refuse_space(node)
        check(node)
        found.append(plain(node))
    return found


def _targets(data: Any, where: Where, task: Task) -> list[str]:
    """The target columns, as many as the task takes."""
    names = [data] if isinstance(data, str) else data or []
    if not isinstance(names, list) or not all(isinstance(one, str) and one for one in names):
        raise where.error(f"'target' needs text, or a list of texts for several, not {data!r}{_quote(data)}")
    fewest, most = task.targets
    if len(names) < fewest or (most is not None and len(names) > most):
        counts: dict[int | None, str] = {0: "no target: write null", 1: "one target", None: "at least one target"}
        wanted = counts.get(most, f"at most {most} targets")
        raise where.error(f"a {task.name} has {wanted}, not {data!r}")
    twice = next((one for index, one in enumerate(names) if one in names[:index]), None)
    if twice is not None:
        raise where.error(f"{twice!r} is named twice")
    return names


def _column_rules(rules: Any, where: Where) -> None:
    where.mapping(rules, RULES)
    for key, known in (("role", ROLES), ("dtype", DTYPES)):
        if key in rules and rules[key] not in known:
            raise where.at(key).error(f"unknown {key} {rules[key]!r}{nearest(rules[key], known)}")
    if "format" in rules:
        dtype = dtype_of_format(rules["format"])
        if dtype is None or rules.get("dtype", dtype) != dtype:
            kind = "" if dtype is None else f" of a {rules['dtype']}"
            raise where.at("format").error(
                f'{rules["format"]!r} is no format{kind}: for dates write one such as "%d.%m.%Y" or ISO8601, for '
                'numbers write 1234.5 as they do, such as "1.234,5", for times and durations h:m:s'
            )
    numbers = {key: rules[key] for key in ("min", "max", "missing") if key in rules}
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise where.at(key).error(f"{key!r} needs a number, not {value!r}")
    if not 0 <= numbers.get("missing", 0) <= 1:
        raise where.at("missing").error(
            f"'missing' is the largest share of missing values, from 0 to 1, not {rules['missing']!r}"
        )
    if "min" in rules and "max" in rules and rules["min"] > rules["max"]:
        raise where.at("min").error(f"min ({rules['min']}) is above max ({rules['max']})")
    dtype = rules.get("dtype", dtype_of_format(rules["format"]) if "format" in rules else None)
    for key in ("min", "max"):
        if key in rules and dtype not in (None, "number"):
            raise where.at(key).error(f"{key!r} is a rule for numbers, and this column is a {dtype}")
    if rules.get("role") == "time" and dtype in ("text", "category"):
        raise where.at("role").error(f"the time is a datetime or a number, and this column is a {dtype}")
    if rules.get("role") == "weight" and dtype not in (None, "number"):
        raise where.at("role").error(f"a weight is a number, and this column is a {dtype}")
    if "categories" in rules:
        known = rules["categories"]
        if not isinstance(known, list) or not known or any(isinstance(one, list | dict) for one in known):
            raise where.at("categories").error("'categories' needs a list of at least one value")
        if dtype in ("number", "datetime"):
            raise where.at("categories").error(f"'categories' is a rule for categories, and this column is a {dtype}")


def _split(data: Any, where: Where, grammar: Grammar) -> dict[str, Any]:
    where.mapping(data, ["holdout", "cv", "outer"], ["holdout", "cv"])
    split: dict[str, Any] = {"outer": None}
    for key in data:
        splitter = grammar.object(data[key], where.at(key), ["splitter"])
        _refuse_space(splitter)
        check(splitter)
        if splitter.name == "NoHoldout" and key != "holdout":
            raise where.at(key, "class").error("NoHoldout leaves no rows to judge by: it is for 'holdout' alone")
        try_splitter(build(splitter), splitter)
        split[key] = plain(splitter)
    return split


def _search(data: Any, where: Where, grammar: Grammar, task: Task, files: list[str]) -> dict[str, Any]:
    keys = ["models", "metric", "budget", "sampler", "pruner", "workers"]
    where.mapping(data, [*keys, "sample", "storage", "also_minimize"], keys)
    names = data["models"]
    if not isinstance(names, list) or not names or not all(isinstance(one, str) for one in names):
        raise where.at("models").error("'models' needs a list of at least one name of a file in params/models")
    for index, name in enumerate(names):
        if not is_name(name):
            raise where.at("models", index).error(f"{name!r} cannot name a model: {RULE}")
        same = twin(name, names[:index])
        if same is not None:
            how = "is named twice" if same == name else f"differs from {same!r} in case alone"
            raise where.at("models", index).error(f"{name!r} {how}")
        if name.lower() in ("train", "ensemble"):
            raise where.at("models", index).error(f"{name!r} means something else here: give the file another name")
    budget = where.at("budget").mapping(data["budget"], ["trials", "seconds", "shares"])
    amounts = {key: amount for key, amount in budget.items() if key != "shares" and amount is not None}
    if not amounts:
        raise where.at("budget").error("a budget needs 'trials', 'seconds' or both")
    for key, amount in amounts.items():
        if not is_amount(amount):
            raise where.at("budget", key).error(
                f"{key!r} needs a number above 0 and up to a billion, or null for no limit, not {amount!r}"
            )
        if key == "trials" and amount != int(amount):
            raise where.at("budget", key).error(f"'trials' needs a whole number, not {amount!r}")
    chosen = metric(data["metric"], where.at("metric"), grammar, task.tells)
    try_metric(chosen, task, where.at("metric"))
    search: dict[str, Any] = {
        "models": {name: where.at("models", index) for index, name in enumerate(names)},
        "metric": chosen.plain(),
        "budget": amounts,
        "also_minimize": data.get("also_minimize"),
        "shares": _shares(budget.get("shares") or {}, where.at("budget", "shares"), names, files),
    }
    if search["also_minimize"] not in (None, "prediction_time"):
        written = data["also_minimize"]
        raise where.at("also_minimize").error(f"prediction_time is what can be minimised, not {written!r}")
    waiting = [name for name in budget.get("shares") or {} if name not in search["shares"]]
    search["notes"] = [f"the share of {name} has no effect, because {name} is not in `models`" for name in waiting]
    for name in search["shares"]:
        seconds = _share(amounts, search["shares"], name).get("seconds", LEAST_SECONDS)
        if seconds < LEAST_SECONDS:
            raise where.at("budget", "seconds").error(
                f"{name!r} gets {seconds:g} s of the budget, in which nothing can be done: raise 'seconds' or its share"
            )
    search = _with_sample(search, data, where, grammar)
    made: dict[str, Any] = {}
    for key in ("sampler", "pruner", "workers", "storage"):
        if key in keys or data.get(key) is not None:
            thing = grammar.object(data[key], where.at(key), [key])
            _refuse_space(thing)
            if key == "storage":
                # Building one connects to its database: that is for `tune` to do.
                url = where.at(key, "params").mapping(data[key].get("params") or {}, need=["url"])["url"]
                if not isinstance(url, str):
                    raise where.at(key, "params", "url").error(f"'url' needs text, not {url!r}")
            else:
                check(thing)
                made[key] = build(thing)
            search[key] = plain(thing)
    search["try"] = lambda space: try_search(made, 2 if search["also_minimize"] else 1, space, where)
    return search


def _with_sample(search: dict[str, Any], data: Mapping[str, Any], where: Where, grammar: Grammar) -> dict[str, Any]:
    """The search with the `sample` that is written in `data`, if there is one; null takes it away."""
    if "sample" not in data:
        return search
    rest = {key: value for key, value in search.items() if key != "sample"}
    if data["sample"] is None:
        return rest
    thing = grammar.object(data["sample"], where.at("sample"), ["resampler"])
    _refuse_space(thing)
    check(thing)
    sample, written = build(thing), plain(thing)
    asked: dict[str, Any] = getattr(sample, "get_params", dict)()
    if "rows" in asked:  # other stages look at it, also where the params leave it to the class
        written["params"] = written.get("params", {}) | {"rows": asked["rows"]}
    return rest | {"sample": written}


def _shares(data: Any, where: Where, names: list[str], files: list[str]) -> dict[str, float]:
    """Return each model's part of the budget, and that of `train`; 1 where none is written.

    The share of a model that has a file, and is not among `models` now, waits for its return.
    """
    written = where.mapping(data, ["train", *names, *files])
    for name, share in written.items():
        if not is_amount(share):
            raise where.at(name).error(f"a share is a number above 0 and up to a billion, not {share!r}")
    return {name: written.get(name, 1) for name in ("train", *names)}


def _share(budget: dict[str, Any], shares: dict[str, float], name: str) -> dict[str, Any]:
    """One model's part of the budget: of the seconds, and of the trials, of which `train` has none."""
    part: dict[str, Any] = {}
    if "seconds" in budget:
        part["seconds"] = round(budget["seconds"] * shares[name] / sum(shares.values()), 2)
    if "trials" in budget and name != "train":
        models = sum(share for model, share in shares.items() if model != "train")
        part["trials"] = math.ceil(budget["trials"] * shares[name] / models)
    return part


def _paces(data: Any, where: Where) -> dict[str, float | None]:
    """A model's `rows_per_second`, where a feature is free text and otherwise; None where it knows no limit."""
    if not isinstance(data, dict):
        data = {"text": data, "otherwise": data}
    paces = where.mapping(data, ["text", "otherwise"])
    for pace in paces.values():
        if pace is not None and not is_amount(pace):
            raise where.error(f"a number above 0 is needed, not {pace!r}")
    return {kind: paces.get(kind) for kind in ("text", "otherwise")}


def _most_rows(pace: float | None, slice_: Mapping[str, Any], seconds: float | None) -> int | None:
    """The most rows for which a model's seconds suffice at its pace; None where it knows no limit."""
    if pace is None:
        return None
    rows = math.inf if seconds is None else seconds * pace
    # In the search it never learns from more rows than are sampled.
    return int(rows) if rows < slice_.get("sample", {}).get("params", {}).get("rows", math.inf) else None


def _with_one_left(most: dict[str, int], names: Iterable[str]) -> dict[str, int]:
    """The most rows of each model, the largest left out where all have a limit: somebody has to compete."""
    return most if set(most) < set(names) else {name: rows for name, rows in most.items() if rows < max(most.values())}


def _budgets(
    budget: dict[str, Any], shares: dict[str, float], most: Mapping[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """What each model and `train` get of the budget, by the rows to learn from.

    Parameters
    ----------
    most : by model, the most rows with which it competes; on more, the others get its part.

    Returns
    -------
    By name a list for ever more rows, of which the first whose `most_rows` are enough is meant; None is no limit. The
    list of a model that gets nothing of more rows ends before.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in shares}
    for rows in [*sorted({*most.values()}), None]:
        enough = {name for name in shares if rows is not None and rows <= most.get(name, rows)}
        still = {name: one for name, one in shares.items() if name in enough or name not in most}
        for name in still:
            found[name].append({"most_rows": rows} | _share(budget, still, name))
    return found


def _up_to(name: str, most: Mapping[str, Mapping[str, int]]) -> str:
    """Up to how many rows a model competes, as `make check` says it."""
    rows = most["otherwise"].get(name)
    with_text = most.get("text", most["otherwise"]).get(name)
    said = [f"{rows:,} rows"] if rows is not None else []
    if with_text != rows:
        said.append(f"{'any number of' if with_text is None else f'{with_text:,}'} rows with free text")
    return f" (up to {', '.join(said)})" if said else ""


def _amount(part: dict[str, Any]) -> str:
    seconds = [f"{part['seconds']:g} s"] if "seconds" in part else []
    trials = [f"{part['trials']} trial{'' if part['trials'] == 1 else 's'}"] if "trials" in part else []
    return " or ".join(seconds + trials)


def _train(data: Any, where: Where, names: Iterable[str], task: Task, grammar: Grammar) -> dict[str, Any]:
    where.mapping(data, ["ensemble", "max_prediction_time", *AROUND], ["ensemble"])
    limit = data.get("max_prediction_time")
    if limit is not None and not is_amount(limit):
        raise where.at("max_prediction_time").error(f"seconds for 1,000 rows are needed, above 0, not {limit!r}")
    ensemble = grammar.object(data["ensemble"], where.at("ensemble"), ["ensemble"])
    _refuse_space(ensemble)
    check(ensemble)
    made = build(ensemble)
    wanted = getattr(made, "model", None)
    if wanted is not None and wanted not in names:
        place = where.at("ensemble", "params", "model")
        raise place.error(f"{wanted!r} does not compete{nearest(wanted, names)}")
    final = getattr(made, "final_estimator", None)
    if final is not None and "final_estimator" not in task.takes:
        raise where.at("ensemble").error(f"{ensemble.name} cannot learn from what the members of a {task.name} say")
    if final is not None and not hasattr(final, "predict_proba" if "classifier" in task.models else "predict"):
        raise where.at("ensemble", "params", "final_estimator").error(f"{type(final).__name__} gives no probabilities")
    plain_: dict[str, Any] = {"ensemble": plain(ensemble), "max_prediction_time": limit, "named": set()}
    plain_ |= dict.fromkeys(AROUND)
    for key, (kind, such) in AROUND.items():
        if data.get(key) is None:
            continue
        place = where.at(key)
        if key not in task.takes:
            raise place.error(f"{key!r} means nothing to a {task.name}")
        wrapper = grammar.object(data[key], place, [kind])
        _refuse_space(wrapper)
        if "estimator" not in parameters(load(wrapper.path, place))[0] or "estimator" in wrapper.params:
            raise place.error(
                f"{key!r} is a {kind} around the final model, such as {such}; it is given that model as its estimator"
            )
        scoring = wrapper.params.get("scoring", parameters(load(wrapper.path, place))[0].get("scoring"))
        if isinstance(scoring, Object | str):
            scorer = metric(plain(scoring), place.at("params", "scoring"), grammar, ()).scorer
            # The model's file will hold it, and may hold what is named only.
            plain_["named"] |= {f"{scorer._score_func.__module__}.{scorer._score_func.__name__}"}
        known = {name: value for name, value in wrapper.params.items() if not isinstance(value, Object)}
        inner = LogisticRegression() if kind == "classifier" else LinearRegression()
        check(replace(wrapper, params=known | {"estimator": inner}))
        plain_[key] = plain(wrapper)
    return plain_


def _evaluate(data: Any, where: Where, grammar: Grammar, task: Task) -> dict[str, Any]:
    told = (*task.tells, "estimator")
    where.mapping(data, ["metrics", "charts", "permutation_importance"], ["metrics"])
    for key in ("metrics", "charts"):
        if not isinstance(data.get(key, []), list):
            raise where.at(key).error(f"{key!r} needs a list")
    metrics: list[Any] = []
    for index, one in enumerate(data["metrics"]):
        place = where.at("metrics", index)
        measured = metric(one, place, grammar, told)
        try_metric(measured, task, place)
        if measured.plain() in metrics:
            raise place.error(f"{measured.name} is named twice")
        metrics.append(measured.plain())
    charts: list[Any] = []
    for index, one in enumerate(data.get("charts", [])):
        place = where.at("charts", index)
        chart = grammar.object({"class": one} if isinstance(one, str) else one, place, ["chart"])
        _refuse_space(chart)
        if plain(chart) in charts:
            raise place.error(f"{chart.name} is named twice")
        charts.append(plain(chart))
    place = where.at("permutation_importance")
    importance = place.mapping(
        _or_empty(data.get("permutation_importance")), ["n_repeats", "max_samples", "random_state"]
    )
    for key, amount in importance.items():
        if isinstance(amount, bool) or not isinstance(amount, int) or not (key != "random_state") <= amount < 2**32:
            raise place.at(key).error(f"{key!r} needs a whole number above 0, not {amount!r}")
    return {"metrics": metrics, "charts": charts, "permutation_importance": importance}


def _or_empty(data: Any) -> Any:
    """Return a mapping of nothing for what is not written; a list or a text in its place is an error."""
    return {} if data is None else data


def _refuse_space(thing: Object) -> None:
    if thing.space:
        raise thing.where.at("space").error("only models and their preprocessing are searched: this space has no use")


def _check_metric(written: Any, model: Model, where: Where) -> None:
    """Refuse a metric on probabilities for a model that gives none."""
    chosen = metric(written, where, Grammar())
    made = build(model.estimator)
    if chosen.needs_probabilities and not hasattr(made, "predict_proba"):
        raise where.error(
            f"the metric {chosen.name} needs probabilities, and {model.estimator.name} gives none: choose another "
            "in params/search.yaml, or wrap the model in a CalibratedClassifierCV"
        )


def _split_notes(split: dict[str, Any], data: dict[str, Any], task: Task) -> list[str]:
    if "group" in task.keys:  # the groups are series or the like, which are not to be kept together
        return []
    groups = _with_role(data, "group")
    notes = []
    for key in ("holdout", "cv"):
        name = split[key]["class"].rpartition(".")[2]
        grouping = "Group" in name or name in ("PredefinedColumn", "NoHoldout")
        if groups and not grouping:
            better = "GroupShuffleSplit" if key == "holdout" else "StratifiedGroupKFold or GroupKFold"
            notes.append(f"params/split.yaml: {name} does not keep the groups of {groups[0]} together; {better} does")
        if "Group" in name and not groups:
            raise UserError(
                f"{name} needs groups: write `columns: {{<name>: {{role: group}}}}` in params/data.yaml",
                "split.yaml",
                key,
            )
    return notes


def _with_role(data: Mapping[str, Any], role: str) -> list[str]:
    """The columns that `params/data.yaml` gives a role."""
    return [name for name, rules in data["columns"].items() if rules.get("role") == role]


def _named(value: Any) -> set[str]:
    """The import paths in plain values."""
    if isinstance(value, dict):
        own = {value[key] for key in ("class", "import") if isinstance(value.get(key), str)}
        return own.union(*map(_named, value.values()))
    return set().union(*map(_named, value)) if isinstance(value, list) else set()


def _quote(value: Any) -> str:
    return f"; put it in quotes: '{value}'" if isinstance(value, int | float) else ""
