"""MLflow's registry is no part of a model that a stranger could write."""

from pathlib import Path

import pytest

from << cookiecutter.package_name >>.components.flavors import Joblib
from << cookiecutter.package_name >>.errors import UserError
from << cookiecutter.package_name >>.objects.allowed import PACKAGE, About, is_trusted


@pytest.mark.parametrize("name", ["components.mlflow_registry.MLflowRegistry", "mlflow.Server"])
def test_a_registry_is_no_part_of_a_stored_model(name: str, tmp_path: Path) -> None:
    module, _, short = f"{PACKAGE}.parts.releases.{name}".rpartition(".")
    assert not is_trusted(f"{module}.{short}", [])
    (tmp_path / "model.joblib").write_bytes(f"c{module}\n{short}\n(S'x'\ntR.".encode())
    with pytest.raises(UserError, match="is no part of a model"):
        Joblib().load(tmp_path / "model.joblib", About([]))
