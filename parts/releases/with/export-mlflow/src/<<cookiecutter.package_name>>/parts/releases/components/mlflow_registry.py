"""MLflow's registry, in which versions are numbers and stages are aliases."""

from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import UserError
from ....objects.allowed import PACKAGE
from ..version import Version
from .registries import ModelRegistry

if TYPE_CHECKING:
    from ..mlflow import Server


class MLflowRegistry(ModelRegistry):
    """MLflow's registry: versions that it counts itself, with stages as their aliases. Needs the extra `mlflow`.

    A version holds the prediction pipeline as the flavor `MLflow` writes it, so MLflow alone can load and serve it.

    Parameters
    ----------
    uri : of the tracking server, or a database.
    name : of the registered model, and of the experiment that its runs belong to; None for the name of this package.
    """

    needs = "mlflow"

    def __init__(self, uri: str = "sqlite:///mlflow.db", name: str | None = None) -> None:
        self.uri, self.name = uri, name
        self.address = f"{uri} {name or PACKAGE}"

    def versions(self) -> list[Version]:
        """All versions of the registered model."""
        return self._server().versions()

    def held(self) -> dict[str, list[str]]:
        """The aliases, and a tag of the registered model for each, in which the earlier holders are noted."""
        return self._server().held()

    def following(self, asked: str | None) -> str:
        """The next number."""
        if asked is not None:
            raise UserError(f"MLflow counts the versions itself: leave out {asked!r}", "releases.yaml", "registry")
        return f"v{max((int(one.name[1:]) for one in self.versions()), default=0) + 1}"

    def register(self, version: str, metrics: dict[str, float], push: bool) -> str:
        """Log the model with its metrics as a run, and make it a version."""
        self._refuse_local(push)
        return self._server().register(version, metrics)

    def assign(self, stage: str, version: str, push: bool) -> str:
        """Point the alias at the version."""
        self._refuse_local(push)
        return self._server().assign(stage, version, [*self.held().get(stage, []), version])

    def take_back(self, stage: str, version: str, push: bool) -> str:
        """Point the alias at the earlier version."""
        self._refuse_local(push)
        return self._server().assign(stage, version, self.held()[stage][:-1])

    def fetch(self, version: str, folder: Path) -> None:
        """Download the model's folder from the version's artifacts."""
        self._server().fetch(version, folder)

    def _server(self) -> "Server":
        try:
            from ..mlflow import Server
        except ModuleNotFoundError as error:
            raise UserError(
                f"{error.name} is not installed: add the extra 'mlflow' to pyproject.toml and run `make setup`",
                "releases.yaml",
                "registry",
            ) from None
        return Server(self.uri, self.name or PACKAGE)

    def _refuse_local(self, push: bool) -> None:
        if not push:
            raise UserError(f"{self.uri} is where everybody looks: --no-push is for a registry of tags")
