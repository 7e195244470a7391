"""`params/package.yaml`: how the model is stored; `params/predict.yaml`: how new rows are checked."""

from pathlib import Path
from typing import Any

from ...steps.apart import PARTS
from ..build import build
from ..grammar import Grammar
from ..nodes import Object, plain
from ..reader import Where
from .keys import choice, items, mapping, node, or_null
from .packages import read_grammar
from .values import read

EXAMPLES = ("generated", "real")
KEYS = mapping(
    {
        "parts": or_null(
            mapping(
                {part: node("flavor", description=f"The format of its part `{part}`.") for part in PARTS},
                description="How the fitted parts are stored.",
            ),
            {},
        ),
        "exports": or_null(
            items(
                node("flavor"),
                "Copies of the whole for others to use.",
                uniqueItems=True,
                needs="a list of flavors, such as [{class: Joblib}]",
            ),
            [],
        ),
        "example": choice(EXAMPLES, "The example rows that go with the model.", default=EXAMPLES[0]),
    }
)
PREDICT = mapping(
    {"validation": node("validation", description="What is done with rows that are unlike those of training.")},
    ["validation"],
)


def read_package(folder: Path, grammar: Grammar | None = None) -> dict[str, Any]:
    """Return what `params/package.yaml` says, in plain values.

    Returns
    -------
    dict
        `parts`, the flavor of each fitted part; `exports`, the flavors of copies of the whole; `example`, whether the
        example rows in the model's folder are "generated" or "real".
    """
    written, where = read(folder, "package", KEYS, grammar or read_grammar(folder))
    for name, flavor in written["parts"].items():
        _check_use(flavor, where.at("parts", name), name)
    for index, flavor in enumerate(written["exports"]):
        _check_use(flavor, where.at("exports", index), "exports")
    return {key: plain(value) for key, value in written.items()}


def _check_use(flavor: Object, where: Where, use: str) -> None:
    suits = build(flavor).suits
    if use not in suits:
        raise where.error(f"{flavor.name} is no flavor for {use!r}; it is for {', '.join(suits)}")


def read_validation(folder: Path, grammar: Grammar | None = None) -> Any:
    """Return the object in `params/predict.yaml` that checks new rows."""
    written, where = read(folder, "predict", PREDICT, grammar or read_grammar(folder))
    validation = build(written["validation"])
    if getattr(validation, "bad_rows", None) not in ("refuse", "skip"):
        raise where.at("validation").error(
            f"{written['validation'].name} needs an attribute 'bad_rows', which is 'refuse' or 'skip'"
        )
    return validation
