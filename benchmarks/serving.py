"""A stamped project's service against `mlflow models serve` and a bare FastAPI endpoint, with the same model."""

import argparse
import contextlib
import datetime
import http.client
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from measure import BIN, HERE, environment, machine, stamp, timed, versions
from running import table

OURS, MLFLOW, BARE = "project", "mlflow models serve", "bare FastAPI"
WARM_UP = 50  # requests that are not timed
PATIENCE = 120  # seconds for a server to answer at all
GOALS = {
    "throughput over mlflow's": (5.0, "at least"),
    "latency over the bare endpoint's": (1.3, "at most"),
    "p99 of many clients over their median": (3.0, "at most"),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500, help="one after another, for the latency")
    parser.add_argument("--concurrency", type=int, default=16, help="clients at a time, for the throughput")
    parser.add_argument("--seconds", type=float, default=15, help="of the throughput's measurement")
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk makes the load: apt-get install wrk, brew install wrk")
    with tempfile.TemporaryDirectory() as name:
        root = project(Path(name))
        row = json.loads((root / "models/package/example.json").read_text(encoding="utf-8"))[0]
        row = {column: value for column, value in row.items() if column != "target"}
        sides = servers(root, row)
        found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
        for number in range(given.repetitions):
            for side in list(sides)[:: -1 if number % 2 else 1]:
                found[side].append(measured(*sides[side], root, given))
                print(f"  {number + 1}/{given.repetitions}  {side:<22} {found[side][-1]}", file=sys.stderr)
    report(found, given)


def project(folder: Path) -> Path:
    """A project that has been run: one model of boosted trees, on 2,000 rows of 20 mixed columns."""
    table(2_000).to_csv(folder / "table.csv", index=False)
    stamp(folder, "project_name=Bench", f"data={folder / 'table.csv'}", "target=target", "estimators=fast")
    root = folder / "bench"
    search = root / "params/search.yaml"
    text = search.read_text(encoding="utf-8").replace("- logistic_regression\n", "")
    search.write_text(text.replace("trials: 20", "trials: 3"), encoding="utf-8")
    train = root / "params/train.yaml"
    text = train.read_text(encoding="utf-8").replace(
        "class: GreedySelection\n  params: {size: 25, refit: true}", "class: BestSingle"
    )
    train.write_text(text, encoding="utf-8")
    timed("dvc", "repro", "--quiet", cwd=root)
    timed(sys.executable, str(HERE / "serving.py"), "--hand-over", cwd=root)
    return root


def hand_over() -> None:
    """In a project: write its model for the bare endpoint, and for MLflow as `mlflow.sklearn` does."""
    import joblib
    import mlflow.sklearn
    import pandas as pd
    from bench.prediction.pipeline import PredictionPipeline
    from mlflow.models import infer_signature

    pipeline = PredictionPipeline.load()
    features = pipeline.prepare(pipeline.example)
    joblib.dump(
        {"model": pipeline.model, "types": {name: str(kind) for name, kind in features.dtypes.items()}}, "bare.joblib"
    )
    signature = infer_signature(features, pd.DataFrame({"prediction": pipeline.model.predict(features)}))
    mlflow.sklearn.save_model(
        pipeline.model, "mlflow-model", serialization_format="cloudpickle", signature=signature, pip_requirements=[]
    )


def servers(root: Path, row: dict[str, Any]) -> dict[str, tuple[Callable[[int], list[str]], str, str, str]]:
    """Of each side its command for a port, the path that says that it is up, that of predictions, and the body."""
    python, local = sys.executable, ("--host", "127.0.0.1")
    return {
        OURS: (
            lambda port: [python, "-m", "bench", "serve", "--port", str(port)],
            "/health/ready",
            "/predict",
            json.dumps({"rows": [row]}),
        ),
        MLFLOW: (
            lambda port: [
                *(str(BIN / "mlflow"), "models", "serve", "-m", "mlflow-model", "--env-manager", "local"),
                *(*local, "--port", str(port), "--workers", "1"),
            ],
            "/health",
            "/invocations",
            json.dumps({"dataframe_records": [row]}),
        ),
        BARE: (
            lambda port: [python, str(HERE / "plain_service.py"), str(port), "bare.joblib"],
            "/docs",
            "/predict",
            json.dumps([row]),
        ),
    }


