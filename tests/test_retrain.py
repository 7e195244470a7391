"""Retraining: a new model against the registered one, on rows that neither has seen."""

import importlib.util
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from stamped import ROOT, TOOLS, Project

# --------------------------------------------------------------------------------------------- the rules


@pytest.fixture(scope="module")
def rules() -> ModuleType:
    path = ROOT / "parts/retrain/src/<<cookiecutter.package_name>>/parts/retrain/components.py"
    spec = importlib.util.spec_from_file_location("rules", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compared(rules: ModuleType, gains: np.ndarray) -> Any:
    """Two models of which the new one's score is the mean of these gains, and the other's is 0."""
    return rules.Compared(len(gains), lambda rows: (float(gains[rows].mean()), 0.0))


def test_better_is_by_more_than_what_is_asked_for(rules: ModuleType) -> None:
    better = rules.Better(confidence=None)
    assert better.judge(compared(rules, np.full(10, 0.02))) == (True, "that is better by 0.02")
    assert better.judge(compared(rules, np.full(10, -0.02))) == (False, "that is worse by 0.02")
    assert better.judge(compared(rules, np.zeros(10))) == (False, "that is no better")
    found = rules.Better(by=0.05).judge(compared(rules, np.full(10, 0.02)))
    assert found == (False, "that is better by 0.02, and more than 0.05 is asked for")
    assert rules.Better(by=-0.05).judge(compared(rules, np.full(10, -0.02)))[0], "a little worse may be allowed"


def test_a_difference_that_a_few_rows_make_is_not_clear(rules: ModuleType) -> None:
    few = np.zeros(100)
    few[0] = 5.0  # one row decides, which 37% of the samples lack
    better, why = rules.Better().judge(compared(rules, few))
    assert not better
    assert why == (
        "that is better by 0.05, but that is no clear difference: it holds on 62% of samples of them, and 90% are "
        "asked for"
    )
    many = np.random.default_rng(0).normal(0.5, 1, 100)
    assert rules.Better().judge(compared(rules, many)) == (
        True,
        f"that is better by {many.mean():.4g}, which holds on 100% of samples of them",
    )
    undefined = rules.Compared(5, lambda rows: (1.0 if len(set(rows)) == 5 else float("nan"), 0.0))
    rare = rules.Better(samples=2).judge(undefined)
    assert rare == (False, "that is better by 1; the metric is undefined for samples of these rows")


def test_rows_that_depend_on_each_other_count_as_one(rules: ModuleType) -> None:
    # Of ten groups of ten rows six gain: as a hundred rows that would be clear.
    gains, units = np.repeat([1.0, 1, 1, 1, 1, 1, -1, -1, -1, -0.9], 10), np.repeat(np.arange(10), 10)
    alone = rules.Compared(100, lambda rows: (float(gains[rows].mean()), 0.0))
    assert rules.Better().judge(alone)[0]
    assert not rules.Better().judge(rules.Compared(100, alone.scores, units))[0]
    few = rules.Compared(100, alone.scores, units // 3)
    assert "of 4 groups or stretches of time, too few" in rules.Better().judge(few)[1]


@pytest.mark.parametrize("params", [{"by": "much"}, {"confidence": 95}, {"confidence": True}, {"samples": 0}])
def test_a_rule_refuses_impossible_parameters(rules: ModuleType, params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(params))):
        rules.Better(**params)


# ------------------------------------------------------------------------------- a run from end to end


def found(project: Project) -> dict[str, Any]:
    whole: dict[str, Any] = json.loads((project.path / "reports" / "retrain.json").read_text(encoding="utf-8"))
    return whole


def more_birds(project: Project) -> None:
    """Four hundred birds more, like those that are there."""
    path, random = project.path / "data" / "raw" / "penguins.csv", np.random.default_rng(0)
    birds = pd.read_csv(path)
    more = birds.sample(400, replace=True, random_state=0).copy()
    for name in more.select_dtypes("number"):
        more[name] = (more[name] * random.normal(1, 0.02, len(more))).round(2)
    pd.concat([birds, more]).to_csv(path, index=False)


@pytest.mark.slow
def test_new_data_give_a_new_model_that_is_judged_by_the_rule(registered: Project, tmp_path: Path) -> None:
    project = registered.clone(tmp_path)
    assert "nothing has changed: the model is the registered v1.0.0" in project.python("retrain")
    assert found(project)["verdict"] == "same"

    more_birds(project)
    project.edit("params/retrain.yaml", ("by: 0,", "by: -1,"))
    said = project.make("retrain")
    verdict = found(project)
    assert verdict["verdict"] == "better", said
    assert verdict["sentence"].startswith("the new model is better than the registered v1.0.0: log_loss is ")
    assert (verdict["registered"], verdict["stage"]) == ("v1.0.0", "prod")
    assert 50 <= verdict["rows"] < 149, "held-out rows that the registered model learned from are set aside"
    assert verdict["metrics"]["log_loss"]["greater_is_better"] is False
    page = (project.path / "reports" / "retrain.md").read_text(encoding="utf-8")
    assert page.startswith("**The new model is better")
    assert "| log_loss | " in page
    assert "reports/retrain" not in project.run("git", "status", "--porcelain")

    # The same run by a stricter rule, and the way back that is told after one that is kept out.
    project.edit("params/retrain.yaml", ("by: -1,", "by: 1,"))
    said = project.python("retrain")
    assert "the new model is no better than the registered v1.0.0 and is kept out: log_loss is " in said
    assert "and more than 1 is asked for" in said
    assert found(project)["verdict"] == "worse"
    assert "`git restore dvc.lock reports data/raw` and `.venv/bin/dvc checkout` bring the earlier run back" in said
    project.run("git", "restore", "dvc.lock", "reports", "data/raw")
    project.run("dvc", "checkout")
    for file in ("models/package/manifest.json", "data/raw/penguins.csv"):
        assert (project.path / file).read_bytes() == (registered.path / file).read_bytes()


@pytest.mark.slow
def test_a_source_that_dvc_does_not_watch_is_read_anew(registered: Project, tmp_path: Path) -> None:
    project = registered.copy(tmp_path)
    lines = (project.path / "data" / "raw" / "penguins.csv").read_text().splitlines(keepends=True)
    outside = tmp_path / "birds.csv"
    outside.write_text("".join(lines[:201]))
    project.edit("params/data.yaml", ('source: "data/raw/penguins.csv"', f"source: {outside}"))
    project.repro("load")
    outside.write_text("".join(lines[:301]))
    command = (
        "from birds.parts.retrain import retraining as c; dvc = c._dvc\n"
        "c._dvc = lambda *words: dvc(*words, *(['load'] if words == ('repro', '--pull') else []))\n"  # no further
        "c.renew()"
    )
    project.run(str(TOOLS / "python"), "-c", command)
    assert len(pd.read_parquet(project.path / "data" / "interim" / "table.parquet")) == 300


@pytest.mark.slow
def test_which_model_is_registered_and_what_git_and_dvc_have_of_it(registered: Project, tmp_path: Path) -> None:
    project = registered.clone(tmp_path)  # nothing was pulled
    script = (
        "from birds.parts.retrain.registered import fetch, find; from birds.stages import run; from pathlib import Path\n"
        "from birds.parts.releases.components.registries import GTO; found = find(GTO(), 'prod')\n"
        "print(found.name, find(GTO(), None).name, find(GTO(), 'test'))\n"
        "run(lambda: fetch(found, Path('fetched')))"
    )
    assert project.run(str(TOOLS / "python"), "-c", script) == "v1.0.0 v1.0.0 None\n"
    for file in ("models/package/manifest.json", "data/processed/train.parquet", "params/search.yaml"):
        assert (project.path / "fetched" / file).read_bytes() == (registered.path / file).read_bytes()

    shutil.rmtree(project.path / "fetched")
    (project.path / ".dvc" / "config.local").write_text(f"['remote \"storage\"']\n    url = {tmp_path}/empty\n")
    said = project.run(str(TOOLS / "python"), "-c", script, code=1)
    assert "error: what the registered v1.0.0 learned from cannot be fetched" in said
    assert "whoever registered it has to `make push`" in said


# ---------------------------------------------------------------------------------- the comparison itself


@pytest.fixture
def models(registered: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any, pd.DataFrame, Any]:
    """The module that compares, the trained model, the held-out rows, and the metric of the search."""
    monkeypatch.chdir(registered.path)
    command, read = (
        registered.module("parts.retrain.retraining"),
        registered.module("parts.retrain.params").read_retrain,
    )
    trained = command._trained(Path())
    held_out = pd.read_parquet("data/processed/holdout.parquet")
    return registered.module("parts.retrain.compare"), trained, held_out, command._metrics(read(Path("params")))


def worse(trained: Any) -> Any:
    """A model that has learned from ten rows."""
    few = trained.learned.groupby(trained.schema.target).head(4)
    model = clone(trained.model).fit(few[list(trained.schema.features)], few[trained.schema.target])
    return replace(trained, model=model, learned=few)


@pytest.mark.slow
def test_both_models_are_asked_about_the_same_rows(models: Any) -> None:
    module, trained, held_out, metrics = models
    result = module.compare(trained, worse(trained), held_out, metrics, 50)
    new, old = result.metrics["log_loss"]
    assert new < old
    assert result.compared.rows == len(held_out) == 69
    assert result.compared.scores(np.arange(69)) == pytest.approx((-new, -old))
    assert list(result.metrics) == ["log_loss", "roc_auc_ovr", "balanced_accuracy", "f1_macro", "accuracy"]


@pytest.mark.slow
def test_rows_that_the_registered_model_learned_from_are_set_aside(models: Any) -> None:
    module, trained, held_out, metrics = models
    known = replace(worse(trained), learned=pd.concat([trained.learned, held_out.iloc[:15]]))
    assert module.compare(trained, known, held_out, metrics, 50).compared.rows == 54
    with pytest.raises(Exception, match="of 69 held-out rows 54 can be compared, and `minimum_rows` is 55: the regist"):
        module.compare(trained, known, held_out, metrics, 55)


@pytest.mark.slow
def test_a_registered_model_with_fewer_columns_is_asked_about_those(models: Any) -> None:
    module, trained, held_out, metrics = models
    more = replace(trained.schema, features=trained.schema.features | {"weight": "number"})
    new = replace(trained, schema=more, learned=trained.learned.assign(weight=1.0), model=Without(trained.model))
    found = module.compare(new, trained, held_out.assign(weight=2.0), metrics, 50).metrics["log_loss"]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.slow
def test_what_cannot_be_compared_is_one_sentence(models: Any) -> None:
    module, trained, held_out, metrics = models
    other = replace(trained.schema, target="island")
    without = replace(trained.schema, features={"bill_length_mm": "number"})
    for new, rows, sentence in (
        (trained, held_out.iloc[:0], "nothing is held out"),
        (replace(trained, schema=without), held_out.drop(columns="sex"), "the data have no column 'sex' any more"),
        (replace(trained, schema=other), held_out, "predicts 'species', and the new one 'island'"),
        (replace(trained, schema=replace(trained.schema, labels=["Adelie"])), held_out, "knows 'Chinstrap', which is"),
        (
            replace(trained, schema=replace(trained.schema, task={"class": "a.Regression"})),
            held_out,
            "is for Classification, and the new one for Regression",
        ),
    ):
        with pytest.raises(Exception, match=sentence) as caught:
            module.compare(new, trained, rows, metrics, 50)
        assert type(caught.value).__name__ == "UserError"


class Without:
    """A model that does not look at the column `weight`."""

    def __init__(self, model: Any) -> None:
        self.model, self.classes_ = model, model.classes_

    def predict(self, rows: pd.DataFrame) -> Any:
        return self.model.predict(rows.drop(columns="weight"))

    def predict_proba(self, rows: pd.DataFrame) -> Any:
        return self.model.predict_proba(rows.drop(columns="weight"))


# --------------------------------------------------------------------------------------- every kind of task

TWO_MODELS = """
import json
from pathlib import Path
import pandas as pd
from {package}.files import read_json
from {package}.objects.grammar import Grammar
from {package}.objects.metrics import metric
from {package}.objects.model import model_from
from {package}.objects.reader import Where
from {package}.objects.space import starts
from {package}.parts.retrain.retraining import judgement
from {package}.parts.retrain.compare import Trained, compare
from {package}.parts.retrain.components import Better
from {package}.schema import Schema
from {package}.stages import load, plan, split
from {package}.steps.fit import assemble, fit
from {package}.steps.task import task_of

for stage in (plan, load, split):
    stage.main()
schema = Schema.from_json(read_json("data/interim/schema.json"))
learned, held_out = (pd.read_parquet(f"data/processed/{{name}}.parquet") for name in ("train", "holdout"))
name = sorted(Path("plan/models").glob("*.json"))[0]
model = model_from(read_json(name))
values = next(iter(starts(model.space, model.seeds).values()))

def trained(rows):
    made = assemble(model, values, schema.features, task_of(schema))
    return Trained(fit(made, rows[list(schema.features)], rows[schema.target]), schema, rows)

plan = read_json("plan/evaluate.json")
metrics = [metric(one, Where("plan"), Grammar()) for one in (plan["metric"], *plan["metrics"])]
metrics = list({{one.name: one for one in metrics}}.values())
found = compare(trained(learned), trained(learned.iloc[: int(0.7 * len(learned))]), held_out, metrics, 5)
for rule in (Better(confidence=None), Better(samples=5)):
    print(json.dumps(judgement(rule, found, metrics, "v1.0.0")))
"""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["multilabel", "clustering", "forecasting"])
def test_models_of_every_kind_of_task_are_compared(recipe: str, tmp_path: Path) -> None:
    project = Project(tmp_path, project_name=f"Two of {recipe}", recipe=recipe, estimators="fast")
    said = project.run(str(TOOLS / "python"), "-W", "ignore", "-c", TWO_MODELS.format(package=project.package))
    for line in said.splitlines()[-2:]:
        verdict = json.loads(line)
        assert verdict["verdict"] in ("better", "worse")
        assert verdict["rows"] >= 5
        first = next(iter(verdict["metrics"].values()))
        assert first["new"] != first["registered"]
