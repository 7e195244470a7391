"""The service in Kubernetes: the Open Inference Protocol, and what a promotion writes for the cluster."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.kubernetes import images, overlays, promotions
from << cookiecutter.package_name >>.parts.kubernetes.settings import Settings
from << cookiecutter.package_name >>.prediction.pipeline import PredictionPipeline
from << cookiecutter.package_name >>.project.calls import git
from << cookiecutter.package_name >>.schema import Schema

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
pytest.importorskip("httpx", reason="httpx, with which a service is asked, is not installed")

from fastapi.testclient import TestClient

from << cookiecutter.package_name >>.parts.kubernetes import tensors
from << cookiecutter.package_name >>.parts.serve import settings as serving
from << cookiecutter.package_name >>.parts.serve.app import make_app

Tensor = dict[str, Any]
DIGESTS = [f"registry.example.com/model@sha256:{digit * 64}" for digit in "12"]


@pytest.fixture(scope="module")
def pipeline(fitted: Any, schema: Schema, shown: list[dict[str, Any]]) -> PredictionPipeline:
    """A fitted model, without columns that only your own table has."""
    return PredictionPipeline(schema, fitted, featurize=lambda frame: frame, example=pd.DataFrame(shown))


@pytest.fixture(scope="module")
def client(pipeline: PredictionPipeline) -> Iterator[Any]:
    """The service with a key, which this client brings."""
    app = make_app(pipeline, serving.Settings(max_rows=50, max_bytes=20_000), key="secret")
    # pragma: allowlist nextline secret
    with TestClient(app, raise_server_exceptions=False, headers={"X-API-Key": "secret"}) as asked:
        yield asked


@pytest.fixture(scope="module")
def name(client: Any) -> str:
    """The model's name."""
    (found,) = client.get("/v2/models").json()["models"]
    return str(found)


@pytest.fixture
def rows(raw: pd.DataFrame, schema: Schema) -> list[dict[str, Any]]:
    """Ten rows that the model has not seen."""
    return list(json.loads(raw.drop(columns=schema.targets).iloc[100:110].to_json(orient="records")))


@pytest.fixture
def inputs(schema: Schema, rows: list[dict[str, Any]]) -> list[Tensor]:
    """These rows as tensors, with the datatypes that the model names."""
    return tensors.example(schema, rows)


def test_both_versions_predict_what_the_service_predicts(
    client: Any, name: str, rows: list[dict[str, Any]], inputs: list[Tensor]
) -> None:
    plain = client.post("/predict", json={"rows": rows}).json()["predictions"]
    first = client.post(f"/v1/models/{name}:predict", json={"instances": rows})
    assert (first.status_code, first.json()["predictions"]) == (200, plain)
    second = client.post(f"/v2/models/{name}/infer", json={"id": "7", "inputs": inputs})
    assert second.status_code == 200, second.text
    said = second.json()
    assert (said["id"], said["model_name"]) == ("7", name)
    about = client.get(f"/v2/models/{name}").json()["outputs"]
    assert [(one["name"], one["datatype"]) for one in said["outputs"]] == [(o["name"], o["datatype"]) for o in about]
    for output in said["outputs"]:
        assert output["shape"] == [len(rows)] == [len(output["data"])]
        for value, row in zip(output["data"], plain, strict=True):
            shares = {f"probability_{label}": share for label, share in row.get("probabilities", {}).items()}
            expected = (row | shares)[output["name"]]
            if isinstance(expected, float):
                assert math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-12)
            else:
                assert value == (str(expected) if output["datatype"] == "BYTES" else expected)


def test_columns_of_shape_n_1_are_read_and_one_output_may_be_asked_for(
    client: Any, name: str, inputs: list[Tensor]
) -> None:
    wanted = client.get(f"/v2/models/{name}").json()["outputs"][0]["name"]
    for tensor in inputs:
        tensor["shape"], tensor["data"] = [10, 1], [[value] for value in tensor["data"]]
    asked = {"inputs": inputs[::-1], "outputs": [{"name": wanted}], "parameters": {"content_type": "pd"}}
    (output,) = client.post(f"/v2/models/{name}/infer", json=asked).json()["outputs"]
    assert (output["name"], output["shape"]) == (wanted, [10])


