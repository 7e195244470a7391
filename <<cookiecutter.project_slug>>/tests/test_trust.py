"""What a stranger can write into DVC's remote, a storage or a registry decides nothing: no code, no path, no task."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.components.flavors import Joblib, Skops
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.files import read_json, write_json
from << cookiecutter.package_name >>.objects.allowed import PACKAGE, About
from << cookiecutter.package_name >>.objects.plan import Plan
from << cookiecutter.package_name >>.prediction.artifact import load
from << cookiecutter.package_name >>.prediction.manifest import copy_model, is_inside, seal, verify
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.prediction.trust import read_trusted
from << cookiecutter.package_name >>.project import locked
from << cookiecutter.package_name >>.schema import Schema
from << cookiecutter.package_name >>.steps.task import task_of

HOSTILE = [
    ("os", "system"),
    ("posix", "mkdir"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("subprocess", "Popen"),
    ("pathlib", "Path"),
    ("functools", "partial"),
    ("operator", "methodcaller"),
    ("operator", "attrgetter"),
    ("joblib", "Memory"),
    ("joblib.memory", "Memory"),
    ("joblib", "load"),
    ("numpy", "load"),
    ("numpy", "memmap"),
    ("numpy", "fromfile"),
    ("numpy.testing._private.utils", "runstring"),
    ("pandas", "read_pickle"),
    ("pandas", "DataFrame"),
    ("optuna.storages", "RDBStorage"),
    ("sklearn.datasets", "fetch_openml"),
    ("sklearn.datasets", "load_files"),
    ("sklearn.datasets._base", "_fetch_remote"),
    ("sklearn.utils", "deprecated"),
    ("sklearn.utils", "check_array"),
    ("sklearn.utils._testing", "set_random_state"),
    ("sklearn.utils.parallel", "_FuncWrapper"),
    ("sklearn.externals.array_api_compat", "numpy"),
    ("sklearn.pipeline", "chain"),
    (PACKAGE, "components.flavors.Skops"),
    *(
        (f"{PACKAGE}.{module}", name)
        for module, name in [
            ("components.runners", "LocalClean"),
            ("components.workers", "Processes"),
            ("components.flavors", "Joblib"),
            ("addresses", "opened"),
            ("files", "write_text"),
            ("files", "Path"),
            ("calls", "git"),
            ("schema", "Schema"),
            ("steps.members", "pickle"),
        ]
    ),
]


def test_what_models_may_hold_is_read_from_the_params_as_the_plan_has_it(plan: Plan) -> None:
    trusted = read_trusted(ROOT / "params")
    assert set(plan.slices["train"]["named"]) <= set(trusted.named)
    assert trusted.task == plan.slices["data"]["task"]
    assert read_trusted(ROOT / "params") == trusted  # from the cache


@pytest.mark.parametrize("module, name", HOSTILE)
@pytest.mark.parametrize("called", [True, False])
def test_a_pickle_names_nothing_that_is_no_part_of_a_model(
    module: str, name: str, called: bool, named: list[str], tmp_path: Path
) -> None:
    target = tmp_path / "touched"
    end = f"(S'{target}'\ntR." if called else "."
    (tmp_path / "model.joblib").write_bytes(f"c{module}\n{name}\n{end}".encode())
    with pytest.raises(UserError, match="is no part of a model"):
        Joblib().load(tmp_path / "model.joblib", About(named))
    assert not target.exists()


@pytest.mark.parametrize("loader", ["ConstructorFromReduceNode", "ObjectNode", "TypeNode", "FunctionNode", "LossNode"])
def test_skops_names_nothing_that_is_no_part_of_a_model(loader: str, named: list[str], tmp_path: Path) -> None:
    for module, name in HOSTILE:
        path = stored(tmp_path, loader, module, name, str(tmp_path / "touched"))
        with pytest.raises(UserError, match="is no part of a model"):
            Skops().load(path, About(named))
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("name", ["Pipeline", "FeatureUnion"])
def test_the_constructor_of_an_estimator_is_not_called(name: str, named: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a call of"):
        Skops().load(stored(tmp_path, "ConstructorFromReduceNode", "sklearn.pipeline", name, "x"), About(named))
    pickles = {
        "reduce": f"csklearn.pipeline\n{name}\n(S'x'\ntR.",
        "inst": f"(S'x'\nisklearn.pipeline\n{name}\n.",
        "obj": f"(csklearn.pipeline\n{name}\nS'x'\no.",
        "base": f"ccopyreg\n_reconstructor\n(csklearn.pipeline\n{name}\ncsklearn.pipeline\n{name}\nS'x'\ntR.",
        "build": f"csklearn.pipeline\n{name}\n(NS'predict'\nI1\nd\x86b.".replace("(NS", "N(S"),
    }
    for text in pickles.values():
        (tmp_path / "model.joblib").write_bytes(text.encode("latin1"))
        with pytest.raises(UserError, match="is no part of a model"):
            Joblib().load(tmp_path / "model.joblib", About(named))


@pytest.mark.parametrize("loader", ["ListNode", "SetNode", "TupleNode"])
def test_a_container_of_skops_is_no_way_to_call_a_constructor(loader: str, named: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a call of sklearn\.pipeline\.Pipeline"):
        Skops().load(stored(tmp_path, loader, "sklearn.pipeline", "Pipeline", "x"), About(named))


@pytest.mark.parametrize(
    "maker", ["__bit_generator_ctor\n(", "__generator_ctor\n(S'x'\n", "__randomstate_ctor\n(S'x'\n"]
)
def test_a_random_generator_is_no_way_to_call_a_constructor(maker: str, named: list[str], tmp_path: Path) -> None:
    (tmp_path / "model.joblib").write_bytes(f"cnumpy.random._pickle\n{maker}csklearn.pipeline\nPipeline\ntR.".encode())
    with pytest.raises(UserError, match="a call of Pipeline"):
        Joblib().load(tmp_path / "model.joblib", About(named))


def test_random_generators_can_be_part_of_a_model(named: list[str], tmp_path: Path) -> None:
    made = [np.random.default_rng(1), np.random.RandomState(1), np.random.Generator(np.random.MT19937(1))]
    joblib.dump(made, tmp_path / "model.joblib")
    again = Joblib().load(tmp_path / "model.joblib", About(named))
    assert [one.uniform() for one in again] == [one.uniform() for one in made]


def test_a_function_that_the_params_name_is_held_and_not_called(named: list[str], tmp_path: Path) -> None:
    about = About([*named, "numpy.log1p", "numpy.loadtxt"])
    joblib.dump(np.loadtxt, tmp_path / "held.joblib")
    assert Joblib().load(tmp_path / "held.joblib", about) is np.loadtxt

    class Calls:
        def __reduce__(self) -> Any:
            return np.loadtxt, (str(tmp_path / "any"),)

    for thing in (Calls(), np.array([Calls()], dtype=object)):  # an array of objects is a pickle within the pickle
        joblib.dump(thing, tmp_path / "called.joblib")
        with pytest.raises(UserError, match="a call of loadtxt"):
            Joblib().load(tmp_path / "called.joblib", about)


def stored(folder: Path, loader: str, module: str, name: str, argument: str) -> Path:
    """A file as skops writes it, with one object that is made of a text."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(argument)}
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text]}
    node = {"__class__": name, "__module__": module, "__loader__": loader, "content": arguments}
    node["__reduce__"] = {"args": arguments}
    if loader in ("ListNode", "SetNode", "TupleNode"):
        node["content"] = [text]
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        archive.writestr("schema.json", json.dumps(node | {"protocol": 2, "_skops_version": "0.16.0"}))
    return folder / "model.skops"


