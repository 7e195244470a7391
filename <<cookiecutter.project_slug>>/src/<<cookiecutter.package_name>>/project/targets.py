"""Files that a user names for a command to write: they must not take the place of anything else."""

from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError
from ..files import check_file
from ..parts import behind

# What the project, git and DVC keep here is theirs alone.
OWNED = (
    *(".git", ".dvc", ".cache", ".venv", ".schema", "params", "plan"),
    *("data/raw", "data/interim", "data/processed", "models/tuned", "models/final", "models/package"),
    "reports/plots",
)
CODE = ("src", "scripts", "tests", "notebooks", "infra", ".github")


def check_target(
    path: Path, *, sources: Iterable[str | Path] = (), folders: Iterable[str] = (), replaceable: bool = True
) -> None:
    """Refuse to write a file to a place where it would destroy something else.

    Parameters
    ----------
    path : the file that the user named.
    sources : files that the command reads; addresses among them are passed over.
    folders : folders that the command reads.
    replaceable : whether the file that stands there may be replaced, which is for the caller to find out.

    Raises
    ------
    UserError
        If `path` is no place for a file, is a symbolic link, one of `sources`, lies in a folder that belongs to the
        project, git or DVC, or is an existing file of the project's code.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a symbolic link to {path.readlink()}: name the file itself")
    check_file(path)
    for source in sources:
        name = str(source).removeprefix("file://")
        if path.exists() and "://" not in name and Path(name).exists() and path.samefile(name):
            raise UserError(f"{path} is the table that is read: name another file to write")
    # Also where a link on the way leads: it may end deep in a folder of the project.
    both = {*path.absolute().parents, *(path.parent.resolve() / path.name).parents}
    parents = [parent for parent in both if parent.exists()]
    owned = [folder for _, part in behind("outputs") for folder in part.FOLDERS]
    for folder in (*OWNED, *owned, *folders):
        if _inside(parents, Path(folder)):
            raise UserError(f"{path} lies in {folder}, where only the project itself writes: name a file elsewhere")
    if path.exists() and (not replaceable or any(_inside(parents, Path(folder)) for folder in CODE)):
        raise UserError(f"{path} is there already, and this command did not write it: name another file")


def _inside(parents: list[Path], folder: Path) -> bool:
    """Whether a folder is among the parents of a path, by whatever name."""
    return folder.is_dir() and any(parent.samefile(folder) for parent in parents)
