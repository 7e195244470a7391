"""The service's pages, in a real browser where there is one: a table in which every name tries to break them."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import uvicorn
from sklearn.dummy import DummyClassifier

from tests.stamped import Project

TARGET = "</title><script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>\"'"
KEY = "open sesame"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def hostile() -> pd.DataFrame:
    """A table with a column of each type, whose names mean something to forms, to objects of JavaScript, or to HTML."""
    random, rows = np.random.default_rng(0), 150
    made = pd.DataFrame(
        {
            "elements": random.normal(5, 2, rows).round(2),
            "__proto__": random.choice([True, False], rows),
            "submit": random.choice(["<b>a</b>", "__proto__", "c"], rows),
            "length": [f"{number:03d}" if number % 3 else f"X{number}" for number in random.integers(0, 120, rows)],
            "constructor": pd.date_range("2020-01-01", periods=rows).strftime("%d/%m/%Y"),
            "name": pd.date_range("2021-01-01", periods=rows, freq="7h").strftime("%Y-%m-%d %H:%M:%S"),
            IMAGE: random.normal(0, 1, rows).round(3),
        }
    )
    labels = np.where(
        made["elements"] > 6, "<script>alert(2)</script>", np.where(made["__proto__"], "constructor", "c")
    )
    return made.assign(**{TARGET: labels})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a service, with a key, of a model that is fitted to that table."""
    project = Project(tmp_path_factory.mktemp("page"), project_name="Tried pages", estimators="logistic_regression")
    module = project.module
    raw, task = hostile(), {"class": f"{project.package}.components.tasks.Classification"}
    schema = module("steps.typing.infer").infer(raw, TARGET, task, {})
    bound = module("steps.task").task_of(schema)
    frame = bound.rows(module("steps.preprocess").preprocess(raw, schema), schema)
    schema.features = {column.name: column.dtype for column in schema.needed}
    model = bound.wrap(DummyClassifier(strategy="prior")).fit(frame[list(schema.features)], frame[TARGET])
    example = pd.DataFrame(module("steps.example").example(raw, schema))
    pipeline = module("prediction.pipeline").PredictionPipeline(schema, model, example=example)
    settings = module("parts.serve.settings").Settings()
    app = module("parts.serve.app").make_app(pipeline, settings, key=KEY)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser without a window."""
    if CHROMIUM is None:
        pytest.skip("NO BROWSER: chromium is not installed, so the pages of the service were not tried")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The page to try the model, with its key, on a phone; whatever runs that should not fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    opened, faults = context.new_page(), []
    opened.set_default_timeout(30_000)
    opened.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
    opened.goto(f"{address}/")
    opened.get_by_label("API key").fill("another")
    opened.get_by_role("button", name="Continue").click()
    opened.get_by_text("This is not the key.").wait_for()
    opened.get_by_label("API key").fill(KEY)
    opened.get_by_label("API key").press("Enter")
    opened.get_by_role("button", name="Predict").wait_for()
    yield opened
    context.close()
    assert [fault for fault in faults if not fault.startswith("data:")] == []


def predicted(page: Any) -> dict[str, Any]:
    """Press the button; the row that was sent."""
    with page.expect_request(lambda request: request.method == "POST") as sent:
        page.get_by_role("button", name="Predict").click()
    page.locator(".said").wait_for()
    return json.loads(sent.value.post_data)["rows"][0]


def field(page: Any, name: str) -> Any:
    """The field of a column."""
    return page.get_by_label(name, exact=True)


def test_every_column_has_a_field_of_its_type_that_sends_what_was_typed(page: Any) -> None:
    field(page, "__proto__").select_option(label="yes")
    field(page, "submit").select_option(label="__proto__")
    field(page, "elements").fill("2.125")
    field(page, "length").fill("007")
    field(page, "constructor").fill("2024-02-29")
    field(page, "name").fill("2024-02-29T10:11:12")
    field(page, IMAGE).fill("")
    assert predicted(page) == {
        "elements": 2.125,
        "__proto__": True,
        "submit": "__proto__",
        "length": "007",
        "constructor": "29/02/2024",
        "name": "2024-02-29T10:11:12",
        IMAGE: None,
    }
    assert field(page, "__proto__").evaluate("field => field.selectedOptions[0].label") == "yes"
    assert page.get_by_text("the cell is empty, and none was in training").is_visible()


def test_an_answer_goes_when_the_row_is_another(page: Any) -> None:
    predicted(page)
    field(page, "elements").fill("1")
    assert page.locator(".said").count() == 0
    predicted(page)
    page.get_by_role("button", name="Another example").click()
    assert page.locator(".said").count() == 0
    page.route("**/predict", lambda route: (time.sleep(0.3), route.continue_()))
    page.get_by_role("button", name="Predict").click()
    field(page, "elements").fill("2")
    page.wait_for_timeout(600)
    assert page.locator(".said").count() == 0, "the answer to the row before"


def test_what_is_wrong_is_said_at_its_field(page: Any) -> None:
    field(page, "elements").fill("")
    field(page, "elements").press_sequentially("1e999")
    page.get_by_role("button", name="Predict").click()
    assert page.get_by_text("this is no number").is_visible()
    assert field(page, "elements").get_attribute("aria-invalid") == "true"
    field(page, "elements").fill("1")
    problem = [{"row": 1, "column": "length", "reason": "<b>is no code</b>"}]
    page.route("**/predict", lambda route: route.fulfill(status=422, json={"detail": problem}))
    page.get_by_role("button", name="Predict").click()
    page.get_by_text("<b>is no code</b>").wait_for()
    assert field(page, "length").evaluate("field => field === document.activeElement")


def test_labels_are_text_and_the_likeliest_come_first(page: Any) -> None:
    predicted(page)
    shares = page.locator(".shares li").all_inner_texts()
    assert len(shares) == 3 and any("<script>alert(2)</script>" in share for share in shares)
    many = {f"class {number}": 1 / 60 for number in range(60)} | {"class 7": 0.5}
    answer = {"predictions": [{"prediction": "class 7", "probabilities": many}], "refused": [], "warnings": []}
    page.route("**/predict", lambda route: route.fulfill(json=answer))
    predicted(page)
    assert page.locator(".shares li").first.inner_text().split() == ["class", "7", "50.0", "%"]
    assert page.get_by_text("52 more").is_visible()


def test_the_documentation_shows_the_columns_and_runs_none_of_their_names(page: Any, address: str) -> None:
    page.goto(f"{address}/docs")
    page.locator("code", has_text="/predict").first.wait_for()
    assert page.title() == TARGET
    assert page.locator("td", has_text=IMAGE).count() == 1
    assert page.locator("td", has_text="Known: <b>a</b>, __proto__, c.").count() == 1


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_phone_shows_the_whole_width(page: Any, address: str, path: str) -> None:
    page.goto(address + path)
    page.locator("form:visible, .card").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    unnamed = "[...document.querySelectorAll('input, select, textarea')].filter((one) => !one.labels.length).length"
    assert page.evaluate(unnamed) == 0


DATES = """
import {{ body, fromInput, own, picked, short, toInput, truth }} from "file://{file}";
const found = {{
  picked: ["%d/%m/%Y", "ISO8601", null, "%d %b %Y", "%d/%m/%y", "%Y"].map(picked),
  inputs: [["31/12/2024", "%d/%m/%Y", false], ["2024-12-31 10:11:12", "ISO8601", true], ["20241231", "%Y%m%d", false],
           ["2024-12-31", null, true], ["2024-12-31T10:11:12.250", null, true], ["1.2.2024 3:04", "%d.%m.%Y %H:%M", true],
           ["soon", "%d/%m/%Y", false], ["soon", null, false]].map((one) => toInput(...one)),
  back: [["2024-12-31", "%d/%m/%Y"], ["2024-12-31T10:11", "%d.%m.%Y %H:%M"], ["2024-12-31T10:11", null]].map((one) => fromInput(...one)),
  own: [own({{}}, "__proto__"), own(JSON.parse('{{"__proto__": 1}}'), "__proto__"), own({{}}, "constructor")],
  body: body([["__proto__", true], ["a", null]]),
  truth: [true, false, 1, 0.0, "TRUE", "false", 2].map(truth),
  short: [1234.5, 1e-9, null, true, -1].map(short),
}};
console.log(JSON.stringify(found));
"""


def test_values_of_the_form_are_those_of_the_table(tmp_path: Path) -> None:
    from playwright._impl._driver import compute_driver_executable

    source = next(Path(__file__).parent.parent.glob("parts/serve/src/*/parts/serve/pages/fields.js"))
    (tmp_path / "fields.mjs").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "run.mjs").write_text(DATES.format(file=tmp_path / "fields.mjs"), encoding="utf-8")
    node = shutil.which("node") or compute_driver_executable()[0]
    done = subprocess.run([node, tmp_path / "run.mjs"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["picked"] == [True, True, True, False, False, False]
    assert found["inputs"] == [
        "2024-12-31", "2024-12-31T10:11:12", "2024-12-31", "2024-12-31T00:00:00", "2024-12-31T10:11:12.250",
        "2024-02-01T03:04:00", "", "",
    ]  # fmt: skip
    assert found["back"] == ["31/12/2024", "31.12.2024 10:11", "2024-12-31T10:11"]
    assert found["own"] == [None, 1, None]
    assert found["body"] == '{"rows":[{"__proto__":true,"a":null}]}'
    assert found["truth"] == ["true", "false", "true", "false", "true", "false", ""]
    assert found["short"] == ["1,234.5", "1e-9", "none", "true", "-1"]
