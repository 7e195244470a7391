"""Monitoring: the files for Prometheus and Grafana, real services under a real Prometheus, and a log in PostgreSQL."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml
from conftest import BakedProject, run
from made_once import finished
from stamped import QUIET, TOOLS, Project

Bake = Callable[..., BakedProject]
PROMETHEUS, PROMTOOL = shutil.which("prometheus"), shutil.which("promtool")
INITDB = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
NEEDS_PROMETHEUS = pytest.mark.skipif(not PROMETHEUS or not PROMTOOL, reason="prometheus is not installed (apt)")
NEEDS_POSTGRES = pytest.mark.skipif(not INITDB, reason="PostgreSQL is not installed (apt)")
DASHBOARD = "deploy/grafana/dashboards/service.json"
OPTIONS = {"timeseries": {"legend", "tooltip"}, "stat": {"reduceOptions", "textMode"}, "heatmap": {"color", "yAxis"}}

# ------------------------------------------------------------------------------------------------ what is stamped


@pytest.fixture(params=["Shop", 'say "hello" \\ 🎉'])
def alone(bake: Bake, request: pytest.FixtureRequest) -> BakedProject:
    """A stamped project with this part and what it needs; its folder looks like a number."""
    return bake(project_name=request.param, project_slug="2024.10", package_name="shop", parts="monitoring")


def expressions(panels: list[dict[str, Any]]) -> list[str]:
    """The queries of a dashboard."""
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def test_the_dashboard_is_one_that_grafana_loads(alone: BakedProject) -> None:
    board = json.loads(alone.read(DASHBOARD))
    assert len(board["uid"]) <= 40 and board["title"] in ("Shop", 'say "hello" \\ 🎉')
    source = yaml.safe_load(alone.read("deploy/grafana/provisioning/datasources/prometheus.yaml"))["datasources"][0]
    places = set()
    for panel in board["panels"]:
        assert panel["type"] in OPTIONS or (panel["type"] == "row" and panel["panels"] == [])
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & places and max(x for x, _ in cells) < 24, f"{panel['title']} overlaps"
        places |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": source["uid"]}
            assert OPTIONS[panel["type"]] <= set(panel["options"]) and panel["targets"]
            assert all({"refId", "expr", "legendFormat", "datasource"} <= set(target) for target in panel["targets"])
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    assert board["templating"]["list"][0]["current"]["value"] == "2024.10"
    assert all('job="$job"' in expr for expr in expressions(board["panels"]))


def test_grafana_finds_what_is_provisioned_and_nobody_else_reaches_it(alone: BakedProject) -> None:
    file = "deploy/grafana/compose.yaml"
    schema = ("--builtin-schema", "vendor.compose-spec")
    run(sys.executable, "-m", "check_jsonschema", *schema, file, cwd=alone.path)
    services = yaml.safe_load(alone.read(file))["services"]
    for service in services.values():
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert "/" not in source or (alone.path / "deploy" / "grafana" / source).is_dir()
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert "--web.listen-address=127.0.0.1:9090" in services["prometheus"]["command"]
    provider = yaml.safe_load(alone.read("deploy/grafana/provisioning/dashboards/dashboards.yaml"))["providers"][0]
    assert f"./dashboards:{provider['options']['path']}:ro" in services["grafana"]["volumes"]
    assert provider["name"] == "2024.10"


@NEEDS_PROMETHEUS
def test_the_rules_fire_when_they_should_and_not_otherwise(bake: Bake) -> None:
    folder = bake(project_slug="2024.10", package_name="shop", parts="monitoring").path / "deploy" / "prometheus"
    run(str(PROMTOOL), "check", "config", "prometheus.yml", cwd=folder)
    run(str(PROMTOOL), "test", "rules", "rules_test.yml", cwd=folder)
    rules, tests = (yaml.safe_load((folder / name).read_text()) for name in ("rules.yml", "rules_test.yml"))
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    fired = {one["alertname"] for test in tests["tests"] for one in test["alert_rule_test"] if one["exp_alerts"]}
    assert fired == alerts, "each alert has a test in which it fires"
    loose = (folder / "rules.yml").read_text().replace("share5m > 0.01", "share5m > 0.5")
    (folder / "rules.yml").write_text(loose)
    done = subprocess.run([str(PROMTOOL), "test", "rules", "rules_test.yml"], cwd=folder, capture_output=True)
    assert done.returncode == 1


# ------------------------------------------------------------------------------------------------ real services


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def serving(project: Project, log: str, workers: int, **environment: str) -> Iterator[str]:
    """The address of a project's service with a log of predictions; it ends in order."""
    (project.path / "params" / "monitoring.yaml").write_text(f"log: {log}\n")
    port = free_port()
    command = [str(TOOLS / "python"), "-m", project.package, "serve", "--port", str(port), "--workers", str(workers)]
    with (project.path / "service.log").open("w") as file:
        service = subprocess.Popen(
            command, cwd=project.path, env={**os.environ, **QUIET, **environment}, stdout=file, stderr=file
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until_answered(f"{address}/health/ready")
        yield address
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) in (0, -signal.SIGTERM), "a single process ends by the signal that it was sent"
    finally:
        service.kill()


