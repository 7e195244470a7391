"""Retraining: the params are valid, and the rules judge as they say."""

import numpy as np
import pytest
from conftest import ROOT

from << cookiecutter.package_name >>.parts.retrain.components import Better, Compared
from << cookiecutter.package_name >>.parts.retrain.params import read_retrain


def compared(gains: list[float]) -> Compared:
    """Two models of which the new one is better by so much on each row."""
    return Compared(len(gains), lambda rows: (float(np.mean(np.asarray(gains)[rows])), 0.0))


def test_the_rule_of_the_params_judges() -> None:
    better, why = read_retrain(ROOT / "params").rule.judge(compared([1.0] * 100))
    assert better
    assert why


def test_a_gain_has_to_be_larger_than_what_is_asked_for() -> None:
    assert Better(by=0.1).judge(compared([0.2] * 100))[0]
    assert not Better(by=0.3).judge(compared([0.2] * 100))[0]


@pytest.mark.parametrize(("gains", "better"), [([1.0] * 100, True), ([50.0] + [-0.4] * 99, False)])
def test_a_few_rows_do_not_decide(gains: list[float], better: bool) -> None:
    assert Better(confidence=0.9).judge(compared(gains))[0] is better
