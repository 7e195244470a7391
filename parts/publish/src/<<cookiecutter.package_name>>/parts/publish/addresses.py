"""Addresses of published models: a storage, or one of the versions in it."""

import re
from contextlib import AbstractContextManager
from pathlib import Path

from .params import read_settings
from .storage import LATEST, fetched

# fsspec's protocols, several in a row included: simplecache::s3://bucket/models
URL = re.compile(r"([\w+.-]+::)*[\w+.-]+://")


def opens(uri: str) -> bool:
    """Return whether an address is a URL, or a folder in which models were published."""
    return bool(URL.match(uri)) or (Path(uri) / LATEST).exists()


def opened(uri: str, params: Path) -> AbstractContextManager[Path]:
    """Fetch the model at an address: of a storage the latest, or the best by the metric in the params."""
    return fetched(uri, read_settings(params).best)
