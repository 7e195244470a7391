"""What is wrong in a stamped project is refused in one sentence, with file and line, before any long work."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from stamped import Project

MODEL = "params/models/random_forest.yaml"
CV = "params: {n_splits: 5, shuffle: true, random_state: 0}\n"
GREEDY = "class: GreedySelection\n  params: {size: 25, refit: true}"
SINGLE = "class: BestSingle\n  params: {{model: {}}}"
BUDGET = "trials: 2\n  seconds: 240"
HOLDOUT = "{test_size: 0.2, random_state: 0}\n"

# For each: the file, what is replaced by what, and what the message must hold.
PARAMS = {
    "unknown class": (MODEL, "class: RandomForest", "class: RandomForrest", "did you mean 'RandomForestClassifier'"),
    "a regressor for classes": (MODEL, "ForestClassifier", "ForestRegressor", "is a regressor, and a classifier"),
    "unknown key": (MODEL, "\nspace:", "\nspaces:", "unknown key 'spaces'; did you mean 'space'"),
    "unknown parameter": (MODEL, "  min_samples_leaf: 2", "  min_sample_leaf: 2", "did you mean 'min_samples_leaf'"),
    "impossible parameter": (MODEL, "  min_samples_leaf: 2", "  min_samples_leaf: -2", "Got -2 instead"),
    "impossible end of a range": (MODEL, "{int: [1, 20]", "{int: [-1, 20]", "starts above 0"),
    "empty range": (MODEL, "{float: [0.2, 1.0]}", "{float: []}", "needs two numbers"),
    "empty choice": (MODEL, "{float: [0.2, 1.0]}", "{choice: []}", "a list of at least one value"),
    "low above high": (MODEL, "{float: [0.2, 1.0]}", "{float: [1.0, 0.2]}", "low (1.0) is above high (0.2)"),
    "a space that is no range": (
        MODEL,
        "{float: [0.2, 1.0]}",
        "{flot: [0.2, 1.0]}",
        "unknown key 'flot'; did you mean",
    ),
    "misspelt log": (MODEL, "log: true}", "logg: true}", "unknown key 'logg'; did you mean 'log'"),
    "a seed outside the space": (MODEL, "- {max_features: 0.4", "- {max_features: 4", "lies outside the space"),
    "unknown preprocessing": (MODEL, "preprocess: ordinal", "preprocess: ordnal", "did you mean 'ordinal'"),
    "a package that is absent": (MODEL, "class: Random", "class: absent_package.Random", "is not installed"),
    "unknown metric": ("params/search.yaml", "neg_log_loss", "neg_logloss", "did you mean 'neg_log_loss'"),
    "unknown model": ("params/search.yaml", "- random_forest", "- randomforest", "did you mean 'random_forest'"),
    "no pace": (
        "params/models/logistic_regression.yaml",
        "rows_per_second: 5000",
        "rows_per_second: fast",
        "needs a number above 0, {text: ..., otherwise: ...} or null, not 'fast'",
    ),
    "a pace for no kind of table": (
        "params/models/logistic_regression.yaml",
        "rows_per_second: 5000",
        "rows_per_second: {texts: 50}",
        "unknown key 'texts'; did you mean 'text'",
    ),
    "no budget": ("params/search.yaml", "trials: 2", "trials: 0", "a whole number above 0 and up to a billion"),
    "unknown sampler": ("params/search.yaml", "TPESampler", "TPSampler", "did you mean 'TPESampler'"),
    "a key twice": ("params/search.yaml", "\nmetric:", "\npruner: {}\nmetric:", "duplicate key"),
    "no YAML": ("params/search.yaml", "\nmetric: ", "\nmetric: [", "not valid YAML"),
    "unknown splitter": (
        "params/split.yaml",
        "\ncv:\n  class: StratifiedKFold",
        "\ncv:\n  class: StratifyKFold",
        "did you mean 'StratifiedK",
    ),
    "one fold": ("params/split.yaml", CV, "params: {n_splits: 1}\n", "n_splits=2 or more"),
    "a share above 1": ("params/split.yaml", HOLDOUT, "{test_size: 2}\n", "between 0 and 1, not 2"),
    "groups without a group": (
        "params/split.yaml",
        "\ncv:\n  class: StratifiedKFold",
        "\ncv:\n  class: StratifiedGroupKFold",
        "needs groups",
    ),
    "unknown role": ("params/data.yaml", "columns: {}", "columns: {sex: {role: grup}}", "did you mean 'group'"),
    "unknown task": ("params/data.yaml", "task: ", "task: un", "unknown task"),
    "unknown chart": ("params/evaluate.yaml", "- lift_curve", "- lift_kurve", "did you mean 'lift_curve'"),
    "an empty sample": ("params/search.yaml", "rows: 30000", "rows: 0", "a whole number above 0, not 0"),
    "an empty sample of a model": (
        "params/models/random_forest.yaml",
        "\nspace:",
        "\nsample: {class: RandomSample, params: {rows: 0}}\nspace:",
        "a whole number above 0, not 0",
    ),
    "no repetitions": ("params/evaluate.yaml", "n_repeats: 5", "n_repeats: many", "needs a whole number above 0"),
    "a predictor as a step": (
        "params/preprocess/ordinal.yaml",
        "{class: SimpleImputer, params: {strategy: median, add_indicator: true, keep_empty_features: true}}",
        "{class: LogisticRegression}",
        "LogisticRegression predicts",
    ),
    "no limit at all": (
        "params/search.yaml",
        BUDGET,
        "trials: null\n  seconds: null",
        "needs 'trials', 'seconds' or both",
    ),
    "half a trial": (
        "params/search.yaml",
        "trials: 2",
        "trials: 2.5",
        "a whole number above 0 and up to a billion or null, not 2.5",
    ),
    "a share of nobody": ("params/search.yaml", "{train: 0.5}", "{nobody: 2}", "unknown key 'nobody'"),
    "a share of nothing": (
        "params/search.yaml",
        "{train: 0.5}",
        "{train: 0}",
        "'train' needs a number above 0 and up to a billion, not 0",
    ),
    "a model called train": ("params/search.yaml", "  - random_forest", "  - train", "means something else here"),
    "a pruner for a sampler": (
        "params/search.yaml",
        "class: TPESampler\n  params: {seed: 0, group: true, n_startup_trials: 4}",
        "class: optuna.pruners.NopPruner",
        "is a pruner, and a sampler is needed here",
    ),
    "no sampler": (
        "params/search.yaml",
        "sampler:\n  class: TPESampler\n  params: {seed: 0, group: true, n_startup_trials: 4}",
        "sampler: null",
        "should be a mapping",
    ),
    "unknown workers": ("params/search.yaml", "class: Processes", "class: Proceses", "did you mean 'Processes'"),
    "no workers": ("params/search.yaml", "n_workers: 2", "n_workers: 0", "a whole number above 0, not 0"),
    "workers without an address": (
        "params/search.yaml",
        "class: Processes\n  params: {n_workers: 2}",
        "class: DaskCluster",
        "address",
    ),
    "a storage without a url": (
        "params/search.yaml",
        "\nworkers:",
        "\nstorage: {class: RDBStorage, params: {ulr: x}}\nworkers:",
        "did you mean 'url'",
    ),
    "a storage that stores nothing": (
        "params/search.yaml",
        "\nworkers:",
        "\nstorage: {class: optuna.samplers.TPESampler, params: {seed: 1}}\nworkers:",
        "is a sampler, and a storage is needed here",
    ),
    "a model that does not compete": ("params/train.yaml", GREEDY, SINGLE.format("svm"), "'svm' does not compete"),
    "unknown ensemble": (
        "params/train.yaml",
        "class: GreedySelection",
        "class: GreedySelektion",
        "did you mean 'GreedySelection'",
    ),
    "a model for an ensemble": (
        "params/train.yaml",
        GREEDY,
        "class: sklearn.svm.SVC",
        "is a classifier, and an ensemble is needed here",
    ),
    "an ensemble of none": ("params/train.yaml", "size: 25", "size: 0", "size needs a whole number above 0, not 0"),
    "stacking without probabilities": (
        "params/train.yaml",
        GREEDY,
        "class: Stacking\n  params: {final_estimator: {class: LinearSVC}}",
        "LinearSVC gives no probabilities",
    ),
    "a calibration that is none": (
        "params/train.yaml",
        "calibration: null",
        "calibration: {class: LogisticRegression}",
        "is a classifier around the final model, such as CalibratedClassifierCV",
    ),
    "an impossible calibration": (
        "params/train.yaml",
        "calibration: null",
        "calibration: {class: CalibratedClassifierCV, params: {method: sigmoidal}}",
        "Got 'sigmoidal' instead",
    ),
    "an unknown scoring of a threshold": (
        "params/train.yaml",
        "threshold: null",
        "threshold: {class: TunedThresholdClassifierCV, params: {scoring: balanced_acuracy}}",
        "did you mean 'balanced_accuracy'",
    ),
    "costs without a matrix": (
        "params/train.yaml",
        "threshold: null",
        "threshold: {class: TunedThresholdClassifierCV, params: {scoring: {class: mean_cost_loss}}}",
        "mean_cost_loss needs matrix under params",
    ),
    "steps without order": (
        "params/preprocess/ordinal.yaml",
        "steps:\n  - columns: {dtype: number}\n    steps:\n      - impute:",
        "steps:\n  - columns: {dtype: number}\n    steps:\n      impute:",
        "",
    ),
}
# The same for what only the data can tell.
DATA = {
    "absent target": ("params/data.yaml", "target: ", "target: x", "the table has no column"),
    "absent file": ("params/data.yaml", "penguins.csv", "penguin.csv", "did you mean 'data/raw/penguins.csv'"),
    "absent group": ("params/data.yaml", "columns: {}", "columns: {Island: {role: group}}", "did you mean 'island'"),
    "a broken rule": (
        "params/data.yaml",
        "columns: {}",
        "columns: {body_mass_g: {max: 6000}}",
        "rows 238, 254 (2 in all)",
    ),
    "an unknown reader option": ("params/data.yaml", "read: {}", "read: {seperator: ';'}", "takes no 'seperator'"),
    **{
        f"the option {name}": ("params/data.yaml", "read: {}", f"read: {{{name}: 5}}", "leave it out")
        for name in ("chunksize", "filepath_or_buffer", "iterator", "memory_map")
    },
    "a class that is not there": (
        "params/data.yaml",
        "columns: {}",
        "columns: {}\npositive: x",
        "not one of two classes",
    ),
    "a metric for two classes": ("params/search.yaml", "neg_log_loss", "roc_auc", "does not fit 3 classes"),
    "costs of two classes": (
        "params/search.yaml",
        '"neg_log_loss"',
        "{class: mean_cost_loss, params: {matrix: [[0, 1], [5, 0]]}}",
        "does not fit 3 classes",
    ),
    "more folds than rows": ("params/split.yaml", CV, "params: {n_splits: 500}\n", "greater than the number of"),
    "folds without end": (
        "params/split.yaml",
        f"class: StratifiedKFold\n  {CV}",
        "class: RepeatedKFold\n  params: {n_splits: 2, n_repeats: 1000000}\n",
        "RepeatedKFold makes more than 1,000 folds",
    ),
    "a class in the hold-out alone": (
        "params/split.yaml",
        "class: StratifiedHoldout\n  params: {test_size: 0.2, random_state: 0}",
        "class: KFold\n  params: {n_splits: 2}",
        "the class 'Adelie' in the held-out rows alone",
    ),
}
HEADER = "a,b,y\n"
TABLES = {
    "empty": ("", "is empty"),
    "no rows": (HEADER, "has no rows"),
    "binary": ("\0\1\2abc" * 50, "holds binary data"),
    "a zero byte that is not of UTF-16": ("size,kind\n12,\0", "holds binary data"),
    "two columns of one name": ("a,a,y\n1,2,x\n", "two columns that are called 'a'"),
    "a constant target": (HEADER + "1,2,x\n" * 9, "is 'x' in every row"),
    "a target all missing": (HEADER + "1,2,\n" * 9, "every row of 'y' is missing"),
    "too few rows": (HEADER + "1,2,x\n2,3,z\n3,1,x\n", "fewer rows than there are classes"),
    "too many classes": (HEADER + "".join(f"{n},{n % 7},{n}\n" for n in range(60)), "too many for classes"),
    "no feature": ("a,y\n" + "".join(f"1,{n % 2}\n" for n in range(60)), "no column is a feature"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the sample."""
    made = Project(
        tmp_path_factory.mktemp("bad"), project_name="Bad input", estimators="random_forest, logistic_regression"
    )
    made.edit("params/search.yaml", ("trials: 100", "trials: 2"))
    return made


