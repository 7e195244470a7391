"""`make retrain`: take new data, run the pipeline, and judge the new model by the rule of `params/retrain.yaml`."""

import os
import subprocess  # nosec B404 # no shell
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import UserError
from ...files import temporary, write_json, write_text
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, metric
from ...objects.reader import Where, read
from ...objects.sources import RAW, bring_newest, resolved
from ...prediction.artifact import load
from ...prediction.manifest import read_manifest
from ...prediction.pipeline import MODEL
from ...prediction.trust import read_trusted
from ...project.calls import git
from ...project.locked import read_plan
from ..releases.params import read_releases
from ..releases.version import Version
from .compare import Comparison, Trained, compare
from .outputs import REPORT, RESULT
from .params import Retrain, read_retrain
from .registered import LEARNED, fetch, find

PARAMS = Path("params")
HELD_OUT = "data/processed/holdout.parquet"
BACK = "`git restore dvc.lock reports data/raw` and `.venv/bin/dvc checkout` bring the earlier run back"


def retrain() -> str:
    """Take new data, run what has changed, compare, and write `reports/retrain.json` and `reports/retrain.md`.

    Returns
    -------
    The verdict, as a sentence.

    Raises
    ------
    UserError
        If the params are wrong, the data cannot be had, the pipeline fails, or the registered model cannot be fetched.
    """
    asked = read_retrain(PARAMS)
    registered = find(read_releases(PARAMS)[0], asked.stage)
    renew()
    found = verdict(asked, registered)
    write_json(RESULT, found)
    write_text(REPORT, told(found))
    return found["sentence"] + (f"\n{BACK}" if found["verdict"] in ("worse", "unjudged") and _changed() else "")


def _changed() -> bool:
    """Whether git sees another run than the committed one; without git there is no way back to tell."""
    try:
        return bool(git("status", "--porcelain", "--", "dvc.lock", "data/raw"))
    except UserError:
        return False


def renew() -> None:
    """Bring the data and the pipeline up to date.

    Imported data is updated. What DVC does not see change (an address, a database, a file outside of data/raw) is read
    anew by running `load` in any case. What a fresh clone lacks is fetched from DVC's remote.
    """
    for sentence in bring_newest(PARAMS):
        print(sentence, flush=True)
    data, where = read(PARAMS / "data.yaml")
    path = resolved(data["source"], where.at("source"))["source"]
    if "://" in path or not Path(path).resolve().is_relative_to(Path(RAW).resolve()):
        _dvc("repro", "--pull", "plan")
        _dvc("repro", "--force", "--single-item", "load")
    _dvc("repro", "--pull")


def verdict(asked: Retrain, registered: Version | None) -> dict[str, Any]:
    """Whether the model in `models/package` is better than the registered one, as `reports/retrain.json` says it."""
    found: dict[str, Any] = {"stage": asked.stage, "registered": None, "rows": 0, "metrics": {}}
    where = f"in the stage {asked.stage}" if asked.stage else "at all"
    if registered is None:
        return found | {"verdict": "first", "sentence": f"no model is registered {where} yet: the new one is the first"}
    found["registered"] = registered.name
    with temporary() as folder:
        fetch(registered, folder)
        if read_manifest(folder / MODEL) == read_manifest(Path(MODEL)):
            sentence = f"nothing has changed: the model is the registered {registered.name}"
            return found | {"verdict": "same", "sentence": sentence}
        metrics = _metrics(asked)
        try:
            compared = compare(
                _trained(Path()), _trained(folder), pd.read_parquet(HELD_OUT), metrics, asked.minimum_rows
            )
        except UserError as error:
            sentence = f"the new model cannot be judged against {registered.name} and is kept out: {error.message}"
            return found | {"verdict": "unjudged", "sentence": sentence}
    return found | judgement(asked.rule, compared, metrics, registered.name)


def judgement(rule: Any, comparison: Comparison, metrics: list[Metric], version: str) -> dict[str, Any]:
    """What the rule says of a comparison."""
    better, why = rule.judge(comparison.compared)
    rows, name = comparison.compared.rows, metrics[0].name
    new, old = comparison.metrics[name]
    verdict, what = ("better", "better than") if better else ("worse", "no better than")
    return {
        "verdict": verdict,
        "sentence": f"the new model is {what} the registered {version}{'' if better else ' and is kept out'}: "
        f"{name} is {new:.4g}, and {old:.4g} for {version}, on {rows} rows that neither has seen; {why}",
        "rows": rows,
        "metrics": {
            one.name: {
                "new": comparison.metrics[one.name][0],
                "registered": comparison.metrics[one.name][1],
                "greater_is_better": one.greater_is_better,
            }
            for one in metrics
        },
    }


def told(found: dict[str, Any]) -> str:
    """The verdict as Markdown, for a pull request or a job's summary."""
    sentence = found["sentence"]
    lines = [f"**{sentence[:1].upper()}{sentence[1:]}.**", ""]
    if found["metrics"]:
        lines += [f"| metric | new | {found['registered']} | better is |", "|---|---|---|---|"]
        for name, one in found["metrics"].items():
            values = " | ".join("–" if value is None else f"{value:.4g}" for value in (one["new"], one["registered"]))
            lines.append(f"| {name} | {values} | {'more' if one['greater_is_better'] else 'less'} |")
    return "\n".join(lines).rstrip() + "\n"


def _metrics(asked: Retrain) -> list[Metric]:
    """The metric to judge by, then those of the report."""
    plan, where = read_plan("evaluate"), Where("plan/evaluate.json")
    found = [asked.metric] if asked.metric else []
    found += [metric(one, where, Grammar()) for one in (plan["metric"], *plan["metrics"])]
    return list({one.name: one for one in found}.values())


def _trained(folder: Path) -> Trained:
    """Return the model of a run; it may hold what the params of its commit name."""
    model, schema = load(folder / MODEL, read_trusted(folder / PARAMS).named)
    return Trained(model, schema, pd.read_parquet(folder / LEARNED))


def _dvc(*words: str) -> None:
    """Run DVC, which shows what it does."""
    # dvc.yaml says `python`: that has to be this one, also where its environment has not been activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "dvc", *words]
    if subprocess.run(command, env=os.environ | {"PATH": path}, stdin=subprocess.DEVNULL).returncode:  # nosec B603
        raise UserError(f"`dvc {' '.join(words)}` has failed; what it printed says why")