def until_answered(url: str) -> None:
    """Wait until there is an answer."""
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@contextlib.contextmanager
def prometheus(folder: Path, targets: list[str]) -> Iterator[Callable[[str], list[Any]]]:
    """A function that asks a real Prometheus, with the configuration and rules of a project, made faster."""
    for name in ("prometheus.yml", "rules.yml"):
        text = (folder / name).read_text()
        text = text.replace("interval: 15s", "interval: 500ms").replace("interval: 1m", "interval: 500ms")
        (folder / name).write_text(
            text.replace("127.0.0.1:8000", '", "'.join(one[len("http://") :] for one in targets))
        )
    port = free_port()
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("w") as file:
        process = subprocess.Popen([str(PROMETHEUS), *words], cwd=folder, stdout=file, stderr=file)
    try:
        until_answered(f"http://127.0.0.1:{port}/-/ready")

        def ask(query: str) -> list[Any]:
            answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}).json()
            assert answer["status"] == "success", answer
            return list(answer["data"]["result"])

        yield ask
    finally:
        process.terminate()
        process.wait(20)


def rows_of(project: Project) -> list[dict[str, Any]]:
    """The example rows of a project's model."""
    return list(json.loads((project.path / "models" / "package" / "example.json").read_text()))


def ask_for_predictions(project: Project, address: str, seconds: float) -> int:
    """Ask for predictions for a while, now and then of a row that is refused; return how many rows are predicted."""
    rows, number, done = rows_of(project), 0, 0
    column = next(name for name, value in rows[0].items() if isinstance(value, float))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        bad = [{**rows[0], column: "mild"}] if number % 5 == 0 else []
        answer = httpx.post(f"{address}/predict", json={"rows": rows + bad}, timeout=30)
        assert answer.status_code == (422 if bad else 200), answer.text
        assert bad or answer.headers["x-request-id"]
        done += 0 if bad else len(rows)
    return done