@pytest.fixture
def refusal(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The message with which the first of these stages refuses to go on."""
    monkeypatch.chdir(project.path)
    errors, reader = project.module("errors"), project.module("objects.reader")

    def refuse(*stages: str) -> str:
        with pytest.raises(errors.UserError) as caught:
            for stage in stages:
                project.module(f"stages.{stage}").main()
        return str(reader.located(caught.value))

    return refuse


@pytest.mark.parametrize("name", PARAMS)
def test_wrong_params_are_refused_without_data(name: str, project: Project, refusal: Callable[..., str]) -> None:
    file, old, new, expected = PARAMS[name]
    with project.edited(file, (old, new)):
        message = refusal("plan")
    assert message.startswith(f"{file}:"), message
    assert message.split(":")[1].isdigit() and expected in message, message
    assert "\n" not in message


@pytest.mark.parametrize("name", DATA)
def test_params_that_do_not_fit_the_data_are_refused(name: str, project: Project, refusal: Callable[..., str]) -> None:
    file, old, new, expected = DATA[name]
    with project.edited(file, (old, new)):
        message = refusal("plan", "load", "split")
    assert message.startswith(f"{file}:") and message.split(":")[1].isdigit(), message
    assert expected in message and "\n" not in message, message


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_cannot_be_learned_from_is_refused(
    name: str, project: Project, refusal: Callable[..., str]
) -> None:
    text, expected = TABLES[name]
    table = project.path / "data" / "raw" / "table.csv"
    table.write_text(text, encoding="utf-8")
    with project.edited("params/data.yaml", ("penguins.csv", "table.csv"), ('target: "species"', "target: y")):
        message = refusal("plan", "load", "split")
    table.unlink()
    assert expected in message and "\n" not in message, message


def test_a_refusal_leaves_earlier_results_and_exits_with_1(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.path)
    for stage in ("plan", "load", "split"):
        project.module(f"stages.{stage}").main()
    before = _hashes(project.path)
    with project.edited("params/data.yaml", ('target: "species"', "target: specis")):
        said = project.run("dvc", "repro", code=255)
    assert "error: params/data.yaml:" in said and "Traceback" not in said, said
    kept = {name: digest for name, digest in _hashes(project.path).items() if not name.startswith("plan/")}
    assert kept == {name: digest for name, digest in before.items() if not name.startswith("plan/")}


def _hashes(folder: Path) -> dict[str, str]:
    files = [file for part in ("plan", "data/interim", "data/processed") for file in (folder / part).rglob("*")]
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file()
    }