@pytest.mark.parametrize(
    "name",
    ["../.env", "/etc/passwd", "a/../../b", "", ".", "./a", "a//b", "C:\\x", "..\\..\\x", "C:x", "\\\\host\\x", "a\0b"],
)
def test_a_manifest_names_files_of_its_folder_only(name: str, saved: Path) -> None:
    assert not is_inside(name)
    manifest = read_json(saved / "manifest.json")
    write_json(saved / "manifest.json", manifest | {"parts": manifest["parts"] | {name: "0" * 64}})
    with pytest.raises(UserError, match="which is no file in that folder"):
        verify(saved)


def test_what_the_manifest_does_not_name_is_not_copied(saved: Path, tmp_path: Path) -> None:
    (saved / ".env").write_text("secret")
    (saved / "link").symlink_to(Path(__file__))
    copy_model(saved, tmp_path / "copy")
    assert not (tmp_path / "copy/.env").exists() and verify(tmp_path / "copy") == verify(saved)
    with pytest.raises(UserError, match="link is a link"):
        seal(saved)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("part", "text"),
    [
        *(("schema.json", text) for text in ("", "{", "null", "3", '"x"', "[1]", '{"a": 1}', DEEP, "\x00")),
        *(("example.json", text) for text in ("", "null", "[1]", "[[]]", '{"a": 1}', DEEP, "[{}, 3]")),
        *(("environment.json", text) for text in ("{", "3", "[1]", '{"a": 1}', DEEP, "\x00")),
        *(("manifest.json", text) for text in ("", "null", "3", "[[]]", '{"a": 1}', DEEP, "\x00")),
    ],
)
def test_a_damaged_part_under_a_fresh_manifest_is_one_sentence(part: str, text: str, saved: Path) -> None:
    (saved / part).write_text(text)
    if part != "manifest.json":
        seal(saved)
    with pytest.raises(UserError, match=rf"{part} is damaged"):
        PredictionPipeline.load(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 3},
        {"columns": [{"name": "a"}]},
        {"columns": [{"name": "a", "role": "feature", "dtype": "number", "min": "x"}]},
        {"columns": [{"name": "a", "role": "feature", "dtype": "number", "hidden": 1}]},
        {"features": [["a"]]},
        {"features": [["a", "code"]]},
        {"labels": [[]]},
        {"target": 3},
        {"task": "classification"},
        {"task": {"class": 3}},
        {"inputs": "feature"},
        {"answers": 3},
        {"answers": [{"name": "y", "role": "spy", "dtype": "number"}]},
        {"missing": "NA"},
        {"missing": [3]},
        {"warnings": "none"},
        *(
            {"columns": [{"name": "a", "role": "feature", "dtype": dtype, key: value}]}
            for dtype, key, value in [
                ("number", "format", "1_234"),
                ("number", "format", "%d.%m.%Y"),
                ("datetime", "format", "1.234,5"),
                ("category", "format", "%Y"),
                ("number", "unit", 3),
                ("category", "width", "5"),
                ("category", "width", 10**9),
                ("category", "blank", ["None"]),
                ("number", "boolean", "no"),
                ("category", "numbers", None),
            ]
        ),
    ],
)
def test_a_schema_of_another_form_is_one_sentence(change: dict[str, Any], saved: Path) -> None:
    write_json(saved / "schema.json", read_json(saved / "schema.json") | change)
    seal(saved)
    with pytest.raises(UserError, match=r"schema.json is damaged"):
        PredictionPipeline.load(saved)