@pytest.mark.slow
@NEEDS_PROMETHEUS
def test_each_query_and_rule_has_data_and_each_predicted_row_is_logged(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    projects = []
    for recipe in ("tabular-classification", "tabular-regression"):
        (tmp_path / recipe).mkdir()
        projects.append(finished(tmp_path_factory, recipe).copy(tmp_path / recipe))
    classes, numbers = projects
    log = "{class: ParquetLog, params: {seconds: 1}}"
    with serving(classes, log, 2) as one, serving(numbers, log, 1) as other, ThreadPoolExecutor() as pool:
        folder = classes.path / "deploy" / "prometheus"
        with prometheus(folder, [one, other]) as ask:
            asked = [(classes, one), (classes, one), (numbers, other)]
            done = list(pool.map(lambda given: ask_for_predictions(*given, seconds=6), asked))
            time.sleep(1.5)
            board = json.loads((classes.path / DASHBOARD).read_text())
            job = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"][0]["job_name"]
            for expr in expressions(board["panels"]):
                found = ask(expr.replace("$job", job).replace("$__rate_interval", "10s"))
                assert found and any(float(sample["value"][1]) >= 0 for sample in found), expr
            for group in yaml.safe_load((folder / "rules.yml").read_text())["groups"]:
                for rule in group["rules"]:
                    if "record" in rule:
                        assert ask(rule["record"]), rule["record"]
                    assert ask(re.sub(r"(>|==) [\d.]+", "", rule["expr"])), rule
            assert not ask("ALERTS"), "nothing is wrong"
            predicted = {sample["metric"]["label"]: float(sample["value"][1]) for sample in ask("predictions_total")}
            assert sum(predicted.values()) == done[0] + done[1]
    for project, count in ((classes, done[0] + done[1]), (numbers, done[2])):
        logged = pd.read_parquet(project.path / "monitoring" / "predictions")
        assert len(logged) == count > 50
        assert not list((project.path / "monitoring").rglob("*.new"))
        assert "warning" not in (project.path / "service.log").read_text()


# ------------------------------------------------------------------------------------------------ PostgreSQL


class Postgres:
    """A PostgreSQL server of the test's own, with a password; root runs it as the user postgres."""

    def __init__(self, folder: Path) -> None:
        assert INITDB
        self.folder, self.bin, self.port = folder, INITDB.parent, free_port()
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        folder.mkdir()
        (folder / "password").write_text("secret")
        if self.user:
            for path in (folder, folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        self._call("initdb", "-U", "ada", "-A", "scram-sha-256", "--pwfile", str(folder / "password"), "--no-sync")

    def _call(self, program: str, *words: str) -> None:
        command = [str(self.bin / program), "-D", str(self.folder / "data"), *words]
        done: Any = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.user)
        assert done.returncode == 0, command

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off"
        self._call("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self._call("pg_ctl", "-w", "-m", "fast", "stop")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server that runs."""
    folder = Path("/tmp") / f"pg-{os.getpid()}"  # the path of a socket is short, and the user postgres can enter it
    server = Postgres(folder)
    server.start()
    yield server
    with contextlib.suppress(AssertionError):
        server.stop()
    shutil.rmtree(folder)


@pytest.mark.slow
@NEEDS_POSTGRES
def test_postgres_gets_the_rows_also_those_of_the_time_when_it_was_down(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    import sqlalchemy

    project = finished(tmp_path_factory, "tabular-classification").copy(tmp_path)
    url = f"postgresql+psycopg://ada@127.0.0.1:{postgres.port}/postgres"
    log = f"{{class: DatabaseLog, params: {{url: '{url}', seconds: 0.2}}}}"
    rows = rows_of(project)
    with serving(project, log, 1, MONITORING_DATABASE_PASSWORD="secret") as address:
        for change in (None, postgres.stop, postgres.start):
            if change:
                change()
            for _ in range(10):
                began = time.monotonic()
                assert httpx.post(f"{address}/predict", json={"rows": rows}).status_code == 200
                assert time.monotonic() - began < 5, "no request waits for the database"
            time.sleep(0.5)
        time.sleep(2)
    engine = sqlalchemy.create_engine(url.replace("ada@", "ada:secret@"))
    table = pd.read_sql_table("predictions", engine)
    engine.dispose()
    assert len(table) == 30 * len(rows) and table["request_id"].nunique() == 30
    assert str(table["logged_at"].dtype).endswith("UTC]") and table["probability.Adelie"].between(0, 1).all()
    said = (project.path / "service.log").read_text()
    assert said.count("not logged, or late") == 1 and "secret" not in said
