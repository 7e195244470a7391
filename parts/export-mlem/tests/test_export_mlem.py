"""The flavor MLEM: an environment that is missing is named, and stored models do not hold it."""

from pathlib import Path

import pandas as pd
import pytest

from << cookiecutter.package_name >>.objects.allowed import PACKAGE, About, is_trusted
from << cookiecutter.package_name >>.parts.export_mlem.components import MLEM


def test_it_says_how_to_make_an_environment_that_is_missing(tmp_path: Path) -> None:
    flavor = MLEM(python="nowhere/python")
    with pytest.raises(RuntimeError, match=r"`make mlem` makes \.venv-mlem"):
        flavor.save(None, tmp_path / "model.mlem", About([], tmp_path, pd.DataFrame()))


@pytest.mark.parametrize("name", ["components.MLEM", "mlem.save"])
def test_it_is_no_part_of_a_stored_model(name: str) -> None:
    assert not is_trusted(f"{PACKAGE}.parts.export_mlem.{name}", [])
