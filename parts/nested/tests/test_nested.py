"""Nested cross-validation: one outer split at a time, and what comes of their scores."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import KFold

from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.parts.nested import estimate


def test_one_outer_split_is_taken_at_a_time() -> None:
    X, splits = np.zeros((6, 1)), list(KFold(3).split(np.zeros((6, 1))))
    for number in range(3):
        ((_, held_out),) = estimate._Nth(KFold(3), number).split(X, None, None)
        assert held_out.tolist() == splits[number][1].tolist()
    with pytest.raises(ValueError, match="long enough for 3 outer splits"):
        next(estimate._Nth(KFold(3), 3).split(X, None, None))


def test_a_metric_is_summed_up_without_the_splits_where_it_is_undefined() -> None:
    assert estimate._summary([0.5, None, 1.5]) == {"mean": 1.0, "std": 0.5, "folds": [0.5, None, 1.5]}
    assert estimate._summary([None]) == {"mean": None, "std": None, "folds": [None]}


def test_a_plan_that_is_missing_or_old_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params").symlink_to(Path("params").absolute())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="brings the plan up to date"):
        estimate.nested()


def test_the_splits_are_told_to_no_other_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("plan/parts", "data/interim"):
        Path(folder).mkdir(parents=True)
    Path("plan/train.json").touch()
    estimate._prepare(Path("split"))
    assert Path("split/plan/train.json").exists() and not Path("split/plan/parts").exists()