def test_probes_need_no_key_and_what_says_something_of_the_model_does(client: Any, name: str) -> None:
    client.headers.pop("X-API-Key")
    try:
        assert client.get("/v2/health/live").json() == {"live": True}
        assert client.get("/v2/health/ready").json() == {"ready": True}
        closed = ("/v2", "/v2/models", f"/v2/models/{name}", f"/v2/models/{name}/ready", f"/v1/models/{name}")
        assert {client.get(path).status_code for path in closed} == {401}
        assert client.post(f"/v2/models/{name}/infer", json={}).status_code == 401
    finally:
        # pragma: allowlist nextline secret
        client.headers["X-API-Key"] = "secret"
    assert client.get("/v2").json() == {"name": name, "version": "1", "extensions": []}
    for path in (f"/v1/models/{name}", f"/v2/models/{name}/ready"):
        assert client.get(path).json() == {"name": name, "ready": True}


def _with(inputs: list[Tensor], **changes: Any) -> dict[str, Any]:
    return {"inputs": [inputs[0] | changes, *inputs[1:]]}


def test_what_is_no_request_is_refused_with_the_reason(client: Any, name: str, inputs: list[Tensor]) -> None:
    first = inputs[0]["name"]
    cases: list[tuple[Any, int, str]] = [
        ([], 422, "with the key 'inputs'"),
        ({"inputs": []}, 422, "'inputs' needs a list of objects"),
        ({"inputs": "all"}, 422, "'inputs' needs a list of objects"),
        ({"inputs": [{**inputs[0], "name": 7}]}, 422, "needs a 'name'"),
        ({"inputs": [{**inputs[0], "name": "\ud800"}]}, 422, "needs a 'name'"),
        ({"inputs": [inputs[0], inputs[0]]}, 422, f"column {first!r}: two inputs have this name"),
        (
            {"inputs": [{**inputs[0], "name": "none"}]},
            422,
            f"no input has the name of a column that the model needs: {first}",
        ),
        ({"inputs": inputs, "id": 7}, 422, "'id' needs a text"),
        ({"inputs": inputs, "outputs": ["all"]}, 422, "'outputs' needs a list"),
        ({"inputs": inputs, "outputs": [{"name": "price"}]}, 422, "there is no output 'price'; there are: "),
        (_with(inputs, datatype="FLOAT"), 422, "'datatype' is one of BOOL, BYTES, FP16"),
        (_with(inputs, datatype=["BYTES"]), 422, "'datatype' is one of"),
        (_with(inputs, datatype="INT8", data=[300] * 10), 422, "row 1, column"),
        (_with(inputs, datatype="UINT8", data=[*range(9), -1]), 422, "row 10, column"),
        (_with(inputs, datatype="INT64", data=[True] * 10), 422, "INT64 needs whole numbers"),
        (_with(inputs, datatype="FP64", data=["a"] * 10), 422, "FP64 needs numbers or null"),
        (_with(inputs, datatype="BOOL", data=[1] * 10), 422, "BOOL needs true, false or null"),
        (_with(inputs, datatype="BYTES", data=[{}] * 10), 422, "BYTES needs texts or null"),
        (_with(inputs, shape=[11]), 422, "'data' has 10 values, and 'shape' says 11"),
        (_with(inputs, shape=[2, 5]), 422, "'shape' needs to be [n] or [n, 1]"),
        (_with(inputs, shape=[True]), 422, "'shape' needs to be [n] or [n, 1]"),
        (_with(inputs, shape=[-1]), 422, "'data' has 10 values, and 'shape' says -1"),
        (_with(inputs, shape=10), 422, "'shape' needs to be [n] or [n, 1]"),
        (_with(inputs, data=None), 422, "'data' needs a list; binary data is not read"),
        (_with(inputs, shape=[10, 1], data=[[1, 2]] * 10), 422, "needs"),
        ({"inputs": [one | {"shape": [0], "data": []} for one in inputs]}, 422, "there are no rows"),
        ({"inputs": [one | {"shape": [60], "data": one["data"] * 6} for one in inputs]}, 413, "60 rows are too many"),
        ({"inputs": [inputs[0] | {"data": ["x" * 30_000]}]}, 413, "the body is larger than 20,000 bytes"),
    ]
    if len(inputs) > 1:
        cases.append((_with(inputs, shape=[9], data=inputs[0]["data"][:9]), 422, "the inputs differ"))
    for body, status, reason in cases:
        written, sent = json.dumps(body), {"Content-Type": "application/json"}
        answer = client.post(f"/v2/models/{name}/infer", content=written, headers=sent)
        assert answer.status_code == status, f"{reason}: {answer.text}"
        assert reason in answer.json()["error"], answer.text


