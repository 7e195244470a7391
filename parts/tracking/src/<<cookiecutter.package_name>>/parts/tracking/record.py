"""What is on disk of a search, as runs: the studies' `trials.csv` and `result.json`, the plan, reports and models.

Each search is noted in `.cache/tracking`, so that what a tracker lacks of an earlier one can still be sent.
"""

import csv
import fcntl
import hashlib
import json
import math
import subprocess  # nosec B404 # no shell
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ...files import read_json, write_json, write_text
from ...objects.grammar import Grammar
from ...objects.metrics import metric
from ...objects.reader import Where, dump, read
from ...project.locked import read_plan
from ...stages.tune import study_key
from .outputs import ROOM
from .tracker import Run, digest_of

SEARCHES = ROOM / "searches"
STAGES = ("train", "evaluate", "package")  # that make the results
COLUMNS = ("trial", "start", "state", "score", "folds", "started", "ended", "seconds", "prediction_time", "error")
# Files that belong to a finished search, beside the plots.
RESULTS = (
    "models/final/model.yaml",
    "reports/report.html",
    "reports/leaderboard.json",
    "reports/metrics.json",
    "dvc.lock",
)


@dataclass
class Search:
    """A search with its models; `greater` says whether more of its metric is better."""

    run: Run
    metric: str
    greater: bool
    models: list[Run] = field(default_factory=list)

    def runs(self, model: str | None = None) -> list[Run]:
        """All runs, parents first; with `model` only those of one model, and the search."""
        models = [one for one in self.models if model in (None, one.model)]
        return [self.run, *models, *(trial for one in models for trial in _trials(one, self.metric, self.greater))]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Keep other processes of this project out of the block."""
    ROOM.mkdir(parents=True, exist_ok=True)
    with (ROOM / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def noted() -> list[Search]:
    """The searches that are noted, the first one first; without what another version of this code has noted."""
    found = []
    for file in SEARCHES.glob("*.json"):
        kept = read_json(file)
        with suppress(TypeError, KeyError):
            models = [Run(**one) for one in kept.pop("models")]
            found.append(Search(Run(**kept.pop("run")), models=models, **kept))
    return sorted(found, key=lambda one: (one.run.started or 0, one.run.key))


def note(running: str | None = None) -> Search:
    """Read the search that `plan/` describes, and note it.

    Parameters
    ----------
    running : the model that is being searched just now.

    Raises
    ------
    FileNotFoundError
        If the pipeline has not come as far as the search.
    """
    plans = {file.stem: read_plan(f"models/{file.stem}") for file in sorted(Path("plan/models").glob("*.json"))}
    keys = {name: study_key(plan) for name, plan in plans.items()}
    rest = {name: read_plan(name) for name in ("data", "split", "train", "evaluate", "package")}
    # How long a search may take, and where it runs, makes it no other search.
    rest["train"] = {name: one for name, one in rest["train"].items() if name not in ("seconds", "workers")}
    key = hashlib.sha256(json.dumps([keys, rest], sort_keys=True).encode()).hexdigest()[:16]
    chosen = metric(rest["train"]["metric"], Where("plan/train.json"), Grammar())
    search = Search(Run(key, "search", f"search {key[:8]}", key), chosen.name, chosen.greater_is_better)
    with locked("searches"):
        earlier = noted()
        first = {model.key: one.run.key for one in reversed(earlier) for model in one.models}
        for name, plan in plans.items():
            if name == running or folder_of(name, keys[name]) is not None:
                search.models.append(_model(name, keys[name], plan, first.get(keys[name], key), search.greater))
                if name == running:
                    model = search.models[-1]
                    model.state, model.started = "running", model.started or time.time()
        _fill(search, keys, rest, next((one.run for one in earlier if one.run.key == key), None))
        write_json(SEARCHES / f"{key}.json", asdict(search))
    return search


def everything() -> list[Run]:
    """All runs of all searches that are noted, parents first; of a run that is in several, as the last one saw it."""
    found: dict[str, Run] = {}
    searches = noted()
    last = max(searches, key=lambda one: (SEARCHES / f"{one.run.key}.json").stat().st_mtime, default=None)
    for search in [*(one for one in searches if one is not last), *([last] if last else [])]:
        for run in search.runs():
            if search is not last and run.state == "running":
                run.state = "stopped"
            found[run.key] = run
    return sorted(found.values(), key=lambda one: ("search", "model", "trial").index(one.kind))


def folder_of(name: str, key: str) -> Path | None:
    """Where a model's study lies, or None if it is not on this machine."""
    study, tuned = Path(".cache/studies") / name / key, Path("models/tuned") / name
    if (study / "result.json").exists():
        return study
    if (tuned / "result.json").exists() and read_json(tuned / "result.json").get("key") == key:
        return tuned  # as after `dvc pull`, which brings no cache
    return None


