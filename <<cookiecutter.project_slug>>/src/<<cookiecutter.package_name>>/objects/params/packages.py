"""`params/registry.yaml`: further packages whose classes have short names in the params."""

from pathlib import Path

from ...errors import UserError
from ..discovery import find_all
from ..grammar import Grammar
from .keys import items, mapping, or_null, text
from .values import read

KEYS = mapping(
    {
        "packages": or_null(
            items(
                text(),
                "Import names of packages, such as `lightgbm`.",
                needs="a list of import names, such as [lightgbm, sklego]",
            ),
            [],
        )
    }
)


def read_grammar(folder: Path) -> Grammar:
    """Return the grammar with the packages that `params/registry.yaml` names."""
    written, where = read(folder, "registry", KEYS, Grammar())
    try:
        find_all(written["packages"])
    except UserError as error:
        raise where.at("packages").error(error.message) if error.place else error from None
    return Grammar(tuple(written["packages"]))
