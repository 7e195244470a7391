"""Names in the params: only a class or function of the kind that its position needs is imported, built or called."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from stamped import Project

# In Python's standard library, in packages that every project has, in the project itself, in files of the project.
HOSTILE = [
    "builtins.__import__",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "ctypes.CDLL",
    "functools.partial",
    "http.server.HTTPServer",
    "importlib.import_module",
    "multiprocessing.Process",
    "os.system",
    "pathlib.Path",
    "pickle.loads",
    "pty.spawn",
    "shutil.rmtree",
    "socket.socket",
    "subprocess.Popen",
    "subprocess.run",
    "sys.exit",
    "tempfile.NamedTemporaryFile",
    "threading.Thread",
    "urllib.request.urlopen",
    "webbrowser.open",
    "cookiecutter.main.cookiecutter",
    "dvc.api.open",
    "joblib.load",
    "numpy.frompyfunc",
    "numpy.load",
    "numpy.memmap",
    "numpy.ndarray",
    "numpy.os.system",
    "numpy.save",
    "numpy.savetxt",
    "numpy.vectorize",
    "optuna.create_study",
    "optuna.delete_study",
    "optuna.storages.journal.JournalFileBackend",
    "pandas.DataFrame.to_csv",
    "pandas.ExcelWriter",
    "pandas.HDFStore",
    "pandas.eval",
    "pandas.read_pickle",
    "scipy.io.savemat",
    "sklearn.datasets.fetch_openml",
    "sklearn.pipeline.make_pipeline",
    "sklearn.utils.Bunch",
    "sklearn.utils.parallel.Parallel",
    "skops.io.load",
    "{package}.__main__.main",
    "{package}.project.calls.run_program",
    "{package}.parts.remote.components.subprocess.Popen",
    "{package}.files.write_text",
    "{package}.parts.remote.command.stop",
    "{package}.parts.remote.job.Job",
    "{package}.objects.allowed.imported",
    "data.raw.canary.Model",
    "notebooks.errors.Model",
    "scripts.sandbox.main",
    "os",
    "os.system('touch canary')",
    "sklearn.svm.SVC.__class__.__mro__",
    "sklearn..svm.SVC",
    ".os.system",
    "os.",
    "оs.system",  # the first letter is Cyrillic
]

MODEL, STEPS = "models/logistic_regression.yaml", "preprocess/scaled_onehot.yaml"
# Every position in the params that takes a class: the file, the keys that lead there, and what is written there.
POSITIONS: dict[str, tuple[str, tuple[str | int, ...], Any]] = {
    "model": (MODEL, ("class",), "{}"),
    "parameter": (MODEL, ("params", "C"), {"class": "{}"}),
    "import": (MODEL, ("params", "C"), {"import": "{}"}),
    "alternative": (MODEL, ("params", "C"), {"one_of": [{"class": "SVC"}, {"class": "{}"}]}),
    "option": (MODEL, ("params", "C"), {"optional": {"class": "{}"}}),
    "pair": (MODEL, ("params", "C"), [{"x": {"class": "{}"}}]),
    "step": (STEPS, ("steps", 0, "steps", 0, "impute", "class"), "{}"),
    "step as a function": (STEPS, ("steps", 0, "steps", 0, "impute"), {"import": "{}"}),
    "task": ("data.yaml", ("task",), {"class": "{}"}),
    "task by name": ("data.yaml", ("task",), "{}"),
    "holdout": ("split.yaml", ("holdout", "class"), "{}"),
    "cv": ("split.yaml", ("cv", "class"), "{}"),
    "metric": ("search.yaml", ("metric",), "{}"),
    "metric as an object": ("search.yaml", ("metric",), {"class": "{}"}),
    "sampler": ("search.yaml", ("sampler",), {"class": "{}"}),
    "pruner": ("search.yaml", ("pruner",), {"class": "{}"}),
    "sample": ("search.yaml", ("sample",), {"class": "{}"}),
    "storage": ("search.yaml", ("storage",), {"class": "{}", "params": {"url": "sqlite:///canary"}}),
    "workers": ("search.yaml", ("workers",), {"class": "{}"}),
    "ensemble": ("train.yaml", ("ensemble",), {"class": "{}"}),
    "final estimator": (
        "train.yaml",
        ("ensemble",),
        {"class": "Stacking", "params": {"final_estimator": {"class": "{}"}}},
    ),
    "calibration": ("train.yaml", ("calibration",), {"class": "{}"}),
    "further metric": ("evaluate.yaml", ("metrics", 0), "{}"),
    "chart": ("evaluate.yaml", ("charts", 0), "{}"),
    "validation": ("predict.yaml", ("validation",), {"class": "{}"}),
    "part": ("package.yaml", ("parts", "model"), {"class": "{}"}),
    "export": ("package.yaml", ("exports",), [{"class": "{}"}]),
    "best": ("publish.yaml", ("best",), "{}"),
    "registry": ("releases.yaml", ("registry",), {"class": "{}"}),
    "rule": ("retrain.yaml", ("rule",), {"class": "{}"}),
    "judge": ("retrain.yaml", ("metric",), "{}"),
    "tracker": ("tracking.yaml", ("trackers",), [{"class": "{}"}]),
    "runner": ("remote.yaml", ("runner",), {"class": "{}"}),
    "cleaning": ("data.yaml", ("clean",), {"class": "{}"}),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a file among its data that a wrong import would run."""
    made = Project(tmp_path_factory.mktemp("names"), project_name="Names", estimators="logistic_regression")
    canary = "from pathlib import Path\nPath('canary').touch()\n\nclass Model:\n    def fit(self): ...\n"
    (made.path / "data" / "raw" / "canary.py").write_text(canary, encoding="utf-8")
    return made