@pytest.mark.parametrize("task", ["subprocess.Popen", f"{PACKAGE}.components.flavors.Joblib", "pathlib.Path"])
def test_the_task_is_the_one_of_the_params(task: str, saved: Path, named: list[str]) -> None:
    schema = read_json(saved / "schema.json")
    write_json(saved / "schema.json", schema | {"task": {"class": task}})
    seal(saved)
    with pytest.raises(UserError, match=r"which params/data.yaml does not name"):
        load(saved, named)


@pytest.mark.parametrize("change", [{"unknown": 1}, {"unknown": None}, {"delimiter": ";"}, {"horizon": 2.5}])
def test_the_params_of_the_task_are_those_of_the_params(change: dict[str, Any], saved: Path) -> None:
    schema = read_json(saved / "schema.json")
    params = schema["task"].get("params", {})
    write_json(saved / "schema.json", schema | {"task": schema["task"] | {"params": params | change}})
    seal(saved)
    with pytest.raises(UserError, match=r"another task than that of params/data.yaml"):
        PredictionPipeline.load(saved)


def test_what_the_task_has_inferred_is_of_the_right_form(saved: Path, schema: Schema) -> None:
    inferred = task_of(schema).inferred
    if not inferred:
        pytest.skip("the task infers nothing")
    stored = read_json(saved / "schema.json")
    for value in (3, [1], "nonsense", {}):
        params = stored["task"].get("params", {}) | {inferred[0]: value}
        write_json(saved / "schema.json", stored | {"task": stored["task"] | {"params": params}})
        seal(saved)
        with pytest.raises(UserError, match=r"the task of its schema.json cannot be made"):
            PredictionPipeline.load(saved)