def measured(
    command: Callable[[int], list[str]], ready: str, path: str, body: str, root: Path, given: argparse.Namespace
) -> dict[str, float]:
    """Milliseconds of one request after another (median and 99th percentile), and requests a second of many clients."""
    with running(command, ready, root) as port:
        client = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(WARM_UP):
            asked(client, path, body)
        times = []
        for _ in range(given.requests):
            began = perf_counter()
            asked(client, path, body)
            times.append(1000 * (perf_counter() - began))
        many = loaded(f"http://127.0.0.1:{port}{path}", body, root, given)
    return {
        "p50_ms": round(statistics.median(times), 2),
        "p99_ms": round(sorted(times)[int(0.99 * len(times))], 2),
    } | many


def loaded(url: str, body: str, root: Path, given: argparse.Namespace) -> dict[str, float]:
    """Answers a second to many clients, and how long these wait (milliseconds, median and 99th percentile), by wrk.

    wrk takes a thirtieth of a core, so what it counts is what the server can do.

    Raises
    ------
    SystemExit
        If an answer is not 200.
    """
    script = root / "load.lua"
    script.write_text(
        f"wrk.method, wrk.body = 'POST', [==[{body}]==]\nwrk.headers['Content-Type'] = 'application/json'\n"
        "done = function(summary, latency)\n"
        "  local bad = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout\n"
        "  io.write(string.format('%d %d %f %f %d\\n', summary.requests, summary.duration, latency:percentile(50),"
        " latency:percentile(99), bad))\nend\n",
        encoding="utf-8",
    )
    command = ["wrk", "--threads", "1", "--connections", str(given.concurrency), "--duration", f"{given.seconds:.0f}s"]
    said = subprocess.run([*command, "--script", str(script), url], capture_output=True, text=True, check=True).stdout
    requests, microseconds, p50, p99, bad = map(float, said.splitlines()[-1].split())
    if bad:
        sys.exit(f"{url} failed {bad:.0f} times of {requests:.0f}")
    return {
        "many_p50_ms": round(p50 / 1000, 2),
        "many_p99_ms": round(p99 / 1000, 2),
        "per_second": round(1e6 * requests / microseconds, 1),
    }


@contextlib.contextmanager
def running(command: Callable[[int], list[str]], ready: str, root: Path) -> Iterator[int]:
    """A server, by its port, as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command(port), cwd=root, env=environment(), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = perf_counter() + PATIENCE
            while not answers(port, ready):
                if process.poll() is not None or perf_counter() > until:
                    out.seek(0)
                    sys.exit(f"{' '.join(command(port))} does not answer\n{out.read()[-3000:]}")
                sleep(0.2)
            yield port
        finally:
            process.terminate()
            process.wait()


def answers(port: int, path: str) -> bool:
    """Whether a server is up."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        client.request("GET", path)
        return client.getresponse().status == 200
    return False


def asked(client: http.client.HTTPConnection, path: str, body: str) -> None:
    """One request.

    Raises
    ------
    SystemExit
        If it is not answered with 200.
    """
    client.request("POST", path, body, {"Content-Type": "application/json"})
    answer = client.getresponse()
    said = answer.read()
    if answer.status != 200:
        sys.exit(f"{path} gave {answer.status}: {said[:500]!r}")


def report(found: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> None:
    """Print the medians and the ratios, and write `results/serving.json`."""
    middle = {
        side: {name: statistics.median(one[name] for one in runs) for name in runs[0]} for side, runs in found.items()
    }
    print(f"\n  {'':<22} {'one: p50':>9} {'p99':>9} {'many: p50':>10} {'p99':>9} {'a second':>9}")
    for side, one in middle.items():
        print(
            f"  {side:<22} {one['p50_ms']:>6.2f} ms {one['p99_ms']:>6.2f} ms {one['many_p50_ms']:>7.1f} ms"
            f" {one['many_p99_ms']:>6.1f} ms {one['per_second']:>9.1f}"
        )
    ratios = dict(
        zip(
            GOALS,
            (
                middle[OURS]["per_second"] / middle[MLFLOW]["per_second"],
                middle[OURS]["p50_ms"] / middle[BARE]["p50_ms"],
                middle[OURS]["many_p99_ms"] / middle[OURS]["many_p50_ms"],
            ),
            strict=True,
        )
    )
    for name, value in ratios.items():
        goal, better = GOALS[name]
        kept = value >= goal if better == "at least" else value <= goal
        print(f"  {name}: {value:.2f}; goal {better} {goal:g}: {'kept' if kept else 'MISSED'}")
    result = {
        "benchmark": "serving",
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(),
        "requests": given.requests,
        "concurrency": given.concurrency,
        "seconds": given.seconds,
        "runs": found,
        "ratios": {name: round(value, 3) for name, value in ratios.items()},
    }
    path = HERE / "results/serving.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--hand-over"]:
        hand_over()
    else:
        main()
