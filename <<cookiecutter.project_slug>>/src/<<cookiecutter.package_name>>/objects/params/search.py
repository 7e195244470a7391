"""`params/search.yaml`: which models compete, what is optimised, and for how long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...steps.task import Task
from ..attempts import try_metric, try_search
from ..budget import FINAL, LEAST_SECONDS, Budget
from ..build import build, unsearched
from ..grammar import Grammar
from ..metrics import Metric, metric
from ..model import Model
from ..names import RULE, is_name, twin
from ..nodes import plain
from ..reader import Where
from .keys import MOST, amount, by_name, choice, items, mapping, node, or_null, whole
from .models import SAMPLE, sampled
from .values import read

TRIED = ("sampler", "pruner", "workers")
KEYS = mapping(
    {
        "models": items(
            {"type": "string"},
            "Names of files in `params/models/`, the cheapest first.",
            minItems=1,
            needs="a list of at least one name of a file in params/models",
        ),
        "metric": node("metric", description="What is optimised.", named=True, raw=True),
        "budget": mapping(
            {
                "trials": or_null(whole("How many trials for all models together; null for no limit.", maximum=MOST)),
                "seconds": or_null(amount("How many seconds for all models and the final fit; null for no limit.")),
                "shares": or_null(
                    by_name(amount(), "The part of each model, and of `train`, the final fit; 1 if not written."), {}
                ),
            },
            description="What the whole search may take; whichever is spent first ends a model's search.",
        ),
        "sampler": node("sampler", description="What suggests the next trial, a sampler of Optuna."),
        "pruner": node("pruner", description="What stops bad trials early; `NopPruner` stops none."),
        "workers": node("workers", description="Where the fits run."),
        "also_minimize": or_null(
            choice(["prediction_time"], "A second objective: the seconds for predicting 1,000 rows.")
        ),
        "sample": SAMPLE,
        "storage": or_null(
            node("storage", description="Where the trials are kept; a file of this project by default.", raw=True)
        ),
    },
    ["models", "metric", "budget", "sampler", "pruner", "workers"],
)


@dataclass(frozen=True)
class Search:
    """What `params/search.yaml` says.

    Parameters
    ----------
    models : dict of str to Where
        The models that compete, and the place that names each.
    metric : Metric
        What is optimised.
    budget : Budget
        For all models together.
    settings : dict
        What the slice of each model holds of the search, in plain values.
    notes : list of str
        What its owner should know.
    made : dict
        The sampler, the pruner and the workers, built.
    where : Where
        The place of the file.
    """

    models: dict[str, Where]
    metric: Metric
    budget: Budget
    settings: dict[str, Any]
    notes: list[str]
    made: dict[str, Any]
    where: Where

    def try_model(self, model: Model) -> None:
        """Refuse a sampler or pruner that fails on the model's space, and a metric for which it gives nothing."""
        try_search(self.made, 2 if self.settings["also_minimize"] else 1, model.space, self.where)
        if self.metric.needs_probabilities and not hasattr(build(model.estimator), "predict_proba"):
            raise self.models[model.name].error(
                f"the metric {self.metric.name} needs probabilities, and {model.estimator.name} gives none: choose "
                "another in params/search.yaml, or wrap the model in a CalibratedClassifierCV"
            )


def read_search(folder: Path, grammar: Grammar, task: Task) -> Search:
    """Return what `params/search.yaml` says.

    Raises
    ------
    UserError
        If it is wrong, with file and line.
    """
    written, where = read(folder, "search", KEYS, grammar)
    names = written["models"]
    _check_names(names, where.at("models"))
    budget = _budget(folder, written["budget"], where.at("budget"), names)
    found = metric(written["metric"], where.at("metric"), grammar, task.tells)
    try_metric(found, task, where.at("metric"))
    settings = {"metric": found.plain(), "also_minimize": written["also_minimize"]}
    settings |= {key: plain(written[key]) for key in TRIED}
    if written["storage"] is not None:
        settings["storage"] = _storage(written["storage"], where.at("storage"), grammar)
    return Search(
        {name: where.at("models", index) for index, name in enumerate(names)},
        found,
        budget,
        sampled(settings, written.get("sample")),
        [
            f"the share of {name} has no effect, because {name} is not in `models`"
            for name in written["budget"]["shares"]
            if name not in budget.parts
        ],
        {key: build(written[key]) for key in TRIED},
        where,
    )


def _check_names(names: Sequence[str], where: Where) -> None:
    for index, name in enumerate(names):
        if not is_name(name):
            raise where.at(index).error(f"{name!r} cannot name a model: {RULE}")
        same = twin(name, names[:index])
        if same is not None:
            how = "is named twice" if same == name else f"differs from {same!r} in case alone"
            raise where.at(index).error(f"{name!r} {how}")
        if name.lower() in (FINAL, "ensemble"):
            raise where.at(index).error(f"{name!r} means something else here: give the file another name")


def _budget(folder: Path, written: dict[str, Any], where: Where, names: Iterable[str]) -> Budget:
    """Return the budget; the share of a model that has a file and does not compete waits for its return."""
    seconds, trials, shares = written["seconds"], written["trials"], written["shares"]
    if seconds is None and trials is None:
        raise where.error("a budget needs 'trials', 'seconds' or both")
    files = sorted(file.stem for file in (folder / "models").glob("*.yaml"))
    where.at("shares").mapping(shares, [FINAL, *names, *files])
    budget = Budget(seconds, trials, {name: shares.get(name, 1) for name in (FINAL, *names)})
    for name in budget.parts:
        share = budget.share(name).seconds
        if share is not None and share < LEAST_SECONDS:
            raise where.at("seconds").error(
                f"{name!r} gets {share:g} s of the budget, in which nothing can be done: raise 'seconds' or its share"
            )
    return budget


def _storage(written: Any, where: Where, grammar: Grammar) -> dict[str, Any]:
    """Return the storage in plain values; building it would connect to its database, which is for `tune` to do."""
    storage = unsearched(written, where, ["storage"], grammar)
    place = where.at("params")
    url = place.mapping(written.get("params") or {}, need=["url"])["url"]
    if not isinstance(url, str):
        raise place.at("url").error(f"'url' needs text, not {url!r}")
    plain_: dict[str, Any] = plain(storage)
    return plain_
