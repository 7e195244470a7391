"""Trackers: the params that name them, what is sent to them, and what they are not."""

from pathlib import Path

import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.objects.allowed import PACKAGE, is_trusted
from << cookiecutter.package_name >>.objects.plan import Plan
from << cookiecutter.package_name >>.parts.tracking import observer
from << cookiecutter.package_name >>.parts.tracking.sending import Sender
from << cookiecutter.package_name >>.parts.tracking.tracker import Run, Tracker


class Journal(Tracker):
    """A tracker that takes every run but those called `odd`."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def known(self, group: str) -> dict[str, str]:
        return {}

    def send(self, run: Run) -> None:
        if run.key == "odd":
            raise ConnectionError("refused")
        self.sent.append(run.key)


def _run(key: str) -> Run:
    return Run(key, "trial", key, "search", "study")


def test_the_plan_names_the_trackers_and_no_stage_depends_on_them(plan: Plan) -> None:
    assert isinstance(plan.slices["parts/tracking"]["trackers"], list)
    assert "plan/parts" not in (ROOT / "dvc.yaml").read_text(encoding="utf-8")


def test_a_run_that_is_refused_does_not_hold_back_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracker, runs = Journal(), [_run(key) for key in ("a", "odd", "b")]
    sender = Sender(tracker)
    sender.send(runs)
    assert tracker.sent == ["a", "b"]
    assert [run.key for run in sender.lacking(runs)] == ["odd"]


def test_nothing_is_sent_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tracker = Journal()
    sender = Sender(tracker)
    sender.send([_run("a")])
    sender.send([_run("a")])
    assert tracker.sent == ["a"]


def test_a_search_without_trackers_starts_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("subprocess.Popen", None)
    with observer.observing("model"):
        pass


@pytest.mark.parametrize("name", ["DVCLive", "MLflow", "TensorBoard", "WandB"])
def test_a_tracker_is_no_part_of_a_stored_model(name: str) -> None:
    assert not is_trusted(f"{PACKAGE}.parts.tracking.components.{name}", [])