def _fill(search: Search, keys: dict[str, str], rest: dict[str, Any], before: Run | None) -> None:
    """What there is to say of the search itself; its results only if they are those of this plan."""
    run, train, target = search.run, rest["train"], rest["data"]["target"]
    targets = [target] if isinstance(target, str) else target
    run.params = {
        "target": ", ".join(targets),
        "task": rest["data"]["task"]["class"],
        "metric": search.metric,
        "models": ", ".join(train["models"]),
        **_flat({key: rest["split"][key] for key in ("holdout", "cv")}, "split"),
        **_flat({key: train[key] for key in ("ensemble", "calibration", "threshold", "intervals")}, "train"),
    }
    run.tags = {f"study.{name}": key for name, key in keys.items()}
    for one in search.models:
        if "score" in one.metrics:
            run.metrics[f"cv.{one.model}"] = one.metrics["score"]
    run.started = min((one.started for one in search.models if one.started), default=time.time())
    if before is not None and before.started is not None:
        run.started = before.started
    if _belongs(keys):
        run.state, run.package = "complete", "models/package"
        run.metrics |= _finite(read_json("reports/metrics.json"))
        plots = sorted(str(path) for path in Path("reports/plots").rglob("*") if path.is_file())
        digests = {path: digest_of(Path(path)) for path in (*RESULTS, *plots)}
        run.files = {path: digest for path, digest in digests.items() if digest is not None}
        run.tags["package"] = digest_of(Path("models/package/manifest.json")) or ""
        run.ended = Path("models/package/manifest.json").stat().st_mtime
    # The commit is that of when it was made, and not that of a later look at it.
    if before is not None and (before.metrics, before.package) == (run.metrics, run.package):
        run.tags |= {name: value for name, value in before.tags.items() if name.startswith("git.")}
    else:
        run.tags |= _commit()


def _belongs(keys: dict[str, str]) -> bool:
    """Whether the results on disk were made of this plan, these studies and these data, as `dvc.lock` tells."""
    for name, key in keys.items():
        result = Path("models/tuned") / name / "result.json"
        if not result.exists() or read_json(result).get("key", key) != key:
            return False
    if not Path("dvc.lock").exists():
        return False
    stages = read(Path("dvc.lock"))[0]["stages"]
    for stage in STAGES:
        if stage not in stages:
            return False
        for one in (*stages[stage]["deps"], *stages[stage]["outs"]):
            path, digest = Path(one["path"]), one.get("md5", "")
            if path.parts[:2] == ("plan", "code") or not digest or digest.endswith(".dir"):
                continue
            if not path.exists() or hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != digest:
                return False
    return True


def _model(name: str, key: str, plan: dict[str, Any], search: str, greater: bool) -> Run:
    """The run of one model's study, as far as it has come."""
    run = Run(key, "model", name, search, key, name, params=_params(plan), files=_written(key, plan))
    folder = folder_of(name, key)
    if folder is None:
        return run
    result = read_json(folder / "result.json")
    run.state = "complete" if result["state"] == "ok" else "failed"
    run.metrics = _finite({one: result.get(one) for one in ("score", "std", "trials", "pruned", "failed", "seconds")})
    if "score" in run.metrics and not greater:
        run.metrics["score"] *= -1
    values = {f"best.{one}": str(value) for one, value in (result.get("values") or {}).items()}
    run.tags = values | {"state": result["state"]} | ({"best": result["best"]} if result.get("best") else {})
    rows = _table(folder)
    run.started = min((one for row in rows if (one := _time(row["started"]))), default=None)
    run.ended = max((one for row in rows if (one := _time(row["ended"]))), default=None)
    return run


def _params(plan: dict[str, Any]) -> dict[str, Any]:
    """The parts of a model's plan that are short; the whole goes along as a file."""
    model = plan["model"]
    return {"class": model["class"], **_flat(model.get("params") or {}, "params"), **_flat(plan["sampler"], "sampler")}


def _written(key: str, plan: dict[str, Any]) -> dict[str, str]:
    """A model's resolved params as a file of YAML, which stays when the plan changes."""
    path = ROOM / "models" / key / "model.yaml"
    if not path.exists():
        write_text(path, dump(plan["model"]))
    return {str(path): digest_of(path) or ""}


def _trials(model: Run, metric: str, greater: bool) -> Iterator[Run]:
    """The trials of a model's study that have ended."""
    sign = 1 if greater else -1
    folder = folder_of(str(model.model), model.key)
    for row in _table(folder) if folder is not None else []:
        number = row["trial"]
        run = Run(f"{model.key}-{number}", "trial", row["start"] or f"trial {number}", model.search, model.key)
        run.model, run.state = model.model, {"fail": "failed"}.get(row["state"], row["state"])
        run.started, run.ended = _time(row["started"]), _time(row["ended"])
        run.params = {name: value for name, value in row.items() if name not in COLUMNS and value != ""}
        run.metrics = _finite({name: row[name] for name in ("score", "seconds", "prediction_time")})
        if "score" in run.metrics:
            run.metrics["score"] *= sign
        run.folds = {metric: [sign * float(one) for one in row["folds"].split()]}
        run.tags = {"state": run.state} | ({"error": row["error"]} if row["error"] else {})
        yield run


def _table(folder: Path) -> list[dict[str, str]]:
    """The rows of a study's `trials.csv`, which is written whole: reading it while the search goes on is safe."""
    file = folder / "trials.csv"
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _time(text: str) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None


def _finite(values: dict[str, Any]) -> dict[str, float]:
    """The values that are numbers."""
    found = {}
    for name, value in values.items():
        if value not in (None, "") and math.isfinite(float(value)):
            found[name] = float(value)
    return found


def _flat(value: Any, prefix: str) -> dict[str, Any]:
    """Nested values by dotted names, without what is null."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return {name: one for key, inner in pairs for name, one in _flat(inner, f"{prefix}.{key}").items()}
    return {} if value is None else {prefix: value}


def _commit() -> dict[str, str]:
    """The commit, and whether anything but what the pipeline writes differs from it; nothing outside of git."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10)  # nosec B603, B607
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    if commit is None:
        return {}
    changed = git("status", "--porcelain", "--", ".", ":(exclude)dvc.lock", ":(exclude)reports")
    return {"git.commit": commit, "git.dirty": str(changed != "").lower()}
