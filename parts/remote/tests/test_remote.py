"""The machine for remote runs can be had as the params say."""

from pathlib import Path

from << cookiecutter.package_name >>.parts.remote.params import read_remote

PARAMS = Path(__file__).parent.parent / "params"


def test_remote_runs_can_be_had_as_the_params_say() -> None:
    assert read_remote(PARAMS).timeout > 0
