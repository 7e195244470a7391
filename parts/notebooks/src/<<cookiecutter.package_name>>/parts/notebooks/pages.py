"""The notebooks: run with parameters and written as pages, and paired with the files that Jupyter opens.

Their source is `notebooks/<name>.py`, cells between lines `# %%`.
"""

import ast
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import papermill
from ipykernel.kernelspec import write_kernel_spec
from jupytext.cli import jupytext as command
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from ...errors import UserError, nearest
from ...files import read_json, temporary, write_json, write_text
from .outputs import NOTEBOOKS, PAGES, PAIRED

KERNEL = "project"
PAGE = Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": ["setup"]}})
OFFLINE = dict.fromkeys(("require_js_url", "mathjax_url", "jquery_url", "mermaid_js_url"), "")  # a page loads nothing


def execute(names: Sequence[str], given: Mapping[str, Any]) -> list[Path]:
    """Run notebooks and write them as pages below `reports/notebooks/`, each whole or not at all.

    Parameters
    ----------
    names : of notebooks; all of them if empty.
    given : values for parameters; a notebook gets those that it has.

    Raises
    ------
    UserError
        If there is no such notebook or parameter, or a cell fails.
    """
    chosen = _chosen(names)
    known = {source: parameters(source) for source in chosen}
    everywhere = sorted({name for found in known.values() for name in found})
    for name in given:
        if name not in everywhere:
            raise UserError(f"no notebook that is run has a parameter {name!r}{nearest(name, everywhere)}")
    pages = []
    with _kernel():
        for source in chosen:
            print(f"{source} ...", flush=True)
            wanted = {name: value for name, value in given.items() if name in known[source]}
            pages.append(PAGES / f"{source.stem}.html")
            write_text(pages[-1], _page(source, wanted))
    return pages


def parameters(source: Path) -> list[str]:
    """The parameters of a notebook: the names that its cell with the tag `parameters` gives values to."""
    cells = [one.source for one in jupytext.read(source).cells if "parameters" in one.metadata.get("tags", [])]
    assigned = [node for cell in cells for node in ast.parse(cell).body if isinstance(node, ast.Assign)]
    return [target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)]


def pair() -> list[Path]:
    """Bring each notebook's `.py` and `.ipynb` to what the later of them says; make the `.ipynb` where there is none.

    The outputs are taken out of the `.ipynb`, so that no data get into git with them.

    Raises
    ------
    UserError
        If both have been edited since they were last paired: the earlier edit would be lost.
    """
    sources = _chosen([])
    twins = [source.with_suffix(".ipynb") for source in sources]
    paired = read_json(PAIRED) if PAIRED.exists() else {}
    for source, twin in zip(sources, twins, strict=True):
        last = paired.get(source.stem)
        if last and twin.exists() and last not in (_cells(source), _cells(twin)):
            raise UserError(
                f"{source} and {twin} have both been edited since they were paired: copy what is new in the .ipynb to "
                "the .py, move the .ipynb away, then try again"
            )
    command(["--quiet", "--sync", *map(str, sources)])
    for source, twin in zip(sources, twins, strict=True):
        text = twin.read_text(encoding="utf-8")
        notebook = nbformat.reads(text, as_version=4)
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"cell-{number}"  # otherwise a new one each time, and a change for git
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        plain = nbformat.writes(notebook) + "\n"
        if plain != text:
            write_text(twin, plain)
        # Neither has been edited later than the other.
        os.utime(twin, ns=(source.stat().st_mtime_ns, source.stat().st_mtime_ns))
    write_json(PAIRED, {source.stem: _cells(source) for source in sources})
    return twins


def _cells(path: Path) -> str:
    """The checksum of a notebook's cells without their outputs."""
    cells = [(cell.cell_type, cell.source.strip()) for cell in jupytext.read(path).cells]
    return hashlib.sha256(repr(cells).encode()).hexdigest()


def _chosen(names: Sequence[str]) -> list[Path]:
    """The sources of notebooks."""
    known = {path.stem: path for path in sorted(NOTEBOOKS.glob("*.py"))}
    for name in names:
        if name not in known:
            raise UserError(f"there is no notebook {name!r}{nearest(name, known)}")
    if not known:
        raise UserError(f"there is no notebook in {NOTEBOOKS}/")
    return [known[name] for name in names] or list(known.values())


def _page(source: Path, given: Mapping[str, Any]) -> str:
    """A notebook's page, after running it in the project's folder."""
    try:
        done = papermill.execute_notebook(
            jupytext.read(source),
            None,
            parameters=dict(given),
            kernel_name=KERNEL,
            language="python",
            progress_bar=False,
            cwd=Path.cwd(),
        )
    except PapermillExecutionError as error:
        reason = error.evalue if error.ename == UserError.__name__ else f"{error.ename}: {error.evalue}"
        first = next((line for line in error.source.splitlines() if line and not line.startswith("#")), "")
        raise UserError(f"{source}: the cell {error.exec_count} (`{first}`) fails: {reason}") from None
    page, _ = HTMLExporter(config=PAGE, **OFFLINE).from_notebook_node(done, {"metadata": {"name": source.stem}})
    return str(page)


@contextmanager
def _kernel() -> Iterator[None]:
    """A kernel of this Python, in a folder that goes away: nothing is written to the user's home, or taken from it."""
    before = dict(os.environ)
    with temporary() as folder:
        write_kernel_spec(folder / "kernels" / KERNEL, extra_arguments=["--log-level=CRITICAL"])
        os.environ["JUPYTER_PATH"] = str(folder)
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"):
            os.environ[name] = str(folder / name)
        os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"  # a page has no progress bars
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