@pytest.fixture
def refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], str]:
    """The sentence with which a call is refused; it fails the test if the canary sang."""
    monkeypatch.chdir(project.path)
    monkeypatch.syspath_prepend(project.path)  # as `python -m` does
    error = project.module("errors").UserError

    def call(function: Callable[[], Any]) -> str:
        with pytest.raises(error) as caught:
            function()
        assert not Path("canary").exists() and "data.raw" not in sys.modules
        message = str(caught.value)
        assert "\n" not in message, message
        return message

    return call


@pytest.mark.parametrize("name", HOSTILE)
def test_what_has_no_kind_is_neither_imported_nor_called(
    name: str, project: Project, refused: Callable[..., str]
) -> None:
    grammar, registry = project.module("objects.grammar"), project.module("objects.discovery")
    where = project.module("objects.reader").Where("params/x.yaml")
    name = name.format(package=project.package)
    for kind in registry.KINDS:
        data = {"class": name, "params": {"args": ["touch", "canary"]}}
        refused(lambda data=data, kind=kind: grammar.Grammar().object(data, where, [kind]))
    for node in ({"class": name}, {"import": name}):
        message = refused(lambda node=node: grammar.Grammar().value({"func": node}, where))
        assert message.startswith("params/x.yaml: ")


def _written(project: Project, file: str, keys: tuple[str | int, ...], value: Any) -> str:
    """The text of a file of the params with another value at these keys."""
    data = yaml.safe_load((project.path / "params" / file).read_text(encoding="utf-8"))
    inner = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize("position", POSITIONS)
def test_every_position_refuses_another_kind_with_its_line(
    position: str, project: Project, refused: Callable[..., str]
) -> None:
    file, keys, form = POSITIONS[position]
    path = project.path / "params" / file
    before = path.read_text(encoding="utf-8")
    for name, what in {
        "subprocess.Popen": "is part of Python's standard library",
        "joblib.load": "is no class or function that params can use",
    }.items():
        value = json.loads(json.dumps(form).replace("{}", name))
        path.write_text(_written(project, file, keys, value), encoding="utf-8")
        try:
            message = refused(lambda: _check(project))
        finally:
            path.write_text(before, encoding="utf-8")
        assert message.startswith(f"params/{file}:") and message.split(":")[1].isdigit(), message
        assert what in message or (position == "step as a function" and "'import' names" in message), message