def test_bodies_that_are_no_json_or_ask_for_another_model_are_refused(
    client: Any, name: str, inputs: list[Tensor], rows: list[dict[str, Any]]
) -> None:
    infer, predict = f"/v2/models/{name}/infer", f"/v1/models/{name}:predict"
    for path in (infer, predict):
        assert client.post(path, content=b"a,b").status_code == 415
        answer = client.post(path, content=b"x", headers={"Content-Type": "application/octet-stream"})
        assert (answer.status_code, "binary data is not read" in answer.json()["error"]) == (415, True)
        for body in (b"{", b"\xff", b"[" * 20_000, b'{"inputs": NaN}', b'{"inputs": [], "inputs": []}'):
            answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 413, 422) and answer.json()["error"], body[:20]
    assert client.post("/v2/models/other/infer", json={"inputs": inputs}).status_code == 404
    assert client.post("/v1/models/other:predict", json={"instances": rows}).status_code == 404
    for body in ({"rows": rows}, {"instances": [1]}, {"instances": rows, "signature_name": "x"}, {"instances": []}):
        answer = client.post(predict, json=body)
        assert answer.status_code == 422 and answer.json()["error"], body


def test_rows_are_checked_as_those_of_the_service_are(client: Any, name: str, inputs: list[Tensor]) -> None:
    """A column that is missing is told in the same words."""
    if len(inputs) < 2:
        pytest.skip("the model needs one column alone")
    columns = {tensor["name"]: tensor["data"] for tensor in inputs[1:]}
    plain = client.post("/predict", json={"columns": columns})
    second = client.post(f"/v2/models/{name}/infer", json={"inputs": inputs[1:]})
    assert second.status_code == plain.status_code
    if plain.status_code != 200:
        assert second.json()["detail"] == plain.json()["detail"]


def test_the_documentation_has_an_example_that_is_answered(client: Any, name: str) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/v2/models/{name}/infer", "/v1/models/{name}:predict"):
        (shown,) = paths[path]["post"]["requestBody"]["content"]["application/json"]["examples"].values()
        assert client.post(path.format(name=name), json=shown["value"]).status_code == 200
        assert paths[path]["post"]["security"] == [{"key": []}]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"enum": ["a", "b"]}, "BYTES"),
        ({"enum": [0, 1]}, "INT64"),
        ({"enum": [False, True]}, "BOOL"),
        ({"enum": [0.5, 1]}, "FP64"),
        ({"enum": [1, "b"]}, "BYTES"),
        ({"type": "integer"}, "INT64"),
        ({"type": "number"}, "FP64"),
        ({"type": "string"}, "BYTES"),
    ],
)
def test_outputs_have_the_datatype_of_their_values(said: Tensor, kind: str) -> None:
    assert tensors.datatype(said) == kind


def test_a_refused_row_is_null_in_its_tensors() -> None:
    table = pd.DataFrame({"prediction": ["a", "b"], "probability_a": [0.75, 0.25]})
    columns = {"prediction": {"type": "string"}, "probability_a": {"type": "number"}}
    found = tensors.tensors(table, [False, True], columns)
    assert [one["data"] for one in found] == [["a", None], [0.75, None]]