def test_features_and_labels_are_those_that_the_model_has_learned(saved: Path, named: list[str]) -> None:
    schema = read_json(saved / "schema.json")
    if "feature_names_in_" not in (saved / "transformers.skops").read_bytes().decode("latin1"):
        pytest.skip("nothing that stands before the estimator knows the names of the columns")
    write_json(saved / "schema.json", schema | {"features": schema["features"][::-1]})
    seal(saved)
    with pytest.raises(UserError, match=r"the features of the model, .*, is not that of its schema.json"):
        load(saved, named)
    if schema["labels"]:
        write_json(saved / "schema.json", schema | {"labels": schema["labels"][1:]})
        seal(saved)
        with pytest.raises(UserError, match=r"the labels of the model, .*, is not that of its schema.json"):
            load(saved, named)


def test_an_output_is_the_one_of_dvc_lock_or_made_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan/models").mkdir(parents=True)
    write_json("plan/train.json", {"named": []})
    write_json("plan/models/a.json", {})
    assert locked.read_plan("train") == {"named": []}  # nothing is locked yet
    # As DVC 3 computed it for these two files.
    checksum = locked.checksum(Path("plan"))
    assert re.fullmatch(r"[0-9a-f]{32}\.dir", checksum)
    Path("dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  plan:\n    cmd: python\n    deps:\n    - path: params\n      md5: 0.dir\n"
        f"    outs:\n    - path: plan\n      hash: md5\n      md5: {checksum}\n      nfiles: 2\n"
        "  load:\n    cmd: python\n    outs:\n    - path: data/interim\n      md5: 1.dir\n"
    )
    assert locked.read_plan("models/a") == {} and locked.changed() == []
    write_json("plan/train.json", {"named": ["subprocess.Popen"]})
    for name in ("train", "models/a"):
        with pytest.raises(UserError, match=r"plan is not the one that dvc.lock names"):
            locked.read_plan(name)
    assert locked.changed() == ["plan"]
    with pytest.raises(UserError, match="is not to be trusted"):
        locked.main()
    locked.note_made(Path("plan"))  # as the stage does
    assert locked.read_plan("train") == {"named": ["subprocess.Popen"]}


def test_a_model_that_is_not_the_one_of_dvc_lock_is_not_loaded(
    saved: Path, named: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checksum = locked.checksum(saved)
    Path("dvc.lock").write_text(f"stages:\n  package:\n    outs:\n    - path: model\n      md5: {checksum}\n")
    load(Path("model"), named)
    (saved / "notes.txt").write_text("beside the model")
    load(Path("model"), named)
    write_json(saved / "result.json", {"changed": True})
    seal(saved)
    with pytest.raises(UserError, match=r"model is not the one that dvc.lock names"):
        load(Path("model"), named)
    locked.note_made(Path("model"))
    load(Path("model"), named)


def test_trust_is_found_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{PACKAGE}.prediction.trust.CACHE", Path("/dev/null/trusted.json"))
    assert read_trusted(ROOT / "params").named


def test_loading_a_model_imports_no_more_of_scikit_learn_than_it_needs() -> None:
    code = f"import sys, {PACKAGE}.components.flavors; sys.exit('sklearn.utils._testing' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