def _check(project: Project) -> None:
    project.module("objects.plan").compile_params(project.path / "params")


# What belongs to one position is refused in all others.
KINDS = {
    "classifier": "sklearn.svm.SVC",
    "transformer": "sklearn.preprocessing.StandardScaler",
    "splitter": "sklearn.model_selection.KFold",
    "metric": "sklearn.metrics.f1_score",
    "sampler": "optuna.samplers.RandomSampler",
    "pruner": "optuna.pruners.NopPruner",
    "storage": "optuna.storages.RDBStorage",
    "resampler": "{}.components.samples.RandomSample",
    "workers": "{}.components.workers.InProcess",
    "ensemble": "{}.components.ensembles.Voting",
    "validation": "{}.components.validation.Validation",
    "flavor": "{}.components.flavors.Skops",
    "registry": "{}.parts.releases.components.registries.GTO",
    "tracker": "{}.parts.tracking.components.MLflow",
    "task": "{}.components.tasks.Classification",
    "runner": "{}.parts.remote.components.LocalClean",
    "rule": "{}.parts.retrain.components.Better",
    "cleaning": "{}.components.cleaning.DropRows",
    "chart": "{}.components.classification_charts.lift_curve",
    "value": "sklearn.gaussian_process.kernels.RBF",
    "function": "numpy.mean",
    "type": "numpy.float32",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_taken_where_it_belongs_and_nowhere_else(
    kind: str, project: Project, refused: Callable[..., str]
) -> None:
    registry, reader = project.module("objects.discovery"), project.module("objects.reader")
    path = KINDS[kind].format(project.package)
    assert registry.load(path, reader.Where("x"), [kind]) is registry.load(path, reader.Where("x"))
    for other in set(KINDS) - {kind}:
        message = refused(lambda other=other: registry.load(path, reader.Where("x"), [other]))
        assert f"is {registry.either([kind])}, and {registry.either([other])} is needed here" in message


def test_what_params_may_hold_is_built(project: Project) -> None:
    from_yaml = project.module("objects.build").from_yaml
    for text in (
        "{class: GaussianProcessClassifier, params: {kernel: {class: sklearn.gaussian_process.kernels.RBF}}}",
        "{class: FunctionTransformer, params: {func: {import: numpy.log1p}}}",
        "{class: FunctionTransformer, params: {func: {import: numpy.nan_to_num}}}",
        "{class: SelectKBest, params: {score_func: {import: sklearn.feature_selection.mutual_info_classif}}}",
        "{class: OrdinalEncoder, params: {dtype: {import: builtins.float}}}",
        "{class: GridSearchCV, params: {estimator: {class: SVC}, param_grid: {C: [1]}, cv: {class: KFold}}}",
        "{class: PatientPruner, params: {wrapped_pruner: {class: MedianPruner}, patience: 1}}",
        "{class: category_encoders.BaseNEncoder}",
    ):
        from_yaml(text)


def test_a_plan_that_was_tampered_with_builds_nothing_else(project: Project, refused: Callable[..., str]) -> None:
    project.module("stages.plan").main()
    slice_ = json.loads(Path("plan/models/logistic_regression.json").read_text(encoding="utf-8"))
    touch = {"class": "subprocess.Popen", "params": {"args": ["touch", "canary"]}}
    model_from, where = project.module("objects.model").model_from, project.module("objects.reader").Where("plan")
    for change in (touch, {"preprocess": {"steps": [{"x": touch}]}}, {"params": {"C": touch}}):
        refused(lambda change=change: model_from(slice_ | {"model": slice_["model"] | change}))
    workers = project.module("stages.workers")
    refused(lambda: workers.named({"workers": touch}, where).__enter__())
    job = project.module("parts.remote.job").Job("x", touch, {}, 1, 0, None)
    refused(job.made)


@pytest.mark.parametrize("package", ["antigravity", "this", "data", "notebooks", "os", "subprocess; x", "__main__", ""])
def test_a_package_that_is_none_is_not_imported(package: str, project: Project, refused: Callable[..., str]) -> None:
    find_all = project.module("objects.discovery").find_all
    assert "registry.yaml" in refused(lambda: find_all([package], cache=None))


# No name of a file, of a stage of DVC or of a word in a shell; or one that some file systems take for another.
NAMES = [
    "a;touch x",
    "a$(touch x)",
    "a`touch x`",
    "a'; touch x; '",
    'a";touch x;"',
    "a\ntouch x",
    "a&touch x",
    "a|touch x",
    "a>x",
    "a@${b}",
    "../models/logistic_regression",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "..",
    ".a",
    "a.b",
    "my model",
    "-x",
    "--help",
    "a-",
    "",
    "x" * 65,
    "CON",
    "nul",
    "m\u00f6del",
    "Logistic_Regression",
    "Train",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_not_called_what_a_shell_or_a_folder_takes_otherwise(
    name: str, project: Project, refused: Callable[..., str]
) -> None:
    path = project.path / "params" / "search.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(_written(project, "search.yaml", ("models",), ["logistic_regression", name]), encoding="utf-8")
    try:
        message = refused(lambda: project.module("objects.plan").compile_params(project.path / "params"))
    finally:
        path.write_text(before, encoding="utf-8")
    assert message.startswith("params/search.yaml:") and repr(name) in message, message
    assert "cannot name a model" in message or "in case alone" in message or "means something else here" in message


def test_a_preprocessing_is_not_called_so_either(project: Project, refused: Callable[..., str]) -> None:
    with project.edited(f"params/{MODEL}", ("preprocess: scaled_onehot", "preprocess: ../models/x")):
        message = refused(lambda: project.module("objects.plan").compile_params(project.path / "params"))
    assert "'../models/x' cannot name a preprocessing" in message


@pytest.mark.parametrize("name", NAMES)
def test_dvc_quotes_a_model_for_the_shell_and_the_stage_refuses_it(
    name: str, project: Project, refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dvc.parsing.context import Context

    lines = (project.path / "dvc.yaml").read_text(encoding="utf-8").splitlines()
    template = next(line.partition("cmd: ")[2] for line in lines if "stages.tune" in line)
    command = Context({"item": {"model": name}}).resolve_str(template, key="cmd")
    words = shlex.split(command)
    assert words == ["python", "-m", f"{project.package}.stages.tune", "--model", name]
    if name not in ("Logistic_Regression", "Train"):
        monkeypatch.setattr(sys, "argv", [words[2], f"--model={name}"])
        assert "cannot name a model" in refused(project.module("stages.tune").main)


@pytest.mark.parametrize(
    ("key", "value"),
    [("repo", "--upload-pack=touch x"), ("repo", "ext::sh -c touch% x"), ("rev", "--output=x"), ("path", "../x.csv")],
)
def test_an_address_is_no_option_of_git(key: str, value: str, project: Project, refused: Callable[..., str]) -> None:
    source = {"repo": "https://example.org/a", "path": "a.csv", "rev": "main"} | {key: value}
    where = project.module("objects.reader").Where("params/data.yaml")
    assert repr(value) in refused(lambda: project.module("parts.data_import.sources").checked(source, where))


def test_a_card_holds_text_and_no_markup(project: Project) -> None:
    escaped = project.module("report.card").escaped
    assert escaped("a|b\n<script>[x](y) `c`") == r"a\|b \<script\>\[x\](y) \`c\`"


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system [x]",
        "!!python/name:os.system",
        "!own {a: 1}",
        "!own [a]",
        "!own a",
        "!!set {a, b}",
        "!!omap [a: 1]",
        "!!binary aGk=",
        "{? [a, b] : 1}",
    ],
)
def test_what_is_no_plain_value_of_yaml_is_refused_with_its_line(
    text: str, refused: Callable[..., str], project: Project
) -> None:
    parse = project.module("objects.reader").parse
    message = refused(lambda: parse(f"a: 1\nb: {text}\n", "params/x.yaml"))
    assert message.startswith("params/x.yaml:2: ")
    assert "has no meaning here" in message or "a plain value is needed here" in message