# ------------------------------------------------------------------------------------------------ promotions


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository with images of two versions; its bare `origin` is given."""
    for variable in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "ada@example.org")
    git("init", "--quiet", "--bare", "--initial-branch", "main", str(tmp_path / "origin"))
    git("clone", "--quiet", str(tmp_path / "origin"), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    git("checkout", "--quiet", "-b", "main")
    project = tmp_path / "clone" / "nested"
    overlay = project / overlays.FOLDER / "prod"
    overlay.mkdir(parents=True)
    (overlay / "kustomization.yaml").write_text("resources: []\n")
    (project / "params").mkdir()
    (project / "params" / "kubernetes.yaml").write_text("name: model\nimage: registry.example.com/model\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "First")
    git("push", "--quiet", "origin", "main")
    for version, image in zip(("v1.0.0", "v1.1.0"), DIGESTS, strict=True):
        git("tag", "--message", image, f"image/model/{version}")
    git("push", "--quiet", "origin", "--tags")
    monkeypatch.chdir(project)
    return tmp_path / "origin"


def _runs(repository: Path, branch: str = "main") -> str:
    return git("show", f"{branch}:nested/{overlays.path_of('prod')}", cwd=repository)


def test_a_promotion_and_a_rollback_are_commits_of_the_branch_that_argo_cd_follows(repository: Path) -> None:
    git("checkout", "--quiet", "--detach")
    Path("note.txt").write_text("under way")
    promotions.check("prod", "v1.1.0", push=True)
    (line,) = promotions.follow("prod", "v1.1.0", push=True)
    assert line == "deploy/kubernetes/overlays/prod: v1.1.0; committed to the branch main of origin"
    said = _runs(repository)
    assert f"digest: sha256:{'2' * 64}\n" in said and "app.kubernetes.io/version: v1.1.0\n" in said
    assert git("status", "--porcelain").strip() == "?? nested/note.txt", "the working copy stays as it is"
    promotions.follow("prod", "v1.0.0", push=True)
    assert f"digest: sha256:{'1' * 64}\n" in _runs(repository)
    assert git("log", "--format=%s", "main", cwd=repository).splitlines() == [
        "Run v1.0.0 in prod",
        "Run v1.1.0 in prod",
        "First",
    ]
    (line,) = promotions.follow("prod", "v1.0.0", push=True)
    assert line.endswith("has it already")


def test_a_promotion_for_review_is_a_branch_of_its_own(repository: Path) -> None:
    settings = Settings("model", "registry.example.com/model", "main", review=True)
    for image in DIGESTS:
        (line,) = promotions.write(settings, "prod", image, "v1.1.0", push=True)
        assert line.endswith("as the branch deploy/prod-v1.1.0: open a pull request to main")
    assert f"digest: sha256:{'2' * 64}\n" in _runs(repository, "deploy/prod-v1.1.0")
    assert git("log", "--format=%s", "main", cwd=repository).strip() == "First"


def test_a_version_without_an_image_is_refused_before_it_stands_in_a_stage(repository: Path) -> None:
    with pytest.raises(
        UserError, match=r"there is no image of v2\.0\.0 that deploy/kubernetes/overlays/prod could run"
    ):
        promotions.check("prod", "v2.0.0", push=True)
    promotions.check("staging", "v2.0.0", push=True)
    assert promotions.follow("staging", "v2.0.0", push=True) == []
    git("tag", "--message", "registry.example.com/model:latest", "image/model/v3.0.0")
    with pytest.raises(UserError, match="does not name one image for ever"):
        promotions.check("prod", "v3.0.0", push=False)


def test_who_has_no_images_is_left_alone(repository: Path) -> None:
    git("tag", "--delete", "image/model/v1.0.0", "image/model/v1.1.0")
    promotions.check("prod", "v1.1.0", push=False)
    (line,) = promotions.follow("prod", "v1.1.0", push=False)
    assert "stays as it is: no image was pushed yet" in line


def test_what_origin_does_not_accept_is_said_with_the_command_that_tries_again(repository: Path) -> None:
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(UserError, match=r"v1\.1\.0 stands in prod, but .* make set-image STAGE=prod VERSION=v1\.1\.0"):
        promotions.follow("prod", "v1.1.0", push=True)


def test_an_overlay_that_is_not_there_is_refused_with_the_nearest(repository: Path) -> None:
    with pytest.raises(UserError, match="there is no overlay deploy/kubernetes/overlays/prdo; did you mean 'prod'"):
        overlays.check("prdo")
    for image in ("registry.example.com/model:v1", "model@sha256:12", f"{DIGESTS[0]}0", ""):
        with pytest.raises(UserError, match="one image for ever"):
            images.check_pinned(image)


def test_a_version_is_written_as_a_label_that_kubernetes_takes() -> None:
    assert [overlays.label(version) for version in ("v1.0.0", "v1.0.0+a.b", "3")] == ["v1.0.0", "v1.0.0-a.b", '"3"']
