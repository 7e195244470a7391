"""Where trained models are kept: a folder, or whatever fsspec opens (s3://…, gs://…, az://…, memory://…).

A model that is published becomes a version of its own, named by its checksums, and `latest.json` is pointed at it last:
one that is cut off leaves the earlier model what it was.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ...errors import UserError
from ...files import temporary
from ...objects.metrics import Metric
from ...prediction.manifest import LONGEST, MANIFEST, Manifest, parsed, verify
from ...project.locked import check_locked

EXTRAS = {"s3fs": "s3", "gcsfs": "gcs", "adlfs": "azure"}
OBJECT_STORES = {"s3", "gs", "gcs", "abfs", "az"}
LATEST = "latest.json"
VERSION = re.compile(r"[0-9a-f]{12}")


def publish(folder: Path, uri: str) -> str:
    """Copy a model's folder to a storage and make it the latest there.

    Returns
    -------
    The address of this version, which never changes: `<uri>/versions/<checksum>`.

    Raises
    ------
    UserError
        If the model is damaged, is not the one that `dvc.lock` names, or the storage cannot be written to or holds a
        `latest.json` of something else.
    """
    check_locked(folder)
    manifest = verify(folder)
    version = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:12]
    with _explained(uri, "written to"):
        files, root = fsspec.url_to_fs(uri)
        root = root.rstrip("/")
        _refuse_foreign(files, root, uri)
        for part in (*sorted(manifest.parts), MANIFEST):  # and nothing else that happens to lie in the folder
            place = f"{root}/versions/{version}/{part}"
            if not _whole(files):
                files.makedirs(place.rpartition("/")[0], exist_ok=True)
            files.put_file(str(folder / part), place)
        latest = f"{root}/{LATEST}"
        new = latest if _whole(files) else f"{latest}.new"
        files.pipe_file(new, json.dumps({"version": version}).encode())
        if new != latest:
            files.mv(new, latest)
    return f"{uri.rstrip('/')}/versions/{version}"


@contextmanager
def fetched(uri: str, best: Metric | None = None) -> Iterator[Path]:
    """Yield a copy of a model's folder, which is removed when the block ends.

    Parameters
    ----------
    uri : str
        One of the versions in a storage, or a storage for its latest version.
    best : Metric, default=None
        Of a storage, take the version that is best by this metric on its held-out rows, not the latest.

    Raises
    ------
    UserError
        If there is no model, none that was measured by the metric, or the storage cannot be read.
    """
    with temporary() as room:
        copy = room / "model"
        with _explained(uri, "read"):
            files, root = fsspec.url_to_fs(uri)
            root = root.rstrip("/")
            if files.exists(f"{root}/{LATEST}"):
                latest = _latest(files, root, uri)
                root = f"{root}/versions/{_best(files, root, best) if best else latest}"
            if not files.exists(f"{root}/{MANIFEST}"):
                raise UserError(f"there is no model at {uri}")
            copy.mkdir()
            for name in (MANIFEST, *_manifest(files, root, uri).parts):
                part = copy / name
                part.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileNotFoundError):  # whoever loads the model is told what is missing
                    _refuse_link(files, root, name, uri)
                    files.get_file(f"{root}/{name}", str(part))
        yield copy


def _manifest(files: Any, root: str, uri: str) -> Manifest:
    """Return the manifest of a model in a storage, whose names are checked before anything is fetched."""
    _refuse_link(files, root, MANIFEST, uri)
    return parsed(files.read_block(f"{root}/{MANIFEST}", 0, LONGEST + 1), uri)


def _latest(files: Any, root: str, uri: str) -> str:
    """Return the version that `latest.json` points at."""
    try:
        found = json.loads(files.cat_file(f"{root}/{LATEST}"))["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{uri}/{LATEST} is damaged: {type(error).__name__}: {error}") from None
    if not isinstance(found, str) or not VERSION.fullmatch(found):
        raise UserError(f"{uri}/{LATEST} is damaged: {found!r} is no version")
    return found


def _refuse_foreign(files: Any, root: str, uri: str) -> None:
    """Refuse a storage whose `latest.json` no publishing wrote: it would be overwritten."""
    if files.exists(f"{root}/{LATEST}"):
        try:
            _latest(files, root, uri)
        except UserError:
            raise UserError(
                f"{uri} has a {LATEST} that is not of a storage of models, and publishing would overwrite it: name a "
                "folder of its own, or take that file away"
            ) from None


def _refuse_link(files: Any, root: str, name: str, uri: str) -> None:
    """Refuse a part that is a link, or lies behind one, where the storage is a folder, which can hold links."""
    if not isinstance(files, LocalFileSystem):
        return
    path = Path(root)
    for step in name.split("/"):
        path = path / step
        if path.is_symlink():
            raise UserError(f"{uri} is damaged: {name} is a link, and a model's folder holds files only")


def _best(files: Any, root: str, metric: Metric) -> str:
    """The version whose metrics say the best value."""
    values = {}
    for folder in files.ls(f"{root}/versions", detail=False):
        version = folder.rstrip("/").rpartition("/")[2]
        if not VERSION.fullmatch(version):
            continue
        # What is damaged has not been measured.
        with suppress(FileNotFoundError, KeyError, ValueError, TypeError, RecursionError):
            value = float(json.loads(files.cat_file(f"{root}/versions/{version}/metrics.json"))[metric.name])
            if math.isfinite(value):
                values[version] = value
    if not values:
        raise UserError(
            f"no model at {root} was measured by {metric.name}: name it under metrics in params/evaluate.yaml",
            "publish.yaml",
            "best",
        )
    return (max if metric.greater_is_better else min)(values, key=lambda version: values[version])


def _whole(files: Any) -> bool:
    """Whether this is an object store: it has no folders (asked for one, it makes a bucket), and writes files whole."""
    protocols = {files.protocol} if isinstance(files.protocol, str) else set(files.protocol)
    return bool(protocols & OBJECT_STORES)


@contextmanager
def _explained(uri: str, done: str) -> Iterator[Any]:
    """What goes wrong with a storage, as a sentence."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        needed = next((name for name in EXTRAS if name in str(error)), None)
        extra = f": add {EXTRAS[needed]!r} to the extras in pyproject.toml and run `make setup`" if needed else ""
        raise UserError(f"{uri} cannot be {done}: {error}{extra}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(f"{uri} cannot be {done}: {type(error).__name__}: {reason}") from error
