"""Where models are published, from `params/publish.yaml`."""

from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...objects.grammar import Grammar
from ...objects.metrics import Metric, metric
from ...objects.plan import read_grammar
from ...objects.reader import read

FILE = "publish.yaml"


@dataclass(frozen=True)
class Settings:
    """Where models are published, and which of them predicts.

    Parameters
    ----------
    storage : str or None
        The storage's URI.
    best : Metric or None
        The metric by which one of a storage's models is picked; None for the latest.
    """

    storage: str | None
    best: Metric | None


def read_settings(folder: Path, grammar: Grammar | None = None) -> Settings:
    """Return what `params/publish.yaml` says.

    Raises
    ------
    UserError
        If a value is impossible.
    """
    grammar = grammar or read_grammar(folder)
    data, where = read(folder / FILE, folder.resolve().parent)
    data = where.mapping({} if data is None else data, ["storage", "best"])
    storage, best = data.get("storage"), data.get("best")
    if storage is not None and not (isinstance(storage, str) and storage):
        raise where.at("storage").error(f"a URI is needed, such as s3://bucket/models, not {storage!r}")
    return Settings(storage, None if best is None else metric(best, where.at("best"), grammar))


def storage_of(folder: Path) -> str:
    """Return the storage that `params/publish.yaml` names.

    Raises
    ------
    UserError
        If it names none.
    """
    storage = read_settings(folder).storage
    if storage is None:
        raise UserError("no storage is named: give a URI, or write `storage: <URI>`", FILE)
    return storage
